/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The test guest's notes for Xen and its first instructions.
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
	note	XEN_ELFNOTE_GUEST_OS, .asciz "tiny"
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
_start:	cld
	mov	%rsi, %rdi		/* struct start_info */
	and	$-16, %rsp
	call	tiny_main
	ud2

	.bss
	.balign	4096
	.globl	hypercall_page
hypercall_page:
	.skip	4096

	.section .note.GNU-stack, "", @progbits
