/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditions and semaphores: nobody is woken too little, times, destroying what was just used.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/guest/check.h"
#include "test/guest/soon.h"

#define THREADS 16
#define ITEMS   2000

/* --- a queue with room for one: each signal counts --- */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t filled, emptied;
	int item, taken, sum;
	int unlocked; /* signal after unlocking */
} queue = {
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0};

static void put(int item)
{
	pthread_mutex_lock(&queue.mutex);
	while (queue.item)
		pthread_cond_wait(&queue.emptied, &queue.mutex);
	queue.item = item;
	if (!queue.unlocked)
		pthread_cond_signal(&queue.filled);
	pthread_mutex_unlock(&queue.mutex);
	if (queue.unlocked)
		pthread_cond_signal(&queue.filled);
}

static void *take(void *arg)
{
	int item;

	do {
		pthread_mutex_lock(&queue.mutex);
		while (!queue.item)
			pthread_cond_wait(&queue.filled, &queue.mutex);
		item = queue.item;
		queue.item = 0;
		if (item > 0) {
			queue.taken++;
			queue.sum += item;
		}
		pthread_cond_signal(&queue.emptied);
		pthread_mutex_unlock(&queue.mutex);
	} while (item > 0);
	return arg;
}

static void test_queue(int unlocked)
{
	pthread_t threads[THREADS];

	queue.taken = queue.sum = 0;
	queue.unlocked = unlocked;
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, take, NULL) == 0);
	for (int i = 1; i <= ITEMS; i++)
		put(i);
	for (int i = 0; i < THREADS; i++)
		put(-1);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(queue.taken == ITEMS && queue.sum == ITEMS * (ITEMS + 1) / 2);
}

/* --- all are woken, and the condition may go at once (POSIX's own example) --- */

struct crowd {
	pthread_mutex_t mutex;
	pthread_cond_t cond, *made;
	int waiting, released, type;
};

static void *wait_released(void *arg)
{
	struct crowd *crowd = arg;

	pthread_mutex_lock(&crowd->mutex);
	crowd->waiting++;
	while (!crowd->released)
		if (pthread_cond_wait(crowd->made, &crowd->mutex))
			return (void *)1;
	crowd->waiting--;
	pthread_mutex_unlock(&crowd->mutex);
	return NULL;
}

static void release(int protocol)
{
	struct crowd crowd = {.made = malloc(sizeof(pthread_cond_t))};
	pthread_t threads[THREADS];
	pthread_mutexattr_t attr;
	int waiting = 0;
	void *wrong;

	pthread_mutexattr_init(&attr);
	CHECK(pthread_mutexattr_setprotocol(&attr, protocol) == 0);
	CHECK(pthread_mutex_init(&crowd.mutex, &attr) == 0);
	CHECK(pthread_cond_init(crowd.made, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, wait_released, &crowd) == 0);
	while (waiting < THREADS) {
		sched_yield();
		pthread_mutex_lock(&crowd.mutex);
		waiting = crowd.waiting;
		pthread_mutex_unlock(&crowd.mutex);
	}
	pthread_mutex_lock(&crowd.mutex);
	CHECK(pthread_cond_destroy(crowd.made) == EBUSY);
	crowd.released = 1;
	CHECK(pthread_cond_broadcast(crowd.made) == 0);
	CHECK(pthread_cond_destroy(crowd.made) == 0);
	memset(crowd.made, 0xaa, sizeof(*crowd.made));
	free(crowd.made);
	pthread_mutex_unlock(&crowd.mutex);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], &wrong) == 0 && !wrong);
	CHECK(crowd.waiting == 0);
	CHECK(pthread_mutex_destroy(&crowd.mutex) == 0);
}

/* --- times and errors --- */

static void test_times(void)
{
	const struct timespec wrong = {.tv_sec = 1, .tv_nsec = 1000000000}, past = {0, 0};
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	struct timespec time, now;
	pthread_condattr_t attr;
	clockid_t clock;

	CHECK(pthread_cond_wait(&cond, &mutex) == EPERM);
	pthread_mutex_lock(&mutex);
	CHECK(pthread_cond_timedwait(&cond, &mutex, &past) == ETIMEDOUT);
	CHECK(pthread_cond_timedwait(&cond, &mutex, &wrong) == EINVAL);
	time = soon(CLOCK_REALTIME, 20);
	CHECK(pthread_cond_timedwait(&cond, &mutex, &time) == ETIMEDOUT);
	clock_gettime(CLOCK_REALTIME, &now);
	CHECK(now.tv_sec > time.tv_sec ||
	      (now.tv_sec == time.tv_sec && now.tv_nsec >= time.tv_nsec));
	time = soon(CLOCK_MONOTONIC, 5);
	CHECK(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &time) == ETIMEDOUT);
	CHECK(pthread_cond_destroy(&cond) == 0);
	CHECK(pthread_condattr_init(&attr) == 0);
	CHECK(pthread_condattr_getclock(&attr, &clock) == 0 && clock == CLOCK_REALTIME);
	CHECK(pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID) == EINVAL);
	CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(&cond, &attr) == 0 && pthread_condattr_destroy(&attr) == 0);
	time = soon(CLOCK_MONOTONIC, 5);
	CHECK(pthread_cond_timedwait(&cond, &mutex, &time) == ETIMEDOUT);
	pthread_mutex_unlock(&mutex);
	CHECK(pthread_cond_destroy(&cond) == 0);
}

/* Signals meet times that run out: what was put is taken or still there, never lost. */
static void *take_in_time(void *arg)
{
	uintptr_t got = 0, *stop = arg;

	pthread_mutex_lock(&queue.mutex);
	while (!*stop) {
		struct timespec time = soon(CLOCK_REALTIME, 0);

		time.tv_nsec = time.tv_nsec < 999900000 ? time.tv_nsec + 50000 : time.tv_nsec;
		while (!queue.item && !*stop)
			if (pthread_cond_timedwait(&queue.filled, &queue.mutex, &time))
				break;
		if (!queue.item)
			continue;
		queue.item = 0;
		got++;
		pthread_cond_signal(&queue.emptied);
	}
	pthread_mutex_unlock(&queue.mutex);
	return (void *)got;
}

static void test_storm(void)
{
	pthread_t threads[4];
	volatile uintptr_t stop = 0;
	uintptr_t sum = 0;
	void *got;

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, take_in_time, (void *)&stop) == 0);
	queue.item = 0;
	for (int i = 0; i < ITEMS; i++)
		put(1);
	pthread_mutex_lock(&queue.mutex);
	while (queue.item)
		pthread_cond_wait(&queue.emptied, &queue.mutex);
	stop = 1;
	pthread_cond_broadcast(&queue.filled);
	pthread_mutex_unlock(&queue.mutex);
	for (int i = 0; i < 4; i++) {
		CHECK(pthread_join(threads[i], &got) == 0);
		sum += (uintptr_t)got;
	}
	CHECK(sum == ITEMS);
}

/* --- semaphores --- */

static sem_t sem, back;
static volatile int handled;

static void on_signal(int signal)
{
	(void)signal;
	handled++;
	sem_post(&back);
}

static void *wait_interrupted(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)(sem_wait(&sem) == -1 && errno == EINTR);
}

static void *wait_through(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)(sem_wait(&sem) == 0);
}

static void test_sem_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	pthread_t thread;
	void *result;

	sigaction(SIGUSR1, &action, NULL);
	CHECK(pthread_create(&thread, NULL, wait_interrupted, NULL) == 0);
	usleep(2000);
	CHECK(pthread_kill(thread, SIGUSR1) == 0);
	CHECK(sem_wait(&back) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == (void *)1);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	CHECK(pthread_create(&thread, NULL, wait_through, NULL) == 0);
	usleep(2000);
	CHECK(pthread_kill(thread, SIGUSR1) == 0);
	CHECK(sem_wait(&back) == 0);
	CHECK(sem_post(&sem) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == (void *)1);
	CHECK(handled == 2);
}

static void *echo(void *arg)
{
	for (int i = 0; i < ITEMS; i++) {
		sem_wait(&sem);
		sem_post(&back);
	}
	return arg;
}

static void test_sem(void)
{
	const struct timespec wrong = {.tv_sec = 1, .tv_nsec = -1}, past = {0, 0};
	struct timespec time;
	pthread_t threads[4];
	int value;

	CHECK(sem_init(&sem, 0, SEM_VALUE_MAX) == 0);
	CHECK(sem_post(&sem) == -1 && errno == EOVERFLOW);
	CHECK(sem_init(&sem, 0, (unsigned int)SEM_VALUE_MAX + 1) == -1 && errno == EINVAL);
	CHECK(sem_init(&sem, 0, 1) == 0 && sem_init(&back, 0, 0) == 0);
	CHECK(sem_timedwait(&sem, &wrong) == 0);
	CHECK(sem_timedwait(&sem, &wrong) == -1 && errno == EINVAL);
	CHECK(sem_timedwait(&sem, &past) == -1 && errno == ETIMEDOUT);
	CHECK(sem_trywait(&sem) == -1 && errno == EAGAIN);
	time = soon(CLOCK_REALTIME, 5);
	CHECK(sem_timedwait(&sem, &time) == -1 && errno == ETIMEDOUT);
	time = soon(CLOCK_MONOTONIC, 5);
	CHECK(sem_clockwait(&sem, CLOCK_MONOTONIC, &time) == -1 && errno == ETIMEDOUT);
	CHECK(sem_getvalue(&sem, &value) == 0 && value == 0);
	test_sem_signals();
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, echo, NULL) == 0);
	for (int i = 0; i < 4 * ITEMS; i++) {
		sem_post(&sem);
		if (i % 3 == 0)
			continue;
		sem_wait(&back);
	}
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(sem_getvalue(&sem, &value) == 0 && value == 0);
	CHECK(sem_getvalue(&back, &value) == 0 && value == (4 * ITEMS + 2) / 3);
	CHECK(sem_destroy(&sem) == 0 && sem_destroy(&back) == 0);
}

static void test_named(void)
{
	sem_t *one, *two, *three;
	char name[300];
	int value;

	CHECK(sem_open("/none", 0) == SEM_FAILED && errno == ENOENT);
	one = sem_open("/some", O_CREAT, 0600, 3);
	CHECK(one != SEM_FAILED && sem_getvalue(one, &value) == 0 && value == 3);
	two = sem_open("/some", 0);
	CHECK(two == one);
	CHECK(sem_open("/some", O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED && errno == EEXIST);
	CHECK(sem_unlink("/some") == 0 && sem_unlink("/some") == -1 && errno == ENOENT);
	/* Without its name it lives until nobody has it open. */
	three = sem_open("/some", O_CREAT, 0600, 7);
	CHECK(three != SEM_FAILED && three != one);
	CHECK(sem_wait(one) == 0 && sem_getvalue(two, &value) == 0 && value == 2);
	CHECK(sem_close(one) == 0 && sem_close(two) == 0 && sem_close(three) == 0);
	three = sem_open("/some", 0);
	CHECK(three != SEM_FAILED && sem_getvalue(three, &value) == 0 && value == 7);
	CHECK(sem_close(three) == 0 && sem_unlink("/some") == 0);
	CHECK(sem_close((sem_t *)name) == -1 && errno == EINVAL);
	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	CHECK(sem_open(name, O_CREAT, 0600, 1) == SEM_FAILED && errno == ENAMETOOLONG);
	CHECK(sem_open("/", O_CREAT, 0600, 1) == SEM_FAILED && errno == EINVAL);
	CHECK(sem_open("/big", O_CREAT, 0600, -1) == SEM_FAILED && errno == EINVAL);
}

/* Many: found by name and by place while they get more and fewer, and gone in the end. */
static void test_many_named(void)
{
	static sem_t *all[5000];
	const int count = sizeof(all) / sizeof(all[0]);
	bool right = true;
	char name[20];
	int value;

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "/many%d", i);
		all[i] = sem_open(name, O_CREAT | O_EXCL, 0600, i);
		right = right && all[i] != SEM_FAILED;
		if (i % 3 == 0)
			right = right && sem_unlink(name) == 0;
	}
	CHECK(right);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "/many%d", i);
		right = right && sem_open(name, 0) == (i % 3 == 0 ? SEM_FAILED : all[i]);
		right = right && sem_getvalue(all[i], &value) == 0 && value == i;
	}
	CHECK(right);
	for (int i = count - 1; i >= 0; i--) {
		snprintf(name, sizeof(name), "/many%d", i);
		right = right && sem_close(all[i]) == 0;
		if (i % 3 == 0)
			continue;
		right = right && sem_unlink(name) == 0 && sem_unlink(name) == -1;
		right = right && sem_close(all[i]) == 0;
	}
	CHECK(right);
	CHECK(sem_open("/many1", 0) == SEM_FAILED && errno == ENOENT);
}

int main(void)
{
	test_queue(0);
	test_queue(1);
	for (int protocol = PTHREAD_PRIO_NONE; protocol <= PTHREAD_PRIO_PROTECT; protocol++)
		for (int i = 0; i < 20; i++)
			release(protocol);
	test_times();
	test_storm();
	test_sem();
	test_named();
	test_many_named();
	return check_done();
}
