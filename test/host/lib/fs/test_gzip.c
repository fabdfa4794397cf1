/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Expanding what the machine's own gzip writes, and what nobody should.
 *
 * Links: lib/fs/gzip.c
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fs/gzip.h"
#include "test/host/check_main.h"

#define BYTES_MAX (1u << 20)

static uint8_t plain[BYTES_MAX], packed[2 * BYTES_MAX], out[BYTES_MAX];

/* Lets gzip compress plain[0 … bytes); yields how many bytes that makes. */
static size_t pack(size_t bytes, const char *options)
{
	char path[] = "/tmp/test_gzip_XXXXXX", command[200];
	int fd = mkstemp(path);
	size_t packed_bytes;
	FILE *pipe;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, plain, bytes), (ssize_t)bytes);
	close(fd);
	snprintf(command, sizeof(command), "gzip -c %s %s", options, path);
	pipe = popen(command, "r");
	packed_bytes = fread(packed, 1, sizeof(packed), pipe);
	ck_assert_int_eq(pclose(pipe), 0);
	unlink(path);
	return packed_bytes;
}

/* Text, runs, noise: what makes all kinds of blocks and distances. */
static void fill(size_t bytes)
{
	for (size_t i = 0; i < bytes;) {
		size_t run = test_random() % 3000 + 1, kind = test_random() % 4;
		size_t from = i ? test_random() % i : 0;

		for (; run > 0 && i < bytes; run--, i++)
			plain[i] = kind == 0           ? (uint8_t)test_random()
				   : kind == 1         ? 'x'
				   : kind == 2 && from ? plain[from++]
						       : (uint8_t)("stardust"[i % 8] + run % 3);
	}
}

static void round_trip(size_t bytes, const char *options)
{
	size_t packed_bytes = pack(bytes, options), expanded;
	const char *why;

	ck_assert(gzip_recognise(packed, packed_bytes));
	ck_assert_int_eq(gzip_expanded_bytes(packed, packed_bytes, &expanded), 0);
	ck_assert_uint_eq(expanded, bytes);
	memset(out, 0, sizeof(out));
	ck_assert_int_eq(gzip_expand(packed, packed_bytes, out, bytes, &why), 0);
	ck_assert_int_eq(memcmp(out, plain, bytes), 0);
}

START_TEST(test_what_gzip_writes)
{
	static const size_t sizes[] = {0, 1, 2, 100, 65535, 65536, 300000, BYTES_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fill(sizes[i]);
		round_trip(sizes[i], "-1");
		round_trip(sizes[i], "-9n");
	}
	/* Noise is stored, one byte over and over needs one distance alone. */
	for (size_t i = 0; i < 200000; i++)
		plain[i] = (uint8_t)test_random();
	round_trip(200000, "-6");
	memset(plain, 'a', 200000);
	round_trip(200000, "-6");
}
END_TEST

/* Wherever it ends, whatever bit is wrong: an error, and nothing outside the buffer. */
START_TEST(test_broken)
{
	size_t bytes = 5000, packed_bytes;
	const char *why;
	uint8_t *exact, *room;
	size_t noticed = 0;

	/* So much that the header, where bits may not matter, is little of it. */
	for (size_t i = 0; i < bytes; i++)
		plain[i] = (uint8_t)('a' + test_random() % 20);
	packed_bytes = pack(bytes, "-9");
	ck_assert_uint_gt(packed_bytes, 2000);
	room = malloc(bytes);
	for (size_t cut = 0; cut < packed_bytes; cut++) {
		exact = malloc(cut ? cut : 1);
		memcpy(exact, packed, cut);
		why = NULL;
		ck_assert_int_eq(gzip_expand(exact, cut, room, bytes, &why), -EINVAL);
		ck_assert_ptr_nonnull(why);
		free(exact);
	}
	for (size_t bit = 0; bit < packed_bytes * 8; bit++) {
		packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* Some bits matter to nobody; then all is as it was. */
		if (gzip_expand(packed, packed_bytes, room, bytes, &why) == 0)
			ck_assert_int_eq(memcmp(room, plain, bytes), 0);
		else
			noticed++;
		packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ck_assert_uint_gt(noticed, packed_bytes * 7);
	ck_assert_int_eq(gzip_expand(packed, packed_bytes, room, bytes - 1, &why), -EINVAL);
	ck_assert_str_eq(why, "longer than it says");
	ck_assert_int_eq(gzip_expand(packed, packed_bytes, room, bytes, &why), 0);
	free(room);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("gzip");
	TCase *tests = tcase_create("gzip");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, test_what_gzip_writes);
	tcase_add_test(tests, test_broken);
	suite_add_tcase(suite, tests);
	return suite;
}
