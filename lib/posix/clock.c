/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks and sleeping. */
#include "lib/posix/clock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "core/time.h"
#include "core/wait.h"
#include "lib/posix/cancel.h"
#include "lib/posix/clock_timer.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "xen/evtchn.h"

#define NS_PER_US 1000U

/* Absent while there is one thread, whose time is the vCPU's. */
#pragma weak thread_cpu_ns
#pragma weak thread_cpu_ns_all

/* Message queues: absent in programs that open none. */
void mq_wall_set(void) __attribute__((weak));

/* Woken when CLOCK_REALTIME was set. */
static struct waitq clock_set;

/* What clock_settime() added to CLOCK_PROCESS_CPUTIME_ID. */
static int64_t cpu_offset_ns;

int clock_to_ns(const struct timespec *time, uint64_t *ns_out)
{
	if (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= (long)NS_PER_S)
		return -EINVAL;
	if (__builtin_mul_overflow((uint64_t)time->tv_sec, NS_PER_S, ns_out) ||
	    __builtin_add_overflow(*ns_out, (uint64_t)time->tv_nsec, ns_out))
		*ns_out = TIME_NEVER - 1;
	return 0;
}

struct timespec clock_from_ns(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S),
				 .tv_nsec = (long)(ns % NS_PER_S)};
}

struct timeval clock_timeval_from_ns(uint64_t ns)
{
	return (struct timeval){.tv_sec = (time_t)(ns / NS_PER_S),
				.tv_usec = (suseconds_t)(ns % NS_PER_S / NS_PER_US)};
}

int clock_deadline(const struct timespec *timeout, uint64_t *deadline_out)
{
	uint64_t ns;
	int result = clock_to_ns(timeout, &ns);

	if (result == 0 && __builtin_add_overflow(time_monotonic_ns(), ns, deadline_out))
		*deadline_out = TIME_NEVER - 1;
	return result;
}

int clock_read(clockid_t clock, uint64_t *ns_out)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
		*ns_out = time_wall_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
		*ns_out = time_monotonic_ns();
		return 0;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns_out = time_monotonic_ns() - time_boot_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns_out = (thread_cpu_ns_all ? thread_cpu_ns_all() : time_cpu_ns()) + cpu_offset_ns;
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns_out = (thread_cpu_ns ? thread_cpu_ns(thread_self()) : time_cpu_ns()) +
			  thread_self()->signals->cpu_offset_ns;
		return 0;
	default:
		return clock_read_thread ? clock_read_thread(clock, ns_out) : -EINVAL;
	}
}

int clock_gettime(clockid_t clock, struct timespec *time_out)
{
	uint64_t ns;
	int result = clock_read(clock, &ns);

	if (result == 0)
		*time_out = clock_from_ns(ns);
	return (int)posix_result(result);
}

int clock_getres(clockid_t clock, struct timespec *resolution_out)
{
	uint64_t ns;
	int result = clock_read(clock, &ns);

	if (result == 0 && resolution_out)
		*resolution_out = (struct timespec){.tv_nsec = 1};
	return (int)posix_result(result);
}

static void set_wall(uint64_t ns)
{
	time_set_wall_ns(ns);
	waitq_wake_all(&clock_set);
	if (clock_timer_wall_set)
		clock_timer_wall_set();
	if (mq_wall_set)
		mq_wall_set();
}

/* CPU-time clocks can be set too (POSIX clock_settime(), CPT). */
int clock_settime(clockid_t clock, const struct timespec *time)
{
	uint64_t ns, now_ns;
	int result = clock_to_ns(time, &ns);

	if (result == 0)
		result = clock_read(clock, &now_ns);
	if (result == 0) {
		if (clock == CLOCK_REALTIME)
			set_wall(ns);
		else if (clock == CLOCK_PROCESS_CPUTIME_ID)
			__atomic_fetch_add(&cpu_offset_ns, (int64_t)(ns - now_ns),
					   __ATOMIC_RELAXED);
		else if (clock == CLOCK_THREAD_CPUTIME_ID)
			thread_self()->signals->cpu_offset_ns += (int64_t)(ns - now_ns);
		else
			result = -EINVAL;
	}
	return (int)posix_result(result);
}

int clock_getcpuclockid(pid_t pid, clockid_t *clock_out)
{
	if (pid != 0 && pid != 1)
		return ESRCH;
	*clock_out = CLOCK_PROCESS_CPUTIME_ID;
	return 0;
}

int gettimeofday(struct timeval *time_out, void *zone_out)
{
	*time_out = clock_timeval_from_ns(time_wall_ns());
	if (zone_out)
		*(struct timezone *)zone_out = (struct timezone){0, 0};
	return 0;
}

int settimeofday(const struct timeval *time, const struct timezone *zone)
{
	struct timespec spec;

	(void)zone;
	if (!time)
		return 0;
	spec = (struct timespec){.tv_sec = time->tv_sec,
				 .tv_nsec = (long)(time->tv_usec * NS_PER_US)};
	return clock_settime(CLOCK_REALTIME, &spec);
}

uint64_t clock_wait_ns(clockid_t clock, uint64_t left_ns)
{
	if (!clock_counts_cpu(clock))
		return left_ns;
	if (clock == CLOCK_PROCESS_CPUTIME_ID)
		left_ns /= (unsigned int)get_nprocs();
	return left_ns > CLOCK_TIMER_CPU_NS ? left_ns : CLOCK_TIMER_CPU_NS;
}

/* Sleeps until the clock says target_ns; it may be set meanwhile. 0, or -EINTR after handlers ran.
 */
static int sleep_on(clockid_t clock, uint64_t target_ns)
{
	bool enabled = events_disable();
	int result = 0;

	for (;;) {
		uint32_t wakes = waitq_wakes(&clock_set);
		uint64_t now_ns, deadline_ns;

		if (clock_read(clock, &now_ns) || now_ns >= target_ns)
			break;
		deadline_ns = time_monotonic_ns() + clock_wait_ns(clock, target_ns - now_ns);
		if (deadline_ns < target_ns - now_ns)
			deadline_ns = TIME_NEVER;
		result = waitq_sleep(&clock_set, wakes, deadline_ns, true);
		if (result != -EINTR)
			continue;
		events_restore(enabled);
		if (sig_deliver() != SIG_NONE || cancel_due())
			return -EINTR;
		events_disable();
	}
	events_restore(enabled);
	return 0;
}

/* The error is the result (POSIX clock_nanosleep()). */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
		    struct timespec *remaining_out)
{
	uint64_t now_ns, target_ns;
	int result;

	if (clock == CLOCK_THREAD_CPUTIME_ID || clock_read(clock, &now_ns) ||
	    clock_to_ns(time, &target_ns))
		return EINVAL;
	cancel_test();
	if (flags & TIMER_ABSTIME) {
		result = sleep_on(clock, target_ns);
		cancel_test();
		return -result;
	}
	/* Setting the clock does not change an interval. */
	if (!clock_counts_cpu(clock)) {
		clock = CLOCK_MONOTONIC;
		now_ns = time_monotonic_ns();
	}
	if (__builtin_add_overflow(target_ns, now_ns, &target_ns))
		target_ns = TIME_NEVER - 1;
	result = sleep_on(clock, target_ns);
	cancel_test();
	if (result && remaining_out) {
		clock_read(clock, &now_ns);
		*remaining_out = clock_from_ns(target_ns > now_ns ? target_ns - now_ns : 0);
	}
	return -result;
}

int nanosleep(const struct timespec *time, struct timespec *remaining_out)
{
	return (int)posix_result(-clock_nanosleep(CLOCK_MONOTONIC, 0, time, remaining_out));
}

unsigned int sleep(unsigned int seconds)
{
	struct timespec left = {.tv_sec = seconds};

	return nanosleep(&left, &left) ? (unsigned int)left.tv_sec + (left.tv_nsec > 0) : 0;
}

int usleep(useconds_t microseconds)
{
	struct timespec time = clock_from_ns((uint64_t)microseconds * NS_PER_US);

	return nanosleep(&time, NULL);
}
