/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What threads cost on one vCPU: samples in ticks, as in micro.c.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "test/bench/bench.h"

#define CALLS      1000
#define THREADS    100 /* made and joined by one sample */
#define SLEEPS     200 /* of one sample */
#define SLEEP_NS   1000000L
#define PERCENTILE 99

static void *yield_until(void *arg)
{
	volatile bool *stop = arg;

	while (!*stop)
		sched_yield();
	return NULL;
}

/* The other thread yields back each time: two calls and two switches a round. */
static double sample_yield(void *arg)
{
	volatile bool stop = false;
	uint64_t begin, end;
	pthread_t other;

	(void)arg;
	if (pthread_create(&other, NULL, yield_until, (void *)&stop))
		return -1;
	sched_yield();
	begin = bench_ticks();
	for (int i = 0; i < CALLS; i++)
		sched_yield();
	end = bench_ticks();
	stop = true;
	pthread_join(other, NULL);
	return bench_per_call(begin, end, 2 * CALLS);
}

static double sample_mutex(void *arg)
{
	pthread_mutex_t *mutex = arg;
	uint64_t begin = bench_ticks();

	for (int i = 0; i < CALLS; i++) {
		pthread_mutex_lock(mutex);
		pthread_mutex_unlock(mutex);
	}
	return bench_per_call(begin, bench_ticks(), CALLS);
}

struct ping_pong {
	sem_t ping, pong;
};

static void *answer(void *arg)
{
	struct ping_pong *game = arg;

	for (int i = 0; i <= CALLS; i++) {
		sem_wait(&game->ping);
		sem_post(&game->pong);
	}
	return NULL;
}

static double sample_ping_pong(void *arg)
{
	struct ping_pong *game = arg;
	uint64_t begin, end;
	pthread_t other;

	if (pthread_create(&other, NULL, answer, game))
		return -1;
	sem_post(&game->ping);
	sem_wait(&game->pong);
	begin = bench_ticks();
	for (int i = 0; i < CALLS; i++) {
		sem_post(&game->ping);
		sem_wait(&game->pong);
	}
	end = bench_ticks();
	pthread_join(other, NULL);
	return bench_per_call(begin, end, CALLS);
}

static void *nothing(void *arg)
{
	return arg;
}

static double sample_create(void *arg)
{
	uint64_t begin = bench_ticks();
	pthread_t thread;

	(void)arg;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
			return -1;
	return bench_per_call(begin, bench_ticks(), THREADS);
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How much later than asked for the sleeper is back, in nanoseconds: the 99th percentile. */
static double sample_sleep(void *arg)
{
	const struct timespec ms = {.tv_nsec = SLEEP_NS};
	int64_t late_ns[SLEEPS], before_ns;

	(void)arg;
	for (int i = 0; i < SLEEPS; i++) {
		before_ns = bench_now_ns();
		nanosleep(&ms, NULL);
		late_ns[i] = bench_now_ns() - before_ns - SLEEP_NS;
	}
	qsort(late_ns, SLEEPS, sizeof(late_ns[0]), by_value);
	return (double)late_ns[SLEEPS * PERCENTILE / 100 - 1];
}

int main(void)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static struct ping_pong game;

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	sem_init(&game.ping, 0, 0);
	sem_init(&game.pong, 0, 0);
	bench_report("ruler", bench_sample_ruler, NULL);
	bench_report("create_join", sample_create, NULL);
	bench_report("yield", sample_yield, NULL);
	bench_report("mutex", sample_mutex, &mutex);
	bench_report("ping_pong", sample_ping_pong, &game);
	bench_report("sleep_late", sample_sleep, NULL);
	printf("bench end\n");
	platform_end(0);
}
