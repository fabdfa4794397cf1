/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest whose vCPUs are all up and have nothing to do. tools/bench/watch.c notes what processor
 * time the guest has had when it sees each of the two lines.
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "test/bench/bench.h"

#define SETTLE_SECONDS 5
#define IDLE_SECONDS   100

static void *nothing(void *arg)
{
	return arg;
}

int main(void)
{
	const struct timespec settle = {.tv_sec = SETTLE_SECONDS}, idle = {.tv_sec = IDLE_SECONDS};
	pthread_t thread;

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	/* A first thread brings all vCPUs up. */
	if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
		platform_end(1);
	nanosleep(&settle, NULL);
	printf("bench-cpu begin\n");
	nanosleep(&idle, NULL);
	printf("bench-cpu end\n");
	nanosleep(&settle, NULL);
	platform_end(0);
}
