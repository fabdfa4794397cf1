/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a new thread begins (switch.h): struct switch_frame, without rip, is on the stack. */

	.section .text.switch, "ax", @progbits
	.globl	switch_begin
	.type	switch_begin, @function
switch_begin:
	popq	%rax
	popq	%rdi
	/* rsp is a multiple of 16 here. */
	xorl	%ebp, %ebp
	call	*%rax
	ud2
	.size	switch_begin, . - switch_begin

	.section .note.GNU-stack, "", @progbits
