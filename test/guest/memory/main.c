/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All of the guest's memory: one block of nearly everything, then everything in small blocks, each
 * page written and read back; then the same again, so nothing was lost.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/guest/check.h"

#define PAGE 4096UL

/* The largest block there is, to a MiB. */
static size_t largest(void)
{
	size_t low = 0, high = (size_t)sysconf(_SC_PHYS_PAGES) * PAGE;

	while (high - low > 1 << 20) {
		size_t middle = low + (high - low) / 2;
		void *block = malloc(middle);

		*(block ? &low : &high) = middle;
		free(block);
	}
	return low;
}

static void one_block(void)
{
	/* Less a few pages: at its next address the block may need one more page table. */
	size_t total = (size_t)sysconf(_SC_PHYS_PAGES) * PAGE, bytes = largest() - 16 * PAGE;
	uint64_t *block = malloc(bytes);
	size_t wrong = 0;

	printf("largest block: %zu of %zu MiB\n", bytes >> 20, total >> 20);
	/* What is not the image, page tables or metadata: all but 5 % and 3 MiB. */
	CHECK(bytes > total - total / 20 - (3 << 20));
	CHECK(block != NULL);
	if (!block)
		return;
	for (size_t at = 0; at < bytes / 8; at += PAGE / 8)
		block[at] = at ^ 0x5a5a5a5a;
	for (size_t at = 0; at < bytes / 8; at += PAGE / 8)
		wrong += block[at] != (at ^ 0x5a5a5a5a);
	CHECK(wrong == 0);
	free(block);
}

struct link {
	struct link *next;
	uintptr_t self;
};

/* Everything in blocks of some 2000 bytes; returns how many there were. */
static size_t small_blocks(void)
{
	struct link *list = NULL, *block;
	size_t count = 0, wrong = 0;

	while ((block = malloc(2000))) {
		block->next = list;
		block->self = (uintptr_t)block;
		list = block;
		count++;
	}
	while ((block = list)) {
		list = block->next;
		wrong += block->self != (uintptr_t)block;
		free(block);
	}
	CHECK(wrong == 0);
	return count;
}

int main(void)
{
	size_t total = (size_t)sysconf(_SC_PHYS_PAGES) * PAGE, first, second;

	one_block();
	if (total <= 512UL << 20) {
		first = small_blocks();
		second = small_blocks();
		printf("%zu small blocks, then %zu\n", first, second);
		CHECK(first * 2000 > total - total / 4 - (3 << 20));
		/* Page tables and metadata were taken once. */
		CHECK(second >= first - first / 100);
		one_block();
	}
	return check_done();
}
