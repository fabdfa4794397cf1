/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables, direct map and p2m against a small model of Xen's rules: a page is writable or a
 * page table, never both; a table is checked as a whole when it is linked.
 *
 * Links: arch/x86_64/pv/pt.c arch/x86_64/pv/p2m.c xen/hypercall.c
 * Links: test/host/fake_spinlock.c
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt_internal.h"
#include "test/host/check_main.h"
#include "xen/hypercall.h"
#include "xen/vcpu.h"

#define RAM_PAGES  4096u
#define MFN_OFFSET 7000u
#define MFNS       (RAM_PAGES + MFN_OFFSET)
#define POOL_FIRST 100u
#define POOL_END   400u
#define AREA       0x5500001ff000ULL /* a page before the end of an L1 table's reach */
#define RW         (PT_PROT_READ | PT_PROT_WRITE)

struct boot_info boot_info;
struct shared_info *boot_shared_info;
static struct vcpu this_vcpu;
__thread struct vcpu *vcpu_host = &this_vcpu;

static char *ram;
static mfn_t p2m[RAM_PAGES];
static uint64_t m2p[MFNS];
static int level_of[RAM_PAGES];          /* 0: an ordinary page */
static unsigned int writable[RAM_PAGES]; /* writable mappings of it in checked tables */
static pfn_t pool_next;
static unsigned int pool_left;
static unsigned int tlb_flushes;

void events_deliver(void)
{
}

/* ---- The model ---- */

static uint64_t *page_words(pfn_t pfn)
{
	return (uint64_t *)(void *)(ram + pfn * PAGE_BYTES);
}

static pfn_t frame_of(uint64_t entry)
{
	mfn_t mfn = pte_mfn(entry);

	ck_assert_uint_ge(mfn, MFN_OFFSET);
	ck_assert_uint_lt(mfn, MFNS);
	return mfn - MFN_OFFSET;
}

static bool take_entry(uint64_t entry, int level);

static bool promote(pfn_t pfn, int level)
{
	if (level_of[pfn] == level)
		return true;
	if (level_of[pfn] || writable[pfn])
		return false;
	level_of[pfn] = level;
	for (unsigned int i = 0; i < PT_ENTRIES; i++)
		if (!take_entry(page_words(pfn)[i], level))
			return false;
	return true;
}

static bool take_entry(uint64_t entry, int level)
{
	if (!(entry & PTE_PRESENT))
		return true;
	if (level > 1)
		return promote(frame_of(entry), level - 1);
	if (!(entry & PTE_WRITE))
		return true;
	if (level_of[frame_of(entry)])
		return false;
	writable[frame_of(entry)]++;
	return true;
}

static bool update(uint64_t maddr, uint64_t value)
{
	pfn_t pfn = frame_of(maddr);
	uint64_t *entry = &page_words(pfn)[maddr % PAGE_BYTES / sizeof(uint64_t)];

	if (!level_of[pfn] || !take_entry(value, level_of[pfn]))
		return false;
	if (level_of[pfn] == 1 && (*entry & PTE_PRESENT) && (*entry & PTE_WRITE))
		writable[frame_of(*entry)]--;
	*entry = value;
	return true;
}

static bool update_va(uintptr_t vaddr, uint64_t value)
{
	uint64_t entry = pte_make(p2m[pt_state.root], 0);

	for (int level = PT_LEVELS; level > 1; level--) {
		entry = page_words(frame_of(entry))[pt_index(vaddr, level)];
		if (!(entry & PTE_PRESENT))
			return false;
	}
	return update((entry & PTE_ADDRESS) + pt_index(vaddr, 1) * sizeof(uint64_t), value);
}

long arch_hypercall(unsigned int op, unsigned long a1, unsigned long a2, unsigned long a3,
		    unsigned long a4, unsigned long a5)
{
	const struct mmu_update *updates = (const struct mmu_update *)a1;

	(void)a4;
	(void)a5;
	switch (op) {
	case __HYPERVISOR_mmu_update:
		for (unsigned long i = 0; i < a2; i++)
			if (!update(updates[i].ptr, updates[i].val))
				return -XEN_EINVAL;
		return 0;
	case __HYPERVISOR_update_va_mapping:
		ck_assert_uint_ne(a3 & UVMF_FLUSHTYPE_MASK, UVMF_NONE);
		tlb_flushes++;
		return update_va(a1, a2) ? 0 : -XEN_EINVAL;
	case __HYPERVISOR_mmuext_op:
		tlb_flushes++;
		return 0;
	default:
		ck_abort_msg("hypercall %u", op);
	}
}

pfn_t core_pt_page_alloc(void)
{
	if (!pool_left || pool_next == POOL_END)
		return PFN_NONE;
	pool_left--;
	memset(page_words(pool_next), 0, PAGE_BYTES);
	return pool_next++;
}

void core_pt_page_free(pfn_t pfn)
{
	ck_assert_int_eq(level_of[pfn], 0);
	pool_left++;
}

/* The first chunk of the direct map, as pt_boot leaves it. Tables are pfns 10 to 13. */
static void setup(void)
{
	enum { L4 = 10, L3, L2, L1 };

	ram = mmap(NULL, RAM_PAGES * PAGE_BYTES + (2 << 20), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ram += -(uintptr_t)ram & ((2 << 20) - 1);
	pt_dmap_base = (uintptr_t)ram;
	for (pfn_t pfn = 0; pfn < RAM_PAGES; pfn++) {
		p2m[pfn] = pfn + MFN_OFFSET;
		m2p[pfn + MFN_OFFSET] = pfn;
	}
	pt_state =
		(struct pt_state){.p2m = p2m,
				  .m2p = m2p,
				  .pages_count = RAM_PAGES - 100,
				  .root = L4,
				  .boot_mapped = PT_CHUNK_PAGES,
				  .p2m_tables = 1400,
				  .reserved = {{0, POOL_FIRST}, {0, 0}, {512, 700}, {900, 1500}}};
	pt_dmap_end = PT_CHUNK_PAGES;
	page_words(L4)[pt_index(pt_dmap_base, 4)] = pte_make(p2m[L3], PTE_TABLE);
	page_words(L3)[pt_index(pt_dmap_base, 3)] = pte_make(p2m[L2], PTE_TABLE);
	page_words(L2)[pt_index(pt_dmap_base, 2)] = pte_make(p2m[L1], PTE_TABLE | PTE_NX);
	for (pfn_t pfn = 0; pfn < PT_CHUNK_PAGES; pfn++)
		page_words(L1)[pfn] =
			pte_make(p2m[pfn], pfn >= L4 && pfn <= L1 ? PTE_READ : PTE_RW & ~PTE_NX);
	ck_assert(promote(L4, 4));
	pool_next = POOL_FIRST;
	pool_left = POOL_END;
}

static struct pt_walk walk(uintptr_t vaddr)
{
	struct pt_walk result;

	pt_walk(vaddr, &result);
	return result;
}

/* ---- Mapping ---- */

START_TEST(maps_what_was_asked)
{
	pfn_t pfns[] = {450, 420, 430};

	ck_assert_int_eq(pt_map(AREA, pfns, 3, RW), 0);
	for (int i = 0; i < 3; i++) {
		struct pt_walk page = walk(AREA + (uintptr_t)i * PAGE_BYTES);

		ck_assert(page.present && page.level == 1);
		ck_assert_uint_eq(page.mfn, p2m[pfns[i]]);
		ck_assert_uint_eq(page.prot, RW);
	}
	ck_assert(!walk(AREA - PAGE_BYTES).present);
	ck_assert(!walk(AREA + 3 * PAGE_BYTES).present);
	ck_assert_int_eq(pt_map(AREA + PAGE_BYTES, pfns, 1, PT_PROT_READ), -EEXIST);
	pt_unmap(AREA, 4);
	ck_assert(!walk(AREA).present && !walk(AREA + 2 * PAGE_BYTES).present);
	ck_assert_uint_gt(tlb_flushes, 0);
	ck_assert_uint_eq(writable[450], 1); /* the direct map's alone */
}
END_TEST

START_TEST(exists_leaves_the_others_alone)
{
	ck_assert_int_eq(pt_map_contiguous(AREA + 2 * PAGE_BYTES, 420, 1, RW), 0);
	ck_assert_int_eq(pt_map_contiguous(AREA, 430, 4, RW), -EEXIST);
	ck_assert(!walk(AREA).present);
	ck_assert_uint_eq(walk(AREA + 2 * PAGE_BYTES).mfn, p2m[420]);
}
END_TEST

START_TEST(protections)
{
	ck_assert_int_eq(pt_map_contiguous(AREA, 420, 1, PT_PROT_WRITE | PT_PROT_EXEC), -EINVAL);
	ck_assert_int_eq(pt_map_contiguous(AREA + 1, 420, 1, RW), -EINVAL);
	ck_assert_int_eq(pt_map_contiguous(AREA, 420, 3, RW), 0);
	ck_assert_int_eq(pt_protect(AREA, 1, PT_PROT_WRITE | PT_PROT_EXEC), -EACCES);
	ck_assert_int_eq(pt_protect(AREA, 2, PT_PROT_READ), 0);
	ck_assert_uint_eq(walk(AREA).prot, PT_PROT_READ);
	ck_assert_uint_eq(walk(AREA + 2 * PAGE_BYTES).prot, RW);
	ck_assert_int_eq(pt_protect(AREA, 1, PT_PROT_READ | PT_PROT_EXEC), 0);
	ck_assert_uint_eq(walk(AREA).prot, PT_PROT_READ | PT_PROT_EXEC);
}
END_TEST

START_TEST(frames_are_kept_while_nothing_is_allowed)
{
	ck_assert_int_eq(pt_map_contiguous(AREA, 420, 2, RW), 0);
	ck_assert_int_eq(pt_protect(AREA, 2, PT_PROT_NONE), 0);
	ck_assert(!walk(AREA).present);
	ck_assert_uint_eq(walk(AREA).prot, PT_PROT_NONE);
	ck_assert_uint_eq(walk(AREA).mfn, p2m[420]);
	ck_assert_int_eq(pt_map_contiguous(AREA, 430, 1, RW), -EEXIST);
	ck_assert_int_eq(pt_protect(AREA, 2, PT_PROT_NONE), 0);
	ck_assert_int_eq(pt_protect(AREA, 2, RW), 0);
	ck_assert_uint_eq(walk(AREA + PAGE_BYTES).mfn, p2m[421]);
	pt_unmap(AREA, 2);
	ck_assert_uint_eq(walk(AREA).mfn, 0);
}
END_TEST

START_TEST(without_tables_nothing_stays)
{
	/* One L1 and two tables above it are wanted, then one more L1. */
	pool_left = (unsigned int)_i;
	ck_assert_int_eq(pt_map_contiguous(AREA, 420, 4, RW), -ENOMEM);
	/* Tables that were linked stay, with nothing in them; the others are given back. */
	ck_assert_uint_eq(pool_left, _i < 3 ? (unsigned int)_i : 0);
	pool_left = 100;
	for (int i = 0; i < 4; i++)
		ck_assert(!walk(AREA + (uintptr_t)i * PAGE_BYTES).present);
	ck_assert_int_eq(pt_map_contiguous(AREA, 420, 4, RW), 0);
}
END_TEST

START_TEST(foreign_frame)
{
	ck_assert_int_eq(pt_map_mfn(AREA, p2m[460], PT_PROT_READ), 0);
	ck_assert_uint_eq(walk(AREA).mfn, p2m[460]);
	ck_assert_uint_eq(pt_mfn_to_pfn(p2m[460]), 460);
	ck_assert_uint_eq(pt_mfn_to_pfn(1), PFN_NONE);
	ck_assert_uint_eq(pt_pfn_to_mfn(RAM_PAGES), PFN_NONE);
}
END_TEST

/* ---- The direct map ---- */

START_TEST(direct_map_grows_by_chunks)
{
	while (pt_dmap_pfns() < pt_state.pages_count)
		ck_assert_int_eq(pt_dmap_extend(), 0);
	ck_assert_uint_eq(pt_dmap_pfns(), pt_state.pages_count);
	ck_assert_int_eq(pt_dmap_extend(), -EINVAL);
	for (pfn_t pfn = 0; pfn < RAM_PAGES; pfn++) {
		struct pt_walk page = walk((uintptr_t)pt_dmap_vaddr(pfn));

		ck_assert_int_eq(page.present, pfn < pt_state.pages_count);
		ck_assert(!(page.prot & PT_PROT_EXEC));
		if (!page.present)
			continue;
		ck_assert_uint_eq(page.mfn, p2m[pfn]);
		/* Our tables, and the p2m's, are not writable. */
		ck_assert_int_eq(!(page.prot & PT_PROT_WRITE),
				 level_of[pfn] != 0 || (pfn >= 1400 && pfn < 1500));
	}
}
END_TEST

START_TEST(reserved_chunks_are_passed_over)
{
	pt_state.reserved[PT_RESERVED_MODULE] = (struct pt_range){400, 1600};
	ck_assert_int_eq(pt_dmap_extend(), 0);
	ck_assert_int_eq(pt_dmap_extend(), 0);
	ck_assert_uint_eq(pt_dmap_pfns(), 1536);
	ck_assert(!walk((uintptr_t)pt_dmap_vaddr(1000)).present);
	ck_assert_int_eq(pt_dmap_add(1100, 600), 0);
	ck_assert(!walk((uintptr_t)pt_dmap_vaddr(600)).present);
	for (pfn_t pfn = 1100; pfn < 1700; pfn++)
		ck_assert(walk((uintptr_t)pt_dmap_vaddr(pfn)).present);
	ck_assert_int_eq(pt_dmap_add(1100, 600), 0);
	ck_assert_int_eq(pt_dmap_add(RAM_PAGES - 101, 2), -EINVAL);
	ck_assert_int_eq(pt_dmap_add(5, UINT64_MAX), -EINVAL);
}
END_TEST

START_TEST(ballooned_pages_have_no_entry)
{
	p2m[600] = UINT64_MAX;
	ck_assert_int_eq(pt_dmap_extend(), 0);
	ck_assert(!walk((uintptr_t)pt_dmap_vaddr(600)).present);
	ck_assert(walk((uintptr_t)pt_dmap_vaddr(601)).present);
}
END_TEST

struct seen {
	size_t leaves, bad;
	uintptr_t last;
};

static bool look(uintptr_t vaddr, const struct pt_walk *leaf, void *arg)
{
	struct seen *seen = arg;

	ck_assert(seen->leaves == 0 || vaddr > seen->last);
	seen->last = vaddr;
	seen->leaves++;
	seen->bad += (leaf->prot & PT_PROT_WRITE) && (leaf->prot & PT_PROT_EXEC);
	return seen->leaves < 514;
}

START_TEST(every_leaf_is_visited)
{
	struct seen seen = {0, 0, 0};

	ck_assert_int_eq(pt_map_contiguous(0xffff900000000000, 420, 1, PT_PROT_READ), 0);
	pt_for_each(look, &seen);
	ck_assert_uint_eq(seen.leaves, PT_CHUNK_PAGES + 1);
	ck_assert_uint_eq(seen.last, 0xffff900000000000);
	ck_assert_uint_eq(seen.bad, 0);
	ck_assert_int_eq(pt_map_contiguous(AREA, 430, 8, PT_PROT_READ | PT_PROT_EXEC), 0);
	seen = (struct seen){0, 0, 0};
	pt_for_each(look, &seen);
	ck_assert_uint_eq(seen.leaves, 514); /* stopped */
}
END_TEST

/* ---- What is reserved ---- */

START_TEST(reserved_ranges)
{
	for (int i = 0; i < PT_RESERVED_COUNT; i++) {
		pfn_t first = test_random() % 200, count = test_random() % 60;

		pt_state.reserved[i] = (struct pt_range){first, first + count};
	}
	for (pfn_t from = 0; from < 300; from++) {
		pfn_t reserved = from, unreserved = from;

		while (reserved < 300 && !pt_pfn_reserved(reserved))
			reserved++;
		while (pt_pfn_reserved(unreserved))
			unreserved++;
		ck_assert_uint_eq(pt_reserved_next(from), reserved == 300 ? PFN_NONE : reserved);
		ck_assert_uint_eq(pt_unreserved_next(from), unreserved);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("pt");
	TCase *tcase = tcase_create("pt");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, maps_what_was_asked);
	tcase_add_test(tcase, exists_leaves_the_others_alone);
	tcase_add_test(tcase, protections);
	tcase_add_test(tcase, frames_are_kept_while_nothing_is_allowed);
	tcase_add_loop_test(tcase, without_tables_nothing_stays, 0, 4);
	tcase_add_test(tcase, foreign_frame);
	tcase_add_test(tcase, direct_map_grows_by_chunks);
	tcase_add_test(tcase, reserved_chunks_are_passed_over);
	tcase_add_test(tcase, ballooned_pages_have_no_entry);
	tcase_add_test(tcase, every_leaf_is_visited);
	tcase_add_loop_test(tcase, reserved_ranges, 0, 50);
	suite_add_tcase(suite, tcase);
	return suite;
}
