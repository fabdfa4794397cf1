/* SPDX-License-Identifier: BSD-2-Clause */
	.section .text.memcpy, "ax", @progbits
	.globl	memcpy
	.type	memcpy, @function
memcpy:
	movq	%rdi, %rax
	movq	%rdx, %rcx
	rep movsb
	ret
	.size	memcpy, . - memcpy

	.section .text.memset, "ax", @progbits
	.globl	memset
	.type	memset, @function
memset:
	movq	%rdi, %r8
	movl	%esi, %eax
	movq	%rdx, %rcx
	rep stosb
	movq	%r8, %rax
	ret
	.size	memset, . - memset

	.section .bss.string_vectors, "aw", @nobits
	.globl	string_vectors
	.type	string_vectors, @object
	.size	string_vectors, 1
string_vectors:
	.skip	1
	.section .note.GNU-stack, "", @progbits
