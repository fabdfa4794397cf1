/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps and the event upcall. Xen pushes rcx r11 [error] rip cs rflags rsp ss on the current
 * stack and enters us; the stub saves the rest in a struct trap_frame (SDM 3A 6.15; Xen:
 * arch/x86/pv/traps.c behaviour noted in public/arch-x86/xen-x86_64.h).
 */
#ifndef ARCH_X86_64_PV_TRAPS_H
#define ARCH_X86_64_PV_TRAPS_H

#include <stdbool.h>
#include <stdint.h>

#define TRAP_DIVIDE_ERROR 0
#define TRAP_DEBUG	  1
#define TRAP_NMI	  2
#define TRAP_BREAKPOINT	  3
#define TRAP_OVERFLOW	  4
#define TRAP_BOUND	  5
#define TRAP_INVALID_OP	  6
#define TRAP_NO_DEVICE	  7
#define TRAP_DOUBLE_FAULT 8
#define TRAP_STACK	  12
#define TRAP_GP		  13
#define TRAP_PAGE_FAULT	  14
#define TRAP_X87	  16
#define TRAP_ALIGNMENT	  17
#define TRAP_SIMD	  19

/* Page-fault error code bits (SDM 3A 4.7). */
#define TRAP_PF_PRESENT 0x1
#define TRAP_PF_WRITE	0x2
#define TRAP_PF_EXEC	0x10

struct trap_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t error_code; /* 0 when the vector has none */
	uint64_t rip;
	uint64_t cs; /* bits 32–39: saved upcall mask */
	uint64_t rflags, rsp, ss;
	/* filled by the stub after the frame proper */
	uint64_t vector;
	uint64_t cr2; /* page faults only */
};

/* Installs the trap table, the callbacks and the NMI handler of this vCPU. */
void traps_init(void);

/* Provided by core/fault.c: handles every exception. Returning resumes at the (possibly
 * changed) frame. General registers only; runs on the interrupted stack. */
void core_trap(struct trap_frame *frame);

/* Provided by core/fault.c: called at the end of an upcall that interrupted code with events
 * enabled, when upcall_work_pending is set: delivers signals (later: preempts). */
void core_upcall_work(struct trap_frame *frame);
extern bool upcall_work_pending;

#endif
