/* SPDX-License-Identifier: BSD-2-Clause */
/* The heap's interface and its short paths; core/heap_parts.h says how blocks lie. */
#include "core/heap_parts.h"

#include "core/panic.h"
#include "core/random.h"
#include "core/vm.h"
#include "lib/base/bits.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/string.h"
#include "xen/evtchn.h"

#define SIGNAL_ABORT 6

uint64_t heap_key;

void heap_corrupted(const char *what, const void *block, size_t bytes)
{
	char reason[100];

	if (bytes)
		format_text(reason, sizeof(reason), "heap: %s of block %#lx (%zu bytes)", what,
			    (unsigned long)block, bytes);
	else
		format_text(reason, sizeof(reason), "heap: %s of %#lx", what, (unsigned long)block);
	panic_signal(reason, SIGNAL_ABORT);
}

void heap_key_init(void)
{
	if (random_get(&heap_key, sizeof(heap_key)))
		panic("heap: used before random numbers are seeded");
	/* The first byte in memory: see heap_canary(). */
	heap_key = (heap_key | 0x80) & ~1ULL;
}

static void poison_write(char *slot, uint32_t slot_bytes)
{
	for (uint32_t at = 0; at < slot_bytes; at += 16) {
		heap_store(slot + at, HEAP_POISON);
		heap_store(slot + at + 8, HEAP_POISON);
	}
}

static bool poison_intact(const char *slot, uint32_t slot_bytes)
{
	for (uint32_t at = 0; at < slot_bytes; at += 16) {
		if (heap_load(slot + at) != HEAP_POISON || heap_load(slot + at + 8) != HEAP_POISON)
			return false;
	}
	return true;
}

/* A slot of the class, for bytes that fit; NULL when out of memory. */
static void *slot_take(struct heap_class *class, size_t bytes)
{
	unsigned int slot;
	char *block;

	if (!class->window && !slab_refill(class))
		return NULL;
	slot = bit_lowest(class->window);
	class->window &= class->window - 1;
	block = class->window_base + (size_t)slot * class->slot_bytes;
	if (!poison_intact(block, class->slot_bytes))
		heap_corrupted("write after free", block, class->slot_bytes);
	class->window_requested[slot] = (uint16_t)bytes;
	heap_store(block + bytes, heap_canary(block));
	return block;
}

/* Out of slabs: give back what is empty and try again, then pages one by one. */
static void *alloc_hard(struct heap_class *class, size_t align_bytes, size_t bytes)
{
	void *block;

	slab_trim();
	block = slot_take(class, bytes);
	return block ? block : large_alloc(align_bytes, bytes, VM_DIRTY);
}

void *heap_alloc(size_t bytes)
{
	bool enabled = events_disable();
	void *block;

	if (!heap_key)
		heap_key_init();
	if (bytes <= HEAP_SMALL_MAX) {
		struct heap_class *class = &heap_classes[heap_class_of(bytes)];

		block = slot_take(class, bytes);
		if (!block)
			block = alloc_hard(class, HEAP_ALIGN_BYTES, bytes);
	} else {
		block = large_alloc(HEAP_ALIGN_BYTES, bytes, VM_DIRTY);
	}
	events_restore(enabled);
	return block;
}

void *heap_alloc_zeroed(size_t bytes)
{
	void *block;
	bool enabled;

	if (bytes <= HEAP_SMALL_MAX) {
		block = heap_alloc(bytes);
		return block ? memset(block, 0, bytes) : NULL;
	}
	enabled = events_disable();
	block = large_alloc(HEAP_ALIGN_BYTES, bytes, 0);
	events_restore(enabled);
	return block;
}

void *heap_alloc_aligned(size_t align_bytes, size_t bytes)
{
	unsigned int index;
	bool enabled;
	void *block;

	if (align_bytes <= HEAP_ALIGN_BYTES)
		return heap_alloc(bytes);
	enabled = events_disable();
	if (!heap_key)
		heap_key_init();
	index = bytes <= HEAP_SMALL_MAX ? heap_class_aligned(align_bytes, bytes) : HEAP_CLASSES;
	if (index < HEAP_CLASSES) {
		block = slot_take(&heap_classes[index], bytes);
		if (!block)
			block = alloc_hard(&heap_classes[index], align_bytes, bytes);
	} else {
		block = large_alloc(align_bytes, bytes, VM_DIRTY);
	}
	events_restore(enabled);
	return block;
}

/* The slab of a small block, NULL for anything else. */
static struct slab *slab_of(const void *block)
{
	const struct page *page = page_of(block);

	return page && page->owner == PAGE_OWNER_HEAP ? page->object : NULL;
}

/* Bytes asked for of a live block whose canary is whole. */
static size_t small_bytes(const struct slab *slab, const char *block, unsigned int slot)
{
	size_t bytes = slab->requested[slot];

	if (bytes == HEAP_SLOT_FREE)
		heap_corrupted("double free", block, slab->slot_bytes);
	if (heap_load(block + bytes) != heap_canary(block))
		heap_corrupted("overflow", block, bytes);
	return bytes;
}

void heap_free(void *block)
{
	struct slab *slab;
	unsigned int slot;
	bool enabled;

	if (!block)
		return;
	enabled = events_disable();
	slab = slab_of(block);
	if (slab) {
		slot = slab_slot(slab, block);
		small_bytes(slab, block, slot);
		poison_write(block, slab->slot_bytes);
		slab->requested[slot] = HEAP_SLOT_FREE;
		bitmap_set(slab->freed, slot);
		if (--slab->countdown == 0)
			slab_freed(slab);
	} else {
		large_free(block);
	}
	events_restore(enabled);
}

size_t heap_usable_bytes(const void *block)
{
	bool enabled;
	struct slab *slab;
	size_t bytes;

	if (!block)
		return 0;
	enabled = events_disable();
	slab = slab_of(block);
	bytes = slab ? small_bytes(slab, block, slab_slot(slab, block)) : large_bytes(block);
	events_restore(enabled);
	return bytes;
}

/* Makes a block longer or shorter in its place; false when it must move. */
static bool resize_in_place(void *block, size_t bytes)
{
	struct slab *slab = slab_of(block);
	unsigned int slot;

	if (!slab)
		return bytes > HEAP_SMALL_MAX && large_resize(block, bytes);
	slot = slab_slot(slab, block);
	small_bytes(slab, block, slot);
	if (bytes > HEAP_SMALL_MAX || heap_class_of(bytes) != slab->class_index)
		return false;
	slab->requested[slot] = (uint16_t)bytes;
	heap_store((char *)block + bytes, heap_canary(block));
	return true;
}

void *heap_realloc(void *block, size_t bytes)
{
	size_t old_bytes;
	void *moved;
	bool enabled, done;

	if (!block)
		return heap_alloc(bytes);
	old_bytes = heap_usable_bytes(block);
	enabled = events_disable();
	done = resize_in_place(block, bytes);
	/* What has grown once may well grow again: leave room behind it. */
	moved = NULL;
	if (!done && bytes > HEAP_SMALL_MAX)
		moved = large_alloc(HEAP_ALIGN_BYTES, bytes, VM_DIRTY | VM_ROOM);
	events_restore(enabled);
	if (done)
		return block;
	if (bytes <= HEAP_SMALL_MAX)
		moved = heap_alloc(bytes);
	if (!moved)
		return NULL;
	memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
	heap_free(block);
	return moved;
}

void heap_get_stats(struct heap_stats *stats_out)
{
	bool enabled = events_disable();

	*stats_out = (struct heap_stats){.held_bytes = heap_held_bytes};
	slab_count(stats_out);
	large_count(stats_out);
	events_restore(enabled);
}

int heap_check(void)
{
	bool enabled = events_disable();
	int problems = slab_check() + large_check();

	events_restore(enabled);
	return problems ? -EFAULT : 0;
}

void heap_trim(void)
{
	bool enabled = events_disable();

	slab_trim();
	events_restore(enabled);
}
