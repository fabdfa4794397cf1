/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "test/bench/bench.h"

#define RULER_ROUNDS       500000UL
#define RULER_INSTRUCTIONS 2 /* instructions of a round */

int64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

void bench_report(const char *name, bench_sample_fn *sample, void *arg)
{
	double values[BENCH_SAMPLES];

	sample(arg); /* what is done only once is not measured */
	for (int i = 0; i < BENCH_SAMPLES; i++)
		values[i] = sample(arg);
	printf("bench %s", name);
	for (int i = 0; i < BENCH_SAMPLES; i++)
		printf(" %.3f", values[i]);
	printf("\n");
}

double bench_sample_ruler(void *arg)
{
	unsigned long rounds = RULER_ROUNDS;
	uint64_t begin = bench_ticks();

	(void)arg;
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(rounds)::"cc");
	return bench_per_call(begin, bench_ticks(), RULER_ROUNDS * RULER_INSTRUCTIONS);
}
