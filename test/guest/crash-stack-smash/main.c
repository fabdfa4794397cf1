/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

__attribute__((noinline)) static void overflow(volatile int bytes)
{
	char buffer[16];

	for (int i = 0; i < bytes; i++)
		((volatile char *)buffer)[i] = 'A';
}

int main(void)
{
	overflow(64);
	puts("returned");
	return 0;
}
