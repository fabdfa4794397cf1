/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	puts("asleep");
	sleep(50);
	return 0;
}
