/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals as System V had them (XSI, obsolescent), one at a time. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

static int change(int how, int signal)
{
	sigset_t set = SIG_BIT(signal);

	if (!sig_valid(signal) || signal == SIGKILL || signal == SIGSTOP)
		return (int)posix_result(-EINVAL);
	return sigprocmask(how, &set, NULL);
}

int sighold(int signal)
{
	return change(SIG_BLOCK, signal);
}

int sigrelse(int signal)
{
	return change(SIG_UNBLOCK, signal);
}

int sigignore(int signal)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	return sigaction(signal, &action, NULL);
}

int sigpause(int signal)
{
	sigset_t mask = sig_blocked();

	if (!sig_valid(signal))
		return (int)posix_result(-EINVAL);
	mask &= ~SIG_BIT(signal);
	return sigsuspend(&mask);
}

/* What it was before: SIG_HOLD when it was blocked. */
_sig_func_ptr sigset(int signal, _sig_func_ptr handler)
{
	struct sigaction action = {.sa_handler = handler}, old;
	bool held;

	if (!sig_valid(signal) || signal == SIGKILL || signal == SIGSTOP) {
		errno = EINVAL;
		return SIG_ERR;
	}
	held = sig_blocked() & SIG_BIT(signal);
	if (sigaction(signal, handler == SIG_HOLD ? NULL : &action, &old))
		return SIG_ERR;
	change(handler == SIG_HOLD ? SIG_BLOCK : SIG_UNBLOCK, signal);
	return held ? SIG_HOLD : old.sa_handler;
}
