/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/base/chacha20.h"

static inline uint32_t rotate_left(uint32_t value, int bits)
{
	return value << bits | value >> (32 - bits);
}

static inline void quarter_round(uint32_t *s, int a, int b, int c, int d)
{
	s[a] += s[b];
	s[d] = rotate_left(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotate_left(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotate_left(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotate_left(s[b] ^ s[c], 7);
}

void chacha20_block(const uint32_t key[CHACHA20_KEY_WORDS], uint32_t counter,
		    const uint32_t nonce[3], uint32_t block_out[CHACHA20_BLOCK_WORDS])
{
	uint32_t start[CHACHA20_BLOCK_WORDS] = {
		0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, /* "expand 32-byte k" */
		key[0],     key[1],     key[2],     key[3],     key[4],   key[5],
		key[6],     key[7],     counter,    nonce[0],   nonce[1], nonce[2],
	};

	for (int i = 0; i < CHACHA20_BLOCK_WORDS; i++)
		block_out[i] = start[i];
	for (int i = 0; i < 10; i++) {
		quarter_round(block_out, 0, 4, 8, 12);
		quarter_round(block_out, 1, 5, 9, 13);
		quarter_round(block_out, 2, 6, 10, 14);
		quarter_round(block_out, 3, 7, 11, 15);
		quarter_round(block_out, 0, 5, 10, 15);
		quarter_round(block_out, 1, 6, 11, 12);
		quarter_round(block_out, 2, 7, 8, 13);
		quarter_round(block_out, 3, 4, 9, 14);
	}
	for (int i = 0; i < CHACHA20_BLOCK_WORDS; i++)
		block_out[i] += start[i];
}
