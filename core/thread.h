/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads and their scheduler. A thread runs on one vCPU at a time, preemptively.
 *
 * Each vCPU has a run queue with one list for each priority and a lock of its own (xen/spinlock.h).
 * A thread's scheduling state is guarded by the lock of the run queue of thread->vcpu; whoever
 * wants it locks that queue and looks again whether thread->vcpu is still the same. A vCPU without
 * work takes threads from others. Slices are timed only while somebody waits.
 *
 * A program that creates no thread links none of this: waits then block the one vCPU (core/wait.c).
 *
 * Contexts: "thread" may block, "event" (an upcall) never does. 0 or -Exxx.
 */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/switch.h"
#include "core/time.h"
#include "lib/base/list.h"
#include "xen/spinlock.h"

/* SCHED_OTHER threads have priority 0, real-time threads (FIFO, RR) 1 to THREAD_PRIORITY_MAX;
 * the highest ready one runs. */
#define THREAD_PRIORITIES   64
#define THREAD_PRIORITY_MAX (THREAD_PRIORITIES - 1)
#define THREAD_SLICE_NS     10000000ULL
#define THREAD_NAME_BYTES   16

enum thread_policy { THREAD_OTHER, THREAD_FIFO, THREAD_RR };

enum thread_state {
	THREAD_RUNNING, /* on thread->vcpu now */
	THREAD_READY,   /* in the run queue of thread->vcpu */
	THREAD_WAITING, /* about to leave its vCPU, or gone from it, until thread_wake() */
	THREAD_MOVING,  /* on its way to the run queue of another vCPU, in no list */
	THREAD_GONE,    /* never runs again */
};

/* What a thread waits for: for reports of deadlocks. Written by the waiting thread itself, and
 * stale when what is NULL. */
struct thread_wait {
	const char *what;  /* "mutex", "condition", "sleep", "event"…; static storage */
	const void *where; /* the object waited for */
	uint32_t owner;    /* id of who holds it; 0: not known */
};

struct thread {
	/* What switch.S and the scheduler keep while it does not run. */
	uintptr_t stack_pointer;
	uintptr_t fs_base;
	struct switch_control control;

	/* Lock: the run queue of vcpu. */
	struct list_node run_node;
	uint32_t vcpu;
	uint8_t state;    /* enum thread_state */
	uint8_t policy;   /* enum thread_policy */
	uint8_t level;    /* priority + 1; 0 for a vCPU's idle thread, which is in no run queue */
	uint8_t priority; /* effective: the highest of the next three */
	uint8_t base_priority;
	uint8_t ceiling;   /* of the locks with a ceiling that it holds */
	uint8_t inherited; /* from those who wait for locks it holds; guarded by futex_pi.c too */
	bool to_tail;      /* to the end of its list when it is preempted next */
	uint64_t affinity; /* bit n: may run on vCPU n; never 0 */

	/* In ticks of the time-stamp counter, without those since it was switched to. */
	uint64_t ran_ticks;
	uint64_t slice_ticks; /* used of its slice: THREAD_RR and THREAD_OTHER */
	uint64_t ready_ticks; /* when it became ready, about; where there are several vCPUs */
	uint64_t stolen_ns;   /* in ran_ticks, but Xen ran others: thread_cpu_ns() subtracts it */
	uint64_t shown_ns;    /* what thread_cpu_ns() said last; atomic */
	uint64_t ran_ns;      /* of before the last suspend, when ticks may have changed */
	uint64_t switches;    /* how often it was switched to */
	uint64_t preemptions; /* how often against its will */

	/* Waiting. A thread waits for one thing at a time. */
	struct list_node wait_node; /* lock: the wait queue's, or the futex bucket's */
	struct waitq *wait_queue;   /* in this one; NULL: in none. Written under its lock */
	const uint32_t *wait_word;  /* among the waiters of this word; NULL: of none. Likewise */
	struct thread_wait wait;
	struct timer wait_timer;
	/* The priority by which it stands in the list of wait_node or pi_node: only who moves it
	 * there changes this, so that the lists are always in order. Under their locks. */
	uint8_t wait_priority;

	/* Locks with inheritance. Lock: futex_pi.c. */
	struct list_node pi_waiters; /* the first waiter of each lock it holds, by priority */
	struct list_node pi_node;    /* in pi_waiters of the owner of pi_word */
	bool pi_waiting;
	uint32_t *pi_word; /* the lock it waits for */

	/* Its upcall must deliver a signal or a cancellation; a wait that may be interrupted ends
	 * with -EINTR. Set through thread_interrupt(), cleared by lib/posix. */
	bool interrupted;
	/* lib/posix: what handlers said that ran since a wait ended with -EINTR; see
	 * thread_is_interrupted(). */
	uint8_t handlers_said;
	struct sig_thread *signals; /* lib/posix/sig.h; NULL: takes no signals */
	void *owner;                /* of whoever created it */

	void *fpu_area; /* for preemption: thread_fpu_bytes(), aligned; borrowed until it is gone */

	/* Constant. */
	uint32_t id; /* 1 is the first thread; never reused while its thread exists */
	uintptr_t stack_start;
	size_t stack_bytes;
	void (*entry)(void *arg);
	void *arg;
	/* Called once, when the thread has left its stack for good, on another thread's stack with
	 * events disabled: may wake others and queue the memory, must not block or allocate. */
	void (*gone)(struct thread *thread);
	char name[THREAD_NAME_BYTES];

	struct list_node all_node; /* thread_for_each */
	struct list_node id_node;  /* thread_find */
};

struct thread_attr {
	void *stack; /* borrowed until gone() was called; grows down from stack + stack_bytes */
	size_t stack_bytes;
	void *fpu_area; /* aligned to FPU_STATE_ALIGN, thread_fpu_bytes() long; borrowed likewise */
	uintptr_t fs_base; /* 0: none (a kernel thread that runs no C library) */
	enum thread_policy policy;
	unsigned int priority;
	uint64_t affinity; /* 0: any vCPU */
	const char *name;  /* copied; NULL: none */
	void (*gone)(struct thread *thread);
};

/* The running thread. Never NULL: the first thread is static, and exists before any other. */
static inline struct thread *thread_self(void)
{
	return VCPU(current);
}
extern struct thread thread_first;

/* Whether an interruptible wait of the running thread ends with -EINTR now. Events are disabled,
 * and may be enabled before the caller looks at its signals: so handlers may run in between, and
 * leave word of it. */
static inline bool thread_is_interrupted(struct thread *self)
{
	if (__builtin_expect(!READ_ONCE(self->interrupted), 1))
		return false;
	self->handlers_said = 0;
	return true;
}

/* Bytes of an fpu_area. The first call asks CPUID. */
size_t thread_fpu_bytes(void);

/* Prepares *thread (borrowed until gone() was called) to run entry(arg) with the floating-point
 * control words of the running thread; it waits for thread_start(). Thread context. The first call
 * makes the scheduler start and brings the other vCPUs up. 0, -EINVAL (a bad attribute), -ENOMEM.
 */
int thread_create(struct thread *thread, const struct thread_attr *attr, void (*entry)(void *arg),
		  void *arg);
/* Makes it ready. Once. Any context. */
void thread_start(struct thread *thread);
/* Ends the running thread; gone() is called on another stack. The first thread may end too. */
_Noreturn void thread_exit(void);

/* Lets others of the same priority run first. */
void thread_yield(void);

/* -EINVAL for a priority the policy has not (0 for THREAD_OTHER, 1 to THREAD_PRIORITY_MAX for the
 * others). Takes effect at once, wherever the thread is; a ready or running one goes to the end of
 * its list (POSIX.1-2017 2.8.4). Any context. */
int thread_set_policy(struct thread *thread, enum thread_policy policy, unsigned int priority);
/* The same for pthread_setschedprio(): raised it goes to the end of its new list, lowered to its
 * head, and unchanged it stays where it is. */
int thread_set_priority(struct thread *thread, unsigned int priority);
/* The highest ceiling of the PTHREAD_PRIO_PROTECT mutexes it holds, 0 for none: it runs with at
 * least that priority. Does not move it to the end of a list. Any context. */
void thread_set_ceiling(struct thread *thread, unsigned int priority);
/* -EINVAL when no vCPU of the mask is up. Moves the thread if it must move, and returns then. */
int thread_set_affinity(struct thread *thread, uint64_t mask);
/* The vCPU it runs on now; it may be another one when this returns. */
unsigned int thread_vcpu(void);

/* Nanoseconds of processor time of one thread, without stolen time. Any thread. */
uint64_t thread_cpu_ns(struct thread *thread);
/* Of all threads that ever were. */
uint64_t thread_cpu_ns_all(void);

/* Ends an interruptible wait of the thread and makes it look at its signals before it runs on:
 * sets interrupted, wakes it, or interrupts its vCPU. Any context, also before the scheduler
 * started. */
void thread_interrupt(struct thread *thread);

/* Calls fn for each thread until it returns false; events are disabled and the list is locked. */
void thread_for_each(bool (*fn)(struct thread *thread, void *arg), void *arg);
unsigned int thread_count(void);

/* The thread with this id, NULL: none. Good while nobody lets it end. */
struct thread *thread_find(uint32_t id);

/* --- for core/wait.c, core/futex.c and other primitives --- */

/* Says that the running thread is about to wait: from here on thread_wake() is not lost. Events
 * disabled. Then the thread looks at its condition, and calls thread_block() or
 * thread_wait_cancel(). */
void thread_wait_prepare(void);
void thread_wait_cancel(void);
/* Gives the vCPU away until thread_wake(), thread_interrupt() or deadline_ns (monotonic;
 * TIME_NEVER: none); returns at once when that has happened since thread_wait_prepare(). Says
 * nothing about the reason. Events disabled before and after; the vCPU may be another one. */
void thread_block(uint64_t deadline_ns);
/* Makes a waiting thread ready; nothing otherwise. Any context. */
void thread_wake(struct thread *thread);

/* --- for arch and interrupts --- */

/* The running thread gives way if it should: called with events disabled at the end of an upcall
 * whose thread had them enabled (core_upcall_work()). NULL without the scheduler. */
void thread_preempt(void) __attribute__((weak));

/* The first thread becomes one that can be switched from. Start of day, after time_init(); NULL
 * without the scheduler. 0, -ENOMEM. */
int sched_boot(void) __attribute__((weak));

/* Looking for a change another vCPU is about to make is better than sleeping: there are others, and
 * nobody else wants to run on this one. Events disabled. NULL without the scheduler. */
bool sched_may_spin(void) __attribute__((weak));
/* When the running thread waits, the one that futex_wake_behind() woke runs next, or the only one
 * that is ready on this vCPU. Not when that is a real-time thread. NULL without the scheduler. */
bool sched_has_successor(void) __attribute__((weak));

/* --- for vCPUs that come and go (core/smp.c); thread context --- */

struct vcpu;
/* Allocates what the scheduler keeps for a vCPU: v->runq, v->current (its idle thread). 0, -ENOMEM.
 */
int sched_vcpu_prepare(struct vcpu *v);
/* Where a new vCPU's stack begins. */
uintptr_t sched_idle_stack_top(const struct vcpu *v);
/* The new vCPU itself, on that stack with events disabled: its idle loop, without threads until
 * sched_vcpu_undrain(). */
_Noreturn void sched_vcpu_run(void);
/* Moves all threads away from v, the calling one too; afterwards v stays in its idle loop until
 * sched_vcpu_undrain(). A thread that may run on v alone runs anywhere. -EINVAL for the last one.
 */
int sched_vcpu_drain(struct vcpu *v);
void sched_vcpu_undrain(struct vcpu *v);

/* Ticks may have another length after resume. */
void sched_resume(void);

#endif
