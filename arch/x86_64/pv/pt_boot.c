/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the builder's page tables to our own, in a few hypercalls whose number does not depend on
 * the guest's memory.
 *
 * The builder maps the guest's first 4 MiB or so, writable and executable, at LAYOUT_IMAGE_BASE.
 * Its L4 and its L1 tables stay: hung below a new L3 and L2 with NX, at a random address, the L1
 * tables are the direct map. The image gets fresh L1 tables with exactly its own pages. Text and
 * constants then leave the direct map, so that no writable alias of them remains.
 */
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/image.h"
#include "arch/x86_64/pv/pt_internal.h"
#include "lib/base/string.h"
#include "xen/hypercall.h"

/* Our tables come from here, the rest is the allocator's first memory. The image itself does not
 * map it: it is seen in the direct map alone. The linker script puts it last and adds a page for
 * every 2 MiB of the image, whose L1 tables these become; it ends at __pt_pool_end. */
static char pool[PT_POOL_PAGES * PAGE_BYTES]
	__attribute__((aligned(4096), section(".sbss.pt_pool")));

#define IMAGE_PFN(vaddr) (((uintptr_t)(vaddr)-LAYOUT_IMAGE_BASE) / PAGE_BYTES)

/* Where pfn 0 stands in its L1 table, at the image's address as in the direct map. */
#define L1_SHIFT (LAYOUT_IMAGE_BASE / PAGE_BYTES % PT_ENTRIES)

struct boot_tables {
	uint64_t *l4, *l2;        /* the builder's */
	pfn_t chunks;             /* L1 tables the builder made */
	pfn_t l3_pfn, l2_pfn;     /* new, of the direct map */
	pfn_t l1_pfn, l1_count;   /* new, of the image */
	uint64_t shared_info_pte; /* goes into the second page behind the image */
};

static uint64_t image_pte(pfn_t pfn)
{
	uintptr_t vaddr = LAYOUT_IMAGE_BASE + pfn * PAGE_BYTES;
	mfn_t mfn = pt_state.p2m[pfn];

	if (vaddr < (uintptr_t)__rodata_start)
		return pte_make(mfn, pte_flags(PT_PROT_EXEC));
	if (vaddr < (uintptr_t)__ro_after_init_start)
		return pte_make(mfn, pte_flags(PT_PROT_READ));
	if (vaddr == (uintptr_t)boot_stack || vaddr == (uintptr_t)boot_stack + BOOT_STACK_TOP ||
	    (vaddr >= (uintptr_t)pool && vaddr < (uintptr_t)__pt_pool_end))
		return 0;
	return pte_make(mfn, pte_flags(PT_PROT_WRITE));
}

static void fill_tables(struct boot_tables *tables, uintptr_t dmap)
{
	pfn_t image_pages = IMAGE_PFN(__image_end);
	uint64_t *l1 = pt_dmap_vaddr(tables->l1_pfn);
	uint64_t *l2 = pt_dmap_vaddr(tables->l2_pfn);
	uint64_t *l3 = pt_dmap_vaddr(tables->l3_pfn);
	unsigned int low = pt_index(LAYOUT_IMAGE_BASE, 2);

	/* The tables stand one behind the other, so this runs on from one to the next. */
	for (pfn_t pfn = 0; pfn < image_pages; pfn++)
		l1[L1_SHIFT + pfn] = image_pte(pfn);
	l1[L1_SHIFT + image_pages + 1] = tables->shared_info_pte;

	for (pfn_t i = 0; i < tables->chunks; i++)
		l2[pt_index(dmap, 2) + i] =
			(tables->l2[low + i] & PTE_ADDRESS) | PTE_TABLE | PTE_NX;
	l3[pt_index(dmap, 3)] = pte_make(pt_state.p2m[tables->l2_pfn], PTE_TABLE);
}

/* Changes pfn's entry in the L1 tables of the direct map, which l2 refers to from its entry at. */
static void change_alias(struct pt_batch *batch, const uint64_t *l2, unsigned int at, pfn_t pfn,
			 uint64_t value)
{
	uint64_t l1 = l2[at + (L1_SHIFT + pfn) / PT_ENTRIES] & PTE_ADDRESS;

	pt_batch_add(batch, l1 + (L1_SHIFT + pfn) % PT_ENTRIES * sizeof(uint64_t), value);
}

/* Makes the p2m read-only, 1 GiB of guest memory with each entry. It has the L2 table of the image.
 */
static void protect_p2m(struct pt_batch *batch, const struct boot_tables *tables)
{
	uint64_t l2 = pt_state.p2m[pt_dmap_pfn(tables->l2)] << PAGE_SHIFT;
	uintptr_t vaddr = (uintptr_t)pt_state.p2m,
		  end = (uintptr_t)(pt_state.p2m + pt_state.pages_count);

	for (; vaddr < end; vaddr += pt_level_bytes(2)) {
		uint64_t entry = tables->l2[pt_index(vaddr, 2)];

		/* The large pages Xen makes for an initial domain are not ours to change. */
		if (!(entry & PTE_LARGE))
			pt_batch_add(batch, l2 + pt_index(vaddr, 2) * sizeof(entry),
				     (entry & ~PTE_WRITE) | PTE_NX);
	}
}

static void switch_tables(const struct boot_tables *tables, uintptr_t dmap)
{
	uint64_t l4 = pt_state.p2m[pt_state.root] << PAGE_SHIFT;
	uint64_t l2 = pt_state.p2m[pt_dmap_pfn(tables->l2)] << PAGE_SHIFT;
	unsigned int low = pt_index(LAYOUT_IMAGE_BASE, 2);
	pfn_t tables_end = tables->l1_pfn + tables->l1_count;
	struct pt_batch batch;

	pt_batch_init(&batch);
	for (pfn_t pfn = tables->l3_pfn; pfn < tables_end; pfn++)
		change_alias(&batch, tables->l2, low, pfn,
			     pte_make(pt_state.p2m[pfn], PTE_READ | PTE_NX));
	pt_batch_add(&batch, l4 + pt_index(dmap, 4) * sizeof(uint64_t),
		     pte_make(pt_state.p2m[tables->l3_pfn], PTE_TABLE));
	protect_p2m(&batch, tables);
	for (pfn_t i = 0; i < tables->chunks; i++)
		pt_batch_add(&batch, l2 + (low + i) * sizeof(uint64_t),
			     i < tables->l1_count
				     ? pte_make(pt_state.p2m[tables->l1_pfn + i], PTE_TABLE)
				     : 0);
	if (pt_batch_flush(&batch))
		__builtin_trap();
}

static void drop_aliases(const struct boot_tables *tables, uintptr_t dmap)
{
	const uint64_t *l2 = pt_dmap_vaddr(tables->l2_pfn);
	struct pt_batch batch;

	pt_batch_init(&batch);
	for (pfn_t pfn = 0; pfn < IMAGE_PFN(__ro_after_init_end); pfn++)
		change_alias(&batch, l2, pt_index(dmap, 2), pfn, 0);
	if (pt_batch_flush(&batch))
		__builtin_trap();
}

static void note_reserved(const struct start_info *start, pfn_t first_free)
{
	struct pt_range *reserved = pt_state.reserved;
	pfn_t p2m_frames = (start->nr_pages * sizeof(mfn_t) + PAGE_BYTES - 1) / PAGE_BYTES;

	reserved[PT_RESERVED_IMAGE] = (struct pt_range){0, first_free};
	/* The builder's own stack, behind its page tables, is not in use any more. */
	reserved[PT_RESERVED_BUILDER] = (struct pt_range){
		IMAGE_PFN(__pt_pool_end), IMAGE_PFN(start->pt_base) + start->nr_pt_frames};
	reserved[PT_RESERVED_MODULE] = (struct pt_range){
		boot_info.module_pfn,
		boot_info.module_pfn + (boot_info.module_bytes + PAGE_BYTES - 1) / PAGE_BYTES};
	reserved[PT_RESERVED_P2M] = (struct pt_range){start->first_p2m_pfn,
						      start->first_p2m_pfn + start->nr_p2m_frames};
	/* libxc puts the tables behind the array, Xen (for an initial domain) anywhere between. */
	pt_state.p2m_tables = start->first_p2m_pfn + (boot_info.initial_domain ? 0 : p2m_frames);
}

void pt_boot(const struct start_info *start, uint64_t random)
{
	struct boot_tables tables;
	uintptr_t dmap, shared_vaddr = (uintptr_t)__image_end + PAGE_BYTES;
	unsigned int low = pt_index(LAYOUT_IMAGE_BASE, 2);

	pt_state.p2m = (const mfn_t *)start->mfn_list;
	pt_state.m2p = machine_to_phys_mapping;
	pt_state.pages_count = start->nr_pages;
	pt_state.root = IMAGE_PFN(start->pt_base);
	/* Until the switch below the low addresses are a direct map, too. */
	pt_dmap_base = LAYOUT_IMAGE_BASE;
	pt_dmap_end = start->nr_pages;

	tables.l4 = (uint64_t *)start->pt_base;
	tables.l2 = pt_table(pt_table(tables.l4[0])[pt_index(LAYOUT_IMAGE_BASE, 3)]);
	for (tables.chunks = 0; tables.l2[low + tables.chunks] & PTE_PRESENT;)
		tables.chunks++;
	tables.l3_pfn = IMAGE_PFN(pool);
	tables.l2_pfn = tables.l3_pfn + 1;
	tables.l1_pfn = tables.l3_pfn + 2;
	tables.l1_count = (L1_SHIFT + IMAGE_PFN(shared_vaddr)) / PT_ENTRIES + 1;
	tables.shared_info_pte = start->shared_info | pte_flags(PT_PROT_WRITE);
	note_reserved(start, tables.l1_pfn + tables.l1_count);

	/* 190 slots, 512 places in an L3, some in an L2 (all chunks so far fit into it): > 25 bits.
	 */
	dmap = (LAYOUT_DMAP_SLOT_FIRST + random % LAYOUT_DMAP_SLOTS) * pt_level_bytes(4);
	dmap += (random >> 16) % PT_ENTRIES * pt_level_bytes(3);
	dmap += (random >> 32) % (PT_ENTRIES + 1 - tables.chunks) * pt_level_bytes(2);
	dmap += L1_SHIFT * PAGE_BYTES;

	fill_tables(&tables, dmap);
	switch_tables(&tables, dmap);
	pt_dmap_base = dmap;
	drop_aliases(&tables, dmap);
	pt_tlb_flush();
	pt_state.boot_mapped = tables.chunks * PT_ENTRIES - L1_SHIFT;
	if (pt_state.boot_mapped > pt_state.pages_count)
		pt_state.boot_mapped = pt_state.pages_count;
	pt_dmap_end = pt_state.boot_mapped;
	boot_shared_info = (struct shared_info *)shared_vaddr;
}

void boot_seal(void)
{
	uintptr_t start = (uintptr_t)__ro_after_init_start, end = (uintptr_t)__ro_after_init_end;

	(void)pt_protect(start, (end - start) / PAGE_BYTES, PT_PROT_READ);
}
