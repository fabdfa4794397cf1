/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which vCPU a thread runs on: placing, stealing, balancing; idle vCPUs, and those that come and
 * go.
 */
#include "core/sched.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/switch.h"
#include "core/netdev.h"
#include "core/page.h"
#include "core/vm.h"
#include "lib/base/error.h"

#pragma weak netdev_look

#define IDLE_STACK_BYTES 16384U
/* How many threads of one list are looked at for one that may run here. */
#define PULL_LOOKS_MAX 64U
#define OFFERS_MAX     16U

struct waitq sched_moved;

/* ---- Questions without locks ---- */

/* Where the thread may run now. One that is bound to vCPUs that are all gone may run anywhere. */
static uint64_t allowed_vcpus(const struct thread *thread)
{
	uint64_t online = READ_ONCE(sched_online);
	uint64_t allowed = READ_ONCE(thread->affinity) & online;

	return allowed ? allowed : online;
}

bool sched_allowed(const struct thread *thread, unsigned int vcpu)
{
	return allowed_vcpus(thread) & sched_bit(vcpu);
}

static unsigned int load(unsigned int vcpu)
{
	const struct runq *rq = sched_runqs[vcpu];

	return READ_ONCE(rq->ready_count) + (READ_ONCE(rq->level) > 0);
}

unsigned int sched_least_loaded(uint64_t vcpus, unsigned int preferred)
{
	unsigned int best = preferred, best_load = UINT32_MAX;

	if (vcpus == sched_bit(preferred))
		return preferred;
	if (vcpus & sched_bit(preferred))
		best_load = load(preferred);
	/* In turn from the next one on, so that no equal is always left out. */
	for (unsigned int i = 1; i <= VCPUS_MAX; i++) {
		unsigned int id = (preferred + i) % VCPUS_MAX;

		if ((vcpus & sched_bit(id)) && load(id) < best_load) {
			best = id;
			best_load = load(id);
		}
	}
	return best;
}

static unsigned int least_level(uint64_t vcpus, unsigned int preferred)
{
	unsigned int best = preferred, best_level = UINT32_MAX;

	if (vcpus & sched_bit(preferred))
		best_level = READ_ONCE(sched_levels[preferred]);
	for (; vcpus; vcpus &= vcpus - 1) {
		unsigned int id = (unsigned int)__builtin_ctzll(vcpus);
		unsigned int level = READ_ONCE(sched_levels[id]);

		if (level < best_level) {
			best = id;
			best_level = level;
		}
	}
	return best;
}

/* Takes an idle vCPU out of the mask, so that the next thread gets another one. */
static bool claim_idle(uint64_t vcpus, unsigned int preferred, unsigned int *id_out)
{
	uint64_t idle;

	while ((idle = READ_ONCE(sched_idle) & vcpus) != 0) {
		unsigned int id = preferred, here = VCPU(id);

		/* This vCPU is awake, if it is idle at all; one elsewhere must be woken. */
		if (idle & sched_bit(here))
			id = here;
		else if (!(idle & sched_bit(id)))
			id = (unsigned int)__builtin_ctzll(idle);
		if (__atomic_fetch_and(&sched_idle, ~sched_bit(id), __ATOMIC_SEQ_CST) &
		    sched_bit(id)) {
			*id_out = id;
			return true;
		}
	}
	return false;
}

unsigned int sched_choose(const struct thread *thread, unsigned int last)
{
	uint64_t vcpus = allowed_vcpus(thread);
	unsigned int id;

	if (claim_idle(vcpus, last, &id))
		return id;
	if (thread->priority > 0)
		return least_level(vcpus, last);
	if (vcpus & sched_bit(last))
		return last;
	return sched_least_loaded(vcpus, last);
}

unsigned int sched_balance(struct runq *rq, const struct thread *thread)
{
	uint64_t vcpus = allowed_vcpus(thread);
	unsigned int best;

	if (!(vcpus & (vcpus - 1)))
		return rq->id;
	best = sched_least_loaded(vcpus, rq->id);
	/* Even when that only moves the imbalance elsewhere: it must not always be the same threads
	 * that share a vCPU. Where somebody waits, sched_pull_older() does it. */
	return load(best) < load(rq->id) && !READ_ONCE(sched_runqs[best]->ready_count) ? best
										       : rq->id;
}

/* ---- Moving ---- */

void sched_place(struct thread *thread, unsigned int wanted)
{
	struct runq *from = sched_runqs[thread->vcpu], *to;
	uint8_t level = thread->level;
	uint64_t affinity;
	bool kick, now;

	for (;;) {
		to = sched_runqs[wanted < VCPUS_MAX ? wanted : sched_choose(thread, from->id)];
		sched_lock_two(from, to);
		if (to->is_online && sched_allowed(thread, to->id))
			break;
		sched_unlock_two(from, to);
		/* It may sleep, and be counted as taken: it shall say again that it is idle. */
		smp_kick(to->id);
		wanted = VCPUS_MAX;
	}
	/* Whoever locks the queue that guards the thread must not find it in between. */
	WRITE_ONCE(thread->vcpu, to->id);
	if (from != to)
		sched_spin_unlock(&from->lock);
	sched_enqueue(to, thread, false);
	level = thread->level;
	affinity = thread->affinity;
	kick = sched_notice(to, level);
	now = level > to->level;
	sched_spin_unlock(&to->lock);
	if (kick)
		smp_kick(to->id);
	if (!now)
		sched_offer(level, affinity);
}

void sched_offer(uint8_t level, uint64_t affinity)
{
	uint64_t vcpus = READ_ONCE(sched_online), others;
	unsigned int id;

	if (!(vcpus & (vcpus - 1)))
		return;
	if (affinity & vcpus)
		vcpus &= affinity;
	/* Pairs with sched_set_level() and sched_idle_loop(): the thread is in its queue, now look
	 * who runs less. */
	smp_mb();
	others = vcpus & ~sched_bit(VCPU(id));
	if (claim_idle(others, VCPU(id), &id)) {
		smp_kick(id);
	} else if (level > 1) {
		id = least_level(vcpus, VCPU(id));
		if (READ_ONCE(sched_levels[id]) >= level)
			return;
		if (id == VCPU(id))
			sched_upcall_soon();
		else
			smp_kick(id);
	}
}

/* A ready thread above level that may run on vCPU to. Locked. */
static struct thread *find_above(struct runq *from, uint8_t level, unsigned int to)
{
	uint64_t bits = level < THREAD_PRIORITIES ? from->ready_bits >> level << level : 0;

	while (bits) {
		unsigned int priority = 63U - (unsigned int)__builtin_clzll(bits), looks = 0;
		struct list_node *node;

		list_for_each (node, &from->ready[priority]) {
			struct thread *thread = container_of(node, struct thread, run_node);

			if (sched_allowed(thread, to) && thread != from->kept)
				return thread;
			if (++looks == PULL_LOOKS_MAX)
				break;
		}
		bits &= ~(1ULL << priority);
	}
	return NULL;
}

bool sched_pull(struct runq *rq, uint8_t level)
{
	uint64_t vcpus = READ_ONCE(sched_online) & ~sched_bit(rq->id);

	while (vcpus) {
		struct runq *from = NULL;
		uint64_t best_bits = 0;
		struct thread *thread;

		/* The one with the highest priority. */
		for (uint64_t left = vcpus; left; left &= left - 1) {
			struct runq *other = sched_runqs[__builtin_ctzll(left)];
			uint64_t bits = READ_ONCE(other->ready_bits);

			if (bits > best_bits) {
				from = other;
				best_bits = bits;
			}
		}
		if (!from || level >= THREAD_PRIORITIES || !(best_bits >> level))
			return false;
		vcpus &= ~sched_bit(from->id);
		sched_lock_two(rq, from);
		thread = rq->is_online ? find_above(from, level, rq->id) : NULL;
		if (thread) {
			sched_dequeue(from, thread);
			WRITE_ONCE(thread->vcpu, rq->id);
			sched_enqueue(rq, thread, false);
		}
		sched_unlock_two(rq, from);
		if (thread)
			return true;
	}
	return false;
}

bool sched_pull_older(struct runq *rq, unsigned int priority)
{
	struct runq *from = NULL;
	struct thread *ours, *theirs;
	unsigned int most = 0;
	bool pulled = false;

	for (uint64_t left = READ_ONCE(sched_online) & ~sched_bit(rq->id); left; left &= left - 1) {
		struct runq *other = sched_runqs[__builtin_ctzll(left)];

		if (READ_ONCE(other->ready_count) > most) {
			most = READ_ONCE(other->ready_count);
			from = other;
		}
	}
	if (!from)
		return false;
	sched_lock_two(rq, from);
	if (rq->is_online && rq->ready_bits >> priority & from->ready_bits >> priority & 1) {
		uint64_t since;

		ours = container_of(rq->ready[priority].next, struct thread, run_node);
		theirs = container_of(from->ready[priority].next, struct thread, run_node);
		since = theirs->ready_ticks;
		if ((int64_t)(ours->ready_ticks - since) > (int64_t)sched_slice_ticks / 2 &&
		    sched_allowed(theirs, rq->id)) {
			sched_dequeue(from, theirs);
			WRITE_ONCE(theirs->vcpu, rq->id);
			sched_enqueue(rq, theirs, true);
			theirs->ready_ticks = since;
			pulled = true;
		}
	}
	sched_unlock_two(rq, from);
	return pulled;
}

void sched_offer_ready(struct runq *rq)
{
	uint64_t bits = rq->ready_bits;

	for (unsigned int offers = 0; bits && offers < OFFERS_MAX;) {
		unsigned int priority = 63U - (unsigned int)__builtin_clzll(bits);
		struct list_node *node;

		list_for_each (node, &rq->ready[priority]) {
			const struct thread *thread = container_of(node, struct thread, run_node);

			if (thread == rq->kept)
				continue;
			sched_offer(thread->level, thread->affinity);
			if (++offers == OFFERS_MAX)
				break;
		}
		bits &= ~(1ULL << priority);
	}
}

void sched_pass_on(const struct runq *rq)
{
	for (uint64_t left = READ_ONCE(sched_online) & ~sched_bit(rq->id); left; left &= left - 1) {
		struct runq *from = sched_runqs[__builtin_ctzll(left)];
		uint64_t bits = READ_ONCE(from->ready_bits);

		/* An idle one runs them itself; all but real-time threads want idle ones. */
		if (READ_ONCE(from->level) == 0 || !(bits > 1 || (bits && READ_ONCE(sched_idle))))
			continue;
		sched_spin_lock(&from->lock);
		sched_offer_ready(from);
		sched_spin_unlock(&from->lock);
	}
}

void sched_after(struct runq *rq)
{
	struct thread *left = rq->left;
	unsigned int left_to = rq->left_to;
	bool wake_moved = rq->after_wake, passes = rq->pass_on && sched_is_smp();

	if (rq->offer && sched_is_smp())
		sched_offer_ready(rq);
	rq->offer = rq->pass_on = false;
	rq->left = NULL;
	rq->after_wake = false;
	rq->after = sched_many;
	sched_spin_unlock(&rq->lock);
	if (left && left->state == THREAD_GONE)
		thread_forget(left);
	else if (left)
		sched_place(left, left_to);
	if (wake_moved)
		waitq_wake_all(&sched_moved);
	if (passes)
		sched_pass_on(rq);
}

bool sched_may_spin(void)
{
	return sched_is_smp() && !READ_ONCE(VCPU(runq)->ready_bits);
}

/* ---- Idle ---- */

/* One of them will wait while another runs. Locked, and somebody is ready. */
static bool several_ready(const struct runq *rq)
{
	const struct list_node *head = &rq->ready[__builtin_ctzll(rq->ready_bits)];

	return (rq->ready_bits & (rq->ready_bits - 1)) || head->next != head->prev;
}

/* Something is ready here: switches to it. */
static void run_ready(struct runq *rq)
{
	uint64_t bits = READ_ONCE(rq->ready_bits);

	/* What kicked us may have been a better one elsewhere: we have forgotten that kick. */
	if (bits && READ_ONCE(sched_rt_ready))
		(void)sched_pull(rq, (uint8_t)(64 - __builtin_clzll(bits)));
	sched_spin_lock(&rq->lock);
	if (!rq->ready_bits) {
		sched_spin_unlock(&rq->lock);
		return;
	}
	if (rq->tick_due || !rq->tick_armed) {
		WRITE_SHARED(rq->tick_due, false);
		rq->tick_armed = rq->keep_armed = false;
		/* From here on somebody waits behind the one that runs. */
		if (several_ready(rq))
			sched_tick_arm(rq, THREAD_SLICE_NS);
	}
	sched_switch(rq);
}

_Noreturn void sched_idle_loop(void)
{
	/* The idle thread never moves. */
	struct runq *rq = VCPU(runq);
	uint64_t bit = sched_bit(rq->id);

	for (;;) {
		smp_idle();
		if (READ_ONCE(rq->ready_bits)) {
			run_ready(rq);
			continue;
		}
		/* Say so, look again, then sleep: pairs with sched_choose() and sched_offer(). A
		 * kick that comes after the look ends the sleep at once. */
		if (READ_ONCE(rq->is_online))
			__atomic_fetch_or(&sched_idle, bit, __ATOMIC_SEQ_CST);
		if (!READ_ONCE(rq->ready_bits) && !sched_pull(rq, 0) &&
		    (!netdev_look || !netdev_look()))
			sched_block_vcpu();
		__atomic_fetch_and(&sched_idle, ~bit, __ATOMIC_SEQ_CST);
		VCPU(work_pending) = false;
	}
}

static void idle_begin(void *arg)
{
	(void)arg;
	sched_switched();
	sched_idle_loop();
}

/* ---- vCPUs that come and go ---- */

/* From now on there are locks, and ready threads are counted. We hold none. */
void sched_become_many(void)
{
	bool enabled = events_disable();
	struct runq *rq = VCPU(runq);
	struct list_node *node;

	for (unsigned int priority = 0; priority < THREAD_PRIORITIES; priority++)
		list_for_each (node, &rq->ready[priority]) {
			rq->ready_count++;
			sched_rt_ready += priority > 0;
		}
	sched_many = true;
	rq->after = true;
	events_restore(enabled);
}

int sched_vcpu_prepare(struct vcpu *v)
{
	struct runq *rq = page_alloc(0, PAGE_ZERO);
	int error;

	if (v != vcpu_this() && !sched_many)
		sched_become_many();
	_Static_assert(sizeof(struct runq) <= PAGE_BYTES, "one page");
	if (!rq)
		return -ENOMEM;
	error = vm_alloc(IDLE_STACK_BYTES, 0, PT_PROT_READ | PT_PROT_WRITE, "idle stack",
			 &rq->idle_stack);
	if (error) {
		page_free(rq, 0);
		return error;
	}
	rq->id = v->id;
	for (unsigned int i = 0; i < THREAD_PRIORITIES; i++)
		list_init(&rq->ready[i]);
	timer_init(&rq->tick, sched_tick_fired);
	rq->idle.vcpu = v->id;
	rq->idle.affinity = sched_bit(v->id);
	rq->idle.state = THREAD_RUNNING;
	rq->idle.stack_start = (uintptr_t)rq->idle_stack;
	rq->idle.stack_bytes = IDLE_STACK_BYTES;
	rq->idle.stack_pointer =
		switch_prepare(rq->idle.stack_start + IDLE_STACK_BYTES, idle_begin, NULL);
	switch_save_control(&rq->idle.control);
	rq->after = sched_many;
	rq->current = &rq->idle;
	sched_runqs[v->id] = rq;
	v->runq = rq;
	v->current = &rq->idle;
	return 0;
}

uintptr_t sched_idle_stack_top(const struct vcpu *v)
{
	return v->runq->idle.stack_start + v->runq->idle.stack_bytes;
}

_Noreturn void sched_vcpu_run(void)
{
	struct runq *rq = VCPU(runq);

	sched_spin_lock(&rq->lock);
	rq->switched_tsc = cpu_rdtsc();
	sched_spin_unlock(&rq->lock);
	sched_idle_loop();
}

/* The best ready thread that may not run here, or does so no more. Locked. */
static struct thread *find_misplaced(struct runq *rq)
{
	struct list_node *node;

	for (uint64_t bits = rq->ready_bits; bits;) {
		unsigned int priority = 63U - (unsigned int)__builtin_clzll(bits);

		list_for_each (node, &rq->ready[priority]) {
			struct thread *thread = container_of(node, struct thread, run_node);

			if (!sched_allowed(thread, rq->id))
				return thread;
		}
		bits &= ~(1ULL << priority);
	}
	return NULL;
}

/* vCPUs have come or gone: places elsewhere what may not run on this one now. */
static void move_misplaced(struct runq *rq)
{
	bool leaves;

	for (;;) {
		struct thread *thread;

		sched_spin_lock(&rq->lock);
		thread = find_misplaced(rq);
		if (!thread)
			break;
		sched_dequeue(rq, thread);
		thread->state = THREAD_MOVING;
		sched_spin_unlock(&rq->lock);
		sched_place(thread, VCPUS_MAX);
	}
	leaves = rq->level > 0 && !sched_allowed(rq->current, rq->id);
	sched_spin_unlock(&rq->lock);
	if (leaves && rq == VCPU(runq))
		sched_upcall_soon();
	else if (leaves)
		smp_kick(rq->id);
}

/* The vCPU runs its idle thread, whose switch is complete. Events disabled. */
static bool is_drained(struct runq *rq)
{
	bool drained;

	sched_spin_lock(&rq->lock);
	drained = rq->current->level == 0 && !rq->ready_bits && !rq->left;
	/* Else the next switch there wakes us. */
	rq->after_wake = !drained;
	rq->after |= !drained;
	sched_spin_unlock(&rq->lock);
	return drained;
}

int sched_vcpu_drain(struct vcpu *v)
{
	struct runq *rq = v->runq;
	bool enabled = events_disable();

	sched_spin_lock(&rq->lock);
	if (!(READ_ONCE(sched_online) & ~sched_bit(v->id))) {
		sched_spin_unlock(&rq->lock);
		events_restore(enabled);
		return -EINVAL;
	}
	WRITE_SHARED(rq->is_online, false);
	__atomic_fetch_and(&sched_online, ~sched_bit(v->id), __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&sched_idle, ~sched_bit(v->id), __ATOMIC_SEQ_CST);
	sched_spin_unlock(&rq->lock);
	move_misplaced(rq);
	/* It was perhaps chosen for what is ready elsewhere. */
	sched_pass_on(rq);
	if (VCPU(runq) == rq)
		sched_leave();
	else
		smp_kick(v->id);
	events_restore(enabled);
	return waitq_wait(&sched_moved, is_drained(rq), TIME_NEVER, false);
}

void sched_vcpu_undrain(struct vcpu *v)
{
	bool enabled = events_disable();
	struct runq *rq = v->runq;
	uint64_t online;

	sched_spin_lock(&rq->lock);
	WRITE_SHARED(rq->is_online, true);
	online = __atomic_fetch_or(&sched_online, sched_bit(rq->id), __ATOMIC_SEQ_CST);
	sched_spin_unlock(&rq->lock);
	smp_kick(v->id);
	/* Those that are bound to it ran anywhere until now. */
	for (; online; online &= online - 1)
		move_misplaced(sched_runqs[__builtin_ctzll(online)]);
	events_restore(enabled);
}
