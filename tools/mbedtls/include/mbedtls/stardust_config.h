/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How mbedTLS is configured where it differs from its own config.h, which includes this at its end:
 * one door to randomness, mutexes of <pthread.h>, nothing older than TLS 1.2.
 */
#ifndef MBEDTLS_STARDUST_CONFIG_H
#define MBEDTLS_STARDUST_CONFIG_H

/* getentropy() and nothing else: mbedtls_hardware_poll() of tools/mbedtls/entropy.c. */
#define MBEDTLS_ENTROPY_HARDWARE_ALT
#define MBEDTLS_NO_PLATFORM_ENTROPY

#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD
/* The tables that would be made at first use are made by whichever threads are first, at once. */
#define MBEDTLS_AES_ROM_TABLES

/* Blocks of SHA-2: tools/mbedtls/hash256.c, hash512.c. */
#define MBEDTLS_SHA256_PROCESS_ALT
#define MBEDTLS_SHA512_PROCESS_ALT

#define MBEDTLS_CMAC_C
#define MBEDTLS_SSL_DTLS_SRTP

/* RFC 8996, RFC 9155, RFC 7465: not to be spoken any more. */
#undef MBEDTLS_SSL_PROTO_TLS1
#undef MBEDTLS_SSL_PROTO_TLS1_1
#undef MBEDTLS_SSL_CBC_RECORD_SPLITTING
#undef MBEDTLS_SSL_TRUNCATED_HMAC
#undef MBEDTLS_ARC4_C
#undef MBEDTLS_KEY_EXCHANGE_RSA_PSK_ENABLED

/* Instructions of VIA's processors. */
#undef MBEDTLS_PADLOCK_C

#endif
