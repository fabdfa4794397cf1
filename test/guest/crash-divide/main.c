/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

__attribute__((noinline)) static int ratio(int a, int b)
{
	return a / b;
}

int main(int argc, char **argv)
{
	(void)argv;
	printf("%d\n", ratio(argc, argc / 1000));
	return 0;
}
