/* SPDX-License-Identifier: BSD-2-Clause */
/* Two threads on two vCPUs, and numbers a debugger can follow. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

struct job {
	unsigned long number;
	double weight;
};

volatile unsigned long total, wrong;
volatile int stop;

/* Not static: one copy, and its arguments where the ABI says. */
unsigned long do_job(struct job *todo, double factor);

__attribute__((noinline)) unsigned long do_job(struct job *todo, double factor)
{
	unsigned long result = todo->number * 2;

	todo->weight = (double)todo->number * factor;
	__asm__ volatile("" ::: "memory");
	return result;
}

static void *worker(void *arg)
{
	struct job job = {0};

	(void)arg;
	while (!stop) {
		job.number++;
		if (do_job(&job, 1.5) != job.number * 2 || job.weight != (double)job.number * 1.5)
			wrong++;
		total += job.number;
		usleep(500);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, worker, NULL);
	puts("at work");
	pthread_join(thread, NULL);
	printf("%lu in all, %lu wrong\n", total, wrong);
	return wrong != 0;
}
