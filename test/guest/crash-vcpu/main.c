/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

static void *crash(void *arg)
{
	volatile int *volatile nowhere = arg;

	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	*nowhere = 1;
	return NULL;
}

static void *be_busy(void *arg)
{
	for (;;)
		puts("busy");
	return arg;
}

int main(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		pthread_attr_t attr;
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(i, &set);
		pthread_attr_init(&attr);
		pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
		pthread_create(&threads[i], &attr, i == 3 ? crash : be_busy, NULL);
	}
	pthread_join(threads[0], NULL);
	return 0;
}
