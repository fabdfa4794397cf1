/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links: duster/util/arena.c duster/util/text.c duster/util/map.c duster/util/problem.c
 */
#include <errno.h>
#include <string.h>

#include "duster/util/arena.h"
#include "duster/util/map.h"
#include "duster/util/problem.h"
#include "duster/util/text.h"
#include "test/host/check_main.h"

START_TEST(arena_memory_is_zeroed_and_aligned)
{
	struct arena arena;

	arena_init(&arena, 1 << 20);
	for (size_t bytes = 0; bytes < 3000; bytes += 7) {
		unsigned char *memory = arena_alloc(&arena, bytes);

		ck_assert_uint_eq((uintptr_t)memory % 16, 0);
		for (size_t i = 0; i < bytes; i++)
			test_require(memory[i] == 0);
		memset(memory, 0xff, bytes);
	}
	ck_assert_str_eq(arena_format(&arena, "%s-%d", "a", 5), "a-5");
	ck_assert_str_eq(arena_text_bytes(&arena, "hello", 2), "he");
	arena_reset(&arena);
	ck_assert_uint_eq(arena.bytes, 0);
}
END_TEST

START_TEST(arena_that_is_full_goes_back_to_its_guard)
{
	static struct arena arena;
	static jmp_buf guard;
	static volatile int rounds;

	arena_init(&arena, 1 << 20);
	arena.full = &guard;
	rounds = 0;
	if (setjmp(guard) == 0) {
		for (;;) {
			arena_alloc(&arena, 100000);
			rounds++;
			test_require(rounds < 100);
		}
	}
	ck_assert_int_gt(rounds, 5);
	/* A product that overflows is too much, too. */
	rounds = 0;
	if (setjmp(guard) == 0)
		arena_array(&arena, SIZE_MAX / 2, 16);
	else
		rounds = 1;
	ck_assert_int_eq(rounds, 1);
	arena_reset(&arena);
}
END_TEST

START_TEST(text_grows_and_escapes)
{
	struct text text = {0};

	ck_assert_str_eq(text_get(&text), "");
	for (int i = 0; i < 1000; i++)
		text_add(&text, "%d,", i);
	ck_assert_uint_eq(text.bytes, strlen(text_get(&text)));
	text_clear(&text);
	text_add_json(&text, "a\"b\\c\nd\1é\xff\xe0\x80\xf4\x90\x80\x80");
	ck_assert_str_eq(
		text_get(&text),
		"\"a\\\"b\\\\c\\nd\\u0001é\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"");
	text_free(&text);
}
END_TEST

START_TEST(text_has_a_limit)
{
	static char block[1 << 20];
	struct text text = {0};

	for (int i = 0; i < 20; i++)
		text_add_bytes(&text, block, sizeof(block));
	ck_assert(text.cut);
	ck_assert_uint_le(text.bytes, TEXT_BYTES_MAX);
	text_free(&text);
}
END_TEST

START_TEST(map_keeps_what_is_put)
{
	struct map map = {0};
	uint64_t value;

	ck_assert(!map_get(&map, 1, &value));
	ck_assert_int_eq(map_put(&map, MAP_NO_KEY, 1), -EINVAL);
	for (uint64_t key = 0; key < 100000; key++)
		test_require(map_put(&map, key << 12, key + 1) == 0);
	for (uint64_t key = 0; key < 100000; key++)
		test_require(map_get(&map, key << 12, &value) && value == key + 1);
	ck_assert(!map_get(&map, 1, &value));
	ck_assert_int_eq(map_put(&map, 0, 77), 0);
	ck_assert(map_get(&map, 0, &value));
	ck_assert_uint_eq(value, 77);
	ck_assert_uint_eq(map.used, 100000);
	map_free(&map);
}
END_TEST

START_TEST(problem_says_where)
{
	struct problem problem;

	ck_assert_int_eq(problem_set(&problem, -EINVAL, "no %s", "way"), -EINVAL);
	ck_assert_str_eq(problem.text, "no way");
	ck_assert_int_eq(problem.column, -1);
	ck_assert_int_eq(problem_set_at(&problem, -ENOENT, 3, "x"), -ENOENT);
	ck_assert_int_eq(problem.column, 3);
	ck_assert_int_eq(problem_set(NULL, -EIO, "nobody listens"), -EIO);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("duster/util");
	TCase *tests = tcase_create("util");

	tcase_add_test(tests, arena_memory_is_zeroed_and_aligned);
	tcase_add_test(tests, arena_that_is_full_goes_back_to_its_guard);
	tcase_add_test(tests, text_grows_and_escapes);
	tcase_add_test(tests, text_has_a_limit);
	tcase_add_test(tests, map_keeps_what_is_put);
	tcase_add_test(tests, problem_says_where);
	suite_add_tcase(suite, tests);
	return suite;
}
