/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/clock_timer.h"

#include <stddef.h>

#include "lib/posix/clock.h"
#include "xen/spinlock.h"

static struct spinlock lock; /* taken before core/timer.c's */
static struct list_node wall_timers = LIST_INIT(wall_timers);

/* When to look whether it has expired, not sooner than in least_ns. */
static uint64_t look_at(const struct clock_timer *timer, uint64_t now_ns, uint64_t least_ns)
{
	uint64_t left = timer->deadline_ns > now_ns ? timer->deadline_ns - now_ns : 0, at;

	left = clock_wait_ns(timer->base, left);
	if (left < least_ns)
		left = least_ns;
	at = time_monotonic_ns() + left;
	return at < left || at == TIME_NEVER ? TIME_NEVER - 1 : at;
}

static void disarm(struct clock_timer *timer)
{
	timer->deadline_ns = 0;
	list_remove(&timer->wall_node);
}

static void came_due(struct timer *armed)
{
	struct clock_timer *timer = container_of(armed, struct clock_timer, timer);
	uint64_t now_ns, times = 0;
	bool enabled = spin_lock_events(&lock);

	if (timer->deadline_ns && clock_read(timer->base, &now_ns))
		disarm(timer); /* of a thread that has ended */
	if (timer->deadline_ns && now_ns >= timer->deadline_ns) {
		times = 1;
		if (timer->interval_ns) {
			times += (now_ns - timer->deadline_ns) / timer->interval_ns;
			timer->deadline_ns += times * timer->interval_ns;
		} else {
			disarm(timer);
		}
	}
	if (timer->deadline_ns)
		timer_arm(&timer->timer, look_at(timer, now_ns, times ? CLOCK_TIMER_PERIOD_NS : 0));
	spin_unlock_events(&lock, enabled);
	if (times)
		timer->expired(timer, times);
}

void clock_timer_init(struct clock_timer *timer, clockid_t clock,
		      void (*expired)(struct clock_timer *timer, uint64_t times))
{
	*timer = (struct clock_timer){.clock = clock, .base = clock, .expired = expired};
	timer_init(&timer->timer, came_due);
	list_init(&timer->wall_node);
}

/* Lock held. */
static struct clock_timer_value current(const struct clock_timer *timer)
{
	struct clock_timer_value value = {.interval_ns = timer->interval_ns};
	uint64_t now_ns;

	if (timer->deadline_ns) {
		value.left_ns = 1;
		if (!clock_read(timer->base, &now_ns) && timer->deadline_ns > now_ns)
			value.left_ns = timer->deadline_ns - now_ns;
	}
	return value;
}

void clock_timer_get(struct clock_timer *timer, struct clock_timer_value *value_out)
{
	bool enabled = spin_lock_events(&lock);

	*value_out = current(timer);
	spin_unlock_events(&lock, enabled);
}

void clock_timer_set(struct clock_timer *timer, bool absolute, uint64_t value_ns,
		     uint64_t interval_ns, struct clock_timer_value *old_out)
{
	uint64_t now_ns = 0;
	bool enabled = spin_lock_events(&lock);

	if (old_out)
		*old_out = current(timer);
	disarm(timer);
	spin_unlock_events(&lock, enabled);
	/* Not under the lock: this may wait for came_due() on another vCPU, which finds it disarmed
	 * and does not arm it again. */
	timer_cancel(&timer->timer);

	enabled = spin_lock_events(&lock);
	disarm(timer);
	timer->interval_ns = interval_ns;
	timer->base = !absolute && timer->clock == CLOCK_REALTIME ? CLOCK_MONOTONIC : timer->clock;
	if (value_ns && !clock_read(timer->base, &now_ns)) {
		timer->deadline_ns = value_ns;
		if (!absolute && __builtin_add_overflow(now_ns, value_ns, &timer->deadline_ns))
			timer->deadline_ns = TIME_NEVER - 1;
		if (timer->base == CLOCK_REALTIME)
			list_append(&wall_timers, &timer->wall_node);
		timer_arm(&timer->timer, look_at(timer, now_ns, 0));
	}
	spin_unlock_events(&lock, enabled);
}

void clock_timer_wall_set(void)
{
	bool enabled = spin_lock_events(&lock);
	struct list_node *node;

	list_for_each (node, &wall_timers) {
		struct clock_timer *timer = container_of(node, struct clock_timer, wall_node);

		timer_arm(&timer->timer, look_at(timer, time_wall_ns(), 0));
	}
	spin_unlock_events(&lock, enabled);
}
