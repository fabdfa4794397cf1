/* SPDX-License-Identifier: BSD-2-Clause */
/* Megabytes of output, as many as the argument says. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	unsigned long lines = (argc > 1 ? strtoul(argv[1], NULL, 10) : 1) << 14;

	for (unsigned long i = 0; i < lines; i++)
		printf("line %08lu: sixty-four bytes with its end, as many as wanted.\n", i);
	return 0;
}
