/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual address space of a guest. Also for assembly and the linker script (which repeats
 * LAYOUT_IMAGE_BASE).
 *
 *   1 GiB		the p2m, where Xen's domain builder puts it (note INIT_P2M): 8 bytes a page,
 *			so that there is room for guests of 256 GiB
 *   1.5 GiB + 1 MiB	the image, the shared info page behind it; all below 2 GiB for
 *			-mcmodel=small
 *   slots 40-63	virtual memory areas (core/vm.c), by top-level slots of 512 GiB
 *   slots 64-253	the direct map, at a random base
 *   slots 256-271	Xen
 *
 * libxc takes INIT_P2M only below VIRT_BASE (xg_dom_core.c), else the p2m becomes part of the
 * bootstrap mapping and its cost grows with memory; and its dump-core is right only when the p2m
 * begins at a multiple of 1 GiB (xg_core_x86.c).
 *
 * libxc maps up to the next multiple of 4 MiB that leaves 512 KiB, hence 3 MiB for an image of up
 * to 2.4 MiB, and puts p2m and module behind what it mapped. With a base at a multiple of 4 MiB a
 * guest of memory=4 would have no page left for the p2m.
 */
#ifndef ARCH_X86_64_PV_LAYOUT_H
#define ARCH_X86_64_PV_LAYOUT_H

#define LAYOUT_IMAGE_BASE 0x60100000
#define LAYOUT_P2M_BASE   0x40000000

#define LAYOUT_DMAP_SLOT_FIRST 64
#define LAYOUT_DMAP_SLOTS      190

/* Boot stack: a guard page, the stack, a guard page. */
#define BOOT_STACK_BYTES 16384
#define BOOT_STACK_TOP   (4096 + BOOT_STACK_BYTES)

#endif
