/* SPDX-License-Identifier: BSD-2-Clause */
/* Works on and on, checking its own results, for duster to be attached to and detached from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
	unsigned int number;
	unsigned long input, output;
	char name[16];
};

struct job job;
volatile unsigned long rounds, wrong;
volatile unsigned long *volatile look = &rounds;
volatile int stop, pace = 2000; /* microseconds */
static unsigned long *word;
/* A list that never ends. */
struct link {
	struct link *next;
} links[2] = {{&links[1]}, {&links[0]}}, *volatile ring = links;

static __attribute__((noinline)) unsigned long scramble(unsigned long value, int times)
{
	for (int i = 0; i < times; i++)
		value = value * 6364136223846793005UL + 1442695040888963407UL;
	return value;
}

static __attribute__((noinline)) void work(struct job *todo)
{
	todo->output = scramble(todo->input, 100);
	*word += 1;
}

int main(void)
{
	word = malloc(sizeof(*word));
	*word = 0;
	puts("at work");
	while (!stop) {
		job.number++;
		job.input = job.number * 3UL;
		snprintf(job.name, sizeof(job.name), "job %u", job.number);
		work(&job);
		if (job.output != scramble(job.number * 3UL, 100))
			wrong++;
		rounds++;
		if (pace)
			usleep((useconds_t)pace);
	}
	printf("%lu rounds, %lu wrong, %p %p\n", rounds, wrong, (void *)look, (void *)ring);
	return wrong != 0;
}
