/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps and the event upcall. Xen pushes rcx r11 [error] rip cs rflags rsp ss on the current
 * stack and enters us with events masked; the stub saves the rest in a struct trap_frame (SDM 3A
 * 6.15; Xen: public/arch-x86/xen.h struct trap_info, public/callback.h).
 */
#ifndef ARCH_X86_64_PV_TRAPS_H
#define ARCH_X86_64_PV_TRAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86_64/pv/traps_asm.h"

#define TRAP_DIVIDE_ERROR  0
#define TRAP_DEBUG         1
#define TRAP_NMI           2
#define TRAP_BREAKPOINT    3
#define TRAP_OVERFLOW      4
#define TRAP_BOUND         5
#define TRAP_INVALID_OP    6
#define TRAP_NO_DEVICE     7
#define TRAP_DOUBLE_FAULT  8
#define TRAP_INVALID_TSS   10
#define TRAP_NO_SEGMENT    11
#define TRAP_STACK         12
#define TRAP_GP            13
#define TRAP_PAGE_FAULT    14
#define TRAP_X87           16
#define TRAP_ALIGNMENT     17
#define TRAP_MACHINE_CHECK 18
#define TRAP_SIMD          19

/* Page-fault error code bits (SDM 3A 4.7). */
#define TRAP_PF_PRESENT 0x1
#define TRAP_PF_WRITE   0x2
#define TRAP_PF_EXEC    0x10

#define TRAP_RFLAGS_TF 0x100
#define TRAP_RFLAGS_IF 0x200 /* in a frame: events were not masked */

struct trap_frame {
	uint64_t vector; /* TRAP_* */
	uint64_t cr2;    /* page faults only, else 0 */
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t error_code; /* 0 when the vector has none */
	uint64_t rip;
	uint64_t cs; /* bits 32–39: saved upcall mask */
	uint64_t rflags, rsp, ss;
};

/* Installs the trap table and the callbacks of this vCPU. Early boot: needs no page tables. */
void traps_init(void);

struct vcpu_guest_context;
/* The same for a vCPU that is to be started. */
void traps_fill_context(struct vcpu_guest_context *context);

/* Calls fn(arg) on another stack and never comes back. */
_Noreturn void traps_call_on_stack(void (*fn)(void *arg), void *arg, void *stack_top);

/* Provided by core/fault.c: handles every exception. Returning resumes at the (possibly
 * changed) frame. General registers only; runs on the interrupted stack. */
void core_trap(struct trap_frame *frame);

/* Provided by core/fault.c: called at the end of an upcall that interrupted code with events
 * enabled, when the vCPU's work_pending is set: delivers signals (later: preempts). */
void core_upcall_work(struct trap_frame *frame);

#endif
