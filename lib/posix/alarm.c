/* SPDX-License-Identifier: BSD-2-Clause */
/* The interval timer ITIMER_REAL, which alarm() and ualarm() share. The others count processor
 * time, for which nothing interrupts a guest. */
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/time.h"
#include "lib/posix/clock.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "xen/evtchn.h"

#define US_PER_S  1000000U
#define NS_PER_US 1000U

static void on_timer(struct timer *timer);

/* Lock: events disabled. */
static struct {
	struct timer timer;
	uint64_t interval_ns;
} real = {.timer = {.fn = on_timer}};

static void on_timer(struct timer *timer)
{
	sig_send(SIGALRM, SI_KERNEL);
	if (real.interval_ns)
		timer_arm(timer, timer->deadline_ns + real.interval_ns);
}

static struct itimerval current(void)
{
	uint64_t now = time_monotonic_ns(), left = 0;

	/* A timer that runs never reads as stopped. */
	if (real.timer.armed)
		left = real.timer.deadline_ns > now + NS_PER_US ? real.timer.deadline_ns - now
								: NS_PER_US;
	return (struct itimerval){clock_timeval_from_ns(real.interval_ns),
				  clock_timeval_from_ns(left)};
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
	if (which != ITIMER_REAL)
		return (int)posix_result(-EINVAL);
	*value_out = current();
	return 0;
}

int setitimer(int which, const struct itimerval *value, struct itimerval *old_out)
{
	uint64_t value_ns, interval_ns, now = time_monotonic_ns();
	bool enabled;

	if (which != ITIMER_REAL || timeval_to_ns(&value->it_value, &value_ns) ||
	    timeval_to_ns(&value->it_interval, &interval_ns))
		return (int)posix_result(-EINVAL);
	enabled = events_disable();
	if (old_out)
		*old_out = current();
	real.interval_ns = interval_ns;
	if (!real.timer.armed)
		timer_init(&real.timer, on_timer);
	if (value_ns == 0)
		timer_cancel(&real.timer);
	else
		timer_arm(&real.timer, now + value_ns < now ? TIME_NEVER - 1 : now + value_ns);
	events_restore(enabled);
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
