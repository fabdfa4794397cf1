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
#define CHECK_TRIES         8u
#define OTHERS_TRIES        10000u

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

struct spinlock heap_slabs_lock;
struct list_node heap_slabs = LIST_INIT(heap_slabs);
struct heap_vcpu heap_vcpu0;
uint64_t heap_held_bytes;
uint32_t heap_trims;

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

void heap_init(void)
{
	VCPU(heap) = &heap_vcpu0;
	VCPU(heap_owner) = PAGE_OWNER_VCPU(PAGE_OWNER_HEAP_SHORT, VCPU(id));
}

/* ---- Slabs ---- */

static struct heap_class *class_of(const struct slab *slab)
{
	return &slab->heap->classes[slab->class_index];
}

static struct pool *slab_pool(unsigned int slots_count)
{
	return slots_count <= SLOTS_FEW ? &slabs_few : &slabs_many;
}

/* The smallest order that wastes at most one part in divisor. */
__attribute__((cold)) static unsigned int slab_order(uint32_t slot_bytes, unsigned int divisor)
{
	unsigned int order = 0;

	while ((PAGE_BYTES << order) < slot_bytes ||
	       (PAGE_BYTES << order) % slot_bytes > (PAGE_BYTES << order) / divisor)
		order++;
	return order;
}

__attribute__((cold)) static void class_init(struct heap_class *class)
{
	uint32_t bytes = class_bytes[class - VCPU(heap)->classes];

	class->slot_bytes = bytes;
	class->units = bytes / HEAP_UNIT_BYTES;
	class->poison_negated = 0 - HEAP_POISON * (bytes / sizeof(uint64_t));
	list_init(&class->partial);
}

__attribute__((cold)) static struct slab *slab_create(struct heap_class *class, unsigned int order)
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
	slab->slots_count = (uint8_t)slots_count;
	slab->heap = VCPU(heap);
	slab->class_index = (uint8_t)(class - slab->heap->classes);
	slab->order = (uint8_t)order;
	for (unsigned int word = 0; word < slots_count / 64; word++)
		slab->freed[word] = UINT64_MAX;
	if (slots_count % 64)
		slab->freed[slots_count / 64] = (1ULL << slots_count % 64) - 1;
	heap_poison(slab->base, PAGE_BYTES << order);
	for (size_t i = 0; i < 1u << order; i++) {
		struct page *page = page_of(slab->base + i * PAGE_BYTES);

		page->object = slab;
		page->vcpu = (uint8_t)VCPU(id);
		page->owner = is_short ? PAGE_OWNER_HEAP_SHORT : PAGE_OWNER_HEAP_LONG;
	}
	spin_lock(&heap_slabs_lock);
	list_append(&heap_slabs, &slab->all);
	spin_unlock(&heap_slabs_lock);
	heap_hold((long)(PAGE_BYTES << order));
	return slab;
}

static void slab_unlist(struct slab *slab)
{
	list_remove(&slab->partial);
	slab->listed = false;
	if (slab->countdown == 0)
		class_of(slab)->empty_count--;
}

__attribute__((cold)) static void slab_destroy(struct slab *slab)
{
	for (size_t i = 0; i < 1u << slab->order; i++)
		page_of(slab->base + i * PAGE_BYTES)->owner = PAGE_OWNER_KERNEL;
	heap_hold(-(long)(PAGE_BYTES << slab->order));
	if (slab->listed)
		slab_unlist(slab);
	spin_lock(&heap_slabs_lock);
	list_remove(&slab->all);
	spin_unlock(&heap_slabs_lock);
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
	struct heap_class *class = class_of(slab);
	unsigned int freed_count = slab_freed_count(slab);

	/* It may have come from another vCPU. */
	if (!class->slot_bytes)
		class_init(class);
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
__attribute__((cold)) static bool class_grow(struct heap_class *class, bool is_first)
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
	struct slab *slab;

	if (!class->slot_bytes)
		class_init(class);
	heap_key_init();
	if (VCPU(heap)->trims != READ_ONCE(heap_trims))
		slab_trim();
	else if (READ_ONCE(VCPU(heap)->remote))
		slab_drain();
	slab = class->current;
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
	struct heap_class *class = class_of(slab);

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

bool slab_in_window(const struct slab *slab, unsigned int slot)
{
	const struct heap_class *class = class_of(slab);
	size_t first = (size_t)(class->window_requested - slab->requested);

	return slab == class->current && slot - first < 64 && (class->window >> (slot - first) & 1);
}

/* ---- All of them ---- */

void slab_close_window(struct heap_class *class)
{
	struct slab *slab = class->current;

	if (!slab)
		return;
	for (uint64_t bits = class->window; bits; bits &= bits - 1)
		bitmap_set(slab->freed, (unsigned int)(class->window_requested - slab->requested) +
						bit_lowest(bits));
	class->window = 0;
	class->current = NULL;
	slab_list(slab);
}

__attribute__((cold)) bool slab_trim(void)
{
	struct heap_vcpu *heap = VCPU(heap);
	bool given = false;

	heap->trims = READ_ONCE(heap_trims);
	if (READ_ONCE(heap->remote))
		slab_drain();
	for (unsigned int i = 0; i < HEAP_CLASSES; i++) {
		struct heap_class *class = &heap->classes[i];
		struct list_node *node, *after;

		if (!class->slot_bytes)
			continue;
		slab_close_window(class);
		list_for_each_safe (node, after, &class->partial) {
			struct slab *slab = container_of(node, struct slab, partial);

			if (slab->countdown == 0) {
				slab_destroy(slab);
				given = true;
			}
		}
	}
	return given;
}

bool slab_slot_live(const struct slab *slab, unsigned int slot)
{
	return slot < slab->slots_count && !bitmap_test(slab->freed, slot) &&
	       !bitmap_test(slab->remote, slot) && !slab_in_window(slab, slot);
}

/* NULL, or what is wrong with a slot. */
static const char *slot_problem(const struct slab *slab, unsigned int slot)
{
	const char *block = slab->base + (size_t)slot * slab->slot_bytes;
	uint16_t requested = slab->requested[slot];

	if (slab_slot_live(slab, slot))
		return requested + HEAP_CANARY_BYTES <= slab->slot_bytes &&
				       heap_load(block + requested) == heap_canary(block)
			       ? NULL
			       : "overflow of";
	for (uint32_t at = 0; at < slab->slot_bytes; at += sizeof(uint64_t))
		if (heap_load(block + at) != HEAP_POISON)
			return "write after free to";
	return NULL;
}

/* Lets the other vCPUs end what they are in the midst of: they have events disabled meanwhile. Not
 * for ever: one may be down, or wait for a lock of ours. */
static void wait_for_others(void)
{
	for (unsigned int id = 0; id < VCPUS_MAX; id++) {
		const struct vcpu *vcpu = vcpu_by_id[id];

		for (unsigned int tries = 0; vcpu && tries < OTHERS_TRIES; tries++) {
			if (vcpu == VCPU(self) || !READ_ONCE(vcpu->info.evtchn_upcall_mask))
				break;
			cpu_relax();
		}
	}
}

static int slot_check(const struct slab *slab, unsigned int slot)
{
	const char *problem = slot_problem(slab, slot);

	/* With other vCPUs at work only what stays is a problem. */
	for (unsigned int tries = 0; problem && tries < CHECK_TRIES; tries++) {
		wait_for_others();
		problem = slot_problem(slab, slot);
	}
	if (!problem)
		return 0;
	log_error("heap: %s block %#lx (%u of %u bytes)", problem,
		  (unsigned long)(slab->base + (size_t)slot * slab->slot_bytes),
		  slab->requested[slot], slab->slot_bytes);
	return 1;
}

/* True when the descriptor is one, and its neighbours in the list agree. */
static bool slab_linked(const struct list_node *node)
{
	const struct page *page = page_of(node);

	return page && page->owner == PAGE_OWNER_POOL && node->prev->next == node;
}

int slab_check(void)
{
	bool enabled = spin_lock_events(&heap_slabs_lock);
	struct list_node *node;
	int problems = 0;

	list_for_each (node, &heap_slabs) {
		const struct slab *slab = container_of(node, struct slab, all);

		if (!slab_linked(node) || page_of(slab->base)->object != slab) {
			log_error("heap: corrupt link between slabs");
			problems++;
			break;
		}
		for (unsigned int slot = 0; slot < slab->slots_count; slot++)
			problems += slot_check(slab, slot);
	}
	spin_unlock_events(&heap_slabs_lock, enabled);
	return problems;
}

void slab_count(struct heap_stats *stats)
{
	bool enabled = spin_lock_events(&heap_slabs_lock);
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
	spin_unlock_events(&heap_slabs_lock, enabled);
}
