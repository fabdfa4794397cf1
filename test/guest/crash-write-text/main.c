/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

__attribute__((noinline)) static void patch(volatile unsigned char *code)
{
	*code = 0x90;
}

int main(void)
{
	patch((volatile unsigned char *)main);
	puts("patched");
	return 0;
}
