/* SPDX-License-Identifier: BSD-2-Clause */
/* C11's name for memalign(); apart from it, because not every allocator brings both. */
#include <malloc.h>
#include <stdlib.h>

void *aligned_alloc(size_t align, size_t bytes)
{
	return memalign(align, bytes);
}
