/* SPDX-License-Identifier: BSD-2-Clause */
/* Half a megabyte of output. */
#include <stdio.h>

int main(void)
{
	for (int i = 0; i < 8192; i++)
		printf("line %08d: sixty-four bytes with its end, as many as wanted.\n", i);
	return 0;
}
