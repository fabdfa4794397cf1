/* SPDX-License-Identifier: BSD-2-Clause */
/* Building and taking apart a struct trap_frame (traps.h), for entry.S and debug.S. */
#ifndef ARCH_X86_64_PV_FRAME_ASM_H
#define ARCH_X86_64_PV_FRAME_ASM_H

/* clang-format off */
#ifdef __ASSEMBLY__

	/* From rsp at the error code, rdi pushed below it: the rest of the frame. rdi: vector. */
	.macro	frame_save
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	$0			/* cr2 */
	pushq	%rdi			/* vector */
	cld
	movq	%rsp, %rdi
	/* An odd frame pointer is a trap frame's address + 1: core/backtrace.c. */
	leaq	1(%rsp), %rbp
	/* 23 words down from a multiple of 16. */
	subq	$8, %rsp
	.endm

	/* All general registers of the frame, from rsp at the alignment word to the error code. */
	.macro	frame_restore
	addq	$24, %rsp		/* the alignment, vector, cr2 */
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	.endm

#endif
#endif
