/* SPDX-License-Identifier: BSD-2-Clause */
/* From one thread's stack to another's (switch.h); struct switch_frame is what lies on the stack. */

	.section .text.switch, "ax", @progbits

	/* void switch_stacks(uintptr_t *sp_out, uintptr_t sp) */
	.globl	switch_stacks
	.type	switch_stacks, @function
	.balign	16
switch_stacks:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	$8, %rsp
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
	.size	switch_stacks, . - switch_stacks

	/* A new thread; rsp is a multiple of 16 as before a call, and what lies there is 0. */
	.globl	switch_begin
	.type	switch_begin, @function
switch_begin:
	xorl	%ebp, %ebp
	movq	%r12, %rdi
	call	*%rbx
	ud2
	.size	switch_begin, . - switch_begin

	.section .note.GNU-stack, "", @progbits
