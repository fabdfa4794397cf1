/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time from Xen's pvclock: vcpu_time_info scaled with the time-stamp counter, and the wall clock
 * of shared_info. Monotonic time is nanoseconds since the host's boot as Xen counts it.
 * Any context, no lock. Source: Xen public/xen.h struct vcpu_time_info, struct shared_info.
 */
#ifndef CORE_TIME_H
#define CORE_TIME_H

#include <stdint.h>

#include "lib/base/list.h"

#define NS_PER_S 1000000000ULL
#define TIME_NEVER UINT64_MAX

void time_init(void);
uint64_t time_monotonic_ns(void);
/* Nanoseconds since 1970-01-01 UTC. */
uint64_t time_wall_ns(void);
/* Monotonic time at which the guest started. */
uint64_t time_boot_ns(void);
/* Nanoseconds this vCPU has really run (runstate area); equals monotonic when unknown. */
uint64_t time_cpu_ns(void);
/* Changes the guest's own idea of the wall clock (settimeofday). */
void time_set_wall_ns(uint64_t wall_ns);

/* One-shot timers, tickless. The struct belongs to the caller and must stay until it fired or
 * was cancelled. fn runs in event context. */
struct timer {
	struct list_node node;
	uint64_t deadline_ns; /* monotonic */
	void (*fn)(struct timer *timer);
	bool armed;
};

void timer_init(struct timer *timer, void (*fn)(struct timer *timer));
/* Arms or re-arms. A deadline in the past fires at the next chance. */
void timer_arm(struct timer *timer, uint64_t deadline_ns);
/* True when it was armed and now never fires. */
bool timer_cancel(struct timer *timer);

void time_suspend(void);
void time_resume(void);

#endif
