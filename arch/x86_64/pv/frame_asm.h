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

	/*
	 * Between .cfi_startproc and .cfi_endproc, for debuggers: rbp is the frame's address + 1,
	 * and what it interrupted has its registers there. DW_CFA_def_cfa_expression {breg6 the
	 * slot of rsp, deref}, then for each register DW_CFA_expression {breg6 its slot}.
	 */
	.macro	frame_cfi
	.cfi_signal_frame
	.cfi_escape 0x0f, 4, 0x76, 0xa7, 0x01, 0x06
	.cfi_escape 0x10, 0, 3, 0x76, 0xdf, 0x00	/* rax */
	.cfi_escape 0x10, 1, 3, 0x76, 0xef, 0x00	/* rdx */
	.cfi_escape 0x10, 2, 3, 0x76, 0xe7, 0x00	/* rcx */
	.cfi_escape 0x10, 3, 2, 0x76, 0x37	/* rbx */
	.cfi_escape 0x10, 4, 3, 0x76, 0xf7, 0x00	/* rsi */
	.cfi_escape 0x10, 5, 3, 0x76, 0xff, 0x00	/* rdi */
	.cfi_escape 0x10, 6, 2, 0x76, 0x2f	/* rbp */
	.cfi_escape 0x10, 8, 3, 0x76, 0xd7, 0x00	/* r8 */
	.cfi_escape 0x10, 9, 3, 0x76, 0xcf, 0x00	/* r9 */
	.cfi_escape 0x10, 10, 3, 0x76, 0xc7, 0x00	/* r10 */
	.cfi_escape 0x10, 11, 2, 0x76, 0x3f	/* r11 */
	.cfi_escape 0x10, 12, 2, 0x76, 0x27	/* r12 */
	.cfi_escape 0x10, 13, 2, 0x76, 0x1f	/* r13 */
	.cfi_escape 0x10, 14, 2, 0x76, 0x17	/* r14 */
	.cfi_escape 0x10, 15, 2, 0x76, 0x0f	/* r15 */
	.cfi_escape 0x10, 16, 3, 0x76, 0x8f, 0x01	/* rip */
	.endm

#endif
#endif
