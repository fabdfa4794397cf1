/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * P-256 for mbedTLS: numbers of one library in the words of the other, around BoringSSL's
 * p256-nistz.c, which is included as it is since all it has is static. docs/adr/0016.
 */
#include "p256.h"

#include <mbedtls/platform_util.h>

/* Its assertions look at the group, of which nothing else is used: there is none. */
#define NDEBUG
#include <crypto/fipsmodule/delocate.h>
/* The table of its methods, which names functions that are not here. */
#undef DEFINE_METHOD_FUNCTION
#define DEFINE_METHOD_FUNCTION(type, name)                                                         \
	static __attribute__((unused)) void name##_unused(type *out)
#include <crypto/fipsmodule/ec/p256-nistz.c>

/* 2^512 modulo p, and modulo n: what multiplies a number into the Montgomery domain. */
static const BN_ULONG rr_p[P256_LIMBS] = {0x0000000000000003, 0xfffffffbffffffff,
					  0xfffffffffffffffe, 0x00000004fffffffd};
static const BN_ULONG rr_n[P256_LIMBS] = {0x83244c95be79eea2, 0x4699799c49bd6fa6,
					  0x2845b2392b6bec59, 0x66e12d94f3d95620};
static const BN_ULONG one[P256_LIMBS] = {1};

/* Words begin with the lowest, as x86 has bytes. */
static int words_read(BN_ULONG words[P256_LIMBS], const mbedtls_mpi *number)
{
	return mbedtls_mpi_write_binary_le(number, (unsigned char *)words, P256_LIMBS * BN_BYTES);
}

static int words_write(mbedtls_mpi *number, const BN_ULONG words[P256_LIMBS])
{
	return mbedtls_mpi_read_binary_le(number, (const unsigned char *)words,
					  P256_LIMBS * BN_BYTES);
}

static int point_read(EC_RAW_POINT *to, const mbedtls_ecp_point *from)
{
	int result = words_read(to->X.words, &from->X);

	if (!result)
		result = words_read(to->Y.words, &from->Y);
	if (result)
		return result;
	ecp_nistz256_mul_mont(to->X.words, to->X.words, rr_p);
	ecp_nistz256_mul_mont(to->Y.words, to->Y.words, rr_p);
	memcpy(to->Z.words, ONE, sizeof(ONE));
	return 0;
}

/* As affine. What is not at infinity takes the same time for each point. */
static int point_write(mbedtls_ecp_point *to, const EC_RAW_POINT *from)
{
	const BN_ULONG *z = from->Z.words;
	BN_ULONG x[P256_LIMBS], y[P256_LIMBS], inverse_2[P256_LIMBS];
	int result;

	if (!(z[0] | z[1] | z[2] | z[3]))
		return mbedtls_ecp_set_zero(to);
	/* x = X / Z^2; y = Y / Z^3 = Y * Z / Z^4 */
	ecp_nistz256_mod_inverse_sqr_mont(inverse_2, z);
	ecp_nistz256_mul_mont(x, from->X.words, inverse_2);
	ecp_nistz256_mul_mont(y, from->Y.words, z);
	ecp_nistz256_sqr_mont(inverse_2, inverse_2);
	ecp_nistz256_mul_mont(y, y, inverse_2);
	ecp_nistz256_from_mont(x, x);
	ecp_nistz256_from_mont(y, y);
	result = words_write(&to->X, x);
	if (!result)
		result = words_write(&to->Y, y);
	if (!result)
		result = mbedtls_mpi_lset(&to->Z, 1);
	mbedtls_platform_zeroize(x, sizeof(x));
	mbedtls_platform_zeroize(y, sizeof(y));
	return result;
}

int stardust_p256_is_generator(const mbedtls_ecp_group *group, const mbedtls_ecp_point *point)
{
	return point == &group->G ||
	       (!mbedtls_mpi_cmp_mpi(&point->X, &group->G.X) &&
		!mbedtls_mpi_cmp_mpi(&point->Y, &group->G.Y) && !mbedtls_mpi_cmp_int(&point->Z, 1));
}

int stardust_p256_multiply(const mbedtls_ecp_group *group, mbedtls_ecp_point *product,
			   const mbedtls_mpi *scalar, const mbedtls_ecp_point *point)
{
	EC_RAW_POINT base, out;
	EC_SCALAR words;
	int result = words_read(words.words, scalar);

	if (!result && stardust_p256_is_generator(group, point)) {
		ecp_nistz256_point_mul_base(NULL, &out, &words);
	} else if (!result) {
		result = point_read(&base, point);
		if (!result)
			ecp_nistz256_point_mul(NULL, &out, &base, &words);
	}
	if (!result)
		result = point_write(product, &out);
	mbedtls_platform_zeroize(&words, sizeof(words));
	mbedtls_platform_zeroize(&out, sizeof(out));
	return result;
}

int stardust_p256_multiply_add(mbedtls_ecp_point *sum, const mbedtls_mpi *g_scalar,
			       const mbedtls_mpi *scalar, const mbedtls_ecp_point *point)
{
	EC_SCALAR g_words, words;
	EC_RAW_POINT base, out;
	int result = words_read(g_words.words, g_scalar);

	if (!result)
		result = words_read(words.words, scalar);
	if (!result)
		result = point_read(&base, point);
	if (result)
		return result;
	ecp_nistz256_points_mul_public(NULL, &out, &g_words, &base, &words);
	return point_write(sum, &out);
}

int stardust_p256_invert(mbedtls_mpi *inverse, const mbedtls_mpi *number)
{
	EC_SCALAR in, out;
	int result = words_read(in.words, number);

	if (result)
		return result;
	if (!(in.words[0] | in.words[1] | in.words[2] | in.words[3]))
		return MBEDTLS_ERR_MPI_NOT_ACCEPTABLE;
	ecp_nistz256_ord_mul_mont(in.words, in.words, rr_n);
	ecp_nistz256_inv0_mod_ord(NULL, &out, &in);
	ecp_nistz256_ord_mul_mont(out.words, out.words, one);
	result = words_write(inverse, out.words);
	mbedtls_platform_zeroize(&in, sizeof(in));
	mbedtls_platform_zeroize(&out, sizeof(out));
	return result;
}
