/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The general allocator: hardened size-class slabs for small blocks, areas with guard pages
 * for large ones.
 *
 * Detects double free, invalid free, overflows of 1 to 16 bytes, writes after free and corrupt
 * links, and then ends the program: panic_signal() with one line, SIGABRT. Zero bytes are a valid,
 * unique block. Alignment of at least 16. Any context, any vCPU.
 *
 * Each vCPU has slabs of its own, so that it takes and gives small blocks with its events disabled
 * and no lock. A block freed on another vCPU than the one it comes from goes back through a queue.
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

struct vcpu;

/* Before the first use of any other function here, page_alloc() included: the boot vCPU's slabs. */
void heap_init(void);
/* Before another vCPU comes up, on any vCPU: makes place for its slabs, unless it has some from an
 * earlier time. 0 or -ENOMEM. */
int heap_vcpu_create(struct vcpu *vcpu);
/* On a vCPU that is about to go down, as the last that uses the heap there; not on the boot vCPU.
 * Its empty slabs are given back, the others become the boot vCPU's. Events disabled. */
void heap_vcpu_leave(void);

struct heap_stats {
	uint64_t used_bytes, used_blocks; /* as asked for */
	uint64_t held_bytes;              /* taken from the page allocator for blocks */
};
/* Walks everything; exact when no other vCPU allocates meanwhile. */
void heap_get_stats(struct heap_stats *stats_out);

/* Walks everything, while other vCPUs go on. 0, or -EFAULT when something is corrupt, which is then
 * in the log. */
int heap_check(void);

/* Gives wholly empty slabs back to the page allocator; other vCPUs do so when they next look. */
void heap_trim(void);

#endif
