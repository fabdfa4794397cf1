/* SPDX-License-Identifier: BSD-2-Clause */
/* The time of day, when asked for by a line on the console. */
#include <stdio.h>
#include <time.h>

int main(void)
{
	struct timespec wall, mono;
	char line[80];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		clock_gettime(CLOCK_REALTIME, &wall);
		clock_gettime(CLOCK_MONOTONIC, &mono);
		printf("wall %lld.%03ld monotonic %lld.%03ld\n", (long long)wall.tv_sec,
		       wall.tv_nsec / 1000000, (long long)mono.tv_sec, mono.tv_nsec / 1000000);
		fflush(stdout);
	}
	return 0;
}
