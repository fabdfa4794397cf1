/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few pages of the guest that Xen and back ends see, as a direct map: rings, shared pages. mfns
 * are the pfns in another order, so that mixing the two up is noticed; the memory of the test
 * itself (static variables, what page_alloc gives out here) has mfns of its own. Page tables on the
 * host are test/host/fake_pt.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt.h"
#include "core/heap.h"
#include "core/page.h"
#include "test/mock/mock_private.h"

#define PAGE        4096UL
#define MFN_BASE    0x100000UL
#define MFN_OUTSIDE (1UL << 40)
#define MFN_GRANTED 0x400000UL
#define GRANTED_MAX 65536

uintptr_t pt_dmap_base;
uint64_t mock_page_budget;
uint64_t mock_fail_allocation = UINT64_MAX;
uint64_t mock_pages_used, mock_blocks_used;

/* Pages with a number of 32 bits; a hash table whose places are the numbers. */
static const void *granted[GRANTED_MAX];

uint64_t mock_page_to_mfn(const void *page)
{
	size_t at = ((uintptr_t)page / PAGE * 0x9e3779b97f4a7c15UL >> 40) % GRANTED_MAX;

	for (size_t i = 0; i < GRANTED_MAX; i++, at = (at + 1) % GRANTED_MAX) {
		if (granted[at] && granted[at] != page)
			continue;
		granted[at] = page;
		return MFN_GRANTED + at;
	}
	mock_die("too many pages are granted");
}

static bool allocation_fails(void)
{
	return mock_fail_allocation != UINT64_MAX && mock_fail_allocation-- == 0;
}

void *mock_pfn_page(uint64_t pfn)
{
	return pt_dmap_vaddr(pfn);
}

mfn_t pt_pfn_to_mfn(pfn_t pfn)
{
	if (pfn < mock_config.pages_count)
		return MFN_BASE + (pfn ^ 1);
	/* What page_alloc() gave out lies anywhere. */
	return (uintptr_t)pt_dmap_vaddr(pfn) >> 47 ? PFN_NONE
						   : mock_page_to_mfn(pt_dmap_vaddr(pfn));
}

pfn_t pt_mfn_to_pfn(mfn_t mfn)
{
	if (mfn < MFN_BASE || ((mfn - MFN_BASE) ^ 1) >= mock_config.pages_count)
		return PFN_NONE;
	return (mfn - MFN_BASE) ^ 1;
}

uint64_t mock_pointer_to_mfn(const void *pointer)
{
	return MFN_OUTSIDE | (uintptr_t)pointer / PAGE;
}

void *mock_mfn_to_pointer(uint64_t mfn)
{
	if (mfn >= MFN_GRANTED && mfn < MFN_GRANTED + GRANTED_MAX && granted[mfn - MFN_GRANTED])
		return (void *)granted[mfn - MFN_GRANTED];
	if (mfn & MFN_OUTSIDE)
		return (void *)((mfn & ~MFN_OUTSIDE) * PAGE);
	if (pt_mfn_to_pfn(mfn) == PFN_NONE)
		mock_die("mfn %#lx is not the guest's", mfn);
	return pt_dmap_vaddr(pt_mfn_to_pfn(mfn));
}

pfn_t pt_dmap_pfns(void)
{
	return mock_config.pages_count;
}

int pt_dmap_add(pfn_t first, pfn_t pages_count)
{
	return first + pages_count > mock_config.pages_count ? -EINVAL : 0;
}

void pt_walk(uintptr_t vaddr, struct pt_walk *walk_out)
{
	*walk_out = (struct pt_walk){
		.present = true,
		.prot = PT_PROT_READ | PT_PROT_WRITE,
		.mfn = mock_pointer_to_mfn((const void *)vaddr),
		.level = 1,
	};
}

void *page_alloc(unsigned int order, unsigned int flags)
{
	size_t bytes = PAGE << order;
	void *block;

	if (allocation_fails() || mock_page_budget < 1UL << order ||
	    posix_memalign(&block, bytes, bytes))
		return NULL;
	mock_page_budget -= 1UL << order;
	mock_pages_used += 1UL << order;
	memset(block, flags & PAGE_ZERO ? 0 : 0xa5, bytes);
	return block;
}

/* Blocks whose pages are freed one by one; the whole goes with the last. */
static struct {
	char *block;
	unsigned int order, left;
} splits[16];

void page_split(void *block, unsigned int order)
{
	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		if (!splits[i].left) {
			splits[i].block = block;
			splits[i].order = order;
			splits[i].left = 1u << order;
			return;
		}
	}
	mock_die("too many blocks are split");
}

/* True for a page of a block that was split. */
static bool free_split(char *page)
{
	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		if (splits[i].left && page >= splits[i].block &&
		    page < splits[i].block + (PAGE << splits[i].order)) {
			if (!--splits[i].left)
				free(splits[i].block);
			return true;
		}
	}
	return false;
}

void page_free(void *block, unsigned int order)
{
	mock_page_budget += 1UL << order;
	mock_pages_used -= 1UL << order;
	if (order || !free_split(block))
		free(block);
}

void *heap_alloc_zeroed(size_t bytes)
{
	if (allocation_fails())
		return NULL;
	mock_blocks_used++;
	return calloc(1, bytes);
}

void *heap_realloc(void *block, size_t bytes)
{
	if (allocation_fails())
		return NULL;
	mock_blocks_used += !block;
	return realloc(block, bytes);
}

void heap_free(void *block)
{
	mock_blocks_used -= block != NULL;
	free(block);
}

void mock_memory_start(void)
{
	if (!pt_dmap_base)
		pt_dmap_base = (uintptr_t)aligned_alloc(PAGE, mock_config.pages_count * PAGE);
	memset((void *)pt_dmap_base, 0, mock_config.pages_count * PAGE);
	mock_page_budget = 4096;
	if (!mock_config.initial_domain) {
		boot_info.console_mfn = pt_pfn_to_mfn(MOCK_CONSOLE_PFN);
		boot_info.store_mfn = pt_pfn_to_mfn(MOCK_STORE_PFN);
	}
}
