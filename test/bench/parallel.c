/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What several vCPUs are worth. Not for the ruler, which has one processor: the figures are ratios,
 * or to be compared with the other guest of the same box.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/bench/bench.h"

#define WORK_ROUNDS    100000000UL
#define CONTENDERS     64
#define CONTEND_NS     1000000000LL
#define INSIDE_ROUNDS  20 /* what is done with the lock held, and without it */
#define OUTSIDE_ROUNDS 20

static void spin(unsigned long rounds)
{
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(rounds)::"cc");
}

static void *work(void *arg)
{
	spin(WORK_ROUNDS);
	return arg;
}

/* Two pieces of work one after the other against both at once. */
static double sample_speed_up(void *arg)
{
	int64_t begin_ns = bench_now_ns(), one_ns, two_ns;
	pthread_t other;

	(void)arg;
	work(NULL);
	work(NULL);
	one_ns = bench_now_ns() - begin_ns;
	begin_ns = bench_now_ns();
	if (pthread_create(&other, NULL, work, NULL))
		return -1;
	work(NULL);
	pthread_join(other, NULL);
	two_ns = bench_now_ns() - begin_ns;
	return (double)one_ns / (double)two_ns;
}

struct contention {
	pthread_mutex_t mutex;
	pthread_barrier_t start;
	volatile bool stop;
	unsigned long counter; /* lock: mutex */
	unsigned long turns[CONTENDERS];
	double share; /* the largest number of turns by the smallest, of the last sample */
};

struct contender {
	struct contention *contention;
	unsigned int number;
};

static void *contend(void *arg)
{
	const struct contender *me = arg;
	struct contention *c = me->contention;
	unsigned long turns = 0;

	pthread_barrier_wait(&c->start);
	while (!c->stop) {
		pthread_mutex_lock(&c->mutex);
		c->counter++;
		spin(INSIDE_ROUNDS);
		pthread_mutex_unlock(&c->mutex);
		spin(OUTSIDE_ROUNDS);
		turns++;
	}
	c->turns[me->number] = turns;
	return NULL;
}

/* Turns a second, of all together. */
static double sample_contention(void *arg)
{
	const struct timespec duration = {.tv_sec = CONTEND_NS / 1000000000,
					  .tv_nsec = CONTEND_NS % 1000000000};
	struct contender contenders[CONTENDERS];
	pthread_t threads[CONTENDERS];
	struct contention *c = arg;
	unsigned long least = ~0UL, most = 0;
	int64_t begin_ns, end_ns;

	c->stop = false;
	c->counter = 0;
	for (unsigned int i = 0; i < CONTENDERS; i++) {
		contenders[i] = (struct contender){c, i};
		if (pthread_create(&threads[i], NULL, contend, &contenders[i])) {
			printf("bench-error contention no thread %u\n", i);
			platform_end(1);
		}
	}
	pthread_barrier_wait(&c->start);
	begin_ns = bench_now_ns();
	nanosleep(&duration, NULL);
	c->stop = true;
	end_ns = bench_now_ns();
	for (unsigned int i = 0; i < CONTENDERS; i++) {
		pthread_join(threads[i], NULL);
		least = c->turns[i] < least ? c->turns[i] : least;
		most = c->turns[i] > most ? c->turns[i] : most;
	}
	c->share = least ? (double)most / (double)least : (double)most;
	return (double)c->counter * 1e9 / (double)(end_ns - begin_ns);
}

static void report_contention(void)
{
	static struct contention contention = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	double turns[BENCH_SAMPLES], shares[BENCH_SAMPLES];

	pthread_barrier_init(&contention.start, NULL, CONTENDERS + 1);
	for (int i = 0; i < BENCH_SAMPLES; i++) {
		turns[i] = sample_contention(&contention);
		shares[i] = contention.share;
	}
	printf("bench contention");
	for (int i = 0; i < BENCH_SAMPLES; i++)
		printf(" %.0f", turns[i]);
	printf("\nbench contention_share");
	for (int i = 0; i < BENCH_SAMPLES; i++)
		printf(" %.3f", shares[i]);
	printf("\n");
}

/* `parallel speed_up` or `parallel contention`. */
int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	if (argc > 1 && strcmp(argv[argc - 1], "speed_up") == 0)
		bench_report("speed_up", sample_speed_up, NULL);
	else
		report_contention();
	printf("bench end\n");
	platform_end(0);
}
