/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Run queues and switching between threads: what happens often. Which vCPU a thread should run on
 * is sched_smp.c's matter.
 */
#include "arch/x86_64/fpu.h"
#include "core/sched_inline.h"

#define TICK_LEAST_NS 1000000U

struct runq *sched_runqs[VCPUS_MAX];
uint64_t sched_online, sched_idle;
uint8_t sched_levels[VCPUS_MAX];
uint32_t sched_rt_ready;
bool sched_started, sched_many;
uint64_t sched_slice_ticks;
bool sched_has_fsgsbase, sched_vectors;

/* ---- Locks ---- */

struct runq *sched_lock(const struct thread *thread)
{
	return lock_queue_of(thread);
}

void sched_lock_two(struct runq *a, struct runq *b)
{
	if (a != b)
		sched_spin_lock(a->id < b->id ? &a->lock : &b->lock);
	sched_spin_lock(a->id < b->id ? &b->lock : &a->lock);
}

void sched_unlock_two(struct runq *a, struct runq *b)
{
	sched_spin_unlock(&a->lock);
	if (a != b)
		sched_spin_unlock(&b->lock);
}

/* ---- Lists ---- */

void sched_enqueue(struct runq *rq, struct thread *thread, bool at_head)
{
	enqueue(rq, thread, at_head, sched_many);
}

void sched_dequeue(struct runq *rq, struct thread *thread)
{
	dequeue(rq, thread, thread->priority, sched_many);
}

/* ---- Time ---- */

/* Xen ran others since we last looked: that is not the thread's time. */
void sched_account_stolen(struct runq *rq, struct thread *thread)
{
	uint64_t entry_ns, stolen_ns, ticks;

	do {
		entry_ns = VCPU(runstate.state_entry_time);
		barrier();
		stolen_ns = VCPU(runstate.time[RUNSTATE_runnable]) +
			    VCPU(runstate.time[RUNSTATE_blocked]) +
			    VCPU(runstate.time[RUNSTATE_offline]);
		barrier();
	} while (entry_ns != VCPU(runstate.state_entry_time));
	thread->stolen_ns += stolen_ns - rq->stolen_ns;
	/* Nor is it part of its slice. */
	ticks = (stolen_ns - rq->stolen_ns) * (sched_slice_ticks >> 10) / (THREAD_SLICE_NS >> 10);
	thread->slice_ticks -= ticks < thread->slice_ticks ? ticks : thread->slice_ticks;
	rq->stolen_ns = stolen_ns;
	rq->runstate_ns = entry_ns;
}

void sched_account(struct runq *rq)
{
	account(rq, rq->current);
}

/* ---- Slices ---- */

void sched_tick_fired(struct timer *timer)
{
	struct runq *rq = container_of(timer, struct runq, tick);

	WRITE_ONCE(rq->tick_due, true);
	if (rq == VCPU(runq))
		VCPU(work_pending) = true;
	else
		smp_kick(rq->id);
}

void sched_tick_arm(struct runq *rq, uint64_t slice_ns)
{
	rq->tick_armed = true;
	timer_arm(&rq->tick, time_monotonic_ns() + slice_ns);
}

void sched_tick(struct runq *rq)
{
	/* An idle vCPU looks for itself. */
	if (rq->current->level == 0)
		return;
	if (rq == VCPU(runq)) {
		sched_tick_arm(rq, THREAD_SLICE_NS);
		return;
	}
	/* Xen lets each vCPU arm its own timer only. */
	rq->tick_armed = true;
	WRITE_SHARED(rq->tick_due, true);
	smp_kick(rq->id);
}

static uint64_t keep_ticks(void)
{
	return sched_slice_ticks / (THREAD_SLICE_NS / SCHED_KEEP_NS);
}

/* True when what is kept for the running thread has waited for long enough: it is now to be
 * offered. Locked. */
static bool keep_no_more(struct runq *rq)
{
	const struct thread *thread = rq->kept;

	if (!thread || (int64_t)(rq->switched_tsc - thread->ready_ticks) < (int64_t)keep_ticks())
		return false;
	WRITE_SHARED(rq->kept, NULL);
	return true;
}

/* The tick fired, or another vCPU wants us to arm it. Locked, own vCPU, a thread runs. */
static void tick_again(struct runq *rq, bool leaving)
{
	uint64_t used = rq->current->slice_ticks, slice_ns = THREAD_SLICE_NS;

	WRITE_SHARED(rq->tick_due, false);
	rq->tick_armed = rq->keep_armed = false;
	if (!rq->ready_bits)
		return;
	if (!leaving && used < sched_slice_ticks) {
		slice_ns = THREAD_SLICE_NS * (sched_slice_ticks - used) / sched_slice_ticks;
		if (slice_ns < TICK_LEAST_NS)
			slice_ns = TICK_LEAST_NS;
	}
	if (rq->kept) {
		rq->keep_armed = true;
		slice_ns = SCHED_KEEP_NS;
	}
	sched_tick_arm(rq, slice_ns);
}

/* ---- Switching ---- */

void sched_upcall_soon(void)
{
	VCPU(work_pending) = true;
	/* Xen's own flag, but we may set it: it costs an upcall that finds no event. */
	VCPU(info.evtchn_upcall_pending) = 1;
}

/* Somebody else's queue holds a thread that should run here. */
static bool better_elsewhere(const struct runq *rq, uint8_t level)
{
	for (uint64_t left = READ_ONCE(sched_online) & ~sched_bit(rq->id); left; left &= left - 1) {
		unsigned int id = (unsigned int)__builtin_ctzll(left);

		if (level < THREAD_PRIORITIES && READ_ONCE(sched_runqs[id]->ready_bits) >> level)
			return true;
	}
	return false;
}

__attribute__((noinline)) void sched_set_level(struct runq *rq, uint8_t level)
{
	bool lower = level < rq->level;

	WRITE_SHARED(rq->level, level);
	WRITE_ONCE(sched_levels[rq->id], level);
	/* Several threads may have been sent here for what ran until now, and others be ready
	 * elsewhere that this vCPU was told of: all but one need another one. */
	if (!lower && sched_many) {
		WRITE_SHARED(rq->kept, NULL);
		rq->offer = rq->pass_on = rq->after = true;
	}
	if (!lower || level == 0 || !sched_is_smp())
		return;
	/* Pairs with sched_offer(): the other way round. */
	smp_mb();
	if (!READ_ONCE(sched_rt_ready) || !better_elsewhere(rq, level))
		return;
	if (rq == VCPU(runq))
		sched_upcall_soon();
	else
		smp_kick(rq->id);
}

void sched_switched(void)
{
	switched();
}

void sched_switch(struct runq *rq)
{
	switch_away(rq, rq->current, sched_many);
}

/* ---- Giving way ---- */

/* The next of the same priority runs, and self is the last of them. Nothing else changes. */
static inline __attribute__((always_inline)) void rotate(struct runq *rq, struct thread *self,
							 bool many)
{
	struct list_node *head = &rq->ready[self->priority], *node = &self->run_node;
	struct list_node *next, *last;

	/* Else the compiler finds the place anew each time. */
	__asm__("" : "+r"(head));
	next = head->next;
	head->next = next->next;
	next->next->prev = head;
	last = head->prev;
	node->next = head;
	node->prev = last;
	last->next = node;
	head->prev = node;
	if (many)
		WRITE_SHARED(rq->kept, NULL);
	self->state = THREAD_READY;
	account(rq, self);
	self->slice_ticks = 0;
	switch_to(rq, self, container_of(next, struct thread, run_node), many);
}

/* The running thread is to go on elsewhere. Locked. */
static void leave_vcpu(struct runq *rq, struct thread *self, unsigned int to)
{
	self->state = THREAD_MOVING;
	rq->left = self;
	rq->left_to = to;
	rq->after = true;
}

static __attribute__((noinline)) void yield_any(struct runq *rq, struct thread *self)
{
	uint64_t ready;

	sched_spin_lock(&rq->lock);
	ready = rq->ready_bits >> self->priority;
	if (!sched_allowed(self, rq->id)) {
		/* Else it would be ready where it may not run any more. */
		leave_vcpu(rq, self, VCPUS_MAX);
		sched_switch(rq);
	} else if (ready == 1 && self->priority == 0 && !READ_ONCE(sched_idle)) {
		rotate(rq, self, true);
	} else if (ready) {
		/* An idle vCPU may take it; and a real-time thread may be better than what runs
		 * elsewhere. */
		rq->offer = rq->after = true;
		self->slice_ticks = 0;
		sched_enqueue(rq, self, false);
		sched_switch(rq);
	} else {
		sched_spin_unlock(&rq->lock);
	}
	events_restore(true);
}

void thread_yield(void)
{
	struct thread *self;
	struct runq *rq;

	VCPU(info.evtchn_upcall_mask) = 1;
	barrier();
	rq = VCPU(runq);
	self = VCPU(current);
	if (__builtin_expect(sched_many || rq->ready_bits >> self->priority != 1, 0)) {
		yield_any(rq, self);
		return;
	}
	rotate(rq, self, false);
	events_restore(true);
}

/* The running thread is pushed aside by a better one, and is offered to others. Locked. */
static void push_aside(struct runq *rq, struct thread *self)
{
	self->preemptions++;
	sched_enqueue(rq, self, true);
}

/* In a call, so that the compiler has saved what it needs. */
static __attribute__((noinline)) void give_way(void)
{
	struct runq *rq = VCPU(runq);
	struct thread *self = VCPU(current);

	sched_spin_lock(&rq->lock);
	rq->resched = false;
	if (!sched_allowed(self, rq->id)) {
		leave_vcpu(rq, self, VCPUS_MAX);
		sched_switch(rq);
	} else if (rq->ready_bits >> self->priority > 1) {
		push_aside(rq, self);
		sched_switch(rq);
	} else {
		sched_spin_unlock(&rq->lock);
	}
}

void sched_resched(bool enabled)
{
	if (enabled)
		give_way();
	else
		sched_upcall_soon();
}

void sched_restore(bool enabled)
{
	restore(enabled);
}

enum leave { LEAVE_NOT, LEAVE_ASIDE, LEAVE_SLICE, LEAVE_VCPU };

static enum leave why_leave(struct runq *rq, struct thread *self)
{
	uint64_t better = rq->ready_bits >> self->priority;

	if (!sched_allowed(self, rq->id))
		return LEAVE_VCPU;
	if (better > 1)
		return LEAVE_ASIDE;
	if (better && self->to_tail)
		return LEAVE_SLICE;
	/* A thread that inherited its priority runs on. */
	if (better && self->slice_ticks >= sched_slice_ticks && self->policy != THREAD_FIFO &&
	    self->priority == self->base_priority)
		return LEAVE_SLICE;
	return LEAVE_NOT;
}

void thread_preempt(void)
{
	struct runq *rq = VCPU(runq);
	struct thread *self = VCPU(current);
	enum leave leave;
	unsigned int to;
	bool vectors, kept_long, pulled = false;

	if (READ_SHARED(self->level) == 0)
		return;
	if (sched_is_smp()) {
		if (READ_ONCE(sched_rt_ready))
			pulled = sched_pull(rq, rq->level);
		if (READ_ONCE(rq->tick_due))
			pulled |= sched_pull_older(rq, READ_SHARED(self->priority));
	}
	sched_spin_lock(&rq->lock);
	rq->resched = false;
	account(rq, self);
	leave = why_leave(rq, self);
	kept_long = keep_no_more(rq);
	if (rq->tick_due)
		tick_again(rq, leave != LEAVE_NOT);
	if (leave == LEAVE_NOT) {
		/* Something has changed. If it is still here: on its way it was in no queue where
		 * an idle vCPU could see it. If not, others may be there that we were told of. */
		if (pulled || kept_long)
			sched_offer_ready(rq);
		if (pulled)
			sched_upcall_soon();
		sched_spin_unlock(&rq->lock);
		return;
	}
	fpu_save(self->fpu_area, thread_fpu_bytes());
	/* Others may use vector registers in memory functions; we are in an upcall. */
	vectors = VCPU(string_vectors);
	VCPU(string_vectors) = sched_vectors;
	if (leave == LEAVE_ASIDE) {
		push_aside(rq, self);
	} else {
		self->preemptions++;
		self->slice_ticks = 0;
		self->to_tail = false;
		to = leave == LEAVE_VCPU ? VCPUS_MAX : sched_balance(rq, self);
		if (to != rq->id)
			leave_vcpu(rq, self, to);
		else
			sched_enqueue(rq, self, false);
		rq->offer = rq->after = true;
	}
	sched_switch(rq);
	VCPU(string_vectors) = vectors;
	fpu_restore(self->fpu_area, thread_fpu_bytes());
}

void sched_leave(void)
{
	struct runq *rq = VCPU(runq);

	sched_spin_lock(&rq->lock);
	leave_vcpu(rq, rq->current, VCPUS_MAX);
	sched_switch(rq);
}

/* ---- Waiting ---- */

void thread_wait_prepare(void)
{
	/* A full barrier: whoever changes the condition afterwards finds us waiting. */
	__atomic_store_n(&thread_self()->state, THREAD_WAITING, __ATOMIC_SEQ_CST);
}

void thread_wait_cancel(void)
{
	WRITE_ONCE(thread_self()->state, THREAD_RUNNING);
}

static void timeout(struct timer *timer)
{
	thread_wake(container_of(timer, struct thread, wait_timer));
}

static __attribute__((noinline)) void block_until(struct thread *self, uint64_t deadline_ns)
{
	self->wait_timer.fn = timeout;
	timer_arm(&self->wait_timer, deadline_ns);
	block(self, sched_many);
	timer_cancel(&self->wait_timer);
}

void thread_block(uint64_t deadline_ns)
{
	struct thread *self = thread_self();

	if (deadline_ns == TIME_NEVER)
		block(self, sched_many);
	else
		block_until(self, deadline_ns);
}

bool sched_notice(struct runq *rq, uint8_t level)
{
	if (rq == VCPU(runq)) {
		/* An idle vCPU looks when its upcall ends. */
		if (rq->level > 0 && level > rq->level)
			rq->resched = true;
		return false;
	}
	return level > rq->level;
}

void sched_wake_smp(struct runq *rq, struct thread *thread)
{
	uint8_t level = thread->level;
	uint64_t affinity = thread->affinity;
	unsigned int id = rq->id, to = sched_choose(thread, id);
	bool kick, now;

	if (!rq->is_online || to != id) {
		thread->state = THREAD_MOVING;
		sched_spin_unlock(&rq->lock);
		/* Not chosen anew: an idle vCPU counts as taken. */
		sched_place(thread, to);
		return;
	}
	sched_enqueue(rq, thread, false);
	kick = sched_notice(rq, level);
	now = level > rq->level;
	sched_spin_unlock(&rq->lock);
	if (kick)
		smp_kick(id);
	if (!now)
		sched_offer(level, affinity);
}

void sched_put_behind(struct runq *rq, struct thread *thread)
{
	uint64_t now = cpu_rdtsc(), used = rq->current->slice_ticks + now - rq->switched_tsc;
	bool first = used < sched_slice_ticks;

	thread->slice_ticks = first ? used : 0;
	sched_enqueue(rq, thread, first);
	thread->ready_ticks = now;
	rq->successor = thread;
}

void sched_keep(struct runq *rq, struct thread *thread)
{
	struct runq *here = VCPU(runq);
	uint64_t affinity;
	uint8_t level;

	/* As sched_place() does; what it finds may have changed in between. */
	thread->state = THREAD_MOVING;
	sched_spin_unlock(&rq->lock);
	sched_lock_two(rq, here);
	if (!here->is_online || here->ready_bits > 1 || thread->level != here->level ||
	    thread->priority > 0 || !sched_allowed(thread, here->id)) {
		sched_unlock_two(rq, here);
		sched_place(thread, sched_choose(thread, rq->id));
		return;
	}
	if (!here->keep_armed) {
		here->keep_armed = true;
		sched_tick_arm(here, SCHED_KEEP_NS);
	}
	WRITE_ONCE(thread->vcpu, here->id);
	sched_put_behind(here, thread);
	/* One is kept; it may be gone as soon as others can lock the queue. */
	level = here->kept ? here->kept->level : 0;
	affinity = here->kept ? here->kept->affinity : 0;
	WRITE_SHARED(here->kept, thread);
	sched_unlock_two(rq, here);
	if (level)
		sched_offer(level, affinity);
}

bool sched_has_successor(void)
{
	bool enabled = events_disable(), result;
	struct runq *rq = VCPU(runq);
	struct list_node *head = &rq->ready[0];

	sched_spin_lock(&rq->lock);
	sched_account(rq);
	result = rq->ready_bits == 1 &&
		 (head->next == head->prev || head->next == &rq->successor->run_node);
	if (result && head->next == &rq->successor->run_node)
		rq->successor->slice_ticks = rq->current->slice_ticks;
	if (!result && rq->ready_bits && rq->current->slice_ticks >= sched_slice_ticks) {
		/* The slice is over, which the tick would say later. */
		WRITE_ONCE(rq->tick_due, true);
		sched_upcall_soon();
	}
	sched_spin_unlock(&rq->lock);
	events_restore(enabled);
	return result;
}

void sched_wake(struct thread *thread)
{
	wake(thread, sched_many);
}

void thread_wake(struct thread *thread)
{
	bool enabled = events_disable();

	sched_wake(thread);
	sched_restore(enabled);
}

void thread_interrupt(struct thread *thread)
{
	bool enabled = events_disable();

	/* Whoever switches to it afterwards sees it; sched_lock() is a full barrier. */
	WRITE_ONCE(thread->interrupted, true);
	sched_wake(thread);
	if (thread == thread_self())
		sched_upcall_soon();
	else if (READ_ONCE(thread->state) == THREAD_RUNNING)
		smp_kick(READ_ONCE(thread->vcpu));
	sched_restore(enabled);
}

/* ---- The end ---- */

_Noreturn void thread_exit(void)
{
	struct thread *self;
	struct runq *rq;

	(void)events_disable();
	self = thread_self();
	rq = VCPU(runq);
	sched_spin_lock(&rq->lock);
	self->state = THREAD_GONE;
	rq->left = self;
	rq->after = true;
	sched_switch(rq);
	__builtin_unreachable();
}
