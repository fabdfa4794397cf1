/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every block is aligned to its size, so the buddy a free block may merge with is found by
 * flipping one bit of its pfn. The metadata of a block's first page says whether it is free and how
 * large it is; the pages inside a block say PAGE_STATE_INSIDE.
 *
 * A chunk taken from the frontier gives its first free pages to its own metadata, the rest to the
 * free lists. When the table that finds the metadata is full, the chunk also gives the pages of
 * one twice as large.
 *
 * Page tables come from the free lists only, never from the frontier (core_pt_page_alloc), because
 * extending the direct map needs page tables itself. Therefore page_alloc extends early: while
 * there is a frontier, PAGE_RESERVE pages stay in the free lists. The tables of the direct map's
 * own next chunk were put aside beside the metadata of the last, where they break up no large
 * block.
 *
 * Locks: extend_lock, taken first and without the other, makes one vCPU at a time extend the direct
 * map; in pt_dmap_extend() it is held over pt's lock, under which core_pt_page_alloc() takes
 * page_lock. page_lock guards the free lists and is held over nothing else. page_of_pfn() takes
 * neither.
 */
#include "core/page.h"

#include "arch/x86_64/pv/boot.h"
#include "core/panic.h"
#include "lib/base/bits.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "xen/spinlock.h"

#define PAGE_RESERVE 8u           /* two mappings of three tables each */
#define STASH_PAGES  2u           /* what pt_dmap_extend() takes at most */
#define PAGE_NIL     0u           /* pfn 0 holds the image's first page */
#define PFN_END_MAX  (1ULL << 32) /* links are 32 bits; 16 TiB */
#define META_PAGES   (PT_CHUNK_PAGES * sizeof(struct page) / PAGE_BYTES)

enum page_state {
	PAGE_STATE_INSIDE, /* of a block, or not ours at all */
	PAGE_STATE_FREE,
	PAGE_STATE_ALLOCATED,
};

/* The first table; enough for 128 MiB. */
static struct page *chunks_at_boot[64];
struct page **page_chunks = chunks_at_boot;
size_t page_chunks_count = sizeof(chunks_at_boot) / sizeof(chunks_at_boot[0]);

static struct spinlock extend_lock;

/* Guarded by page_lock. The frontier moves under extend_lock as well. */
static struct spinlock page_lock;
static uint32_t free_lists[PAGE_ORDER_MAX + 1]; /* first pfn of each order */
static uint32_t free_orders;                    /* bit n: free_lists[n] is not empty */
static uint64_t free_pages;
static pfn_t frontier;           /* first pfn of the first chunk not taken */
static pfn_t frontier_end;       /* RAM ends here */
static uint32_t extender;        /* 1 + the vCPU inside pt_dmap_extend */
static pfn_t stash[STASH_PAGES]; /* page tables for pt_dmap_extend */
static unsigned int stash_count;

/* ---- Free lists ---- */

/* page_of_pfn(), once. */
static __attribute__((noinline)) struct page *page_find(pfn_t pfn)
{
	return page_of_pfn(pfn);
}

static void list_push(pfn_t pfn, unsigned int order)
{
	struct page *page = page_find(pfn);
	uint32_t first = free_lists[order];

	page->state = PAGE_STATE_FREE;
	page->order = (uint8_t)order;
	page->owner = PAGE_OWNER_NONE;
	page->prev = PAGE_NIL;
	page->next = first;
	if (first != PAGE_NIL)
		page_find(first)->prev = (uint32_t)pfn;
	free_lists[order] = (uint32_t)pfn;
	free_orders |= 1u << order;
}

/* Its neighbours must agree that the page stands between them. */
static void list_take(pfn_t pfn, unsigned int order)
{
	struct page *page = page_find(pfn);
	struct page *next = page->next == PAGE_NIL ? NULL : page_find(page->next);
	struct page *prev = page->prev == PAGE_NIL ? NULL : page_find(page->prev);

	if (page->state != PAGE_STATE_FREE || page->order != order ||
	    (page->next != PAGE_NIL && (!next || next->prev != pfn)) ||
	    (prev ? prev->next != pfn : free_lists[order] != pfn))
		panic("page: corrupt free list of order %u at pfn %#lx", order, (unsigned long)pfn);
	if (next)
		next->prev = page->prev;
	if (prev)
		prev->next = page->next;
	else
		free_lists[order] = page->next;
	if (free_lists[order] == PAGE_NIL)
		free_orders &= ~(1u << order);
	page->state = PAGE_STATE_INSIDE;
}

/* ---- Blocks ---- */

/* A block of exactly order from the smallest that is large enough; PFN_NONE when there is none. */
static pfn_t block_take(unsigned int order)
{
	uint32_t orders = free_orders >> order << order;
	unsigned int have;
	struct page *page;
	pfn_t pfn;

	if (!orders)
		return PFN_NONE;
	have = bit_lowest(orders);
	pfn = free_lists[have];
	list_take(pfn, have);
	/* Give the upper halves back. */
	while (have > order) {
		have--;
		list_push(pfn + (1ULL << have), have);
	}
	page = page_find(pfn);
	page->state = PAGE_STATE_ALLOCATED;
	page->order = (uint8_t)order;
	page->owner = PAGE_OWNER_KERNEL;
	page->object = NULL;
	page->private = 0;
	free_pages -= 1ULL << order;
	return pfn;
}

/* Merges with the buddy as long as the buddy is free and whole. */
static void block_give(pfn_t pfn, unsigned int order)
{
	free_pages += 1ULL << order;
	while (order < PAGE_ORDER_MAX) {
		pfn_t buddy = pfn ^ (1ULL << order);
		struct page *page = page_find(buddy);

		if (page->state != PAGE_STATE_FREE || page->order != order)
			break;
		list_take(buddy, order);
		page_find(pfn)->state = PAGE_STATE_INSIDE;
		pfn &= ~(1ULL << order);
		order++;
	}
	list_push(pfn, order);
}

/* A run of free pages, in the largest aligned blocks. */
static void run_give(pfn_t first, pfn_t end)
{
	while (first < end) {
		unsigned int order = first ? bit_lowest(first) : PAGE_ORDER_MAX;

		if (order > PAGE_ORDER_MAX)
			order = PAGE_ORDER_MAX;
		while (first + (1ULL << order) > end)
			order--;
		block_give(first, order);
		first += 1ULL << order;
	}
}

/* ---- Chunks ---- */

/* First page of [from, end) that is reserved (or is not), end when there is none. */
__attribute__((cold)) static pfn_t find_reserved(pfn_t from, pfn_t end, bool reserved)
{
	pfn_t found = from;

	if (from < end)
		found = reserved ? pt_reserved_next(from) : pt_unreserved_next(from);
	return found < end ? found : end;
}

/* Takes pages_count neighbouring free pages of the chunk [*first, end), moving *first behind
 * them; what is skipped on the way is lost. NULL when there is no such run. */
__attribute__((cold)) static void *chunk_carve(pfn_t *first, pfn_t end, pfn_t pages_count)
{
	for (;;) {
		pfn_t begin = find_reserved(*first, end, false);
		pfn_t stop = find_reserved(begin, end, true);

		if (begin == end)
			return NULL;
		if (stop - begin >= pages_count) {
			void *block = pt_dmap_vaddr(begin);

			*first = begin + pages_count;
			return memset(block, 0, pages_count * PAGE_BYTES);
		}
		*first = stop;
	}
}

/* Makes room for one more chunk in the table of chunks, with pages of that chunk. */
__attribute__((cold)) static bool chunks_grow(pfn_t *first, pfn_t end)
{
	size_t old_bytes = page_chunks_count * sizeof(*page_chunks);
	size_t bytes = old_bytes < PAGE_BYTES ? PAGE_BYTES : 2 * old_bytes;
	struct page **old = page_chunks;
	struct page **grown = chunk_carve(first, end, bytes / PAGE_BYTES);

	if (!grown)
		return false;
	memcpy(grown, old, old_bytes);
	/* page_of_pfn() looks without a lock: the table before its length, each chunk before the
	 * table shows it. The old table stays, somebody may be reading it; all of them together are
	 * no longer than the last. */
	smp_wmb();
	WRITE_ONCE(page_chunks, grown);
	smp_wmb();
	WRITE_ONCE(page_chunks_count, bytes / sizeof(*grown));
	return true;
}

/* Adds the free pages of one mapped chunk to the free lists. */
__attribute__((cold)) static void chunk_add(pfn_t chunk_first, pfn_t first, pfn_t end)
{
	size_t index = chunk_first / PT_CHUNK_PAGES;
	struct page *meta;

	while (index >= page_chunks_count) {
		if (!chunks_grow(&first, end))
			return;
	}
	meta = chunk_carve(&first, end, META_PAGES);
	if (!meta)
		return;
	smp_wmb();
	WRITE_ONCE(page_chunks[index], meta);
	while (stash_count < STASH_PAGES && pt_dmap_pfns() < frontier_end) {
		void *page = chunk_carve(&first, end, 1);

		if (!page)
			return;
		stash[stash_count++] = pt_dmap_pfn(page);
	}
	while (first < end) {
		pfn_t begin = find_reserved(first, end, false);

		first = find_reserved(begin, end, true);
		run_give(begin, first);
	}
}

/* Extends the direct map to pfn end. Under extend_lock alone. */
__attribute__((cold)) static int dmap_reach(pfn_t end)
{
	int ret = 0;

	while (!ret && pt_dmap_pfns() < end) {
		spin_lock(&page_lock);
		extender = VCPU(id) + 1;
		spin_unlock(&page_lock);
		ret = pt_dmap_extend();
		spin_lock(&page_lock);
		extender = 0;
		spin_unlock(&page_lock);
	}
	return ret;
}

/* Takes the chunk that begins the frontier at first. False when there is no page table for it. */
__attribute__((cold)) static bool chunk_take(pfn_t first)
{
	pfn_t chunk_first = align_down(first, PT_CHUNK_PAGES);
	pfn_t end = chunk_first + PT_CHUNK_PAGES;

	if (end > frontier_end)
		end = frontier_end;
	if (dmap_reach(end))
		return false;
	spin_lock(&page_lock);
	frontier = end;
	chunk_add(chunk_first, first, end);
	while (frontier == frontier_end && stash_count)
		block_give(stash[--stash_count], 0);
	spin_unlock(&page_lock);
	return true;
}

/* Moves the frontier on, or finds that another vCPU just did. False when there is none or no page
 * table for its next chunk. page_lock is let go meanwhile. */
static bool frontier_advance(void)
{
	pfn_t first = frontier;
	bool moved;

	if (first >= frontier_end)
		return false;
	spin_unlock(&page_lock);
	spin_lock(&extend_lock);
	moved = frontier != first || chunk_take(first);
	spin_unlock(&extend_lock);
	spin_lock(&page_lock);
	return moved;
}

void page_init(void)
{
	bool enabled = spin_lock_events(&page_lock);

	frontier = pt_first_free_pfn();
	frontier_end = boot_info.pages_count;
	if (frontier_end > PFN_END_MAX)
		frontier_end = PFN_END_MAX;
	while (free_pages < PAGE_RESERVE && frontier_advance())
		;
	spin_unlock_events(&page_lock, enabled);
}

/* ---- The interface ---- */

/* The heap gives back what it can spare, without our lock. */
static bool reclaim(void)
{
	bool given;

	spin_unlock(&page_lock);
	given = core_page_reclaim();
	spin_lock(&page_lock);
	return given;
}

static pfn_t block_alloc(unsigned int order)
{
	pfn_t pfn;

	while (free_pages < PAGE_RESERVE + (1ULL << order) && frontier_advance())
		;
	do {
		pfn = block_take(order);
	} while (pfn == PFN_NONE && (frontier_advance() || reclaim()));
	return pfn;
}

void *page_alloc(unsigned int order, unsigned int flags)
{
	bool enabled;
	void *block;
	pfn_t pfn;

	if (order > PAGE_ORDER_MAX)
		return NULL;
	enabled = spin_lock_events(&page_lock);
	pfn = block_alloc(order);
	spin_unlock_events(&page_lock, enabled);
	if (pfn == PFN_NONE)
		return NULL;
	block = pt_dmap_vaddr(pfn);
	if (flags & PAGE_ZERO)
		memset(block, 0, PAGE_BYTES << order);
	return block;
}

bool page_refill(void)
{
	bool enabled = spin_lock_events(&page_lock);
	bool moved = free_pages < PAGE_RESERVE && frontier_advance();

	spin_unlock_events(&page_lock, enabled);
	return moved;
}

static __attribute__((noinline)) void check_and_give(pfn_t pfn, unsigned int order)
{
	bool enabled = spin_lock_events(&page_lock);
	struct page *page = page_find(pfn);

	if (!page || page->state != PAGE_STATE_ALLOCATED || page->order != order)
		panic("page: %s free of pfn %#lx, order %u",
		      page && page->state == PAGE_STATE_FREE ? "double" : "invalid",
		      (unsigned long)pfn, order);
	block_give(pfn, order);
	spin_unlock_events(&page_lock, enabled);
}

void page_free(void *block, unsigned int order)
{
	if (!is_aligned((uintptr_t)block, PAGE_BYTES))
		panic("page: free of an address inside a page");
	check_and_give(pt_dmap_pfn(block), order);
}

/* Makes single pages of one allocated block. */
static void block_shatter(pfn_t pfn, unsigned int order, pfn_t *pfns_out)
{
	for (pfn_t i = 0; i < 1ULL << order; i++) {
		struct page *page = page_find(pfn + i);

		page->state = PAGE_STATE_ALLOCATED;
		page->order = 0;
		page->owner = PAGE_OWNER_VM;
		page->object = NULL;
		page->private = 0;
		pfns_out[i] = pfn + i;
	}
}

void page_split(void *block, unsigned int order)
{
	pfn_t pfns[1 << PAGE_ORDER_MAX];
	bool enabled = spin_lock_events(&page_lock);

	block_shatter(pt_dmap_pfn(block), order, pfns);
	spin_unlock_events(&page_lock, enabled);
}

int page_alloc_pfns(pfn_t *pfns, size_t pages_count)
{
	unsigned int order = PAGE_ORDER_MAX;
	size_t done = 0;

	while (done < pages_count) {
		bool enabled;
		pfn_t pfn;

		while (1ULL << order > pages_count - done)
			order--;
		enabled = spin_lock_events(&page_lock);
		pfn = block_alloc(order);
		if (pfn != PFN_NONE)
			block_shatter(pfn, order, pfns + done);
		spin_unlock_events(&page_lock, enabled);
		if (pfn != PFN_NONE) {
			done += 1ULL << order;
		} else if (order == 0) {
			page_free_pfns(pfns, done);
			return -ENOMEM;
		} else {
			order--;
		}
	}
	return 0;
}

void page_free_pfns(const pfn_t *pfns, size_t pages_count)
{
	for (size_t i = 0; i < pages_count; i++)
		check_and_give(pfns[i], 0);
}

/* With page_lock: this vCPU is extending the direct map. */
static bool is_extender(void)
{
	return extender == VCPU(id) + 1;
}

pfn_t core_pt_page_alloc(void)
{
	bool enabled = spin_lock_events(&page_lock);
	pfn_t pfn = is_extender() && stash_count ? stash[--stash_count] : block_take(0);

	spin_unlock_events(&page_lock, enabled);
	if (pfn != PFN_NONE) {
		page_find(pfn)->owner = PAGE_OWNER_PT;
		memset(pt_dmap_vaddr(pfn), 0, PAGE_BYTES);
	}
	return pfn;
}

void core_pt_page_free(pfn_t pfn)
{
	bool enabled = spin_lock_events(&page_lock);
	/* What the stash lent for extending the direct map has to be there the next time. */
	bool stashed = is_extender() && stash_count < STASH_PAGES;

	if (stashed)
		stash[stash_count++] = pfn;
	spin_unlock_events(&page_lock, enabled);
	if (!stashed)
		check_and_give(pfn, 0);
}

void page_get_stats(struct page_stats *stats_out)
{
	bool enabled = spin_lock_events(&page_lock);

	stats_out->total = boot_info.pages_count;
	stats_out->free = free_pages + stash_count;
	stats_out->untouched = frontier_end - frontier;
	spin_unlock_events(&page_lock, enabled);
}

void page_check(void)
{
	uint64_t pages = 0;

	for (unsigned int order = 0; order <= PAGE_ORDER_MAX; order++) {
		uint32_t prev = PAGE_NIL;

		assert(!(free_orders >> order & 1) == (free_lists[order] == PAGE_NIL));
		for (uint32_t pfn = free_lists[order]; pfn != PAGE_NIL;) {
			const struct page *page = page_find(pfn);

			assert(page && page->state == PAGE_STATE_FREE && page->order == order);
			assert(page->prev == prev && is_aligned(pfn, 1ULL << order));
			pages += 1ULL << order;
			prev = pfn;
			pfn = page->next;
		}
	}
	assert(pages == free_pages);
}
