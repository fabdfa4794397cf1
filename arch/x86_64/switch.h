/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaving one thread's stack for another's. To the compiler it is a statement that destroys all
 * registers, so it saves what it needs, and vector registers and the x87 stack are kept by nobody:
 * a call may destroy them. What must survive a call are the control words of SSE and x87 (psABI
 * 3.2.3). Events disabled.
 */
#ifndef ARCH_X86_64_SWITCH_H
#define ARCH_X86_64_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

struct switch_control {
	uint32_t mxcsr;
	uint16_t x87;
};

/* Leaves the running thread's stack pointer in *sp_out, and goes on where the thread of stack
 * pointer sp was left: there this returns. */
static inline __attribute__((always_inline)) void switch_stacks(uintptr_t *sp_out, uintptr_t sp)
{
	/* Not ret: the processor predicts that by the calls it saw. */
	__asm__ volatile("pushq %%rbp\n\t"
			 "leaq 1f(%%rip), %%rcx\n\t"
			 "pushq %%rcx\n\t"
			 "movq %%rsp, (%0)\n\t"
			 "movq %1, %%rsp\n\t"
			 "popq %%rcx\n\t"
			 "jmp *%%rcx\n"
			 "1:\tpopq %%rbp"
			 : "+a"(sp_out), "+d"(sp)
			 :
			 : "rbx", "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15", "memory", "cc");
}

static inline void switch_save_control(struct switch_control *control_out)
{
	__asm__ volatile("stmxcsr %0\n\t"
			 "fnstcw %1"
			 : "=m"(control_out->mxcsr), "=m"(control_out->x87));
}

static inline void switch_load_control(const struct switch_control *control)
{
	__asm__ volatile("ldmxcsr %0\n\t"
			 "fldcw %1" ::"m"(control->mxcsr),
			 "m"(control->x87));
}

/* What lies on the stack of a thread that does not run, and of a new one. */
struct switch_frame {
	uint64_t rip, rbp;
	/* A new one's only: */
	uint64_t fn, arg;
	uint64_t end[2]; /* ends backtraces */
};

/* Where a new thread begins (switch.S): calls fn(arg), which never returns. */
void switch_begin(void);

/* Builds the first frame below stack_top, a multiple of 16. Yields the stack pointer for
 * switch_stacks(). */
static inline uintptr_t switch_prepare(uintptr_t stack_top, void (*fn)(void *arg), void *arg)
{
	struct switch_frame *frame = (struct switch_frame *)stack_top - 1;

	*frame = (struct switch_frame){
		.rip = (uintptr_t)switch_begin, .fn = (uintptr_t)fn, .arg = (uintptr_t)arg};
	return (uintptr_t)frame;
}

/* On the host %fs is the C library's, and a sanitizer may want to know of another stack. */
#ifdef __stardust__
static inline void switch_announce(void *thread)
{
	(void)thread;
}

/* True when wrfsbase works: CR4.FSGSBASE, which Xen lets a guest read. */
static inline bool switch_has_fsgsbase(void)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	return (cr4 >> 16) & 1;
}

static inline void switch_write_fs(uintptr_t base)
{
	__asm__ volatile("wrfsbase %0" ::"r"(base));
}
#else
void switch_fiber(void *thread) __attribute__((weak));

static inline void switch_announce(void *thread)
{
	if (switch_fiber)
		switch_fiber(thread);
}

static inline bool switch_has_fsgsbase(void)
{
	return true;
}

static inline void switch_write_fs(uintptr_t base)
{
	(void)base;
}
#endif

#endif
