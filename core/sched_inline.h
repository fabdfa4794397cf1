/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of switching, waking and blocking that happen thousands of times a second, for sched.c
 * and futex.c alone; everybody else calls the functions of sched.h.
 *
 * many is sched_many, or a constant: false makes the shorter code that is good while there is one
 * vCPU. A thread may leave by that and come back when there are more: after a switch it is looked
 * at again.
 */
#ifndef CORE_SCHED_INLINE_H
#define CORE_SCHED_INLINE_H

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/switch.h"
#include "core/sched.h"
#include "xen/hypercall.h"

/* ---- Locks and lists ---- */

static inline void spin_lock_if(bool many, struct spinlock *lock)
{
	if (__builtin_expect(many, 0))
		spin_lock(lock);
	barrier();
}

static inline void spin_unlock_if(bool many, struct spinlock *lock)
{
	barrier();
	if (__builtin_expect(many, 0))
		spin_unlock(lock);
}

static inline struct runq *lock_queue_of(const struct thread *thread)
{
	for (;;) {
		uint32_t id = READ_ONCE(thread->vcpu);
		struct runq *rq = sched_runqs[id];

		sched_spin_lock(&rq->lock);
		if (__builtin_expect(READ_ONCE(thread->vcpu) == id, 1))
			return rq;
		sched_spin_unlock(&rq->lock);
	}
}

static inline void put_ready(struct runq *rq, struct thread *thread, bool at_head, bool many)
{
	unsigned int priority = thread->priority;
	struct list_node *head = &rq->ready[priority];

	/* Else the compiler finds the place anew each time. */
	__asm__("" : "+r"(head));
	thread->state = THREAD_READY;
	list_insert_before(at_head ? head->next : head, &thread->run_node);
	WRITE_SHARED(rq->ready_bits, rq->ready_bits | 1ULL << priority);
	if (many) {
		WRITE_SHARED(rq->ready_count, rq->ready_count + 1);
		thread->ready_ticks = rq->switched_tsc;
	}
	if (many && priority > 0)
		__atomic_fetch_add(&sched_rt_ready, 1, __ATOMIC_SEQ_CST);
}

static inline void enqueue(struct runq *rq, struct thread *thread, bool at_head, bool many)
{
	put_ready(rq, thread, at_head, many);
	if (__builtin_expect(!rq->tick_armed, 0))
		sched_tick(rq);
}

static inline void dequeue(struct runq *rq, struct thread *thread, unsigned int priority, bool many)
{
	struct list_node *next = thread->run_node.next, *prev = thread->run_node.prev;

	prev->next = next;
	next->prev = prev;
	/* The last of its list: both neighbours are the head. */
	if (next == prev)
		WRITE_SHARED(rq->ready_bits, rq->ready_bits & ~(1ULL << priority));
	if (many) {
		WRITE_SHARED(rq->ready_count, rq->ready_count - 1);
		if (rq->kept == thread)
			WRITE_SHARED(rq->kept, NULL);
	}
	if (many && priority > 0)
		__atomic_fetch_sub(&sched_rt_ready, 1, __ATOMIC_SEQ_CST);
}

/* ---- Switching ---- */

static inline void account(struct runq *rq, struct thread *thread)
{
	uint64_t tsc = cpu_rdtsc(), ticks = tsc - rq->switched_tsc;

	rq->switched_tsc = tsc;
	thread->ran_ticks += ticks;
	thread->slice_ticks += ticks;
	if (__builtin_expect(VCPU(runstate.state_entry_time) != rq->runstate_ns, 0))
		sched_account_stolen(rq, thread);
}

/* The thread-local variables of the C library are found through %fs. */
static inline void use_fs(uintptr_t base, bool many)
{
	if (!many || __builtin_expect(sched_has_fsgsbase, 1))
		switch_write_fs(base);
	else
		(void)hypercall_set_segment_base(SEGBASE_FS, base);
}

/* What a thread that was switched to does first: ends the switch. Perhaps on another vCPU than the
 * one it left. Yields the running thread. */
static inline struct thread *switched(void)
{
	struct runq *rq = VCPU(runq);
	struct thread *self = VCPU(current);

	switch_load_control(&self->control);
	if (__builtin_expect(rq->after, 0))
		sched_after(rq);
	if (__builtin_expect(self->interrupted, 0))
		sched_upcall_soon();
	return self;
}

/* From self, the running thread, which is accounted for, to next, which is in no list any more.
 * Locked; unlocks. */
static inline struct thread *switch_to(struct runq *rq, struct thread *self, struct thread *next,
				       bool many)
{
	next->state = THREAD_RUNNING;
	next->switches++;
	rq->current = next;
	VCPU(current) = next;
	use_fs(next->fs_base, many);
	switch_save_control(&self->control);
	switch_announce(next);
	switch_stacks(&self->stack_pointer, next->stack_pointer);
	return switched();
}

/* From the running thread, whose state says why, to the best one. Locked; unlocks. */
static inline struct thread *switch_away(struct runq *rq, struct thread *self, bool many)
{
	struct thread *next = &rq->idle;

	if (__builtin_expect(rq->ready_bits != 0, 1)) {
		unsigned int priority = 63U - (unsigned int)__builtin_clzll(rq->ready_bits);

		next = container_of(rq->ready[priority].next, struct thread, run_node);
		dequeue(rq, next, priority, many);
	}
	if (__builtin_expect(next->level != rq->level, 0))
		sched_set_level(rq, next->level);
	account(rq, self);
	return switch_to(rq, self, next, many);
}

/* ---- Waiting ---- */

/* The running thread, which has prepared to wait, waits. Events disabled. */
static inline void block(struct thread *self, bool many)
{
	struct runq *rq = VCPU(runq);

	spin_lock_if(many, &rq->lock);
	/* Woken since it prepared: it never left. */
	if (__builtin_expect(self->state != THREAD_WAITING, 0))
		spin_unlock_if(many, &rq->lock);
	else
		switch_away(rq, self, many);
}

/* Into the queue of the only vCPU. */
static inline void ready_here(struct runq *rq, struct thread *thread)
{
	thread->slice_ticks = 0;
	enqueue(rq, thread, false, false);
	/* An idle vCPU looks when its upcall ends. */
	if (__builtin_expect(thread->level > rq->level, 0) && rq->level > 0)
		rq->resched = true;
}

/* Makes a waiting thread ready; sched_restore() afterwards. Events disabled. keeps: sched_keep().
 */
static inline __attribute__((always_inline)) void wake_how(struct thread *thread, bool many,
							   bool keeps)
{
	struct runq *rq = many ? lock_queue_of(thread) : VCPU(runq);

	if (__builtin_expect(READ_SHARED(thread->state) != THREAD_WAITING, 0)) {
		spin_unlock_if(many, &rq->lock);
	} else if (__builtin_expect(rq->current == thread, 0)) {
		/* It has not left its stack: it never does. */
		thread->state = THREAD_RUNNING;
		spin_unlock_if(many, &rq->lock);
	} else if (many) {
		thread->slice_ticks = 0;
		if (keeps)
			sched_keep(rq, thread);
		else
			sched_wake_smp(rq, thread);
	} else if (keeps && thread->level == rq->level) {
		sched_put_behind(rq, thread);
	} else {
		ready_here(rq, thread);
	}
}

static inline __attribute__((always_inline)) void wake(struct thread *thread, bool many)
{
	wake_how(thread, many, false);
}

/* events_restore() that lets a better thread run first when the caller had events enabled. */
static inline void restore(bool enabled)
{
	struct runq *rq = VCPU(runq);

	if (__builtin_expect(rq->resched, 0))
		sched_resched(enabled);
	events_restore(enabled);
}

#endif
