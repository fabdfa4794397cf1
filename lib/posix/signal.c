/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals by POSIX names. */
#include <errno.h>
#include <reent.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/time.h"
#include "lib/posix/clock.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "xen/evtchn.h"

#define THIS_PROCESS 1

int sigaction(int signal, const struct sigaction *action, struct sigaction *old_out)
{
	struct sigaction copy;

	if (!sig_valid(signal) || (action && (signal == SIGKILL || signal == SIGSTOP)))
		return (int)posix_result(-EINVAL);
	if (action)
		copy = *action;
	if (old_out)
		sig_get_action(signal, old_out);
	if (action)
		sig_set_action(signal, &copy);
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
	sig_get_action(signal, &action);
	action.sa_flags = interrupt ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
	sig_set_action(signal, &action);
	return 0;
}

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
	return kill(THIS_PROCESS, signal);
}

int _raise_r(struct _reent *reent, int signal)
{
	(void)reent;
	return raise(signal);
}

int sigqueue(pid_t pid, int signal, const union sigval value)
{
	siginfo_t info;

	if (pid != THIS_PROCESS)
		return (int)posix_result(-ESRCH);
	if (signal < 0 || signal >= NSIG)
		return (int)posix_result(-EINVAL);
	if (signal == 0)
		return 0;
	memset(&info, 0, sizeof(info));
	info.si_signo = signal;
	info.si_code = SI_QUEUE;
	info.si_pid = THIS_PROCESS;
	info.si_value = value;
	sig_send_info(&info);
	sig_deliver();
	return 0;
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
	*set_out = sig_pending();
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

	/* Something the mask unblocks may be pending already: it ends the wait. */
	sig_hold();
	sig_set_blocked(*mask);
	waitq_wait(&sig_queue, false, TIME_NEVER, true);
	sig_release();
	sig_set_blocked(old);
	return (int)posix_result(-EINTR);
}

int pause(void)
{
	sigset_t mask = sig_blocked();

	return sigsuspend(&mask);
}

/* The signal, or -EAGAIN after deadline_ns, or -EINTR when another one was delivered. */
static int wait_for(sigset_t set, siginfo_t *info_out, uint64_t deadline_ns)
{
	int signal = 0, result;

	sig_hold();
	result = waitq_wait(&sig_queue, (signal = sig_take(set, info_out)) != 0, deadline_ns, true);
	sig_release();
	if (signal)
		return signal;
	return result == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

int sigtimedwait(const sigset_t *set, siginfo_t *info_out, const struct timespec *timeout)
{
	uint64_t deadline_ns = TIME_NEVER;
	siginfo_t info;
	int result = timeout ? clock_deadline(timeout, &deadline_ns) : 0;

	if (result == 0)
		result = wait_for(*set, info_out ? info_out : &info, deadline_ns);
	return (int)posix_result(result);
}

int sigwaitinfo(const sigset_t *set, siginfo_t *info_out)
{
	return sigtimedwait(set, info_out, NULL);
}

int sigwait(const sigset_t *set, int *signal_out)
{
	siginfo_t info;
	int result;

	do
		result = wait_for(*set, &info, TIME_NEVER);
	while (result == -EINTR);
	if (result < 0)
		return -result;
	*signal_out = result;
	return 0;
}
