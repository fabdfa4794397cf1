/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's command line: options, environment, arguments.
 *
 * Links: lib/posix/cmdline.c lib/base/parse.c lib/base/format.c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "lib/posix/cmdline.h"
#include "test/host/check_main.h"

static struct cmdline cmdline;

static int parse(const char *line)
{
	memset(&cmdline, 0, sizeof(cmdline));
	return cmdline_parse(&cmdline, line, "prog");
}

/* The words of a list, joined by |. */
static const char *joined(char *const *words)
{
	static char text[2048];

	text[0] = '\0';
	for (; *words; words++) {
		strcat(text, *words);
		strcat(text, "|");
	}
	return text;
}

START_TEST(empty)
{
	ck_assert_int_eq(parse(""), 0);
	ck_assert_str_eq(joined(cmdline.arguments), "prog|");
	ck_assert_int_eq(cmdline.arguments_count, 1);
	ck_assert_ptr_null(cmdline.environment[0]);
	ck_assert_int_eq(cmdline.log_level, -1);
	ck_assert_uint_eq(cmdline.stack_bytes, 0);
	ck_assert_uint_eq(cmdline.shutdown_grace_s, 30);
}
END_TEST

START_TEST(sorting)
{
	ck_assert_int_eq(parse("log=info A=1 first B='two words' stack=64K -- C=3 \"a  b\" -- ''"),
			 0);
	ck_assert_str_eq(joined(cmdline.arguments), "prog|first|C=3|a  b|--||");
	ck_assert_int_eq(cmdline.arguments_count, 6);
	ck_assert_str_eq(joined(cmdline.environment), "A=1|B=two words|");
	ck_assert_int_eq(cmdline.log_level, LOG_INFO);
	ck_assert_uint_eq(cmdline.stack_bytes, 65536);
}
END_TEST

START_TEST(no_assignment)
{
	/* What looks like one but is none is an argument. */
	ck_assert_int_eq(parse("=x 1A=2 a-b=3 _ok=4 /path=5"), 0);
	ck_assert_str_eq(joined(cmdline.arguments), "prog|=x|1A=2|a-b=3|/path=5|");
	ck_assert_str_eq(joined(cmdline.environment), "_ok=4|");
	/* Only whole names are options. */
	ck_assert_int_eq(parse("logs=info stack_bytes=1 LOG=debug"), 0);
	ck_assert_str_eq(joined(cmdline.environment), "logs=info|stack_bytes=1|LOG=debug|");
	ck_assert_int_eq(cmdline.log_level, -1);
}
END_TEST

START_TEST(options)
{
	ck_assert_int_eq(parse("log=error shutdown_grace=0 stack=1T evtchn=2l"), 0);
	ck_assert_int_eq(cmdline.log_level, LOG_ERROR);
	ck_assert_uint_eq(cmdline.shutdown_grace_s, 0);
	ck_assert_uint_eq(cmdline.stack_bytes, 1ULL << 40);
	ck_assert_ptr_null(cmdline.environment[0]);
	/* Behind -- they are the program's. */
	ck_assert_int_eq(parse("-- log=nonsense"), 0);
	ck_assert_str_eq(joined(cmdline.arguments), "prog|log=nonsense|");
}
END_TEST

START_TEST(refused)
{
	static const char *const lines[] = {"log=loud",
					    "stack=1",
					    "stack=2T",
					    "stack=",
					    "shutdown_grace=-1",
					    "shutdown_grace=86401",
					    "A='open",
					    "\"open",
					    "x\\"};

	ck_assert_int_eq(parse(lines[_i]), -EINVAL);
	ck_assert_str_ne(cmdline.error, "");
	/* Whatever happened, it can be used. */
	ck_assert_ptr_nonnull(cmdline.arguments[0]);
	ck_assert_ptr_null(cmdline.arguments[cmdline.arguments_count]);
}
END_TEST

START_TEST(long_lines)
{
	char line[CMDLINE_BYTES_MAX + 100];

	for (size_t i = 0; i < CMDLINE_BYTES_MAX - 1; i++)
		line[i] = i % 2 ? ' ' : 'x';
	line[CMDLINE_BYTES_MAX - 1] = '\0';
	ck_assert_int_eq(parse(line), -EINVAL);
	ck_assert_str_eq(cmdline.error, "too long");
	line[2 * CMDLINE_WORDS_MAX] = '\0';
	ck_assert_int_eq(parse(line), 0);
	ck_assert_int_eq(cmdline.arguments_count, CMDLINE_WORDS_MAX + 1);
	memset(line, 'y', CMDLINE_BYTES_MAX - 1);
	line[CMDLINE_BYTES_MAX - 1] = '\0';
	ck_assert_int_eq(parse(line), 0);
	ck_assert_uint_eq(strlen(cmdline.arguments[1]), CMDLINE_BYTES_MAX - 1);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("cmdline");
	TCase *all = tcase_create("all");

	tcase_add_test(all, empty);
	tcase_add_test(all, sorting);
	tcase_add_test(all, no_assignment);
	tcase_add_test(all, options);
	tcase_add_loop_test(all, refused, 0, 9);
	tcase_add_test(all, long_lines);
	suite_add_tcase(suite, all);
	return suite;
}
