/* SPDX-License-Identifier: BSD-2-Clause */
/* More output than the ring holds, up to the very end: nothing is lost. */
#include <stdio.h>

#define LINES 2000

int main(void)
{
	for (int i = 0; i < LINES; i++)
		printf("line %04d of the flood, which is long enough to fill the ring quickly\n",
		       i);
	return 0;
}
