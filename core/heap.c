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
#include "xen/vcpu.h"

#define SIGNAL_ABORT 6

#pragma weak vm_settle

uint64_t heap_key;

COLD void heap_corrupted(const char *what, const void *block, size_t bytes)
{
	char reason[100];

	if (bytes)
		format_text(reason, sizeof(reason), "heap: %s of block %#lx (%zu bytes)", what,
			    (unsigned long)block, bytes);
	else
		format_text(reason, sizeof(reason), "heap: %s of %#lx", what, (unsigned long)block);
	panic_signal(reason, SIGNAL_ABORT);
}

COLD void heap_key_init(void)
{
	uint64_t key, none = 0;

	if (READ_ONCE(heap_key))
		return;
	if (random_get(&key, sizeof(key)))
		panic("heap: used before random numbers are seeded");
	/* The first byte in memory: see heap_canary(). */
	key = (key | 0x80) & ~1ULL;
	/* Whichever vCPU is first. */
	(void)__atomic_compare_exchange_n(&heap_key, &none, key, false, __ATOMIC_RELAXED,
					  __ATOMIC_RELAXED);
}

/* The words of a slot from unit 2 on are the cases of a switch that falls through, the largest
 * first; every slot has the two units before. */
#define EACH_UNIT(apply) apply(8) apply(7) apply(6) apply(5) apply(4) apply(3) apply(2)

static inline uint64_t poison(void)
{
	uint64_t value = HEAP_POISON;

	/* Kept in a register, not loaded again for each word. */
	__asm__("" : "+r"(value));
	return value;
}

/* Up to 9 units. */
static inline __attribute__((always_inline)) void poison_write(char *slot, unsigned int units)
{
	uint64_t value = poison();

#define WRITE_UNIT(unit)                                                                           \
	case (unit) + 1:                                                                           \
		heap_store(slot + 16 * (unit), value);                                             \
		heap_store(slot + 16 * (unit) + 8, value);                                         \
		__attribute__((fallthrough));
	switch (units) {
		EACH_UNIT(WRITE_UNIT)
	case 2:
		break;
	default:
		__builtin_unreachable();
	}
	heap_store(slot, value);
	heap_store(slot + 8, value);
	heap_store(slot + 16, value);
	heap_store(slot + 24, value);
}

static inline void write_unit(char *unit)
{
	heap_store(unit, HEAP_POISON);
	heap_store(unit + 8, HEAP_POISON);
}

/* Any slot: four units a round until a short rest remains. */
void heap_poison(char *slot, size_t bytes)
{
	size_t units = bytes / HEAP_UNIT_BYTES;

	for (; units > HEAP_UNITS_MAX; units -= 4) {
		write_unit(slot);
		write_unit(slot + HEAP_UNIT_BYTES);
		write_unit(slot + 2 * HEAP_UNIT_BYTES);
		write_unit(slot + 3 * HEAP_UNIT_BYTES);
		slot += 4 * HEAP_UNIT_BYTES;
	}
	poison_write(slot, (unsigned int)units);
}

static inline uint64_t sum_unit(uint64_t sum, const char *unit)
{
	sum += heap_load(unit);
	/* In this order: adding in pairs first takes more instructions and registers. */
	__asm__("" : "+r"(sum));
	sum += heap_load(unit + 8);
	__asm__("" : "+r"(sum));
	return sum;
}

/* sum and the words of a slot: one addition a word, where comparing would take two instructions.
 * It misses writes that cancel each other out; heap_check() compares. Up to 9 units. */
static inline __attribute__((always_inline)) uint64_t poison_sum(uint64_t sum, const char *slot,
								 unsigned int units)
{
#define SUM_UNIT(unit)                                                                             \
	case (unit) + 1:                                                                           \
		sum = sum_unit(sum, slot + 16 * (unit));                                           \
		__attribute__((fallthrough));
	switch (units) {
		EACH_UNIT(SUM_UNIT)
	case 2:
		break;
	default:
		__builtin_unreachable();
	}
	return sum_unit(sum_unit(sum, slot + 16), slot);
}

/* The same for any slot. */
static uint64_t poison_sum_long(uint64_t sum, const char *slot, uint32_t slot_bytes)
{
	unsigned int units = slot_bytes / HEAP_UNIT_BYTES;

	for (; units > HEAP_UNITS_MAX; units -= 4) {
		sum = sum_unit(sum, slot);
		sum = sum_unit(sum, slot + HEAP_UNIT_BYTES);
		sum = sum_unit(sum, slot + 2 * HEAP_UNIT_BYTES);
		sum = sum_unit(sum, slot + 3 * HEAP_UNIT_BYTES);
		slot += 4 * HEAP_UNIT_BYTES;
	}
	return poison_sum(sum, slot, units);
}

/* bit_lowest() of a bitmap that is not empty, in one instruction where the compiler makes three. */
static inline uint64_t lowest(uint64_t bits)
{
	uint64_t index;

	__asm__("bsf %1, %0" : "=r"(index) : "r"(bits) : "cc");
	return index;
}

/* The first slot of the window, which is not empty. */
static inline __attribute__((always_inline)) void *slot_take(struct heap_class *class, size_t bytes,
							     bool is_short)
{
	uint64_t window = class->window;
	uint64_t slot = lowest(window);
	uint64_t sum = class->poison_negated;
	char *block;

	class->window = window & (window - 1);
	block = class->window_base + slot * class->slot_bytes;
	sum = is_short ? poison_sum(sum, block, class->units)
		       : poison_sum_long(sum, block, class->slot_bytes);
	if (__builtin_expect(sum != 0, 0))
		heap_corrupted("write after free", block, class->slot_bytes);
	class->window_requested[slot] = (uint16_t)bytes;
	heap_store(block + bytes, heap_canary(block));
	return block;
}

/* This vCPU's empty slabs go at once, the others' when those next look. */
static COLD bool reclaim(void)
{
	bool enabled = events_disable(), given;

	__atomic_fetch_add(&heap_trims, 1, __ATOMIC_RELAXED);
	given = slab_trim();
	events_restore(enabled);
	if (vm_settle && vm_settle())
		given = true;
	return given;
}

COLD bool core_page_reclaim(void)
{
	return reclaim();
}

/* A block of an area. Page tables are not worth a reclaim to the page allocator, but to us. */
static COLD void *area_alloc(size_t align_bytes, size_t bytes, unsigned int vm_flags)
{
	void *block = large_alloc(align_bytes, bytes, vm_flags);

	if (!block && reclaim())
		block = large_alloc(align_bytes, bytes, vm_flags);
	if (!block)
		core_heap_failed();
	return block;
}

/* A block of this vCPU's class; NULL when out of memory. Events disabled. */
static void *class_alloc(unsigned int index, size_t bytes)
{
	struct heap_class *class = &VCPU(heap)->classes[index];

	if (!class->window && !slab_refill(class))
		return NULL;
	return slot_take(class, bytes, false);
}

static __attribute__((noinline)) void *alloc_slow(size_t bytes, uint8_t mask)
{
	void *block = NULL;

	if (bytes <= HEAP_SMALL_MAX)
		block = class_alloc(heap_class_of(bytes), bytes);
	if (events_release(mask))
		events_deliver();
	/* No run of pages for a slab may still leave single pages. */
	return block ? block : area_alloc(HEAP_ALIGN_BYTES, bytes, VM_DIRTY);
}

static __attribute__((noinline)) void *deliver_and_return(void *block)
{
	events_deliver();
	return block;
}

/* The short path, and the one figure people look at: nothing in it needs a register saved; what
 * is rare is called last. */
void *heap_alloc(size_t bytes)
{
	uint8_t mask = events_save();
	struct heap_class *class = VCPU(heap)->classes;
	void *block;

	if (__builtin_expect(bytes > HEAP_SHORT_MAX, 0))
		return alloc_slow(bytes, mask);
	class += heap_class_fine[(bytes + HEAP_CANARY_BYTES + 15) / 16];
	if (__builtin_expect(!class->window, 0))
		return alloc_slow(bytes, mask);
	block = slot_take(class, bytes, true);
	return events_release(mask) ? deliver_and_return(block) : block;
}

void *heap_alloc_zeroed(size_t bytes)
{
	void *block;

	if (bytes > HEAP_SMALL_MAX)
		return area_alloc(HEAP_ALIGN_BYTES, bytes, 0);
	block = heap_alloc(bytes);
	return block ? memset(block, 0, bytes) : NULL;
}

void *heap_alloc_aligned(size_t align_bytes, size_t bytes)
{
	unsigned int index = HEAP_CLASSES;
	void *block = NULL;

	if (align_bytes <= HEAP_ALIGN_BYTES)
		return heap_alloc(bytes);
	if (bytes <= HEAP_SMALL_MAX)
		index = heap_class_aligned(align_bytes, bytes);
	if (index < HEAP_CLASSES) {
		bool enabled = events_disable();

		block = class_alloc(index, bytes);
		events_restore(enabled);
	}
	return block ? block : area_alloc(align_bytes, bytes, VM_DIRTY);
}

/* The slab of a small block, NULL for anything else. */
static struct slab *slab_of(const void *block)
{
	const struct page *page = page_of(block);
	uint8_t owner = page ? READ_SHARED(page->owner) : PAGE_OWNER_NONE;

	return owner == PAGE_OWNER_HEAP_SHORT || owner == PAGE_OWNER_HEAP_LONG ? page->object
									       : NULL;
}

static uint32_t slot_of(const struct slab *slab, const char *block)
{
	return (uint32_t)((uint64_t)(block - slab->base) * slab->reciprocal >> 32);
}

static _Noreturn __attribute__((noinline)) void not_whole(const struct slab *slab,
							  const char *block)
{
	uint32_t slot = slot_of(slab, block);

	if (slab->base + (size_t)slot * slab->slot_bytes != block || slot >= slab->slots_count)
		heap_corrupted("invalid free", block, 0);
	if (!slab_slot_live(slab, slot))
		heap_corrupted("double free", block, slab->requested[slot]);
	heap_corrupted("overflow", block, slab->requested[slot]);
}

/* The slot of a live block whose canary is whole. A free slot has none, for it is all poison.
 * offset / slot_bytes is exact for offsets of up to 2^16, and the low half of the product is
 * less than the reciprocal just when nothing remains (Lemire, Kaser and Kurz 2019). */
static inline uint32_t live_slot(const struct slab *slab, const char *block)
{
	uint64_t quotient = (uint64_t)(block - slab->base) * slab->reciprocal;
	uint32_t slot = (uint32_t)(quotient >> 32);

	if (__builtin_expect((uint32_t)quotient >= slab->reciprocal, 0) ||
	    __builtin_expect(heap_load(block + slab->requested[slot]) != heap_canary(block), 0))
		not_whole(slab, block);
	return slot;
}

static __attribute__((noinline)) void free_last(struct slab *slab, uint8_t mask)
{
	slab_freed(slab);
	if (events_release(mask))
		events_deliver();
}

/* Of another vCPU's slab. */
static void free_remote(struct slab *slab, char *block, uint32_t slot)
{
	size_t bytes = slab->requested[slot];

	heap_poison(block, slab->slot_bytes);
	if (!slab_free_remote(slab, slot))
		heap_corrupted("double free", block, bytes);
}

/* Blocks of long slots, of areas and of other vCPUs. */
static __attribute__((noinline)) void free_slow(void *block, uint8_t mask)
{
	struct slab *slab = slab_of(block);

	if (slab) {
		uint32_t slot = live_slot(slab, block);

		if (READ_ONCE(slab->heap) != VCPU(heap)) {
			free_remote(slab, block, slot);
		} else {
			heap_poison(block, slab->slot_bytes);
			bitmap_set(slab->freed, slot);
			if (--slab->countdown == 0)
				slab_freed(slab);
		}
	}
	if (events_release(mask))
		events_deliver();
	if (!slab && block)
		large_free(block);
}

void heap_free(void *block)
{
	uint8_t mask = events_save();
	const struct page *page = page_of(block);
	struct slab *slab;
	uint32_t slot;

	if (__builtin_expect(!page || READ_SHARED(page->owner_vcpu) != VCPU(heap_owner), 0)) {
		free_slow(block, mask);
		return;
	}
	slab = page->object;
	slot = live_slot(slab, block);
	poison_write(block, slab->units);
	bitmap_set(slab->freed, slot);
	if (__builtin_expect(--slab->countdown == 0, 0))
		free_last(slab, mask);
	else if (events_release(mask))
		events_deliver();
}

size_t heap_usable_bytes(const void *block)
{
	struct slab *slab;

	if (!block)
		return 0;
	slab = slab_of(block);
	return slab ? slab->requested[live_slot(slab, block)] : large_bytes(block);
}

/* Makes a block longer or shorter in its place; false when it must move. */
static bool resize_in_place(void *block, size_t bytes)
{
	struct slab *slab = slab_of(block);
	unsigned int slot;
	bool enabled;

	if (!slab)
		return bytes > HEAP_SMALL_MAX && large_resize(block, bytes);
	slot = live_slot(slab, block);
	if (bytes > HEAP_SMALL_MAX || heap_class_of(bytes) != slab->class_index)
		return false;
	enabled = events_disable();
	slab->requested[slot] = (uint16_t)bytes;
	heap_store((char *)block + bytes, heap_canary(block));
	events_restore(enabled);
	return true;
}

void *heap_realloc(void *block, size_t bytes)
{
	size_t old_bytes;
	void *moved;

	if (!block)
		return heap_alloc(bytes);
	old_bytes = heap_usable_bytes(block);
	if (resize_in_place(block, bytes))
		return block;
	/* What has grown once may well grow again: leave room behind it. */
	moved = bytes <= HEAP_SMALL_MAX ? heap_alloc(bytes)
					: area_alloc(HEAP_ALIGN_BYTES, bytes, VM_DIRTY | VM_ROOM);
	if (!moved)
		return NULL;
	memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
	heap_free(block);
	return moved;
}

void heap_get_stats(struct heap_stats *stats_out)
{
	*stats_out = (struct heap_stats){
		.held_bytes = __atomic_load_n(&heap_held_bytes, __ATOMIC_RELAXED)};
	slab_count(stats_out);
	large_count(stats_out);
}

int heap_check(void)
{
	return slab_check() + large_check() ? -EFAULT : 0;
}

void heap_trim(void)
{
	(void)reclaim();
}
