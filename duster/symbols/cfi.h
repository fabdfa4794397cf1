/* SPDX-License-Identifier: BSD-2-Clause */
/* One step up the stack by call frame information (.debug_frame, .eh_frame; DWARF 5, 6.4). */
#ifndef DUSTER_SYMBOLS_CFI_H
#define DUSTER_SYMBOLS_CFI_H

#include "duster/symbols/image.h"
#include "duster/util/regs.h"

typedef int cfi_read_fn(void *context, uint64_t addr, void *to, size_t bytes);

/* The registers of the caller of the frame `regs`, whose code stands at `addr` (rip, or the call
 * before it). *is_signal_out: the caller was interrupted, rip is no return address. -ENOENT:
 * nothing is known of addr; other -Exxx: the stack makes no sense. *cfa_out is known also when the
 * rest fails. */
int cfi_unwind(const struct image *image, uint64_t addr, const struct regs *regs, cfi_read_fn *read,
	       void *context, struct regs *caller_out, uint64_t *cfa_out, bool *is_signal_out);

#endif
