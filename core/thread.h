/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads and their scheduler. A thread runs on one vCPU at a time, preemptively.
 *
 * Each vCPU has a run queue with one list for each priority and a lock of its own (xen/spinlock.h).
 * A thread's scheduling state is guarded by the lock of the run queue of thread->vcpu; whoever wants
 * it locks that queue and looks again whether thread->vcpu is still the same. A vCPU without work
 * takes threads from others. Slices are timed only while somebody waits.
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

#include "core/time.h"
#include "lib/base/list.h"
#include "xen/spinlock.h"

/* SCHED_OTHER threads have priority 0, real-time threads (FIFO, RR) 1 to THREAD_PRIORITY_MAX;
 * the highest ready one runs. */
#define THREAD_PRIORITIES   64
#define THREAD_PRIORITY_MAX (THREAD_PRIORITIES - 1)
#define THREAD_SLICE_NS	    10000000ULL
#define THREAD_NAME_BYTES   16

enum thread_policy { THREAD_OTHER, THREAD_FIFO, THREAD_RR };

enum thread_state {
	THREAD_RUNNING, /* on thread->vcpu now */
	THREAD_READY,	/* in the run queue of thread->vcpu */
	THREAD_WAITING, /* about to leave its vCPU, or gone from it, until thread_wake() */
	THREAD_GONE,	/* never runs again */
};

struct thread_wait; /* core/wait.h: what it waits for, for reports */

struct thread {
	/* What switch.S and thread_switch() keep while it does not run. */
	uintptr_t stack_pointer;
	uintptr_t fs_base;

	/* Lock: the run queue of vcpu. */
	struct list_node run_node;
	uint32_t vcpu;
	uint8_t state;	  /* enum thread_state */
	uint8_t policy;	  /* enum thread_policy */
	uint8_t priority; /* effective: base, raised by inheritance or ceilings */
	uint8_t base_priority;
	uint64_t affinity;	/* bit n: may run on vCPU n; never 0 */
	uint64_t slice_left_ns; /* THREAD_RR and THREAD_OTHER */

	/* Time it really had a processor: stolen time is not in it. Lock: as above. */
	uint64_t ran_ns;	/* without what it ran since it was switched to */
	uint64_t switches;	/* how often it was switched to */
	uint64_t preemptions;	/* how often against its will */

	/* Waiting: core/wait.c, core/futex.c. */
	struct thread_wait *wait; /* what it waits for now, NULL: nothing */
	struct timer wait_timer;
	struct list_node pi_held; /* locks with inheritance that it holds and others wait for */

	/* Its upcall must deliver a signal or a cancellation; a wait that may be interrupted ends with
	 * -EINTR. Set through thread_interrupt(), cleared by lib/posix. */
	bool interrupted;

	void *fpu_area; /* for preemption: fpu_state_bytes(), aligned; borrowed until it is gone */
	size_t fpu_bytes;

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
};

struct thread_attr {
	void *stack; /* borrowed until gone() was called; grows down from stack + stack_bytes */
	size_t stack_bytes;
	void *fpu_area;	   /* aligned to FPU_STATE_ALIGN, fpu_state_bytes() long; borrowed likewise */
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

/* Prepares *thread (borrowed until attr->gone was called) to run entry(arg); it waits for
 * thread_start(). Any context. The first call makes the scheduler start and brings the other vCPUs
 * up. 0, -EINVAL (a bad attribute), -ENOMEM. */
int thread_create(struct thread *thread, const struct thread_attr *attr, void (*entry)(void *arg),
		  void *arg);
/* Makes it ready. Once. */
void thread_start(struct thread *thread);
/* Ends the running thread; gone() is called on another stack. The first thread may end too. */
_Noreturn void thread_exit(void);

/* Lets others of the same priority run first. */
void thread_yield(void);

/* -EINVAL for a priority the policy has not. Takes effect at once, wherever the thread is. A thread
 * whose priority is lowered or whose policy changes goes to the end of its list, one that
 * is raised keeps its place as POSIX.1-2017 2.8.4 says. */
int thread_set_policy(struct thread *thread, enum thread_policy policy, unsigned int priority);
/* -EINVAL when no vCPU of the mask is up. Moves the thread if it must move, and returns then. */
int thread_set_affinity(struct thread *thread, uint64_t mask);
/* The vCPU it runs on now; it may be another one when this returns. */
unsigned int thread_vcpu(void);

/* Nanoseconds of processor time of one thread, without stolen time. Any thread. */
uint64_t thread_cpu_ns(const struct thread *thread);
/* Of all threads that ever were. */
uint64_t thread_cpu_ns_all(void);

/* Ends an interruptible wait of the thread and makes it look at its signals before it runs on:
 * sets interrupted, wakes it, or interrupts its vCPU. Any context. */
void thread_interrupt(struct thread *thread);

/* Calls fn for each thread until it returns false; events are disabled and the list is locked. */
void thread_for_each(bool (*fn)(struct thread *thread, void *arg), void *arg);
unsigned int thread_count(void);

/* --- for core/wait.c, core/futex.c --- */

/* Says that the running thread is about to wait: from here on thread_wake() is not lost. Events
 * disabled. Then the thread looks at its condition, and calls thread_block() or
 * thread_wait_cancel(). */
void thread_wait_prepare(void);
void thread_wait_cancel(void);
/* Gives the vCPU away until thread_wake(); returns at once when that has happened since
 * thread_wait_prepare(). Events disabled before and after. */
void thread_block(void);
/* Makes a waiting thread ready; nothing otherwise. Any context. */
void thread_wake(struct thread *thread);
/* Sets the effective priority, re-queueing as needed: inheritance and ceilings. Any context. */
void thread_set_effective(struct thread *thread, unsigned int priority);

/* --- for arch and interrupts --- */

/* The running thread gives way if it should: called with events disabled at the end of an upcall
 * whose thread had them enabled (through core_upcall_work()). */
void thread_preempt(void);
/* Event context: this vCPU looks at its run queue when the upcall ends. */
void thread_resched(void);

#endif
