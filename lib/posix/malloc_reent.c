/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names by which newlib itself asks for memory. They call malloc() and its family, so that a
 * program that brings an allocator of its own has the C library use it, too.
 */
#include <errno.h>
#include <malloc.h>
#include <reent.h>
#include <stdlib.h>

#include "core/heap.h"

void core_heap_failed(void)
{
	errno = ENOMEM;
}

void *_malloc_r(struct _reent *reent, size_t bytes)
{
	(void)reent;
	return malloc(bytes);
}

void _free_r(struct _reent *reent, void *block)
{
	(void)reent;
	free(block);
}

void *_calloc_r(struct _reent *reent, size_t count, size_t bytes)
{
	(void)reent;
	return calloc(count, bytes);
}

void *_realloc_r(struct _reent *reent, void *block, size_t bytes)
{
	(void)reent;
	return realloc(block, bytes);
}
