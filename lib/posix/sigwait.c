/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking signals without a handler. */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "core/time.h"
#include "core/wait.h"
#include "lib/posix/cancel.h"
#include "lib/posix/clock.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

SIG_WANT_QUEUE();

/* The signal, or -EAGAIN after deadline_ns, or -EINTR when handlers ran. */
static int wait_for(sigset_t set, siginfo_t *info_out, uint64_t deadline_ns)
{
	unsigned int runs = sig_runs();
	int signal = 0, result;

	cancel_test();
	/* A signal of the set that is not blocked is taken here, not delivered. */
	sig_hold();
	do {
		result = waitq_wait(&sig_queue, (signal = sig_take(set, info_out)) != 0,
				    deadline_ns, true);
		if (!signal) {
			sig_release();
			sig_hold();
		}
	} while (result == -EINTR && sig_runs() == runs && !cancel_due());
	sig_release();
	if (!signal)
		cancel_test();
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
