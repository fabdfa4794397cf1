/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's formatter against the host's printf.
 * Links: lib/base/format.c
 */
#include "lib/base/format.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/host/check_main.h"

/* Volatile, so that the compiler does not judge the formats. */
static int (*volatile ours)(char *, size_t, const char *, ...) = format_text;
static int (*volatile theirs)(char *, size_t, const char *, ...) = snprintf;

#define SAME(...)                                                                                  \
	do {                                                                                       \
		char a[300], b[300];                                                               \
		int la = ours(a, sizeof(a), __VA_ARGS__), lb = theirs(b, sizeof(b), __VA_ARGS__);  \
		ck_assert_str_eq(a, b);                                                            \
		ck_assert_int_eq(la, lb);                                                          \
	} while (0)

START_TEST(test_plain)
{
	SAME("");
	SAME("text");
	SAME("100%%");
	SAME("%s and %s", "this", "that");
	SAME("%c%c%c", 'a', 'b', 'c');
	SAME("%5c|%-5c|", 'x', 'y');
	SAME("%d %i %u", -5, 77, 4000000000u);
	SAME("%x %X %o", 0xbeef, 0xbeef, 0777);
	SAME("%p", (void *)0x1234);
}
END_TEST

START_TEST(test_sizes)
{
	SAME("%hhd %hd %d %ld %lld", 0x1ff, 0x1ffff, -1, INT64_MIN, INT64_MAX);
	SAME("%hhu %hu %u %lu %llu", 0x1ff, 0x1ffff, -1, UINT64_MAX, UINT64_MAX);
	SAME("%zu %zd %ju %td", SIZE_MAX, (ssize_t)-3, UINTMAX_MAX, (ptrdiff_t)-9);
	SAME("%hhx %hx %lx", -1, -1, -1L);
	SAME("%ld", INT64_MIN);
}
END_TEST

START_TEST(test_strings)
{
	SAME("%.3s|%.0s|%10s|%-10s|%10.2s|", "abcdef", "abc", "right", "left", "cut");
	SAME("%.*s|%*s|%-*s|", 2, "abc", 6, "x", 6, "y");
	SAME("%*s|", -6, "negative width");
	SAME("%.*s|", -1, "negative precision");
}
END_TEST

static const char *const flags[] = {"",   "-",  "0",  "+",  " ",  "#",
				    "-0", "+0", "-+", "0#", "+ ", "-#"};

/* Every flag with every width, precision and conversion, for numbers at the edges. */
START_TEST(test_every_combination)
{
	static const long values[] = {0, 1, -1, 7, 8, 9, 10, -10, 255, 4096, INT64_MAX, INT64_MIN};
	static const char conversions[] = "diuxXo";

	for (size_t f = 0; f < sizeof(flags) / sizeof(flags[0]); f++)
		for (int width = -1; width < 24; width += 3)
			for (int precision = -1; precision < 24; precision += 4)
				for (size_t c = 0; c < 6; c++)
					for (size_t v = 0; v < 12; v++) {
						char format[40], number[12] = "", dot[12] = "";

						if (width >= 0)
							sprintf(number, "%d", width + 1);
						if (precision >= 0)
							sprintf(dot, ".%d", precision);
						sprintf(format, "[%%%s%s%sl%c]", flags[f], number,
							dot, conversions[c]);
						SAME(format, values[v]);
					}
}
END_TEST

START_TEST(test_room)
{
	for (size_t room = 0; room < 12; room++) {
		char a[16], b[16];

		memset(a, '~', sizeof(a));
		memset(b, '~', sizeof(b));
		ck_assert_int_eq(ours(a, room, "%d-%s", 1234, "abcd"), 9);
		ck_assert_int_eq(theirs(b, room, "%d-%s", 1234, "abcd"), 9);
		ck_assert_int_eq(memcmp(a, b, sizeof(a)), 0);
	}
	ck_assert_int_eq(ours(NULL, 0, "%d", 77), 2);
}
END_TEST

START_TEST(test_what_is_not_ours)
{
	char text[40];

	ours(text, sizeof(text), "%q");
	ck_assert_str_eq(text, "%q");
	ours(text, sizeof(text), "end %");
	ck_assert_str_eq(text, "end ");
	ours(text, sizeof(text), "%s", NULL);
	ck_assert_str_eq(text, "(null)");
	/* A width nobody means is bounded. */
	ck_assert_int_lt(ours(text, sizeof(text), "%99999999999d", 1), 10000000);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("format");
	TCase *tcase = tcase_create("format");

	tcase_add_test(tcase, test_plain);
	tcase_add_test(tcase, test_sizes);
	tcase_add_test(tcase, test_strings);
	tcase_add_test(tcase, test_every_combination);
	tcase_add_test(tcase, test_room);
	tcase_add_test(tcase, test_what_is_not_ours);
	suite_add_tcase(suite, tcase);
	return suite;
}
