/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of a 64-bit PV guest, the p2m and the direct map.
 *
 * Names: pfn is the guest's frame number, mfn the machine's, vaddr a virtual address. Every
 * page-table page is mapped read-only by us and validated by Xen; all updates go through
 * hypercalls (Xen: public/xen.h MMU_*, UVMF_*).
 *
 * The direct map shows pfn at dmap_base + pfn * 4096, readable and writable, never executable;
 * page tables in it are read-only, text and constants are not in it. It grows in chunks of 512
 * pages (one L1 table, not aligned in pfns) on demand: pages below pt_dmap_pfns() are in it, except
 * chunks that are wholly reserved (a large p2m or module): pt_dmap_add() adds those one by one.
 *
 * All functions: any context after early boot, any vCPU; locked inside. Who maps, unmaps and
 * protects the same address at the same time gets either. 0 or -ENOMEM (no page-table page),
 * -EINVAL, -EEXIST.
 */
#ifndef ARCH_X86_64_PV_PT_H
#define ARCH_X86_64_PV_PT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t pfn_t;
typedef uint64_t mfn_t;

#define PFN_NONE       UINT64_MAX
#define PT_CHUNK_PAGES 512ULL

enum pt_prot {
	PT_PROT_NONE = 0,
	PT_PROT_READ = 1,
	PT_PROT_WRITE = 2, /* implies read */
	PT_PROT_EXEC = 4,  /* refused together with write: W^X */
};

/* First virtual address of the direct map, and the number of pfns (from 0) it shows today. */
extern uintptr_t pt_dmap_base;
pfn_t pt_dmap_pfns(void);

/* The first pfn of RAM that is free when core starts: a pool of at least PT_POOL_PAGES pages inside
 * the image, so that there always is some. Above it, whatever is not reserved is free. */
#define PT_POOL_PAGES 64
pfn_t pt_first_free_pfn(void);

/* True when pfn holds something the builder or start of day placed and that stays in use
 * (image, start_info, p2m, page tables, console and store rings, module). O(1). */
bool pt_pfn_reserved(pfn_t pfn);
/* The lowest pfn >= from that is reserved (PFN_NONE: none), or that is not. O(1). */
pfn_t pt_reserved_next(pfn_t from);
pfn_t pt_unreserved_next(pfn_t from);

/* Extends the direct map by the chunk that begins at pt_dmap_pfns() (its last chunk may be
 * shorter); a chunk without free RAM is passed over. Takes one page-table page, sometimes two. */
int pt_dmap_extend(void);
/* Makes sure that these pages, reserved ones, are in the direct map. */
int pt_dmap_add(pfn_t first, pfn_t pages_count);

static inline void *pt_dmap_vaddr(pfn_t pfn)
{
	return (void *)(pt_dmap_base + (pfn << 12));
}

static inline pfn_t pt_dmap_pfn(const void *vaddr)
{
	return ((uintptr_t)vaddr - pt_dmap_base) >> 12;
}

/* PFN_NONE when there is no frame. */
mfn_t pt_pfn_to_mfn(pfn_t pfn);
/* PFN_NONE when the frame is not ours. mfn comes from Xen or from a page table. */
pfn_t pt_mfn_to_pfn(mfn_t mfn);

/* Maps pages_count pages: pfns[i] at vaddr + i * 4096. vaddr is page-aligned, nothing mapped
 * there yet. On error nothing stays mapped. */
int pt_map(uintptr_t vaddr, const pfn_t *pfns, size_t pages_count, unsigned int prot);
/* The same for pfn, pfn + 1, … */
int pt_map_contiguous(uintptr_t vaddr, pfn_t pfn, size_t pages_count, unsigned int prot);
/* One machine frame that is not in our p2m (shared info, a granted page). */
int pt_map_mfn(uintptr_t vaddr, mfn_t mfn, unsigned int prot);
/* Takes pages away; holes are allowed. The TLBs of all vCPUs are flushed when it returns.
 * Page-table pages are kept. */
void pt_unmap(uintptr_t vaddr, size_t pages_count);
/* The same, but other vCPUs may find the pages in their TLBs until pt_flush_all(): until then
 * neither the pages nor the addresses may be used again. */
void pt_unmap_later(uintptr_t vaddr, size_t pages_count);
void pt_flush_all(void);
/* PT_PROT_NONE, as pt_protect(), for pages that were mapped just now and that nobody has touched:
 * no other vCPU needs to hear of it. */
int pt_hide_fresh(uintptr_t vaddr, size_t pages_count);
/* Holes are allowed. PT_PROT_NONE keeps the frames for a later pt_protect. -EACCES: write and exec.
 */
int pt_protect(uintptr_t vaddr, size_t pages_count, unsigned int prot);

/* What the page tables say of one address. */
struct pt_walk {
	bool present;
	unsigned int prot; /* PT_PROT_* of the whole path, write without read never */
	mfn_t mfn;         /* the page's frame; kept while PT_PROT_NONE; 0: none */
	int level;         /* the level that ended the walk: 4…1 */
};
void pt_walk(uintptr_t vaddr, struct pt_walk *walk_out);

/* Calls fn for each present leaf with its effective protection, in address order, over the
 * whole guest half of the address space; stops when fn returns false. For tests of W^X. */
void pt_for_each(bool (*fn)(uintptr_t vaddr, const struct pt_walk *leaf, void *arg), void *arg);

/* Provided by core/page.c: one zeroed page in the direct map for a page table, or PFN_NONE.
 * Must not call back into pt_map*. It may be called while the direct map is being extended, and
 * then answers from pages already mapped. */
pfn_t core_pt_page_alloc(void);
/* Provided by core/page.c: takes back a page that did not become a table. */
void core_pt_page_free(pfn_t pfn);

#endif
