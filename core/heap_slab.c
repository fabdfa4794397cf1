/* SPDX-License-Identifier: BSD-2-Clause */
/* Size classes and slabs of the heap; core/heap_parts.h says how they work. */
#include "core/heap_parts.h"

#include "core/log.h"
#include "core/pool.h"
#include "lib/base/bits.h"
#include "lib/base/error.h"
#include "lib/base/string.h"

#define CLASS_ALIGNED 36u /* first of the classes with aligned slots */
#define SLOTS_FEW     32u
/* At most this part of a slab lies behind its last slot: a class's first slab may waste more, so
 * that it stays small. */
#define WASTE_DIVISOR_FIRST 4u
#define WASTE_DIVISOR       8u
#define EMPTY_MAX           4u /* one-page slabs kept in each class while memory is plentiful */
#define PLENTY_PAGES        256u
#define COUNTDOWN_NEVER     UINT16_MAX

/* A power of two and the canary fit without waste: four steps to the next power of two, all
 * plus 16. */
static const uint16_t class_bytes[HEAP_CLASSES] = {
	32,    48,    64,    80,   96,   112,  128,  144,  176,  208,  240,
	272,   336,   400,   464,  528,  656,  784,  912,  1040, 1296, 1552,
	1808,  2064,  2576,  3088, 3600, 4112, 5136, 6160, 7184, 8208, 10256,
	12304, 14352, 16400, 32,   64,   128,  256,  512,  1024, 2048, 4096,
};

/* Index by (slot bytes + 15) / 16. */
const uint8_t heap_class_fine[(HEAP_FINE_MAX + HEAP_CANARY_BYTES) / 16 + 1] = {
	[0 ... 2] = 0,    [3] = 1,          [4] = 2,          [5] = 3,          [6] = 4,
	[7] = 5,          [8] = 6,          [9] = 7,          [10 ... 11] = 8,  [12 ... 13] = 9,
	[14 ... 15] = 10, [16 ... 17] = 11, [18 ... 21] = 12, [22 ... 25] = 13, [26 ... 29] = 14,
	[30 ... 33] = 15, [34 ... 41] = 16, [42 ... 49] = 17, [50 ... 57] = 18, [58 ... 65] = 19,
};

/* Index by (slot bytes - 16 + 255) / 256. */
static const uint8_t class_coarse[HEAP_SMALL_MAX / 256 + 1] = {
	[0 ... 4] = 19,   [5] = 20,         [6] = 21,         [7] = 22,         [8] = 23,
	[9 ... 10] = 24,  [11 ... 12] = 25, [13 ... 14] = 26, [15 ... 16] = 27, [17 ... 20] = 28,
	[21 ... 24] = 29, [25 ... 28] = 30, [29 ... 32] = 31, [33 ... 40] = 32, [41 ... 48] = 33,
	[49 ... 56] = 34, [57 ... 64] = 35,
};

struct heap_class heap_classes[HEAP_CLASSES];
struct list_node heap_slabs = LIST_INIT(heap_slabs);
uint64_t heap_held_bytes;

/* Descriptors: most slabs of large slots need few slots. */
static struct pool slabs_few = {.name = "slab", .object_bytes = 192};
static struct pool slabs_many = {.name = "slab", .object_bytes = 384};

_Static_assert(sizeof(struct slab) + (SLOTS_FEW + 1) * sizeof(uint16_t) <= 192, "descriptor");
_Static_assert(sizeof(struct slab) + (HEAP_SLOTS_MAX + 1) * sizeof(uint16_t) <= 384, "descriptor");

unsigned int heap_class_of(size_t bytes)
{
	size_t slot_bytes = bytes + HEAP_CANARY_BYTES;

	if (bytes <= HEAP_FINE_MAX)
		return heap_class_fine[(slot_bytes + 15) / 16];
	return class_coarse[(slot_bytes - 16 + 255) / 256];
}

unsigned int heap_class_aligned(size_t align_bytes, size_t bytes)
{
	for (unsigned int i = CLASS_ALIGNED; i < HEAP_CLASSES; i++) {
		if (class_bytes[i] >= align_bytes && class_bytes[i] >= bytes + HEAP_CANARY_BYTES)
			return i;
	}
	return HEAP_CLASSES;
}

/* ---- Slabs ---- */

static struct pool *slab_pool(unsigned int slots_count)
{
	return slots_count <= SLOTS_FEW ? &slabs_few : &slabs_many;
}

/* The smallest order that wastes at most one part in divisor. */
static unsigned int slab_order(uint32_t slot_bytes, unsigned int divisor)
{
	unsigned int order = 0;

	while ((PAGE_BYTES << order) < slot_bytes ||
	       (PAGE_BYTES << order) % slot_bytes > (PAGE_BYTES << order) / divisor)
		order++;
	return order;
}

static void class_init(struct heap_class *class)
{
	uint32_t bytes = class_bytes[class - heap_classes];

	class->slot_bytes = bytes;
	class->units = bytes / HEAP_UNIT_BYTES;
	class->poison_negated = 0 - HEAP_POISON * (bytes / sizeof(uint64_t));
	list_init(&class->partial);
}

static struct slab *slab_create(struct heap_class *class, unsigned int order)
{
	unsigned int slots_count = (unsigned int)(PAGE_BYTES << order) / class->slot_bytes;
	struct slab *slab = pool_alloc(slab_pool(slots_count));
	bool is_short = class->units <= HEAP_UNITS_MAX;

	if (!slab)
		return NULL;
	slab->base = page_alloc(order, 0);
	if (!slab->base) {
		pool_free(slab_pool(slots_count), slab);
		return NULL;
	}
	slab->slot_bytes = class->slot_bytes;
	slab->reciprocal = (uint32_t)(((1ULL << 32) + class->slot_bytes - 1) / class->slot_bytes);
	slab->units = (uint8_t) class->units;
	slab->slots_count = (uint16_t)slots_count;
	slab->class_index = (uint8_t)(class - heap_classes);
	slab->order = (uint8_t)order;
	for (unsigned int word = 0; word < slots_count / 64; word++)
		slab->freed[word] = UINT64_MAX;
	if (slots_count % 64)
		slab->freed[slots_count / 64] = (1ULL << slots_count % 64) - 1;
	heap_poison(slab->base, PAGE_BYTES << order);
	for (size_t i = 0; i < 1u << order; i++) {
		struct page *page = page_of(slab->base + i * PAGE_BYTES);

		page->owner = is_short ? PAGE_OWNER_HEAP_SHORT : PAGE_OWNER_HEAP_LONG;
		page->object = slab;
	}
	list_append(&heap_slabs, &slab->all);
	heap_held_bytes += PAGE_BYTES << order;
	return slab;
}

static void slab_unlist(struct slab *slab)
{
	list_remove(&slab->partial);
	slab->listed = false;
	if (slab->countdown == 0)
		heap_classes[slab->class_index].empty_count--;
}

static void slab_destroy(struct slab *slab)
{
	for (size_t i = 0; i < 1u << slab->order; i++)
		page_of(slab->base + i * PAGE_BYTES)->owner = PAGE_OWNER_KERNEL;
	heap_held_bytes -= PAGE_BYTES << slab->order;
	if (slab->listed)
		slab_unlist(slab);
	list_remove(&slab->all);
	page_free(slab->base, slab->order);
	pool_free(slab_pool(slab->slots_count), slab);
}

static unsigned int slab_freed_count(const struct slab *slab)
{
	unsigned int count = 0;

	for (unsigned int word = 0; word < HEAP_SLOTS_MAX / 64; word++)
		count += bits_count(slab->freed[word]);
	return count;
}

/* Into its class's list, to be used again, when it has freed slots. Else the next free says so. */
static void slab_list(struct slab *slab)
{
	struct heap_class *class = &heap_classes[slab->class_index];
	unsigned int freed_count = slab_freed_count(slab);

	slab->countdown = freed_count ? (uint16_t)(slab->slots_count - freed_count) : 1;
	if (!freed_count)
		return;
	slab->listed = true;
	list_append(&class->partial, &slab->partial);
	if (slab->countdown == 0)
		class->empty_count++;
}

/* The first word with freed slots becomes the window. */
static void window_open(struct heap_class *class, struct slab *slab)
{
	unsigned int word = 0;

	while (!slab->freed[word])
		word++;
	class->window = slab->freed[word];
	class->window_base = slab->base + (size_t)word * 64 * slab->slot_bytes;
	class->window_requested = slab->requested + word * 64;
	class->current = slab;
	slab->freed[word] = 0;
	/* Slots in the window count as handed out, so it cannot get empty while the window has any.
	 */
	slab->countdown = COUNTDOWN_NEVER;
}

/* One more slab, in the list; false when out of memory. */
static bool class_grow(struct heap_class *class, bool is_first)
{
	unsigned int order_first = slab_order(class->slot_bytes, WASTE_DIVISOR_FIRST);
	unsigned int order = slab_order(class->slot_bytes, WASTE_DIVISOR);
	struct slab *slab = NULL;

	if (!is_first)
		slab = slab_create(class, order);
	if (!slab)
		slab = slab_create(class, order_first);
	if (slab)
		slab_list(slab);
	return slab;
}

bool slab_refill(struct heap_class *class)
{
	struct slab *slab = class->current;

	if (!class->slot_bytes)
		class_init(class);
	if (!heap_key)
		heap_key_init();
	class->current = NULL;
	if (slab)
		slab_list(slab);
	if (list_empty(&class->partial) && !class_grow(class, !slab))
		return false;
	slab = container_of(class->partial.next, struct slab, partial);
	slab_unlist(slab);
	window_open(class, slab);
	return true;
}

/* How many empty slabs of the class stay: one, which the next block needs when nothing else has
 * room; a few where memory is no matter. */
static unsigned int empty_max(const struct slab *slab)
{
	struct page_stats stats;

	page_get_stats(&stats);
	return slab->order == 0 && stats.free + stats.untouched >= PLENTY_PAGES ? EMPTY_MAX : 1;
}

/* Called when countdown reached zero: a slab that had no freed slots has one now, or
 * one in the list is empty. Never the current slab: it is looked at when its window is used up. */
void slab_freed(struct slab *slab)
{
	struct heap_class *class = &heap_classes[slab->class_index];

	if (slab->listed) {
		/* To the end: slabs that are partly in use are filled up first. */
		list_remove(&slab->partial);
		list_append(&class->partial, &slab->partial);
		class->empty_count++;
	} else {
		slab_list(slab);
	}
	if (slab->countdown == 0 && class->empty_count > empty_max(slab))
		slab_destroy(slab);
}

/* ---- All of them ---- */

bool slab_trim(void)
{
	uint64_t held_before = heap_held_bytes;

	for (unsigned int i = 0; i < HEAP_CLASSES; i++) {
		struct heap_class *class = &heap_classes[i];
		struct list_node *node, *after;

		if (!class->slot_bytes)
			continue;
		if (class->current) {
			struct slab *slab = class->current;

			for (uint64_t bits = class->window; bits; bits &= bits - 1)
				bitmap_set(slab->freed, (unsigned int)(class->window_requested -
								       slab->requested) +
								bit_lowest(bits));
			class->window = 0;
			class->current = NULL;
			slab_list(slab);
		}
		list_for_each_safe (node, after, &class->partial) {
			struct slab *slab = container_of(node, struct slab, partial);

			if (slab->countdown == 0)
				slab_destroy(slab);
		}
	}
	return heap_held_bytes < held_before;
}

bool slab_slot_live(const struct slab *slab, unsigned int slot)
{
	const struct heap_class *class = &heap_classes[slab->class_index];

	if (slot >= slab->slots_count || bitmap_test(slab->freed, slot))
		return false;
	if (slab == class->current) {
		size_t first = (size_t)(class->window_requested - slab->requested);

		return slot - first >= 64 || !(class->window >> (slot - first) & 1);
	}
	return true;
}

static int slot_check(const struct slab *slab, unsigned int slot)
{
	const char *block = slab->base + (size_t)slot * slab->slot_bytes;
	uint16_t requested = slab->requested[slot];

	if (slab_slot_live(slab, slot)) {
		if (requested + HEAP_CANARY_BYTES <= slab->slot_bytes &&
		    heap_load(block + requested) == heap_canary(block))
			return 0;
		log_error("heap: overflow of block %#lx (%u bytes)", (unsigned long)block,
			  requested);
		return 1;
	}
	for (uint32_t at = 0; at < slab->slot_bytes; at += sizeof(uint64_t)) {
		if (heap_load(block + at) != HEAP_POISON) {
			log_error("heap: write after free to block %#lx (slot of %u bytes)",
				  (unsigned long)block, slab->slot_bytes);
			return 1;
		}
	}
	return 0;
}

/* True when the descriptor is one, and its neighbours in the list agree. */
static bool slab_linked(const struct list_node *node)
{
	const struct page *page = page_of(node);

	return page && page->owner == PAGE_OWNER_POOL && node->prev->next == node;
}

int slab_check(void)
{
	struct list_node *node;
	int problems = 0;

	list_for_each (node, &heap_slabs) {
		const struct slab *slab = container_of(node, struct slab, all);

		if (!slab_linked(node) || page_of(slab->base)->object != slab) {
			log_error("heap: corrupt link between slabs");
			return problems + 1;
		}
		for (unsigned int slot = 0; slot < slab->slots_count; slot++)
			problems += slot_check(slab, slot);
	}
	return problems;
}

void slab_count(struct heap_stats *stats)
{
	struct list_node *node;

	list_for_each (node, &heap_slabs) {
		const struct slab *slab = container_of(node, struct slab, all);

		for (unsigned int slot = 0; slot < slab->slots_count; slot++) {
			if (slab_slot_live(slab, slot)) {
				stats->used_bytes += slab->requested[slot];
				stats->used_blocks++;
			}
		}
	}
}
