/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread control block: what %fs points to. The thread-local variables lie right below it,
 * and its first word is its own address (x86-64 psABI, TLS variant II).
 *
 * One thread today; the threads issue makes one of these per thread.
 */
#ifndef LIB_POSIX_TCB_H
#define LIB_POSIX_TCB_H

#include <stddef.h>
#include <stdint.h>

struct _reent;

/* From the linker script: the template of the thread-local variables; the last three are lengths,
 * the values are the addresses of the symbols. */
extern const char __tdata_start[];
extern const char __tdata_bytes[], __tls_bytes[], __tls_align[];

struct tcb {
	struct tcb *self;
	struct _reent *reent; /* newlib's state of this thread; tcb.c reads it at TCB_REENT */
};

#define TCB_REENT 8

/* Bytes a thread needs for its TCB and its thread-local variables, alignment included. */
size_t tcb_bytes(void);

/* Lays out TLS block and TCB right below top (given, until the thread ends) and returns the TCB,
 * from which the stack may grow down to tcb_stack_top(). */
struct tcb *tcb_create(uintptr_t top, struct _reent *reent);
/* First byte above the usable stack, 16-byte aligned. */
uintptr_t tcb_stack_top(const struct tcb *tcb);

/* Makes tcb the running thread's: %fs. */
void tcb_use(struct tcb *tcb);

#endif
