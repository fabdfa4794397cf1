/* SPDX-License-Identifier: BSD-2-Clause */
/* One of several: computes, sleeps, takes memory and talks, all at once with the others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
	int which = argc > 1 ? atoi(argv[1]) : 0;

	for (int round = 0; round < 20; round++) {
		size_t bytes = (size_t)(round + 1) * 100000;
		unsigned char *block = malloc(bytes);
		double sum = 0;

		if (!block)
			return 1;
		memset(block, which * 16 + round % 16, bytes);
		for (int i = 1; i < 20000; i++)
			sum += (double)which / i;
		nanosleep(&(struct timespec){0, 20000000}, NULL);
		for (size_t i = 0; i < bytes; i += 1000)
			if (block[i] != (unsigned char)(which * 16 + round % 16))
				return 2;
		free(block);
		for (int line = 0; line < 20; line++)
			printf("guest %d round %d line %d sum %.4f\n", which, round, line, sum);
	}
	return 40 + which;
}
