/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory functions of string.S, and whether they may use vector registers.
 *
 * memcpy, memmove and memset clobber vector registers as any C function may, once
 * string_vectors_allow() was called. A handler that interrupted such code must not, so entering one
 * turns them off and leaving it restores. (With several vCPUs: one flag each.)
 */
#ifndef ARCH_X86_64_STRING_H
#define ARCH_X86_64_STRING_H

#include <stdbool.h>

#include "arch/x86_64/cpu.h"

extern bool string_vectors; /* guarded by masked events */

static inline bool string_vectors_off(void)
{
	bool before = string_vectors;

	WRITE_ONCE(string_vectors, false);
	barrier();
	return before;
}

static inline void string_vectors_restore(bool before)
{
	barrier();
	WRITE_ONCE(string_vectors, before);
}

#endif
