/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `torture SECONDS SEED [KIND]`. The seed decides what each worker does, one after the other; when,
 * is for the scheduler, dom0 and the machine to decide.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/torture/torture.h"

#define WORKERS        24
#define REPORT_SECONDS 10
#define STUCK_SECONDS  120 /* for one thing; there is nothing that waits that long */
#define KINDS_MAX      64

static struct worker {
	pthread_t thread;
	struct dice dice;
	unsigned long done;   /* atomic */
	const char *doing;    /* atomic */
	unsigned long before; /* main's */
	int64_t moved_ns;     /* main's: when done had changed */
} workers[WORKERS];

static struct torture kinds[KINDS_MAX];
static unsigned int kinds_count, weight_all;
static volatile bool stop;

/* xorshift64*, Marsaglia 2003 and Vigna 2014. */
uint32_t dice_roll(struct dice *dice, uint32_t limit)
{
	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	return (uint32_t)((dice->state * 0x2545f4914f6cdd1dULL >> 32) % limit);
}

int64_t torture_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

void torture_sleep_ns(int64_t ns)
{
	struct timespec left = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* only: this kind alone; NULL: all. */
static void add_kinds(const struct torture *more, unsigned int count, const char *only)
{
	for (unsigned int i = 0; i < count; i++) {
		if (only && strcmp(only, more[i].name) != 0)
			continue;
		MUST(kinds_count < KINDS_MAX);
		kinds[kinds_count++] = more[i];
		weight_all += more[i].weight;
	}
}

static const struct torture *choose(struct dice *dice)
{
	uint32_t at = dice_roll(dice, weight_all);
	unsigned int i = 0;

	while (at >= kinds[i].weight)
		at -= kinds[i++].weight;
	return &kinds[i];
}

static void *work(void *arg)
{
	struct worker *me = arg;

	while (!stop) {
		const struct torture *kind = choose(&me->dice);

		__atomic_store_n(&me->doing, kind->name, __ATOMIC_RELAXED);
		kind->fn(&me->dice);
		__atomic_fetch_add(&me->done, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* All together so far. Somebody who does the same thing for long is stuck. */
static unsigned long look_at_workers(void)
{
	unsigned long all = 0, done;

	for (struct worker *worker = workers; worker < workers + WORKERS; worker++) {
		done = __atomic_load_n(&worker->done, __ATOMIC_RELAXED);
		all += done;
		if (done != worker->before || !worker->moved_ns) {
			worker->before = done;
			worker->moved_ns = torture_now_ns();
		}
		if (torture_now_ns() - worker->moved_ns > STUCK_SECONDS * 1000000000LL) {
			printf("torture: worker %td does not get on with %s\n", worker - workers,
			       __atomic_load_n(&worker->doing, __ATOMIC_RELAXED));
			MUST(!"stuck");
		}
	}
	return all;
}

int main(int argc, char **argv)
{
	long seconds = argc > 1 ? atol(argv[1]) : 20;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	const char *only = argc > 3 ? argv[3] : NULL;
	int64_t end_ns = torture_now_ns() + seconds * 1000000000LL, pause_ns;

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	printf("torture: %ld seconds, seed %" PRIu64 "\n", seconds, seed);
	torture_locks_prepare();
	torture_lives_prepare();
	add_kinds(torture_locks, torture_locks_count, only);
	add_kinds(torture_lives, torture_lives_count, only);
	MUST(kinds_count > 0);
	for (unsigned int i = 0; i < WORKERS; i++) {
		workers[i].dice.state = (seed + i + 1) * 0x9e3779b97f4a7c15ULL;
		MUST(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
	}
	while (torture_now_ns() < end_ns) {
		pause_ns = end_ns - torture_now_ns();
		if (pause_ns > REPORT_SECONDS * 1000000000LL)
			pause_ns = REPORT_SECONDS * 1000000000LL;
		if (pause_ns > 0)
			torture_sleep_ns(pause_ns);
		printf("torture: %lu things done, %ld vCPUs\n", look_at_workers(),
		       sysconf(_SC_NPROCESSORS_ONLN));
	}
	stop = true;
	for (unsigned int i = 0; i < WORKERS; i++)
		MUST(pthread_join(workers[i].thread, NULL) == 0);
	printf("torture: %lu things done in all\n", look_at_workers());
	torture_locks_conclude();
	torture_lives_conclude();
	printf("torture: all is well\n");
	return 0;
}
