/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>
#include <stdio.h>
#include <string.h>

void psiginfo(const siginfo_t *info, const char *message)
{
	const char *text = message ? message : "", *between = text[0] ? ": " : "";

	if (info->si_code <= 0)
		fprintf(stderr, "%s%s%s (from process %d, code %d)\n", text, between,
			strsignal(info->si_signo), (int)info->si_pid, info->si_code);
	else
		fprintf(stderr, "%s%s%s (code %d, address %p)\n", text, between,
			strsignal(info->si_signo), info->si_code, info->si_addr);
}
