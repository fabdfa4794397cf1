/* SPDX-License-Identifier: BSD-2-Clause */
/* `xl shutdown` is SIGTERM: a program that handles it chooses its status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t told;

static void on_term(int signal)
{
	told = signal;
}

int main(void)
{
	signal(SIGTERM, on_term);
	puts("ready");
	while (!told)
		pause();
	puts("told to end");
	return 5;
}
