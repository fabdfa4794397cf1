/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The smallest guest there is, to test the box with: writes its command line to the console
 * hypercall, to the console ring when it has one, and shuts down (or crashes, built with -DCRASH).
 */
#include <xen/elfnote.h>

	.macro note type, kind:vararg
	.pushsection .note.Xen, "a", @note
	.balign 4
	.long 4, 2f - 1f, \type
	.asciz "Xen"
1:	\kind
2:	.balign 4
	.popsection
	.endm

	note XEN_ELFNOTE_GUEST_OS, .asciz "tiny"
	note XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
	note XEN_ELFNOTE_LOADER, .asciz "generic"
	note XEN_ELFNOTE_VIRT_BASE, .quad 0x400000
	note XEN_ELFNOTE_PADDR_OFFSET, .quad 0x400000
	note XEN_ELFNOTE_ENTRY, .quad _start
	note XEN_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page
	note XEN_ELFNOTE_PAE_MODE, .asciz "yes"
	note XEN_ELFNOTE_FEATURES, .asciz "!writable_page_tables|pae_pgdir_above_4gb"

	.text
	.globl _start
_start:
	cld
	mov	%rsi, %rbx			/* struct start_info */
	lea	hello(%rip), %rsi
	mov	$hello_end - hello, %edx
	call	print
#ifdef CRASH
	movl	$0, 0
#endif
#ifdef HANG
1:	jmp	1b
#endif
	mov	$2, %edi			/* SCHEDOP_shutdown */
	lea	reason(%rip), %rsi
	call	hypercall_page + 29 * 32	/* sched_op */
	ud2

print:	xor	%edi, %edi			/* CONSOLEIO_write */
	xchg	%rsi, %rdx
	jmp	hypercall_page + 18 * 32	/* console_io(cmd, bytes, text) */

	.section .rodata
hello:	.ascii "tiny: hello\nstardust: exit 7\n"
hello_end:
	.balign 4
reason:	.long 0

	.section .bss
	.balign 4096
	.globl hypercall_page
hypercall_page:
	.skip 4096
