/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The p2m is one array of machine frame numbers, which the builder maps at LAYOUT_P2M_BASE (ELF
 * note INIT_P2M), so its size never matters to us. The m2p is Xen's own array, read-only.
 */
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt_internal.h"
#include "xen/hypercall.h"

struct pt_state pt_state __ro_after_init;

mfn_t pt_pfn_to_mfn(pfn_t pfn)
{
	return pfn < pt_state.pages_count ? pt_state.p2m[pfn] : PFN_NONE;
}

pfn_t pt_mfn_to_pfn(mfn_t mfn)
{
	pfn_t pfn;

	if (mfn >= MACH2PHYS_NR_ENTRIES)
		return PFN_NONE;
	/* Any frame has an entry, but only one that the p2m confirms is ours. */
	pfn = pt_state.m2p[mfn];
	return pt_pfn_to_mfn(pfn) == mfn ? pfn : PFN_NONE;
}

bool pt_pfn_reserved(pfn_t pfn)
{
	for (int i = 0; i < PT_RESERVED_COUNT; i++)
		if (pfn >= pt_state.reserved[i].first && pfn < pt_state.reserved[i].end)
			return true;
	return false;
}

pfn_t pt_reserved_next(pfn_t from)
{
	pfn_t next = PFN_NONE;

	for (int i = 0; i < PT_RESERVED_COUNT; i++) {
		const struct pt_range *range = &pt_state.reserved[i];
		pfn_t first = range->first > from ? range->first : from;

		if (first < range->end && first < next)
			next = first;
	}
	return next;
}

pfn_t pt_unreserved_next(pfn_t from)
{
	/* Each round leaves one range behind at least; the ranges may touch each other. */
	for (int round = 0; round < PT_RESERVED_COUNT; round++)
		for (int i = 0; i < PT_RESERVED_COUNT; i++) {
			const struct pt_range *range = &pt_state.reserved[i];

			if (from >= range->first && from < range->end)
				from = range->end;
		}
	return from;
}

pfn_t pt_first_free_pfn(void)
{
	return pt_state.reserved[PT_RESERVED_IMAGE].end;
}

/* The three-level tree for toolstacks before 4.6: a frame of frame numbers of frames that hold the
 * frame numbers of the p2m's frames. 0 when there is no memory for it: xl dump-core then fails. */
static mfn_t make_tree(void)
{
	pfn_t first = pt_state.reserved[PT_RESERVED_P2M].first;
	uint64_t *top = NULL, *middle = NULL;
	pfn_t top_pfn = PFN_NONE;

	for (pfn_t i = 0; first + i < pt_state.p2m_tables && i < PT_ENTRIES * PT_ENTRIES; i++) {
		if (i % PT_ENTRIES == 0) {
			pfn_t pfn = core_pt_page_alloc();

			if (i == 0)
				top_pfn = core_pt_page_alloc();
			if (pfn == PFN_NONE || top_pfn == PFN_NONE)
				return 0;
			top = pt_dmap_vaddr(top_pfn);
			middle = pt_dmap_vaddr(pfn);
			top[i / PT_ENTRIES] = pt_pfn_to_mfn(pfn);
		}
		middle[i % PT_ENTRIES] = pt_pfn_to_mfn(first + i);
	}
	return top_pfn == PFN_NONE ? 0 : pt_pfn_to_mfn(top_pfn);
}

/* True when the tools know the p2m by its address: since 4.7 (both come from one source). The flag
 * alone does not tell: libxl overwrites what libxc has set. */
static bool tools_know_linear_p2m(void)
{
	long version = hypercall_xen_version(XENVER_version, NULL);

	return (boot_info.flags & SIF_VIRT_P2M_4TOOLS) || version >= (4 << 16 | 7);
}

void boot_publish_p2m(void)
{
	struct arch_shared_info *arch = &boot_shared_info->arch;

	arch->max_pfn = pt_state.pages_count;
	if (tools_know_linear_p2m()) {
		/* The address instead of the tree: nothing to build, whatever the size. */
		arch->pfn_to_mfn_frame_list_list = ~0UL;
		arch->p2m_vaddr = (uintptr_t)pt_state.p2m;
		arch->p2m_cr3 = xen_pfn_to_cr3(pt_pfn_to_mfn(pt_state.root));
	} else if (!boot_info.initial_domain) {
		arch->pfn_to_mfn_frame_list_list = make_tree();
	}
}
