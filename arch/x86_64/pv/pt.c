/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table is filled while it still is an ordinary page, then made read-only in the direct map and
 * linked, all in one batch: Xen then checks it as a whole, which is cheaper than one checked
 * update for each entry. Once linked, tables are never given back.
 *
 * Lock: pt_lock, taken by whoever links tables or changes entries that it has read, for one table's
 * worth of entries at a time; held over core_pt_page_alloc(), so that page.c's lock comes after it.
 * Walks need none: an entry is read once, and what it leads to stays.
 */
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt_internal.h"
#include "xen/hypercall.h"
#include "xen/spinlock.h"

static struct spinlock pt_lock;
uintptr_t pt_dmap_base __ro_after_init;
pfn_t pt_dmap_end;

pfn_t pt_dmap_pfns(void)
{
	return READ_ONCE(pt_dmap_end);
}

/* ---- Talking to Xen ---- */

int pt_batch_flush(struct pt_batch *batch)
{
	if (batch->count && !batch->error)
		batch->error = hypercall_mmu_update(batch->updates, batch->count, NULL, DOMID_SELF);
	batch->count = 0;
	return batch->error;
}

void pt_batch_add(struct pt_batch *batch, uint64_t maddr, uint64_t value)
{
	if (batch->count == PT_BATCH_MAX)
		pt_batch_flush(batch);
	batch->updates[batch->count++] =
		(struct mmu_update){.ptr = maddr | MMU_NORMAL_PT_UPDATE, .val = value};
}

void pt_tlb_flush(void)
{
	struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_ALL};

	(void)hypercall_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

/* ---- Looking ---- */

uint64_t *pt_table(uint64_t entry)
{
	pfn_t pfn = pt_mfn_to_pfn(pte_mfn(entry));
	const struct pt_range *p2m = &pt_state.reserved[PT_RESERVED_P2M];

	if (pfn >= pt_dmap_pfns() ||
	    (pfn >= pt_state.boot_mapped && pfn >= p2m->first && pfn < p2m->end))
		return NULL;
	return pt_dmap_vaddr(pfn);
}

static uint64_t *root_table(void)
{
	return pt_dmap_vaddr(pt_state.root);
}

/* One step down from the protection of the levels above. */
static unsigned int prot_below(unsigned int prot, uint64_t entry)
{
	if (!(entry & PTE_WRITE))
		prot &= ~(unsigned int)PT_PROT_WRITE;
	if (entry & PTE_NX)
		prot &= ~(unsigned int)PT_PROT_EXEC;
	return prot;
}

#define PROT_ALL ((unsigned int)(PT_PROT_READ | PT_PROT_WRITE | PT_PROT_EXEC))

void pt_walk(uintptr_t vaddr, struct pt_walk *walk_out)
{
	uint64_t *table = root_table();

	walk_out->prot = PROT_ALL;
	for (walk_out->level = PT_LEVELS;; walk_out->level--) {
		uint64_t entry = READ_ONCE(table[pt_index(vaddr, walk_out->level)]);

		walk_out->present = entry & PTE_PRESENT;
		if (!walk_out->present) {
			walk_out->prot = PT_PROT_NONE;
			walk_out->mfn = entry & PTE_HELD ? pt_pfn_to_mfn(pte_mfn(entry)) : 0;
			return;
		}
		walk_out->prot = prot_below(walk_out->prot, entry);
		walk_out->mfn = pte_mfn(entry);
		if (walk_out->level == 1)
			return;
		table = entry & PTE_LARGE ? NULL : pt_table(entry);
		if (!table)
			return;
	}
}

/* One level of pt_for_each; recursion is as deep as the tables. */
static bool for_each_below(const uint64_t *table, uintptr_t vaddr, int level, unsigned int prot,
			   bool (*fn)(uintptr_t, const struct pt_walk *, void *), void *arg)
{
	for (unsigned int i = 0; i < PT_ENTRIES; i++) {
		uintptr_t at = vaddr + i * pt_level_bytes(level);
		uint64_t entry = READ_ONCE(table[i]);
		uint64_t *below = NULL;

		if (!(entry & PTE_PRESENT))
			continue;
		if (level == PT_LEVELS && i >= pt_index(HYPERVISOR_VIRT_START, 4) &&
		    i < pt_index(HYPERVISOR_VIRT_END, 4))
			continue;
		/* The upper half of the address space is the sign-extended one. */
		if (level == PT_LEVELS && i >= PT_ENTRIES / 2)
			at |= -(pt_level_bytes(PT_LEVELS) * PT_ENTRIES / 2);
		if (level > 1 && !(entry & PTE_LARGE))
			below = pt_table(entry);
		if (below) {
			if (!for_each_below(below, at, level - 1, prot_below(prot, entry), fn, arg))
				return false;
		} else {
			struct pt_walk leaf = {.present = true,
					       .prot = prot_below(prot, entry),
					       .mfn = pte_mfn(entry),
					       .level = level};

			if (!fn(at, &leaf, arg))
				return false;
		}
	}
	return true;
}

void pt_for_each(bool (*fn)(uintptr_t vaddr, const struct pt_walk *leaf, void *arg), void *arg)
{
	(void)for_each_below(root_table(), 0, PT_LEVELS, PROT_ALL, fn, arg);
}

/* The L1 entry of vaddr and its machine address, NULL when there is no such table. */
static uint64_t *find_l1_entry(uintptr_t vaddr, uint64_t *maddr_out)
{
	uint64_t *table = root_table();
	uint64_t entry = 0;

	for (int level = PT_LEVELS; level > 1; level--) {
		entry = table[pt_index(vaddr, level)];
		if (!(entry & PTE_PRESENT) || (entry & PTE_LARGE))
			return NULL;
		table = pt_table(entry);
		if (!table)
			return NULL;
	}
	*maddr_out = (entry & PTE_ADDRESS) + pt_index(vaddr, 1) * sizeof(uint64_t);
	return &table[pt_index(vaddr, 1)];
}

/* ---- Tables ---- */

/* Turns the ordinary page pfn into one that may be a table: read-only in the direct map. */
static void make_read_only(struct pt_batch *batch, pfn_t pfn)
{
	uint64_t maddr;
	uint64_t *entry = find_l1_entry((uintptr_t)pt_dmap_vaddr(pfn), &maddr);

	if (entry)
		pt_batch_add(batch, maddr, *entry & ~PTE_WRITE);
	else
		batch->error = -EINVAL;
}

/* The pages of the new tables of levels from .. to - 1. 0 or -ENOMEM, and then none is taken. */
static int tables_alloc(pfn_t *pfns, int from, int to)
{
	for (int level = from; level < to; level++) {
		pfns[level] = core_pt_page_alloc();
		if (pfns[level] != PFN_NONE)
			continue;
		while (--level >= from)
			core_pt_page_free(pfns[level]);
		return -ENOMEM;
	}
	return 0;
}

/* Links the filled L1 table l1_pfn at vaddr, where none is yet, with what else is missing above it.
 * l2_flags: of the L2 entry. 0 or -EINVAL; or -ENOMEM, and then l1_pfn is given back. */
static int link_l1(uintptr_t vaddr, pfn_t l1_pfn, uint64_t l2_flags)
{
	uint64_t *table = root_table();
	uint64_t maddr = pt_pfn_to_mfn(pt_state.root) << PAGE_SHIFT;
	uint64_t value = pte_make(pt_pfn_to_mfn(l1_pfn), l2_flags);
	struct pt_batch batch;
	pfn_t pfns[PT_LEVELS];
	int level;

	for (level = PT_LEVELS; level > 2; level--) {
		uint64_t entry = table[pt_index(vaddr, level)];

		if (!(entry & PTE_PRESENT))
			break;
		maddr = entry & PTE_ADDRESS;
		table = pt_table(entry);
		if (!table)
			return -EINVAL;
	}
	/* level is where the new branch grows from; below it each table has one entry. */
	if (tables_alloc(pfns, 2, level)) {
		core_pt_page_free(l1_pfn);
		return -ENOMEM;
	}
	pt_batch_init(&batch);
	make_read_only(&batch, l1_pfn);
	for (int new_level = 2; new_level < level; new_level++) {
		((uint64_t *)pt_dmap_vaddr(pfns[new_level]))[pt_index(vaddr, new_level)] = value;
		make_read_only(&batch, pfns[new_level]);
		value = pte_make(pt_pfn_to_mfn(pfns[new_level]), PTE_TABLE);
	}
	pt_batch_add(&batch, maddr + pt_index(vaddr, level) * sizeof(uint64_t), value);
	return pt_batch_flush(&batch);
}

/* ---- The direct map ---- */

static uint64_t dmap_pte(pfn_t pfn)
{
	mfn_t mfn = pt_pfn_to_mfn(pfn);

	/* A page that was ballooned out has no frame. */
	if (mfn >= MACH2PHYS_NR_ENTRIES)
		return 0;
	if (pfn >= pt_state.p2m_tables && pfn < pt_state.reserved[PT_RESERVED_P2M].end)
		return pte_make(mfn, PTE_READ | PTE_NX);
	return pte_make(mfn, PTE_RW);
}

/* The end of the chunk that first lies in: the pfns one L1 table of the direct map shows. */
static pfn_t chunk_end(pfn_t first)
{
	pfn_t end = first + PT_CHUNK_PAGES - pt_index((uintptr_t)pt_dmap_vaddr(first), 1);

	return end < pt_state.pages_count ? end : pt_state.pages_count;
}

/* first begins a chunk. */
static int dmap_add_chunk(pfn_t first)
{
	pfn_t end = chunk_end(first), l1_pfn = core_pt_page_alloc();
	uint64_t *l1;

	if (l1_pfn == PFN_NONE)
		return -ENOMEM;
	l1 = pt_dmap_vaddr(l1_pfn);
	for (pfn_t pfn = first; pfn < end; pfn++)
		l1[pfn - first] = dmap_pte(pfn);
	return link_l1((uintptr_t)pt_dmap_vaddr(first), l1_pfn, PTE_TABLE | PTE_NX);
}

/* Locked. */
static int dmap_extend(void)
{
	pfn_t first = pt_dmap_end, end = chunk_end(first);
	int error = 0;

	if (first >= pt_state.pages_count)
		return -EINVAL;
	if (pt_unreserved_next(first) < end)
		error = dmap_add_chunk(first);
	if (!error)
		WRITE_ONCE(pt_dmap_end, end);
	return error;
}

int pt_dmap_extend(void)
{
	bool enabled = spin_lock_events(&pt_lock);
	int error = dmap_extend();

	spin_unlock_events(&pt_lock, enabled);
	return error;
}

int pt_dmap_add(pfn_t first, pfn_t pages_count)
{
	pfn_t end = first + pages_count, next;
	int error = 0;
	bool enabled;

	if (end < first || end > pt_state.pages_count)
		return -EINVAL;
	enabled = spin_lock_events(&pt_lock);
	for (pfn_t pfn = first; pfn < end && !error; pfn = next) {
		uintptr_t vaddr = (uintptr_t)pt_dmap_vaddr(pfn);
		uint64_t maddr;

		next = chunk_end(pfn);
		/* What lies in front of it is extended as usual, to keep one end of the map. */
		while (!error && pt_dmap_end <= pfn)
			error = dmap_extend();
		if (!error && !find_l1_entry(vaddr, &maddr))
			error = dmap_add_chunk(pfn - pt_index(vaddr, 1));
	}
	spin_unlock_events(&pt_lock, enabled);
	return error;
}

/* ---- Mapping ---- */

/* Where the frames of a mapping come from: pfns[i], first_pfn + i, or the one frame mfn. */
struct source {
	const pfn_t *pfns;
	pfn_t first_pfn;
	mfn_t mfn;
};

static mfn_t source_mfn(const struct source *source, size_t i)
{
	if (source->mfn)
		return source->mfn;
	return pt_pfn_to_mfn(source->pfns ? source->pfns[i] : source->first_pfn + i);
}

/* Maps within one L1 table: pages done .. done + count of the source. */
static int map_span(uintptr_t vaddr, const struct source *source, size_t done, size_t count,
		    uint64_t flags)
{
	uint64_t maddr;
	uint64_t *entry = find_l1_entry(vaddr, &maddr);
	struct pt_batch batch;

	if (!entry) {
		pfn_t l1_pfn = core_pt_page_alloc();

		if (l1_pfn == PFN_NONE)
			return -ENOMEM;
		entry = (uint64_t *)pt_dmap_vaddr(l1_pfn) + pt_index(vaddr, 1);
		for (size_t i = 0; i < count; i++)
			entry[i] = pte_make(source_mfn(source, done + i), flags);
		return link_l1(vaddr, l1_pfn, PTE_TABLE);
	}
	for (size_t i = 0; i < count; i++)
		if (entry[i])
			return -EEXIST;
	pt_batch_init(&batch);
	for (size_t i = 0; i < count; i++)
		pt_batch_add(&batch, maddr + i * sizeof(uint64_t),
			     pte_make(source_mfn(source, done + i), flags));
	return pt_batch_flush(&batch);
}

static size_t span_pages(uintptr_t vaddr, size_t pages_count)
{
	size_t left = PT_ENTRIES - pt_index(vaddr, 1);

	return pages_count < left ? pages_count : left;
}

static int map_source(uintptr_t vaddr, const struct source *source, size_t pages_count,
		      unsigned int prot)
{
	size_t done = 0;

	if ((vaddr & ~PAGE_MASK) || ((prot & PT_PROT_WRITE) && (prot & PT_PROT_EXEC)))
		return -EINVAL;
	while (done < pages_count) {
		uintptr_t at = vaddr + done * PAGE_BYTES;
		size_t count = span_pages(at, pages_count - done);
		bool enabled = spin_lock_events(&pt_lock);
		int error = map_span(at, source, done, count, pte_flags(prot));

		spin_unlock_events(&pt_lock, enabled);
		if (error) {
			/* Some of a failed span may be there, unless it was somebody else's. */
			pt_unmap(vaddr, error == -EEXIST ? done : done + count);
			return error;
		}
		done += count;
	}
	return 0;
}

int pt_map(uintptr_t vaddr, const pfn_t *pfns, size_t pages_count, unsigned int prot)
{
	return map_source(vaddr, &(struct source){.pfns = pfns}, pages_count, prot);
}

int pt_map_contiguous(uintptr_t vaddr, pfn_t pfn, size_t pages_count, unsigned int prot)
{
	return map_source(vaddr, &(struct source){.first_pfn = pfn}, pages_count, prot);
}

int pt_map_mfn(uintptr_t vaddr, mfn_t mfn, unsigned int prot)
{
	return map_source(vaddr, &(struct source){.mfn = mfn}, 1, prot);
}

/* The entry's new value for a protection: frames are kept by pfn while nothing is allowed. */
static uint64_t pte_protect(uint64_t entry, unsigned int prot)
{
	uint64_t frame = entry & PTE_ADDRESS;

	if (!entry)
		return 0;
	if (prot == PT_PROT_NONE) {
		pfn_t pfn = pt_mfn_to_pfn(pte_mfn(entry));

		if (!(entry & PTE_PRESENT) || pfn == PFN_NONE)
			return entry;
		return pfn << PAGE_SHIFT | PTE_HELD;
	}
	if (!(entry & PTE_PRESENT))
		frame = pt_pfn_to_mfn(pte_mfn(entry)) << PAGE_SHIFT;
	return frame | pte_flags(prot);
}

int pt_change(uintptr_t vaddr, size_t pages_count, unsigned int prot, bool clear)
{
	struct pt_batch batch;
	int error = 0;

	pt_batch_init(&batch);
	for (size_t done = 0; done < pages_count;) {
		uintptr_t at = vaddr + done * PAGE_BYTES;
		size_t count = span_pages(at, pages_count - done);
		bool enabled = spin_lock_events(&pt_lock);
		uint64_t maddr;
		uint64_t *entry = find_l1_entry(at, &maddr);

		for (size_t i = 0; entry && i < count; i++) {
			uint64_t value = clear ? 0 : pte_protect(entry[i], prot);

			if (value != entry[i])
				pt_batch_add(&batch, maddr + i * sizeof(uint64_t), value);
		}
		/* What was read is written before anybody else reads it. */
		error = pt_batch_flush(&batch);
		spin_unlock_events(&pt_lock, enabled);
		done += count;
	}
	return error;
}

void pt_unmap(uintptr_t vaddr, size_t pages_count)
{
	if (pages_count == 1)
		(void)hypercall_update_va_mapping(vaddr, 0, UVMF_INVLPG | UVMF_ALL);
	else if (pages_count) {
		(void)pt_change(vaddr, pages_count, PT_PROT_NONE, true);
		pt_tlb_flush();
	}
}

int pt_protect(uintptr_t vaddr, size_t pages_count, unsigned int prot)
{
	int error;

	if ((prot & PT_PROT_WRITE) && (prot & PT_PROT_EXEC))
		return -EACCES;
	error = pt_change(vaddr, pages_count, prot, false);
	pt_tlb_flush();
	return error;
}
