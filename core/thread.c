/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads from outside: making and ending them, their attributes, their times.
 */
#include "core/thread.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/switch.h"
#include "core/futex.h"
#include "core/page.h"
#include "core/sched.h"
#include "lib/base/error.h"

#define ID_MAX    FUTEX_OWNER_MASK
#define ID_LISTS  256U
#define STACK_MIN 1024U

/* Locks nothing inside but run queues. */
static struct {
	struct spinlock lock;
	struct list_node all;
	struct list_node by_id[ID_LISTS];
	unsigned int count;
	uint32_t last_id;
	uint64_t gone_ns; /* processor time of threads that are gone */
} threads;

/* How ticks of the time-stamp counter become time. */
static uint32_t tsc_mul;
static int8_t tsc_shift;

/* ---- Lists ---- */

static struct thread *find_locked(uint32_t id)
{
	struct list_node *head = &threads.by_id[id % ID_LISTS], *node;

	list_for_each (node, head) {
		struct thread *thread = container_of(node, struct thread, id_node);

		if (thread->id == id)
			return thread;
	}
	return NULL;
}

struct thread *thread_find(uint32_t id)
{
	bool enabled = spin_lock_events(&threads.lock);
	struct thread *thread = find_locked(id);

	spin_unlock_events(&threads.lock, enabled);
	return thread;
}

static void remember(struct thread *thread)
{
	bool enabled = spin_lock_events(&threads.lock);

	do {
		threads.last_id = threads.last_id % ID_MAX + 1;
	} while (find_locked(threads.last_id));
	thread->id = threads.last_id;
	list_append(&threads.all, &thread->all_node);
	list_append(&threads.by_id[thread->id % ID_LISTS], &thread->id_node);
	threads.count++;
	spin_unlock_events(&threads.lock, enabled);
}

void thread_forget(struct thread *thread)
{
	spin_lock(&threads.lock);
	list_remove(&thread->all_node);
	list_remove(&thread->id_node);
	threads.count--;
	threads.gone_ns += thread_cpu_ns(thread);
	spin_unlock(&threads.lock);
	futex_owner_gone(thread);
	if (thread->gone)
		thread->gone(thread);
}

void thread_for_each(bool (*fn)(struct thread *thread, void *arg), void *arg)
{
	bool enabled = spin_lock_events(&threads.lock);
	struct list_node *node, *after;

	list_for_each_safe (node, after, &threads.all)
		if (!fn(container_of(node, struct thread, all_node), arg))
			break;
	spin_unlock_events(&threads.lock, enabled);
}

unsigned int thread_count(void)
{
	return READ_ONCE(threads.count);
}

/* ---- Times ---- */

uint64_t sched_ticks_to_ns(uint64_t ticks)
{
	return time_scale_ticks(ticks, tsc_mul, tsc_shift);
}

static void learn_ticks(void)
{
	uint64_t ticks;

	tsc_mul = VCPU(info.time.tsc_to_system_mul);
	tsc_shift = VCPU(info.time.tsc_shift);
	/* The inverse of time_scale_ticks(); a slice is below 2^24 ns. */
	_Static_assert(THREAD_SLICE_NS < 1 << 24, "fits");
	ticks = (THREAD_SLICE_NS << 32) / (tsc_mul ? tsc_mul : 1);
	sched_slice_ticks = tsc_shift >= 0 ? ticks >> tsc_shift : ticks << -tsc_shift;
}

/* What Xen kept from another vCPU until now. */
static uint64_t stolen_ns(const struct vcpu *v)
{
	const volatile struct vcpu_runstate_info *state = &v->runstate;
	uint64_t entry_ns, now_ns, ns;

	do {
		entry_ns = state->state_entry_time;
		smp_rmb();
		now_ns = time_monotonic_ns();
		ns = state->time[RUNSTATE_runnable] + state->time[RUNSTATE_blocked] +
		     state->time[RUNSTATE_offline];
		if (state->state != RUNSTATE_running && now_ns > entry_ns)
			ns += now_ns - entry_ns;
		smp_rmb();
	} while (entry_ns != state->state_entry_time);
	return ns;
}

/* Clocks that are read while others run must not go back by the little they are inexact. */
static uint64_t raise_to(uint64_t *shown_ns, uint64_t ns)
{
	uint64_t before = __atomic_load_n(shown_ns, __ATOMIC_RELAXED);

	while (before < ns && !__atomic_compare_exchange_n(shown_ns, &before, ns, false,
							   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return before < ns ? ns : before;
}

uint64_t thread_cpu_ns(struct thread *thread)
{
	bool enabled = events_disable();
	struct runq *rq = sched_lock(thread);
	uint64_t ticks = thread->ran_ticks, stolen = thread->stolen_ns, before = thread->ran_ns, ns;

	if (rq->current == thread) {
		int64_t running = (int64_t)(cpu_rdtsc() - rq->switched_tsc);
		uint64_t now_stolen = stolen_ns(vcpu_by_id[rq->id]);

		ticks += running > 0 ? (uint64_t)running : 0;
		stolen += now_stolen > rq->stolen_ns ? now_stolen - rq->stolen_ns : 0;
	}
	sched_spin_unlock(&rq->lock);
	events_restore(enabled);
	ns = before + sched_ticks_to_ns(ticks);
	return raise_to(&thread->shown_ns, ns > stolen ? ns - stolen : 0);
}

uint64_t thread_cpu_ns_all(void)
{
	static uint64_t shown_ns;
	bool enabled = spin_lock_events(&threads.lock);
	struct list_node *node;
	uint64_t ns = threads.gone_ns;

	list_for_each (node, &threads.all)
		ns += thread_cpu_ns(container_of(node, struct thread, all_node));
	spin_unlock_events(&threads.lock, enabled);
	return raise_to(&shown_ns, ns);
}

void sched_resume(void)
{
	bool enabled;
	struct list_node *node;

	enabled = spin_lock_events(&threads.lock);
	list_for_each (node, &threads.all) {
		struct thread *thread = container_of(node, struct thread, all_node);

		thread->ran_ns += sched_ticks_to_ns(thread->ran_ticks);
		thread->ran_ticks = 0;
		thread->slice_ticks = 0;
	}
	learn_ticks();
	for (unsigned int id = 0; id < VCPUS_MAX; id++) {
		if (!sched_runqs[id])
			continue;
		sched_runqs[id]->switched_tsc = cpu_rdtsc();
		sched_runqs[id]->stolen_ns = stolen_ns(vcpu_by_id[id]);
		sched_runqs[id]->runstate_ns = vcpu_by_id[id]->runstate.state_entry_time;
	}
	spin_unlock_events(&threads.lock, enabled);
}

/* ---- Making ---- */

static void copy_name(struct thread *thread, const char *name)
{
	size_t i;

	for (i = 0; i < THREAD_NAME_BYTES - 1 && name[i]; i++)
		thread->name[i] = name[i];
	thread->name[i] = '\0';
}

size_t thread_fpu_bytes(void)
{
	static size_t bytes;

	if (!bytes)
		bytes = fpu_state_bytes();
	return bytes;
}

static void *fpu_area_alloc(void)
{
	unsigned int order = 0;

	while (PAGE_BYTES << order < thread_fpu_bytes())
		order++;
	return page_alloc(order, PAGE_ZERO);
}

static void first_init(struct thread *first, struct runq *rq)
{
	first->state = THREAD_RUNNING;
	first->level = (uint8_t)(first->priority + 1);
	first->vcpu = rq->id;
	first->affinity = UINT64_MAX;
	first->ran_ns = time_cpu_ns();
	list_init(&first->pi_waiters);
	copy_name(first, "main");
	remember(first);
	rq->current = first;
	rq->level = first->level;
	sched_levels[rq->id] = rq->level;
	rq->switched_tsc = cpu_rdtsc();
	rq->runstate_ns = VCPU(runstate.state_entry_time);
	rq->stolen_ns = stolen_ns(vcpu_this());
	rq->is_online = true;
	sched_online = sched_bit(rq->id);
	VCPU(current) = first;
}

int sched_boot(void)
{
	struct vcpu *v = vcpu_this();
	int error;

	futex_boot();
	learn_ticks();
	sched_has_fsgsbase = switch_has_fsgsbase();
	sched_vectors = VCPU(string_vectors);
	list_init(&threads.all);
	for (unsigned int i = 0; i < ID_LISTS; i++)
		list_init(&threads.by_id[i]);
	thread_first.fpu_area = fpu_area_alloc();
	if (!thread_first.fpu_area)
		return -ENOMEM;
	error = sched_vcpu_prepare(v);
	if (error)
		return error;
	first_init(&thread_first, v->runq);
	if (!sched_has_fsgsbase)
		sched_become_many();
	return 0;
}

/* The other vCPUs are of no use before there is a second thread. */
static void start_others(void)
{
	if (__atomic_exchange_n(&sched_started, true, __ATOMIC_RELAXED))
		return;
	smp_start();
}

static bool fits(enum thread_policy policy, unsigned int priority)
{
	if (policy == THREAD_OTHER)
		return priority == 0;
	return (policy == THREAD_FIFO || policy == THREAD_RR) && priority > 0 &&
	       priority <= THREAD_PRIORITY_MAX;
}

static void begin(void *arg)
{
	struct thread *self = arg;

	sched_switched();
	events_restore(true);
	self->entry(self->arg);
	thread_exit();
}

int thread_create(struct thread *thread, const struct thread_attr *attr, void (*entry)(void *arg),
		  void *arg)
{
	uintptr_t top = ((uintptr_t)attr->stack + attr->stack_bytes) & -16UL;

	if (attr->stack_bytes < STACK_MIN || !attr->fpu_area ||
	    (uintptr_t)attr->fpu_area % FPU_STATE_ALIGN || !fits(attr->policy, attr->priority))
		return -EINVAL;
	start_others();
	*thread = (struct thread){
		.state = THREAD_MOVING,
		.vcpu = thread_vcpu(),
		.policy = (uint8_t)attr->policy,
		.priority = (uint8_t)attr->priority,
		.base_priority = (uint8_t)attr->priority,
		.level = (uint8_t)(attr->priority + 1),
		.affinity = attr->affinity ? attr->affinity : UINT64_MAX,
		.fs_base = attr->fs_base,
		.fpu_area = attr->fpu_area,
		.stack_start = (uintptr_t)attr->stack,
		.stack_bytes = attr->stack_bytes,
		.entry = entry,
		.arg = arg,
		.gone = attr->gone,
	};
	thread->stack_pointer = switch_prepare(top, begin, thread);
	switch_save_control(&thread->control);
	list_init(&thread->pi_waiters);
	copy_name(thread, attr->name ? attr->name : "");
	remember(thread);
	return 0;
}

void thread_start(struct thread *thread)
{
	bool enabled = events_disable();
	uint64_t online = READ_ONCE(sched_online), vcpus = thread->affinity & online;
	unsigned int here = VCPU(id);
	bool stays;

	thread->vcpu = sched_least_loaded(vcpus ? vcpus : online, here);
	/* A vCPU that sleeps may be long in waking where several share a processor: then it takes
	 * the thread from here. Whoever has time first starts it, before those created later. */
	stays = !READ_ONCE(sched_levels[thread->vcpu]) && thread->priority == 0 &&
		sched_allowed(thread, here);
	sched_place(thread, stays ? here : VCPUS_MAX);
	sched_restore(enabled);
}

unsigned int thread_vcpu(void)
{
	return VCPU(id);
}

/* ---- Priorities ---- */

static uint8_t effective(const struct thread *thread)
{
	uint8_t priority = thread->base_priority;

	if (thread->ceiling > priority)
		priority = thread->ceiling;
	return thread->inherited > priority ? thread->inherited : priority;
}

static void set_priority(struct thread *thread, uint8_t priority)
{
	WRITE_SHARED(thread->priority, priority);
	WRITE_SHARED(thread->level, (uint8_t)(priority + 1));
}

enum place { PLACE_KEEP, PLACE_HEAD, PLACE_TAIL };

/* What a change means to the vCPU where the thread runs. Locked. True: kick it. */
static bool changed_running(struct runq *rq, struct thread *thread, enum place place)
{
	uint64_t better = rq->ready_bits >> thread->priority;
	bool look = better > 1, raised = thread->level > rq->level;

	if (thread->level != rq->level)
		sched_set_level(rq, thread->level);
	/* What was put here to push it aside is now another vCPU's. */
	if (raised)
		sched_offer_ready(rq);
	if (place == PLACE_TAIL && better) {
		thread->to_tail = true;
		look = true;
	}
	if (!look || rq != VCPU(runq))
		return look;
	/* Of its equals the upcall takes care. */
	if (better > 1)
		rq->resched = true;
	else
		sched_upcall_soon();
	return false;
}

/* Gives a thread of the locked queue its effective priority, and unlocks. PLACE_KEEP is for
 * inheritance and ceilings: they raise a thread to the head and lower it to the head (POSIX, under
 * PTHREAD_PRIO_INHERIT: it is not moved to the tail). */
static void apply(struct runq *rq, struct thread *thread, enum place place)
{
	uint8_t before = thread->priority, after = effective(thread), level;
	uint64_t affinity = thread->affinity;
	bool kick = false, offer = false, raised = false;
	unsigned int id = rq->id;

	if (READ_SHARED(thread->state) == THREAD_READY &&
	    (after != before || place == PLACE_TAIL)) {
		sched_dequeue(rq, thread);
		set_priority(thread, after);
		sched_enqueue(rq, thread, place != PLACE_TAIL);
		/* Also when it is no better than before: an idle vCPU may have looked just when it
		 * was in no list. */
		kick = sched_notice(rq, thread->level);
		offer = thread->level <= rq->level;
	} else {
		set_priority(thread, after);
		raised = rq->current == thread && after > before;
		if (rq->current == thread)
			kick = changed_running(rq, thread, place);
	}
	level = thread->level;
	sched_spin_unlock(&rq->lock);
	if (kick)
		smp_kick(id);
	if (offer)
		sched_offer(level, affinity);
	if (raised && READ_ONCE(sched_rt_ready))
		sched_pass_on(rq);
}

int thread_set_policy(struct thread *thread, enum thread_policy policy, unsigned int priority)
{
	struct runq *rq;
	bool enabled;

	if (!fits(policy, priority))
		return -EINVAL;
	enabled = events_disable();
	rq = sched_lock(thread);
	thread->policy = (uint8_t)policy;
	thread->base_priority = (uint8_t)priority;
	apply(rq, thread, PLACE_TAIL);
	futex_priority_changed(thread);
	sched_restore(enabled);
	return 0;
}

int thread_set_priority(struct thread *thread, unsigned int priority)
{
	bool enabled = events_disable();
	struct runq *rq = sched_lock(thread);
	enum place place = priority > thread->base_priority ? PLACE_TAIL : PLACE_HEAD;

	if (!fits((enum thread_policy)thread->policy, priority)) {
		sched_spin_unlock(&rq->lock);
		events_restore(enabled);
		return -EINVAL;
	}
	if (priority == thread->base_priority)
		place = PLACE_KEEP;
	thread->base_priority = (uint8_t)priority;
	apply(rq, thread, place);
	futex_priority_changed(thread);
	sched_restore(enabled);
	return 0;
}

void thread_set_ceiling(struct thread *thread, unsigned int priority)
{
	bool enabled = events_disable();
	struct runq *rq = sched_lock(thread);

	thread->ceiling = (uint8_t)priority;
	apply(rq, thread, PLACE_KEEP);
	futex_priority_changed(thread);
	sched_restore(enabled);
}

void thread_set_inherited(struct thread *thread, unsigned int priority)
{
	struct runq *rq = sched_lock(thread);

	thread->inherited = (uint8_t)priority;
	apply(rq, thread, PLACE_KEEP);
}

/* ---- Affinity ---- */

/* Nothing keeps the thread on a vCPU it may not run on. Events disabled. */
static bool settled(struct thread *thread)
{
	struct runq *rq = sched_lock(thread);
	bool is_settled = rq->current != thread || sched_allowed(thread, rq->id);

	if (!is_settled) {
		/* The next switch there wakes us. */
		rq->after_wake = true;
		rq->after = true;
	}
	sched_spin_unlock(&rq->lock);
	return is_settled;
}

int thread_set_affinity(struct thread *thread, uint64_t mask)
{
	bool enabled = events_disable(), moving = false, offer;
	struct runq *rq;
	uint8_t level;

	start_others();
	if (!(mask & READ_ONCE(sched_online))) {
		events_restore(enabled);
		return -EINVAL;
	}
	rq = sched_lock(thread);
	thread->affinity = mask;
	if (READ_SHARED(thread->state) == THREAD_READY && !sched_allowed(thread, rq->id)) {
		sched_dequeue(rq, thread);
		thread->state = THREAD_MOVING;
		moving = true;
	}
	offer = READ_SHARED(thread->state) == THREAD_READY;
	level = thread->level;
	sched_spin_unlock(&rq->lock);
	if (offer)
		sched_offer(level, mask);
	if (moving)
		sched_place(thread, VCPUS_MAX);
	else if (thread == thread_self() && !sched_allowed(thread, VCPU(id)))
		sched_leave();
	else if (!settled(thread))
		smp_kick(READ_ONCE(thread->vcpu));
	sched_restore(enabled);
	if (enabled)
		(void)waitq_wait(&sched_moved, settled(thread), TIME_NEVER, false);
	return 0;
}
