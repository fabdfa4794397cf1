/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypercall page and the one way into it.
 *
 * Xen's domain builder fills the page with a stub of 32 bytes for each hypercall number, which
 * takes its arguments in rdi rsi rdx r10 r8 and answers in rax (Xen: public/arch-x86/xen-x86_64.h).
 */
	.section .hypercall_page, "ax", @nobits
	.balign	4096
	.globl	hypercall_page
	.type	hypercall_page, @object
	.size	hypercall_page, 4096
hypercall_page:
	.skip	4096

	.section .text.arch_hypercall, "ax", @progbits
	.globl	arch_hypercall
	.type	arch_hypercall, @function
	/* long arch_hypercall(op, a1, a2, a3, a4, a5): edi rsi rdx rcx r8 r9 */
arch_hypercall:
	movl	%edi, %eax
	shll	$5, %eax
	addl	$hypercall_page, %eax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	jmp	*%rax
	.size	arch_hypercall, . - arch_hypercall

	.section .note.GNU-stack, "", @progbits
