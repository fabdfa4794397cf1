/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Areas that are freed while other vCPUs may have them in their TLBs: what a TLB would still show
 * is mapped a second time here, and must stay as it was left until all were flushed.
 * Links: core/vm.c core/vm_later.c core/pool.c core/page.c
 * Links: test/host/fake_memory.c test/host/fake_pt.c test/host/fake_core.c
 * Links: test/host/fake_spinlock.c
 * Links: test/host/fake_random.c
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/page.h"
#include "core/smp.h"
#include "core/vm.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/host/fake_core.h"
#include "test/host/fake_memory.h"
#include "test/host/fake_pt.h"

#define RW        (PT_PROT_READ | PT_PROT_WRITE)
#define STALE_MAX 4096
#define LIVE_MAX  64
#define ROUNDS    4000
#define MARK      0x5a

static uint64_t online = 3;
static unsigned int flushes, reclaims;

/* What the other vCPU's TLB may still show. */
static struct stale {
	char *alias;
	uintptr_t start;
	size_t bytes;
} stale[STALE_MAX];
static unsigned int stale_count;

uint64_t smp_online(void)
{
	return online;
}

void pt_unmap_later(uintptr_t vaddr, size_t pages_count)
{
	size_t bytes = pages_count * PAGE_BYTES, done = 0;

	/* An area is several mappings of the fake memory. */
	while (done < bytes) {
		char *alias = mremap((char *)vaddr + done, 0, PAGE_BYTES, MREMAP_MAYMOVE);

		test_require(alias != MAP_FAILED && stale_count < STALE_MAX);
		memset(alias, MARK, PAGE_BYTES);
		stale[stale_count++] = (struct stale){alias, vaddr + done, PAGE_BYTES};
		done += PAGE_BYTES;
	}
	pt_unmap(vaddr, pages_count);
}

void pt_flush_all(void)
{
	flushes++;
	while (stale_count) {
		struct stale *one = &stale[--stale_count];

		for (size_t i = 0; i < one->bytes; i++)
			test_require(one->alias[i] == MARK);
		munmap(one->alias, one->bytes);
	}
}

bool core_page_reclaim(void)
{
	reclaims++;
	return vm_settle();
}

static void require_fresh(const char *start, size_t bytes)
{
	for (unsigned int i = 0; i < stale_count; i++)
		test_require((uintptr_t)start + bytes <= stale[i].start ||
			     (uintptr_t)start >= stale[i].start + stale[i].bytes);
}

START_TEST(test_one_vcpu_keeps_nothing)
{
	void *vaddr;

	fake_memory_setup(8);
	online = 1;
	ck_assert_int_eq(vm_alloc(PAGE_BYTES, 0, RW, "test", &vaddr), 0);
	ck_assert_int_eq(vm_free(vaddr), 0);
	ck_assert_uint_eq(stale_count, 0);
	ck_assert(!vm_settle());
	ck_assert_uint_eq(flushes, 0);
}
END_TEST

START_TEST(test_many_areas_share_a_flush)
{
	void *vaddr;

	fake_memory_setup(64);
	for (int i = 0; i < 640; i++) {
		ck_assert_int_eq(vm_alloc(PAGE_BYTES, 0, RW | VM_DIRTY, "test", &vaddr), 0);
		require_fresh(vaddr, PAGE_BYTES);
		ck_assert_int_eq(vm_free(vaddr), 0);
		ck_assert_int_eq(vm_free(vaddr), -EINVAL);
	}
	ck_assert_uint_eq(flushes, 10);
	/* One large area is worth a flush of its own. */
	ck_assert_int_eq(vm_alloc(4UL << 20, 0, RW | VM_DIRTY, "test", &vaddr), 0);
	ck_assert_int_eq(vm_free(vaddr), 0);
	ck_assert_uint_eq(flushes, 11);
	ck_assert_uint_eq(stale_count, 0);
	ck_assert_uint_eq(fake_pt_mapped, 0);
}
END_TEST

START_TEST(test_what_is_kept_is_there_when_memory_ends)
{
	void *vaddr, *all;
	struct page_stats stats;

	fake_memory_setup(8);
	ck_assert_int_eq(vm_alloc(200 * PAGE_BYTES, 0, RW | VM_DIRTY, "test", &vaddr), 0);
	page_get_stats(&stats);
	ck_assert_int_eq(vm_free(vaddr), 0);
	ck_assert_uint_eq(stale_count, 200);
	ck_assert_int_eq(vm_alloc((stats.free + stats.untouched + 60) * PAGE_BYTES, 0,
				  RW | VM_DIRTY, "test", &all),
			 0);
	ck_assert_uint_gt(reclaims, 0);
	ck_assert_uint_eq(flushes, 1);
	ck_assert_int_eq(vm_free(all), 0);
	ck_assert(stale_count == 0 || vm_settle());
}
END_TEST

/* Areas come and go in any order, and the memory is short. */
START_TEST(test_nothing_is_used_before_the_flush)
{
	static struct {
		char *start;
		size_t bytes;
	} live[LIVE_MAX];
	unsigned int count = 0;
	struct page_stats stats;

	fake_memory_setup(8);
	for (int round = 0; round < ROUNDS; round++) {
		if (count < LIVE_MAX && test_random() % 100 < 55) {
			size_t bytes = (1 + test_random() % 100) * PAGE_BYTES;
			void *vaddr;

			if (vm_alloc(bytes, 0, RW | (test_random() % 2 ? VM_DIRTY : 0), "test",
				     &vaddr))
				continue;
			require_fresh(vaddr, bytes);
			memset(vaddr, (int)count, bytes);
			live[count].start = vaddr;
			live[count++].bytes = bytes;
		} else if (count) {
			unsigned int at = (unsigned int)test_random() % count;

			ck_assert_int_eq(vm_free(live[at].start), 0);
			live[at] = live[--count];
		}
		if (test_random() % 200 == 0)
			online ^= 2;
	}
	while (count)
		ck_assert_int_eq(vm_free(live[--count].start), 0);
	(void)vm_settle();
	ck_assert_uint_eq(stale_count, 0);
	ck_assert_uint_eq(fake_pt_mapped, 0);
	page_get_stats(&stats);
	page_check();
	/* A page of the pool of areas may stay. */
	ck_assert_uint_le(fake_memory_in_use(), 1);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("vm_later");
	TCase *tcase = tcase_create("vm_later");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, test_one_vcpu_keeps_nothing);
	tcase_add_test(tcase, test_many_areas_share_a_flush);
	tcase_add_test(tcase, test_what_is_kept_is_there_when_memory_ends);
	tcase_add_test(tcase, test_nothing_is_used_before_the_flush);
	suite_add_tcase(suite, tcase);
	return suite;
}
