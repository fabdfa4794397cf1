/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks and sleeping. */
#include "lib/posix/clock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <unistd.h>

#include "core/time.h"
#include "core/wait.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "xen/evtchn.h"

#define NS_PER_US 1000U

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

static int read_clock(clockid_t clock, uint64_t *ns_out)
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
	case CLOCK_THREAD_CPUTIME_ID:
		*ns_out = time_cpu_ns();
		return 0;
	default:
		return -EINVAL;
	}
}

int clock_gettime(clockid_t clock, struct timespec *time_out)
{
	uint64_t ns;
	int result = read_clock(clock, &ns);

	if (result == 0)
		*time_out = clock_from_ns(ns);
	return (int)posix_result(result);
}

int clock_getres(clockid_t clock, struct timespec *resolution_out)
{
	uint64_t ns;
	int result = read_clock(clock, &ns);

	if (result == 0 && resolution_out)
		*resolution_out = (struct timespec){.tv_nsec = 1};
	return (int)posix_result(result);
}

int clock_settime(clockid_t clock, const struct timespec *time)
{
	uint64_t ns;
	int result = clock == CLOCK_REALTIME ? clock_to_ns(time, &ns) : -EINVAL;

	if (result == 0)
		time_set_wall_ns(ns);
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

clock_t clock(void)
{
	return (clock_t)(time_cpu_ns() / (NS_PER_S / CLOCKS_PER_SEC));
}

clock_t times(struct tms *times_out)
{
	uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);

	if (times_out)
		*times_out = (struct tms){.tms_utime = (clock_t)(time_cpu_ns() / tick_ns)};
	return (clock_t)((time_monotonic_ns() - time_boot_ns()) / tick_ns);
}

int getrusage(int who, struct rusage *usage_out)
{
	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN)
		return (int)posix_result(-EINVAL);
	*usage_out = (struct rusage){0};
	if (who == RUSAGE_SELF)
		usage_out->ru_utime = clock_timeval_from_ns(time_cpu_ns());
	return 0;
}

/* Sleeps until deadline_ns, woken by nothing but signals. 0 or -EINTR after handlers have run. */
static int sleep_until(uint64_t deadline_ns)
{
	/* On the signals' queue: blocked signals wake it too, and the loop goes on. */
	int result = waitq_wait(&sig_queue, false, deadline_ns, true);

	if (result != -EINTR)
		return 0;
	sig_deliver();
	return -EINTR;
}

static void set_remaining(uint64_t deadline_ns, struct timespec *remaining_out)
{
	uint64_t now = time_monotonic_ns();

	if (remaining_out)
		*remaining_out = clock_from_ns(deadline_ns > now ? deadline_ns - now : 0);
}

/* The error is the result (POSIX clock_nanosleep()). */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
		    struct timespec *remaining_out)
{
	uint64_t deadline_ns, now, target;
	int result;

	if (clock == CLOCK_THREAD_CPUTIME_ID || read_clock(clock, &now) ||
	    clock_to_ns(time, &target))
		return EINVAL;
	if (clock == CLOCK_PROCESS_CPUTIME_ID)
		return ENOTSUP;
	if (!(flags & TIMER_ABSTIME)) {
		clock_deadline(time, &deadline_ns);
		result = sleep_until(deadline_ns);
		if (result)
			set_remaining(deadline_ns, remaining_out);
		return -result;
	}
	/* The clock may be set while we sleep: look again when the time has come. */
	do {
		result = target > now ? sleep_until(time_monotonic_ns() + (target - now)) : 0;
		read_clock(clock, &now);
	} while (result == 0 && now < target);
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
