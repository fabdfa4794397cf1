/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the objects of lib/posix share. Functions programs call set errno and return -1; inside,
 * functions return 0 or -Exxx as everywhere in the kernel, and posix_result() is the border.
 */
#ifndef LIB_POSIX_POSIX_H
#define LIB_POSIX_POSIX_H

#include <errno.h>

/* -Exxx becomes -1 with errno set, anything else passes. Thread context. */
static inline long posix_result(long result)
{
	if (result < 0) {
		errno = (int)-result;
		return -1;
	}
	return result;
}

#endif
