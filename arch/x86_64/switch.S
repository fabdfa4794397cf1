/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a new thread begins (switch.h): of struct switch_frame all but rip is on the stack. */

	.section .text.switch, "ax", @progbits
	.globl	switch_begin
	.type	switch_begin, @function
switch_begin:
	popq	%rbp			/* 0 */
	popq	%rax
	popq	%rdi
	/* rsp is a multiple of 16 here. */
	call	*%rax
	ud2
	.size	switch_begin, . - switch_begin

	.section .note.GNU-stack, "", @progbits
