/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers in a pairing heap, the earliest at the root: a tree in which no child is earlier than
 * its parent. Two trees are joined by hanging the later root below the earlier one. Taking the root
 * away joins its children pairwise from left to right, then all pairs from right to left.
 *
 * Guarded by the upcall mask.
 */
#include "core/panic.h"
#include "core/time.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"

static struct timer *root;
static uint64_t running_ns; /* the time timers are being run for, 0 when they are not */
static uint64_t xen_armed_ns = TIME_NEVER; /* when Xen's one-shot timer goes off */
static evtchn_port_t virq_port;

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

static void heap_remove(struct timer *timer)
{
	struct timer *children = heap_join_siblings(timer->child);

	if (timer == root) {
		root = children;
	} else {
		if (timer->prev->child == timer)
			timer->prev->child = timer->next;
		else
			timer->prev->next = timer->next;
		if (timer->next)
			timer->next->prev = timer->prev;
		root = heap_join(root, children);
	}
	timer->child = timer->next = timer->prev = NULL;
	timer->armed = false;
}

/* Runs what has come due. now_ns is read once, and a timer that arms itself for a time already gone
 * has to wait for the next event: other events have their turn in between. */
static void timers_run(void)
{
	running_ns = time_monotonic_ns();
	while (root && root->deadline_ns <= running_ns) {
		struct timer *timer = root;

		heap_remove(timer);
		timer->fn(timer);
	}
	running_ns = 0;
	if (root)
		timer_wake_at(root->deadline_ns);
}

static void virq_handler(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
	xen_armed_ns = TIME_NEVER;
	timers_run();
}

/* On first use: most programs that never sleep never pay for it. The periodic tick Xen gives
 * to every new vCPU is switched off. */
static void virq_bind(void)
{
	int error = evtchn_bind_virq(VIRQ_TIMER, 0, virq_handler, NULL, &virq_port);

	if (error)
		panic("time: no timer event: error %d", error);
	(void)hypercall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
}

/* A deadline in the past makes Xen send the event at once, so there is no -ETIME to handle. */
void timer_wake_at(uint64_t deadline_ns)
{
	struct vcpu_set_singleshot_timer set = {.timeout_abs_ns = deadline_ns};

	if (deadline_ns >= xen_armed_ns)
		return;
	if (!virq_port)
		virq_bind();
	xen_armed_ns = deadline_ns;
	if (hypercall_vcpu_op(VCPUOP_set_singleshot_timer, 0, &set))
		xen_armed_ns = TIME_NEVER;
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	*timer = (struct timer){.fn = fn};
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
	bool enabled = events_disable();

	if (timer->armed)
		heap_remove(timer);
	timer->deadline_ns = deadline_ns > running_ns ? deadline_ns : running_ns + 1;
	timer->armed = true;
	root = heap_join(root, timer);
	if (!running_ns)
		timer_wake_at(root->deadline_ns);
	events_restore(enabled);
}

bool timer_cancel(struct timer *timer)
{
	bool enabled = events_disable();
	bool was_armed = timer->armed;

	if (was_armed)
		heap_remove(timer);
	events_restore(enabled);
	return was_armed;
}

void timer_resume(void)
{
	virq_port = 0;
	xen_armed_ns = TIME_NEVER;
	if (root)
		timer_wake_at(root->deadline_ns);
}
