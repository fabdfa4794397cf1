/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the scheduler share: run queues, and the steps of putting threads in and out.
 *
 * Lock order: futex PI lock, futex bucket or wait queue, run queue (two of them: the lower vCPU
 * first), timers. A thread is switched from and to with its vCPU's run queue locked, and the thread
 * that runs afterwards unlocks it.
 *
 * Three questions are asked without locks, by who just put a thread into a queue and by a vCPU that
 * is about to run something lesser: who is idle, who runs less, who has threads waiting. Each side
 * publishes first and looks afterwards, a full barrier between, so one of them sees the other.
 */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "core/smp.h"
#include "core/thread.h"
#include "core/wait.h"
#include "xen/evtchn.h"

/* How long a thread stays with the vCPU that has what it needs, at least: sched_keep(). */
#define SCHED_KEEP_NS 300000U

struct runq {
	struct spinlock lock;
	uint32_t id;
	uint64_t ready_bits;    /* bit p: ready[p] is not empty */
	struct thread *current; /* as VCPU(current) of this vCPU */
	uint64_t switched_tsc;  /* when current began to run, or its time was last accounted */
	uint64_t stolen_ns;     /* of this vCPU when last looked at */
	uint64_t runstate_ns;   /* its state_entry_time then */
	uint32_t ready_count;   /* counted where there are several vCPUs */
	uint8_t level;          /* current's */
	bool tick_armed;        /* true while somebody is ready and a thread runs */
	bool tick_due;          /* the tick fired; thread_preempt() arms it again when needed */
	bool resched;   /* something better than current is ready; this vCPU alone writes it */
	bool is_online; /* takes threads */
	/* Whoever runs after the next switch has more to do: unlock (always, where there are
	 * several vCPUs), or what follows. */
	bool after;
	bool after_wake;          /* sched_moved is to be woken */
	bool offer;               /* what is ready now does not run at once: sched_offer() */
	bool pass_on;             /* nor perhaps what is ready elsewhere and counted on this vCPU */
	bool keep_armed;          /* the tick comes for kept's sake */
	struct thread *kept;      /* ready here, and not offered to others yet: sched_keep() */
	struct thread *successor; /* put behind the running one last; if in ready still */
	struct thread *left;  /* the thread switched from: gone, or to be moved to another queue */
	unsigned int left_to; /* where; VCPUS_MAX: anywhere */
	struct timer tick;
	struct list_node ready[THREAD_PRIORITIES];
	struct thread idle;
	void *idle_stack;
};

extern struct runq *sched_runqs[VCPUS_MAX];
/* vCPUs that take threads; those among them that have nothing to do (a waker takes the bit away).
 */
extern uint64_t sched_online, sched_idle;
/* Levels (struct thread) of what each vCPU runs; racy by nature. */
extern uint8_t sched_levels[VCPUS_MAX];
/* Real-time threads that are ready and do not run. */
extern uint32_t sched_rt_ready;
extern bool sched_started;      /* other vCPUs were brought up */
extern bool sched_has_fsgsbase; /* wrfsbase works */
extern bool sched_vectors;      /* VCPU(string_vectors) outside of handlers */
extern uint64_t sched_slice_ticks;

/* More than one vCPU runs or ever ran. Until then the locks of run queues and futexes are not
 * taken: events are disabled, and there is nobody else. Set by the only vCPU while it holds none.
 * Also true on a processor without wrfsbase, so that the shortest paths need not ask. */
extern bool sched_many;

static inline void sched_spin_lock(struct spinlock *lock)
{
	if (__builtin_expect(sched_many, 0))
		spin_lock(lock);
	barrier();
}

static inline void sched_spin_unlock(struct spinlock *lock)
{
	barrier();
	if (__builtin_expect(sched_many, 0))
		spin_unlock(lock);
}

static inline bool sched_is_smp(void)
{
	uint64_t online = READ_ONCE(sched_online);

	return online & (online - 1);
}

static inline uint64_t sched_bit(unsigned int vcpu)
{
	return 1ULL << vcpu;
}

/* --- sched.c --- */

/* The run queue that guards the thread, locked. Events disabled. */
struct runq *sched_lock(const struct thread *thread);
/* Two locks, or one when they are the same. */
void sched_lock_two(struct runq *a, struct runq *b);
void sched_unlock_two(struct runq *a, struct runq *b);
/* Into or out of its list; locked. */
void sched_enqueue(struct runq *rq, struct thread *thread, bool at_head);
void sched_dequeue(struct runq *rq, struct thread *thread);
/* Leaves the running thread, whose state says why, for the best one of the locked queue, which is
 * unlocked afterwards. Returns when the thread runs again. */
void sched_switch(struct runq *rq);
/* The running thread goes to another vCPU. Events disabled. */
void sched_leave(void);
/* What a thread that was switched to does first. */
void sched_switched(void);
/* Levels decide who gives way: current's may have changed. Locked. */
void sched_set_level(struct runq *rq, uint8_t level);
/* A thread of this level was put into the locked queue. True: its vCPU must be kicked. */
bool sched_notice(struct runq *rq, uint8_t level);
/* Makes a waiting thread ready. Events disabled; sched_restore() afterwards. */
void sched_wake(struct thread *thread);
/* thread_block() until a time of the wall clock, which may be set meanwhile. Yields what is still
 * to wait for: wall_ns, or 0 when it was reached. */
uint64_t sched_block_wall(uint64_t wall_ns);
/* events_restore() that lets a better thread run first when the caller had events enabled. */
void sched_restore(bool enabled);
/* The part of it when something better is ready. */
void sched_resched(bool enabled);
/* An upcall comes as soon as events are enabled, and looks at what is to be done. */
void sched_upcall_soon(void);
/* The parts that sched_inline.h leaves to functions. Locked; unlocks: makes a waiting thread ready
 * where several vCPUs may run it. */
void sched_wake_smp(struct runq *rq, struct thread *thread);
/* sched_wake_smp() for a thread of the running one's priority that needs what that has: it gets
 * ready right behind it, and idle vCPUs learn of it only when it has not run for SCHED_KEEP_NS. */
void sched_keep(struct runq *rq, struct thread *thread);
/* Puts it there: before others, as long as there is something left of the running one's slice, for
 * then it uses that up. Own vCPU, locked. */
void sched_put_behind(struct runq *rq, struct thread *thread);
/* Xen ran others since we last looked: that is not the thread's time. */
void sched_account_stolen(struct runq *rq, struct thread *thread);
/* Adds up the time current ran until now. Own vCPU, locked. */
void sched_account(struct runq *rq);
/* Sees to it that the locked queue's vCPU looks again after a slice. */
void sched_tick(struct runq *rq);
void sched_tick_arm(struct runq *rq, uint64_t slice_ns);
void sched_tick_fired(struct timer *timer);

/* --- sched_smp.c --- */

/* May the thread run on this vCPU? */
bool sched_allowed(const struct thread *thread, unsigned int vcpu);
/* The vCPU a thread that becomes ready should run on; it was last on vCPU last. */
unsigned int sched_choose(const struct thread *thread, unsigned int last);
unsigned int sched_least_loaded(uint64_t vcpus, unsigned int preferred);
/* Puts a thread in state THREAD_MOVING into the queue of vCPU wanted, VCPUS_MAX for the best one.
 * Events disabled, no lock. */
void sched_place(struct thread *thread, unsigned int wanted);
/* A thread was put into a queue and does not run at once: somebody else may take it. */
void sched_offer(uint8_t level, uint64_t affinity);
/* All that is ready in a locked queue and does not run. */
void sched_offer_ready(struct runq *rq);
/* The vCPU was perhaps chosen for one that is ready elsewhere, and runs a better one that came
 * meanwhile: somebody else is to have it. Events disabled, no lock. */
void sched_pass_on(const struct runq *rq);
/* Takes a thread above level from another vCPU to this one. True when one was found. No lock. */
bool sched_pull(struct runq *rq, uint8_t level);
/* The running thread's slice is over: who waited longer elsewhere than anybody here shall run next.
 * True when one was found. No lock. */
bool sched_pull_older(struct runq *rq, unsigned int priority);
/* Where the running thread of the locked queue, whose slice is over, goes: perhaps this vCPU. */
unsigned int sched_balance(struct runq *rq, const struct thread *thread);
/* The work after a switch; the run queue is unlocked by it. */
void sched_after(struct runq *rq);
/* Woken when a thread left a vCPU for which somebody set after_wake. */
extern struct waitq sched_moved;
_Noreturn void sched_idle_loop(void);
/* Makes sched_many true. */
void sched_become_many(void);

/* --- thread.c --- */

/* The priority that the threads waiting for its locks lend it. Events disabled. */
void thread_set_inherited(struct thread *thread, unsigned int priority);

/* The thread is gone: takes it off the lists. */
void thread_forget(struct thread *thread);
/* Nanoseconds of ticks of the time-stamp counter. */
uint64_t sched_ticks_to_ns(uint64_t ticks);

/* --- futex.c, futex_pi.c --- */

/* Before the first wait. */
void futex_boot(void);
/* The effective priority of a thread changed: it may wait in the wrong place, or lend another
 * priority. Events disabled, no lock. */
void futex_priority_changed(struct thread *thread);
/* Only the place among the waiters of a word. */
void futex_reorder(struct thread *thread);
/* The thread is gone, perhaps with locks that others wait for. */
void futex_owner_gone(struct thread *thread);

/* --- sched_wait.c: what core/wait.c calls when it is linked --- */
void sched_waitq_wake(struct waitq *queue, bool all) __attribute__((weak));
int sched_waitq_sleep(struct waitq *queue, uint32_t wakes, uint64_t deadline_ns, bool interruptible)
	__attribute__((weak));
bool sched_is_alone(void) __attribute__((weak));

/* The vCPU sleeps until an event came. An upcall finds events enabled there, because Xen enables
 * them to end the sleep, but must not take the thread elsewhere. Events disabled before and after.
 */
static inline void sched_block_vcpu(void)
{
	VCPU(blocking) = true;
	events_block();
	VCPU(blocking) = false;
}

#endif
