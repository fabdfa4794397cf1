/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The curve P-256 for mbedTLS, with BoringSSL's arithmetic, ten to a hundred times as fast as its
 * own. p256.patch calls it, after mbedTLS has looked at what it was given.
 *
 * All return 0 or one of MBEDTLS_ERR_MPI. What is given is borrowed; results may be the same
 * objects as what is given.
 */
#ifndef TOOLS_MBEDTLS_P256_H
#define TOOLS_MBEDTLS_P256_H

#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>

/* point * scalar, in constant time. The scalar is 1 to n-1, the point is one of the curve, affine,
 * and not at infinity. */
int stardust_p256_multiply(const mbedtls_ecp_group *group, mbedtls_ecp_point *product,
			   const mbedtls_mpi *scalar, const mbedtls_ecp_point *point);

/* The generator * g_scalar + point * scalar, for what everybody may know: the time it takes depends
 * on all of them. They are as above; the sum may be at infinity. */
int stardust_p256_multiply_add(mbedtls_ecp_point *sum, const mbedtls_mpi *g_scalar,
			       const mbedtls_mpi *scalar, const mbedtls_ecp_point *point);

/* 1 if this is the generator, as the group has it. */
int stardust_p256_is_generator(const mbedtls_ecp_group *group, const mbedtls_ecp_point *point);

/* 1/number modulo n, in constant time, of a number of 1 to n-1. MBEDTLS_ERR_MPI_NOT_ACCEPTABLE: it
 * is 0. */
int stardust_p256_invert(mbedtls_mpi *inverse, const mbedtls_mpi *number);

#endif
