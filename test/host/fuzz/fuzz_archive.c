/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as an archive: refused, or a tree whose every name and byte lies inside.
 * Sources: lib/fs/archive.c lib/fs/archive_cpio.c lib/fs/archive_tar.c lib/base/parse.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/heap.h"
#include "lib/fs/archive.h"

void *heap_alloc(size_t bytes)
{
	return malloc(bytes);
}

void *heap_alloc_zeroed(size_t bytes)
{
	return calloc(1, bytes ? bytes : 1);
}

void *heap_realloc(void *block, size_t bytes)
{
	return realloc(block, bytes);
}

void heap_free(void *block)
{
	free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count);

static uint32_t sum;

static void visit(const struct archive *archive, uint32_t index)
{
	const struct archive_node *node = &archive->nodes[index];

	for (uint32_t i = 0; i < node->name_bytes; i++)
		sum += (uint8_t)node->name[i];
	for (uint64_t i = 0; i < node->bytes; i++)
		sum += ((const uint8_t *)node->data)[i];
	if (index != ARCHIVE_ROOT &&
	    archive_lookup(archive, node->parent, node->name, node->name_bytes) != index)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count)
{
	struct archive archive;

	if (archive_open(&archive, bytes, bytes_count))
		return 0;
	for (uint32_t i = 0; i < archive.nodes_count; i++)
		visit(&archive, i);
	archive_close(&archive);
	return 0;
}
