/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console driver over the mock's back end, and over hostile ones.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 * Links: xen/ring.c core/suspend.c core/console.c drivers/xencons.c
 */
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/pv/boot.h"
#include "core/console.h"
#include "core/events.h"
#include "core/suspend.h"
#include "core/time.h"
#include "drivers/xencons.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"
#include "xen/evtchn.h"

static struct console *console;

static void start(const struct mock_config *config)
{
	mock_start(config);
	ck_assert_int_eq(events_init(), 0);
	time_init();
	ck_assert_ptr_null(console_get());
	ck_assert_int_eq(xencons_init(), 0);
	console = console_get();
	ck_assert_ptr_nonnull(console);
	events_restore(true);
}

static size_t put(const char *text)
{
	return console->ops->write(console, text, strlen(text));
}

/* As the layer above: waits for room. */
static void put_all(const char *text)
{
	size_t left = strlen(text), written = 0;

	while (left) {
		ck_assert_int_eq(waitq_wait(&console->queue,
					    (written = console->ops->write(console, text, left)),
					    TIME_NEVER, false),
				 0);
		text += written;
		left -= written;
	}
}

START_TEST(output_before_events_are_enabled)
{
	mock_start(NULL);
	ck_assert_int_eq(events_init(), 0);
	ck_assert_int_eq(xencons_init(), 0);
	console = console_get();
	ck_assert_uint_eq(put("hello"), 5);
	ck_assert_str_eq(mock_console_output(), "hello");
}
END_TEST

START_TEST(output_of_early_boot_is_kept)
{
	struct xencons_interface *ring;

	mock_start(NULL);
	ring = mock_console_page();
	memcpy(ring->out, "early ", 6);
	ring->out_prod = 6;
	ck_assert_int_eq(events_init(), 0);
	ck_assert_int_eq(xencons_init(), 0);
	console = console_get();
	put("late");
	ck_assert_str_eq(mock_console_output(), "early late");
}
END_TEST

START_TEST(one_write_one_notification)
{
	unsigned int before;

	start(NULL);
	mock_console_take_max = 0;
	before = mock_counts.hypercalls[__HYPERVISOR_event_channel_op];
	ck_assert_uint_eq(put("some text\n"), 10);
	ck_assert_uint_eq(mock_counts.hypercalls[__HYPERVISOR_event_channel_op], before + 1);
	ck_assert_uint_eq(console->ops->write(console, "", 0), 0);
	ck_assert_uint_eq(mock_counts.hypercalls[__HYPERVISOR_event_channel_op], before + 1);
}
END_TEST

START_TEST(what_is_written_meanwhile_is_announced_after_the_event)
{
	struct mock_config config = {.lazy_backends = true};
	unsigned int before;

	start(&config);
	before = mock_counts.hypercalls[__HYPERVISOR_event_channel_op];
	put("one ");
	put("two ");
	ck_assert_uint_eq(mock_counts.hypercalls[__HYPERVISOR_event_channel_op], before + 1);
	mock_console_take_max = 4;
	mock_run_backends();
	ck_assert_str_eq(mock_console_output(), "one ");
	mock_deliver();
	ck_assert_uint_eq(mock_counts.hypercalls[__HYPERVISOR_event_channel_op], before + 2);
	mock_run_backends();
	mock_deliver();
	ck_assert_str_eq(mock_console_output(), "one two ");
	ck_assert_uint_eq(mock_counts.hypercalls[__HYPERVISOR_event_channel_op], before + 2);
}
END_TEST

/* A report somebody asked for: the driver's own event does not come. */
START_TEST(with_events_disabled_everything_is_announced)
{
	char text[6001];
	size_t written = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	start(NULL);
	events_disable();
	mock_console_take_max = 7;
	/* It takes a little of what is there each time it is told. */
	for (unsigned int i = 0; i < 1000 && written < sizeof(text) - 1; i++)
		written += put(text + written);
	ck_assert_uint_eq(written, sizeof(text) - 1);
	ck_assert_uint_ge(strlen(mock_console_output()), sizeof(text) - 1 - 2048);
	events_restore(true);
	ck_assert(console_drain(TIME_NEVER));
	ck_assert_str_eq(mock_console_output(), text);
}
END_TEST

START_TEST(a_full_ring_gives_a_short_count_then_wakes)
{
	struct mock_config config = {.lazy_backends = true};
	char *text = malloc(100001);

	start(&config);
	for (size_t i = 0; i < 100000; i++)
		text[i] = (char)('a' + i % 26);
	text[100000] = '\0';
	mock_console_take_max = 100;
	ck_assert_uint_eq(put(text), 2048);
	ck_assert_uint_eq(put(text + 2048), 0);
	put_all(text + 2048);
	ck_assert(!console->ops->drained(console));
	ck_assert(console_drain(TIME_NEVER));
	ck_assert_str_eq(mock_console_output(), text);
	/* every wake-up had a reason: at most one for each time the back end ran */
	ck_assert_uint_le(mock_counts.blocks, 1100);
	free(text);
}
END_TEST

START_TEST(nobody_drains)
{
	uint64_t deadline;

	start(NULL);
	ck_assert(console_drain(TIME_NEVER));
	mock_console_take_max = 0;
	put("lost");
	deadline = time_monotonic_ns() + NS_PER_S;
	ck_assert(!console_drain(deadline));
	ck_assert_uint_ge(time_monotonic_ns(), deadline);
	ck_assert_uint_le(mock_counts.blocks, 2);
}
END_TEST

static char input[4096];
static size_t input_bytes;

static void take_input(struct console *from, void *arg)
{
	ck_assert_ptr_eq(arg, input);
	ck_assert(!events_enabled());
	input_bytes += from->ops->read(from, input + input_bytes, sizeof(input) - input_bytes);
}

START_TEST(input_arrives_through_the_callback)
{
	start(NULL);
	console->input_arg = input;
	console->input = take_input;
	mock_console_input("one line\n");
	mock_run_backends();
	mock_deliver();
	ck_assert_uint_eq(input_bytes, 9);
	ck_assert_mem_eq(input, "one line\n", 9);
	for (unsigned int i = 0; i < 300; i++)
		mock_console_input("0123456789");
	/* more than the ring holds: the rest comes as we take it */
	mock_run_backends();
	mock_deliver();
	ck_assert_uint_eq(input_bytes, 3009);
	ck_assert_mem_eq(input + 2999, "0123456789", 10);
}
END_TEST

START_TEST(input_is_kept_until_somebody_reads)
{
	char buffer[16];

	start(NULL);
	mock_console_input("abc");
	mock_run_backends();
	mock_deliver();
	ck_assert_uint_eq(console->ops->read(console, buffer, 2), 2);
	ck_assert_uint_eq(console->ops->read(console, buffer + 2, 14), 1);
	ck_assert_mem_eq(buffer, "abc", 3);
	ck_assert_uint_eq(console->ops->read(console, buffer, 16), 0);
}
END_TEST

START_TEST(an_event_storm_is_backed_off)
{
	start(NULL);
	for (unsigned int i = 0; i < 10000; i++) {
		mock_evtchn_raise(MOCK_CONSOLE_PORT);
		mock_advance_ns(100000);
	}
	ck_assert_uint_lt(mock_counts.upcalls, 60);
	/* and the console still works after it */
	mock_advance_ns(2 * NS_PER_S);
	console->input_arg = input;
	console->input = take_input;
	mock_console_input("x");
	mock_run_backends();
	mock_deliver();
	mock_advance_ns(2 * NS_PER_S);
	ck_assert_uint_eq(input_bytes, 1);
}
END_TEST

/* Each index at each impossible value: the program goes on, output vanishes, input ends. */
START_TEST(an_impossible_index_stops_the_console)
{
	static const uint32_t bad[] = {4097, 0x7fffffff, 0x80000000, 0xfffff000};
	struct xencons_interface *ring;
	char buffer[64];

	start(NULL);
	ring = mock_console_page();
	put("before");
	mock_console_take_max = 0;
	if (_i % 2)
		ring->in_prod = ring->in_cons + bad[_i / 2];
	else
		ring->out_cons = ring->out_prod + bad[_i / 2];
	mock_evtchn_raise(MOCK_CONSOLE_PORT);
	ck_assert_ptr_nonnull(strstr(mock_log(), "impossible ring index"));
	ck_assert_ptr_null(strstr(strchr(mock_log(), '\n') + 1, "impossible"));
	ck_assert_uint_eq(put("after"), 5);
	if (!(_i % 2))
		ck_assert(console_drain(TIME_NEVER));
	ck_assert_uint_eq(_i % 2 ? console->ops->read(console, buffer, 64) : 0, 0);
}
END_TEST

START_TEST(nothing_where_the_ring_should_be)
{
	mock_start(NULL);
	ck_assert_int_eq(events_init(), 0);
	boot_info.console_mfn = 0x123456789;
	ck_assert_int_eq(xencons_init(), -ENODEV);
	ck_assert_ptr_null(console_get());
	ck_assert(console_drain(TIME_NEVER));
}
END_TEST

START_TEST(the_initial_domain_uses_xens_console)
{
	struct mock_config config = {.initial_domain = true};

	start(&config);
	put_all("to Xen\n");
	ck_assert_str_eq(mock_console_output(), "to Xen\n");
	ck_assert(console_drain(TIME_NEVER));
	console->input_arg = input;
	console->input = take_input;
	mock_console_input("from Xen");
	mock_deliver();
	ck_assert_mem_eq(input, "from Xen", 8);
}
END_TEST

START_TEST(resume_continues)
{
	start(NULL);
	put("one ");
	events_disable();
	suspend_prepare();
	mock_evtchn_reset();
	/* the page keeps its contents, the port is new */
	boot_info.console_port = mock_evtchn_create(NULL, NULL);
	ck_assert_int_eq(suspend_finish(), 0);
	events_restore(true);
	put("two");
	mock_run_backends();
	ck_assert_str_eq(mock_console_output(), "one two");
}
END_TEST

static void stuck(void)
{
	exit(0);
}

/* The adversary scribbles over indices and bytes while the guest reads and writes. */
START_TEST(adversary)
{
	struct mock_config config = {.seed = test_seed + _i, .lazy_backends = true};
	char buffer[256];

	start(&config);
	mock_on_stuck = stuck;
	mock_adversary(config.seed, 5);
	for (unsigned int i = 0; i < 2000; i++) {
		size_t bytes = mock_random_below(sizeof(buffer));

		if (console->ops->write(console, buffer, bytes) > bytes)
			ck_abort();
		if (console->ops->read(console, buffer, bytes) > bytes)
			ck_abort();
		mock_run_backends();
		mock_deliver();
	}
	console_drain(time_monotonic_ns() + NS_PER_S);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("xencons");
	TCase *all = tcase_create("all");

	tcase_add_test(all, output_before_events_are_enabled);
	tcase_add_test(all, output_of_early_boot_is_kept);
	tcase_add_test(all, one_write_one_notification);
	tcase_add_test(all, what_is_written_meanwhile_is_announced_after_the_event);
	tcase_add_test(all, with_events_disabled_everything_is_announced);
	tcase_add_test(all, a_full_ring_gives_a_short_count_then_wakes);
	tcase_add_test(all, nobody_drains);
	tcase_add_test(all, input_arrives_through_the_callback);
	tcase_add_test(all, input_is_kept_until_somebody_reads);
	tcase_add_test(all, an_event_storm_is_backed_off);
	tcase_add_loop_test(all, an_impossible_index_stops_the_console, 0, 8);
	tcase_add_test(all, nothing_where_the_ring_should_be);
	tcase_add_test(all, the_initial_domain_uses_xens_console);
	tcase_add_test(all, resume_continues);
	tcase_add_loop_test(all, adversary, 0, 30);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return suite;
}
