/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of signals: bit n-1 of a word is signal n. */
#include <errno.h>
#include <signal.h>

#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

int sigemptyset(sigset_t *set)
{
	*set = 0;
	return 0;
}

int sigfillset(sigset_t *set)
{
	*set = ~0UL;
	return 0;
}

int sigaddset(sigset_t *set, int signal)
{
	if (!sig_valid(signal))
		return (int)posix_result(-EINVAL);
	*set |= SIG_BIT(signal);
	return 0;
}

int sigdelset(sigset_t *set, int signal)
{
	if (!sig_valid(signal))
		return (int)posix_result(-EINVAL);
	*set &= ~SIG_BIT(signal);
	return 0;
}

int sigismember(const sigset_t *set, int signal)
{
	if (!sig_valid(signal))
		return (int)posix_result(-EINVAL);
	return (*set & SIG_BIT(signal)) != 0;
}
