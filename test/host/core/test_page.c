/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page allocator over a fake direct map.
 * Links: core/page.c test/host/fake_pt.c test/host/fake_core.c test/host/fake_spinlock.c
 */
#include <string.h>

#include "arch/x86_64/pv/boot.h"
#include "core/page.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/host/fake_core.h"
#include "test/host/fake_pt.h"

#define MIB_PAGES  256ULL
#define BLOCKS_MAX 4096

static void setup_mib(uint64_t mib)
{
	struct fake_pt_config config = {
		.pages_count = mib * MIB_PAGES,
		.first_free = 150,
		.mapped_at_boot = mib <= 4 ? mib * MIB_PAGES : 1024,
	};

	fake_pt_setup(&config);
	page_init();
	page_check();
}

/* Takes everything in single pages; returns how many there were. */
static uint64_t take_all(void **pages)
{
	uint64_t count = 0;
	void *page;

	while ((page = page_alloc(0, 0))) {
		*(uint64_t *)page = count;
		pages[count++] = page;
	}
	return count;
}

START_TEST(test_four_mib_gives_nearly_all)
{
	static void *pages[1024];
	uint64_t count;

	setup_mib(4);
	count = take_all(pages);
	/* 1024 less the image and two pages of metadata for each chunk */
	ck_assert_uint_eq(count, 1024 - 150 - 4);
	for (uint64_t i = 0; i < count; i++) {
		test_require(*(uint64_t *)pages[i] == (i));
		page_free(pages[i], 0);
	}
	page_check();
	ck_assert_ptr_nonnull(page_alloc(PAGE_ORDER_MAX, 0));
	ck_assert_ptr_nonnull(page_alloc(PAGE_ORDER_MAX, 0));
}
END_TEST

START_TEST(test_frontier_is_mapped_when_needed)
{
	struct page_stats stats;
	static void *pages[64 * MIB_PAGES];
	uint64_t count;

	setup_mib(64);
	ck_assert_uint_eq(fake_pt_extended, 0);
	page_get_stats(&stats);
	ck_assert_uint_eq(stats.total, 64 * MIB_PAGES);
	ck_assert_uint_gt(stats.untouched, 60 * MIB_PAGES);
	count = take_all(pages);
	page_get_stats(&stats);
	ck_assert_uint_eq(stats.untouched, 0);
	ck_assert_uint_eq(stats.free, 0);
	ck_assert_uint_eq(count, 64 * MIB_PAGES - 150 - 2 * 32 - fake_pt_tables);
	for (uint64_t i = 0; i < count; i++)
		page_free(pages[i], 0);
	page_check();
	/* Everything merged again: a chunk holds one block of 256 pages, its other half the
	 * metadata.
	 */
	for (int i = 0; i < 31; i++)
		ck_assert_ptr_nonnull(page_alloc(PAGE_ORDER_MAX, 0));
}
END_TEST

START_TEST(test_init_touches_nothing_more_in_large_guests)
{
	struct page_stats stats;

	setup_mib(64 * 1024);
	page_get_stats(&stats);
	ck_assert_uint_lt(stats.free, 512);
	ck_assert_uint_eq(fake_pt_extended, 0);
}
END_TEST

START_TEST(test_sixty_four_gib_to_the_last_chunk)
{
	uint64_t blocks = 0;
	struct page_stats stats;

	setup_mib(64 * 1024);
	/* Half of each chunk comes as one block; the table of chunks grows on the way. */
	while (page_alloc(PAGE_ORDER_MAX, 0))
		blocks++;
	page_get_stats(&stats);
	ck_assert_uint_eq(stats.untouched, 0);
	ck_assert_uint_ge(blocks, 64 * 1024 / 2 - 64);
	/* Every page is accounted for: the image, metadata, the table of chunks (64 pages in the
	 * end, the smaller ones before it 63), page tables. */
	ck_assert_uint_eq(stats.free + 256 * blocks + 150 + 2 * 32768 + 127 + fake_pt_tables,
			  stats.total);
	ck_assert_ptr_nonnull(page_of_pfn(64 * 1024 * MIB_PAGES - 1));
	ck_assert_ptr_null(page_of_pfn(64 * 1024 * MIB_PAGES));
	page_check();
}
END_TEST

START_TEST(test_reserved_pages_are_never_given)
{
	static void *pages[16 * MIB_PAGES];
	struct fake_pt_config config = {
		.pages_count = 16 * MIB_PAGES + 77, /* the last chunk is short */
		.first_free = 600,
		.mapped_at_boot = 1024,
		.reserved = {{1020, 10},
			     {1536, 1025}}, /* across chunks; whole chunks and one more page */
	};
	uint64_t count;

	fake_pt_setup(&config);
	page_init();
	count = take_all(pages);
	for (uint64_t i = 0; i < count; i++)
		test_require(!pt_pfn_reserved(pt_dmap_pfn(pages[i])));
	/* chunks 1, 2, 5, 6, 7, 8 have metadata; 3 and 4 are reserved as a whole */
	ck_assert_uint_eq(count, 16 * MIB_PAGES + 77 - 600 - 10 - 1025 - 2 * 6 - fake_pt_tables);
	for (uint64_t i = 0; i < count; i++)
		page_free(pages[i], 0);
	page_check();
}
END_TEST

START_TEST(test_zero_flag)
{
	char *block;

	setup_mib(4);
	block = page_alloc(3, 0);
	memset(block, 0x5a, 8 * PAGE_BYTES);
	page_free(block, 3);
	ck_assert_ptr_eq(page_alloc(3, PAGE_ZERO), block);
	for (size_t i = 0; i < 8 * PAGE_BYTES; i++)
		test_require(block[i] == (0));
	ck_assert_ptr_null(page_alloc(PAGE_ORDER_MAX + 1, 0));
}
END_TEST

START_TEST(test_wrong_frees_panic)
{
	char *block;

	setup_mib(4);
	block = page_alloc(2, 0);
	ck_assert(fake_panics(page_free(block, 1)));
	ck_assert(fake_panics(page_free(block + PAGE_BYTES, 0)));
	ck_assert(fake_panics(page_free(block + 8, 2)));
	page_free(block, 2);
	ck_assert(fake_panics(page_free(block, 2)));
	ck_assert(fake_panics(page_free(pt_dmap_vaddr(0), 0)));
	ck_assert(fake_panics(page_free(pt_dmap_vaddr(1u << 30), 0)));
	ck_assert(fake_panics(page_free(&block, 0)));
}
END_TEST

START_TEST(test_corrupt_links_panic)
{
	void *a, *b, *c;

	setup_mib(4);
	a = page_alloc(4, 0);
	b = page_alloc(4, 0);
	c = page_alloc(4, 0);
	/* Whichever of them does not merge with its neighbour stands in the list of its order. */
	page_free(a, 4);
	page_free(c, 4);
	page_of(a)->next ^= 0x40;
	page_of(c)->next ^= 0x40;
	ck_assert(fake_panics((page_alloc(4, 0), page_alloc(4, 0), page_alloc(4, 0))));
	(void)b;
}
END_TEST

START_TEST(test_pfns)
{
	static pfn_t pfns[3000];
	struct page_stats before, after;

	setup_mib(8);
	page_get_stats(&before);
	ck_assert_int_eq(page_alloc_pfns(pfns, 3000), -ENOMEM);
	page_check();
	ck_assert_int_eq(page_alloc_pfns(pfns, 1000), 0);
	for (int i = 1; i < 1000; i++)
		for (int j = 0; j < i; j += 97)
			test_require(pfns[i] != (pfns[j]));
	page_free_pfns(pfns, 1000);
	page_check();
	page_get_stats(&after);
	ck_assert_uint_ge(after.free, before.free);
}
END_TEST

START_TEST(test_reserve_stays_for_page_tables)
{
	struct page_stats stats;

	setup_mib(64);
	do {
		ck_assert_ptr_nonnull(page_alloc(test_random() % 3, 0));
		page_get_stats(&stats);
		test_require(stats.untouched == 0 || stats.free >= 8);
	} while (stats.untouched);
}
END_TEST

START_TEST(test_extension_that_fails)
{
	setup_mib(16);
	for (int i = 0; i < 900; i++)
		page_alloc(0, 0);
	/* Memory that cannot be mapped is memory we do not have, for now. */
	for (int i = 0; i < 100; i++) {
		fake_pt_fail_at = 1;
		page_alloc(0, 0);
	}
	fake_pt_fail_at = 0;
	page_check();
	ck_assert_ptr_nonnull(page_alloc(0, 0));
}
END_TEST

/* Random allocations and frees; every block is marked and must stay as it was. */
START_TEST(test_model)
{
	static struct {
		uint64_t *block;
		unsigned int order;
	} live[BLOCKS_MAX];
	struct page_stats after;
	size_t count = 0;

	setup_mib(32);
	for (int step = 0; step < 300000; step++) {
		if (count < BLOCKS_MAX && test_random() % 100 < 52) {
			unsigned int order = (unsigned int)(test_random() % 64);

			order = order < 40 ? 0 : order < 60 ? order % 4 : order % 9;
			live[count].block = page_alloc(order, 0);
			if (!live[count].block)
				continue;
			test_require(pt_dmap_pfn(live[count].block) % (1u << order) == (0));
			for (size_t i = 0; i < 1u << order; i++)
				live[count].block[i * 512] = (uintptr_t)live[count].block ^ i;
			live[count++].order = order;
		} else if (count) {
			size_t at = test_random() % count;

			for (size_t i = 0; i < 1u << live[at].order; i++)
				ck_assert_uint_eq(live[at].block[i * 512],
						  (uintptr_t)live[at].block ^ i);
			page_free(live[at].block, live[at].order);
			live[at] = live[--count];
		}
		if (step % 20000 == 0)
			page_check();
	}
	while (count) {
		count--;
		page_free(live[count].block, live[count].order);
	}
	page_check();
	page_get_stats(&after);
	/* Nothing is lost: the rest is the image, metadata and page tables. */
	ck_assert_uint_eq(after.free + after.untouched + fake_pt_tables +
				  2 * ((after.total - after.untouched) / 512) + 150,
			  after.total);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("page");
	TCase *tcase = tcase_create("page");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, test_four_mib_gives_nearly_all);
	tcase_add_test(tcase, test_frontier_is_mapped_when_needed);
	tcase_add_test(tcase, test_init_touches_nothing_more_in_large_guests);
	tcase_add_test(tcase, test_sixty_four_gib_to_the_last_chunk);
	tcase_add_test(tcase, test_reserved_pages_are_never_given);
	tcase_add_test(tcase, test_zero_flag);
	tcase_add_test(tcase, test_wrong_frees_panic);
	tcase_add_test(tcase, test_corrupt_links_panic);
	tcase_add_test(tcase, test_pfns);
	tcase_add_test(tcase, test_reserve_stays_for_page_tables);
	tcase_add_test(tcase, test_extension_that_fails);
	tcase_add_test(tcase, test_model);
	suite_add_tcase(suite, tcase);
	return suite;
}
