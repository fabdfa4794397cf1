/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The general allocator: hardened size-class slabs for small blocks, areas with guard pages
 * for large ones.
 *
 * Detects double free, invalid free, overflows of 1 to 16 bytes, writes after free and corrupt
 * links, and then ends the program: panic_signal() with one line, SIGABRT. Zero bytes are a valid,
 * unique block. Alignment of at least 16. Any context; events are masked inside.
 */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* Provided by lib/posix: an allocation is about to return NULL (errno = ENOMEM). Here, so that
 * malloc() need not look at what heap_alloc() returns. Events may be masked. */
void core_heap_failed(void);

/* NULL when out of memory (or bytes > PTRDIFF_MAX). Contents undefined. */
void *heap_alloc(size_t bytes) __attribute__((malloc, alloc_size(1)));
void *heap_alloc_zeroed(size_t bytes) __attribute__((malloc, alloc_size(1)));
/* align_bytes: a power of two. */
void *heap_alloc_aligned(size_t align_bytes, size_t bytes) __attribute__((malloc, alloc_size(2)));
/* NULL and the old block untouched when out of memory. block may be NULL. */
void *heap_realloc(void *block, size_t bytes);
/* NULL is ignored. */
void heap_free(void *block);
/* Bytes that may be used: what was asked for. 0 for NULL. */
size_t heap_usable_bytes(const void *block);

struct heap_stats {
	uint64_t used_bytes, used_blocks; /* as asked for */
	uint64_t held_bytes;              /* taken from the page allocator for blocks */
};
/* Walks everything. */
void heap_get_stats(struct heap_stats *stats_out);

/* Walks everything. 0, or -EFAULT when something is corrupt, which is then in the log. */
int heap_check(void);

/* Gives wholly empty slabs back to the page allocator. */
void heap_trim(void);

#endif
