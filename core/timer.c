/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers in a pairing heap, the earliest at the root: a tree in which no child is earlier than
 * its parent. Two trees are joined by hanging the later root below the earlier one. Taking the root
 * away joins its children pairwise from left to right, then all pairs from right to left.
 *
 * Each vCPU has a heap. A timer belongs to the queue it was armed in last, and that queue's lock
 * guards it. A queue's handler runs on its own vCPU, without the lock.
 */
#include "core/heap.h"
#include "core/panic.h"
#include "core/smp.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"
#include "xen/spinlock.h"

/* Where it is not linked there is one vCPU. */
#pragma weak smp_kick

/* Looks at another vCPU's handler before we offer our processor. */
#define PAUSES_MAX 1000u

struct timer_queue {
	struct spinlock lock;
	struct timer *root;
	struct timer *running; /* whose fn runs now */
	uint32_t runs;         /* counts them */
	/* the time timers are being run for, 0 when they are not */
	uint64_t running_ns;
	/* When Xen's one-shot timer goes off, 0: never. Only the vCPU itself sets it, without the
	 * lock. */
	uint64_t xen_armed_ns;
	evtchn_port_t virq_port;
	uint32_t vcpu;
	bool changed; /* by another vCPU: look for the next deadline */
};

static struct timer_queue first_queue;

/* Joins two trees; either may be NULL. */
static struct timer *heap_join(struct timer *a, struct timer *b)
{
	if (!a || !b)
		return a ? a : b;
	if (b->deadline_ns < a->deadline_ns) {
		struct timer *swap = a;

		a = b;
		b = swap;
	}
	b->prev = a;
	b->next = a->child;
	if (a->child)
		a->child->prev = b;
	a->child = b;
	a->next = a->prev = NULL;
	return a;
}

/* Joins a list of siblings into one tree. */
static struct timer *heap_join_siblings(struct timer *first)
{
	struct timer *pairs = NULL, *tree = NULL;

	while (first) {
		struct timer *a = first, *b = a->next;

		first = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = heap_join(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct timer *pair = pairs;

		pairs = pair->next;
		pair->next = NULL;
		tree = heap_join(tree, pair);
	}
	return tree;
}

/* Takes it out of the queue, which is locked. */
static void heap_remove(struct timer_queue *queue, struct timer *timer)
{
	struct timer *children = heap_join_siblings(timer->child);

	if (timer == queue->root) {
		queue->root = children;
	} else {
		if (timer->prev->child == timer)
			timer->prev->child = timer->next;
		else
			timer->prev->next = timer->next;
		if (timer->next)
			timer->next->prev = timer->prev;
		queue->root = heap_join(queue->root, children);
	}
	timer->child = timer->next = timer->prev = NULL;
	timer->armed = false;
}

static void heap_insert(struct timer_queue *queue, struct timer *timer)
{
	timer->armed = true;
	queue->root = heap_join(queue->root, timer);
}

/* Until start of day has come that far, there is vCPU 0 alone. */
static struct timer_queue *queue_here(void)
{
	struct timer_queue *queue = VCPU(timers);

	return queue ? queue : &first_queue;
}

/* Zeros are a timer that was never armed. */
static struct timer_queue *queue_of(const struct timer *timer)
{
	struct timer_queue *queue = READ_ONCE(timer->queue);

	return queue ? queue : &first_queue;
}

/* The timer's queue, locked. */
static struct timer_queue *queue_lock(struct timer *timer)
{
	for (;;) {
		struct timer_queue *queue = queue_of(timer);

		spin_lock(&queue->lock);
		if (queue == queue_of(timer))
			return queue;
		spin_unlock(&queue->lock);
	}
}

/* Runs what has come due. The time is read once, and a timer that arms itself for a time already
 * gone has to wait for the next event: other events have their turn in between. */
static void timers_run(struct timer_queue *queue)
{
	uint64_t next_ns;

	spin_lock(&queue->lock);
	queue->running_ns = time_monotonic_ns();
	while (queue->root && queue->root->deadline_ns <= queue->running_ns) {
		struct timer *timer = queue->root;

		heap_remove(queue, timer);
		queue->running = timer;
		queue->runs++;
		spin_unlock(&queue->lock);
		timer->fn(timer);
		spin_lock(&queue->lock);
		/* What fn did is seen by who waits for its end. The timer itself may be gone. */
		__atomic_store_n(&queue->running, NULL, __ATOMIC_RELEASE);
	}
	queue->running_ns = 0;
	next_ns = queue->root ? queue->root->deadline_ns : TIME_NEVER;
	spin_unlock(&queue->lock);
	timer_wake_at(next_ns);
}

static void virq_handler(evtchn_port_t port, void *arg)
{
	struct timer_queue *queue = arg;

	(void)port;
	queue->xen_armed_ns = 0;
	timers_run(queue);
}

/* The periodic tick Xen gives to every new vCPU is switched off. */
static COLD int virq_bind(struct timer_queue *queue)
{
	int error =
		evtchn_bind_virq(VIRQ_TIMER, queue->vcpu, virq_handler, queue, &queue->virq_port);

	if (!error)
		(void)hypercall_vcpu_op(VCPUOP_stop_periodic_timer, queue->vcpu, NULL);
	return error;
}

/* A deadline in the past makes Xen send the event at once, so there is no -ETIME to handle. vCPU
 * 0's event is bound on first use: most programs that never sleep never pay for it. */
void timer_wake_at(uint64_t deadline_ns)
{
	struct vcpu_set_singleshot_timer set = {.timeout_abs_ns = deadline_ns};
	struct timer_queue *queue = queue_here();
	int error;

	if (deadline_ns == TIME_NEVER ||
	    (queue->xen_armed_ns && deadline_ns >= queue->xen_armed_ns))
		return;
	error = queue->virq_port ? 0 : virq_bind(queue);
	if (error)
		panic("time: no timer event: error %d", error);
	queue->xen_armed_ns = deadline_ns;
	if (hypercall_vcpu_op(VCPUOP_set_singleshot_timer, queue->vcpu, &set))
		queue->xen_armed_ns = 0;
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	*timer = (struct timer){.fn = fn};
}

/* Locks the queue the timer is to be armed in, the timer not armed: this vCPU's, or the one where
 * its fn runs now, so that it never runs twice at a time. That one looks for the next deadline
 * when fn is done. */
static struct timer_queue *queue_for_arming(struct timer *timer)
{
	struct timer_queue *here = queue_here();

	for (;;) {
		struct timer_queue *queue = queue_lock(timer);

		if (timer->armed)
			heap_remove(queue, timer);
		if (queue == here || queue->running == timer)
			return queue;
		WRITE_ONCE(timer->queue, here);
		spin_unlock(&queue->lock);
	}
}

static void arm(struct timer *timer, uint64_t deadline_ns, uint64_t wall_ns)
{
	bool enabled = events_disable();
	struct timer_queue *queue = queue_for_arming(timer);
	uint64_t next_ns = TIME_NEVER;

	timer->wall_ns = wall_ns;
	/* Under the lock: see timer_wall_changed(). */
	if (wall_ns != TIME_NEVER)
		deadline_ns = time_of_wall_ns(wall_ns);
	timer->deadline_ns = deadline_ns > queue->running_ns ? deadline_ns : queue->running_ns + 1;
	heap_insert(queue, timer);
	if (!queue->running_ns)
		next_ns = queue->root->deadline_ns;
	spin_unlock(&queue->lock);
	timer_wake_at(next_ns);
	events_restore(enabled);
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
	arm(timer, deadline_ns, TIME_NEVER);
}

bool timer_cancel(struct timer *timer)
{
	bool enabled = events_disable();
	struct timer_queue *queue = queue_lock(timer);
	bool was_armed = timer->armed, runs_elsewhere;
	uint32_t runs = queue->runs;

	if (was_armed)
		heap_remove(queue, timer);
	runs_elsewhere = queue->running == timer && queue != queue_here();
	spin_unlock(&queue->lock);
	for (unsigned int pauses = 1; runs_elsewhere; pauses++) {
		cpu_relax();
		if (pauses % PAUSES_MAX == 0)
			hypercall_sched_yield();
		runs_elsewhere = __atomic_load_n(&queue->running, __ATOMIC_ACQUIRE) == timer &&
				 READ_ONCE(queue->runs) == runs;
	}
	events_restore(enabled);
	return was_armed;
}

void timer_arm_wall(struct timer *timer, uint64_t wall_ns)
{
	arm(timer, 0, wall_ns);
}

/* All timers of a heap as a list, in no order. */
static struct timer *heap_flatten(struct timer *todo)
{
	struct timer *list = NULL;

	while (todo) {
		struct timer *timer = todo, *last = timer->child;

		todo = timer->next;
		if (last) {
			while (last->next)
				last = last->next;
			last->next = todo;
			todo = timer->child;
		}
		timer->child = timer->prev = NULL;
		timer->next = list;
		list = timer;
	}
	return list;
}

/* The vCPU looks at its queue soon. */
static void queue_changed(struct timer_queue *queue)
{
	if (queue == queue_here()) {
		timers_run(queue);
	} else {
		WRITE_ONCE(queue->changed, true);
		smp_kick(queue->vcpu);
	}
}

void timer_kicked(void)
{
	struct timer_queue *queue = queue_here();

	if (READ_ONCE(queue->changed)) {
		WRITE_ONCE(queue->changed, false);
		timers_run(queue);
	}
}

static void queue_follow_wall(struct timer_queue *queue)
{
	bool enabled = spin_lock_events(&queue->lock);
	struct timer *list = heap_flatten(queue->root);
	uint64_t now_ns = time_monotonic_ns();

	queue->root = NULL;
	while (list) {
		struct timer *timer = list;

		list = timer->next;
		timer->next = NULL;
		if (timer->wall_ns != TIME_NEVER)
			timer->deadline_ns = time_of_wall_ns(timer->wall_ns);
		/* Reached is over, though the clock may be set back before the timer has run. */
		if (timer->deadline_ns <= now_ns)
			timer->wall_ns = TIME_NEVER;
		heap_insert(queue, timer);
	}
	spin_unlock(&queue->lock);
	/* Within a handler the queue is looked at again anyway. */
	if (!queue->running_ns)
		queue_changed(queue);
	events_restore(enabled);
}

void timer_wall_changed(void)
{
	queue_follow_wall(&first_queue);
	for (unsigned int id = 1; id < VCPUS_MAX; id++)
		if (vcpu_by_id[id] && vcpu_by_id[id]->timers)
			queue_follow_wall(vcpu_by_id[id]->timers);
}

int timer_vcpu_prepare(struct vcpu *vcpu)
{
	struct timer_queue *queue = heap_alloc_zeroed(sizeof(*queue));
	int error;

	if (!queue)
		return -ENOMEM;
	queue->vcpu = vcpu->id;
	error = virq_bind(queue);
	if (error)
		heap_free(queue);
	else
		vcpu->timers = queue;
	return error;
}

/* The only place with two locks: vCPU 0's is the second. */
void timer_vcpu_leave(void)
{
	struct timer_queue *queue = queue_here();
	struct timer *list;

	(void)hypercall_vcpu_op(VCPUOP_stop_singleshot_timer, queue->vcpu, NULL);
	queue->xen_armed_ns = 0;
	spin_lock(&queue->lock);
	spin_lock(&first_queue.lock);
	list = heap_flatten(queue->root);
	queue->root = NULL;
	while (list) {
		struct timer *timer = list;

		list = timer->next;
		timer->next = NULL;
		WRITE_ONCE(timer->queue, &first_queue);
		heap_insert(&first_queue, timer);
	}
	spin_unlock(&first_queue.lock);
	spin_unlock(&queue->lock);
	queue_changed(&first_queue);
}

void timer_vcpu_resume(struct vcpu *vcpu)
{
	vcpu->timers->virq_port = 0;
	vcpu->timers->xen_armed_ns = 0;
}

/* Ports and Xen's timers are gone; other vCPUs' are bound when they are brought up again. */
COLD void timer_resume(void)
{
	first_queue.virq_port = 0;
	first_queue.xen_armed_ns = 0;
	if (first_queue.root)
		timer_wake_at(first_queue.root->deadline_ns);
}
