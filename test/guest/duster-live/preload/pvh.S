/* SPDX-License-Identifier: BSD-2-Clause */
/* Enough of a PVH guest to be created, paused, and refused by duster. Xen: public/elfnote.h. */
	.section .note.Xen, "a", @note
	.long 4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long _start
	.text
	.code32
	.globl _start
_start:
	hlt
	jmp _start
	.section .note.GNU-stack, "", @progbits
