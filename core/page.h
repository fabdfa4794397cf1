/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page allocator: a buddy over all the guest's RAM, in blocks of 2^order pages seen
 * through the direct map.
 *
 * Boot cost does not depend on the amount of memory: blocks come first from the pages mapped at
 * boot, then from a frontier of chunks nobody has touched, mapped when first needed; page
 * metadata is populated with them. Any context (events are masked inside).
 */
#ifndef CORE_PAGE_H
#define CORE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/pv/pt.h"

#define PAGE_ORDER_MAX 18 /* 1 GiB */
#define PAGE_ZERO      0x1u

/* One per page of mapped RAM. */
struct page {
	uint8_t order;	 /* of the block, in its first page */
	uint8_t state;	 /* PAGE_STATE_* (core/page.c) */
	uint16_t owner;	 /* tag of the owner, see enum page_owner */
	uint32_t private; /* the owner's */
	union {
		struct {
			struct page *next, *prev; /* free list */
		};
		void *object; /* the owner's, e.g. the slab this page belongs to */
	};
};

enum page_owner { PAGE_OWNER_NONE, PAGE_OWNER_KERNEL, PAGE_OWNER_HEAP, PAGE_OWNER_VM, PAGE_OWNER_PT };

void page_init(void);

/* 2^order pages, aligned to their size, borrowed until page_free; NULL when out of memory.
 * flags: PAGE_ZERO or 0. */
void *page_alloc(unsigned int order, unsigned int flags);
/* block was returned by page_alloc with the same order; a wrong or second free panics. */
void page_free(void *block, unsigned int order);
/* Exactly pages_count single pages for a virtual mapping, in blocks as large as possible:
 * fills pfns. 0 or -ENOMEM (then none was taken). They need not be in the direct map. */
int page_alloc_pfns(pfn_t *pfns, size_t pages_count);
void page_free_pfns(const pfn_t *pfns, size_t pages_count);

/* Metadata of a page in the direct map, NULL for any other address. */
struct page *page_of(const void *vaddr);

struct page_stats {
	uint64_t total;	   /* all RAM */
	uint64_t free;	   /* in free lists */
	uint64_t untouched; /* free and never mapped */
};
void page_get_stats(struct page_stats *stats_out);

#endif
