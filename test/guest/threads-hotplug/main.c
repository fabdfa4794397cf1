/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Works on as many vCPUs as there are while dom0 changes their number: threads that compute, that
 * hand a token round, that sleep. Says each new number, and ends when it has seen four of them.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/check.h"

#define NUMBERS       4
#define COMPUTERS     8
#define RING          6
#define SLEEPERS      4
#define SPIN_ROUNDS   10000UL
#define GIVE_UP       600 /* seconds */
#define POLL_NS       50000000L
#define SETTLED_POLLS 30

static volatile bool stop;
static unsigned long computed[COMPUTERS], slept[SLEEPERS], handed;
static sem_t ring[RING];

static void *compute(void *arg)
{
	unsigned long *count = arg;

	while (!stop) {
		unsigned long rounds = SPIN_ROUNDS;

		__asm__ volatile("1: dec %0; jnz 1b" : "+r"(rounds)::"cc");
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *hand_on(void *arg)
{
	uintptr_t place = (uintptr_t)arg;

	for (;;) {
		while (sem_wait(&ring[place]))
			;
		if (place == 0)
			__atomic_fetch_add(&handed, 1, __ATOMIC_RELAXED);
		sem_post(&ring[(place + 1) % RING]);
		if (stop)
			return NULL;
	}
}

static void *sleep_often(void *arg)
{
	unsigned long *count = arg;

	while (!stop) {
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Everybody has moved since the last look. */
static void check_progress(void)
{
	static unsigned long before[COMPUTERS + SLEEPERS + 1];
	unsigned long now;

	for (int i = 0; i < COMPUTERS + SLEEPERS + 1; i++) {
		const unsigned long *count = i < COMPUTERS              ? &computed[i]
					     : i < COMPUTERS + SLEEPERS ? &slept[i - COMPUTERS]
									: &handed;

		now = __atomic_load_n(count, __ATOMIC_RELAXED);
		CHECK(now != before[i]);
		before[i] = now;
	}
}

/* On the way from one number to another there are others: one that stays for a while. */
static long online_settled(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	for (int i = 0; i < SETTLED_POLLS; i++) {
		nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
		if (sysconf(_SC_NPROCESSORS_ONLN) != online)
			return online_settled();
	}
	return online;
}

int main(void)
{
	pthread_t threads[COMPUTERS + RING + SLEEPERS];
	long online, before = 0;
	int count = 0, numbers = 0;
	time_t end = time(NULL) + GIVE_UP;

	for (int i = 0; i < RING; i++)
		sem_init(&ring[i], 0, i == 0);
	for (int i = 0; i < COMPUTERS; i++)
		CHECK(pthread_create(&threads[count++], NULL, compute, &computed[i]) == 0);
	for (uintptr_t i = 0; i < RING; i++)
		CHECK(pthread_create(&threads[count++], NULL, hand_on, (void *)i) == 0);
	for (int i = 0; i < SLEEPERS; i++)
		CHECK(pthread_create(&threads[count++], NULL, sleep_often, &slept[i]) == 0);
	while (numbers < NUMBERS && time(NULL) < end) {
		online = online_settled();
		if (online != before) {
			printf("online %ld\n", online);
			fflush(stdout);
			before = online;
			numbers++;
			check_progress();
		}
		nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
	}
	CHECK(numbers == NUMBERS);
	stop = true;
	for (int i = 0; i < count; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	return check_done();
}
