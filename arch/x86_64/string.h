/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory functions of string.S, and whether they may use vector registers. Also for assembly.
 *
 * memcpy, memmove and memset clobber vector registers as any C function may, once the vCPU's flag
 * is set. A handler that interrupted such code must not, so entering one clears the flag and
 * leaving it restores. The flag is a byte of what each vCPU has of its own (xen/vcpu.h).
 */
#ifndef ARCH_X86_64_STRING_H
#define ARCH_X86_64_STRING_H

#define STRING_VECTORS_OFFSET 84 /* from %gs */

#ifndef __ASSEMBLY__
#include <stdbool.h>

#ifdef __stardust__
static inline void string_vectors_restore(bool before)
{
	*(volatile bool __seg_gs *)STRING_VECTORS_OFFSET = before;
}

/* Events masked. */
static inline bool string_vectors_off(void)
{
	bool before = *(volatile bool __seg_gs *)STRING_VECTORS_OFFSET;

	string_vectors_restore(false);
	return before;
}
#endif
#endif

#endif
