/* SPDX-License-Identifier: BSD-2-Clause */
/* The interval timers; alarm() and ualarm() share ITIMER_REAL. */
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/time.h"
#include "lib/posix/clock.h"
#include "lib/posix/clock_timer.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

#define US_PER_S  1000000U
#define NS_PER_US 1000U

static struct clock_timer timers[ITIMER_PROF + 1];
static bool timers_ready;
static struct spinlock timers_lock;

_Static_assert(ITIMER_REAL == 0 && ITIMER_VIRTUAL == 1 && ITIMER_PROF == 2, "indices");

static void expired(struct clock_timer *timer, uint64_t times)
{
	static const int signals[] = {SIGALRM, SIGVTALRM, SIGPROF};

	(void)times;
	sig_send(signals[timer - timers], SI_KERNEL);
}

/* Kernel and program are one, so virtual time is all time. NULL: -EINVAL. */
static struct clock_timer *find(int which)
{
	bool enabled;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return NULL;
	enabled = spin_lock_events(&timers_lock);
	if (!timers_ready) {
		clock_timer_init(&timers[ITIMER_REAL], CLOCK_MONOTONIC, expired);
		clock_timer_init(&timers[ITIMER_VIRTUAL], CLOCK_PROCESS_CPUTIME_ID, expired);
		clock_timer_init(&timers[ITIMER_PROF], CLOCK_PROCESS_CPUTIME_ID, expired);
		timers_ready = true;
	}
	spin_unlock_events(&timers_lock, enabled);
	return &timers[which];
}

/* A timer that runs never reads as stopped. */
static struct itimerval itimerval_of(const struct clock_timer_value *value)
{
	uint64_t left_ns = value->left_ns;

	if (left_ns && left_ns < NS_PER_US)
		left_ns = NS_PER_US;
	return (struct itimerval){clock_timeval_from_ns(value->interval_ns),
				  clock_timeval_from_ns(left_ns)};
}

static int timeval_to_ns(const struct timeval *time, uint64_t *ns_out)
{
	struct timespec spec = {time->tv_sec, (long)time->tv_usec * (long)NS_PER_US};

	return time->tv_usec < 0 || time->tv_usec >= (suseconds_t)US_PER_S
		       ? -EINVAL
		       : clock_to_ns(&spec, ns_out);
}

int getitimer(int which, struct itimerval *value_out)
{
	struct clock_timer *timer = find(which);
	struct clock_timer_value value;

	if (!timer)
		return (int)posix_result(-EINVAL);
	clock_timer_get(timer, &value);
	*value_out = itimerval_of(&value);
	return 0;
}

int setitimer(int which, const struct itimerval *value, struct itimerval *old_out)
{
	struct clock_timer *timer = find(which);
	uint64_t value_ns, interval_ns;
	struct clock_timer_value old;

	if (!timer || timeval_to_ns(&value->it_value, &value_ns) ||
	    timeval_to_ns(&value->it_interval, &interval_ns))
		return (int)posix_result(-EINVAL);
	clock_timer_set(timer, false, value_ns, interval_ns, &old);
	if (old_out)
		*old_out = itimerval_of(&old);
	return 0;
}

unsigned int alarm(unsigned int seconds)
{
	struct itimerval value = {.it_value = {.tv_sec = seconds}}, old;

	setitimer(ITIMER_REAL, &value, &old);
	return (unsigned int)old.it_value.tv_sec +
	       (old.it_value.tv_usec >= (suseconds_t)US_PER_S / 2 ||
		(old.it_value.tv_sec == 0 && old.it_value.tv_usec > 0));
}

useconds_t ualarm(useconds_t microseconds, useconds_t interval)
{
	struct itimerval value =
				 {
					 .it_value = {microseconds / US_PER_S,
						      (suseconds_t)(microseconds % US_PER_S)},
					 .it_interval = {interval / US_PER_S,
							 (suseconds_t)(interval % US_PER_S)},
				 },
			 old;

	setitimer(ITIMER_REAL, &value, &old);
	return (useconds_t)old.it_value.tv_sec * US_PER_S + (useconds_t)old.it_value.tv_usec;
}
