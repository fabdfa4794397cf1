/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual memory areas: real mappings of the fake guest's memory.
 * Links: core/vm.c core/pool.c core/page.c
 * Links: test/host/fake_memory.c test/host/fake_pt.c test/host/fake_core.c
 * Links: test/host/fake_spinlock.c
 * Links: test/host/fake_random.c
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/page.h"
#include "core/vm.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/host/fake_core.h"
#include "test/host/fake_memory.h"
#include "test/host/fake_pt.h"

#define RW (PT_PROT_READ | PT_PROT_WRITE)

static sigjmp_buf fault_jump;

static void on_fault(int number)
{
	(void)number;
	siglongjmp(fault_jump, 1);
}

/* True when a byte there can be read (written). */
static bool can_read(const void *at)
{
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	if (sigsetjmp(fault_jump, 1))
		return false;
	(void)*(const volatile char *)at;
	return true;
}

static bool can_write(void *at)
{
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	if (sigsetjmp(fault_jump, 1))
		return false;
	*(volatile char *)at = *(volatile char *)at;
	return true;
}

START_TEST(test_area_is_zero_and_guarded)
{
	void *vaddr;
	char *bytes;
	const struct vm_area *area;
	bool guard;

	fake_memory_setup(8);
	ck_assert_int_eq(vm_alloc(3 * PAGE_BYTES + 1, 0, RW, "test", &vaddr), 0);
	bytes = vaddr;
	for (size_t i = 0; i < 4 * PAGE_BYTES; i++)
		test_require(bytes[i] == (0));
	memset(bytes, 1, 4 * PAGE_BYTES);
	ck_assert(!can_read(bytes - 1));
	ck_assert(!can_read(bytes + 4 * PAGE_BYTES));
	area = vm_find((uintptr_t)bytes + 100, &guard);
	ck_assert_ptr_nonnull(area);
	ck_assert(!guard);
	ck_assert_str_eq(area->name, "test");
	ck_assert_uint_eq(area->bytes, 4 * PAGE_BYTES);
	ck_assert_ptr_eq(vm_find((uintptr_t)bytes - 1, &guard), area);
	ck_assert(guard);
	ck_assert_ptr_eq(vm_find((uintptr_t)bytes + 5 * PAGE_BYTES - 1, &guard), area);
	ck_assert(guard);
	ck_assert_ptr_null(vm_find((uintptr_t)bytes + 5 * PAGE_BYTES, &guard));
	ck_assert_ptr_null(vm_find((uintptr_t)bytes - PAGE_BYTES - 1, &guard));
	ck_assert_ptr_null(vm_find(0, &guard));
	ck_assert_ptr_null(vm_find(UINTPTR_MAX, &guard));
	ck_assert_int_eq(vm_free(bytes), 0);
	ck_assert(!can_read(bytes));
	ck_assert_int_eq(vm_free(bytes), -EINVAL);
	ck_assert_ptr_null(vm_find((uintptr_t)bytes, NULL));
	ck_assert_uint_eq(fake_memory_in_use(), 0);
}
END_TEST

START_TEST(test_bad_arguments)
{
	void *vaddr;

	fake_memory_setup(8);
	ck_assert_int_eq(vm_alloc(0, 0, RW, "test", &vaddr), -EINVAL);
	ck_assert_int_eq(vm_alloc(1, 3, RW, "test", &vaddr), -EINVAL);
	ck_assert_int_eq(vm_alloc(1, 0, RW | PT_PROT_EXEC, "test", &vaddr), -EACCES);
	ck_assert_int_eq(vm_alloc(SIZE_MAX, 0, RW, "test", &vaddr), -ENOMEM);
	ck_assert_int_eq(vm_alloc(1ULL << 45, 0, RW, "test", &vaddr), -ENOMEM);
	ck_assert_int_eq(vm_alloc(16 << 20, 0, RW, "test", &vaddr), -ENOMEM);
	ck_assert_int_eq(vm_alloc(1, 1ULL << 50, RW, "test", &vaddr), -ENOMEM);
	ck_assert_int_eq(vm_reserve(0, "test", &vaddr), -EINVAL);
	ck_assert_int_eq(vm_free((void *)0x1234), -EINVAL);
	ck_assert_int_eq(vm_protect((void *)4096, 1, RW), -EINVAL);
	ck_assert_int_eq(vm_grow((void *)4096, 8192), -EINVAL);
	ck_assert_uint_eq(fake_memory_in_use(), 0);
	ck_assert_uint_eq(fake_pt_mapped, 0);
}
END_TEST

START_TEST(test_alignment)
{
	fake_memory_setup(16);
	for (size_t align = 1; align <= 1u << 30; align *= 2) {
		void *vaddr;

		test_require(vm_alloc(5000, align, RW, "test", &vaddr) == (0));
		test_require((uintptr_t)vaddr % align == (0));
		test_require((uintptr_t)vaddr % PAGE_BYTES == (0));
	}
}
END_TEST

START_TEST(test_protect)
{
	char *bytes;
	void *vaddr;

	fake_memory_setup(8);
	ck_assert_int_eq(vm_alloc(4 * PAGE_BYTES, 0, RW, "test", &vaddr), 0);
	bytes = vaddr;
	ck_assert_int_eq(vm_protect(bytes + PAGE_BYTES, PAGE_BYTES, PT_PROT_READ), 0);
	ck_assert(can_write(bytes));
	ck_assert(!can_write(bytes + PAGE_BYTES));
	ck_assert(can_read(bytes + PAGE_BYTES));
	ck_assert_int_eq(vm_protect(bytes, PAGE_BYTES, RW | PT_PROT_EXEC), -EACCES);
	ck_assert_int_eq(vm_protect(bytes + 1, PAGE_BYTES, RW), -EINVAL);
	ck_assert_int_eq(vm_protect(bytes, 5 * PAGE_BYTES, RW), -EINVAL);
	ck_assert_int_eq(vm_protect(bytes, 0, RW), -EINVAL);
	ck_assert_int_eq(vm_free(bytes), 0);
}
END_TEST

START_TEST(test_grow)
{
	void *plain, *roomy, *next;

	fake_memory_setup(16);
	ck_assert_int_eq(vm_alloc(5 * PAGE_BYTES, 0, RW | VM_ROOM, "test", &roomy), 0);
	ck_assert_int_eq(vm_alloc(PAGE_BYTES, 0, RW, "test", &next), 0);
	memset(roomy, 7, 5 * PAGE_BYTES);
	ck_assert_int_eq(vm_grow(roomy, 6 * PAGE_BYTES), 0);
	ck_assert_int_eq(vm_grow(roomy, 10 * PAGE_BYTES), 0);
	for (size_t i = 0; i < 10 * PAGE_BYTES; i++)
		test_require(((char *)roomy)[i] == (i < 5 * PAGE_BYTES ? 7 : 0));
	ck_assert_int_eq(vm_grow(roomy, 11 * PAGE_BYTES), -ENOMEM);
	ck_assert_int_eq(vm_grow(roomy, PAGE_BYTES), -EINVAL);
	ck_assert(!can_read((char *)roomy + 10 * PAGE_BYTES));
	ck_assert_int_eq(vm_alloc(PAGE_BYTES, 0, RW, "test", &plain), 0);
	ck_assert_int_eq(vm_grow(plain, 2 * PAGE_BYTES), -ENOMEM);
	ck_assert_int_eq(vm_free(roomy), 0);
	ck_assert_int_eq(vm_free(next), 0);
	ck_assert_int_eq(vm_free(plain), 0);
	ck_assert_uint_eq(fake_memory_in_use(), 0);
	ck_assert_uint_eq(fake_pt_mapped, 0);
}
END_TEST

START_TEST(test_reserve_holds_no_memory)
{
	void *vaddr;

	fake_memory_setup(8);
	ck_assert_int_eq(vm_reserve(100 * PAGE_BYTES, "grants", &vaddr), 0);
	ck_assert_uint_eq(fake_memory_in_use(), 1); /* the page of descriptors */
	ck_assert_str_eq(vm_find((uintptr_t)vaddr + 50 * PAGE_BYTES, NULL)->name, "grants");
	ck_assert_int_eq(vm_free(vaddr), 0);
	ck_assert_uint_eq(fake_memory_in_use(), 0);
}
END_TEST

START_TEST(test_carve)
{
	void *vaddr;
	bool guard;

	fake_memory_setup(8);
	ck_assert_int_eq(vm_carve(2, "main stack", &vaddr), -ENOMEM);
	ck_assert_int_eq(vm_carve(4, "main stack", &vaddr), 0);
	memset(vaddr, 5, VM_CARVE_BYTES(4));
	ck_assert(!can_read((char *)vaddr - 1));
	ck_assert(!can_read((char *)vaddr + VM_CARVE_BYTES(4)));
	/* Where a fault in the guard page is delivered, and the end of that. */
	memset((char *)vaddr - (VM_PAD_PAGES + 1) * PAGE_BYTES, 5, VM_PAD_PAGES * PAGE_BYTES);
	ck_assert(!can_read((char *)vaddr - (VM_PAD_PAGES + 1) * PAGE_BYTES - 1));
	ck_assert_str_eq(vm_find((uintptr_t)vaddr - 1, &guard)->name, "main stack");
	ck_assert(guard);
	ck_assert_int_eq(vm_free(vaddr), -EINVAL);
	ck_assert_int_eq(vm_grow(vaddr, VM_CARVE_BYTES(4) + PAGE_BYTES), -ENOMEM);
	ck_assert_int_eq(vm_carve(PAGE_ORDER_MAX + 1, "main stack", &vaddr), -ENOMEM);
}
END_TEST

START_TEST(test_address_is_not_used_again_soon)
{
	uintptr_t seen[64];

	fake_memory_setup(8);
	for (int i = 0; i < 64; i++) {
		void *vaddr;

		test_require(vm_alloc(PAGE_BYTES, 0, RW, "test", &vaddr) == (0));
		seen[i] = (uintptr_t)vaddr;
		for (int j = 0; j < i; j++)
			test_require(seen[j] != (seen[i]));
		vm_free(vaddr);
	}
}
END_TEST

START_TEST(test_page_tables_do_not_grow_for_ever)
{
	uint64_t tables = 0;

	fake_memory_setup(8);
	for (int i = 0; i < 20000; i++) {
		void *vaddr;

		test_require(vm_alloc(20 * PAGE_BYTES, 0, RW | VM_DIRTY, "test", &vaddr) == (0));
		vm_free(vaddr);
		if (i == 200)
			tables = fake_pt_tables;
	}
	ck_assert_uint_eq(fake_pt_tables, tables);
	ck_assert_uint_le(tables, 8);
}
END_TEST

START_TEST(test_failure_at_every_step_leaks_nothing)
{
	fake_memory_setup(8);
	for (uint64_t n = 1; n < 12; n++) {
		void *vaddr;
		int ret;

		fake_pt_fail_at = n;
		ret = vm_alloc(2 << 20, 0, RW, "test", &vaddr);
		fake_pt_fail_at = 0;
		if (!ret)
			vm_free(vaddr);
		test_require(ret == 0 || ret == -ENOMEM);
		test_require(fake_memory_in_use() == (0));
		test_require(fake_pt_mapped == (0));
		page_check();
	}
}
END_TEST

START_TEST(test_out_of_memory_at_every_amount)
{
	void *kept[8];

	fake_memory_setup(4);
	/* Less and less memory until nothing fits: the page tables run out somewhere on the way. */
	for (;;) {
		void *vaddr;
		uint64_t used = fake_memory_in_use();
		int ret = vm_alloc(40 * PAGE_BYTES, 0, RW, "test", &vaddr);

		if (!ret)
			vm_free(vaddr);
		test_require(fake_memory_in_use() == (used));
		test_require(fake_pt_mapped == (0));
		kept[0] = page_alloc(0, 0);
		if (!kept[0])
			break;
	}
	page_check();
}
END_TEST

START_TEST(test_bases_differ)
{
	void *first;

	test_seed = test_seed ^ (uint64_t)_i * 0x123456789abcdULL;
	fake_memory_setup(8);
	ck_assert_int_eq(vm_alloc(1, 0, RW, "test", &first), 0);
	ck_assert_uint_ge((uintptr_t)first, VM_REGION_START);
	ck_assert_uint_lt((uintptr_t)first, VM_REGION_START + VM_REGION_BYTES);
}
END_TEST

#define STACKS 10000

static int by_address(const void *left, const void *right)
{
	uintptr_t a = *(const uintptr_t *)left, b = *(const uintptr_t *)right;

	return a < b ? -1 : a > b;
}

/* Ten thousand areas in random order of birth and death, none overlapping, all found. */
START_TEST(test_many)
{
	static uintptr_t live[STACKS], sorted[STACKS];
	size_t count = 0;

	fake_memory_setup(256);
	for (int step = 0; step < 6 * STACKS; step++) {
		if (count < STACKS && (test_random() % 100 < 60 || !count)) {
			void *vaddr;

			ck_assert_int_eq(
				vm_alloc(2 * PAGE_BYTES, 0, RW | VM_DIRTY, "stack", &vaddr), 0);
			*(uintptr_t *)vaddr = (uintptr_t)vaddr;
			live[count++] = (uintptr_t)vaddr;
		} else {
			size_t at = test_random() % count;

			test_require(*(uintptr_t *)live[at] == (live[at]));
			test_require(vm_find(live[at] + 8191, NULL)->start == (live[at]));
			test_require(vm_free((void *)live[at]) == (0));
			live[at] = live[--count];
		}
	}
	memcpy(sorted, live, sizeof(sorted));
	qsort(sorted, count, sizeof(*sorted), by_address);
	for (size_t i = 0; i + 1 < count; i++)
		test_require(sorted[i + 1] - sorted[i] >= (4 * PAGE_BYTES));
	while (count)
		test_require(vm_free((void *)live[--count]) == (0));
	ck_assert_uint_eq(fake_memory_in_use(), 0);
	ck_assert_uint_eq(fake_pt_mapped, 0);
	page_check();
}
END_TEST

START_TEST(test_three_gib)
{
	void *vaddr;

	fake_memory_setup(4096);
	ck_assert_int_eq(vm_alloc(3ULL << 30, 0, RW | VM_DIRTY, "test", &vaddr), 0);
	for (uint64_t at = 0; at < 3ULL << 30; at += 64ULL << 20)
		*(uint64_t *)((char *)vaddr + at) = at;
	for (uint64_t at = 0; at < 3ULL << 30; at += 64ULL << 20)
		test_require(*(uint64_t *)((char *)vaddr + at) == (at));
	ck_assert_int_eq(vm_free(vaddr), 0);
	ck_assert_uint_eq(fake_memory_in_use(), 7); /* the table of chunks, grown thrice */
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("vm");
	TCase *tcase = tcase_create("vm");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, test_area_is_zero_and_guarded);
	tcase_add_test(tcase, test_bad_arguments);
	tcase_add_test(tcase, test_alignment);
	tcase_add_test(tcase, test_protect);
	tcase_add_test(tcase, test_grow);
	tcase_add_test(tcase, test_reserve_holds_no_memory);
	tcase_add_test(tcase, test_carve);
	tcase_add_test(tcase, test_address_is_not_used_again_soon);
	tcase_add_test(tcase, test_page_tables_do_not_grow_for_ever);
	tcase_add_test(tcase, test_failure_at_every_step_leaks_nothing);
	tcase_add_test(tcase, test_out_of_memory_at_every_amount);
	tcase_add_loop_test(tcase, test_bases_differ, 0, 8);
	tcase_add_test(tcase, test_many);
	tcase_add_test(tcase, test_three_gib);
	suite_add_tcase(suite, tcase);
	return suite;
}
