/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <ucontext.h>: what a signal handler installed with SA_SIGINFO gets as its third argument.
 * getcontext() and makecontext() are left out: threads do better what they were for, and POSIX
 * withdrew them.
 */
#ifndef _UCONTEXT_H
#define _UCONTEXT_H

#include <sys/ucontext.h>

#endif
