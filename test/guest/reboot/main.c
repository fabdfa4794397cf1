/* SPDX-License-Identifier: BSD-2-Clause */
/* Sleeps until told to end; `xl reboot` starts the domain anew. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	puts("ready");
	fflush(stdout);
	sleep(100);
	return 0;
}
