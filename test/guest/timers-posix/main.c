/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer_create() on every clock, by signal, by thread and to one thread; overruns; what
 * clock_settime() does to timers and sleeps; interval timers; CPU-time clocks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/check.h"

#define MS 1000000L

static int64_t now_ns(clockid_t clock)
{
	struct timespec time;

	CHECK(clock_gettime(clock, &time) == 0);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static struct timespec spec(int64_t ns)
{
	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

static struct itimerspec itimerspec(int64_t value_ns, int64_t interval_ns)
{
	return (struct itimerspec){spec(interval_ns), spec(value_ns)};
}

static sigset_t set_of(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	return set;
}

static void compute(int64_t ns)
{
	int64_t end = now_ns(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (now_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

/* One timer on a clock: fires once, not before its time, with its value. */
static void test_once(clockid_t clock, bool absolute, bool counts_cpu)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct timespec wait = {.tv_sec = 10};
	sigset_t set = set_of(SIGUSR1);
	struct itimerspec value, left;
	int64_t start, end;
	siginfo_t info;
	timer_t timer;

	event.sigev_value.sival_int = 77;
	CHECK(timer_create(clock, &event, &timer) == 0);
	CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_sec == 0 &&
	      left.it_value.tv_nsec == 0);
	start = now_ns(clock);
	value = itimerspec((absolute ? start : 0) + 1000000 * MS, 0);
	CHECK(timer_settime(timer, absolute ? TIMER_ABSTIME : 0, &value, NULL) == 0);
	CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_sec <= 1000 &&
	      left.it_value.tv_sec > 900);
	start = now_ns(clock);
	value = itimerspec((absolute ? start : 0) + 40 * MS, 0);
	CHECK(timer_settime(timer, absolute ? TIMER_ABSTIME : 0, &value, &left) == 0 &&
	      left.it_value.tv_sec > 900);
	if (counts_cpu)
		compute(80 * MS);
	CHECK(sigtimedwait(&set, &info, &wait) == SIGUSR1);
	end = now_ns(clock);
	CHECK(end - start >= 40 * MS);
	CHECK(info.si_code == SI_TIMER && info.si_value.sival_int == 77);
	CHECK(timer_getoverrun(timer) == 0);
	wait = spec(60 * MS);
	CHECK(sigtimedwait(&set, &info, &wait) == -1 && errno == EAGAIN);
	CHECK(timer_delete(timer) == 0);
	CHECK(timer_delete(timer) == -1 && errno == EINVAL);
}

/* Periods that pass while the signal waits are counted. */
static void test_overrun(void)
{
	struct itimerspec value = itimerspec(10 * MS, 10 * MS), none = {0};
	sigset_t set = set_of(SIGALRM);
	int64_t start = now_ns(CLOCK_MONOTONIC), passed;
	siginfo_t info;
	timer_t timer;

	CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0);
	CHECK(timer_settime(timer, 0, &value, NULL) == 0);
	usleep(105000);
	CHECK(sigwaitinfo(&set, &info) == SIGALRM);
	passed = (now_ns(CLOCK_MONOTONIC) - start) / (10 * MS);
	CHECK(info.si_overrun >= 9 && info.si_overrun < passed);
	CHECK(timer_getoverrun(timer) == info.si_overrun);
	CHECK(info.si_value.sival_int == (int)timer);
	CHECK(sigwaitinfo(&set, &info) == SIGALRM);
	CHECK(info.si_overrun < (now_ns(CLOCK_MONOTONIC) - start) / (10 * MS) - 9);
	CHECK(timer_settime(timer, 0, &none, &value) == 0 && value.it_interval.tv_nsec == 10 * MS);
	CHECK(timer_delete(timer) == 0);
	while (sigtimedwait(&set, &info, &none.it_value) > 0)
		;
}

static sem_t notified, ready;
static volatile int notified_value;
static volatile pthread_t notified_in;
static volatile size_t notified_stack;

static void on_notify(union sigval value)
{
	pthread_attr_t attr;
	size_t bytes = 0;

	if (pthread_getattr_np(pthread_self(), &attr) == 0)
		pthread_attr_getstacksize(&attr, &bytes);
	notified_stack = bytes;
	notified_value = value.sival_int;
	notified_in = pthread_self();
	sem_post(&notified);
}

static void test_thread(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_notify};
	struct itimerspec value = itimerspec(20 * MS, 20 * MS);
	pthread_attr_t attr;
	timer_t timer;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 262144);
	event.sigev_notify_attributes = &attr;
	event.sigev_value.sival_int = 99;
	CHECK(timer_create(CLOCK_REALTIME, &event, &timer) == 0);
	pthread_attr_destroy(&attr);
	CHECK(timer_settime(timer, 0, &value, NULL) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(sem_wait(&notified) == 0);
	CHECK(notified_value == 99 && !pthread_equal(notified_in, pthread_self()));
	CHECK(notified_stack >= 262144 && notified_stack < 300000);
	CHECK(timer_delete(timer) == 0);
	event.sigev_notify_function = NULL;
	CHECK(timer_create(CLOCK_REALTIME, &event, &timer) == -1 && errno == EINVAL);
}

static void *takes_timer_signal(void *arg)
{
	sigset_t set = set_of(SIGUSR2);
	siginfo_t info;

	*(pid_t *)arg = gettid();
	sem_post(&ready);
	return (void *)(intptr_t)(sigwaitinfo(&set, &info) == SIGUSR2 && info.si_code == SI_TIMER);
}

static void test_thread_id(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2};
	struct itimerspec value = itimerspec(30 * MS, 0);
	sigset_t pending;
	pthread_t thread;
	timer_t timer;
	void *result;
	pid_t id;

	CHECK(pthread_create(&thread, NULL, takes_timer_signal, &id) == 0);
	sem_wait(&ready);
	event.sigev_notify_thread_id = id;
	CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	CHECK(timer_settime(timer, 0, &value, NULL) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == (void *)1);
	CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR2));
	/* The thread is gone: nobody gets it. */
	CHECK(timer_settime(timer, 0, &value, NULL) == 0);
	usleep(60000);
	CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR2));
	CHECK(timer_delete(timer) == 0);
}

static void *sets_clock(void *arg)
{
	struct timespec time;

	usleep(30000);
	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_sec += *(int *)arg;
	clock_settime(CLOCK_REALTIME, &time);
	return NULL;
}

/* Absolute times of the wall clock follow it, relative ones do not. */
static void test_set_clock(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct timespec wait = {.tv_sec = 300}, until;
	int64_t start = now_ns(CLOCK_MONOTONIC);
	sigset_t set = set_of(SIGUSR1);
	struct itimerspec value;
	timer_t absolute, relative;
	int forward = 1000, back = -1000;
	siginfo_t info;
	pthread_t thread;

	event.sigev_value.sival_int = 1;
	CHECK(timer_create(CLOCK_REALTIME, &event, &absolute) == 0);
	event.sigev_value.sival_int = 2;
	CHECK(timer_create(CLOCK_REALTIME, &event, &relative) == 0);
	value = itimerspec(now_ns(CLOCK_REALTIME) + 500000 * MS, 0);
	CHECK(timer_settime(absolute, TIMER_ABSTIME, &value, NULL) == 0);
	value = itimerspec(500000 * MS, 0);
	CHECK(timer_settime(relative, 0, &value, NULL) == 0);
	pthread_create(&thread, NULL, sets_clock, &forward);
	CHECK(sigtimedwait(&set, &info, &wait) == SIGUSR1 && info.si_value.sival_int == 1);
	CHECK(timer_gettime(relative, &value) == 0 && value.it_value.tv_sec >= 100);
	pthread_join(thread, NULL);
	CHECK(now_ns(CLOCK_MONOTONIC) - start < 400000 * MS);
	timer_delete(absolute);
	timer_delete(relative);

	until = spec(now_ns(CLOCK_REALTIME) + 500000 * MS);
	pthread_create(&thread, NULL, sets_clock, &forward);
	CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) == 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start < 400000 * MS);
	pthread_join(thread, NULL);
	/* Set back while it sleeps, it still sleeps its relative time. */
	start = now_ns(CLOCK_MONOTONIC);
	pthread_create(&thread, NULL, sets_clock, &back);
	until = spec(60 * MS);
	CHECK(clock_nanosleep(CLOCK_REALTIME, 0, &until, NULL) == 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 60 * MS &&
	      now_ns(CLOCK_MONOTONIC) - start < 400000 * MS);
	pthread_join(thread, NULL);
}

static void test_itimer(int which, int signal)
{
	struct itimerval value = {.it_value = {.tv_sec = 1000}}, left;
	sigset_t set = set_of(signal);
	struct timespec wait = {.tv_sec = 10};
	siginfo_t info;

	CHECK(setitimer(which, &value, NULL) == 0);
	CHECK(getitimer(which, &left) == 0 && left.it_value.tv_sec <= 1000 &&
	      left.it_value.tv_sec > 900);
	value.it_value = (struct timeval){.tv_usec = 30000};
	CHECK(setitimer(which, &value, &left) == 0 && left.it_value.tv_sec > 900);
	if (which != ITIMER_REAL)
		compute(60 * MS);
	CHECK(sigtimedwait(&set, &info, &wait) == signal);
	CHECK(getitimer(which, &left) == 0 && left.it_value.tv_usec == 0);
	CHECK(getitimer(7, &left) == -1 && errno == EINVAL);
}

static volatile bool stop;

static void *computes(void *arg)
{
	(void)arg;
	while (!stop)
		;
	return NULL;
}

static void test_cpu_clocks(void)
{
	int64_t start = now_ns(CLOCK_MONOTONIC), own = now_ns(CLOCK_THREAD_CPUTIME_ID);
	int64_t process = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	clockid_t clock, stale, of_process;
	struct rusage usage;
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, computes, NULL) == 0);
	CHECK(pthread_getcpuclockid(thread, &clock) == 0);
	CHECK(clock_getcpuclockid(0, &of_process) == 0 && of_process == CLOCK_PROCESS_CPUTIME_ID);
	CHECK(clock_getcpuclockid(4711, &stale) == ESRCH);
	usleep(200000);
	while (now_ns(clock) < 20 * MS)
		usleep(10000);
	CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) - process >= 20 * MS);
	/* Asleep it uses nothing. */
	CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID) - own < now_ns(CLOCK_MONOTONIC) - start - 190 * MS);
	CHECK(clock_getres(clock, &(struct timespec){0}) == 0);
	test_once(clock, false, false);
	CHECK(getrusage(RUSAGE_SELF, &usage) == 0 &&
	      usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec >= 20000);
	stop = true;
	pthread_join(thread, NULL);
	CHECK(clock_gettime(clock, &(struct timespec){0}) == -1 && errno == EINVAL);
	/* They can be set. */
	CHECK(clock_settime(CLOCK_THREAD_CPUTIME_ID, &(struct timespec){100, 0}) == 0);
	CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID) >= 100000 * MS &&
	      now_ns(CLOCK_THREAD_CPUTIME_ID) < 200000 * MS);
	CHECK(clock_settime(CLOCK_PROCESS_CPUTIME_ID, &(struct timespec){0, 0}) == 0);
	CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) < 50000 * MS);
	CHECK(clock_settime(CLOCK_MONOTONIC, &(struct timespec){0, 0}) == -1 && errno == EINVAL);
	CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &(struct timespec){0}, NULL) == EINVAL);
}

static void test_errors(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = NSIG};
	struct itimerspec bad = {.it_value = {0, 1000000000}};
	timer_t timer, timers[TIMER_MAX];
	int made;

	CHECK(timer_create(CLOCK_REALTIME, &event, &timer) == -1 && errno == EINVAL);
	CHECK(timer_create(9999, NULL, &timer) == -1 && errno == EINVAL);
	event.sigev_notify = 42;
	CHECK(timer_create(CLOCK_REALTIME, &event, &timer) == -1 && errno == EINVAL);
	event.sigev_notify = SIGEV_NONE;
	for (made = 0; made < TIMER_MAX; made++)
		CHECK(timer_create(CLOCK_REALTIME, &event, &timers[made]) == 0);
	CHECK(timer_create(CLOCK_REALTIME, &event, &timer) == -1 && errno == EAGAIN);
	CHECK(timer_settime(timers[0], 0, &bad, NULL) == -1 && errno == EINVAL);
	bad.it_value.tv_nsec = -1;
	CHECK(timer_settime(timers[0], 0, &bad, NULL) == -1 && errno == EINVAL);
	bad = itimerspec(0, 0);
	CHECK(timer_settime((timer_t)9999, 0, &bad, NULL) == -1 && errno == EINVAL);
	while (made > 0)
		CHECK(timer_delete(timers[--made]) == 0);
}

int main(void)
{
	static const int signals[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF};
	sigset_t set;

	sigemptyset(&set);
	for (unsigned int i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sem_init(&notified, 0, 0);
	sem_init(&ready, 0, 0);
	test_once(CLOCK_MONOTONIC, false, false);
	test_once(CLOCK_MONOTONIC, true, false);
	test_once(CLOCK_REALTIME, false, false);
	test_once(CLOCK_REALTIME, true, false);
	test_once(CLOCK_PROCESS_CPUTIME_ID, false, true);
	test_once(CLOCK_PROCESS_CPUTIME_ID, true, true);
	test_once(CLOCK_THREAD_CPUTIME_ID, false, true);
	test_overrun();
	test_thread();
	test_thread_id();
	test_set_clock();
	test_itimer(ITIMER_REAL, SIGALRM);
	test_itimer(ITIMER_VIRTUAL, SIGVTALRM);
	test_itimer(ITIMER_PROF, SIGPROF);
	test_cpu_clocks();
	test_errors();
	return check_done();
}
