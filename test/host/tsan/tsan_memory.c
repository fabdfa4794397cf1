/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages, pools, areas, the heap, random numbers and the log on several vCPUs at once: every block
 * is filled with what only its holder knows and looked at before it goes, on whichever vCPU that
 * is.
 *
 * Links: core/heap.c core/heap_slab.c core/heap_large.c core/heap_vcpu.c core/vm.c core/pool.c
 * Links: core/page.c core/random.c core/log.c lib/base/chacha20.c lib/base/format.c
 * Links: test/host/fake_memory.c test/host/fake_pt.c test/host/fake_core.c
 * Links: test/host/fake_spinlock.c
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/console.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/page.h"
#include "core/pool.h"
#include "core/random.h"
#include "core/vm.h"
#include "lib/base/error.h"
#include "test/host/fake_memory.h"
#include "test/host/tsan/tsan.h"
#include "xen/vcpu.h"

#define VCPUS           4u
#define OPS_PER_ROUND   150000u
#define SHARED_SLOTS    4096u
#define MEMORY_MIB      5u /* now and then there is none */
#define BLOCK_BYTES_MAX 2000u

/* What a block holds: its length, and bytes that follow from it. */
struct filled {
	size_t bytes;
	unsigned char first[];
};

struct object {
	uint64_t words[6];
};

static struct pool objects = POOL_INIT("object", struct object);
static void *shared[SHARED_SLOTS];
static unsigned long rounds = 1, failed_allocs;
static pthread_barrier_t barrier;

struct console *console_get(void)
{
	return NULL;
}

void core_heap_failed(void)
{
	__atomic_fetch_add(&failed_allocs, 1, __ATOMIC_RELAXED);
}

static void fill(struct filled *block, size_t bytes)
{
	block->bytes = bytes;
	memset(block->first, (int)(bytes * 7), bytes - sizeof(*block));
}

static void look(const struct filled *block)
{
	for (size_t i = 0; i < block->bytes - sizeof(*block); i++)
		if (block->first[i] != (unsigned char)(block->bytes * 7))
			fail("a block has changed in its holder's hands");
}

static size_t random_bytes(uint64_t *state)
{
	uint64_t value = next(state);

	/* Mostly short blocks, sometimes ones with an area of their own. */
	if (value % 64 == 0)
		return 16385 + value / 64 % 40000;
	return sizeof(struct filled) + 1 + value / 64 % (value % 8 ? 100 : BLOCK_BYTES_MAX);
}

/* Puts a block, or nothing, where others find it, and frees what was there. */
static void swap(uint64_t *state, struct filled *block)
{
	unsigned int slot = (unsigned int)(next(state) % SHARED_SLOTS);
	struct filled *old = __atomic_exchange_n(&shared[slot], block, __ATOMIC_ACQ_REL);

	if (old) {
		look(old);
		heap_free(old);
	}
}

static void heap_step(uint64_t *state)
{
	size_t bytes = random_bytes(state);
	struct filled *block = next(state) % 16 ? heap_alloc(bytes)
						: heap_alloc_aligned(64 << next(state) % 4, bytes);

	if (!block)
		return;
	fill(block, bytes);
	if (next(state) % 8 == 0) {
		size_t grown_bytes = random_bytes(state);
		struct filled *grown = heap_realloc(block, grown_bytes);

		if (grown) {
			block = grown;
			fill(block, grown_bytes);
		}
	}
	swap(state, block);
}

static void page_step(uint64_t *state)
{
	unsigned int order = (unsigned int)(next(state) % 4);
	uint64_t *block = page_alloc(order, PAGE_ZERO), mark = next(state);
	pfn_t pfns[5];

	if (block) {
		if (block[0] || block[(PAGE_BYTES << order) / 8 - 1])
			fail("a zeroed page is not");
		block[0] = block[(PAGE_BYTES << order) / 8 - 1] = mark;
	}
	if (page_alloc_pfns(pfns, 5) == 0)
		page_free_pfns(pfns, 5);
	if (block) {
		if (block[0] != mark || block[(PAGE_BYTES << order) / 8 - 1] != mark)
			fail("a page has two holders");
		page_free(block, order);
	}
}

static void area_step(uint64_t *state)
{
	size_t bytes = (1 + next(state) % 20) * PAGE_BYTES;
	unsigned int prot = PT_PROT_READ | PT_PROT_WRITE;
	uint64_t mark = next(state);
	void *start;

	if (vm_alloc(bytes, 0, prot | VM_ROOM, "test", &start))
		return;
	*(uint64_t *)start = mark;
	if (next(state) % 2 && vm_grow(start, bytes + PAGE_BYTES) == 0) {
		bytes += PAGE_BYTES;
		*(uint64_t *)((char *)start + bytes - 8) = mark;
	}
	if (vm_protect(start, PAGE_BYTES, PT_PROT_READ) || *(uint64_t *)start != mark)
		fail("an area has two holders");
	if (vm_free(start) || vm_free(start) != -EINVAL)
		fail("an area cannot be freed once");
}

static void pool_step(uint64_t *state)
{
	struct object *taken[20];
	uint64_t mark = next(state);
	unsigned int count = 0;

	while (count < 20 && (taken[count] = pool_alloc(&objects)) != NULL)
		taken[count++]->words[3] = mark;
	while (count) {
		if (taken[--count]->words[3] != mark)
			fail("a pool's object has two holders");
		pool_free(&objects, taken[count]);
	}
}

static void small_steps(uint64_t *state)
{
	uint64_t random[2];
	struct log_record record;
	uint64_t position = 0;
	char text[LOG_LINE_MAX + 1];

	if (random_get(random, sizeof(random)) || (random[0] == 0 && random[1] == 0))
		fail("no random numbers");
	random_mix(next(state));
	log_info("vCPU %u says %lu", VCPU(id), (unsigned long)*state);
	if (!log_read(&position, &record, text, sizeof(text)) || strncmp(text, "vCPU ", 5) != 0)
		fail("the log is torn");
}

static void work(uint64_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;

	for (unsigned long op = 0; op < rounds * OPS_PER_ROUND; op++) {
		uint64_t kind = next(&state) % 64;

		if (kind < 56)
			heap_step(&state);
		else if (kind < 58)
			page_step(&state);
		else if (kind < 59)
			area_step(&state);
		else if (kind < 62)
			pool_step(&state);
		else
			small_steps(&state);
		/* A vCPU goes down and comes again. */
		if (VCPU(id) == VCPUS - 1 && op % 500 == 499) {
			bool enabled = events_disable();

			heap_vcpu_leave();
			events_restore(enabled);
		}
	}
}

static void *vcpu_main(void *arg)
{
	struct vcpu *vcpu = arg;

	fake_vcpu_start(vcpu, vcpu->id);
	work(vcpu->id);
	pthread_barrier_wait(&barrier);
	/* The blocks that are left go back, then the slabs of each vCPU. */
	if (vcpu->id == 1)
		for (unsigned int i = 0; i < SHARED_SLOTS; i++)
			heap_free(shared[i]);
	pthread_barrier_wait(&barrier);
	heap_trim();
	pthread_barrier_wait(&barrier);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct vcpu vcpus[VCPUS];
	pthread_t threads[VCPUS];
	struct heap_stats stats;

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 0);
	random_init();
	fake_memory_setup(argc > 2 ? strtoul(argv[2], NULL, 0) : MEMORY_MIB);
	pthread_barrier_init(&barrier, NULL, VCPUS);
	for (unsigned int id = 1; id < VCPUS; id++) {
		vcpus[id].id = id;
		if (heap_vcpu_create(&vcpus[id]))
			fail("no memory for a vCPU");
		pthread_create(&threads[id], NULL, vcpu_main, &vcpus[id]);
	}
	work(VCPUS);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	heap_trim();
	pthread_barrier_wait(&barrier);
	for (unsigned int id = 1; id < VCPUS; id++)
		pthread_join(threads[id], NULL);
	if (heap_check())
		fail("the heap is corrupt");
	page_check();
	heap_get_stats(&stats);
	if (stats.used_blocks || stats.held_bytes || objects.live)
		fail("something was lost");
	/* One page for each vCPU's classes. */
	if (fake_memory_in_use() != VCPUS - 1)
		fail("pages were lost");
	printf("%lu operations on %u vCPUs, %lu found no memory\n", rounds * OPS_PER_ROUND * VCPUS,
	       VCPUS, failed_allocs);
	return 0;
}
