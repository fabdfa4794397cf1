/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Xen's domain builder reads (ELF notes; Xen: public/elfnote.h), and the first
 * instructions it starts.
 */
#include "arch/x86_64/pv/layout.h"
#include "xen/abi.h"

	.macro	xen_note_begin type
	.balign	4
	.long	2f - 1f		/* name bytes */
	.long	4f - 3f		/* descriptor bytes */
	.long	\type
1:	.asciz	"Xen"
2:	.balign	4
3:
	.endm

	.macro	xen_note_text type, text
	xen_note_begin \type
	.asciz	"\text"
4:	.balign	4
	.endm

	.macro	xen_note_quad type, value:vararg
	xen_note_begin \type
	.quad	\value
4:	.balign	4
	.endm

	.section .note.Xen, "a", @note
	xen_note_text XEN_ELFNOTE_GUEST_OS, "stardust"
	xen_note_text XEN_ELFNOTE_GUEST_VERSION, "0.1"
	xen_note_text XEN_ELFNOTE_XEN_VERSION, "xen-3.0"
	xen_note_text XEN_ELFNOTE_LOADER, "generic"
	xen_note_text XEN_ELFNOTE_PAE_MODE, "yes"
	xen_note_text XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb"
	/* May be started by Xen itself (XENFEAT_dom0), with page tables below any address. */
	xen_note_quad XEN_ELFNOTE_SUPPORTED_FEATURES, (1 << 11) | (1 << 4)
	/* The image is the first thing in the guest's memory: pfn 0 is at LAYOUT_IMAGE_BASE. */
	xen_note_quad XEN_ELFNOTE_VIRT_BASE, LAYOUT_IMAGE_BASE
	xen_note_quad XEN_ELFNOTE_PADDR_OFFSET, LAYOUT_IMAGE_BASE
	xen_note_quad XEN_ELFNOTE_ENTRY, _start
	xen_note_quad XEN_ELFNOTE_HYPERCALL_PAGE, hypercall_page
	xen_note_quad XEN_ELFNOTE_INIT_P2M, LAYOUT_P2M_BASE
	xen_note_quad XEN_ELFNOTE_MOD_START_PFN, 1
	/* A present entry holds a machine frame number: mask and value (for xl save). */
	xen_note_begin XEN_ELFNOTE_L1_MFN_VALID
	.quad	1, 1
4:	.balign	4

	/* rsi: struct start_info, rsp: one page of stack; events are masked. */
	.section .text.start, "ax", @progbits
	.globl	_start
	.type	_start, @function
_start:
	rdtsc
	cld
	movq	%rsi, %rdi
	shlq	$32, %rdx
	leaq	(%rax, %rdx), %rsi
	movq	$boot_stack + BOOT_STACK_TOP, %rsp
	xorl	%ebp, %ebp
	pushq	%rbp			/* ends backtraces, and aligns the stack as a call does */
	jmp	boot_start
	.size	_start, . - _start

	/* The boot stack between two pages that pt_boot() leaves unmapped. */
	.section .bss.boot_stack, "aw", @nobits
	.balign	4096
	.globl	boot_stack
	.type	boot_stack, @object
	.size	boot_stack, BOOT_STACK_TOP + 4096
boot_stack:
	.skip	BOOT_STACK_TOP + 4096

	.section .note.GNU-stack, "", @progbits
