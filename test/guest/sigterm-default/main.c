/* SPDX-License-Identifier: BSD-2-Clause */
/* Nobody handles SIGTERM and the program computes for ever: `xl shutdown` ends it all the same. */
#include <stdio.h>

int main(void)
{
	puts("ready");
	for (volatile long i = 0;; i++)
		;
}
