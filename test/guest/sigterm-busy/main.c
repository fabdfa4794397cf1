/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that computes and never waits still learns that it is to end. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t told;

static void end(int signal)
{
	(void)signal;
	told = 1;
}

int main(void)
{
	volatile double sum = 0;

	signal(SIGTERM, end);
	puts("ready");
	fflush(stdout);
	for (unsigned long i = 1; !told; i++)
		sum += 1.0 / (double)i;
	printf("told while computing, sum %s\n", sum > 1.0 ? "right" : "wrong");
	return 6;
}
