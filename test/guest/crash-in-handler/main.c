/* SPDX-License-Identifier: BSD-2-Clause */
/* A handler of SIGSEGV that needs one itself. */
#include <signal.h>
#include <stdio.h>

static volatile int *volatile nowhere;

__attribute__((noinline)) static void handler(int signal)
{
	puts("in the handler");
	fflush(stdout);
	nowhere[signal] = 1;
	puts("went on");
}

int main(void)
{
	signal(SIGSEGV, handler);
	nowhere[1] = 1;
	return 0;
}
