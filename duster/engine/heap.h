/* SPDX-License-Identifier: BSD-2-Clause */
/* The blocks of the kernel's heap (core/heap_parts.h) and the areas of its virtual memory. */
#ifndef DUSTER_ENGINE_HEAP_H
#define DUSTER_ENGINE_HEAP_H

#include "duster/engine/look.h"

struct heap_block {
	uint64_t addr, bytes; /* bytes as asked for; 0 of a free slot */
	uint64_t slot, slot_bytes;
	bool is_live, is_area;
	const char *wrong; /* NULL, or what is damaged; only when the heap is checked */
};
typedef bool heap_fn(void *context, const struct heap_block *block);

/* Calls fn for each slot and large block until it returns false. check: canaries and what lies in
 * free slots too. -ENOENT: the program has no heap. */
int heap_each(struct session *session, bool check, heap_fn *fn, void *context);
/* The block, live or free, whose slot holds addr. -ENOENT: none. */
int heap_find(struct session *session, uint64_t addr, struct heap_block *block_out);

struct heap_area {
	uint64_t start, bytes;
	const char *name;
	uint64_t private[2];
};
typedef bool heap_area_fn(void *context, const struct heap_area *area);
/* Each area by address. -ENOENT: none known; -ELOOP: the tree is damaged or changes. */
int heap_areas(struct session *session, heap_area_fn *fn, void *context);

#endif
