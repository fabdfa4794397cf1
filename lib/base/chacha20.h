/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ChaCha20 block function (RFC 8439 2.3). Any context.
 */
#ifndef LIB_BASE_CHACHA20_H
#define LIB_BASE_CHACHA20_H

#include <stdint.h>

#define CHACHA20_KEY_WORDS   8
#define CHACHA20_BLOCK_WORDS 16

/* One 64-byte block of key stream, as little-endian words. */
void chacha20_block(const uint32_t key[CHACHA20_KEY_WORDS], uint32_t counter,
		    const uint32_t nonce[3], uint32_t block_out[CHACHA20_BLOCK_WORDS]);

#endif
