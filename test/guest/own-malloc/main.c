/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that brings an allocator of its own: it is linked, and the C library uses it, too. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 16

static _Alignas(16) char room[1 << 20];
static size_t used, blocks;

void *malloc(size_t bytes)
{
	size_t whole = HEADER_BYTES + ((bytes + HEADER_BYTES - 1) & ~(size_t)(HEADER_BYTES - 1));
	char *block;

	if (bytes > sizeof(room) || whole > sizeof(room) - used)
		return NULL;
	block = room + used;
	used += whole;
	blocks++;
	memcpy(block, &bytes, sizeof(bytes));
	return block + HEADER_BYTES;
}

void free(void *block)
{
	if (block && ((char *)block < room || (char *)block >= room + sizeof(room)))
		abort();
}

void *calloc(size_t count, size_t bytes)
{
	void *block = malloc(count * bytes);

	return block ? memset(block, 0, count * bytes) : NULL;
}

void *realloc(void *old, size_t bytes)
{
	void *block = malloc(bytes);
	size_t old_bytes;

	if (old && block) {
		memcpy(&old_bytes, (char *)old - HEADER_BYTES, sizeof(old_bytes));
		memcpy(block, old, old_bytes < bytes ? old_bytes : bytes);
	}
	return block;
}

void *aligned_alloc(size_t align, size_t bytes)
{
	(void)align;
	(void)bytes;
	return NULL;
}

int main(void)
{
	size_t before = blocks;
	char *text, *copy;
	FILE *file;

	if (asprintf(&text, "formatted by %s", "an allocator of its own") < 0)
		return 1;
	copy = reallocarray(strdup(text), 10, 10);
	file = fopen("/file", "w");
	if (!file || fputs(copy, file) < 0 || fclose(file))
		return 2;
	if (blocks < before + 4 || text < room || text >= room + sizeof(room))
		return 3;
	printf("%s: %zu blocks\n", copy, blocks);
	free(text);
	free(copy);
	return 0;
}
