/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals of the one thread: what is pending, blocked and handled, and how a handler gets to run.
 *
 * A signal arrives in event context (console, timer, toolstack) or by the program's own hand.
 * It is delivered in one of three places:
 *  - where the thread was interrupted, by redirecting the trap frame (sig_frame.c);
 *  - at a fault of the program's own, the same way;
 *  - in a call that waited and got -EINTR, or that unblocked it, by a plain function call.
 * Kernel code that must not be interrupted runs with events disabled, or between sig_hold() and
 * sig_release().
 *
 * Lock: events disabled.
 */
#ifndef LIB_POSIX_SIG_H
#define LIB_POSIX_SIG_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "core/wait.h"

#define SIG_BIT(signal) (1UL << ((signal)-1))

enum sig_result {
	SIG_NONE,    /* nothing was delivered */
	SIG_RESTART, /* handlers ran, all with SA_RESTART: the call may go on */
	SIG_EINTR,   /* handlers ran: the call fails with EINTR */
};

/* Woken whenever a signal becomes pending, blocked ones included. */
extern struct waitq sig_queue;

/* Makes a signal pending, or drops it when ignored. Any context. si_code: SI_USER, SI_KERNEL … */
void sig_send(int signal, int si_code);
/* The same with everything said; info->si_signo is the signal. */
void sig_send_info(const siginfo_t *info);

/* Delivers what is pending and not blocked, in the running thread. Thread context, events enabled.
 */
enum sig_result sig_deliver(void);

/* Defers asynchronous delivery; counts. sig_release() delivers what came meanwhile. Thread context.
 */
void sig_hold(void);
void sig_release(void);
bool sig_held(void);

sigset_t sig_blocked(void);
/* Replaces the mask, then delivers what it unblocked. SIGKILL and SIGSTOP are never blocked. */
void sig_set_blocked(sigset_t blocked);
sigset_t sig_pending(void);
/* Takes a pending signal of the set without delivering it: its number, or 0. */
int sig_take(sigset_t set, siginfo_t *info_out);

void sig_get_action(int signal, struct sigaction *action_out);
void sig_set_action(int signal, const struct sigaction *action);
bool sig_handled(int signal);

void sig_get_altstack(stack_t *stack_out);
/* 0, -EPERM while running on it, -ENOMEM when too small, -EINVAL. */
int sig_set_altstack(const stack_t *stack);
bool sig_on_altstack(void);
/* Where the frame of this signal's handler goes when the thread's stack pointer is stack. */
uintptr_t sig_stack_for(int signal, uintptr_t stack);

/* Runs the handler of one taken signal now: mask, stack, flags. context NULL: made up on demand. */
enum sig_result sig_run(const siginfo_t *info, ucontext_t *context);
/* The signal that would be delivered now, 0 for none: the lowest number is first. */
int sig_deliverable(void);

static inline bool sig_valid(int signal)
{
	return signal > 0 && signal < NSIG;
}

#endif
