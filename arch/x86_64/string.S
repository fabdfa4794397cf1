/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memcpy, memmove, memset, memcmp of the kernel and of programs (ISO C 7.24.2, 7.24.6, 7.24.4).
 *
 * Every block up to 256 bytes is loaded whole before it is stored, so overlap does not matter, and
 * both ends are covered by pieces that overlap in the middle instead of by loops. From 33 bytes on
 * AVX is used where the vCPU's flag says so (string.h), else string instructions of 8 bytes, which
 * processors since 2008 do in whole cache lines.
 */

#include "arch/x86_64/string.h"

#ifndef STRING_VECTORS
#define STRING_VECTORS %gs:STRING_VECTORS_OFFSET
#endif

/* ---- memcpy, memmove: rdi to, rsi from, rdx bytes; rax keeps to ---- */

	.section .text.memcpy, "ax", @progbits
	.globl	memcpy, memmove
	.type	memcpy, @function
	.type	memmove, @function
	.balign	16
memcpy:
memmove:
	movq	%rdi, %rax
move:	cmpq	$32, %rdx
	ja	move_over_32
	cmpl	$16, %edx
	jae	move_16_to_32
	cmpl	$8, %edx
	jae	move_8_to_15
	cmpl	$4, %edx
	jae	move_4_to_7
	testl	%edx, %edx
	je	1f
	movzbl	(%rsi), %ecx
	cmpl	$1, %edx
	je	2f
	movzwl	-2(%rsi, %rdx), %r8d
	movw	%r8w, -2(%rdi, %rdx)
2:	movb	%cl, (%rdi)
1:	ret

move_4_to_7:
	movl	(%rsi), %ecx
	movl	-4(%rsi, %rdx), %r8d
	movl	%ecx, (%rdi)
	movl	%r8d, -4(%rdi, %rdx)
	ret

move_8_to_15:
	movq	(%rsi), %rcx
	movq	-8(%rsi, %rdx), %r8
	movq	%rcx, (%rdi)
	movq	%r8, -8(%rdi, %rdx)
	ret

	.balign	16
move_16_to_32:
	movq	(%rsi), %rcx
	movq	8(%rsi), %r8
	movq	-16(%rsi, %rdx), %r9
	movq	-8(%rsi, %rdx), %r10
	movq	%rcx, (%rdi)
	movq	%r8, 8(%rdi)
	movq	%r9, -16(%rdi, %rdx)
	movq	%r10, -8(%rdi, %rdx)
	ret

	.balign	16
move_over_32:
	cmpb	$0, STRING_VECTORS
	je	move_words
	cmpq	$64, %rdx
	ja	1f
	vmovdqu	(%rsi), %ymm0
	vmovdqu	-32(%rsi, %rdx), %ymm1
	vmovdqu	%ymm0, (%rdi)
	vmovdqu	%ymm1, -32(%rdi, %rdx)
	vzeroupper
	ret
1:	cmpq	$128, %rdx
	ja	1f
	vmovdqu	(%rsi), %ymm0
	vmovdqu	32(%rsi), %ymm1
	vmovdqu	-64(%rsi, %rdx), %ymm2
	vmovdqu	-32(%rsi, %rdx), %ymm3
	vmovdqu	%ymm0, (%rdi)
	vmovdqu	%ymm1, 32(%rdi)
	vmovdqu	%ymm2, -64(%rdi, %rdx)
	vmovdqu	%ymm3, -32(%rdi, %rdx)
	vzeroupper
	ret
1:	cmpq	$256, %rdx
	ja	move_over_256
	vmovdqu	(%rsi), %ymm0
	vmovdqu	32(%rsi), %ymm1
	vmovdqu	64(%rsi), %ymm2
	vmovdqu	96(%rsi), %ymm3
	vmovdqu	-128(%rsi, %rdx), %ymm4
	vmovdqu	-96(%rsi, %rdx), %ymm5
	vmovdqu	-64(%rsi, %rdx), %ymm6
	vmovdqu	-32(%rsi, %rdx), %ymm7
	vmovdqu	%ymm0, (%rdi)
	vmovdqu	%ymm1, 32(%rdi)
	vmovdqu	%ymm2, 64(%rdi)
	vmovdqu	%ymm3, 96(%rdi)
	vmovdqu	%ymm4, -128(%rdi, %rdx)
	vmovdqu	%ymm5, -96(%rdi, %rdx)
	vmovdqu	%ymm6, -64(%rdi, %rdx)
	vmovdqu	%ymm7, -32(%rdi, %rdx)
	vzeroupper
	ret

move_over_256:
	movq	%rdi, %rcx
	subq	%rsi, %rcx
	cmpq	%rdx, %rcx
	jb	move_down		/* to begins inside from: last bytes first */
	/* The first 32 bytes are held back until the block behind them is loaded; then to is
	 * aligned. from is kept as its distance from to. */
	vmovdqu	(%rsi), %ymm8
	movq	%rdi, %r8
	negq	%rcx
	movq	%rcx, %rsi
	orq	$31, %rdi
	incq	%rdi
	addq	%r8, %rdx		/* rdx: end of to, less one block */
	subq	$256, %rdx
	cmpq	%rdx, %rdi
	jbe	1f
	/* Less than a block remains behind the alignment: as two blocks from both ends. */
	leaq	(%r8, %rsi), %rsi
	subq	%r8, %rdx
	addq	$256, %rdx
	movq	%r8, %rdi
	jmp	move_two_blocks
	.balign	32
1:	vmovdqu	(%rdi, %rsi), %ymm0
	vmovdqu	32(%rdi, %rsi), %ymm1
	vmovdqu	64(%rdi, %rsi), %ymm2
	vmovdqu	96(%rdi, %rsi), %ymm3
	vmovdqu	128(%rdi, %rsi), %ymm4
	vmovdqu	160(%rdi, %rsi), %ymm5
	vmovdqu	192(%rdi, %rsi), %ymm6
	vmovdqu	224(%rdi, %rsi), %ymm7
	vmovdqu	%ymm8, (%r8)
	jmp	3f
	.balign	32
2:	vmovdqu	(%rdi, %rsi), %ymm0
	vmovdqu	32(%rdi, %rsi), %ymm1
	vmovdqu	64(%rdi, %rsi), %ymm2
	vmovdqu	96(%rdi, %rsi), %ymm3
	vmovdqu	128(%rdi, %rsi), %ymm4
	vmovdqu	160(%rdi, %rsi), %ymm5
	vmovdqu	192(%rdi, %rsi), %ymm6
	vmovdqu	224(%rdi, %rsi), %ymm7
3:	vmovdqa	%ymm0, (%rdi)
	vmovdqa	%ymm1, 32(%rdi)
	vmovdqa	%ymm2, 64(%rdi)
	vmovdqa	%ymm3, 96(%rdi)
	vmovdqa	%ymm4, 128(%rdi)
	vmovdqa	%ymm5, 160(%rdi)
	vmovdqa	%ymm6, 192(%rdi)
	vmovdqa	%ymm7, 224(%rdi)
	addq	$256, %rdi
	cmpq	%rdx, %rdi
	jbe	2b
	vzeroupper
	addq	%rdi, %rsi
	subq	%rdi, %rdx
	addq	$256, %rdx
	jmp	move

	/* 257 to 287 bytes: 32 from the end are held back, the rest is one block. */
move_two_blocks:
	vmovdqu	-32(%rsi, %rdx), %ymm8
	vmovdqu	(%rsi), %ymm0
	vmovdqu	32(%rsi), %ymm1
	vmovdqu	64(%rsi), %ymm2
	vmovdqu	96(%rsi), %ymm3
	vmovdqu	128(%rsi), %ymm4
	vmovdqu	160(%rsi), %ymm5
	vmovdqu	192(%rsi), %ymm6
	vmovdqu	224(%rsi), %ymm7
	vmovdqu	%ymm0, (%rdi)
	vmovdqu	%ymm1, 32(%rdi)
	vmovdqu	%ymm2, 64(%rdi)
	vmovdqu	%ymm3, 96(%rdi)
	vmovdqu	%ymm4, 128(%rdi)
	vmovdqu	%ymm5, 160(%rdi)
	vmovdqu	%ymm6, 192(%rdi)
	vmovdqu	%ymm7, 224(%rdi)
	vmovdqu	%ymm8, -32(%rdi, %rdx)
	vzeroupper
	ret

	.balign	16
move_down:
	vmovdqu	-32(%rsi, %rdx), %ymm0
	vmovdqu	-64(%rsi, %rdx), %ymm1
	vmovdqu	-96(%rsi, %rdx), %ymm2
	vmovdqu	-128(%rsi, %rdx), %ymm3
	vmovdqu	%ymm0, -32(%rdi, %rdx)
	vmovdqu	%ymm1, -64(%rdi, %rdx)
	vmovdqu	%ymm2, -96(%rdi, %rdx)
	vmovdqu	%ymm3, -128(%rdi, %rdx)
	subq	$128, %rdx
	cmpq	$128, %rdx
	jae	move_down
	vzeroupper
	jmp	move

	/* Without vectors, more than 32 bytes. */
move_words:
	movq	%rdi, %rcx
	subq	%rsi, %rcx
	cmpq	%rdx, %rcx
	jb	1f
	/* The last word is loaded before anything is stored. */
	movq	-8(%rsi, %rdx), %r8
	leaq	-8(%rdi, %rdx), %r9
	movq	%rdx, %rcx
	shrq	$3, %rcx
	rep movsq
	movq	%r8, (%r9)
	ret
1:	movq	-8(%rsi, %rdx), %rcx
	movq	-16(%rsi, %rdx), %r8
	movq	%rcx, -8(%rdi, %rdx)
	movq	%r8, -16(%rdi, %rdx)
	subq	$16, %rdx
	cmpq	$16, %rdx
	jae	1b
	jmp	move
	.size	memcpy, . - memcpy
	.size	memmove, . - memmove

/* ---- memset: rdi to, esi byte, rdx bytes ---- */

	.section .text.memset, "ax", @progbits
	.globl	memset
	.type	memset, @function
	.balign	16
memset:
	movq	%rdi, %rax
	movzbl	%sil, %ecx
	movabsq	$0x0101010101010101, %r8
	imulq	%r8, %rcx
	cmpq	$32, %rdx
	ja	set_over_32
	cmpl	$16, %edx
	jae	set_16_to_32
	cmpl	$8, %edx
	jae	set_8_to_15
	cmpl	$4, %edx
	jae	set_4_to_7
	testl	%edx, %edx
	je	1f
	movb	%cl, (%rdi)
	cmpl	$1, %edx
	je	1f
	movw	%cx, -2(%rdi, %rdx)
1:	ret

set_4_to_7:
	movl	%ecx, (%rdi)
	movl	%ecx, -4(%rdi, %rdx)
	ret

set_16_to_32:
	movq	%rcx, 8(%rdi)
	movq	%rcx, -16(%rdi, %rdx)
set_8_to_15:
	movq	%rcx, (%rdi)
	movq	%rcx, -8(%rdi, %rdx)
	ret

	.balign	16
set_over_32:
	cmpb	$0, STRING_VECTORS
	je	set_words
	vmovq	%rcx, %xmm0
	vpunpcklqdq %xmm0, %xmm0, %xmm0
	vinsertf128 $1, %xmm0, %ymm0, %ymm0
	vmovdqu	%ymm0, (%rdi)
	vmovdqu	%ymm0, -32(%rdi, %rdx)
	cmpq	$64, %rdx
	jbe	1f
	vmovdqu	%ymm0, 32(%rdi)
	vmovdqu	%ymm0, -64(%rdi, %rdx)
	cmpq	$128, %rdx
	jbe	1f
	vmovdqu	%ymm0, 64(%rdi)
	vmovdqu	%ymm0, 96(%rdi)
	vmovdqu	%ymm0, -128(%rdi, %rdx)
	vmovdqu	%ymm0, -96(%rdi, %rdx)
	/* What lies between the first and the last 128 bytes, aligned. */
	leaq	-128(%rdi, %rdx), %rdx
	subq	$-128, %rdi
	andq	$-32, %rdi
	jmp	3f
	.balign	16
2:	vmovdqa	%ymm0, (%rdi)
	vmovdqa	%ymm0, 32(%rdi)
	vmovdqa	%ymm0, 64(%rdi)
	vmovdqa	%ymm0, 96(%rdi)
	subq	$-128, %rdi
3:	cmpq	%rdx, %rdi
	jb	2b
1:	vzeroupper
	ret

set_words:
	movq	%rax, %r9
	movq	%rcx, -8(%rdi, %rdx)
	movq	%rcx, %rax
	movq	%rdx, %rcx
	shrq	$3, %rcx
	rep stosq
	movq	%r9, %rax
	ret
	.size	memset, . - memset

/* ---- memcmp: rdi left, rsi right, rdx bytes ---- */

	.section .text.memcmp, "ax", @progbits
	.globl	memcmp
	.type	memcmp, @function
	.balign	16
memcmp:
	cmpq	$8, %rdx
	jb	2f
	leaq	-8(%rdi, %rdx), %rdx	/* the last word of left */
	subq	%rdi, %rsi		/* right, as its distance from left */
1:	movq	(%rdi), %rax
	movq	(%rdi, %rsi), %rcx
	cmpq	%rcx, %rax
	jne	3f
	addq	$8, %rdi
	cmpq	%rdx, %rdi
	jb	1b
	/* The last word, which may overlap the one before. */
	movq	(%rdx), %rax
	movq	(%rdx, %rsi), %rcx
	cmpq	%rcx, %rax
	jne	3f
	xorl	%eax, %eax
	ret
3:	bswapq	%rax
	bswapq	%rcx
	cmpq	%rcx, %rax
	sbbl	%eax, %eax		/* -1 when below */
	orl	$1, %eax
	ret
2:	testq	%rdx, %rdx
	je	5f
4:	movzbl	(%rdi), %eax
	movzbl	(%rsi), %ecx
	subl	%ecx, %eax
	jne	6f
	incq	%rdi
	incq	%rsi
	decq	%rdx
	jne	4b
5:	xorl	%eax, %eax
6:	ret
	.size	memcmp, . - memcmp

	.section .note.GNU-stack, "", @progbits
