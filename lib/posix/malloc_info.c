/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of the heap and its blocks. */
#include <malloc.h>
#include <stddef.h>

#include "core/heap.h"

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
