/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions: what they mean, who handles them. A fault of the program becomes a signal; one the
 * program does not handle, or one of the kernel itself, ends in a crash report (core/panic.h).
 */
#ifndef CORE_FAULT_H
#define CORE_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trap_frame;

/* Signal numbers as lib/posix has them in <signal.h>; lib/posix asserts them equal. */
enum fault_signal {
	FAULT_SIGILL = 4,
	FAULT_SIGTRAP = 5,
	FAULT_SIGABRT = 6,
	FAULT_SIGBUS = 7,
	FAULT_SIGFPE = 8,
	FAULT_SIGSEGV = 11,
};

/* si_code, likewise. */
enum fault_code {
	FAULT_SI_KERNEL = 0x80,
	FAULT_ILL_ILLOPN = 2,
	FAULT_FPE_INTDIV = 1,
	FAULT_FPE_INTOVF = 2,
	FAULT_FPE_FLTINV = 7,
	FAULT_SEGV_MAPERR = 1,
	FAULT_SEGV_ACCERR = 2,
	FAULT_BUS_ADRALN = 1,
	FAULT_TRAP_BRKPT = 1,
	FAULT_TRAP_TRACE = 2,
};

/* Says in words what lies at addr and why it cannot be accessed, e.g. "NULL page", "guard page of
 * main stack", "text, read-only". error_code: of the page fault. Needs no lock and no memory. */
void fault_explain(uintptr_t addr, uint64_t error_code, char *text_out, size_t text_bytes);

/* One line for a frame's exception: "page fault: write to address 0x10 (NULL page)". */
void fault_describe(const struct trap_frame *frame, char *text_out, size_t text_bytes);

/* The signal a program gets for the exception, with si_code and si_addr. */
int fault_to_signal(const struct trap_frame *frame, int *code_out, uintptr_t *addr_out);

/* Provided by lib/posix: changes frame so that it resumes in the program's handler and returns
 * true, or false when there is none. Events are masked, general registers only. */
bool core_fault_signal(struct trap_frame *frame, int signal, int code, uintptr_t addr);

/* Provided by lib/posix: the same for signals that are pending (the vCPU's work_pending is set). */
void core_deliver_signals(struct trap_frame *frame);

#endif
