/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual address space of a guest, by top-level (L4) slots of 512 GiB. Also for assembly.
 *
 *   slot 0		the image at LAYOUT_IMAGE_BASE, the shared info page behind it
 *   slot 1		the p2m, where Xen's domain builder puts it (note INIT_P2M)
 *   slots 32-63	virtual memory areas (core/vm.c)
 *   slots 64-254	the direct map, at a random base
 *   slots 256-271	Xen
 */
#ifndef ARCH_X86_64_PV_LAYOUT_H
#define ARCH_X86_64_PV_LAYOUT_H

#define LAYOUT_IMAGE_BASE 0x400000
#define LAYOUT_P2M_BASE   0x8000000000

#define LAYOUT_DMAP_SLOT_FIRST 64
#define LAYOUT_DMAP_SLOTS      190

/* Boot stack: a guard page, the stack, a guard page. */
#define BOOT_STACK_BYTES 16384
#define BOOT_STACK_TOP   (4096 + BOOT_STACK_BYTES)

#endif
