/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Says which vCPUs it may use whenever that has changed and stayed so for a while; meanwhile
 * threads compute, and each must get on, on those vCPUs alone.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define COMPUTERS     6
#define VCPUS_MAX     64
#define SPIN_ROUNDS   10000UL
#define POLL_NS       50000000L
#define SETTLED_POLLS 20

static unsigned long computed[COMPUTERS];
static uint64_t ran_on; /* bit n: a thread ran on vCPU n */

static void *compute(void *arg)
{
	for (;;) {
		unsigned long rounds = SPIN_ROUNDS;

		__asm__ volatile("1: dec %0; jnz 1b" : "+r"(rounds)::"cc");
		__atomic_fetch_or(&ran_on, 1ULL << sched_getcpu(), __ATOMIC_RELAXED);
		__atomic_fetch_add((unsigned long *)arg, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void wait_a_little(void)
{
	nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
}

static uint64_t usable(void)
{
	uint64_t mask = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (int id = 0; id < VCPUS_MAX; id++)
		if (CPU_ISSET(id, &set))
			mask |= 1ULL << id;
	return mask;
}

static uint64_t settled(void)
{
	uint64_t mask = usable();

	for (int i = 0; i < SETTLED_POLLS; i++) {
		wait_a_little();
		if (usable() != mask) {
			mask = usable();
			i = 0;
		}
	}
	return mask;
}

/* While the vCPUs stay the same. */
static void check_threads(uint64_t mask)
{
	unsigned long before[COMPUTERS];
	uint64_t ran;

	__atomic_store_n(&ran_on, 0, __ATOMIC_RELAXED);
	for (int i = 0; i < COMPUTERS; i++)
		before[i] = __atomic_load_n(&computed[i], __ATOMIC_RELAXED);
	for (int i = 0; i < SETTLED_POLLS; i++)
		wait_a_little();
	ran = __atomic_load_n(&ran_on, __ATOMIC_RELAXED);
	if (usable() != mask)
		return;
	if (ran & ~mask)
		printf("FAIL: ran on %#llx\n", (unsigned long long)ran);
	for (int i = 0; i < COMPUTERS; i++)
		if (__atomic_load_n(&computed[i], __ATOMIC_RELAXED) == before[i])
			printf("FAIL: thread %d stands still\n", i);
}

int main(void)
{
	uint64_t last = 0;
	pthread_t thread;

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	for (int i = 0; i < COMPUTERS; i++)
		if (pthread_create(&thread, NULL, compute, &computed[i]))
			puts("FAIL: no thread");
	for (;;) {
		uint64_t mask = settled();
		char separator = ' ';

		if (mask == last)
			continue;
		check_threads(mask);
		if (__builtin_popcountll(mask) != sysconf(_SC_NPROCESSORS_ONLN))
			continue;
		last = mask;
		printf("vcpus");
		for (int id = 0; id < VCPUS_MAX; id++)
			if (mask >> id & 1) {
				printf("%c%d", separator, id);
				separator = ',';
			}
		putchar('\n');
	}
}
