/* SPDX-License-Identifier: BSD-2-Clause */
/* timer_create() and its relatives. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "lib/posix/clock.h"
#include "lib/posix/clock_timer.h"
#include "lib/posix/notify.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

SIG_WANT_QUEUE();

#define THIS_PROCESS 1

struct posix_timer {
	struct clock_timer clock;
	struct sig_entry entry; /* SIGEV_SIGNAL, SIGEV_THREAD_ID */
	struct notify notify;   /* SIGEV_THREAD */
	int how;                /* SIGEV_* */
	uint32_t thread_id;
	/* Lock: sig_lock. */
	uint64_t missed; /* expirations since the last notification that had none of their own */
	int overrun;     /* of the last notification delivered */
};

/* Lock: timers_lock. A timer's index plus 1 is its timer_t. */
static struct posix_timer *timers[TIMER_MAX];
static struct spinlock timers_lock;

static int bounded(uint64_t times)
{
	return times < DELAYTIMER_MAX ? (int)times : DELAYTIMER_MAX;
}

/* sig_lock held. */
static void delivered(struct posix_timer *timer)
{
	timer->overrun = bounded(timer->missed);
	timer->missed = 0;
}

static void signal_taken(struct sig_entry *entry, siginfo_t *info_out)
{
	struct posix_timer *timer = container_of(entry, struct posix_timer, entry);

	delivered(timer);
	if (info_out)
		info_out->si_overrun = timer->overrun;
}

static void thread_taken(struct notify *notify)
{
	bool enabled = spin_lock_events(&sig_lock);

	delivered(container_of(notify, struct posix_timer, notify));
	spin_unlock_events(&sig_lock, enabled);
}

/* One notification waits at a time; what comes due meanwhile is counted (POSIX timer_getoverrun()).
 */
static void expired(struct clock_timer *clock, uint64_t times)
{
	struct posix_timer *timer = container_of(clock, struct posix_timer, clock);
	bool enabled = spin_lock_events(&sig_lock), waits;

	waits = timer->how == SIGEV_THREAD ? notify_waits(&timer->notify)
					   : sig_queue_waits(&timer->entry);
	timer->missed += times - !waits;
	spin_unlock_events(&sig_lock, enabled);
	if (waits)
		return;
	if (timer->how == SIGEV_THREAD)
		notify_post(&timer->notify);
	else if (timer->how == SIGEV_THREAD_ID)
		sig_send_entry_to(timer->thread_id, &timer->entry);
	else if (timer->how == SIGEV_SIGNAL)
		sig_send_entry(NULL, &timer->entry);
}

static int check_event(const struct sigevent *event)
{
	switch (event->sigev_notify) {
	case SIGEV_NONE:
	case SIGEV_THREAD:
		return 0;
	case SIGEV_THREAD_ID:
	case SIGEV_SIGNAL:
		return sig_valid(event->sigev_signo) ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* Its number, or -EAGAIN. */
static int enter(struct posix_timer *timer)
{
	bool enabled = spin_lock_events(&timers_lock);
	int index = 0;

	while (index < TIMER_MAX && timers[index])
		index++;
	if (index < TIMER_MAX)
		timers[index] = timer;
	spin_unlock_events(&timers_lock, enabled);
	return index < TIMER_MAX ? index + 1 : -EAGAIN;
}

static int set_up(struct posix_timer *timer, const struct sigevent *event)
{
	timer->how = event->sigev_notify;
	timer->thread_id = (uint32_t)event->sigev_notify_thread_id;
	timer->entry.taken = signal_taken;
	timer->entry.info.si_signo = event->sigev_signo;
	timer->entry.info.si_code = SI_TIMER;
	timer->entry.info.si_pid = THIS_PROCESS;
	timer->entry.info.si_value = event->sigev_value;
	return timer->how == SIGEV_THREAD ? notify_init(&timer->notify, event, thread_taken) : 0;
}

int timer_create(clockid_t clock, struct sigevent *restrict event, timer_t *restrict timer_out)
{
	static const struct sigevent signal = {.sigev_signo = SIGALRM};
	struct posix_timer *timer;
	uint64_t now;
	int result = check_event(event ? event : &signal);

	if (result || clock_read(clock, &now))
		return (int)posix_result(-EINVAL);
	timer = calloc(1, sizeof(*timer));
	if (!timer)
		return (int)posix_result(-EAGAIN);
	if (clock == CLOCK_THREAD_CPUTIME_ID)
		clock = clock_of_thread(thread_self());
	clock_timer_init(&timer->clock, clock, expired);
	result = set_up(timer, event ? event : &signal);
	if (result == 0)
		result = enter(timer);
	if (result < 0) {
		free(timer);
		return (int)posix_result(result);
	}
	timer->entry.info.si_timerid = result;
	if (!event)
		timer->entry.info.si_value.sival_int = result;
	*timer_out = (timer_t)result;
	return 0;
}

/* NULL, with errno: no such timer. The program does not delete it meanwhile. */
static struct posix_timer *find(timer_t id)
{
	struct posix_timer *timer = id >= 1 && id <= TIMER_MAX ? timers[id - 1] : NULL;

	if (!timer)
		errno = EINVAL;
	return timer;
}

int timer_delete(timer_t id)
{
	bool enabled = spin_lock_events(&timers_lock);
	struct posix_timer *timer = find(id);

	if (timer)
		timers[id - 1] = NULL;
	spin_unlock_events(&timers_lock, enabled);
	if (!timer)
		return -1;
	clock_timer_set(&timer->clock, false, 0, 0, NULL);
	sig_queue_cancel(&timer->entry);
	if (timer->how == SIGEV_THREAD)
		notify_cancel(&timer->notify);
	free(timer);
	return 0;
}

static struct itimerspec spec_of(const struct clock_timer_value *value)
{
	return (struct itimerspec){
		.it_interval = clock_from_ns(value->interval_ns),
		.it_value = clock_from_ns(value->left_ns),
	};
}

int timer_settime(timer_t id, int flags, const struct itimerspec *restrict value,
		  struct itimerspec *restrict old_out)
{
	struct posix_timer *timer = find(id);
	uint64_t value_ns, interval_ns;
	struct clock_timer_value old;

	if (!timer)
		return -1;
	/* The interval of a timer that is not armed is not looked at. */
	if (clock_to_ns(&value->it_value, &value_ns) ||
	    (value_ns && clock_to_ns(&value->it_interval, &interval_ns)))
		return (int)posix_result(-EINVAL);
	clock_timer_set(&timer->clock, flags & TIMER_ABSTIME, value_ns, value_ns ? interval_ns : 0,
			&old);
	if (old_out)
		*old_out = spec_of(&old);
	return 0;
}

int timer_gettime(timer_t id, struct itimerspec *value_out)
{
	struct posix_timer *timer = find(id);
	struct clock_timer_value value;

	if (!timer)
		return -1;
	clock_timer_get(&timer->clock, &value);
	*value_out = spec_of(&value);
	return 0;
}

int timer_getoverrun(timer_t id)
{
	struct posix_timer *timer = find(id);

	return timer ? timer->overrun : -1;
}
