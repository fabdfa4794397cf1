/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of one size for the kernel's own bookkeeping (areas, slabs), in pages that hold nothing
 * of the program's. Any context, any vCPU; locked inside.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "xen/spinlock.h"

struct pool_free;

struct pool {
	const char *name;
	uint32_t object_bytes; /* a multiple of 16, at most 1024 */
	struct spinlock lock;  /* of what follows, and of the free objects; over nothing else */
	uint32_t live;
	struct pool_free *free;
};

#define POOL_INIT(pool_name, type)                                                                 \
	{                                                                                          \
		.name = (pool_name), .object_bytes = (sizeof(type) + 15) & ~15u                    \
	}

/* Zeroed; NULL when out of memory. */
void *pool_alloc(struct pool *pool);
/* object came from this pool. */
void pool_free(struct pool *pool, void *object);

#endif
