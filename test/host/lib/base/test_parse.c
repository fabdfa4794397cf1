/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers and words as people write them; the words against the host's own shell.
 * Links: lib/base/parse.c
 */
#include "lib/base/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "test/host/check_main.h"

struct number {
	const char *text;
	int ret;
	uint64_t value;
};

static void check_numbers(const struct number *cases, size_t count,
			  int (*parse)(const char *text, uint64_t *value_out))
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 42;

		test_require(parse(cases[i].text, &value) == cases[i].ret);
		/* What fails leaves the result alone. */
		test_require(value == (cases[i].ret ? 42 : cases[i].value));
	}
}

START_TEST(test_numbers)
{
	static const struct number cases[] = {
		{"0", 0, 0},
		{"128", 0, 128},
		{"007", 0, 7},
		{"18446744073709551615", 0, UINT64_MAX},
		{"18446744073709551616", -ERANGE, 0},
		{"99999999999999999999999", -ERANGE, 0},
		{"0x10", 0, 16},
		{"0XfF", 0, 255},
		{"0xffffffffffffffff", 0, UINT64_MAX},
		{"0x10000000000000000", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"0x", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"1a", -EINVAL, 0},
		{"a", -EINVAL, 0},
		{"1\n", -EINVAL, 0},
	};

	check_numbers(cases, sizeof(cases) / sizeof(cases[0]), parse_u64);
}
END_TEST

START_TEST(test_number_of_given_length)
{
	uint64_t value;

	ck_assert_int_eq(parse_u64_bytes("0000012f", 8, 16, &value), 0);
	ck_assert_uint_eq(value, 0x12f);
	ck_assert_int_eq(parse_u64_bytes("755junk", 3, 8, &value), 0);
	ck_assert_uint_eq(value, 0755);
	ck_assert_int_eq(parse_u64_bytes("758", 3, 8, &value), -EINVAL);
	ck_assert_int_eq(parse_u64_bytes("7\0", 2, 8, &value), -EINVAL);
	ck_assert_int_eq(parse_u64_bytes("", 0, 8, &value), -EINVAL);
}
END_TEST

START_TEST(test_bytes)
{
	static const struct number cases[] = {
		{"0", 0, 0},
		{"128", 0, 128},
		{"64K", 0, 64 << 10},
		{"64k", 0, 64 << 10},
		{"4M", 0, 4 << 20},
		{"2g", 0, 2ULL << 30},
		{"1T", 0, 1ULL << 40},
		{"16777215T", 0, 16777215ULL << 40},
		{"16777216T", -ERANGE, 0},
		{"K", -EINVAL, 0},
		{"4MB", -EINVAL, 0},
		{"4 M", -EINVAL, 0},
		{"4.5M", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"-4M", -EINVAL, 0},
	};

	check_numbers(cases, sizeof(cases) / sizeof(cases[0]), parse_bytes);
}
END_TEST

START_TEST(test_bool)
{
	bool value = false;

	ck_assert_int_eq(parse_bool("yes", &value), 0);
	ck_assert(value);
	ck_assert_int_eq(parse_bool("off", &value), 0);
	ck_assert(!value);
	ck_assert_int_eq(parse_bool("1", &value), 0);
	ck_assert(value);
	ck_assert_int_eq(parse_bool("maybe", &value), -EINVAL);
	ck_assert_int_eq(parse_bool("", &value), -EINVAL);
	ck_assert(value);
}
END_TEST

/* The words joined by '|', or the error. */
static const char *words_of(const char *line)
{
	static char result[500], storage[500];
	char *words[50];
	size_t count;
	int ret = parse_words(line, storage, strlen(line) + 1, words, 50, &count);

	result[0] = '\0';
	if (ret) {
		snprintf(result, sizeof(result), "error %s", ret == -EINVAL ? "EINVAL" : "E2BIG");
		return result;
	}
	ck_assert_ptr_null(words[count]);
	for (size_t i = 0; i < count; i++) {
		strcat(result, i ? "|" : "");
		strcat(result, words[i]);
	}
	return result;
}

START_TEST(test_words)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"   \t\n ", ""},
		{"one", "one"},
		{" one  two\tthree\n", "one|two|three"},
		{"'single quoted' x", "single quoted|x"},
		{"'back\\slash \"and\" $x'", "back\\slash \"and\" $x"},
		{"\"double 'quoted' \\\" \\\\ \\$ \\` \\n\"", "double 'quoted' \" \\ $ ` \\n"},
		{"a\\ b \\'c\\' \\\"d \\\\", "a b|'c'|\"d|\\"},
		{"pre'fix'\"ed\"word", "prefixedword"},
		{"'' \"\" x", "||x"},
		{"NAME=value A='b c' -- prog -e \"print('x')\"",
		 "NAME=value|A=b c|--|prog|-e|print('x')"},
		{"con\\\ntinued", "continued"},
		{"a \\\n b", "a|b"},
		{"\"con\\\ntinued\"", "continued"},
		{"'unbalanced", "error EINVAL"},
		{"x \"unbalanced", "error EINVAL"},
		{"\"unbalanced\\\"", "error EINVAL"},
		{"'it''s' \"", "error EINVAL"},
		{"ends in backslash\\", "error EINVAL"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(words_of(cases[i][0]), cases[i][1]);
}
END_TEST

START_TEST(test_words_limits)
{
	char storage[20], *words[4];
	size_t count = 77;

	ck_assert_int_eq(parse_words("a b c", storage, 20, words, 4, &count), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(parse_words("a b c d", storage, 20, words, 4, &count), -E2BIG);
	ck_assert_int_eq(parse_words("a b c", storage, 6, words, 4, &count), 0);
	ck_assert_int_eq(parse_words("a b c", storage, 5, words, 4, &count), -E2BIG);
	ck_assert_int_eq(parse_words("", storage, 0, words, 0, &count), -E2BIG);
	ck_assert_int_eq(parse_words("", storage, 0, words, 1, &count), 0);
	ck_assert_uint_eq(count, 0);
}
END_TEST

/* What /bin/sh makes of the words, joined by '|'; NULL when it finds an error. */
static const char *shell_words(const char *line)
{
	static char result[1000];
	char name[] = "/tmp/test_parse.XXXXXX", command[100];
	int file = mkstemp(name);
	FILE *out, *in = fdopen(file, "w");
	size_t bytes;
	int status;

	fprintf(in, "set -f; set -- %s\nIFS='|'; printf %%s \"$*\"\n", line);
	fclose(in);
	snprintf(command, sizeof(command), "sh %s 2>/dev/null", name);
	out = popen(command, "r");
	bytes = fread(result, 1, sizeof(result) - 1, out);
	result[bytes] = '\0';
	status = pclose(out);
	unlink(name);
	return status ? NULL : result;
}

/* Random lines of what quoting is made of, without what a shell would expand. */
START_TEST(test_words_as_a_shell)
{
	static const char alphabet[] = "ab '\"\\ \tx'\"";

	for (int i = 0; i < 300; i++) {
		char line[24];
		size_t length = test_random() % 20;
		const char *shell, *mine;

		for (size_t at = 0; at < length; at++)
			line[at] = alphabet[test_random() % (sizeof(alphabet) - 1)];
		line[length] = '\0';
		/* A backslash at the end would swallow our newline in the script. */
		if (length && line[length - 1] == '\\')
			continue;
		mine = words_of(line);
		shell = shell_words(line);
		if (!shell)
			ck_assert_msg(strcmp(mine, "error EINVAL") == 0, "<%s>: <%s>", line, mine);
		else
			ck_assert_msg(strcmp(mine, shell) == 0, "<%s>: <%s>, sh <%s>", line, mine,
				      shell);
	}
}
END_TEST

/* Whatever the bytes: no write outside, storage of strlen + 1 is enough. */
START_TEST(test_words_any_bytes)
{
	for (int i = 0; i < 100000; i++) {
		char line[40], *words[41];
		size_t length = test_random() % 39, count;
		char *storage = malloc(length + 1);
		int ret;

		for (size_t at = 0; at < length; at++)
			line[at] = (char)(1 + test_random() % (i % 2 ? 255 : 96));
		line[length] = '\0';
		ret = parse_words(line, storage, strlen(line) + 1, words, 41, &count);
		test_require(ret == 0 || ret == -EINVAL);
		free(storage);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("parse");
	TCase *tcase = tcase_create("parse");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_numbers);
	tcase_add_test(tcase, test_number_of_given_length);
	tcase_add_test(tcase, test_bytes);
	tcase_add_test(tcase, test_bool);
	tcase_add_test(tcase, test_words);
	tcase_add_test(tcase, test_words_limits);
	tcase_add_test(tcase, test_words_as_a_shell);
	tcase_add_test(tcase, test_words_any_bytes);
	suite_add_tcase(suite, tcase);
	return suite;
}
