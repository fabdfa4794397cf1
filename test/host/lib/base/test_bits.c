/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits, bitmaps, lists, and ChaCha20 against its RFC.
 * Links: lib/base/chacha20.c
 */
#include "lib/base/bits.h"
#include "lib/base/chacha20.h"
#include "lib/base/list.h"
#include "test/host/check_main.h"

START_TEST(test_logarithms)
{
	ck_assert_uint_eq(ilog2(1), 0);
	ck_assert_uint_eq(ilog2(4095), 11);
	ck_assert_uint_eq(ilog2(4096), 12);
	ck_assert_uint_eq(ilog2(UINT64_MAX), 63);
	ck_assert_uint_eq(ilog2_up(1), 0);
	ck_assert_uint_eq(ilog2_up(2), 1);
	ck_assert_uint_eq(ilog2_up(3), 2);
	ck_assert_uint_eq(ilog2_up(4096), 12);
	ck_assert_uint_eq(ilog2_up(4097), 13);
	ck_assert(is_power_of_two(1) && is_power_of_two(1ULL << 63));
	ck_assert(!is_power_of_two(0) && !is_power_of_two(6));
}
END_TEST

START_TEST(test_alignment)
{
	ck_assert_uint_eq(align_up(0, 16), 0);
	ck_assert_uint_eq(align_up(1, 16), 16);
	ck_assert_uint_eq(align_up(16, 16), 16);
	ck_assert_uint_eq(align_down(31, 16), 16);
	ck_assert(is_aligned(48, 16) && !is_aligned(40, 16));
}
END_TEST

START_TEST(test_counting)
{
	for (int i = 0; i < 10000; i++) {
		uint64_t value = test_random() & test_random();

		test_require(bits_count(value) == ((unsigned int)__builtin_popcountll(value)));
	}
	ck_assert_uint_eq(bits_count(0), 0);
	ck_assert_uint_eq(bits_count(UINT64_MAX), 64);
}
END_TEST

START_TEST(test_bitmap)
{
	uint64_t map[BITMAP_WORDS(130)] = {0};

	ck_assert_uint_eq(sizeof(map), 24);
	ck_assert_uint_eq(bitmap_find(map, 130, 0, true), 130);
	ck_assert_uint_eq(bitmap_find(map, 130, 0, false), 0);
	bitmap_set(map, 129);
	bitmap_set(map, 64);
	ck_assert_uint_eq(bitmap_find(map, 130, 0, true), 64);
	ck_assert_uint_eq(bitmap_find(map, 130, 65, true), 129);
	ck_assert_uint_eq(bitmap_find(map, 129, 65, true), 129);
	ck_assert_uint_eq(bitmap_find(map, 130, 64, false), 65);
	ck_assert(bitmap_test(map, 129) && !bitmap_test(map, 128));
	bitmap_clear(map, 129);
	ck_assert_uint_eq(bitmap_find(map, 130, 65, true), 130);
	for (size_t i = 0; i < 130; i++)
		bitmap_set(map, i);
	ck_assert_uint_eq(bitmap_find(map, 130, 0, false), 130);
}
END_TEST

struct item {
	int number;
	struct list_node node;
};

START_TEST(test_list)
{
	struct list_node head = LIST_INIT(head), *node, *after;
	struct item items[5];
	int sum = 0;

	ck_assert(list_empty(&head));
	for (int i = 0; i < 5; i++) {
		items[i].number = i;
		list_append(&head, &items[i].node);
	}
	list_remove(&items[2].node);
	list_remove(&items[2].node);
	list_insert_before(&items[0].node, &items[2].node);
	ck_assert_int_eq(container_of(head.next, struct item, node)->number, 2);
	list_for_each_safe (node, after, &head) {
		sum = sum * 10 + container_of(node, struct item, node)->number;
		list_remove(node);
	}
	ck_assert_int_eq(sum, 20134);
	ck_assert(list_empty(&head));
}
END_TEST

/* RFC 8439 2.3.2 */
START_TEST(test_chacha20)
{
	static const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0};
	static const uint32_t expected[CHACHA20_BLOCK_WORDS] = {
		0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3, 0xc7f4d1c7, 0x0368c033,
		0x9aaa2204, 0x4e6cd4c3, 0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
		0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2,
	};
	uint32_t key[CHACHA20_KEY_WORDS], block[CHACHA20_BLOCK_WORDS];

	for (uint32_t i = 0; i < CHACHA20_KEY_WORDS; i++)
		key[i] = 0x03020100 + 0x04040404 * i;
	chacha20_block(key, 1, nonce, block);
	for (int i = 0; i < CHACHA20_BLOCK_WORDS; i++)
		test_require(block[i] == (expected[i]));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("bits");
	TCase *tcase = tcase_create("bits");

	tcase_add_test(tcase, test_logarithms);
	tcase_add_test(tcase, test_alignment);
	tcase_add_test(tcase, test_counting);
	tcase_add_test(tcase, test_bitmap);
	tcase_add_test(tcase, test_list);
	tcase_add_test(tcase, test_chacha20);
	suite_add_tcase(suite, tcase);
	return suite;
}
