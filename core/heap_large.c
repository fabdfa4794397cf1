/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Large blocks: each in an area of its own, as close to the guard page at its end as alignment
 * allows, so that running over the end faults. Bytes between the two are canary, and so are the
 * eight before the block. A freed block is unmapped.
 *
 * area->private holds the bytes asked for and the block's address, 0 until the canaries are there.
 * Both are looked at and changed in vm_with(), together with the canaries: so heap_check() may look
 * at any time. The caller holds no lock.
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

struct change {
	uintptr_t block;
	size_t bytes;
	const char *problem; /* what is wrong with the block, NULL: nothing */
	void *area;
	size_t area_bytes;
};

/* The first canaries. */
static bool make_one(struct vm_area *area, void *arg)
{
	const struct change *change = arg;

	area->private[LARGE_BYTES] = change->bytes;
	area->private[LARGE_BLOCK] = change->block;
	canaries_write(area);
	return true;
}

void *large_alloc(size_t align_bytes, size_t bytes, unsigned int vm_flags)
{
	struct change change = {.bytes = bytes};
	uintptr_t end;
	void *start;

	if (bytes > PTRDIFF_MAX - PAGE_BYTES || align_bytes > PTRDIFF_MAX)
		return NULL;
	heap_key_init();
	if (align_bytes < HEAP_ALIGN_BYTES)
		align_bytes = HEAP_ALIGN_BYTES;
	if (vm_alloc(bytes ? bytes : 1, align_bytes > PAGE_BYTES ? align_bytes : 0,
		     PT_PROT_READ | PT_PROT_WRITE | vm_flags, large_name, &start))
		return NULL;
	end = (uintptr_t)start + align_up(bytes ? bytes : 1, PAGE_BYTES);
	/* A block of no bytes lies in the area too, not behind it. */
	change.block = align_down(end - (bytes ? bytes : 1), align_bytes);
	(void)vm_with((uintptr_t)start, make_one, &change);
	heap_hold((long)(end - (uintptr_t)start));
	return (void *)change.block;
}

/* True when the area is that of the live block change->block; its canaries are looked at. */
static bool is_block(const struct vm_area *area, struct change *change)
{
	if (area->name != large_name || area->private[LARGE_BLOCK] != change->block)
		return false;
	change->problem = canaries_check(area);
	change->area = (void *)area->start;
	change->area_bytes = area->bytes;
	change->bytes = area->private[LARGE_BYTES];
	return true;
}

static bool look_at_one(struct vm_area *area, void *change)
{
	return is_block(area, change);
}

/* What there is to know of a live block. Ends the program when it is none, or not whole. */
static struct change checked(const void *block)
{
	struct change change = {.block = (uintptr_t)block};

	if (!vm_with((uintptr_t)block, look_at_one, &change))
		heap_corrupted("invalid or double free", block, 0);
	if (change.problem)
		heap_corrupted(change.problem, block, change.bytes);
	return change;
}

void large_free(void *block)
{
	struct change change = checked(block);

	/* Another thread may have freed it since. */
	if (vm_free(change.area))
		heap_corrupted("double free", block, change.bytes);
	heap_hold(-(long)change.area_bytes);
}

size_t large_bytes(const void *block)
{
	return checked(block).bytes;
}

static bool resize_one(struct vm_area *area, void *arg)
{
	const struct change *change = arg;

	if (area->private[LARGE_BLOCK] != change->block)
		return false;
	area->private[LARGE_BYTES] = change->bytes;
	canaries_write(area);
	return true;
}

bool large_resize(void *block, size_t bytes)
{
	struct change change = checked(block);
	size_t before = (uintptr_t)block - (uintptr_t)change.area;
	size_t needed = before + bytes + LARGE_TAIL_MAX;

	/* Half empty: worth a new area. */
	if (bytes < change.bytes / 2)
		return false;
	if (bytes > change.bytes && needed > change.area_bytes) {
		if (vm_grow(change.area, needed))
			return false;
		heap_hold((long)(align_up(needed, PAGE_BYTES) - change.area_bytes));
	}
	change.bytes = bytes;
	return vm_with((uintptr_t)block, resize_one, &change);
}

static bool check_one(const struct vm_area *area, void *problems)
{
	const char *problem = NULL;

	if (area->name == large_name && area->private[LARGE_BLOCK])
		problem = canaries_check(area);
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

	if (area->name == large_name && area->private[LARGE_BLOCK]) {
		stats->used_bytes += area->private[LARGE_BYTES];
		stats->used_blocks++;
	}
	return true;
}

void large_count(struct heap_stats *stats)
{
	vm_for_each(count_one, stats);
}
