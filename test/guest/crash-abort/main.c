/* SPDX-License-Identifier: BSD-2-Clause */
/* abort() ends the program even when SIGABRT is handled and blocked. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void on_abort(int signal)
{
	(void)signal;
	puts("caught");
}

int main(void)
{
	sigset_t all;

	signal(SIGABRT, on_abort);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	puts("before");
	abort();
	puts("after");
	return 0;
}
