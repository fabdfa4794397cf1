/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The start of day of vCPUs other than the first. Source: Xen public/vcpu.h VCPUOP_initialise,
 * public/arch-x86/xen.h struct vcpu_guest_context.
 */
#ifndef ARCH_X86_64_PV_VCPU_BOOT_H
#define ARCH_X86_64_PV_VCPU_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "xen/vcpu.h"

/* Bytes of memory vcpu_boot_create() works in. */
#define VCPU_BOOT_SCRATCH_BYTES sizeof(struct vcpu_guest_context)

/* Tells Xen how the vCPU begins when VCPUOP_up starts it: on the calling vCPU's page tables, with
 * traps, FPU and vector registers as the first vCPU has them, events disabled, in run() on the
 * stack that ends at stack_top. vcpu is filled by vcpu_init(). scratch: zeroed, borrowed. Thread
 * context. 0 or -errno (-EEXIST: it began before). */
int vcpu_boot_create(const struct vcpu *vcpu, uintptr_t stack_top, void (*run)(void),
		     struct vcpu_guest_context *scratch);

#endif
