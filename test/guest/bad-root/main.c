/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <stdio.h>

int main(void)
{
	printf("main runs: %d\n", open("/", O_RDONLY));
	return 0;
}
