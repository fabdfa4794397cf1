/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaving one thread's stack for another's. To the compiler it is a call, so what a call may
 * destroy is not kept: vector registers and the x87 stack. What must survive a call is:
 * callee-saved registers, the control words of SSE and x87 (psABI 3.2.3). Events disabled.
 */
#ifndef ARCH_X86_64_SWITCH_H
#define ARCH_X86_64_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

/* Keeps the running thread's registers on its stack and its stack pointer in *sp_out, and goes on
 * where the thread of stack pointer sp was left. */
void switch_stacks(uintptr_t *sp_out, uintptr_t sp);

/* What switch_stacks() finds on a stack; switch.S knows its order. */
struct switch_frame {
	uint32_t mxcsr;
	uint16_t x87_control, unused;
	uint64_t r15, r14, r13, r12, rbx, rbp;
	uint64_t rip;
	uint64_t end[2]; /* ends backtraces, and aligns the stack as a call does */
};

/* Where a new thread begins: calls what rbx holds, which never returns, with r12. */
void switch_begin(void);

/* Builds the first frame below stack_top (a multiple of 16), with the caller's control words;
 * fn(arg) will run there and must not return. Yields the stack pointer for switch_stacks(). */
static inline uintptr_t switch_prepare(uintptr_t stack_top, void (*fn)(void *arg), void *arg)
{
	struct switch_frame *frame = (struct switch_frame *)stack_top - 1;

	*frame = (struct switch_frame){
		.rip = (uintptr_t)switch_begin, .rbx = (uintptr_t)fn, .r12 = (uintptr_t)arg};
	__asm__ volatile("stmxcsr %0\n\t"
			 "fnstcw %1"
			 : "=m"(frame->mxcsr), "=m"(frame->x87_control));
	return (uintptr_t)frame;
}

/* True when wrfsbase works: CR4.FSGSBASE, which Xen lets a guest read. */
static inline bool switch_has_fsgsbase(void)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	return (cr4 >> 16) & 1;
}

/* The running thread's thread pointer; %fs must be set. */
static inline uintptr_t switch_thread_pointer(void)
{
	uintptr_t pointer;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(pointer));
	return pointer;
}

static inline void switch_write_fs(uintptr_t base)
{
	__asm__ volatile("wrfsbase %0" ::"r"(base));
}

#endif
