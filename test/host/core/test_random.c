/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers: refused before seeding, never the same twice, nothing left behind.
 * Links: core/random.c lib/base/chacha20.c test/host/fake_core.c test/host/fake_spinlock.c
 */
#include "core/random.h"

#include <string.h>

#include "lib/base/error.h"
#include "test/host/check_main.h"

START_TEST(test_refused_before_seeded)
{
	unsigned char bytes[4] = {1, 2, 3, 4};

	ck_assert_int_eq(random_get(bytes, 4), -EAGAIN);
	ck_assert_int_eq(memcmp(bytes, "\1\2\3\4", 4), 0);
	random_mix(12345);
	ck_assert_int_eq(random_get(bytes, 4), -EAGAIN);
	random_init();
	ck_assert_int_eq(random_get(bytes, 4), 0);
}
END_TEST

START_TEST(test_never_repeats)
{
	static uint64_t seen[1000];

	for (int i = 0; i < 1000; i++) {
		/* As if booted again and again: statics stay, but seeding alone must suffice. */
		if (i % 5 == 0)
			random_init();
		if (i % 7 == 0)
			random_mix((uint64_t)i);
		test_require(random_get(&seen[i], sizeof(seen[i])) == (0));
		for (int j = 0; j < i; j++)
			test_require(seen[i] != (seen[j]));
	}
}
END_TEST

START_TEST(test_every_length)
{
	unsigned char bytes[300];

	random_init();
	for (size_t length = 0; length < 260; length++) {
		unsigned int ones = 0;

		memset(bytes, 0, sizeof(bytes));
		test_require(random_get(bytes, length) == (0));
		for (size_t i = length; i < sizeof(bytes); i++)
			test_require(bytes[i] == (0));
		for (size_t i = 0; i < length; i++)
			ones += (unsigned int)__builtin_popcount(bytes[i]);
		/* Half the bits, within 8 standard deviations. */
		if (length >= 32)
			ck_assert(ones > 4 * length - 8 * length / 5 &&
				  ones < 4 * length + 8 * length / 5);
	}
}
END_TEST

/* Each bit of a million is as often one as zero, and so is each pair of neighbours equal. */
START_TEST(test_even)
{
	unsigned int ones[64] = {0}, equal = 0;
	uint64_t value, before = 0;

	random_init();
	for (int i = 0; i < 16384; i++) {
		random_get(&value, sizeof(value));
		for (int bit = 0; bit < 64; bit++)
			ones[bit] += value >> bit & 1;
		equal += (unsigned int)__builtin_popcountll(~(value ^ before));
		before = value;
	}
	for (int bit = 0; bit < 64; bit++)
		test_require(ones[bit] > 8192 - 512 && ones[bit] < 8192 + 512);
	ck_assert(equal > 524288 - 4096 && equal < 524288 + 4096);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("random");
	TCase *tcase = tcase_create("random");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_refused_before_seeded);
	tcase_add_test(tcase, test_never_repeats);
	tcase_add_test(tcase, test_every_length);
	tcase_add_test(tcase, test_even);
	suite_add_tcase(suite, tcase);
	return suite;
}
