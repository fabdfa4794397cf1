/* SPDX-License-Identifier: BSD-2-Clause */
/* <sys/ucontext.h>: the interrupted machine state, named as on Linux x86_64. */
#ifndef _SYS_UCONTEXT_H
#define _SYS_UCONTEXT_H

#include <signal.h>
#include <stdint.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

/* Indices into gregs[]. A handler may change them; they are put back when it returns. */
enum {
	REG_R8,
	REG_R9,
	REG_R10,
	REG_R11,
	REG_R12,
	REG_R13,
	REG_R14,
	REG_R15,
	REG_RDI,
	REG_RSI,
	REG_RBP,
	REG_RBX,
	REG_RDX,
	REG_RAX,
	REG_RCX,
	REG_RSP,
	REG_RIP,
	REG_EFL,
	REG_CSGSFS, /* unused, 0 */
	REG_ERR,    /* the trap's error code */
	REG_TRAPNO, /* its vector */
	REG_OLDMASK,
	REG_CR2, /* the faulting address of a page fault */
};
#define NGREG 23

typedef long long greg_t;
typedef greg_t gregset_t[NGREG];

typedef struct {
	gregset_t gregs;
	void *fpregs; /* XSAVE or FXSAVE image, NULL when the FPU state was not saved */
} mcontext_t;

typedef struct ucontext {
	unsigned long uc_flags;
	struct ucontext *uc_link;
	stack_t uc_stack;
	mcontext_t uc_mcontext;
	sigset_t uc_sigmask; /* restored when the handler returns */
} ucontext_t;

__END_DECLS

#endif
