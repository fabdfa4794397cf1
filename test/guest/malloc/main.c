/* SPDX-License-Identifier: BSD-2-Clause */
/* The malloc family: alignment, contents, growth, the end of memory. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "test/guest/check.h"

static int filled(const unsigned char *block, size_t bytes, unsigned char with)
{
	for (size_t i = 0; i < bytes; i++)
		if (block[i] != with)
			return 0;
	return 1;
}

static void sizes(void)
{
	static unsigned char *blocks[200];
	int good = 1;

	for (size_t i = 0; i < 200; i++) {
		size_t bytes = i * i * 3;

		blocks[i] = malloc(bytes);
		good &= blocks[i] && (uintptr_t)blocks[i] % 16 == 0 &&
			malloc_usable_size(blocks[i]) >= bytes;
		if (blocks[i])
			memset(blocks[i], (int)i, bytes);
	}
	CHECK(good);
	for (size_t i = 0; i < 200; i++)
		good &= filled(blocks[i], i * i * 3, (unsigned char)i);
	CHECK(good);
	for (size_t i = 0; i < 200; i++)
		free(blocks[i]);
	free(NULL);
}

static void zeroed(void)
{
	volatile size_t half = SIZE_MAX / 2; /* unknown to the compiler, which would complain */
	unsigned char *dirty = malloc(1000), *block;

	memset(dirty, 0xff, 1000);
	free(dirty);
	block = calloc(10, 100);
	CHECK(block && filled(block, 1000, 0));
	free(block);
	errno = 0;
	CHECK(calloc(half, 3) == NULL && errno == ENOMEM);
	block = malloc(0);
	CHECK(block != NULL);
	free(block);
}

static void growth(void)
{
	volatile size_t quarter = SIZE_MAX / 4;
	unsigned char *block = NULL;
	int good = 1;

	for (size_t bytes = 1; bytes < 3000000; bytes = bytes * 3 + 1) {
		block = realloc(block, bytes);
		good &= block != NULL;
		memset(block + bytes / 3, 0x5a, bytes - bytes / 3);
		good &= filled(block, bytes, 0x5a);
	}
	CHECK(good);
	block = realloc(block, 10);
	CHECK(block && filled(block, 10, 0x5a));
	free(block);
	errno = 0;
	CHECK(reallocarray(NULL, quarter, 8) == NULL && errno == ENOMEM);
}

static void alignment(void)
{
	void *block = NULL;

	for (size_t align = sizeof(void *); align <= 65536; align *= 2) {
		CHECK(posix_memalign(&block, align, 100) == 0 && (uintptr_t)block % align == 0);
		memset(block, 1, 100);
		free(block);
	}
	CHECK(posix_memalign(&block, 24, 100) == EINVAL &&
	      posix_memalign(&block, 2, 100) == EINVAL);
	block = aligned_alloc(256, 512);
	CHECK((uintptr_t)block % 256 == 0);
	free(block);
	block = valloc(10);
	CHECK((uintptr_t)block % 4096 == 0);
	free(block);
}

static void the_end(void)
{
	size_t count = 0;
	void **list = NULL, **block;

	/* More than there can be: an error, no crash; and all comes back. */
	errno = 0;
	CHECK(malloc(1UL << 40) == NULL && errno == ENOMEM);
	CHECK(malloc(PTRDIFF_MAX) == NULL);
	while ((block = malloc(100000)) != NULL) {
		*block = list;
		list = block;
		count++;
	}
	CHECK(errno == ENOMEM && count > 100);
	while (list) {
		block = *list;
		free(list);
		list = block;
	}
	block = malloc(10000000);
	CHECK(block != NULL);
	free(block);
}

int main(void)
{
	sizes();
	zeroed();
	growth();
	alignment();
	the_end();
	return check_done();
}
