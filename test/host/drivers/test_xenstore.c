/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The xenstore client over the mock's xenstored, and over hostile ones.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 * Links: xen/ring.c xen/xswire.c lib/base/parse.c lib/base/format.c drivers/xenstore.c
 * Links: drivers/xenstore_sync.c core/suspend.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/pv/boot.h"
#include "core/events.h"
#include "core/suspend.h"
#include "core/time.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"
#include "xen/evtchn.h"

static void start(const struct mock_config *config)
{
	mock_start(config);
	ck_assert_int_eq(events_init(), 0);
	time_init();
	ck_assert_int_eq(xenstore_init(), 0);
	ck_assert(xenstore_available());
	events_restore(true);
}

START_TEST(read_write_remove_directory)
{
	char value[64];
	size_t count;
	uint64_t number;

	start(NULL);
	ck_assert_int_eq(xenstore_read(0, "data/x", value, sizeof(value)), -ENOENT);
	ck_assert_int_eq(xenstore_write(0, "data/x", "hello"), 0);
	ck_assert_str_eq(mock_store_read("data/x"), "hello");
	ck_assert_int_eq(xenstore_read(0, "data/x", value, sizeof(value)), 0);
	ck_assert_str_eq(value, "hello");
	ck_assert_int_eq(xenstore_read(0, MOCK_HOME "/data/x", value, 6), 0);
	ck_assert_int_eq(xenstore_read(0, "data/x", value, 5), -E2BIG);
	ck_assert_int_eq(xenstore_printf(0, "data/n", "%d", 1234), 0);
	ck_assert_int_eq(xenstore_read_u64(0, "data/n", &number), 0);
	ck_assert_uint_eq(number, 1234);
	ck_assert_int_eq(xenstore_read_u64(0, "data/x", &number), -EINVAL);
	ck_assert_int_eq(xenstore_write(0, "data/empty", ""), 0);
	ck_assert_int_eq(xenstore_read(0, "data/empty", value, sizeof(value)), 0);
	ck_assert_str_eq(value, "");
	ck_assert_int_eq(xenstore_read_u64(0, "data/empty", &number), -EINVAL);
	ck_assert_int_eq(xenstore_directory(0, "data", value, sizeof(value), &count), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(xenstore_directory(0, "data", value, 4, &count), -E2BIG);
	ck_assert_int_eq(xenstore_remove(0, "data/x"), 0);
	ck_assert_int_eq(xenstore_remove(0, "data/x"), -ENOENT);
	mock_store_readonly("data/locked");
	ck_assert_int_eq(xenstore_write(0, "data/locked/y", "1"), -EACCES);
	ck_assert_int_eq(xenstore_read(0, "", value, sizeof(value)), -EINVAL);
}
END_TEST

START_TEST(numbers_are_strict)
{
	static const char *const bad[] = {"",
					  " 1",
					  "1 ",
					  "+1",
					  "-1",
					  "0x10",
					  "18446744073709551616",
					  "99999999999999999999999999",
					  "1.0"};
	uint64_t number;

	start(NULL);
	for (size_t i = 0; i < 9; i++) {
		mock_store_write("data/n", bad[i]);
		ck_assert_int_eq(xenstore_read_u64(0, "data/n", &number), -EINVAL);
	}
	mock_store_write("data/n", "18446744073709551615");
	ck_assert_int_eq(xenstore_read_u64(0, "data/n", &number), 0);
	ck_assert_uint_eq(number, UINT64_MAX);
}
END_TEST

START_TEST(transactions)
{
	uint32_t transaction;
	char value[64];

	start(NULL);
	ck_assert_int_eq(xenstore_transaction_start(&transaction), 0);
	ck_assert_int_eq(xenstore_write(transaction, "data/t", "1"), 0);
	ck_assert_ptr_null(mock_store_read("data/t"));
	ck_assert_int_eq(xenstore_transaction_end(transaction, true), 0);
	ck_assert_str_eq(mock_store_read("data/t"), "1");
	ck_assert_int_eq(xenstore_transaction_start(&transaction), 0);
	ck_assert_int_eq(xenstore_write(transaction, "data/t", "2"), 0);
	ck_assert_int_eq(xenstore_transaction_end(transaction, false), 0);
	ck_assert_str_eq(mock_store_read("data/t"), "1");
	ck_assert_int_eq(xenstore_transaction_start(&transaction), 0);
	ck_assert_int_eq(xenstore_read(transaction, "data/t", value, sizeof(value)), 0);
	mock_store_write("data/t", "elsewhere");
	ck_assert_int_eq(xenstore_transaction_end(transaction, true), -EAGAIN);
	ck_assert_int_eq(xenstore_read(77, "data/t", value, sizeof(value)), -ENOENT);
}
END_TEST

START_TEST(large_payloads_pass_a_small_ring)
{
	static char value[4097], back[4200];

	start(NULL);
	mock_store_chunk_max = 1 + (size_t)_i * 211;
	memset(value, 'v', 4096 - strlen("data/big") - 1);
	ck_assert_int_eq(xenstore_write(0, "data/big", value), 0);
	ck_assert_int_eq(xenstore_read(0, "data/big", back, sizeof(back)), 0);
	ck_assert_str_eq(back, value);
	memset(value, 'v', 4096);
	ck_assert_int_eq(xenstore_write(0, "data/big", value), -E2BIG);
}
END_TEST

#define MANY 900
static struct xenstore_request requests[MANY];
static char replies[MANY][16];
static unsigned int done_count;

static void done(struct xenstore_request *request)
{
	ck_assert(!events_enabled());
	ck_assert(request->completed);
	ck_assert_ptr_eq(request->arg, &requests[request - requests]);
	done_count++;
}

START_TEST(many_in_flight_in_any_order)
{
	struct mock_config config = {.seed = 5, .lazy_backends = true};
	char path[32];
	unsigned int submitted = 0, full = 0;

	start(&config);
	mock_store_reorder = true;
	mock_store_chunk_max = 100;
	mock_store_write("data", "");
	for (unsigned int i = 0; i < 200; i++) {
		sprintf(path, "data/%u", i);
		mock_store_write(path, path + 5);
	}
	while (submitted < MANY) {
		int error;

		sprintf(path, "data/%u", submitted);
		requests[submitted] = (struct xenstore_request){
			.reply = replies[submitted],
			.reply_max = 16,
			.done = done,
			.arg = &requests[submitted],
		};
		error = xenstore_submit(&requests[submitted], XS_READ, path, strlen(path) + 1);
		if (error == -EAGAIN) {
			full++;
			mock_run_backends();
			mock_deliver();
			continue;
		}
		ck_assert_int_eq(error, 0);
		submitted++;
	}
	ck_assert_uint_gt(full, 0);
	while (done_count < MANY) {
		mock_run_backends();
		mock_deliver();
	}
	for (unsigned int i = 0; i < MANY; i++) {
		char expected[16];

		sprintf(expected, "%u", i);
		ck_assert_int_eq(requests[i].result, i < 200 ? 0 : -ENOENT);
		if (i < 200)
			ck_assert_str_eq(replies[i], expected);
	}
}
END_TEST

static unsigned int events_seen[4];
static char last_path[256];

static void watch_fired(struct xenstore_watch *watch, const char *changed_path)
{
	ck_assert(!events_enabled());
	events_seen[(uintptr_t)watch->arg]++;
	snprintf(last_path, sizeof(last_path), "%s", changed_path);
}

static void settle(void)
{
	mock_run_backends();
	mock_deliver();
}

START_TEST(watches)
{
	struct xenstore_watch first = {.path = "data/w", .fn = watch_fired, .arg = (void *)0};
	struct xenstore_watch same = {.path = "data/w", .fn = watch_fired, .arg = (void *)1};
	struct xenstore_watch other = {
		.path = MOCK_HOME "/data/o", .fn = watch_fired, .arg = (void *)2};
	unsigned int blocks;

	start(NULL);
	blocks = mock_counts.blocks;
	ck_assert_int_eq(xenstore_watch_add(&first), 0);
	ck_assert_int_eq(xenstore_watch_add(&same), 0);
	ck_assert_int_eq(xenstore_watch_add(&other), 0);
	ck_assert_uint_eq(mock_counts.blocks, blocks);
	settle();
	/* each fires once at registration */
	ck_assert_uint_eq(events_seen[0], 1);
	ck_assert_uint_eq(events_seen[1], 1);
	ck_assert_uint_eq(events_seen[2], 1);
	mock_store_write("data/w/deep", "1");
	settle();
	ck_assert_str_eq(last_path, "data/w/deep");
	ck_assert_uint_eq(events_seen[0], 2);
	ck_assert_uint_eq(events_seen[1], 2);
	mock_store_write("data/o", "1");
	settle();
	ck_assert_str_eq(last_path, MOCK_HOME "/data/o");
	xenstore_watch_remove(&first);
	mock_store_write("data/w", "2");
	settle();
	ck_assert_uint_eq(events_seen[0], 2);
	ck_assert_uint_eq(events_seen[1], 3);
	ck_assert_uint_eq(mock_store_watches_count(), 2);
	xenstore_watch_remove(&same);
	xenstore_watch_remove(&other);
	settle();
	ck_assert_uint_eq(mock_store_watches_count(), 0);
}
END_TEST

static struct xenstore_watch self_removing;

static void remove_self(struct xenstore_watch *watch, const char *changed_path)
{
	(void)changed_path;
	events_seen[0]++;
	xenstore_watch_remove(watch);
	if (events_seen[0] < 3) {
		*watch = (struct xenstore_watch){.path = "data/again", .fn = remove_self};
		ck_assert_int_eq(xenstore_watch_add(watch), 0);
	}
}

START_TEST(a_watch_may_remove_and_add_itself)
{
	start(NULL);
	self_removing = (struct xenstore_watch){.path = "data/again", .fn = remove_self};
	ck_assert_int_eq(xenstore_watch_add(&self_removing), 0);
	for (unsigned int i = 0; i < 5; i++)
		settle();
	ck_assert_uint_eq(events_seen[0], 3);
	ck_assert_uint_eq(mock_store_watches_count(), 0);
}
END_TEST

START_TEST(a_mute_server_times_out)
{
	struct xenstore_stats stats;
	uint64_t before;
	char value[8];

	start(NULL);
	mock_store_mute = true;
	before = mock_now_ns();
	ck_assert_int_eq(xenstore_read(0, "data", value, sizeof(value)), -ETIMEDOUT);
	ck_assert_uint_ge(mock_now_ns() - before, 10 * NS_PER_S);
	ck_assert_uint_lt(mock_now_ns() - before, 11 * NS_PER_S);
	mock_store_mute = false;
	/* the stack frame is gone; a late reply must not write there */
	{
		struct xsd_sockmsg late = {.type = XS_READ, .req_id = 1, .len = 4};

		mock_store_inject(&late, sizeof(late));
		mock_store_inject("late", 4);
	}
	ck_assert_int_eq(xenstore_read(0, "data", value, sizeof(value)), 0);
	xenstore_get_stats(&stats);
	ck_assert_uint_eq(stats.replies_unknown, 1);
}
END_TEST

START_TEST(a_server_that_takes_nothing_times_out)
{
	start(NULL);
	mock_store_chunk_max = 0;
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_int_eq(xenstore_write(0, "data/x", "y"), -ETIMEDOUT);
}
END_TEST

START_TEST(unknown_replies_and_watches_are_dropped_and_counted)
{
	struct xsd_sockmsg message = {.type = XS_READ, .req_id = 4711, .len = 2};
	struct xenstore_stats stats;
	char value[8];

	start(NULL);
	for (unsigned int i = 0; i < 100; i++) {
		message.req_id = 4711 + i;
		mock_store_inject(&message, sizeof(message));
		mock_store_inject("ok", 2);
	}
	message = (struct xsd_sockmsg){.type = XS_WATCH_EVENT, .len = 8};
	mock_store_inject(&message, sizeof(message));
	mock_store_inject("a/b\0beef", 8);
	mock_store_write("data/x", "1");
	settle();
	/* the last token lacks its NUL: a violation; before it all was well */
	xenstore_get_stats(&stats);
	ck_assert_uint_eq(stats.replies_unknown, 100);
	ck_assert_uint_eq(stats.violations, 1);
	ck_assert_int_eq(xenstore_read(0, "data/x", value, sizeof(value)), -EIO);
}
END_TEST

START_TEST(watch_floods_are_tolerated)
{
	struct xsd_sockmsg message = {.type = XS_WATCH_EVENT, .len = 9};
	struct xenstore_stats stats;
	char value[8];

	start(NULL);
	for (unsigned int i = 0; i < 20000; i++) {
		mock_store_inject(&message, sizeof(message));
		mock_store_inject("a/b\0beef", 9);
	}
	mock_store_write("data/x", "1");
	ck_assert_int_eq(xenstore_read(0, "data/x", value, sizeof(value)), 0);
	xenstore_get_stats(&stats);
	ck_assert_uint_eq(stats.watches_unknown, 20000);
	ck_assert_uint_eq(stats.violations, 0);
}
END_TEST

static void refill(struct xenstore_watch *watch, const char *changed_path)
{
	(void)watch;
	(void)changed_path;
	events_seen[0]++;
	mock_run_backends();
}

/* A server that fills the ring as fast as we empty it gets a bounded share of our time. */
START_TEST(an_endless_flood_does_not_keep_us)
{
	struct xsd_sockmsg message = {.type = XS_WATCH_EVENT, .len = 6};
	struct xenstore_watch watch = {.path = "data/f", .fn = refill};

	start(NULL);
	ck_assert_int_eq(xenstore_watch_add(&watch), 0);
	settle();
	ck_assert_uint_eq(events_seen[0], 1);
	for (unsigned int i = 0; i < 5000; i++) {
		mock_store_inject(&message, sizeof(message));
		mock_store_inject("a/b\0"
				  "1",
				  6);
	}
	settle();
	ck_assert_uint_gt(events_seen[0], 100);
	ck_assert_uint_lt(events_seen[0], 1000);
	mock_advance_ns(100000000);
	ck_assert_uint_eq(events_seen[0], 5001);
}
END_TEST

/* What a broken server may say instead of a reply; each fails the request and all that follow. */
START_TEST(violations_fail_requests)
{
	static const struct {
		struct xsd_sockmsg header;
		const char *payload;
	} bad[] = {
		{{XS_READ, 1, 0, 4097}, ""},     {{XS_READ, 1, 0, 0xffffffff}, ""},
		{{XS_INVALID, 1, 0, 0}, ""},     {{XS_TYPE_COUNT, 1, 0, 0}, ""},
		{{XS_WRITE, 1, 0, 3}, "OK"},     {{XS_WATCH_EVENT, 0, 0, 3}, "abc"},
		{{XS_WATCH_EVENT, 0, 0, 0}, ""},
	};
	struct xenstore_stats stats;
	char value[8];

	start(NULL);
	mock_store_mute = true;
	mock_store_inject(&bad[_i].header, sizeof(bad[_i].header));
	if (bad[_i].header.len < 8)
		mock_store_inject(bad[_i].payload, bad[_i].header.len);
	ck_assert_int_eq(xenstore_read(0, "data", value, sizeof(value)), -EIO);
	ck_assert(!xenstore_available());
	xenstore_get_stats(&stats);
	ck_assert_uint_eq(stats.violations, 1);
	ck_assert_ptr_nonnull(strstr(mock_log(), "protocol violation"));
	ck_assert_int_eq(xenstore_read(0, "data", value, sizeof(value)), -EIO);
	ck_assert_int_eq(xenstore_emergency_write("data/x", "y"), -EIO);
}
END_TEST

START_TEST(impossible_indices_fail_requests)
{
	struct xenstore_domain_interface *ring;
	static struct xenstore_request request;
	static const uint32_t bad[] = {1025, 0x80000000, 0xfffff000};
	char value[8];

	start(NULL);
	mock_store_chunk_max = 0;
	ring = mock_store_page();
	request = (struct xenstore_request){.done = done, .arg = &request};
	requests[0] = (struct xenstore_request){.done = done, .arg = &requests[0]};
	ck_assert_int_eq(xenstore_submit(&requests[0], XS_READ, "data", 5), 0);
	if (_i % 2)
		ring->rsp_prod = ring->rsp_cons + bad[_i / 2];
	else
		ring->req_cons = ring->req_prod + bad[_i / 2];
	mock_evtchn_raise(MOCK_STORE_PORT);
	if (done_count) {
		ck_assert_int_eq(requests[0].result, -EIO);
	} else {
		/* noticed at the next request at the latest */
		ck_assert_int_eq(xenstore_read(0, "data", value, sizeof(value)), -EIO);
		ck_assert_uint_eq(done_count, 1);
	}
	ck_assert(!xenstore_available());
}
END_TEST

START_TEST(replies_are_cut_and_terminated)
{
	struct xenstore_request request = {.reply_max = 4};
	struct xenstore_part part = {"data/long", 10};
	char buffer[5] = "....";

	start(NULL);
	request.reply = buffer;
	mock_store_write("data/long", "0123456789");
	ck_assert_int_eq(xenstore_call(&request, XS_READ, &part, 1, TIME_NEVER), 0);
	ck_assert_str_eq(buffer, "012");
	ck_assert_uint_eq(request.reply_bytes, 3);
	ck_assert_uint_eq(request.reply_total_bytes, 10);
	request.reply = NULL;
	ck_assert_int_eq(xenstore_call(&request, XS_READ, &part, 1, TIME_NEVER), 0);
}
END_TEST

START_TEST(an_event_storm_is_backed_off)
{
	char value[8];

	start(NULL);
	for (unsigned int i = 0; i < 10000; i++) {
		mock_evtchn_raise(MOCK_STORE_PORT);
		mock_advance_ns(100000);
	}
	ck_assert_uint_lt(mock_counts.upcalls, 60);
	mock_store_write("data/x", "1");
	ck_assert_int_eq(xenstore_read(0, "data/x", value, sizeof(value)), 0);
}
END_TEST

START_TEST(emergency_write)
{
	struct mock_config config = {.lazy_backends = true};
	uint64_t before;

	start(&config);
	events_disable();
	ck_assert_int_eq(xenstore_emergency_write("data/stardust/status", "signal 11"), 0);
	ck_assert_str_eq(mock_store_read("data/stardust/status"), "signal 11");
	/* nobody there: short wait */
	mock_store_chunk_max = 0;
	before = mock_now_ns();
	ck_assert_int_eq(xenstore_emergency_write("data/x", "y"), -ETIMEDOUT);
	ck_assert_uint_lt(mock_now_ns() - before, 100000000);
	/* and when requests wait behind the ring, none */
	for (unsigned int i = 0; i < 60; i++) {
		requests[i].done = NULL;
		ck_assert_int_eq(xenstore_submit(&requests[i], XS_READ, "data/some/path", 15), 0);
	}
	ck_assert_int_eq(xenstore_emergency_write("data/x", "y"), -EIO);
}
END_TEST

START_TEST(no_xenstore)
{
	struct mock_config config = {.initial_domain = true};
	char value[8];

	mock_start(&config);
	ck_assert_int_eq(events_init(), 0);
	ck_assert_int_eq(xenstore_init(), -ENODEV);
	ck_assert(!xenstore_available());
	ck_assert_int_eq(xenstore_read(0, "data", value, sizeof(value)), -ENODEV);
	ck_assert_int_eq(xenstore_emergency_write("data", "x"), -EIO);
}
END_TEST

START_TEST(resume_sets_watches_again)
{
	struct xenstore_watch watch = {.path = "data/w", .fn = watch_fired};
	char value[8];

	start(NULL);
	ck_assert_int_eq(xenstore_watch_add(&watch), 0);
	settle();
	requests[0] = (struct xenstore_request){.done = done, .arg = &requests[0]};
	mock_store_mute = true;
	ck_assert_int_eq(xenstore_submit(&requests[0], XS_READ, "data", 5), 0);
	events_disable();
	suspend_prepare();
	mock_start(NULL);
	ck_assert_int_eq(suspend_finish(), 0);
	events_restore(true);
	ck_assert_uint_eq(done_count, 1);
	ck_assert_int_eq(requests[0].result, -EIO);
	settle();
	ck_assert_uint_eq(events_seen[0], 2);
	mock_store_write("data/w", "1");
	settle();
	ck_assert_uint_eq(events_seen[0], 3);
	ck_assert_int_eq(xenstore_read(0, "data/w", value, sizeof(value)), 0);
}
END_TEST

START_TEST(random_chunks_and_orders)
{
	struct mock_config config = {.seed = test_seed + _i, .lazy_backends = _i % 2};
	char path[32], value[512], expected[512];

	start(&config);
	mock_store_reorder = true;
	for (unsigned int i = 0; i < 300; i++) {
		size_t bytes = mock_random_below(sizeof(value) - 1);

		mock_store_chunk_max = 1 + mock_random_below(1200);
		memset(expected, 'a' + i % 26, bytes);
		expected[bytes] = '\0';
		sprintf(path, "data/%u", i % 40);
		ck_assert_int_eq(xenstore_write(0, path, expected), 0);
		ck_assert_int_eq(xenstore_read(0, path, value, sizeof(value)), 0);
		ck_assert_str_eq(value, expected);
	}
}
END_TEST

static void stuck(void)
{
	exit(0);
}

START_TEST(adversary)
{
	struct mock_config config = {.seed = test_seed + _i, .lazy_backends = _i % 2};
	struct xenstore_watch watch = {.path = "data", .fn = watch_fired};
	char value[64];
	uint64_t number;
	size_t count;

	start(&config);
	mock_on_stuck = stuck;
	(void)xenstore_watch_add(&watch);
	mock_adversary(config.seed, 3 + _i);
	for (unsigned int i = 0; i < 100; i++) {
		(void)xenstore_write(0, "data/a", "12345");
		if (xenstore_read(0, "data/a", value, sizeof(value)) == 0 &&
		    strlen(value) >= sizeof(value))
			ck_abort();
		(void)xenstore_read_u64(0, "data/a", &number);
		(void)xenstore_directory(0, "data", value, sizeof(value), &count);
		mock_advance_ns(1000);
	}
	(void)xenstore_emergency_write("data/b", "x");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("xenstore");
	TCase *all = tcase_create("all");

	tcase_add_test(all, read_write_remove_directory);
	tcase_add_test(all, numbers_are_strict);
	tcase_add_test(all, transactions);
	tcase_add_loop_test(all, large_payloads_pass_a_small_ring, 0, 6);
	tcase_add_test(all, many_in_flight_in_any_order);
	tcase_add_test(all, watches);
	tcase_add_test(all, a_watch_may_remove_and_add_itself);
	tcase_add_test(all, a_mute_server_times_out);
	tcase_add_test(all, a_server_that_takes_nothing_times_out);
	tcase_add_test(all, unknown_replies_and_watches_are_dropped_and_counted);
	tcase_add_test(all, watch_floods_are_tolerated);
	tcase_add_test(all, an_endless_flood_does_not_keep_us);
	tcase_add_loop_test(all, violations_fail_requests, 0, 7);
	tcase_add_loop_test(all, impossible_indices_fail_requests, 0, 6);
	tcase_add_test(all, replies_are_cut_and_terminated);
	tcase_add_test(all, an_event_storm_is_backed_off);
	tcase_add_test(all, emergency_write);
	tcase_add_test(all, no_xenstore);
	tcase_add_test(all, resume_sets_watches_again);
	tcase_add_loop_test(all, random_chunks_and_orders, 0, 10);
	tcase_add_loop_test(all, adversary, 0, 40);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return suite;
}
