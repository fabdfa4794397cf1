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

#include "core/thread.h"
#include "core/wait.h"
#include "xen/evtchn.h"

struct runq {
	struct spinlock lock;
	uint32_t id;
	uint64_t ready_bits;    /* bit p: ready[p] is not empty */
	struct thread *current; /* as VCPU(current) of this vCPU */
	struct thread *left;    /* just switched from: gone, or to be moved to another queue */
	uint64_t switched_tsc;  /* when current began to run, or its time was last accounted */
	uint64_t stolen_ns;     /* of this vCPU, when last looked at; */
	uint64_t runstate_ns;   /* state_entry_time then */
	uint32_t ready_count;
	uint8_t level;   /* of current: thread_level() */
	bool tick_armed; /* always while somebody is ready and a thread runs */
	bool tick_due;   /* the tick fired: thread_preempt() arms it again if needed */
	bool is_online;  /* takes threads */
	struct timer tick;
	struct list_node ready[THREAD_PRIORITIES];
	struct thread idle;
	void *idle_stack;
};

extern struct runq *sched_runqs[VCPUS_MAX];
/* vCPUs that take threads; those among them that have nothing to do (a waker takes the bit away).
 */
extern uint64_t sched_online, sched_idle;
/* Levels of what each vCPU runs; racy by nature. */
extern uint8_t sched_levels[VCPUS_MAX];
/* Real-time threads that are ready and do not run. */
extern uint32_t sched_rt_ready;
extern bool sched_started;
extern uint64_t sched_slice_ticks;

/* What runs: 0 idle, 1 SCHED_OTHER, above: real-time. */
static inline uint8_t thread_level(const struct thread *thread)
{
	return thread->is_idle ? 0 : (uint8_t)(thread->priority + 1);
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
struct runq *sched_lock(struct thread *thread);
/* Into or out of its list; locked. */
void sched_enqueue(struct runq *rq, struct thread *thread, bool at_head);
void sched_dequeue(struct runq *rq, struct thread *thread);
/* Leaves the running thread, whose state says why, for the best one of the locked queue, which is
 * unlocked afterwards. Returns when the thread runs again. */
void sched_switch(struct runq *rq);
/* What a thread that was switched to does first. */
void sched_switched(void);
/* Somebody better than current may wait in the locked queue: its vCPU looks soon. */
void sched_notice(struct runq *rq);
/* events_restore() that lets a better thread run first when the caller had events enabled. */
void sched_restore(bool enabled);
/* Adds up the time current ran until now; locked. */
void sched_account(struct runq *rq);
/* Ends what left did; called unlocked, events disabled. */
void sched_left(struct thread *left);

/* --- sched_smp.c --- */

/* The vCPU a thread that just became ready should run on. It was last on rq. */
unsigned int sched_choose(const struct thread *thread, unsigned int last);
/* Puts a thread in state THREAD_MOVING into the best queue. Events disabled. */
void sched_place(struct thread *thread);
/* After a thread was put into a queue where it does not run at once: somebody else may take it. */
void sched_offer(unsigned int level, uint64_t affinity);
/* Takes a thread above level from another vCPU to the calling one. True when one was found. */
bool sched_pull(struct runq *rq, unsigned int level);
/* Where the running thread, whose slice is over, should go: another vCPU, or this one. */
unsigned int sched_balance(struct runq *rq, const struct thread *thread);
/* May the thread run on this vCPU at all? */
bool sched_allowed(const struct thread *thread, unsigned int vcpu);
/* The calling vCPU gets a scheduler; it goes on with what it is doing as thread. */
int sched_start(void);
_Noreturn void sched_idle_loop(void);

/* --- sched_wait.c: what core/wait.c calls when it is linked --- */
void sched_waitq_wake(struct waitq *queue, bool all) __attribute__((weak));
int sched_waitq_sleep(struct waitq *queue, uint32_t wakes, uint64_t deadline_ns, bool interruptible)
	__attribute__((weak));

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
