/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks larger than 2 GiB, all of the memory touched, and nothing of it twice. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test/guest/check.h"

#define PAGE 4096UL
#define GIB  (1UL << 30)

static void touch(uint64_t *words, size_t bytes, uint64_t salt)
{
	for (size_t at = 0; at < bytes / 8; at += PAGE / 8)
		words[at] = at ^ salt;
}

static size_t wrong(const uint64_t *words, size_t bytes, uint64_t salt)
{
	size_t count = 0;

	for (size_t at = 0; at < bytes / 8; at += PAGE / 8)
		count += words[at] != (at ^ salt);
	return count;
}

int main(void)
{
	size_t total = (size_t)sysconf(_SC_PHYS_PAGES) * PAGE, large = total / 2, taken = large;
	uint64_t *block = malloc(large), *pieces[512];
	int count = 0;

	CHECK(block != NULL);
	if (!block)
		return check_done();
	touch(block, large, 0x5a5a);
	/* The rest in pieces, to the end. */
	while (count < 512 && (pieces[count] = malloc(64 << 20)) != NULL) {
		touch(pieces[count], 64 << 20, (uint64_t)count);
		taken += 64 << 20;
		count++;
	}
	CHECK(errno == ENOMEM);
	printf("%zu of %zu MiB taken\n", taken >> 20, total >> 20);
	CHECK(taken > total - total / 32 - (64 << 20));
	CHECK(wrong(block, large, 0x5a5a) == 0);
	for (int i = 0; i < count; i++) {
		CHECK(wrong(pieces[i], 64 << 20, (uint64_t)i) == 0);
		free(pieces[i]);
	}
	free(block);
	block = malloc(total - total / 16);
	CHECK(block != NULL);
	free(block);
	return check_done();
}
