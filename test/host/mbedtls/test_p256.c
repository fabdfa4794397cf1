/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * P-256 by BoringSSL's arithmetic: against mbedTLS's own on the same curve, against known answers
 * of RFC 6979, NIST and Wycheproof, and what is refused. Each with and without MULX and ADX.
 */
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <string.h>

#include "test/host/check_main.h"
#include "tools/mbedtls/asm_features.h"
#include "tools/mbedtls/p256.h"

#define ROUNDS 12

/* The curve, the same one by mbedTLS's own arithmetic, and a point that is not the generator. */
static mbedtls_ecp_group fast, slow;
static mbedtls_ecp_point q;

static int random_bytes(void *context, unsigned char *bytes, size_t count)
{
	(void)context;
	while (count--)
		*bytes++ = (unsigned char)(test_random() >> 32);
	return 0;
}

static void must(int result)
{
	if (result)
		ck_abort_msg("-0x%x", (unsigned)-result);
}

static void number_set(mbedtls_mpi *number, const char *hex)
{
	mbedtls_mpi_init(number);
	must(mbedtls_mpi_read_string(number, 16, hex));
}

/* n + difference */
static void near_order(mbedtls_mpi *number, int difference)
{
	mbedtls_mpi_init(number);
	must(mbedtls_mpi_add_int(number, &fast.N, difference));
}

static void point_set(mbedtls_ecp_point *point, const char *x, const char *y)
{
	mbedtls_ecp_point_init(point);
	must(mbedtls_ecp_point_read_string(point, 16, x, y));
}

static void random_scalar(mbedtls_mpi *scalar)
{
	mbedtls_mpi_init(scalar);
	must(mbedtls_ecp_gen_privkey(&fast, scalar, random_bytes, NULL));
	/* Windows of zeros, of ones, short ones. */
	switch (test_random() % 4) {
	case 0:
		must(mbedtls_mpi_shift_r(scalar, test_random() % 250));
		must(mbedtls_mpi_set_bit(scalar, 0, 1));
		break;
	case 1:
		for (unsigned i = test_random() % 250, end = i + 20; i < end && i < 255; i++)
			must(mbedtls_mpi_set_bit(scalar, i, test_random() % 2));
		break;
	default:
		break;
	}
}

static void setup(void)
{
	mbedtls_mpi scalar;

	mbedtls_ecp_group_init(&fast);
	mbedtls_ecp_group_init(&slow);
	must(mbedtls_ecp_group_load(&fast, MBEDTLS_ECP_DP_SECP256R1));
	must(mbedtls_ecp_group_load(&slow, MBEDTLS_ECP_DP_SECP256R1));
	slow.id = MBEDTLS_ECP_DP_NONE;
	mbedtls_ecp_point_init(&q);
	random_scalar(&scalar);
	must(mbedtls_ecp_mul(&slow, &q, &scalar, &slow.G, random_bytes, NULL));
	mbedtls_mpi_free(&scalar);
}

/* Loop tests: 0 as the processor is, 1 without its newer instructions. */
static void choose(int plain)
{
	if (plain)
		memset(OPENSSL_ia32cap_P, 0, sizeof(OPENSSL_ia32cap_P));
}

static void same_product(const mbedtls_mpi *scalar, const mbedtls_ecp_point *point)
{
	mbedtls_ecp_point expected, got;

	mbedtls_ecp_point_init(&expected);
	mbedtls_ecp_point_init(&got);
	must(mbedtls_ecp_mul(&slow, &expected, scalar, point, random_bytes, NULL));
	must(mbedtls_ecp_mul(&fast, &got, scalar, point, NULL, NULL));
	test_require(!mbedtls_ecp_point_cmp(&expected, &got));
	/* Into what it was given. */
	must(mbedtls_ecp_copy(&got, point));
	must(mbedtls_ecp_mul(&fast, &got, scalar, &got, NULL, NULL));
	test_require(!mbedtls_ecp_point_cmp(&expected, &got));
	mbedtls_ecp_point_free(&expected);
	mbedtls_ecp_point_free(&got);
}

/* The same sum, or the same error. */
static int same_sum(const mbedtls_mpi *a, const mbedtls_ecp_point *p, const mbedtls_mpi *b,
		    const mbedtls_ecp_point *point)
{
	mbedtls_ecp_point expected, got;
	int result;

	mbedtls_ecp_point_init(&expected);
	mbedtls_ecp_point_init(&got);
	result = mbedtls_ecp_muladd(&slow, &expected, a, p, b, point);
	test_require(mbedtls_ecp_muladd(&fast, &got, a, p, b, point) == result);
	if (!result) {
		test_require(mbedtls_ecp_is_zero(&expected) == mbedtls_ecp_is_zero(&got));
		test_require(mbedtls_ecp_is_zero(&got) || !mbedtls_ecp_point_cmp(&expected, &got));
	}
	mbedtls_ecp_point_free(&expected);
	mbedtls_ecp_point_free(&got);
	return result;
}

START_TEST(test_multiply_random)
{
	choose(_i);
	for (int i = 0; i < ROUNDS; i++) {
		mbedtls_mpi scalar;

		random_scalar(&scalar);
		same_product(&scalar, &fast.G);
		same_product(&scalar, &q);
		must(mbedtls_ecp_mul(&fast, &q, &scalar, &q, NULL, NULL));
		must(mbedtls_ecp_check_pubkey(&fast, &q));
		mbedtls_mpi_free(&scalar);
	}
}
END_TEST

/* Points with one coordinate of the generator's: its opposite, and another one at its height. */
START_TEST(test_nearly_generator)
{
	static const char other_x[] =
		"65488bd7e2ef08a7b94e915132548f1bfc403a781b58b462f555794f39ba8ac7";
	mbedtls_ecp_point point;
	mbedtls_mpi a, b;

	choose(_i);
	random_scalar(&a);
	random_scalar(&b);
	mbedtls_ecp_point_init(&point);
	must(mbedtls_ecp_copy(&point, &fast.G));
	same_product(&a, &point);
	must(same_sum(&a, &point, &b, &q));
	must(mbedtls_mpi_sub_mpi(&point.Y, &fast.P, &point.Y));
	same_product(&a, &point);
	must(same_sum(&a, &point, &b, &q));
	must(mbedtls_mpi_copy(&point.Y, &fast.G.Y));
	must(mbedtls_mpi_read_string(&point.X, 16, other_x));
	same_product(&a, &point);
	must(same_sum(&a, &point, &b, &q));
	mbedtls_ecp_point_free(&point);
	mbedtls_mpi_free(&a);
	mbedtls_mpi_free(&b);
}
END_TEST

START_TEST(test_multiply_edges)
{
	mbedtls_mpi scalar;

	choose(_i);
	for (int i = 1; i <= 3; i++) {
		near_order(&scalar, -i);
		same_product(&scalar, &fast.G);
		same_product(&scalar, &q);
		must(mbedtls_mpi_lset(&scalar, i));
		same_product(&scalar, &fast.G);
		same_product(&scalar, &q);
		mbedtls_mpi_free(&scalar);
	}
	/* A number with more words than it needs. */
	number_set(&scalar, "5");
	must(mbedtls_mpi_grow(&scalar, 9));
	same_product(&scalar, &q);
	mbedtls_mpi_free(&scalar);
}
END_TEST

static int product(const mbedtls_mpi *scalar, const mbedtls_ecp_point *point)
{
	mbedtls_ecp_point out;
	int result;

	mbedtls_ecp_point_init(&out);
	result = mbedtls_ecp_mul(&fast, &out, scalar, point, random_bytes, NULL);
	test_require(mbedtls_ecp_mul(&slow, &out, scalar, point, random_bytes, NULL) == result);
	mbedtls_ecp_point_free(&out);
	return result;
}

START_TEST(test_scalars_refused)
{
	mbedtls_mpi scalar;

	for (int i = 0; i <= 2; i++) {
		near_order(&scalar, i);
		ck_assert_int_eq(product(&scalar, &fast.G), MBEDTLS_ERR_ECP_INVALID_KEY);
		ck_assert_int_eq(product(&scalar, &q), MBEDTLS_ERR_ECP_INVALID_KEY);
		must(mbedtls_mpi_lset(&scalar, -i));
		ck_assert_int_eq(product(&scalar, &fast.G), MBEDTLS_ERR_ECP_INVALID_KEY);
		must(mbedtls_mpi_lset(&scalar, 1));
		must(mbedtls_mpi_shift_l(&scalar, 256 + (size_t)i * 64));
		ck_assert_int_eq(product(&scalar, &q), MBEDTLS_ERR_ECP_INVALID_KEY);
		mbedtls_mpi_free(&scalar);
	}
}
END_TEST

START_TEST(test_points_refused)
{
	mbedtls_ecp_point point;
	mbedtls_mpi scalar;

	number_set(&scalar, "3");
	mbedtls_ecp_point_init(&point);
	must(mbedtls_ecp_set_zero(&point));
	ck_assert_int_eq(product(&scalar, &point), MBEDTLS_ERR_ECP_INVALID_KEY);
	/* On no curve, on another, and all zeros. */
	must(mbedtls_ecp_copy(&point, &q));
	must(mbedtls_mpi_add_int(&point.Y, &point.Y, 1));
	ck_assert_int_eq(product(&scalar, &point), MBEDTLS_ERR_ECP_INVALID_KEY);
	must(mbedtls_ecp_copy(&point, &fast.G));
	must(mbedtls_mpi_lset(&point.X, 5));
	must(mbedtls_mpi_lset(&point.Y, 1));
	ck_assert_int_eq(product(&scalar, &point), MBEDTLS_ERR_ECP_INVALID_KEY);
	must(mbedtls_mpi_lset(&point.X, 0));
	must(mbedtls_mpi_lset(&point.Y, 0));
	ck_assert_int_eq(product(&scalar, &point), MBEDTLS_ERR_ECP_INVALID_KEY);
	/* The same point by other numbers. */
	must(mbedtls_ecp_copy(&point, &q));
	must(mbedtls_mpi_add_mpi(&point.X, &point.X, &fast.P));
	ck_assert_int_eq(product(&scalar, &point), MBEDTLS_ERR_ECP_INVALID_KEY);
	must(mbedtls_ecp_copy(&point, &q));
	must(mbedtls_mpi_sub_mpi(&point.Y, &point.Y, &fast.P));
	ck_assert_int_eq(product(&scalar, &point), MBEDTLS_ERR_ECP_INVALID_KEY);
	/* Not affine. */
	must(mbedtls_ecp_copy(&point, &q));
	must(mbedtls_mpi_lset(&point.Z, 2));
	ck_assert_int_eq(product(&scalar, &point), MBEDTLS_ERR_ECP_INVALID_KEY);
	mbedtls_ecp_point_free(&point);
	mbedtls_mpi_free(&scalar);
}
END_TEST

START_TEST(test_sum)
{
	mbedtls_mpi a, b;

	choose(_i);
	for (int i = 0; i < ROUNDS / 2; i++) {
		random_scalar(&a);
		random_scalar(&b);
		must(same_sum(&a, &fast.G, &b, &q));
		must(same_sum(&a, &q, &b, &fast.G));
		/* Twice the same point, and a point and its opposite. */
		must(same_sum(&a, &fast.G, &a, &fast.G));
		must(mbedtls_mpi_sub_mpi(&b, &fast.N, &a));
		must(same_sum(&a, &fast.G, &b, &fast.G));
		mbedtls_mpi_free(&a);
		mbedtls_mpi_free(&b);
	}
}
END_TEST

START_TEST(test_sum_edges)
{
	mbedtls_ecp_point point;
	mbedtls_mpi a[6];

	for (int i = 0; i < 3; i++)
		near_order(&a[i], i - 1);
	number_set(&a[3], "0");
	number_set(&a[4], "1");
	number_set(&a[5], "-1");
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 6; j++)
			same_sum(&a[i], &fast.G, &a[j], &q);
	ck_assert_int_eq(same_sum(&a[1], &fast.G, &a[4], &q), MBEDTLS_ERR_ECP_INVALID_KEY);
	mbedtls_ecp_point_init(&point);
	must(mbedtls_ecp_copy(&point, &q));
	must(mbedtls_mpi_add_int(&point.Y, &point.Y, 1));
	ck_assert_int_eq(same_sum(&a[0], &fast.G, &a[0], &point), MBEDTLS_ERR_ECP_INVALID_KEY);
	mbedtls_ecp_point_free(&point);
	for (int i = 0; i < 6; i++)
		mbedtls_mpi_free(&a[i]);
}
END_TEST

START_TEST(test_invert)
{
	mbedtls_mpi number, expected, got;

	choose(_i);
	mbedtls_mpi_init(&expected);
	mbedtls_mpi_init(&got);
	for (int i = -2; i < 50; i++) {
		if (i < 0)
			near_order(&number, i);
		else if (i < 3)
			number_set(&number, i == 0 ? "1" : i == 1 ? "2" : "10000000000000000");
		else
			random_scalar(&number);
		must(mbedtls_mpi_inv_mod(&expected, &number, &fast.N));
		must(stardust_p256_invert(&got, &number));
		test_require(!mbedtls_mpi_cmp_mpi(&expected, &got));
		must(stardust_p256_invert(&number, &number));
		test_require(!mbedtls_mpi_cmp_mpi(&expected, &number));
		mbedtls_mpi_free(&number);
	}
	number_set(&number, "0");
	ck_assert_int_eq(stardust_p256_invert(&got, &number), MBEDTLS_ERR_MPI_NOT_ACCEPTABLE);
	mbedtls_mpi_free(&number);
	mbedtls_mpi_free(&expected);
	mbedtls_mpi_free(&got);
}
END_TEST

/* RFC 6979, A.2.5: SHA-256. */
START_TEST(test_signatures)
{
	static const struct {
		const char *message, *r, *s;
	} cases[] = {
		{"sample", "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
		 "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
		{"test", "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
		 "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"},
	};
	mbedtls_mpi key, r, s, expected;
	mbedtls_ecp_point public;
	unsigned char hash[32];

	choose(_i);
	number_set(&key, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
	point_set(&public, "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
		  "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		mbedtls_sha256_ret((const unsigned char *)cases[i].message,
				   strlen(cases[i].message), hash, 0);
		must(mbedtls_ecdsa_sign_det_ext(&fast, &r, &s, &key, hash, sizeof(hash),
						MBEDTLS_MD_SHA256, random_bytes, NULL));
		number_set(&expected, cases[i].r);
		ck_assert_int_eq(mbedtls_mpi_cmp_mpi(&r, &expected), 0);
		mbedtls_mpi_free(&expected);
		number_set(&expected, cases[i].s);
		ck_assert_int_eq(mbedtls_mpi_cmp_mpi(&s, &expected), 0);
		mbedtls_mpi_free(&expected);
		must(mbedtls_ecdsa_verify(&fast, hash, sizeof(hash), &public, &r, &s));
		hash[31] ^= 1;
		ck_assert_int_eq(mbedtls_ecdsa_verify(&fast, hash, sizeof(hash), &public, &r, &s),
				 MBEDTLS_ERR_ECP_VERIFY_FAILED);
		hash[31] ^= 1;
		must(mbedtls_mpi_add_int(&s, &s, 1));
		ck_assert_int_eq(mbedtls_ecdsa_verify(&fast, hash, sizeof(hash), &public, &r, &s),
				 MBEDTLS_ERR_ECP_VERIFY_FAILED);
		must(mbedtls_mpi_lset(&s, 0));
		ck_assert_int_eq(mbedtls_ecdsa_verify(&fast, hash, sizeof(hash), &public, &r, &s),
				 MBEDTLS_ERR_ECP_VERIFY_FAILED);
	}
	mbedtls_mpi_free(&key);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	mbedtls_ecp_point_free(&public);
}
END_TEST

/* NIST CAVS, ECC CDH primitive, P-256, COUNT = 0. */
START_TEST(test_agreement)
{
	mbedtls_mpi key, shared, expected;
	mbedtls_ecp_point peer;

	choose(_i);
	number_set(&key, "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534");
	point_set(&peer, "700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287",
		  "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac");
	number_set(&expected, "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b");
	mbedtls_mpi_init(&shared);
	must(mbedtls_ecdh_compute_shared(&fast, &shared, &peer, &key, random_bytes, NULL));
	ck_assert_int_eq(mbedtls_mpi_cmp_mpi(&shared, &expected), 0);
	mbedtls_mpi_free(&key);
	mbedtls_mpi_free(&shared);
	mbedtls_mpi_free(&expected);
	mbedtls_ecp_point_free(&peer);
}
END_TEST

/* Another curve is mbedTLS's: NIST CAVS, ECC CDH primitive, P-384, COUNT = 0. */
START_TEST(test_other_curve)
{
	mbedtls_mpi key, shared, expected;
	mbedtls_ecp_group group;
	mbedtls_ecp_point peer;

	mbedtls_ecp_group_init(&group);
	must(mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP384R1));
	number_set(&key, "3cc3122a68f0d95027ad38c067916ba0eb8c38894d22e1b1"
			 "5618b6818a661774ad463b205da88cf699ab4d43c9cf98a1");
	point_set(&peer,
		  "a7c76b970c3b5fe8b05d2838ae04ab47697b9eaf52e76459"
		  "2efda27fe7513272734466b400091adbf2d68c58e0c50066",
		  "ac68f19f2e1cb879aed43a9969b91a0839c4c38a49749b66"
		  "1efedf243451915ed0905a32b060992b468c64766fc8437a");
	number_set(&expected, "5f9d29dc5e31a163060356213669c8ce132e22f57c9a04f4"
			      "0ba7fcead493b457e5621e766c40a2e3d4d6a04b25e533f1");
	mbedtls_mpi_init(&shared);
	must(mbedtls_ecdh_compute_shared(&group, &shared, &peer, &key, random_bytes, NULL));
	ck_assert_int_eq(mbedtls_mpi_cmp_mpi(&shared, &expected), 0);
	must(mbedtls_ecp_self_test(0)); /* and two more */
	mbedtls_mpi_free(&key);
	mbedtls_mpi_free(&shared);
	mbedtls_mpi_free(&expected);
	mbedtls_ecp_point_free(&peer);
	mbedtls_ecp_group_free(&group);
}
END_TEST

/* Wycheproof: a file of `NAME = VALUE`, with [key.uncompressed = HEX] for what follows. */
struct vector {
	char key[140], message[600], result[16], signature[600], private[80], public[600],
		shared[80];
	int ber;
};

static FILE *vectors_open(const char *name)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), VECTORS "/%s", name); /* VECTORS: host.mk */
	file = fopen(path, "r");
	if (!file)
		ck_abort_msg("%s is missing", path);
	return file;
}

/* Up to the empty line after it. False: there are no more. */
static int vector_next(FILE *file, struct vector *vector)
{
	char line[8192];
	int found = 0;

	vector->ber = 0;
	while (fgets(line, sizeof(line), file) && (line[0] != '\n' || !found)) {
		found |= sscanf(line, "result = %15s", vector->result) == 1;
		if (sscanf(line, "[key.uncompressed = %139[0-9a-f]", vector->key) == 1)
			continue;
		if (!strncmp(line, "msg = \n", 7))
			vector->message[0] = '\0';
		sscanf(line, "msg = %599s", vector->message);
		sscanf(line, "sig = %599s", vector->signature);
		sscanf(line, "private = %79s", vector->private);
		sscanf(line, "public = %599s", vector->public);
		sscanf(line, "shared = %79s", vector->shared);
		vector->ber |= !strncmp(line, "flags = ", 8) && strstr(line, "BER");
	}
	return found;
}

static size_t bytes_of(const char *hex, unsigned char *bytes)
{
	size_t count = strlen(hex) / 2;

	for (size_t i = 0; i < count; i++) {
		unsigned byte;

		test_require(sscanf(hex + 2 * i, "%2x", &byte) == 1);
		bytes[i] = (unsigned char)byte;
	}
	return count;
}

START_TEST(test_vectors_of_signatures)
{
	FILE *file = vectors_open("ecdsa_secp256r1_sha256_test.txt");
	static struct vector vector;
	unsigned char bytes[300], hash[32];
	int valid = 0, invalid = 0;

	choose(_i);
	while (vector_next(file, &vector)) {
		mbedtls_ecdsa_context context;
		int result;

		mbedtls_ecdsa_init(&context);
		must(mbedtls_ecp_group_copy(&context.grp, &fast));
		must(mbedtls_ecp_point_read_binary(&context.grp, &context.Q, bytes,
						   bytes_of(vector.key, bytes)));
		mbedtls_sha256_ret(bytes, bytes_of(vector.message, bytes), hash, 0);
		result = mbedtls_ecdsa_read_signature(&context, hash, sizeof(hash), bytes,
						      bytes_of(vector.signature, bytes));
		/* How lengths may be written is for the parser of ASN.1 to say. */
		if (!strcmp(vector.result, "valid")
			    ? result
			    : !strcmp(vector.result, "invalid") && !result && !vector.ber)
			ck_abort_msg("%s: -0x%x: %s", vector.result, (unsigned)-result,
				     vector.signature);
		valid += !strcmp(vector.result, "valid");
		invalid += !strcmp(vector.result, "invalid");
		mbedtls_ecdsa_free(&context);
	}
	fclose(file);
	ck_assert_int_gt(valid, 100);
	ck_assert_int_gt(invalid, 100);
}
END_TEST

/* Public keys as SubjectPublicKeyInfo of this curve, uncompressed; others are X.509's to judge. */
START_TEST(test_vectors_of_agreement)
{
	static const char spki[] = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
	FILE *file = vectors_open("ecdh_secp256r1_test.txt");
	static struct vector vector;
	unsigned char bytes[300];
	int valid = 0, invalid = 0;

	choose(_i);
	while (vector_next(file, &vector)) {
		mbedtls_mpi key, shared, expected;
		mbedtls_ecp_point peer;
		int result;

		if (strncmp(vector.public, spki, strlen(spki)))
			continue;
		mbedtls_ecp_point_init(&peer);
		mbedtls_mpi_init(&shared);
		number_set(&key, vector.private);
		number_set(&expected, vector.shared);
		result = mbedtls_ecp_point_read_binary(
			&fast, &peer, bytes, bytes_of(vector.public + strlen(spki), bytes));
		if (!result)
			result = mbedtls_ecdh_compute_shared(&fast, &shared, &peer, &key,
							     random_bytes, NULL);
		if (result ? !strcmp(vector.result, "valid")
			   : !strcmp(vector.result, "invalid") ||
				     mbedtls_mpi_cmp_mpi(&shared, &expected))
			ck_abort_msg("%s: -0x%x: %s", vector.result, (unsigned)-result,
				     vector.public);
		valid += !result;
		invalid += !!result;
		mbedtls_ecp_point_free(&peer);
		mbedtls_mpi_free(&key);
		mbedtls_mpi_free(&shared);
		mbedtls_mpi_free(&expected);
	}
	fclose(file);
	ck_assert_int_gt(valid, 150);
	ck_assert_int_gt(invalid, 4);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("p256");
	TCase *tcase = tcase_create("p256");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, test_multiply_random, 0, 2);
	tcase_add_loop_test(tcase, test_multiply_edges, 0, 2);
	tcase_add_loop_test(tcase, test_nearly_generator, 0, 2);
	tcase_add_test(tcase, test_scalars_refused);
	tcase_add_test(tcase, test_points_refused);
	tcase_add_loop_test(tcase, test_sum, 0, 2);
	tcase_add_test(tcase, test_sum_edges);
	tcase_add_loop_test(tcase, test_invert, 0, 2);
	tcase_add_loop_test(tcase, test_signatures, 0, 2);
	tcase_add_loop_test(tcase, test_agreement, 0, 2);
	tcase_add_test(tcase, test_other_curve);
	tcase_add_loop_test(tcase, test_vectors_of_signatures, 0, 2);
	tcase_add_loop_test(tcase, test_vectors_of_agreement, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}
