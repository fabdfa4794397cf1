/* SPDX-License-Identifier: BSD-2-Clause */
/* malloc and its family over the kernel's heap, newlib's reentrant names included. */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <reent.h>
#include <stddef.h>
#include <stdlib.h>

#include "arch/x86_64/cpu.h"
#include "core/heap.h"

#define POINTER_BYTES sizeof(void *)

static inline void *checked(void *block)
{
	if (__builtin_expect(!block, 0))
		errno = ENOMEM;
	return block;
}

static inline bool power_of_two(size_t value)
{
	return value && !(value & (value - 1));
}

void core_heap_failed(void)
{
	errno = ENOMEM;
}

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

	if (__builtin_mul_overflow(count, bytes, &total))
		return checked(NULL);
	return heap_alloc_zeroed(total);
}

void *realloc(void *block, size_t bytes)
{
	return heap_realloc(block, bytes);
}

void *reallocarray(void *block, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total))
		return checked(NULL);
	return realloc(block, total);
}

void *_malloc_r(struct _reent *reent, size_t bytes)
{
	(void)reent;
	return malloc(bytes);
}

void _free_r(struct _reent *reent, void *block)
{
	(void)reent;
	heap_free(block);
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

void *aligned_alloc(size_t align, size_t bytes)
{
	return memalign(align, bytes);
}

void *_memalign_r(struct _reent *reent, size_t align, size_t bytes)
{
	(void)reent;
	return memalign(align, bytes);
}

void *valloc(size_t bytes)
{
	return memalign(PAGE_BYTES, bytes);
}

void *pvalloc(size_t bytes)
{
	if (bytes > PTRDIFF_MAX)
		return checked(NULL);
	return memalign(PAGE_BYTES, (bytes + PAGE_BYTES - 1) & PAGE_MASK);
}

size_t malloc_usable_size(void *block)
{
	return block ? heap_usable_bytes(block) : 0;
}

int malloc_trim(size_t keep_bytes)
{
	(void)keep_bytes;
	heap_trim();
	return 1;
}

struct mallinfo mallinfo(void)
{
	struct heap_stats stats;
	struct mallinfo info = {0};

	heap_get_stats(&stats);
	info.arena = stats.held_bytes;
	info.uordblks = stats.used_bytes;
	info.fordblks = stats.held_bytes - stats.used_bytes;
	return info;
}
