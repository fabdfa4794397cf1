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
 */
#include "core/page.h"

#include "arch/x86_64/pv/boot.h"
#include "core/panic.h"
#include "lib/base/bits.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "xen/evtchn.h"

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

/* All guarded by masked events. */
static uint32_t free_lists[PAGE_ORDER_MAX + 1]; /* first pfn of each order */
static uint32_t free_orders;                    /* bit n: free_lists[n] is not empty */
static uint64_t free_pages;
static pfn_t frontier;           /* first pfn of the first chunk not taken */
static pfn_t frontier_end;       /* RAM ends here */
static bool extending;           /* inside pt_dmap_extend */
static pfn_t stash[STASH_PAGES]; /* page tables for pt_dmap_extend */
static unsigned int stash_count;

/* ---- Free lists ---- */

static void list_push(pfn_t pfn, unsigned int order)
{
	struct page *page = page_of_pfn(pfn);
	uint32_t first = free_lists[order];

	page->state = PAGE_STATE_FREE;
	page->order = (uint8_t)order;
	page->owner = PAGE_OWNER_NONE;
	page->prev = PAGE_NIL;
	page->next = first;
	if (first != PAGE_NIL)
		page_of_pfn(first)->prev = (uint32_t)pfn;
	free_lists[order] = (uint32_t)pfn;
	free_orders |= 1u << order;
}

/* Its neighbours must agree that the page stands between them. */
static void list_take(pfn_t pfn, unsigned int order)
{
	struct page *page = page_of_pfn(pfn);
	struct page *next = page->next == PAGE_NIL ? NULL : page_of_pfn(page->next);
	struct page *prev = page->prev == PAGE_NIL ? NULL : page_of_pfn(page->prev);

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
	page = page_of_pfn(pfn);
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
		struct page *page = page_of_pfn(buddy);

		if (page->state != PAGE_STATE_FREE || page->order != order)
			break;
		list_take(buddy, order);
		page_of_pfn(pfn)->state = PAGE_STATE_INSIDE;
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
static pfn_t find_reserved(pfn_t from, pfn_t end, bool reserved)
{
	pfn_t found = from;

	if (from < end)
		found = reserved ? pt_reserved_next(from) : pt_unreserved_next(from);
	return found < end ? found : end;
}

/* Takes pages_count neighbouring free pages of the chunk [*first, end), moving *first behind
 * them; what is skipped on the way is lost. NULL when there is no such run. */
static void *chunk_carve(pfn_t *first, pfn_t end, pfn_t pages_count)
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
static bool chunks_grow(pfn_t *first, pfn_t end)
{
	size_t old_bytes = page_chunks_count * sizeof(*page_chunks);
	size_t bytes = old_bytes < PAGE_BYTES ? PAGE_BYTES : 2 * old_bytes;
	struct page **old = page_chunks;
	struct page **grown = chunk_carve(first, end, bytes / PAGE_BYTES);

	if (!grown)
		return false;
	memcpy(grown, old, old_bytes);
	page_chunks = grown;
	page_chunks_count = bytes / sizeof(*grown);
	/* The first table is less than a page, in the image, and stays there. */
	if (old != chunks_at_boot)
		run_give(pt_dmap_pfn(old), pt_dmap_pfn(old) + old_bytes / PAGE_BYTES);
	return true;
}

/* Adds the free pages of one mapped chunk to the free lists. */
static void chunk_add(pfn_t chunk_first, pfn_t first, pfn_t end)
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
	page_chunks[index] = meta;
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

/* Takes the next chunk from the frontier. False when there is none or no page table for it. */
static bool frontier_advance(void)
{
	pfn_t first = frontier;
	pfn_t chunk_first = align_down(first, PT_CHUNK_PAGES);
	pfn_t end = chunk_first + PT_CHUNK_PAGES;

	if (first >= frontier_end || extending)
		return false;
	if (end > frontier_end)
		end = frontier_end;
	while (pt_dmap_pfns() < end) {
		int ret;

		extending = true;
		ret = pt_dmap_extend();
		extending = false;
		if (ret)
			return false;
	}
	frontier = end;
	chunk_add(chunk_first, first, end);
	while (frontier == frontier_end && stash_count)
		block_give(stash[--stash_count], 0);
	return true;
}

void page_init(void)
{
	frontier = pt_first_free_pfn();
	frontier_end = boot_info.pages_count;
	if (frontier_end > PFN_END_MAX)
		frontier_end = PFN_END_MAX;
	while (free_pages < PAGE_RESERVE && frontier_advance())
		;
}

/* ---- The interface ---- */

static pfn_t block_alloc(unsigned int order)
{
	pfn_t pfn;

	while (free_pages < PAGE_RESERVE + (1ULL << order) && frontier_advance())
		;
	do {
		pfn = block_take(order);
	} while (pfn == PFN_NONE && (frontier_advance() || core_page_reclaim()));
	return pfn;
}

void *page_alloc(unsigned int order, unsigned int flags)
{
	bool enabled;
	void *block;
	pfn_t pfn;

	if (order > PAGE_ORDER_MAX)
		return NULL;
	enabled = events_disable();
	pfn = block_alloc(order);
	events_restore(enabled);
	if (pfn == PFN_NONE)
		return NULL;
	block = pt_dmap_vaddr(pfn);
	if (flags & PAGE_ZERO)
		memset(block, 0, PAGE_BYTES << order);
	return block;
}

static void check_and_give(pfn_t pfn, unsigned int order)
{
	struct page *page = page_of_pfn(pfn);

	if (!page || page->state != PAGE_STATE_ALLOCATED || page->order != order)
		panic("page: %s free of pfn %#lx, order %u",
		      page && page->state == PAGE_STATE_FREE ? "double" : "invalid",
		      (unsigned long)pfn, order);
	block_give(pfn, order);
}

void page_free(void *block, unsigned int order)
{
	bool enabled = events_disable();

	if (!is_aligned((uintptr_t)block, PAGE_BYTES))
		panic("page: free of an address inside a page");
	check_and_give(pt_dmap_pfn(block), order);
	events_restore(enabled);
}

/* Makes single pages of one allocated block. */
static void block_shatter(pfn_t pfn, unsigned int order, pfn_t *pfns_out)
{
	for (pfn_t i = 0; i < 1ULL << order; i++) {
		struct page *page = page_of_pfn(pfn + i);

		page->state = PAGE_STATE_ALLOCATED;
		page->order = 0;
		page->owner = PAGE_OWNER_VM;
		page->object = NULL;
		page->private = 0;
		pfns_out[i] = pfn + i;
	}
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
		enabled = events_disable();
		pfn = block_alloc(order);
		if (pfn != PFN_NONE)
			block_shatter(pfn, order, pfns + done);
		events_restore(enabled);
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
	for (size_t i = 0; i < pages_count; i++) {
		bool enabled = events_disable();

		check_and_give(pfns[i], 0);
		events_restore(enabled);
	}
}

pfn_t core_pt_page_alloc(void)
{
	pfn_t pfn = extending && stash_count ? stash[--stash_count] : block_take(0);

	if (pfn != PFN_NONE) {
		page_of_pfn(pfn)->owner = PAGE_OWNER_PT;
		memset(pt_dmap_vaddr(pfn), 0, PAGE_BYTES);
	}
	return pfn;
}

void core_pt_page_free(pfn_t pfn)
{
	/* What the stash lent for extending the direct map has to be there the next time. */
	if (extending && stash_count < STASH_PAGES)
		stash[stash_count++] = pfn;
	else
		check_and_give(pfn, 0);
}

void page_get_stats(struct page_stats *stats_out)
{
	bool enabled = events_disable();

	stats_out->total = boot_info.pages_count;
	stats_out->free = free_pages + stash_count;
	stats_out->untouched = frontier_end - frontier;
	events_restore(enabled);
}

void page_check(void)
{
	uint64_t pages = 0;

	for (unsigned int order = 0; order <= PAGE_ORDER_MAX; order++) {
		uint32_t prev = PAGE_NIL;

		assert(!(free_orders >> order & 1) == (free_lists[order] == PAGE_NIL));
		for (uint32_t pfn = free_lists[order]; pfn != PAGE_NIL;) {
			const struct page *page = page_of_pfn(pfn);

			assert(page && page->state == PAGE_STATE_FREE && page->order == order);
			assert(page->prev == prev && is_aligned(pfn, 1ULL << order));
			pages += 1ULL << order;
			prev = pfn;
			pfn = page->next;
		}
	}
	assert(pages == free_pages);
}
