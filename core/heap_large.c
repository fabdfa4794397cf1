/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Large blocks: each in an area of its own, as close to the guard page at its end as alignment
 * allows, so that running over the end faults. Bytes between the two are canary, and so are the
 * eight before the block. A freed block is unmapped.
 *
 * area->private holds the bytes asked for and the block's address.
 */
#include "core/heap_parts.h"

#include "core/log.h"
#include "core/vm.h"
#include "lib/base/bits.h"
#include "lib/base/error.h"
#include "lib/base/string.h"

#define LARGE_TAIL_MAX 16u /* canary bytes looked at behind a block */

/* Its address tells our areas from others. */
static const char large_name[] = "heap";

enum { LARGE_BYTES, LARGE_BLOCK };

static uintptr_t area_end(const struct vm_area *area)
{
	return area->start + area->bytes;
}

static size_t tail_bytes(const struct vm_area *area)
{
	size_t slack = area_end(area) - area->private[LARGE_BLOCK] - area->private[LARGE_BYTES];

	return slack < LARGE_TAIL_MAX ? slack : LARGE_TAIL_MAX;
}

static uint8_t tail_byte(uintptr_t block, size_t at)
{
	return (uint8_t)(heap_canary((void *)block) >> (8 * (at % HEAP_CANARY_BYTES)));
}

static void canaries_write(const struct vm_area *area)
{
	uintptr_t block = area->private[LARGE_BLOCK];
	uint8_t *tail = (uint8_t *)block + area->private[LARGE_BYTES];

	for (size_t i = 0; i < tail_bytes(area); i++)
		tail[i] = tail_byte(block, i);
	if (block - area->start >= HEAP_CANARY_BYTES)
		heap_store((char *)block - HEAP_CANARY_BYTES, heap_canary((void *)block));
}

/* NULL, or what is wrong. */
static const char *canaries_check(const struct vm_area *area)
{
	uintptr_t block = area->private[LARGE_BLOCK];
	const uint8_t *tail = (const uint8_t *)block + area->private[LARGE_BYTES];

	for (size_t i = 0; i < tail_bytes(area); i++) {
		if (tail[i] != tail_byte(block, i))
			return "overflow";
	}
	if (block - area->start >= HEAP_CANARY_BYTES &&
	    heap_load((const char *)block - HEAP_CANARY_BYTES) != heap_canary((void *)block))
		return "underflow";
	return NULL;
}

void *large_alloc(size_t align_bytes, size_t bytes, unsigned int vm_flags)
{
	struct vm_area *area;
	uintptr_t block;
	void *start;

	if (bytes > PTRDIFF_MAX - PAGE_BYTES || align_bytes > PTRDIFF_MAX)
		return NULL;
	if (!heap_key)
		heap_key_init();
	if (align_bytes < HEAP_ALIGN_BYTES)
		align_bytes = HEAP_ALIGN_BYTES;
	if (vm_alloc(bytes ? bytes : 1, align_bytes > PAGE_BYTES ? align_bytes : 0,
		     PT_PROT_READ | PT_PROT_WRITE | vm_flags, large_name, &start))
		return NULL;
	area = vm_area_at(start);
	block = align_down(area_end(area) - bytes, align_bytes);
	area->private[LARGE_BYTES] = bytes;
	area->private[LARGE_BLOCK] = block;
	canaries_write(area);
	heap_held_bytes += area->bytes;
	return (void *)block;
}

/* The area of a live block; NULL when it is none. */
static struct vm_area *area_of(const void *block)
{
	const struct vm_area *area = vm_find((uintptr_t)block, NULL);

	if (!area || area->name != large_name || area->private[LARGE_BLOCK] != (uintptr_t)block)
		return NULL;
	return vm_area_at((void *)area->start);
}

static struct vm_area *checked_area_of(const void *block)
{
	struct vm_area *area = area_of(block);
	const char *problem = area ? canaries_check(area) : "invalid or double free";

	if (problem)
		heap_corrupted(problem, block, area ? area->private[LARGE_BYTES] : 0);
	return area;
}

void large_free(void *block)
{
	struct vm_area *area = checked_area_of(block);

	heap_held_bytes -= area->bytes;
	vm_free((void *)area->start);
}

size_t large_bytes(const void *block)
{
	return checked_area_of(block)->private[LARGE_BYTES];
}

bool large_resize(void *block, size_t bytes)
{
	struct vm_area *area = checked_area_of(block);
	size_t old_bytes = area->bytes;
	size_t needed = (uintptr_t)block - area->start + bytes + LARGE_TAIL_MAX;

	/* Half empty: worth a new area. */
	if (bytes < area->private[LARGE_BYTES] / 2)
		return false;
	if (bytes > area->private[LARGE_BYTES] && needed > area->bytes &&
	    vm_grow((void *)area->start, needed))
		return false;
	heap_held_bytes += area->bytes - old_bytes;
	area->private[LARGE_BYTES] = bytes;
	canaries_write(area);
	return true;
}

static bool check_one(const struct vm_area *area, void *problems)
{
	const char *problem = area->name == large_name ? canaries_check(area) : NULL;

	if (problem) {
		log_error("heap: %s of block %#lx (%zu bytes)", problem,
			  (unsigned long)area->private[LARGE_BLOCK],
			  (size_t)area -> private[LARGE_BYTES]);
		(*(int *)problems)++;
	}
	return true;
}

int large_check(void)
{
	int problems = 0;

	vm_for_each(check_one, &problems);
	return problems;
}

static bool count_one(const struct vm_area *area, void *arg)
{
	struct heap_stats *stats = arg;

	if (area->name == large_name) {
		stats->used_bytes += area->private[LARGE_BYTES];
		stats->used_blocks++;
	}
	return true;
}

void large_count(struct heap_stats *stats)
{
	vm_for_each(count_one, stats);
}
