/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeps, time-outs and timers: nobody is woken early, who asked for less is woken first, and no
 * expiry is lost. How late somebody is woken depends on the machine and is not looked at.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/guest/check.h"

#define SLEEPERS    24
#define STEP_NS     20000000LL
#define TIMERS      16
#define READERS     8
#define READS       20000
#define PERIOD_NS   5000000LL
#define PERIODIC_NS 1000000000LL

static int64_t ns_of(const struct timespec *time)
{
	return time->tv_sec * 1000000000LL + time->tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return ns_of(&now);
}

/* --- sleepers --- */

struct sleeper {
	int64_t wake_ns; /* CLOCK_MONOTONIC */
	int64_t woke_ns;
	int kind, result;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int wait_condition(const struct timespec *until)
{
	pthread_condattr_t attr;
	pthread_cond_t never;
	int result;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&never, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_lock(&lock);
	do
		result = pthread_cond_timedwait(&never, &lock, until);
	while (result == 0); /* spurious */
	pthread_mutex_unlock(&lock);
	pthread_cond_destroy(&never);
	return result == ETIMEDOUT ? 0 : result;
}

static int wait_semaphore(int64_t left_ns)
{
	struct timespec until = timespec_of(now_ns(CLOCK_REALTIME) + left_ns);
	sem_t never;
	int result;

	sem_init(&never, 0, 0);
	result = sem_timedwait(&never, &until) == -1 && errno == ETIMEDOUT ? 0 : 1;
	sem_destroy(&never);
	return result;
}

static void *sleep_until(void *arg)
{
	struct sleeper *me = arg;
	struct timespec until = timespec_of(me->wake_ns), left;

	switch (me->kind) {
	case 0:
		me->result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		break;
	case 1:
		me->result = wait_condition(&until);
		break;
	case 2:
		left = timespec_of(me->wake_ns - now_ns(CLOCK_MONOTONIC));
		me->result = nanosleep(&left, NULL);
		break;
	default:
		me->result = wait_semaphore(me->wake_ns - now_ns(CLOCK_MONOTONIC));
		break;
	}
	me->woke_ns = now_ns(CLOCK_MONOTONIC);
	return NULL;
}

static void test_sleepers(void)
{
	int64_t begin_ns = now_ns(CLOCK_MONOTONIC) + 500000000;
	struct sleeper sleepers[SLEEPERS];
	pthread_t threads[SLEEPERS];

	for (int i = 0; i < SLEEPERS; i++) {
		/* The order of creation is not the order of waking. */
		int place = i * 7 % SLEEPERS;

		sleepers[place] =
			(struct sleeper){.wake_ns = begin_ns + place * STEP_NS, .kind = place % 4};
		CHECK(pthread_create(&threads[place], NULL, sleep_until, &sleepers[place]) == 0);
	}
	for (int i = 0; i < SLEEPERS; i++) {
		CHECK(pthread_join(threads[i], NULL) == 0);
		CHECK(sleepers[i].result == 0);
		CHECK(sleepers[i].woke_ns >= sleepers[i].wake_ns);
	}
}

/* --- one clock for all vCPUs --- */

static int64_t newest_ns; /* lock: lock */

static void *read_clock(void *arg)
{
	uintptr_t wrong = 0;

	for (int i = 0; i < READS; i++) {
		pthread_mutex_lock(&lock);
		int64_t now = now_ns(CLOCK_MONOTONIC);

		if (now < newest_ns)
			wrong++;
		newest_ns = now;
		pthread_mutex_unlock(&lock);
	}
	(void)arg;
	return (void *)wrong;
}

static void test_clock(void)
{
	pthread_t threads[READERS];
	void *wrong;

	for (int i = 0; i < READERS; i++)
		CHECK(pthread_create(&threads[i], NULL, read_clock, NULL) == 0);
	for (int i = 0; i < READERS; i++)
		CHECK(pthread_join(threads[i], &wrong) == 0 && !wrong);
}

/* --- timers --- */

/* Queued signals of one number arrive in the order in which the timers expired. */
static void test_timer_signals(void)
{
	int64_t begin_ns = now_ns(CLOCK_MONOTONIC) + 200000000;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
	const struct timespec patience = {.tv_sec = 20};
	timer_t timers[TIMERS];
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	for (int i = 0; i < TIMERS; i++) {
		int place = i * 5 % TIMERS;
		struct itimerspec when = {.it_value = timespec_of(begin_ns + place * STEP_NS)};

		event.sigev_value.sival_int = place;
		CHECK(timer_create(CLOCK_MONOTONIC, &event, &timers[place]) == 0);
		CHECK(timer_settime(timers[place], TIMER_ABSTIME, &when, NULL) == 0);
	}
	for (int i = 0; i < TIMERS; i++) {
		CHECK(sigtimedwait(&set, &info, &patience) == SIGRTMIN + 1);
		CHECK(info.si_value.sival_int == i && info.si_code == SI_TIMER);
		CHECK(now_ns(CLOCK_MONOTONIC) >= begin_ns + i * STEP_NS);
	}
	for (int i = 0; i < TIMERS; i++)
		CHECK(timer_delete(timers[i]) == 0);
	CHECK(sigtimedwait(&set, &info, &(struct timespec){0}) == -1 && errno == EAGAIN);
}

static unsigned int notified;

static void notify(union sigval value)
{
	__atomic_fetch_add(&notified, (unsigned int)value.sival_int, __ATOMIC_RELAXED);
}

/* Every expiry is delivered or counted as an overrun. */
static void test_periodic(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2};
	const struct itimerspec each = {timespec_of(PERIOD_NS), timespec_of(PERIOD_NS)},
				never = {{0}, {0}};
	int64_t begin_ns, end_ns, expired = 0, overrun;
	siginfo_t info;
	timer_t timer;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	begin_ns = now_ns(CLOCK_MONOTONIC);
	CHECK(timer_settime(timer, 0, &each, NULL) == 0);
	do {
		if (sigtimedwait(&set, &info, &(struct timespec){.tv_sec = 20}) != SIGRTMIN + 2)
			break;
		overrun = timer_getoverrun(timer);
		expired += 1 + overrun;
		end_ns = now_ns(CLOCK_MONOTONIC);
		/* Never more than there was time for. */
		CHECK(expired <= (end_ns - begin_ns) / PERIOD_NS);
	} while (end_ns - begin_ns < PERIODIC_NS);
	CHECK(timer_settime(timer, 0, &never, NULL) == 0);
	CHECK(expired >= 10);
	CHECK(timer_delete(timer) == 0);
}

static void test_notification(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify};
	struct itimerspec when = {.it_value = {.tv_nsec = 10000000}};
	int64_t end_ns = now_ns(CLOCK_MONOTONIC) + 20000000000LL;
	timer_t timers[TIMERS];
	unsigned int expected = 0;

	for (int i = 0; i < TIMERS; i++) {
		event.sigev_value.sival_int = 1 << i;
		expected += 1u << i;
		CHECK(timer_create(CLOCK_REALTIME, &event, &timers[i]) == 0);
		CHECK(timer_settime(timers[i], 0, &when, NULL) == 0);
	}
	while (__atomic_load_n(&notified, __ATOMIC_RELAXED) != expected &&
	       now_ns(CLOCK_MONOTONIC) < end_ns)
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	CHECK(notified == expected);
	for (int i = 0; i < TIMERS; i++)
		CHECK(timer_delete(timers[i]) == 0);
}

int main(void)
{
	test_clock();
	test_sleepers();
	test_timer_signals();
	test_periodic();
	test_notification();
	return check_done();
}
