/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that ignores SIGTERM is ended after a while. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	signal(SIGTERM, SIG_IGN);
	puts("ready");
	for (;;)
		pause();
}
