/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: what reaches the ring, what reaches the console, what happens when it is full.
 * Links: core/log.c lib/base/format.c test/host/fake_core.c test/host/fake_spinlock.c
 */
#include "core/log.h"

#include <stdio.h>
#include <string.h>

#include "core/console.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/host/fake_core.h"

static struct console *the_console;
static size_t console_room = 10000;

static size_t write_some(struct console *console, const void *bytes, size_t bytes_count)
{
	size_t taken = bytes_count < console_room ? bytes_count : console_room;

	(void)console;
	memcpy(fake_emergency_text + fake_emergency_bytes, bytes, taken);
	fake_emergency_bytes += taken;
	console_room -= taken;
	return taken;
}

static const struct console_ops ops = {.write = write_some};
static struct console fake_console = {.ops = &ops};

struct console *console_get(void)
{
	return the_console;
}

START_TEST(test_ring_keeps_everything)
{
	struct log_record record;
	uint64_t position = 0;
	char text[300];

	log_error("one %d", 1);
	log_debug("two");
	ck_assert(log_read(&position, &record, text, sizeof(text)));
	ck_assert_str_eq(text, "one 1");
	ck_assert_int_eq(record.level, LOG_ERROR);
	ck_assert_uint_eq(record.text_bytes, 5);
	ck_assert(log_read(&position, &record, text, 3));
	ck_assert_str_eq(text, "tw");
	ck_assert(!log_read(&position, &record, text, sizeof(text)));
	log_info("three");
	ck_assert(log_read(&position, &record, text, sizeof(text)));
	ck_assert_str_eq(text, "three");
}
END_TEST

START_TEST(test_oldest_go_first)
{
	struct log_record record;
	uint64_t position = 0, tsc = 0;
	char text[300], expected[300];
	int number = 0, count = 0;

	for (int i = 0; i < 10000; i++)
		log_debug("line %d %.*s", i, i % 190,
			  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	while (log_read(&position, &record, text, sizeof(text))) {
		ck_assert_int_eq(sscanf(text, "line %d", &number), 1);
		snprintf(expected, sizeof(expected), "line %d ", 10000 - 1);
		ck_assert_uint_gt(record.tsc, tsc);
		tsc = record.tsc;
		count++;
	}
	ck_assert_int_eq(number, 9999);
	ck_assert_int_gt(count, 10);
}
END_TEST

START_TEST(test_long_lines_are_cut)
{
	struct log_record record;
	uint64_t position = 0;
	char text[300];

	log_error("%0300d", 7);
	ck_assert(log_read(&position, &record, text, sizeof(text)));
	ck_assert_uint_eq(strlen(text), LOG_LINE_MAX);
}
END_TEST

START_TEST(test_levels)
{
	enum log_level level = LOG_ERROR;

	log_info("not shown");
	ck_assert_uint_eq(fake_emergency_bytes, 0);
	log_warn("shown");
	ck_assert_ptr_nonnull(strstr(fake_emergency_text, "shown"));
	ck_assert_int_eq(log_level_parse("debug", &level), 0);
	ck_assert_int_eq(level, LOG_DEBUG);
	ck_assert_int_eq(log_level_parse("loud", &level), -EINVAL);
	ck_assert_int_eq(level, LOG_DEBUG);
	log_set_console_level(level);
	log_debug("fine");
	ck_assert_ptr_nonnull(strstr(fake_emergency_text, "fine"));
}
END_TEST

START_TEST(test_console_that_is_full)
{
	struct log_record record;
	uint64_t position = 0;
	char text[300];

	the_console = &fake_console;
	console_room = 20;
	log_error("a line that does not fit");
	log_error("and another");
	ck_assert_uint_eq(fake_emergency_bytes, 20);
	ck_assert(log_read(&position, &record, text, sizeof(text)));
	ck_assert(log_read(&position, &record, text, sizeof(text)));
	ck_assert_str_eq(text, "and another");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");

	tcase_add_test(tcase, test_ring_keeps_everything);
	tcase_add_test(tcase, test_oldest_go_first);
	tcase_add_test(tcase, test_long_lines_are_cut);
	tcase_add_test(tcase, test_levels);
	tcase_add_test(tcase, test_console_that_is_full);
	suite_add_tcase(suite, tcase);
	return suite;
}
