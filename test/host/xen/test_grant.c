/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grants: allocation, growth, exhaustion, atomic end of access, quarantine, several vCPUs, suspend.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 * Links: lib/base/parse.c lib/base/format.c xen/grant.c test/mock/mock_grant.c
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "core/events.h"
#include "core/page.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"
#include "test/mock/mock_grant.h"
#include "xen/evtchn.h"
#include "xen/grant.h"

#define PER_FRAME 512u
#define RESERVED  8u

static grant_ref_t refs[32 * PER_FRAME];

static void start(void)
{
	static const struct mock_config guest = {.vcpus = 2};

	mock_start(&guest);
	ck_assert_int_eq(events_init(), 0);
	time_init();
	events_restore(true);
}

static struct grant_stats stats(void)
{
	struct grant_stats now;

	grant_get_stats(&now);
	return now;
}

START_TEST(open_map_end_free)
{
	char *page;
	grant_ref_t ref;

	start();
	page = page_alloc(0, PAGE_ZERO);
	ck_assert_int_eq(grant_alloc(&ref, 1), 0);
	ck_assert_uint_ge(ref, RESERVED);
	ck_assert_ptr_null(mock_grant_map(5, ref, false));
	grant_set(ref, 5, mock_page_to_mfn(page), true);
	ck_assert_ptr_null(mock_grant_map(4, ref, false));
	ck_assert_ptr_null(mock_grant_map(5, ref, true));
	ck_assert_ptr_eq(mock_grant_map(5, ref, false), page);
	ck_assert_int_eq(grant_end(ref), -EBUSY);
	ck_assert_uint_ne(mock_grant_entry(ref)->flags & GTF_permit_access, 0);
	mock_grant_unmap(ref, false);
	ck_assert_int_eq(grant_end(ref), 0);
	ck_assert_int_eq(grant_end(ref), 0);
	ck_assert_ptr_null(mock_grant_map(5, ref, false));
	grant_set(ref, 7, mock_page_to_mfn(page), false);
	ck_assert_ptr_eq(mock_grant_map(7, ref, true), page);
	mock_grant_unmap(ref, true);
	ck_assert_uint_eq(stats().used, 1);
	ck_assert_uint_eq(stats().open, 1);
	ck_assert_int_eq(grant_release_page(ref, page), 0);
	ck_assert_uint_eq(stats().used, 0);
	ck_assert_uint_eq(mock_pages_used, 3); /* the frame list, slots of one frame */
}
END_TEST

/* All that Xen allows, each once; then an error, and all again. */
START_TEST(growth_and_exhaustion)
{
	unsigned int batch = (unsigned int)_i, count = 0, most;
	static bool seen[32 * PER_FRAME];

	start();
	while (!grant_alloc(refs + count, batch)) {
		for (unsigned int i = count; i < count + batch; i++) {
			ck_assert_uint_ge(refs[i], RESERVED);
			ck_assert_uint_lt(refs[i], 32 * PER_FRAME);
			test_require(!seen[refs[i]]);
			seen[refs[i]] = true;
		}
		count += batch;
	}
	most = 32 * PER_FRAME - RESERVED;
	ck_assert_uint_ge(count + batch, most);
	ck_assert_uint_le(count, most);
	ck_assert_int_eq(grant_alloc(refs + count, batch), -ENOSPC);
	ck_assert_uint_eq(stats().used, count);
	ck_assert_uint_eq(stats().total, most);
	ck_assert_uint_eq(stats().total_max, most);
	grant_free(refs, count);
	ck_assert_uint_eq(stats().used, 0);
	ck_assert_int_eq(grant_alloc(refs, 16000), 0);
	grant_free(refs, 16000);
}
END_TEST

START_TEST(failures)
{
	start();
	mock_fail_allocation = 0;
	ck_assert_int_eq(grant_alloc(refs, 1), -ENOMEM);
	mock_fail_hypercall(__HYPERVISOR_grant_table_op, 0, ENOSYS);
	ck_assert_int_eq(grant_alloc(refs, 1), -ENOSYS);
	mock_fail_hypercall(__HYPERVISOR_grant_table_op, 1, EPERM);
	ck_assert_int_eq(grant_prepare(), -EPERM);
	mock_grant_map_fails = true;
	ck_assert_int_eq(grant_alloc(refs, 600), -ENOMEM);
	mock_grant_map_fails = false;
	ck_assert_int_eq(grant_alloc(refs, 600), 0);
	ck_assert_int_eq(grant_alloc(refs + 600, SIZE_MAX / 2), -ENOSPC);
	grant_free(refs, 600);
	ck_assert_uint_eq(stats().used, 0);
}
END_TEST

/* Xen allows less than it said, or more: neither is believed beyond what was asked for first. */
START_TEST(another_limit)
{
	unsigned int frames = _i ? 2 : 8;

	start();
	mock_grant_frames_max = _i ? 4 : 8;
	ck_assert_int_eq(grant_prepare(), 0);
	mock_grant_frames_max = _i ? 2 : 40;
	ck_assert_int_eq(grant_alloc(refs, frames * PER_FRAME - RESERVED), 0);
	ck_assert_int_eq(grant_alloc(refs, 1), -ENOSPC);
}
END_TEST

/* Pages that stay mapped wait, and are freed once, when they can be. */
START_TEST(quarantine)
{
	void *pages[40];
	uint64_t before;

	start();
	ck_assert_int_eq(grant_alloc(refs, 40), 0);
	before = mock_pages_used;
	for (int i = 0; i < 40; i++) {
		pages[i] = page_alloc(0, 0);
		grant_set(refs[i], 1, mock_page_to_mfn(pages[i]), false);
		ck_assert_ptr_nonnull(mock_grant_map(1, refs[i], true));
		ck_assert_int_eq(grant_release_page(refs[i], pages[i]), -EBUSY);
	}
	ck_assert_uint_eq(grant_reap(), 40);
	ck_assert_uint_eq(stats().quarantined, 40);
	ck_assert_uint_eq(mock_pages_used - before, 40);
	for (int i = 0; i < 40; i += 2)
		mock_grant_unmap(refs[i], true);
	memset(pages[1], 1, 4096);
	ck_assert_uint_eq(grant_reap(), 20);
	ck_assert_uint_eq(mock_pages_used - before, 20);
	ck_assert_uint_eq(stats().used, 20);
	/* What was in quarantine is nobody's to allocate. */
	for (int i = 0; i < 500; i++) {
		ck_assert_int_eq(grant_alloc(refs + 100 + i, 1), 0);
		for (int k = 1; k < 40; k += 2)
			test_require(refs[100 + i] != refs[k]);
	}
	for (int i = 1; i < 40; i += 2)
		mock_grant_unmap(refs[i], true);
	/* The next one that comes lets others go. */
	pages[0] = page_alloc(0, 0);
	grant_set(refs[100], 1, mock_page_to_mfn(pages[0]), false);
	ck_assert_ptr_nonnull(mock_grant_map(1, refs[100], false));
	ck_assert_int_eq(grant_release_page(refs[100], pages[0]), -EBUSY);
	ck_assert_uint_eq(stats().quarantined, 1);
	mock_grant_unmap(refs[100], false);
	ck_assert_uint_eq(grant_reap(), 0);
	ck_assert_uint_eq(mock_pages_used, before + 2); /* slots of a second frame */
}
END_TEST

static jmp_buf misuse;

static void misused(grant_ref_t ref)
{
	(void)ref;
	longjmp(misuse, 1);
}

START_TEST(misuse_is_noticed)
{
	static volatile bool done;

	start();
	mock_grant_on_misuse = misused;
	ck_assert_int_eq(grant_alloc(refs, 2), 0);
	if (setjmp(misuse) == 0) {
		if (_i == 0) {
			grant_free(refs, 1);
			grant_free(refs, 1);
		} else if (_i == 1) {
			grant_set(refs[0], 1, 77, false);
			grant_free(refs, 1);
		} else if (_i == 2) {
			refs[0] = 3;
			grant_free(refs, 1);
		} else {
			refs[0] = 100000;
			grant_free(refs, 1);
		}
		done = true;
	}
	ck_assert(!done);
}
END_TEST

static void alloc_some(void *arg)
{
	ck_assert_int_eq(grant_alloc(arg, 3), 0);
}

static void free_some(void *arg)
{
	grant_free(arg, 3);
}

START_TEST(vcpus)
{
	static struct vcpu other;

	start();
	mock_vcpu_add(&other, 1);
	for (unsigned int i = 0; i < 300; i++)
		mock_vcpu_run(i & 1, alloc_some, refs + i * 3);
	ck_assert_uint_eq(stats().used, 900);
	for (unsigned int i = 0; i < 300; i++)
		mock_vcpu_run(~i & 1, free_some, refs + i * 3);
	ck_assert_uint_eq(stats().used, 0);
}
END_TEST

/* A new table: what was open is closed, what was stuck is free. */
START_TEST(suspend)
{
	void *page;

	start();
	ck_assert_int_eq(grant_alloc(refs, 1000), 0);
	page = page_alloc(0, 0);
	grant_set(refs[0], 1, mock_page_to_mfn(page), false);
	grant_set(refs[1], 1, mock_page_to_mfn(page), false);
	ck_assert_ptr_nonnull(mock_grant_map(1, refs[1], false));
	grant_quarantine(refs[1], page);
	grant_suspend();
	mock_grant_reset();
	ck_assert_int_eq(grant_resume(), 0);
	ck_assert_uint_eq(stats().open, 0);
	ck_assert_uint_eq(stats().quarantined, 0);
	ck_assert_uint_eq(stats().used, 999);
	ck_assert_int_eq(grant_end(refs[0]), 0);
	grant_set(refs[999], 1, 5, false);
	ck_assert_int_eq(grant_end(refs[999]), 0);
	/* Xen has no table for us: nothing is granted, nothing crashes. */
	grant_suspend();
	mock_fail_hypercall(__HYPERVISOR_grant_table_op, 0, ENOMEM);
	ck_assert_int_eq(grant_resume(), -ENOMEM);
	grant_set(refs[0], 1, 5, false);
	ck_assert_int_eq(grant_end(refs[0]), 0);
	grant_free(refs, 1);
	ck_assert_int_eq(grant_alloc(refs, 600), -ENOSPC);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("grant");
	TCase *all = tcase_create("all");

	tcase_add_test(all, open_map_end_free);
	tcase_add_loop_test(all, growth_and_exhaustion, 1, 2);
	tcase_add_loop_test(all, growth_and_exhaustion, 16, 18);
	tcase_add_loop_test(all, growth_and_exhaustion, 600, 601);
	tcase_add_test(all, failures);
	tcase_add_loop_test(all, another_limit, 0, 2);
	tcase_add_test(all, quarantine);
	tcase_add_loop_test(all, misuse_is_noticed, 0, 4);
	tcase_add_test(all, vcpus);
	tcase_add_test(all, suspend);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return suite;
}
