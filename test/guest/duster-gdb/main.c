/* SPDX-License-Identifier: BSD-2-Clause */
/* Two threads on two vCPUs, and numbers a debugger can follow. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
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

static sigjmp_buf before;

static void caught(int number)
{
	(void)number;
	siglongjmp(before, 1);
}

/* A page fault, and out of it again. */
static __attribute__((noinline)) void stumble(volatile int *wild)
{
	if (!sigsetjmp(before, 1))
		*wild = 1;
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
		if (job.number % 50 == 0)
			stumble((volatile int *)0x1230);
		usleep(500);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread;

	signal(SIGSEGV, caught);
	pthread_create(&thread, NULL, worker, NULL);
	puts("at work");
	pthread_join(thread, NULL);
	printf("%lu in all, %lu wrong\n", total, wrong);
	return wrong != 0;
}
