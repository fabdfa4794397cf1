/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cancellation: each function here that waits is a cancellation point, also when the cancellation
 * comes before it waits; clean-up handlers run in their order, with the mutex of a condition
 * locked; what disables or defers it is obeyed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/check.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t never, at_work;
static pthread_t sleeper;
static volatile int cleaned;

static struct timespec later(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	time.tv_sec += 1000;
	return time;
}

/* --- one waiting call each --- */

static void unlock(void *arg)
{
	/* A thread that is cancelled while it waits for a condition has the mutex again. */
	cleaned += pthread_mutex_unlock(arg) == 0;
}

static void wait_cond(void)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(1);
}

static void wait_cond_timed(void)
{
	struct timespec time = later(CLOCK_REALTIME);

	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	for (;;)
		pthread_cond_timedwait(&cond, &mutex, &time);
	pthread_cleanup_pop(1);
}

static void wait_sem(void)
{
	sem_wait(&never);
}

static void wait_sem_timed(void)
{
	struct timespec time = later(CLOCK_REALTIME);

	sem_timedwait(&never, &time);
}

static void wait_join(void)
{
	pthread_join(sleeper, NULL);
}

static void wait_pause(void)
{
	pause();
}

static void wait_nanosleep(void)
{
	struct timespec time = {.tv_sec = 1000};

	nanosleep(&time, NULL);
}

static void wait_clock_nanosleep(void)
{
	struct timespec time = later(CLOCK_REALTIME);

	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL);
}

static void wait_sleep(void)
{
	sleep(1000);
}

static void wait_usleep(void)
{
	usleep(999999999);
}

static void wait_sigsuspend(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigsuspend(&set);
}

static void wait_sigwait(void)
{
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigwait(&set, &signal);
}

static void wait_sigtimedwait(void)
{
	struct timespec time = {.tv_sec = 1000};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigtimedwait(&set, NULL, &time);
}

static void wait_poll(void)
{
	poll(NULL, 0, 1000000);
}

static void wait_select(void)
{
	struct timeval time = {.tv_sec = 1000};

	select(0, NULL, NULL, NULL, &time);
}

static void wait_pselect(void)
{
	pselect(0, NULL, NULL, NULL, NULL, NULL);
}

static void (*const waits[])(void) = {
	wait_cond,
	wait_cond_timed,
	wait_sem,
	wait_sem_timed,
	wait_join,
	wait_pause,
	wait_nanosleep,
	wait_sleep,
	wait_usleep,
	wait_sigsuspend,
	wait_clock_nanosleep,
	wait_sigwait,
	wait_sigtimedwait,
	wait_poll,
	wait_select,
	wait_pselect,
};

#define WAITS (int)(sizeof(waits) / sizeof(waits[0]))

static void *call(void *arg)
{
	sem_post(&at_work);
	waits[(intptr_t)arg]();
	return NULL;
}

/* The cancellation is there before the call is. */
static void *call_late(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	sem_post(&at_work);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	waits[(intptr_t)arg]();
	return NULL;
}

static void test_points(void)
{
	pthread_t thread;
	void *result;

	for (intptr_t i = 0; i < WAITS; i++) {
		CHECK(pthread_create(&thread, NULL, call, (void *)i) == 0);
		sem_wait(&at_work);
		usleep(2000);
		CHECK(pthread_cancel(thread) == 0);
		CHECK(pthread_join(thread, &result) == 0);
		CHECK(result == PTHREAD_CANCELED || !printf("wait %d\n", (int)i));
		CHECK(pthread_mutex_trylock(&mutex) == 0);
		CHECK(pthread_create(&thread, NULL, call_late, (void *)i) == 0);
		sem_wait(&at_work);
		CHECK(pthread_cancel(thread) == 0);
		CHECK(pthread_mutex_unlock(&mutex) == 0);
		CHECK(pthread_join(thread, &result) == 0);
		CHECK(result == PTHREAD_CANCELED || !printf("wait %d late\n", (int)i));
	}
	/* Twice for each of the two. */
	CHECK(cleaned == 4);
}

/* --- order of clean-up --- */

static char order[32];

static void note(void *arg)
{
	strcat(order, arg);
}

static void *clean_up(void *arg)
{
	pthread_cleanup_push(note, "1");
	pthread_cleanup_push(note, "2");
	pthread_cleanup_push(note, "x");
	pthread_cleanup_pop(0);
	pthread_cleanup_push(note, "3");
	pthread_cleanup_pop(1);
	if (arg)
		pthread_exit(arg);
	sem_post(&at_work);
	for (;;)
		pthread_testcancel();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void test_order(void)
{
	pthread_t thread;
	void *result;

	CHECK(pthread_create(&thread, NULL, clean_up, order) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == order);
	CHECK(strcmp(order, "321") == 0);
	order[0] = '\0';
	CHECK(pthread_create(&thread, NULL, clean_up, NULL) == 0);
	sem_wait(&at_work);
	CHECK(pthread_cancel(thread) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	CHECK(strcmp(order, "321") == 0);
}

/* --- what it must not interrupt --- */

static volatile int reached;

static void *disabled(void *arg)
{
	struct timespec time = {.tv_nsec = 5000000};
	int old;

	(void)arg;
	CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0);
	CHECK(old == PTHREAD_CANCEL_ENABLE);
	sem_post(&at_work);
	CHECK(nanosleep(&time, NULL) == 0);
	/* Waiting for a mutex is no cancellation point. */
	CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old) == 0);
	CHECK(old == PTHREAD_CANCEL_DISABLE);
	CHECK(pthread_mutex_lock(&mutex) == 0);
	CHECK(pthread_mutex_unlock(&mutex) == 0);
	reached = 1;
	pthread_testcancel();
	reached = 2;
	return NULL;
}

static void test_disabled(void)
{
	pthread_t thread;
	void *result;

	pthread_mutex_lock(&mutex);
	CHECK(pthread_create(&thread, NULL, disabled, NULL) == 0);
	sem_wait(&at_work);
	CHECK(pthread_cancel(thread) == 0);
	usleep(10000);
	pthread_mutex_unlock(&mutex);
	CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	CHECK(reached == 1);
	CHECK(pthread_setcancelstate(5, NULL) == EINVAL &&
	      pthread_setcanceltype(5, NULL) == EINVAL);
}

/* --- at any time --- */

static volatile unsigned long turns;

static void *spin(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_cleanup_push(note, "a");
	sem_post(&at_work);
	for (;;)
		turns++;
	pthread_cleanup_pop(0);
	return arg;
}

static pthread_mutex_t taken = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t taken_rwlock = PTHREAD_RWLOCK_INITIALIZER;

/* Waits in what is no cancellation point. */
static void *wait_for_taken(void *which)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_cleanup_push(note, "b");
	sem_post(&at_work);
	if (which)
		pthread_rwlock_wrlock(&taken_rwlock);
	else
		pthread_mutex_lock(&taken);
	note("!");
	pthread_cleanup_pop(0);
	return NULL;
}

/* Nothing is left of the one that was cancelled: whoever comes next gets the lock. */
static void test_asynchronous_waits(void)
{
	pthread_t thread;
	void *result;

	order[0] = '\0';
	pthread_mutex_lock(&taken);
	pthread_rwlock_rdlock(&taken_rwlock);
	for (int i = 0; i < 20; i++) {
		CHECK(pthread_create(&thread, NULL, wait_for_taken, i % 2 ? &taken : NULL) == 0);
		sem_wait(&at_work);
		if (i % 4 < 2)
			usleep(2000);
		CHECK(pthread_cancel(thread) == 0);
		CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	}
	CHECK(strcmp(order, "bbbbbbbbbbbbbbbbbbbb") == 0);
	CHECK(pthread_mutex_unlock(&taken) == 0 && pthread_mutex_trylock(&taken) == 0);
	CHECK(pthread_mutex_unlock(&taken) == 0 && pthread_mutex_destroy(&taken) == 0);
	CHECK(pthread_rwlock_unlock(&taken_rwlock) == 0);
	CHECK(pthread_rwlock_trywrlock(&taken_rwlock) == 0);
}

static void *cancel_self(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_cancel(pthread_self());
	return arg;
}

static void test_asynchronous(void)
{
	pthread_t thread;
	void *result;

	order[0] = '\0';
	CHECK(pthread_create(&thread, NULL, spin, NULL) == 0);
	sem_wait(&at_work);
	usleep(2000);
	CHECK(pthread_cancel(thread) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	CHECK(strcmp(order, "a") == 0);
	CHECK(pthread_create(&thread, NULL, cancel_self, NULL) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
}

/* --- once --- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static volatile int onces;

static void begin(void)
{
	if (onces++ == 0) {
		sem_post(&at_work);
		sem_wait(&never);
	}
}

static void *run_once(void *arg)
{
	pthread_once(&once, begin);
	return arg;
}

static void test_once(void)
{
	pthread_t first, second;
	void *result;

	CHECK(pthread_create(&first, NULL, run_once, NULL) == 0);
	sem_wait(&at_work);
	CHECK(pthread_create(&second, NULL, run_once, NULL) == 0);
	usleep(2000);
	CHECK(pthread_cancel(first) == 0);
	CHECK(pthread_join(first, &result) == 0 && result == PTHREAD_CANCELED);
	CHECK(pthread_join(second, &result) == 0 && result == NULL && onces == 2);
}

/* --- in the middle of a stream --- */

static FILE *stream;

static ssize_t read_for_ever(void *cookie, char *bytes, size_t count)
{
	(void)cookie;
	(void)bytes;
	(void)count;
	sem_post(&at_work);
	sem_wait(&never);
	return 0;
}

static void *read_stream(void *arg)
{
	char line[16];

	fgets(line, sizeof(line), stream);
	return arg;
}

static void test_stream(void)
{
	pthread_t thread;
	void *result;

	stream = fopencookie(NULL, "r", (cookie_io_functions_t){.read = read_for_ever});
	CHECK(stream != NULL);
	CHECK(pthread_create(&thread, NULL, read_stream, NULL) == 0);
	sem_wait(&at_work);
	CHECK(ftrylockfile(stream) != 0);
	CHECK(pthread_cancel(thread) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	/* It has let go of the stream. */
	CHECK(ftrylockfile(stream) == 0);
	funlockfile(stream);
	CHECK(fclose(stream) == 0);
}

static void *sleep_long(void *arg)
{
	for (;;)
		sleep(1000);
	return arg;
}

int main(void)
{
	void *result;

	sem_init(&never, 0, 0);
	sem_init(&at_work, 0, 0);
	CHECK(pthread_create(&sleeper, NULL, sleep_long, NULL) == 0);
	test_points();
	test_order();
	test_disabled();
	test_asynchronous();
	test_asynchronous_waits();
	test_once();
	test_stream();
	CHECK(pthread_cancel(sleeper) == 0);
	CHECK(pthread_join(sleeper, &result) == 0 && result == PTHREAD_CANCELED);
	return check_done();
}
