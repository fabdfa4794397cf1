/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers between Xen's struct vcpu_guest_context (Xen: public/arch-x86/xen.h) and ours. */
#ifndef DUSTER_TARGET_XEN_REGS_H
#define DUSTER_TARGET_XEN_REGS_H

#include <xenctrl.h>

#include "duster/util/regs.h"

void xen_regs_from_context(const vcpu_guest_context_t *context, struct regs *regs_out);
/* Changes only what regs knows and a debugger may set: the general registers, rip, rsp, rflags. */
void xen_regs_to_context(const struct regs *regs, vcpu_guest_context_t *context);

#endif
