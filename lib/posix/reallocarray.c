/* SPDX-License-Identifier: BSD-2-Clause */
/* realloc() of an array; apart from malloc.c, because not every allocator brings it. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

void *reallocarray(void *block, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, total);
}
