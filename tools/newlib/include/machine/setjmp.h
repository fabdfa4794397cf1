/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <machine/setjmp.h>: a jump buffer holds what newlib's setjmp saves (rbx rbp r12-r15 rsp rip),
 * then the signal mask for sigsetjmp. jmp_buf and sigjmp_buf are one type, so that programs which
 * mix _setjmp, setjmp and sigsetjmp overrun nothing.
 */
#ifndef _MACHINE_SETJMP_H
#define _MACHINE_SETJMP_H

#include <sys/cdefs.h>

#define _JBTYPE        long
#define _JBLEN         12
#define _JB_MASK_SAVED 8 /* not 0: the next word is the mask */
#define _JB_MASK       9

typedef _JBTYPE jmp_buf[_JBLEN];

#if __POSIX_VISIBLE || __XSI_VISIBLE || __BSD_VISIBLE
typedef jmp_buf sigjmp_buf;

__BEGIN_DECLS
int __sigjmp_save(sigjmp_buf, int);
void siglongjmp(sigjmp_buf, int) __attribute__((__noreturn__));
__END_DECLS

/* POSIX lets it be a macro; a function could not call setjmp for its caller. */
#define sigsetjmp(env, savemask) (__sigjmp_save((env), (savemask)), setjmp(env))

/* Neither saves the signal mask here, as in System V and on Linux. */
#define _setjmp(env)       setjmp(env)
#define _longjmp(env, val) longjmp((env), (val))
#endif

#endif
