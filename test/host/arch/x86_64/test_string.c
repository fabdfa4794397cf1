/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory functions against the host's, for every small length and alignment, both ways: with
 * vector registers and without.
 *
 * Links: test/host/arch/x86_64/string_renamed.S
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "test/host/check_main.h"

#define BYTES_MAX 1100u
#define ROOM      3000u

void *guest_memcpy(void *to, const void *from, size_t bytes);
void *guest_memmove(void *to, const void *from, size_t bytes);
void *guest_memset(void *to, int byte, size_t bytes);
int guest_memcmp(const void *left, const void *right, size_t bytes);

/* In the guest it is a byte of the vCPU. */
extern bool string_vectors;
bool string_vectors;

static unsigned char from[ROOM], want[ROOM], have[ROOM];

static void fill(void)
{
	for (size_t i = 0; i < ROOM; i++) {
		from[i] = (unsigned char)test_random();
		want[i] = have[i] = (unsigned char)test_random();
	}
}

/* i: 1 with vectors, 0 without. */
static void choose(int i)
{
	if (i && !__builtin_cpu_supports("avx"))
		exit(0);
	string_vectors = i;
}

START_TEST(copies)
{
	choose(_i);
	for (size_t bytes = 0; bytes < BYTES_MAX; bytes++)
		for (size_t at = 0; at < 34; at += bytes < 70 ? 1 : 11) {
			size_t source = test_random() % 64;

			if (at == 0)
				fill();
			memcpy(want + 64 + at, from + source, bytes);
			test_require(guest_memcpy(have + 64 + at, from + source, bytes) ==
				     have + 64 + at);
			test_require(memcmp(want, have, ROOM) == 0);
		}
}
END_TEST

START_TEST(moves_over_itself)
{
	choose(_i);
	for (size_t bytes = 0; bytes < BYTES_MAX; bytes++)
		for (int round = 0; round < 8; round++) {
			size_t to = test_random() % 600, source = test_random() % 600;

			if (round % 2)
				source = to + test_random() % 64;
			if (round == 0)
				fill();
			memcpy(want, have, ROOM);
			memmove(want + to, want + source, bytes);
			test_require(guest_memmove(have + to, have + source, bytes) == have + to);
			test_require(memcmp(want, have, ROOM) == 0);
		}
}
END_TEST

START_TEST(sets)
{
	choose(_i);
	fill();
	for (size_t bytes = 0; bytes < BYTES_MAX; bytes++)
		for (size_t at = 0; at < 34; at += bytes < 70 ? 1 : 11) {
			int value = (int)test_random();

			memset(want + at, value, bytes);
			test_require(guest_memset(have + at, value, bytes) == have + at);
			test_require(memcmp(want, have, ROOM) == 0);
		}
}
END_TEST

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

START_TEST(compares)
{
	for (size_t bytes = 0; bytes < 300; bytes++)
		for (size_t at = 0; at < 9; at++) {
			fill();
			memcpy(have, from + at, bytes);
			test_require(guest_memcmp(have, from + at, bytes) == 0);
			if (!bytes)
				continue;
			have[test_random() % bytes] ^= (unsigned char)(1 + test_random() % 255);
			have[test_random() % bytes] ^= (unsigned char)test_random();
			test_require(sign(guest_memcmp(have, from + at, bytes)) ==
				     sign(memcmp(have, from + at, bytes)));
		}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("string");
	TCase *tcase = tcase_create("string");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, copies, 0, 2);
	tcase_add_loop_test(tcase, moves_over_itself, 0, 2);
	tcase_add_loop_test(tcase, sets, 0, 2);
	tcase_add_test(tcase, compares);
	suite_add_tcase(suite, tcase);
	return suite;
}
