/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * malloc, free, realloc, memalign and mmap by threads on every vCPU at once, blocks freed by others
 * than those who asked for them, until memory is short now and then; in the end all of it is back.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/heap.h"
#include "core/page.h"
#include "test/guest/check.h"

#define THREADS      8
#define OPS          4000
#define SHARED_SLOTS 1024

/* What a block holds: its length, and bytes that follow from it. */
struct filled {
	size_t bytes;
	unsigned char first[];
};

static void *shared[SHARED_SLOTS];
static unsigned int wrong, no_memory;

static uint64_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

static void fill(struct filled *block, size_t bytes)
{
	block->bytes = bytes;
	memset(block->first, (int)(bytes * 7), bytes - sizeof(*block));
}

static void look(const struct filled *block)
{
	for (size_t i = 0; i < block->bytes - sizeof(*block); i++)
		if (block->first[i] != (unsigned char)(block->bytes * 7)) {
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
			return;
		}
}

static size_t random_bytes(uint64_t *state)
{
	uint64_t value = next(state);

	if (value % 128 == 0)
		return 16385 + value / 128 % 200000;
	return sizeof(struct filled) + 1 + value / 128 % (value % 8 ? 200 : 5000);
}

static void map_step(uint64_t *state)
{
	size_t bytes = (1 + next(state) % 16) * 4096;
	uint64_t *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);

	if (area == MAP_FAILED)
		return;
	if (area[0] || area[bytes / 8 - 1])
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	area[0] = area[bytes / 8 - 1] = bytes;
	if (mprotect(area, 4096, PROT_READ) || area[0] != bytes || munmap(area, bytes))
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void block_step(uint64_t *state)
{
	size_t bytes = random_bytes(state);
	struct filled *block = next(state) % 16 ? malloc(bytes)
						: memalign(64 << next(state) % 4, bytes),
		      *old;

	if (!block) {
		__atomic_fetch_add(&no_memory, 1, __ATOMIC_RELAXED);
		return;
	}
	fill(block, bytes);
	if (next(state) % 8 == 0) {
		size_t grown_bytes = random_bytes(state);
		struct filled *grown = realloc(block, grown_bytes);

		if (grown) {
			block = grown;
			fill(block, grown_bytes);
		}
	}
	old = __atomic_exchange_n(&shared[next(state) % SHARED_SLOTS], block, __ATOMIC_ACQ_REL);
	if (old) {
		look(old);
		free(old);
	}
}

static void *work(void *arg)
{
	uint64_t state = (uint64_t)(uintptr_t)arg * 0x9e3779b97f4a7c15ULL + 1;

	for (int op = 0; op < OPS; op++) {
		if (op % 64 == 0)
			map_step(&state);
		else
			block_step(&state);
	}
	return NULL;
}

static void run(void)
{
	pthread_t threads[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) == 0);
	/* While the others are at it. */
	for (int i = 0; i < 5; i++) {
		CHECK(heap_check() == 0);
		usleep(20000);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	for (int i = 0; i < SHARED_SLOTS; i++) {
		free(shared[i]);
		shared[i] = NULL;
	}
	CHECK(wrong == 0);
	CHECK(heap_check() == 0);
	page_check();
}

int main(void)
{
	struct heap_stats before, after;

	/* What threads and stdio keep for good is there after the first time. */
	run();
	heap_get_stats(&before);
	run();
	heap_get_stats(&after);
	printf("%u times no memory; blocks %lu, then %lu\n", no_memory,
	       (unsigned long)before.used_blocks, (unsigned long)after.used_blocks);
	CHECK(after.used_blocks == before.used_blocks);
	CHECK(after.used_bytes == before.used_bytes);
	return check_done();
}
