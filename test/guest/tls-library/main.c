/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <mbedtls/aes.h>
#include <mbedtls/aesni.h>
#include <mbedtls/base64.h>
#include <mbedtls/bignum.h>
#include <mbedtls/camellia.h>
#include <mbedtls/ccm.h>
#include <mbedtls/chacha20.h>
#include <mbedtls/chachapoly.h>
#include <mbedtls/cmac.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/des.h>
#include <mbedtls/dhm.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/gcm.h>
#include <mbedtls/hmac_drbg.h>
#include <mbedtls/md5.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/platform.h>
#include <mbedtls/poly1305.h>
#include <mbedtls/ripemd160.h>
#include <mbedtls/rsa.h>
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <mbedtls/x509.h>
#include <mbedtls/xtea.h>
#include <stardust/certs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "pair.h"
#include "../check.h"

static unsigned aes_blocks, gcm_products, entropy_calls;
static int entropy_fails;

int __real_mbedtls_aesni_crypt_ecb(mbedtls_aes_context *, int, const unsigned char *,
				   unsigned char *);
int __wrap_mbedtls_aesni_crypt_ecb(mbedtls_aes_context *, int, const unsigned char *,
				   unsigned char *);
int __wrap_mbedtls_aesni_crypt_ecb(mbedtls_aes_context *aes, int mode, const unsigned char *in,
				   unsigned char *out)
{
	__atomic_fetch_add(&aes_blocks, 1, __ATOMIC_RELAXED);
	return __real_mbedtls_aesni_crypt_ecb(aes, mode, in, out);
}

void __real_mbedtls_aesni_gcm_mult(unsigned char *, const unsigned char *, const unsigned char *);
void __wrap_mbedtls_aesni_gcm_mult(unsigned char *, const unsigned char *, const unsigned char *);
void __wrap_mbedtls_aesni_gcm_mult(unsigned char *c, const unsigned char *a, const unsigned char *b)
{
	__atomic_fetch_add(&gcm_products, 1, __ATOMIC_RELAXED);
	__real_mbedtls_aesni_gcm_mult(c, a, b);
}

int __real_getentropy(void *, size_t);
int __wrap_getentropy(void *, size_t);
int __wrap_getentropy(void *bytes, size_t count)
{
	__atomic_fetch_add(&entropy_calls, 1, __ATOMIC_RELAXED);
	if (!entropy_fails)
		return __real_getentropy(bytes, count);
	errno = EIO;
	return -1;
}

/* All of the library's but timing's, which compares clocks with one another. */
static const struct {
	const char *name;
	int (*test)(int);
} self_tests[] = {
	{"md5", mbedtls_md5_self_test},
	{"ripemd160", mbedtls_ripemd160_self_test},
	{"sha1", mbedtls_sha1_self_test},
	{"sha256", mbedtls_sha256_self_test},
	{"sha512", mbedtls_sha512_self_test},
	{"des", mbedtls_des_self_test},
	{"aes", mbedtls_aes_self_test},
	{"gcm", mbedtls_gcm_self_test},
	{"ccm", mbedtls_ccm_self_test},
	{"cmac", mbedtls_cmac_self_test},
	{"chacha20", mbedtls_chacha20_self_test},
	{"poly1305", mbedtls_poly1305_self_test},
	{"chachapoly", mbedtls_chachapoly_self_test},
	{"base64", mbedtls_base64_self_test},
	{"mpi", mbedtls_mpi_self_test},
	{"rsa", mbedtls_rsa_self_test},
	{"x509", mbedtls_x509_self_test},
	{"xtea", mbedtls_xtea_self_test},
	{"camellia", mbedtls_camellia_self_test},
	{"ctr_drbg", mbedtls_ctr_drbg_self_test},
	{"hmac_drbg", mbedtls_hmac_drbg_self_test},
	{"ecp", mbedtls_ecp_self_test},
	{"dhm", mbedtls_dhm_self_test},
	{"entropy", mbedtls_entropy_self_test},
	{"pkcs5", mbedtls_pkcs5_self_test},
};

static void check_self_tests(void)
{
	for (size_t i = 0; i < sizeof(self_tests) / sizeof(self_tests[0]); i++) {
		int result = self_tests[i].test(0);

		if (result)
			printf("%s: %d\n", self_tests[i].name, result);
		CHECK(result == 0);
	}
	printf("\n"); /* one of them leaves its line open */
}

/* The processor of the box has both; a library that did not use them would pass all else. */
static void check_instructions(void)
{
	CHECK(mbedtls_aesni_has_support(MBEDTLS_AESNI_AES));
	CHECK(mbedtls_aesni_has_support(MBEDTLS_AESNI_CLMUL));
	aes_blocks = gcm_products = 0;
	CHECK(mbedtls_gcm_self_test(0) == 0);
	CHECK(aes_blocks > 100);
	CHECK(gcm_products > 100);
}

/* The guest's generator is asked each time, and nothing takes its place when it fails. */
static void check_entropy(void)
{
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
	unsigned char first[32], second[32];

	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&random);
	entropy_calls = 0;
	CHECK(mbedtls_entropy_func(&entropy, first, sizeof(first)) == 0);
	CHECK(entropy_calls > 0);
	CHECK(mbedtls_entropy_func(&entropy, second, sizeof(second)) == 0);
	CHECK(memcmp(first, second, sizeof(first)) != 0);
	entropy_fails = 1;
	CHECK(mbedtls_entropy_func(&entropy, first, sizeof(first)) ==
	      MBEDTLS_ERR_ENTROPY_SOURCE_FAILED);
	CHECK(mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0) ==
	      MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED);
	entropy_fails = 0;
	CHECK(mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0) == 0);
	mbedtls_ctr_drbg_free(&random);
	mbedtls_entropy_free(&entropy);
}

static void check_clock(void)
{
	const mbedtls_x509_time past = {.year = 2020, .mon = 1, .day = 1};
	const mbedtls_x509_time future = {.year = 2200, .mon = 1, .day = 1};

	CHECK(mbedtls_x509_time_is_past(&past));
	CHECK(!mbedtls_x509_time_is_past(&future));
	CHECK(mbedtls_x509_time_is_future(&future));
	CHECK(!mbedtls_x509_time_is_future(&past));
}

/* What certs_load() adds of `path`, or its errno, negative; the first subject must end in
 * `name`. */
static int loaded(const char *path, const char *name)
{
	mbedtls_x509_crt certs;
	char subject[100] = "";
	int count;

	mbedtls_x509_crt_init(&certs);
	count = certs_load(&certs, path);
	if (count < 0)
		count = -errno;
	else
		CHECK(mbedtls_x509_dn_gets(subject, sizeof(subject), &certs.subject) > 0);
	CHECK(!name || strcmp(subject + strlen(subject) - strlen(name), name) == 0);
	mbedtls_x509_crt_free(&certs);
	return count;
}

static void check_store(void)
{
	CHECK(loaded("/etc/two.pem", "CN=one") == 2);
	CHECK(loaded("/etc/none.pem", NULL) == -EINVAL);
	CHECK(loaded("/etc/nowhere.pem", NULL) == -ENOENT);
	CHECK(loaded("/etc", NULL) == -EISDIR);
	CHECK(loaded(NULL, "CN=linked in") == 1);
	CHECK(setenv("SSL_CERT_FILE", "/etc/two.pem", 1) == 0);
	CHECK(loaded(NULL, "CN=one") == 2);
	CHECK(setenv("SSL_CERT_FILE", "/etc/nowhere.pem", 1) == 0);
	CHECK(loaded(NULL, NULL) == -ENOENT);
	CHECK(unsetenv("SSL_CERT_FILE") == 0);
}

int main(void)
{
	check_self_tests();
	check_instructions();
	check_entropy();
	check_clock();
	check_store();
	check_pairs();
	return check_done();
}
