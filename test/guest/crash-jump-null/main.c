/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

static void (*volatile nowhere)(void);

__attribute__((noinline)) static int leap(int value)
{
	nowhere();
	return value + 1;
}

int main(int argc, char **argv)
{
	(void)argv;
	printf("%d\n", leap(argc));
	return 0;
}
