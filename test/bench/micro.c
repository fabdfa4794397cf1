/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What single calls cost. Every figure is taken BENCH_SAMPLES times and all samples are reported,
 * in ticks per call; the loop around the call is part of it, in both guests alike.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test/bench/bench.h"

#define CALLS        1000
#define BATCH        256         /* objects held at once */
#define COPY_BYTES   (1UL << 20) /* the largest copy */
#define COPIED_BYTES (4UL << 20) /* by one sample */
#define LINE_BYTES   64
#define LINES        16 /* of one sample: half of what the console's ring holds */

static double sample_malloc(void *arg)
{
	uint64_t begin = bench_ticks();

	(void)arg;
	for (int i = 0; i < CALLS; i++) {
		void *object = malloc(64);

		__asm__ volatile("" : "+r"(object)::"memory");
		free(object);
	}
	return bench_per_call(begin, bench_ticks(), CALLS);
}

/* Many objects alive, freed in the order they were made: no allocator's favourite. */
static double sample_malloc_batch(void *arg)
{
	void **objects = arg;
	uint64_t begin = bench_ticks();

	for (int i = 0; i < BATCH; i++) {
		objects[i] = malloc(64);
		__asm__ volatile("" ::: "memory");
	}
	for (int i = 0; i < BATCH; i++)
		free(objects[i]);
	return bench_per_call(begin, bench_ticks(), BATCH);
}

struct copy {
	char *to, *from;
	size_t bytes;
};

/* Called through a pointer, or the compiler would do small copies itself. */
static void *(*volatile copy_bytes)(void *, const void *, size_t) = memcpy;

static double sample_copy(void *arg)
{
	const struct copy *copy = arg;
	unsigned long calls = COPIED_BYTES / copy->bytes;
	uint64_t begin = bench_ticks();

	for (unsigned long i = 0; i < calls; i++)
		copy_bytes(copy->to, copy->from, copy->bytes);
	return bench_per_call(begin, bench_ticks(), calls);
}

static void report_copies(void)
{
	static const size_t sizes[] = {64, 1500, 64 << 10, 1 << 20};
	struct copy copy = {0};
	char name[32];

	if (posix_memalign((void **)&copy.to, 4096, COPY_BYTES) ||
	    posix_memalign((void **)&copy.from, 4096, COPY_BYTES)) {
		printf("bench-error memcpy no memory for the buffers\n");
		return;
	}
	memset(copy.from, 1, COPY_BYTES);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		copy.bytes = sizes[i];
		snprintf(name, sizeof(name), "memcpy_%zu", sizes[i]);
		bench_report(name, sample_copy, &copy);
	}
	free(copy.to);
	free(copy.from);
}

static double sample_clock(void *arg)
{
	struct timespec now;
	uint64_t begin = bench_ticks();

	(void)arg;
	for (int i = 0; i < CALLS; i++)
		clock_gettime(CLOCK_MONOTONIC, &now);
	return bench_per_call(begin, bench_ticks(), CALLS);
}

static double sample_null_call(void *arg)
{
	uint64_t begin = bench_ticks();

	(void)arg;
	for (int i = 0; i < CALLS; i++)
		getpid();
	return bench_per_call(begin, bench_ticks(), CALLS);
}

/* Six decimals of numbers that have no end in binary. */
static double sample_format_double(void *arg)
{
	char text[64];
	uint64_t begin = bench_ticks();

	(void)arg;
	for (int i = 0; i < BATCH; i++)
		snprintf(text, sizeof(text), "%.6f", i / 7.0);
	return bench_per_call(begin, bench_ticks(), BATCH);
}

/* Lines of LINE_BYTES into an empty ring. The pause lets dom0 empty it, and is not measured. */
static double sample_printf(void *arg)
{
	const struct timespec pause = {.tv_nsec = 400 * 1000 * 1000};
	bool *whole = arg;
	uint64_t begin, end;

	nanosleep(&pause, NULL);
	begin = bench_ticks();
	for (int i = 0; i < LINES; i++) {
		if (printf("line %08d of the benchmark: %10s and %16x\n", i, "a string", i) !=
		    LINE_BYTES)
			*whole = false;
	}
	end = bench_ticks();
	nanosleep(&pause, NULL);
	return bench_per_call(begin, end, LINES);
}

int main(void)
{
	static void *objects[BATCH];
	bool whole = true;

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	bench_report("ruler", bench_sample_ruler, NULL);
	bench_report("malloc_free", sample_malloc, NULL);
	bench_report("malloc_batch", sample_malloc_batch, objects);
	report_copies();
	bench_report("clock_gettime", sample_clock, NULL);
	bench_report("null_call", sample_null_call, NULL);
	bench_report("format_double", sample_format_double, NULL);
	bench_report("printf_line", sample_printf, &whole);
	if (!whole)
		printf("bench-error printf_line the line is not %d bytes long\n", LINE_BYTES);
	printf("bench end\n");
	platform_end(0);
}
