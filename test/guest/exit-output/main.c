/* SPDX-License-Identifier: BSD-2-Clause */
/* Less than the console's ring holds, so that nothing makes it wait before its end. */
#include <stdio.h>

int main(int argc, char **argv)
{
	for (int i = 0; i < 25; i++)
		printf("line %02d of boot %s, of which none may be missing\n", i,
		       argc > 1 ? argv[1] : "");
	printf("and the last");
	return 0;
}
