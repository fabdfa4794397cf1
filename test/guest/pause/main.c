/* SPDX-License-Identifier: BSD-2-Clause */
/* Computes or sleeps (argument `sleep`), and counts tenths of seconds on the console. */
#include <stdio.h>
#include <string.h>
#include <time.h>

static long long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	struct timespec tenth = {0, 100000000};

	if (argc > 1 && strcmp(argv[1], "sleep") == 0)
		for (;;)
			nanosleep(&(struct timespec){1000, 0}, NULL);
	for (int count = 0;; count++) {
		long long begun = now_ms();

		if (count % 2)
			nanosleep(&tenth, NULL);
		else
			while (now_ms() - begun < 100)
				;
		if (now_ms() < begun)
			puts("time ran back");
		printf("count %d\n", count);
		fflush(stdout);
	}
}
