/* SPDX-License-Identifier: BSD-2-Clause */
/* What a signal does, by POSIX's names of three generations. */
#include <errno.h>
#include <reent.h>
#include <signal.h>
#include <stddef.h>

#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

/* Who handles signals may count the real-time ones. */
SIG_WANT_QUEUE();
SIG_WANT_HANDLERS();

static void get_action(int signal, struct sigaction *action_out)
{
	bool enabled = spin_lock_events(&sig_lock);

	*action_out = sig_actions[signal];
	spin_unlock_events(&sig_lock, enabled);
}

static void discard(sigset_t set)
{
	if (sig_queue_discard)
		sig_queue_discard(&sig_process, set);
	sig_process.set &= ~set;
	if (sig_discard_threads) {
		sig_discard_threads(set);
	} else {
		if (sig_queue_discard)
			sig_queue_discard(&sig_first.pending, set);
		sig_first.pending.set &= ~set;
	}
}

static void set_action(int signal, const struct sigaction *action)
{
	bool enabled = spin_lock_events(&sig_lock);

	sig_actions[signal] = *action;
	if ((action->sa_handler == SIG_IGN ||
	     (action->sa_handler == SIG_DFL && (SIG_IGNORED_BY_DEFAULT & SIG_BIT(signal)))))
		discard(SIG_BIT(signal));
	spin_unlock_events(&sig_lock, enabled);
}

int sigaction(int signal, const struct sigaction *action, struct sigaction *old_out)
{
	struct sigaction copy;

	if (!sig_valid(signal) || (action && (signal == SIGKILL || signal == SIGSTOP)))
		return (int)posix_result(-EINVAL);
	if (action)
		copy = *action;
	if (old_out)
		get_action(signal, old_out);
	if (action)
		set_action(signal, &copy);
	return 0;
}

_sig_func_ptr signal(int signal, _sig_func_ptr handler)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, old;

	return sigaction(signal, &action, &old) ? SIG_ERR : old.sa_handler;
}

_sig_func_ptr _signal_r(struct _reent *reent, int number, _sig_func_ptr handler)
{
	(void)reent;
	return signal(number, handler);
}

int siginterrupt(int signal, int interrupt)
{
	struct sigaction action;

	if (!sig_valid(signal))
		return (int)posix_result(-EINVAL);
	get_action(signal, &action);
	action.sa_flags = interrupt ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
	set_action(signal, &action);
	return 0;
}
