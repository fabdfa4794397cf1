/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the benchmark programs share. Each is one source for two guests: linked by stardust-cc into
 * an image, and by the machine's gcc (static) into the first program of a Linux PV guest.
 *
 * A program reports in lines `bench NAME VALUE…`, read by tools/bench. Times are in ticks of the
 * time-stamp counter, which is the same for every domain of the box (tsc_mode="native"); what a
 * tick is worth is for tools/bench to say. docs/bench.md describes each figure.
 */
#ifndef TEST_BENCH_BENCH_H
#define TEST_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

/* The counter, after everything before it has been done (SDM 2B, RDTSC). */
static inline uint64_t bench_ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
	return ((uint64_t)high << 32) | low;
}

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t bench_now_ns(void);

#define BENCH_SAMPLES 9

/* One sample of a figure, in ticks or whatever the figure's unit is. */
typedef double bench_sample_fn(void *arg);

/* Takes BENCH_SAMPLES samples after one that does not count, and reports them. */
void bench_report(const char *name, bench_sample_fn *sample, void *arg);

static inline double bench_per_call(uint64_t begin, uint64_t end, unsigned long calls)
{
	return (double)(end - begin) / (double)calls;
}

/* Ticks of one instruction: a loop whose length is known, to see that the ruler is straight. */
double bench_sample_ruler(void *arg);

/* Platform: the counter at the guest's first instruction, or 0 where the guest does not know. */
uint64_t platform_entry_ticks(void);

/* Platform: makes disks and the network there for the program; its first call, if it wants them. */
void platform_devices(void);

/* Platform: ends the guest after its output has left it. */
_Noreturn void platform_end(int status);

#endif
