/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the parts of the image lie: symbols of tools/stardust.ld. Only their addresses mean
 * something. Text reaches to __rodata_start (the hypercall page is its end), constants to
 * __ro_after_init_start; all these boundaries are page-aligned but __text_end and __rodata_end.
 */
#ifndef ARCH_X86_64_PV_IMAGE_H
#define ARCH_X86_64_PV_IMAGE_H

#include <stdint.h>

extern char __image_start[], __image_end[];
extern char __text_start[], __text_end[];
extern char hypercall_page[];       /* a page of stubs, 32 bytes for each hypercall */
extern const char __duster_block[]; /* debug_asm.h */
extern char __rodata_start[], __rodata_end[];
extern char __ro_after_init_start[], __ro_after_init_end[];
extern char __pt_pool_end[]; /* of pt_boot.c's pool */

/* Function names for lib/base/ksyms.h, NULL in an image without them. */
extern const unsigned char __ksyms_data[] __attribute__((weak));

/* Compared by every function the compiler found worth protecting. */
extern uintptr_t __stack_chk_guard;

#endif
