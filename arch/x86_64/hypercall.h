/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one seam between the guest and the hypervisor. In a guest it is the hypercall page
 * (arch/x86_64/hypercall.S); on the host it is the mock hypervisor (test/mock/).
 *
 * op is a __HYPERVISOR_* number; unused arguments are 0. Returns Xen's own value: >= 0, or
 * a negative Xen errno. Callable from any context. Source: Xen public/arch-x86/xen-x86_64.h.
 */
#ifndef ARCH_X86_64_HYPERCALL_H
#define ARCH_X86_64_HYPERCALL_H

long arch_hypercall(unsigned int op, unsigned long a1, unsigned long a2, unsigned long a3,
		    unsigned long a4, unsigned long a5);

#endif
