/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks at a multiple of something. */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <reent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "arch/x86_64/cpu.h"
#include "core/heap.h"

#define POINTER_BYTES sizeof(void *)

static inline bool power_of_two(size_t value)
{
	return value && !(value & (value - 1));
}

int posix_memalign(void **block_out, size_t align, size_t bytes)
{
	void *block;

	if (!power_of_two(align) || align % POINTER_BYTES)
		return EINVAL;
	block = heap_alloc_aligned(align, bytes);
	if (!block)
		return ENOMEM;
	*block_out = block;
	return 0;
}

void *memalign(size_t align, size_t bytes)
{
	if (!power_of_two(align)) {
		errno = EINVAL;
		return NULL;
	}
	return heap_alloc_aligned(align, bytes);
}

void *valloc(size_t bytes)
{
	return memalign(PAGE_BYTES, bytes);
}

void *pvalloc(size_t bytes)
{
	if (bytes > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	return memalign(PAGE_BYTES, (bytes + PAGE_BYTES - 1) & PAGE_MASK);
}

void *_memalign_r(struct _reent *reent, size_t align, size_t bytes)
{
	(void)reent;
	return memalign(align, bytes);
}
