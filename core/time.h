/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time from Xen's pvclock: vcpu_time_info scaled with the time-stamp counter, and the wall clock
 * of shared_info. Monotonic time is nanoseconds since the host's boot as Xen counts it.
 * Any context, no lock. Source: Xen public/xen.h struct vcpu_time_info, struct shared_info.
 */
#ifndef CORE_TIME_H
#define CORE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_S   1000000000ULL
#define TIME_NEVER UINT64_MAX

void time_init(void);
/* Never goes backwards. */
uint64_t time_monotonic_ns(void);
/* Nanoseconds since 1970-01-01 UTC. */
uint64_t time_wall_ns(void);
/* Monotonic time at which the guest started. */
uint64_t time_boot_ns(void);
/* Nanoseconds all vCPUs have really run (runstate areas); since boot when Xen does not say. */
uint64_t time_cpu_ns(void);
/* Changes the guest's own idea of the wall clock (settimeofday). */
void time_set_wall_ns(uint64_t wall_ns);

/* Nanoseconds in ticks of the time-stamp counter: (ticks shifted left by shift, right when
 * negative) * mul / 2^32, rounded down. */
uint64_t time_scale_ticks(uint64_t ticks, uint32_t mul, int shift);

/* One-shot timers, tickless: Xen's timer is armed for the earliest deadline only, and not at all
 * when there is none. The struct belongs to the caller and must stay until it fired or was
 * cancelled. fn runs in event context on the vCPU that armed the timer, and may arm and cancel
 * timers, its own included. It never runs on two vCPUs at once. */
struct timer {
	uint64_t deadline_ns; /* monotonic */
	uint64_t wall_ns;     /* TIME_NEVER: not a time of the wall clock */
	void (*fn)(struct timer *timer);
	struct timer_queue *queue; /* the vCPU's that armed it */
	bool armed;
	/* pairing heap: first child, next sibling, and the one that points to us */
	struct timer *child, *next, *prev;
};

void timer_init(struct timer *timer, void (*fn)(struct timer *timer));
/* Arms or re-arms. A deadline in the past fires at the next chance. Any context. */
void timer_arm(struct timer *timer, uint64_t deadline_ns);
/* The same in wall-clock time: follows time_set_wall_ns(), but not changes of the host's clock. */
void timer_arm_wall(struct timer *timer, uint64_t wall_ns);
/* True when it was armed and now never fires. When its fn is running on another vCPU, waits for its
 * end: the caller holds no lock that fn takes. Any context. */
bool timer_cancel(struct timer *timer);
/* Makes Xen send an event at deadline_ns (monotonic) if not before. Events disabled. */
void timer_wake_at(uint64_t deadline_ns);

void time_suspend(void);
void time_resume(void);
/* Monotonic time at which the wall clock shows wall_ns, if nobody sets it. */
uint64_t time_of_wall_ns(uint64_t wall_ns);

struct vcpu;
/* What a vCPU needs for its timers, before it is started; once. 0, -ENOMEM, or of its event. */
int timer_vcpu_prepare(struct vcpu *vcpu);
/* Makes Xen count how the vCPU spends its time, in its runstate. 0 or -errno. Any number of times.
 */
int time_vcpu_prepare(struct vcpu *vcpu);
/* The calling vCPU's timers go to vCPU 0. Events disabled. */
void timer_vcpu_leave(void);
/* After a suspend, before another vCPU is started again: its event is bound anew when needed. */
void timer_vcpu_resume(struct vcpu *vcpu);
/* Somebody changed this vCPU's timers, perhaps. Event context. */
void timer_kicked(void);
/* The wall clock was set. */
void timer_wall_changed(void);

/* The part of resume that is core/timer.c's: a fresh VIRQ, armed again. */
void timer_resume(void);

#endif
