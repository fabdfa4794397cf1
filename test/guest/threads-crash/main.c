/* SPDX-License-Identifier: BSD-2-Clause */
/* Crashes that more than one vCPU has a part in: the first argument says which. */
#define _GNU_SOURCE /* affinity */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4

static pthread_barrier_t barrier;
static char *volatile block;
static const char *kind;
static volatile int *volatile nowhere = (volatile int *)0x10;

/* Stays on one vCPU, whose number is arg. */
static void stay(long arg)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((int)arg, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		_exit(3);
}

static void *fault(void *arg)
{
	char line[300];

	stay((long)arg);
	memset(line, 'a' + (int)(long)arg, sizeof(line));
	line[sizeof(line) - 1] = '\n';
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 5; i++)
		if (write(STDOUT_FILENO, line, sizeof(line)) < 0)
			_exit(3);
	*nowhere = 1;
	return NULL;
}

static void *free_there(void *arg)
{
	stay((long)arg);
	free(block);
	return NULL;
}

static void *overflow_there(void *arg)
{
	stay((long)arg);
	block[64] = 'x';
	free(block);
	return NULL;
}

static void on_vcpu(long vcpu, void *(*fn)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, (void *)vcpu) || pthread_join(thread, NULL))
		_exit(3);
}

static void *allocate(void *arg)
{
	stay((long)arg);
	block = malloc(strcmp(kind, "double-free-long") == 0 ? 5000 : 64);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	kind = argc > 1 ? argv[1] : "faults";
	if (strcmp(kind, "faults") == 0) {
		pthread_barrier_init(&barrier, NULL, THREADS);
		for (long i = 0; i < THREADS; i++)
			if (pthread_create(&threads[i], NULL, fault, (void *)i))
				_exit(3);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
	} else if (strcmp(kind, "overflow") == 0) {
		on_vcpu(1, allocate);
		on_vcpu(2, overflow_there);
	} else {
		on_vcpu(1, allocate);
		on_vcpu(2, free_there);
		on_vcpu(3, free_there);
	}
	return 1;
}
