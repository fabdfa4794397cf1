/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers on any of POSIX's clocks: those of timer_create() and the interval timers of processor
 * time. One on a clock that counts processor time is armed for the earliest time at which it can
 * expire and looks again then, at most every CLOCK_TIMER_CPU_NS.
 *
 * An absolute time on CLOCK_REALTIME follows when that clock is set, a relative one does not
 * (POSIX timer_settime(), clock_settime()).
 */
#ifndef LIB_POSIX_CLOCK_TIMER_H
#define LIB_POSIX_CLOCK_TIMER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "core/time.h"
#include "lib/base/list.h"

#define CLOCK_TIMER_CPU_NS 1000000U
/* A period that is shorter is counted, but not served each time: the rest of the guest runs too. */
#define CLOCK_TIMER_PERIOD_NS 50000U

struct clock_timer {
	/* Constant. */
	clockid_t clock;
	/* It came due so many times since it was called last (at least 1). Event context. */
	void (*expired)(struct clock_timer *timer, uint64_t times);

	/* Lock: clock_timer.c's. */
	uint64_t deadline_ns; /* of base; 0: disarmed */
	uint64_t interval_ns; /* 0: once */
	clockid_t base;       /* clock, but CLOCK_MONOTONIC for relative times */
	struct timer timer;
	struct list_node wall_node; /* with absolute deadlines on CLOCK_REALTIME */
};

void clock_timer_init(struct clock_timer *timer, clockid_t clock,
		      void (*expired)(struct clock_timer *timer, uint64_t times));

struct clock_timer_value {
	uint64_t left_ns; /* until it expires, at least 1 unless it is disarmed */
	uint64_t interval_ns;
};

/* value_ns: relative, or a time of the clock when absolute; 0 disarms. old_out may be NULL. Thread
 * context. */
void clock_timer_set(struct clock_timer *timer, bool absolute, uint64_t value_ns,
		     uint64_t interval_ns, struct clock_timer_value *old_out);
void clock_timer_get(struct clock_timer *timer, struct clock_timer_value *value_out);

/* CLOCK_REALTIME was set. Thread context. */
void clock_timer_wall_set(void) __attribute__((weak));

#endif
