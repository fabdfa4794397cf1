/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * malloc and its family over the kernel's heap. Nothing else is defined here: a program that brings
 * an allocator of its own defines these, and this file is not linked.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/heap.h"

void *malloc(size_t bytes)
{
	return heap_alloc(bytes);
}

void free(void *block)
{
	heap_free(block);
}

void *calloc(size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return heap_alloc_zeroed(total);
}

void *realloc(void *block, size_t bytes)
{
	return heap_realloc(block, bytes);
}
