/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads come and go by the thousand; each has its own errno, thread-local variables and keys; the
 * C library may be used by all at once.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/guest/check.h"

#define STORMS        4
#define STORM_THREADS 500
#define LEVELS        6
#define USERS         16
#define ROUNDS        200
#define KEYS          8

static int plain(void *arg)
{
	return (int)(intptr_t)arg;
}

/* --- storms: created and joined one after the other, from several threads at once --- */

static void *twice(void *arg)
{
	return (void *)((uintptr_t)arg * 2);
}

static void *storm(void *arg)
{
	uintptr_t wrong = 0;
	pthread_t thread;
	void *result;

	for (uintptr_t i = 1; i <= STORM_THREADS; i++) {
		if (pthread_create(&thread, NULL, twice, (void *)i) ||
		    pthread_join(thread, &result) || (uintptr_t)result != 2 * i)
			wrong++;
	}
	(void)arg;
	return (void *)wrong;
}

static void test_storms(void)
{
	pthread_t threads[STORMS];
	void *wrong;

	for (int i = 0; i < STORMS; i++)
		CHECK(pthread_create(&threads[i], NULL, storm, NULL) == 0);
	for (int i = 0; i < STORMS; i++)
		CHECK(pthread_join(threads[i], &wrong) == 0 && !wrong);
}

/* Each thread makes two more, down to the last level. */
static void *tree(void *arg)
{
	uintptr_t level = (uintptr_t)arg, sum = 1;
	pthread_t children[2];
	void *result;

	if (level == 0)
		return (void *)sum;
	for (int i = 0; i < 2; i++)
		if (pthread_create(&children[i], NULL, tree, (void *)(level - 1)))
			return NULL;
	for (int i = 0; i < 2; i++)
		if (pthread_join(children[i], &result) == 0)
			sum += (uintptr_t)result;
	return (void *)sum;
}

static void test_tree(void)
{
	CHECK((uintptr_t)tree((void *)(uintptr_t)LEVELS) == (2u << LEVELS) - 1);
}

static pthread_mutex_t gone_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gone_change = PTHREAD_COND_INITIALIZER;
static int gone;

static void *detached(void *arg)
{
	pthread_mutex_lock(&gone_lock);
	gone++;
	pthread_cond_signal(&gone_change);
	pthread_mutex_unlock(&gone_lock);
	return arg;
}

static void test_detached(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	CHECK(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0);
	for (int i = 0; i < STORM_THREADS; i++) {
		/* Those before may not have ended yet: then memory may be short for a moment. */
		while (pthread_create(&thread, &attr, detached, NULL))
			sched_yield();
	}
	pthread_attr_destroy(&attr);
	pthread_mutex_lock(&gone_lock);
	while (gone < STORM_THREADS)
		pthread_cond_wait(&gone_change, &gone_lock);
	pthread_mutex_unlock(&gone_lock);
	CHECK(gone == STORM_THREADS);
}

/* --- what each thread has of its own --- */

static __thread int own_number = 42;
static __thread char own_room[3000];
static __thread double own_aligned __attribute__((aligned(64))) = 1.5;
static pthread_key_t keys[KEYS];
static int destroyed;

static void count_destroyed(void *value)
{
	(void)value;
	__atomic_fetch_add(&destroyed, 1, __ATOMIC_RELAXED);
}

static bool own_is_new(void)
{
	for (size_t i = 0; i < sizeof(own_room); i++)
		if (own_room[i])
			return false;
	for (int i = 0; i < KEYS; i++)
		if (pthread_getspecific(keys[i]))
			return false;
	return own_number == 42 && own_aligned == 1.5 && (uintptr_t)&own_aligned % 64 == 0;
}

static void *use_own(void *arg)
{
	int number = plain(arg), wrong = 0;

	wrong += !own_is_new();
	for (int i = 0; i < KEYS; i++)
		pthread_setspecific(keys[i], (void *)((uintptr_t)number * KEYS + (uintptr_t)i + 1));
	for (int round = 0; round < ROUNDS; round++) {
		own_number = number * ROUNDS + round;
		own_aligned = own_number;
		memset(own_room, number + round, sizeof(own_room));
		errno = 0;
		/* A call that fails in each second thread, with an errno that is its own. */
		if (close(number % 2 ? 10000 : -1) != -1)
			wrong++;
		sched_yield();
		wrong += errno != EBADF;
		errno = number + 1;
		sched_yield();
		wrong += errno != number + 1;
		wrong += own_number != number * ROUNDS + round || own_aligned != own_number;
		wrong += own_room[0] != (char)(number + round) || own_room[2999] != own_room[0];
		for (int i = 0; i < KEYS; i++)
			wrong += pthread_getspecific(keys[i]) !=
				 (void *)((uintptr_t)number * KEYS + (uintptr_t)i + 1);
	}
	return (void *)(intptr_t)wrong;
}

static void run_users(void *(*user)(void *))
{
	pthread_t threads[USERS];
	void *wrong;

	for (intptr_t i = 0; i < USERS; i++)
		CHECK(pthread_create(&threads[i], NULL, user, (void *)i) == 0);
	for (int i = 0; i < USERS; i++)
		CHECK(pthread_join(threads[i], &wrong) == 0 && !wrong);
}

static void test_own(void)
{
	for (int i = 0; i < KEYS; i++)
		CHECK(pthread_key_create(&keys[i], count_destroyed) == 0);
	run_users(use_own);
	CHECK(destroyed == USERS * KEYS);
	CHECK(own_number == 42);
	for (int i = 0; i < KEYS; i++)
		CHECK(pthread_key_delete(keys[i]) == 0);
}

/* --- the C library, used by all --- */

static void *use_library(void *arg)
{
	int number = plain(arg), wrong = 0;
	char text[64], expected[64];
	unsigned char *blocks[8] = {NULL};
	size_t bytes[8] = {0};

	for (int round = 0; round < ROUNDS; round++) {
		int i = round % 8;

		for (size_t at = 0; at < bytes[i]; at += 97)
			wrong += blocks[i][at] != (unsigned char)(number * 16 + i);
		free(blocks[i]);
		bytes[i] = (size_t)((round * 7919 + number * 104729) % 20000 + 1);
		blocks[i] = malloc(bytes[i]);
		if (!blocks[i])
			return (void *)-1;
		memset(blocks[i], number * 16 + i, bytes[i]);
		snprintf(text, sizeof(text), "%d:%.3f", round, (double)round / 8);
		snprintf(expected, sizeof(expected), "%d:%d.%03d", round, round / 8,
			 round % 8 * 125);
		wrong += strcmp(text, expected) != 0;
		wrong += strtod(strchr(text, ':') + 1, NULL) != round / 8.0;
	}
	for (int i = 0; i < 8; i++)
		free(blocks[i]);
	return (void *)(intptr_t)wrong;
}

/* Lines that several threads print stay whole. */
static void *print_lines(void *arg)
{
	for (int i = 0; i < 20; i++)
		printf("line %02d of thread %02d, from its first character to the last: end\n", i,
		       plain(arg));
	return NULL;
}

/* --- too many --- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *wait_at_gate(void *arg)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return arg;
}

/* As many as memory holds: one too many is an error, and all can be had again. */
static unsigned int create_all(pthread_t *threads, unsigned int most, int *error_out)
{
	pthread_attr_t attr;
	unsigned int count = 0;

	pthread_attr_init(&attr);
	CHECK(pthread_attr_setstacksize(&attr, 64 << 10) == 0);
	*error_out = 0;
	pthread_mutex_lock(&gate);
	while (count < most && *error_out == 0) {
		*error_out = pthread_create(&threads[count], &attr, wait_at_gate, NULL);
		if (*error_out == 0)
			count++;
	}
	pthread_mutex_unlock(&gate);
	pthread_attr_destroy(&attr);
	for (unsigned int i = 0; i < count; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	return count;
}

static void test_too_many(void)
{
	static pthread_t threads[4000];
	unsigned int first, second;
	int error;

	first = create_all(threads, 4000, &error);
	CHECK(error == EAGAIN && first > 100);
	second = create_all(threads, first, &error);
	/* Page tables and records of areas stay; a few pages of them are a thread less. */
	CHECK(second >= first - first / 100);
	printf("%u threads of 64 KiB\n", first);
}

int main(int argc, char **argv)
{
	int vcpus = argc > 1 ? atoi(argv[1]) : 1;

	CHECK(sysconf(_SC_NPROCESSORS_ONLN) == vcpus);
	test_storms();
	test_tree();
	test_detached();
	test_own();
	run_users(use_library);
	run_users(print_lines);
	test_too_many();
	return check_done();
}
