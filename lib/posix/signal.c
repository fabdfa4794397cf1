/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals by POSIX names: sending, masks, stacks. */
#include <errno.h>
#include <reent.h>
#include <signal.h>
#include <unistd.h>

#include "core/time.h"
#include "core/wait.h"
#include "lib/posix/cancel.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

#define THIS_PROCESS 1

int kill(pid_t pid, int signal)
{
	if (signal < 0 || signal >= NSIG)
		return (int)posix_result(-EINVAL);
	/* One process, in a group of its own. */
	if (pid != THIS_PROCESS && pid != 0 && pid != -1 && pid != -THIS_PROCESS)
		return (int)posix_result(-ESRCH);
	if (signal) {
		sig_send(signal, SI_USER);
		sig_deliver();
	}
	return 0;
}

int killpg(pid_t group, int signal)
{
	return kill(group == 0 ? 0 : -group, signal);
}

int raise(int signal)
{
	if (signal < 0 || signal >= NSIG)
		return (int)posix_result(-EINVAL);
	if (signal) {
		sig_send_thread(thread_self(), signal, SI_USER);
		sig_deliver();
	}
	return 0;
}

int _raise_r(struct _reent *reent, int signal)
{
	(void)reent;
	return raise(signal);
}

/* As pthread_sigmask() says: the error is the result. */
static int change_mask(int how, const sigset_t *set, sigset_t *old_out)
{
	sigset_t old = sig_blocked(), change = set ? *set : 0;

	if (set && how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
		return EINVAL;
	if (old_out)
		*old_out = old;
	if (set)
		sig_set_blocked(how == SIG_BLOCK     ? old | change
				: how == SIG_UNBLOCK ? old & ~change
						     : change);
	return 0;
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old_out)
{
	return (int)posix_result(-change_mask(how, set, old_out));
}

int pthread_sigmask(int how, const sigset_t *set, sigset_t *old_out)
{
	return change_mask(how, set, old_out);
}

int sigpending(sigset_t *set_out)
{
	*set_out = sig_pending_set() & sig_blocked();
	return 0;
}

int sigaltstack(const stack_t *stack, stack_t *old_out)
{
	stack_t old;
	int result = 0;

	sig_get_altstack(&old);
	if (stack)
		result = sig_set_altstack(stack);
	if (result == 0 && old_out)
		*old_out = old;
	return (int)posix_result(result);
}

int sigsuspend(const sigset_t *mask)
{
	sigset_t old = sig_blocked();
	unsigned int runs = sig_runs();

	cancel_test();
	/* Something the mask unblocks may be pending already: it ends the wait. Between two waits
	 * nothing is delivered but what sig_release() delivers, so no handler goes unnoticed. */
	sig_hold();
	sig_set_blocked(*mask);
	while (sig_runs() == runs && !cancel_due()) {
		wait_until(TIME_NEVER, true);
		sig_release();
		sig_hold();
	}
	sig_set_blocked(old);
	sig_release();
	cancel_test();
	return (int)posix_result(-EINTR);
}

int pause(void)
{
	sigset_t mask = sig_blocked();

	return sigsuspend(&mask);
}
