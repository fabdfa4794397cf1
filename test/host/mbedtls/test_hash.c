/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-2 by BoringSSL's assembly: each of its ways that this processor has, against mbedTLS's own
 * and the known answers of FIPS 180-4's examples.
 */
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <string.h>

#include "test/host/check_main.h"
#include "tools/mbedtls/asm_features.h"

#define ROUNDS 2000

/* mbedTLS's own, from host.mk. */
int generic_sha256_process(mbedtls_sha256_context *ctx, const unsigned char data[64]);
int generic_sha512_process(mbedtls_sha512_context *ctx, const unsigned char data[128]);

/* All there is, without SHA's own instructions, without AVX, without any. False: it is not here. */
static int choose(int way)
{
	uint32_t *has = OPENSSL_ia32cap_P;

	switch (way) {
	case 0:
		return 1;
	case 1:
		has[2] &= ~FEATURE_7_EBX_SHA;
		return has[0] != 0;
	case 2:
		has[0] = has[2] = 0;
		has[1] &= FEATURE_1_ECX_SSSE3;
		return has[1] != 0;
	default:
		memset(has, 0, 4 * sizeof(has[0]));
		return 1;
	}
}

static void fill(void *bytes, size_t count)
{
	unsigned char *at = bytes;

	while (count--)
		*at++ = (unsigned char)(test_random() >> 32);
}

START_TEST(test_blocks)
{
	mbedtls_sha256_context expected_256, got_256;
	mbedtls_sha512_context expected_512, got_512;
	unsigned char data[1 + 128];

	if (!choose(_i))
		return;
	for (int i = 0; i < ROUNDS; i++) {
		const unsigned char *at = data + i % 2; /* at any address */

		fill(data, sizeof(data));
		fill(&expected_256, sizeof(expected_256));
		got_256 = expected_256;
		generic_sha256_process(&expected_256, at);
		test_require(!mbedtls_internal_sha256_process(&got_256, at));
		test_require(!memcmp(&expected_256, &got_256, sizeof(got_256)));
		fill(&expected_512, sizeof(expected_512));
		got_512 = expected_512;
		generic_sha512_process(&expected_512, at);
		test_require(!mbedtls_internal_sha512_process(&got_512, at));
		test_require(!memcmp(&expected_512, &got_512, sizeof(got_512)));
	}
	/* The older names do the same. */
	generic_sha256_process(&expected_256, data);
	mbedtls_sha256_process(&got_256, data);
	test_require(!memcmp(&expected_256, &got_256, sizeof(got_256)));
	generic_sha512_process(&expected_512, data);
	mbedtls_sha512_process(&got_512, data);
	test_require(!memcmp(&expected_512, &got_512, sizeof(got_512)));
}
END_TEST

/* The library's self-tests are FIPS 180's: "abc", two blocks, a million letters; of all four. */
START_TEST(test_known_answers)
{
	if (!choose(_i))
		return;
	ck_assert_int_eq(mbedtls_sha256_self_test(0), 0);
	ck_assert_int_eq(mbedtls_sha512_self_test(0), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("hash");
	TCase *tcase = tcase_create("hash");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, test_blocks, 0, 4);
	tcase_add_loop_test(tcase, test_known_answers, 0, 4);
	suite_add_tcase(suite, tcase);
	return suite;
}
