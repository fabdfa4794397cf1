/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Run queues and switching between threads: what happens often. Which vCPU a thread should run on
 * is sched_smp.c's matter.
 */
#include "core/sched.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/switch.h"
#include "xen/hypercall.h"

#define TICK_LEAST_NS 1000000U

struct runq *sched_runqs[VCPUS_MAX];
uint64_t sched_online, sched_idle;
uint8_t sched_levels[VCPUS_MAX];
uint32_t sched_rt_ready;
bool sched_started;
uint64_t sched_slice_ticks;
bool sched_has_fsgsbase;

/* ---- Locks ---- */

struct runq *sched_lock(struct thread *thread)
{
	for (;;) {
		uint32_t id = READ_ONCE(thread->vcpu);
		struct runq *rq = sched_runqs[id];

		spin_lock(&rq->lock);
		if (__builtin_expect(READ_ONCE(thread->vcpu) == id, 1))
			return rq;
		spin_unlock(&rq->lock);
	}
}

void sched_lock_two(struct runq *a, struct runq *b)
{
	if (a != b)
		spin_lock(a->id < b->id ? &a->lock : &b->lock);
	spin_lock(a->id < b->id ? &b->lock : &a->lock);
}

void sched_unlock_two(struct runq *a, struct runq *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

/* ---- Lists ---- */

static inline void enqueue(struct runq *rq, struct thread *thread, bool at_head)
{
	unsigned int priority = thread->priority;
	struct list_node *head = &rq->ready[priority];

	thread->state = THREAD_READY;
	list_insert_before(at_head ? head->next : head, &thread->run_node);
	rq->ready_bits |= 1ULL << priority;
	rq->ready_count++;
	if (priority > 0)
		__atomic_fetch_add(&sched_rt_ready, 1, __ATOMIC_SEQ_CST);
	if (__builtin_expect(!rq->tick_armed, 0))
		sched_tick(rq);
}

static inline void dequeue(struct runq *rq, struct thread *thread, unsigned int priority)
{
	struct list_node *next = thread->run_node.next, *prev = thread->run_node.prev;

	prev->next = next;
	next->prev = prev;
	/* The last of its list: both neighbours are the head. */
	if (next == prev)
		rq->ready_bits &= ~(1ULL << priority);
	rq->ready_count--;
	if (priority > 0)
		__atomic_fetch_sub(&sched_rt_ready, 1, __ATOMIC_SEQ_CST);
}

void sched_enqueue(struct runq *rq, struct thread *thread, bool at_head)
{
	enqueue(rq, thread, at_head);
}

void sched_dequeue(struct runq *rq, struct thread *thread)
{
	dequeue(rq, thread, thread->priority);
}

/* ---- Time ---- */

/* Xen ran others since we last looked: that is not the thread's time. */
static __attribute__((noinline)) void account_stolen(struct runq *rq, struct thread *thread)
{
	uint64_t entry_ns, stolen_ns;

	do {
		entry_ns = VCPU(runstate.state_entry_time);
		barrier();
		stolen_ns = VCPU(runstate.time[RUNSTATE_runnable]) +
			    VCPU(runstate.time[RUNSTATE_blocked]) +
			    VCPU(runstate.time[RUNSTATE_offline]);
		barrier();
	} while (entry_ns != VCPU(runstate.state_entry_time));
	thread->stolen_ns += stolen_ns - rq->stolen_ns;
	rq->stolen_ns = stolen_ns;
	rq->runstate_ns = entry_ns;
}

static inline void account(struct runq *rq, struct thread *thread)
{
	uint64_t tsc = cpu_rdtsc(), ticks = tsc - rq->switched_tsc;

	rq->switched_tsc = tsc;
	thread->ran_ticks += ticks;
	thread->slice_ticks += ticks;
	if (__builtin_expect(VCPU(runstate.state_entry_time) != rq->runstate_ns, 0))
		account_stolen(rq, thread);
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
	if (rq->current->is_idle)
		return;
	if (rq == VCPU(runq)) {
		sched_tick_arm(rq, THREAD_SLICE_NS);
		return;
	}
	/* Xen lets each vCPU arm its own timer only. */
	rq->tick_armed = true;
	rq->tick_due = true;
	smp_kick(rq->id);
}

/* The tick fired, or another vCPU wants us to arm it. Locked, own vCPU, a thread runs. */
static void tick_again(struct runq *rq, bool leaving)
{
	uint64_t used = rq->current->slice_ticks, slice_ns = THREAD_SLICE_NS;

	rq->tick_due = false;
	rq->tick_armed = false;
	if (!rq->ready_bits)
		return;
	if (!leaving && used < sched_slice_ticks) {
		slice_ns = THREAD_SLICE_NS * (sched_slice_ticks - used) / sched_slice_ticks;
		if (slice_ns < TICK_LEAST_NS)
			slice_ns = TICK_LEAST_NS;
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

	rq->level = level;
	WRITE_ONCE(sched_levels[rq->id], level);
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

static inline void switched(void)
{
	struct runq *rq = VCPU(runq);

	if (__builtin_expect(rq->after, 0))
		sched_after(rq);
	else
		spin_unlock(&rq->lock);
	if (__builtin_expect(VCPU(current)->interrupted, 0))
		sched_upcall_soon();
}

void sched_switched(void)
{
	switched();
}

/* The thread-local variables of the C library are found through %fs. */
static inline void use_fs(uintptr_t base)
{
	if (__builtin_expect(sched_has_fsgsbase, 1))
		switch_write_fs(base);
	else
		(void)hypercall_set_segment_base(SEGBASE_FS, base);
}

static inline void switch_threads(struct runq *rq)
{
	struct thread *prev = rq->current, *next = &rq->idle;
	bool vectors;

	if (rq->ready_bits) {
		unsigned int priority = 63U - (unsigned int)__builtin_clzll(rq->ready_bits);

		next = container_of(rq->ready[priority].next, struct thread, run_node);
		dequeue(rq, next, priority);
	}
	account(rq, prev);
	next->state = THREAD_RUNNING;
	next->switches++;
	rq->current = next;
	VCPU(current) = next;
	if (__builtin_expect(thread_level(next) != rq->level, 0))
		sched_set_level(rq, thread_level(next));
	if (next->fs_base)
		use_fs(next->fs_base);
	/* Whether the code that is interrupted or calls here may be using vector registers is the
	 * thread's matter, and it may come back on another vCPU. */
	vectors = VCPU(string_vectors);
	switch_stacks(&prev->stack_pointer, next->stack_pointer);
	VCPU(string_vectors) = vectors;
	switched();
}

void sched_switch(struct runq *rq)
{
	switch_threads(rq);
}

/* ---- Giving way ---- */

void thread_yield(void)
{
	bool enabled = events_disable();
	struct runq *rq = VCPU(runq);
	struct thread *self = VCPU(current);

	if (rq && READ_ONCE(rq->ready_bits) >> self->priority) {
		spin_lock(&rq->lock);
		/* Another vCPU may have taken what was there. */
		if (__builtin_expect(rq->ready_bits >> self->priority != 0, 1)) {
			self->slice_ticks = 0;
			enqueue(rq, self, false);
			switch_threads(rq);
		} else {
			spin_unlock(&rq->lock);
		}
	}
	events_restore(enabled);
}

/* The running thread is pushed aside by a better one, and is offered to others. Locked. */
static void push_aside(struct runq *rq, struct thread *self)
{
	self->preemptions++;
	enqueue(rq, self, true);
	if (sched_is_smp()) {
		rq->offer_level = thread_level(self);
		rq->offer_affinity = self->affinity;
		rq->after = true;
	}
}

/* In a call, so that the compiler has saved what it needs. */
static __attribute__((noinline)) void give_way(void)
{
	struct runq *rq = VCPU(runq);
	struct thread *self = VCPU(current);

	spin_lock(&rq->lock);
	rq->resched = false;
	if (rq->ready_bits >> self->priority > 1) {
		push_aside(rq, self);
		switch_threads(rq);
	} else {
		spin_unlock(&rq->lock);
	}
}

void sched_restore(bool enabled)
{
	struct runq *rq = VCPU(runq);

	if (rq && __builtin_expect(rq->resched, 0)) {
		if (enabled)
			give_way();
		else
			sched_upcall_soon();
	}
	events_restore(enabled);
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

/* Locked. */
static void leave_vcpu(struct runq *rq, struct thread *self)
{
	self->state = THREAD_MOVING;
	rq->left = self;
	rq->after = true;
}

void thread_preempt(void)
{
	struct runq *rq = VCPU(runq);
	struct thread *self = VCPU(current);
	enum leave leave;

	if (!rq || self->is_idle)
		return;
	if (READ_ONCE(sched_rt_ready) && sched_is_smp())
		(void)sched_pull(rq, rq->level);
	spin_lock(&rq->lock);
	rq->resched = false;
	account(rq, self);
	leave = why_leave(rq, self);
	if (rq->tick_due)
		tick_again(rq, leave != LEAVE_NOT);
	if (leave == LEAVE_NOT) {
		spin_unlock(&rq->lock);
		return;
	}
	fpu_save(self->fpu_area, thread_fpu_bytes());
	if (leave == LEAVE_ASIDE) {
		push_aside(rq, self);
	} else {
		self->preemptions++;
		self->slice_ticks = 0;
		self->to_tail = false;
		if (leave == LEAVE_VCPU || sched_balance(rq, self) != rq->id)
			leave_vcpu(rq, self);
		else
			enqueue(rq, self, false);
	}
	switch_threads(rq);
	fpu_restore(self->fpu_area, thread_fpu_bytes());
}

void sched_leave(void)
{
	struct runq *rq = VCPU(runq);

	spin_lock(&rq->lock);
	leave_vcpu(rq, rq->current);
	switch_threads(rq);
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

/* Before there is a second thread: the vCPU sleeps, and an event handler wakes us. */
static void block_alone(struct thread *self)
{
	while (READ_ONCE(self->state) == THREAD_WAITING)
		sched_block_vcpu();
}

static inline void block(struct thread *self)
{
	struct runq *rq = VCPU(runq);

	if (__builtin_expect(!rq, 0)) {
		block_alone(self);
		return;
	}
	spin_lock(&rq->lock);
	/* Woken since it prepared: it never left. */
	if (__builtin_expect(self->state != THREAD_WAITING, 0))
		spin_unlock(&rq->lock);
	else
		switch_threads(rq);
}

static void timeout(struct timer *timer)
{
	thread_wake(container_of(timer, struct thread, wait_timer));
}

static __attribute__((noinline)) void block_until(struct thread *self, uint64_t deadline_ns)
{
	self->wait_timer.fn = timeout;
	timer_arm(&self->wait_timer, deadline_ns);
	block(self);
	timer_cancel(&self->wait_timer);
}

void thread_block(uint64_t deadline_ns)
{
	struct thread *self = thread_self();

	if (deadline_ns == TIME_NEVER)
		block(self);
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

/* Where several vCPUs may run it. Locked; unlocks. */
static __attribute__((noinline)) void wake_smp(struct runq *rq, struct thread *thread)
{
	uint8_t level = thread_level(thread);
	uint64_t affinity = thread->affinity;
	unsigned int id = rq->id;
	bool kick, now;

	if (!rq->is_online || sched_choose(thread, id) != id) {
		thread->state = THREAD_MOVING;
		spin_unlock(&rq->lock);
		sched_place(thread);
		return;
	}
	enqueue(rq, thread, false);
	kick = sched_notice(rq, level);
	now = level > rq->level;
	spin_unlock(&rq->lock);
	if (kick)
		smp_kick(id);
	if (!now)
		sched_offer(level, affinity);
}

static inline void wake(struct thread *thread)
{
	struct runq *rq = sched_lock(thread);

	if (thread->state != THREAD_WAITING) {
		spin_unlock(&rq->lock);
	} else if (rq->current == thread) {
		/* It has not left its stack: it never does. */
		thread->state = THREAD_RUNNING;
		spin_unlock(&rq->lock);
	} else {
		thread->slice_ticks = 0;
		if (__builtin_expect(sched_is_smp() || rq != VCPU(runq), 0)) {
			wake_smp(rq, thread);
			return;
		}
		enqueue(rq, thread, false);
		if (thread->priority >= rq->level && rq->level > 0)
			rq->resched = true;
		spin_unlock(&rq->lock);
	}
}

void sched_wake(struct thread *thread)
{
	if (__builtin_expect(!sched_started, 0)) {
		if (thread->state == THREAD_WAITING)
			thread->state = THREAD_RUNNING;
		return;
	}
	wake(thread);
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
	spin_lock(&rq->lock);
	self->state = THREAD_GONE;
	rq->left = self;
	rq->after = true;
	switch_threads(rq);
	__builtin_unreachable();
}
