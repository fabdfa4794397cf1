/* SPDX-License-Identifier: BSD-2-Clause */
/* An image of BIG_MIB, nearly all of it without initial values. */
#include <stdlib.h>
#include <string.h>

#include "test/guest/check.h"

#ifndef BIG_MIB
#define BIG_MIB 160
#endif

static unsigned char big[BIG_MIB << 20];
static unsigned char after[100];

int main(void)
{
	size_t wrong = 0;
	void *block;

	for (size_t at = 0; at < sizeof(big); at += 4096)
		wrong += big[at] != 0;
	CHECK(wrong == 0);
	for (size_t at = 0; at < sizeof(big); at += 4096)
		big[at] = (unsigned char)(at >> 12);
	for (size_t at = 0; at < sizeof(big); at += 4096)
		wrong += big[at] != (unsigned char)(at >> 12);
	CHECK(wrong == 0 && after[1] == 0);
	block = malloc(8 << 20);
	CHECK(block != NULL);
	memset(block, 1, 8 << 20);
	CHECK(big[sizeof(big) - 4096] == (unsigned char)((sizeof(big) - 4096) >> 12));
	free(block);
	return check_done();
}
