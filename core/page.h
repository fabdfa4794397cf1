/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page allocator: a buddy over all the guest's RAM, in blocks of 2^order pages seen
 * through the direct map.
 *
 * Boot cost does not depend on the amount of memory: RAM is taken in chunks of 512 pages, first
 * from what is mapped at boot, then from a frontier nobody has touched, mapped when first needed.
 * Each chunk carries the metadata of its own pages. Any context, any vCPU; locked inside.
 */
#ifndef CORE_PAGE_H
#define CORE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/pt.h"

/* 1 MiB: a block never crosses a chunk, and the metadata takes two pages of each. */
#define PAGE_ORDER_MAX 8u
#define PAGE_ZERO      0x1u

enum page_owner {
	PAGE_OWNER_NONE,
	PAGE_OWNER_KERNEL,     /* whoever called page_alloc and says nothing else */
	PAGE_OWNER_HEAP_SHORT, /* slabs of slots of at most 9 units, see core/heap_parts.h */
	PAGE_OWNER_HEAP_LONG,
	PAGE_OWNER_VM,
	PAGE_OWNER_PT,
	PAGE_OWNER_POOL
};

/* One per page of RAM in a chunk that was taken. The fields of a block are those of its first
 * page, but for what its owner writes. */
struct page {
	union {
		struct {
			uint32_t next, prev; /* pfns in a free list; the owner's when allocated */
		};
		void *object; /* the owner's, e.g. the slab this page belongs to */
	};
	uint32_t private; /* the owner's */
	uint8_t order;    /* of the block that begins here */
	uint8_t state;    /* enum page_state in core/page.c */
	union {
		struct {
			uint8_t owner; /* enum page_owner */
			uint8_t vcpu;  /* the owner's: whose slab it is */
		};
		uint16_t owner_vcpu; /* both: PAGE_OWNER_VCPU() */
	};
};

#define PAGE_OWNER_VCPU(owner, vcpu) ((uint16_t)((owner) | (vcpu) << 8))

_Static_assert(sizeof(struct page) == 16, "the metadata of 512 pages takes two pages");

void page_init(void);

/* 2^order pages, aligned to their size, borrowed until page_free; NULL when out of memory or
 * order > PAGE_ORDER_MAX. flags: PAGE_ZERO or 0. */
void *page_alloc(unsigned int order, unsigned int flags);
/* block was returned by page_alloc with the same order; a wrong or second free panics. */
void page_free(void *block, unsigned int order);
/* Makes single pages of a block, each to be freed with order 0. */
void page_split(void *block, unsigned int order);
/* Exactly pages_count single pages for a virtual mapping, in runs as long as possible:
 * fills pfns. 0 or -ENOMEM (then none was taken). */
int page_alloc_pfns(pfn_t *pfns, size_t pages_count);
void page_free_pfns(const pfn_t *pfns, size_t pages_count);

/* The metadata of each chunk, NULL where none was taken. Read through page_of_pfn() only. */
extern struct page **page_chunks;
extern size_t page_chunks_count;

/* Metadata of a page, NULL for one that is in no chunk. */
static inline struct page *page_of_pfn(pfn_t pfn)
{
	size_t index = pfn / PT_CHUNK_PAGES;
	struct page *chunk;

	if (__builtin_expect(index >= READ_SHARED(page_chunks_count), 0))
		return NULL;
	/* The length is read before the table; it is written after it. */
	barrier();
	chunk = READ_SHARED(READ_SHARED(page_chunks)[index]);
	if (__builtin_expect(!chunk, 0))
		return NULL;
	return chunk + pfn % PT_CHUNK_PAGES;
}

/* Metadata of the page at an address of the direct map, NULL for any other address. */
static inline struct page *page_of(const void *vaddr)
{
	return page_of_pfn(((uintptr_t)vaddr - pt_dmap_base) >> PAGE_SHIFT);
}

/* Takes memory nobody has touched until there are pages for page tables again. True when it did:
 * what failed for want of a page table may be tried again. */
bool page_refill(void);

/* Provided by core/heap.c: memory has run out; true when pages were freed. Events are disabled, no
 * lock of ours is held. */
bool core_page_reclaim(void);

struct page_stats {
	uint64_t total;     /* all RAM */
	uint64_t free;      /* in free lists */
	uint64_t untouched; /* free and in no chunk yet */
};
void page_get_stats(struct page_stats *stats_out);

/* Walks all free lists; panics on what does not fit. For tests. */
void page_check(void);

#endif
