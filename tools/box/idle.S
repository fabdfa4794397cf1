/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A guest that does nothing, for a box's first `xl create`: with it the toolstack, the hotplug
 * scripts and the back ends have run once before the box is saved.
 */
#include <xen/elfnote.h>

	.macro	note type, kind:vararg
	.balign	4
	.long	4, 2f - 1f, \type
	.asciz	"Xen"
1:	\kind
2:
	.endm

	.section .note.Xen, "a", @note
	note	XEN_ELFNOTE_GUEST_OS, .asciz "idle"
	note	XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
	note	XEN_ELFNOTE_LOADER, .asciz "generic"
	note	XEN_ELFNOTE_VIRT_BASE, .quad 0x400000
	note	XEN_ELFNOTE_PADDR_OFFSET, .quad 0x400000
	note	XEN_ELFNOTE_ENTRY, .quad _start
	note	XEN_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page
	note	XEN_ELFNOTE_PAE_MODE, .asciz "yes"
	note	XEN_ELFNOTE_FEATURES, .asciz "!writable_page_tables|pae_pgdir_above_4gb"

	.text
	.globl	_start
_start:	mov	$1, %edi		/* SCHEDOP_block */
	call	hypercall_page + 29 * 32	/* sched_op */
	jmp	_start
	.balign	4096
hypercall_page:
	.skip	4096

	.section .note.GNU-stack, "", @progbits
