/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	puts("ready to be dumped");
	sleep(100);
	return 0;
}
