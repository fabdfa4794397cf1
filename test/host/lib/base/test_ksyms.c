/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoder of the table of function names. test/toolchain checks it against tools/mkksyms on
 * real images; here tables are made by hand, and broken.
 *
 * Links: lib/base/ksyms.c
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/ksyms.h"
#include "test/host/check_main.h"

#define BASE       0x400000u
#define TEXT_BYTES 0x2000u

/*
 * _start at +0, heap_alloc at +16, heap_free at +0x123, far away a long name; tokens: 128 "he",
 * 129 "ap", 130 = 128 129.
 */
static const uint8_t sample[] = {
	0x53, 0x4b, 0x53, 0x32, 93,   0,    0,    0,    0x00, 0x00, 0x40, 0,   0,    0,    0,
	0,    0x00, 0x20, 0,    0,    4,    0,    0,    0,    3,    0,    0,   0,    'h',  'e',
	'a',  'p',  128,  129,  0x06, 0x00, '_',  's',  't',  'a',  'r',  't', 0x07, 0x01, 130,
	'_',  'a',  'l',  'l',  'o',  'c',  0x36, 0x11, 130,  '_',  'f',  'r', 'e',  'e',  0xff,
	0xff, 16,   0x00, 0x10, 0,    0,    'a',  'b',  'c',  'd',  'e',  'f', 'g',  'h',  'i',
	'j',  'k',  'l',  'm',  'n',  'o',  'p',  0,    0,    0,    0,    0,   0,    0};

static int look(const void *table, uintptr_t addr, const char *want, uintptr_t want_start)
{
	char name[32];
	uintptr_t start;
	int result = ksyms_lookup(table, addr, name, sizeof(name), &start);

	if (result == 0) {
		ck_assert_str_eq(name, want);
		ck_assert_uint_eq(start, want_start);
	}
	return result;
}

START_TEST(finds)
{
	ck_assert_int_eq(look(sample, BASE, "_start", BASE), 0);
	ck_assert_int_eq(look(sample, BASE + 15, "_start", BASE), 0);
	ck_assert_int_eq(look(sample, BASE + 16, "heap_alloc", BASE + 16), 0);
	ck_assert_int_eq(look(sample, BASE + 0x122, "heap_alloc", BASE + 16), 0);
	ck_assert_int_eq(look(sample, BASE + 0x123, "heap_free", BASE + 0x123), 0);
	ck_assert_int_eq(look(sample, BASE + 0x1122, "heap_free", BASE + 0x123), 0);
	ck_assert_int_eq(look(sample, BASE + 0x1fff, "abcdefghijklmnop", BASE + 0x1123), 0);
}
END_TEST

START_TEST(bounds)
{
	ck_assert_int_eq(look(sample, BASE - 1, "", 0), -ENOENT);
	ck_assert_int_eq(look(sample, BASE + TEXT_BYTES, "", 0), -ENOENT);
	ck_assert_int_eq(look(sample, 0, "", 0), -ENOENT);
	ck_assert_int_eq(look(sample, UINTPTR_MAX, "", 0), -ENOENT);
	ck_assert_int_eq(look(NULL, BASE, "", 0), -ENOENT);
}
END_TEST

START_TEST(short_buffers)
{
	char name[32];
	uintptr_t start;

	ck_assert_int_eq(ksyms_lookup(sample, BASE + 16, name, 0, &start), -ENOENT);
	for (size_t room = 1; room <= 11; room++) {
		memset(name, 'x', sizeof(name));
		ck_assert_int_eq(ksyms_lookup(sample, BASE + 16, name, room, &start), 0);
		ck_assert_uint_eq(strlen(name), room - 1);
		ck_assert_int_eq(strncmp(name, "heap_alloc", room - 1), 0);
		ck_assert_int_eq(name[room], 'x');
	}
}
END_TEST

/* Any bytes at all, cut anywhere: an answer within the buffer, no read outside (ASan), an end. */
START_TEST(corrupt)
{
	for (int round = 0; round < 200000; round++) {
		size_t bytes = KSYMS_HEADER_BYTES + test_random() % (sizeof(sample) - 28);
		uint8_t *table = malloc(bytes);
		char name[24];
		uintptr_t start;

		ck_assert_ptr_nonnull(table);
		memcpy(table, sample, bytes);
		for (int i = test_random() % 8; i > 0; i--)
			table[test_random() % bytes] = (uint8_t)test_random();
		memcpy(table, sample, 4);
		table[4] = (uint8_t)bytes;
		table[5] = table[6] = table[7] = 0;
		memset(name, 'x', sizeof(name));
		uintptr_t addr = BASE + test_random() % (2 * TEXT_BYTES);
		int result = ksyms_lookup(table, addr, name, sizeof(name), &start);

		if (result == 0)
			ck_assert_uint_lt(strnlen(name, sizeof(name)), sizeof(name));
		else
			ck_assert_int_eq(result, -ENOENT);
		free(table);
	}
}
END_TEST

/* Tokens that stand for themselves or for greater ones end as question marks. */
START_TEST(token_loops)
{
	uint8_t table[sizeof(sample)];

	memcpy(table, sample, sizeof(sample));
	table[32] = 130;
	ck_assert_int_eq(look(table, BASE + 16, "?_alloc", BASE + 16), 0);
	table[32] = 200;
	ck_assert_int_eq(look(table, BASE + 16, "?_alloc", BASE + 16), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("ksyms");
	TCase *all = tcase_create("all");

	tcase_add_test(all, finds);
	tcase_add_test(all, bounds);
	tcase_add_test(all, short_buffers);
	tcase_add_test(all, corrupt);
	tcase_add_test(all, token_loops);
	suite_add_tcase(suite, all);
	return suite;
}
