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

uintptr_t pt_dmap_base;
uint64_t mock_page_budget;

void *mock_pfn_page(uint64_t pfn)
{
	return pt_dmap_vaddr(pfn);
}

mfn_t pt_pfn_to_mfn(pfn_t pfn)
{
	return pfn < mock_config.pages_count ? MFN_BASE + (pfn ^ 1) : PFN_NONE;
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

	if (mock_page_budget < 1UL << order || posix_memalign(&block, bytes, bytes))
		return NULL;
	mock_page_budget -= 1UL << order;
	memset(block, flags & PAGE_ZERO ? 0 : 0xa5, bytes);
	return block;
}

void page_free(void *block, unsigned int order)
{
	mock_page_budget += 1UL << order;
	free(block);
}

void *heap_alloc_zeroed(size_t bytes)
{
	return calloc(1, bytes);
}

void heap_free(void *block)
{
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
