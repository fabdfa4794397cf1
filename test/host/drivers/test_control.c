/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The toolstack's requests, over the mock's xenstored.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 * Links: xen/ring.c xen/xswire.c lib/base/parse.c lib/base/format.c drivers/xenstore.c
 * Links: core/suspend.c drivers/xenstore_sync.c drivers/control.c
 */
#include <stdlib.h>
#include <string.h>

#include "core/events.h"
#include "core/panic.h"
#include "core/suspend.h"
#include "core/time.h"
#include "drivers/control.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"
#include "xen/evtchn.h"

static unsigned int handled[4];
static int argument;
static bool another_expected;

static void handler(enum control_request request, void *arg)
{
	ck_assert_ptr_eq(arg, &argument);
	ck_assert(!events_enabled());
	/* acknowledged first */
	if (!another_expected)
		ck_assert_str_eq(mock_store_read("control/shutdown"), "");
	handled[request]++;
}

static void start(const struct mock_config *config)
{
	mock_start(config);
	ck_assert_int_eq(events_init(), 0);
	time_init();
	ck_assert_int_eq(xenstore_init(), 0);
	events_restore(true);
	ck_assert_int_eq(control_init(handler, &argument), 0);
}

static void settle(void)
{
	for (unsigned int i = 0; i < 20; i++) {
		mock_run_backends();
		mock_deliver();
		mock_advance_ns(1000);
	}
}

START_TEST(starting_does_not_wait)
{
	struct mock_config config = {.lazy_backends = true};

	start(&config);
	ck_assert_uint_eq(mock_counts.blocks, 0);
	ck_assert_uint_eq(mock_store_watches_count(), 0);
	settle();
	ck_assert_uint_eq(mock_store_watches_count(), 1);
	ck_assert_str_eq(mock_store_read("control/feature-poweroff"), "1");
	ck_assert_str_eq(mock_store_read("control/feature-reboot"), "1");
	ck_assert_uint_eq(handled[CONTROL_POWEROFF], 0);
}
END_TEST

START_TEST(requests_are_acknowledged_and_handled)
{
	static const char *const names[] = {"poweroff", "reboot", "halt"};

	start(NULL);
	settle();
	for (unsigned int i = 0; i < 3; i++) {
		mock_store_write("control/shutdown", names[i]);
		settle();
		ck_assert_uint_eq(handled[i], 1);
		ck_assert_str_eq(mock_store_read("control/shutdown"), "");
	}
	mock_store_write("control/shutdown", "poweroff");
	settle();
	ck_assert_uint_eq(handled[CONTROL_POWEROFF], 2);
}
END_TEST

START_TEST(a_request_from_before_the_start)
{
	mock_start(NULL);
	mock_store_write("control/shutdown", "reboot");
	ck_assert_int_eq(events_init(), 0);
	time_init();
	ck_assert_int_eq(xenstore_init(), 0);
	events_restore(true);
	ck_assert_int_eq(control_init(handler, &argument), 0);
	settle();
	ck_assert_uint_eq(handled[CONTROL_REBOOT], 1);
}
END_TEST

START_TEST(unknown_requests_are_acknowledged_and_logged)
{
	start(NULL);
	settle();
	mock_store_write("control/shutdown", "explode");
	settle();
	ck_assert_str_eq(mock_store_read("control/shutdown"), "");
	ck_assert_ptr_nonnull(strstr(mock_log(), "explode"));
	mock_store_write("control/shutdown", "a word longer than any buffer should be");
	settle();
	ck_assert_str_eq(mock_store_read("control/shutdown"), "");
	ck_assert_uint_eq(handled[0] + handled[1] + handled[2] + handled[3], 0);
}
END_TEST

START_TEST(suspend_is_left_alone)
{
	start(NULL);
	settle();
	mock_store_write("control/shutdown", "suspend");
	settle();
	ck_assert_str_eq(mock_store_read("control/shutdown"), "suspend");
	ck_assert_ptr_nonnull(strstr(mock_log(), "suspend"));
	ck_assert_uint_eq(handled[CONTROL_SUSPEND], 0);
	/* the toolstack gives up, and asks for something else */
	mock_store_write("control/shutdown", "");
	mock_store_write("control/shutdown", "poweroff");
	settle();
	ck_assert_uint_eq(handled[CONTROL_POWEROFF], 1);
}
END_TEST

static void write_reboot(void *arg)
{
	(void)arg;
	mock_store_write("control/shutdown", "reboot");
}

static void write_elsewhere(void *arg)
{
	(void)arg;
	mock_store_write("/tool/x", "1");
}

/* A second request at any moment of the first's handling is handled as well. */
START_TEST(a_request_during_a_request)
{
	struct mock_config config = {.lazy_backends = true};

	start(&config);
	settle();
	another_expected = true;
	mock_store_write("control/shutdown", "poweroff");
	for (int i = 0; i < _i; i++) {
		mock_run_backends();
		if (i % 2)
			mock_deliver();
	}
	write_reboot(NULL);
	settle();
	ck_assert_str_eq(mock_store_read("control/shutdown"), "");
	ck_assert_uint_eq(handled[CONTROL_REBOOT], 1);
}
END_TEST

/* Somebody else's change makes the commit fail with EAGAIN; we start again. */
START_TEST(a_conflict_is_retried)
{
	struct mock_config config = {.lazy_backends = true};

	start(&config);
	settle();
	mock_store_write("control/shutdown", "poweroff");
	for (unsigned int i = 0; i < 10; i++) {
		mock_run_backends();
		write_elsewhere(NULL);
		mock_deliver();
	}
	settle();
	ck_assert_uint_eq(handled[CONTROL_POWEROFF], 1);
	ck_assert_str_eq(mock_store_read("control/shutdown"), "");
}
END_TEST

START_TEST(watch_storms_cause_no_storm_of_requests)
{
	unsigned int before;

	start(NULL);
	settle();
	before = mock_counts.hypercalls[__HYPERVISOR_event_channel_op];
	for (unsigned int i = 0; i < 1000; i++)
		mock_store_write("control/shutdown", "");
	settle();
	ck_assert_uint_lt(mock_counts.hypercalls[__HYPERVISOR_event_channel_op] - before, 1000);
	mock_store_write("control/shutdown", "poweroff");
	settle();
	ck_assert_uint_eq(handled[CONTROL_POWEROFF], 1);
}
END_TEST

START_TEST(a_full_ring_is_retried)
{
	static struct xenstore_request requests[500];
	struct mock_config config = {.lazy_backends = true};
	unsigned int filled = 0;

	start(&config);
	settle();
	mock_store_write("control/shutdown", "poweroff");
	/* one round, so that the watch event is on its way; then fill ring and queue */
	mock_run_backends();
	mock_store_chunk_max = 0;
	while (xenstore_submit(&requests[filled], XS_READ, "data", 5) == 0)
		filled++;
	mock_deliver();
	mock_advance_ns(1000000);
	mock_store_chunk_max = SIZE_MAX;
	for (unsigned int i = 0; i < 50; i++) {
		settle();
		mock_advance_ns(100000000);
	}
	ck_assert_uint_eq(handled[CONTROL_POWEROFF], 1);
}
END_TEST

START_TEST(a_server_that_stops_answering)
{
	struct mock_config config = {.lazy_backends = true};

	start(&config);
	settle();
	/* no timer for a look */
	ck_assert_uint_eq(mock_counts.hypercalls[__HYPERVISOR_vcpu_op], 0);
	mock_store_mute = _i == 0;
	mock_store_write("control/shutdown", "poweroff");
	for (int i = 0; i < _i; i++) {
		mock_run_backends();
		mock_deliver();
	}
	mock_store_mute = true;
	settle();
	mock_advance_ns(60 * NS_PER_S);
	mock_store_mute = false;
	mock_store_write("control/shutdown", "poweroff");
	settle();
	mock_advance_ns(20 * NS_PER_S);
	settle();
	ck_assert_ptr_nonnull(strstr(mock_log(), "does not answer"));
	ck_assert_uint_eq(handled[CONTROL_POWEROFF], 1);
	/* nothing is armed when nothing is awaited */
	mock_advance_ns(20 * NS_PER_S);
	ck_assert_uint_eq(mock_timer_deadline_ns(), UINT64_MAX);
}
END_TEST

START_TEST(reports)
{
	start(NULL);
	ck_assert_int_eq(control_report("exit 3", time_monotonic_ns() + NS_PER_S), 0);
	ck_assert_str_eq(mock_store_read("data/stardust/status"), "exit 3");
	panic_report_status(11);
	ck_assert_str_eq(mock_store_read("data/stardust/status"), "signal 11");
	mock_store_mute = true;
	ck_assert_int_eq(control_report("exit 4", time_monotonic_ns() + NS_PER_S), -ETIMEDOUT);
	mock_store_readonly("data");
	mock_store_mute = false;
	ck_assert_int_eq(control_report("exit 5", time_monotonic_ns() + NS_PER_S), -EACCES);
}
END_TEST

START_TEST(without_xenstore)
{
	struct mock_config config = {.initial_domain = true};

	mock_start(&config);
	ck_assert_int_eq(events_init(), 0);
	time_init();
	(void)xenstore_init();
	ck_assert_int_eq(control_init(handler, &argument), -ENODEV);
	ck_assert_int_eq(control_report("exit 0", time_monotonic_ns() + NS_PER_S), -ENODEV);
	panic_report_status(6);
}
END_TEST

START_TEST(resume_goes_on_watching)
{
	start(NULL);
	settle();
	events_disable();
	suspend_prepare();
	mock_start(NULL);
	ck_assert_int_eq(suspend_finish(), 0);
	events_restore(true);
	settle();
	ck_assert_str_eq(mock_store_read("control/feature-poweroff"), "1");
	mock_store_write("control/shutdown", "poweroff");
	settle();
	ck_assert_uint_eq(handled[CONTROL_POWEROFF], 1);
}
END_TEST

static void stuck(void)
{
	exit(0);
}

START_TEST(adversary)
{
	struct mock_config config = {.seed = test_seed + _i, .lazy_backends = _i % 2};

	start(&config);
	mock_on_stuck = stuck;
	mock_adversary(config.seed, 4 + _i);
	for (unsigned int i = 0; i < 300; i++) {
		mock_store_write("control/shutdown", i % 3 ? "" : "bogus");
		mock_run_backends();
		mock_deliver();
		mock_advance_ns(1000000);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("control");
	TCase *all = tcase_create("all");

	tcase_add_test(all, starting_does_not_wait);
	tcase_add_test(all, requests_are_acknowledged_and_handled);
	tcase_add_test(all, a_request_from_before_the_start);
	tcase_add_test(all, unknown_requests_are_acknowledged_and_logged);
	tcase_add_test(all, suspend_is_left_alone);
	tcase_add_loop_test(all, a_request_during_a_request, 0, 20);
	tcase_add_test(all, a_conflict_is_retried);
	tcase_add_test(all, watch_storms_cause_no_storm_of_requests);
	tcase_add_test(all, a_full_ring_is_retried);
	tcase_add_loop_test(all, a_server_that_stops_answering, 0, 4);
	tcase_add_test(all, reports);
	tcase_add_test(all, without_xenstore);
	tcase_add_test(all, resume_goes_on_watching);
	tcase_add_loop_test(all, adversary, 0, 20);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return suite;
}
