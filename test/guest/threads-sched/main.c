/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who runs: equals share, the highest priority first, and a mutex with inheritance or a ceiling
 * does not let threads in between delay the highest.
 */
#define _GNU_SOURCE /* affinity */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/guest/check.h"

#define VCPUS_MAX     8
#define SHARERS_EACH  4            /* threads for each vCPU */
#define SHARE_NS      1500000000LL /* for each vCPU */
#define PROCESSORS    2            /* of the box */
#define SHARE_TIMES   8            /* the largest share by the smallest, at most */
#define SPIN_ROUNDS   10000UL
#define GIVE_UP_NS    20000000000LL
#define LOW           10
#define MIDDLE        20
#define HIGH          30
#define MAIN          40
#define ORDER_THREADS 12

static int vcpus;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void spin(unsigned long rounds)
{
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(rounds)::"cc");
}

static void set_policy(pthread_t thread, int policy, int priority)
{
	struct sched_param param = {.sched_priority = priority};

	CHECK(pthread_setschedparam(thread, policy, &param) == 0);
}

/* vcpu: the only one it may run on; -1: any. */
static void create(pthread_t *thread_out, int policy, int priority, int vcpu,
		   void *(*entry)(void *), void *arg)
{
	struct sched_param param = {.sched_priority = priority};
	pthread_attr_t attr;
	cpu_set_t where;

	pthread_attr_init(&attr);
	CHECK(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED) == 0);
	CHECK(pthread_attr_setschedpolicy(&attr, policy) == 0);
	CHECK(pthread_attr_setschedparam(&attr, &param) == 0);
	if (vcpu >= 0) {
		CPU_ZERO(&where);
		CPU_SET(vcpu, &where);
		CHECK(pthread_attr_setaffinity_np(&attr, sizeof(where), &where) == 0);
	}
	CHECK(pthread_create(thread_out, &attr, entry, arg) == 0);
	pthread_attr_destroy(&attr);
}

/* --- equals share --- */

static volatile bool share_stop;

static void *share(void *arg)
{
	unsigned long *turns = arg;

	while (!share_stop) {
		spin(SPIN_ROUNDS);
		++*turns;
	}
	return NULL;
}

static void test_fairness(void)
{
	unsigned long turns[VCPUS_MAX * SHARERS_EACH] = {0}, least = ~0UL, most = 0;
	const struct timespec pause = {.tv_nsec = 1000000};
	pthread_t threads[VCPUS_MAX * SHARERS_EACH];
	int count = vcpus * SHARERS_EACH, sleeps = 0;
	int64_t end_ns = now_ns() + SHARE_NS * vcpus;

	share_stop = false;
	for (int i = 0; i < count; i++)
		create(&threads[i], SCHED_OTHER, 0, -1, share, &turns[i]);
	/* Somebody who sleeps gets his turn when others compute. */
	while (now_ns() < end_ns) {
		nanosleep(&pause, NULL);
		sleeps++;
	}
	share_stop = true;
	for (int i = 0; i < count; i++) {
		CHECK(pthread_join(threads[i], NULL) == 0);
		least = turns[i] < least ? turns[i] : least;
		most = turns[i] > most ? turns[i] : most;
	}
	printf("shares of %d threads: %lu to %lu; %d sleeps meanwhile\n", count, least, most,
	       sleeps);
	CHECK(least > 0 && sleeps > 0);
	/* With more vCPUs than processors it is Xen that shares. */
	CHECK(vcpus > PROCESSORS || most <= least * SHARE_TIMES);
}

/* --- the highest first --- */

static int order[ORDER_THREADS];
static int order_count;

static void *note_order(void *arg)
{
	order[__atomic_fetch_add(&order_count, 1, __ATOMIC_RELAXED)] = (int)(intptr_t)arg;
	return NULL;
}

/* All wait for one vCPU, which the first thread holds until they are all there. */
static void test_order(void)
{
	static const int priorities[] = {LOW, MIDDLE, HIGH};
	pthread_t threads[ORDER_THREADS];
	cpu_set_t first, before;
	int expected = 0;

	CHECK(pthread_getaffinity_np(pthread_self(), sizeof(before), &before) == 0);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	CHECK(pthread_setaffinity_np(pthread_self(), sizeof(first), &first) == 0);
	order_count = 0;
	for (intptr_t i = 0; i < ORDER_THREADS; i++)
		create(&threads[i], SCHED_FIFO, priorities[i % 3], 0, note_order, (void *)i);
	CHECK(order_count == 0);
	for (int i = 0; i < ORDER_THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(pthread_setaffinity_np(pthread_self(), sizeof(before), &before) == 0);
	for (int level = 2; level >= 0; level--)
		for (int i = level; i < ORDER_THREADS; i += 3)
			CHECK(order[expected++] == i);
}

/* --- inversion --- */

static struct {
	pthread_mutex_t mutex;
	sem_t locked;
	volatile bool high_had_it, middle_ran;
	bool low_was_delayed;
} inversion;

static void *low(void *arg)
{
	int64_t end_ns;

	pthread_mutex_lock(&inversion.mutex);
	sem_post(&inversion.locked);
	/* Until somebody in between has every vCPU; then a little longer. */
	end_ns = now_ns() + 50000000;
	while (now_ns() < end_ns)
		spin(SPIN_ROUNDS);
	pthread_mutex_unlock(&inversion.mutex);
	return arg;
}

static void *middle(void *arg)
{
	int64_t end_ns = now_ns() + GIVE_UP_NS;

	inversion.middle_ran = true;
	while (!inversion.high_had_it && now_ns() < end_ns)
		spin(SPIN_ROUNDS);
	if (!inversion.high_had_it)
		inversion.low_was_delayed = true;
	return arg;
}

static void *high(void *arg)
{
	pthread_mutex_lock(&inversion.mutex);
	inversion.high_had_it = true;
	pthread_mutex_unlock(&inversion.mutex);
	return arg;
}

/* As many in between as there are vCPUs: they would run for ever if low had to wait for them. */
static void test_inversion(int protocol)
{
	pthread_t low_thread, high_thread, middles[VCPUS_MAX];
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	CHECK(pthread_mutexattr_setprotocol(&attr, protocol) == 0);
	if (protocol == PTHREAD_PRIO_PROTECT)
		CHECK(pthread_mutexattr_setprioceiling(&attr, HIGH) == 0);
	CHECK(pthread_mutex_init(&inversion.mutex, &attr) == 0);
	pthread_mutexattr_destroy(&attr);
	sem_init(&inversion.locked, 0, 0);
	inversion.high_had_it = inversion.middle_ran = inversion.low_was_delayed = false;
	create(&low_thread, SCHED_FIFO, LOW, -1, low, NULL);
	while (sem_wait(&inversion.locked))
		;
	for (int i = 0; i < vcpus; i++)
		create(&middles[i], SCHED_FIFO, MIDDLE, -1, middle, NULL);
	create(&high_thread, SCHED_FIFO, HIGH, -1, high, NULL);
	CHECK(pthread_join(high_thread, NULL) == 0);
	for (int i = 0; i < vcpus; i++)
		CHECK(pthread_join(middles[i], NULL) == 0);
	CHECK(pthread_join(low_thread, NULL) == 0);
	CHECK(inversion.high_had_it && inversion.middle_ran && !inversion.low_was_delayed);
	CHECK(pthread_mutex_destroy(&inversion.mutex) == 0);
	sem_destroy(&inversion.locked);
}

/* --- SCHED_RR takes turns, SCHED_FIFO does not --- */

static volatile int turn_stop;
static volatile unsigned long turn_counts[2];

static void *take_turns(void *arg)
{
	volatile unsigned long *count = arg;

	while (!turn_stop) {
		spin(SPIN_ROUNDS);
		++*count;
	}
	return NULL;
}

static void test_turns(int policy)
{
	const struct timespec tick = {.tv_nsec = 10000000};
	pthread_t threads[2];

	turn_stop = 0;
	turn_counts[0] = turn_counts[1] = 0;
	for (int i = 0; i < 2; i++)
		create(&threads[i], policy, LOW, 0, take_turns, (void *)&turn_counts[i]);
	/* With SCHED_FIFO the second one has not begun, however long the first one runs. */
	while (turn_counts[0] == 0 || (policy == SCHED_RR && turn_counts[1] == 0))
		nanosleep(&tick, NULL);
	for (int i = 0; i < 50; i++)
		nanosleep(&tick, NULL);
	CHECK((turn_counts[1] > 0) == (policy == SCHED_RR));
	turn_stop = 1;
	for (int i = 0; i < 2; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int argc, char **argv)
{
	vcpus = argc > 1 ? atoi(argv[1]) : 1;
	test_fairness();
	set_policy(pthread_self(), SCHED_FIFO, MAIN);
	test_order();
	test_inversion(PTHREAD_PRIO_INHERIT);
	test_inversion(PTHREAD_PRIO_PROTECT);
	test_turns(SCHED_FIFO);
	test_turns(SCHED_RR);
	set_policy(pthread_self(), SCHED_OTHER, 0);
	return check_done();
}
