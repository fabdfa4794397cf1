/* SPDX-License-Identifier: BSD-2-Clause */
/* Mutexes of all kinds, conditions, read-write locks, semaphores, barriers. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include "test/guest/torture/torture.h"

#define MUTEXES      8
#define RWLOCKS      3
#define PLACES       3 /* how many the semaphore lets in */
#define QUEUE_MAX    16
#define MEETINGS     5
#define PARTY        4
#define PATIENCE_MAX 5000000 /* ns */

/* Two numbers that are equal whenever nobody is inside. */
struct pair {
	volatile unsigned long a, b;
};

static pthread_mutex_t mutexes[MUTEXES];
static struct pair mutex_pairs[MUTEXES]; /* each under its mutex */
static unsigned long mutex_turns[MUTEXES];

static pthread_rwlock_t rwlocks[RWLOCKS];
static struct pair rwlock_pairs[RWLOCKS];

static sem_t places;
static int inside;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more, less;
	uint32_t items[QUEUE_MAX];
	unsigned int count;
	uint64_t sum_in, sum_out;
} queue = {PTHREAD_MUTEX_INITIALIZER,
	   PTHREAD_COND_INITIALIZER,
	   PTHREAD_COND_INITIALIZER,
	   {0},
	   0,
	   0,
	   0};

/* In the middle of it somebody else may get the processor. */
static void change(struct pair *pair, struct dice *dice)
{
	MUST(pair->a == pair->b);
	pair->a++;
	switch (dice_roll(dice, 8)) {
	case 0:
		sched_yield();
		break;
	case 1:
		torture_sleep_ns(dice_roll(dice, 100000));
		break;
	default:
		torture_spin(1 + dice_roll(dice, 2000));
		break;
	}
	pair->b++;
	MUST(pair->a == pair->b);
}

static struct timespec soon(struct dice *dice)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += dice_roll(dice, PATIENCE_MAX);
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	return until;
}

/* Returns whether it was taken: with patience, or at once, or in the end. */
static bool take(pthread_mutex_t *mutex, struct dice *dice)
{
	struct timespec until;
	int result;

	switch (dice_roll(dice, 4)) {
	case 0:
		result = pthread_mutex_trylock(mutex);
		MUST(result == 0 || result == EBUSY);
		return result == 0;
	case 1:
		until = soon(dice);
		result = pthread_mutex_timedlock(mutex, &until);
		MUST(result == 0 || result == ETIMEDOUT);
		return result == 0;
	default:
		MUST(pthread_mutex_lock(mutex) == 0);
		return true;
	}
}

static void do_mutex(struct dice *dice)
{
	unsigned int i = dice_roll(dice, MUTEXES);
	int type = (int)i % 3;

	if (!take(&mutexes[i], dice))
		return;
	if (type == 1)
		MUST(pthread_mutex_lock(&mutexes[i]) == 0);
	if (type == 2)
		MUST(pthread_mutex_lock(&mutexes[i]) == EDEADLK);
	change(&mutex_pairs[i], dice);
	mutex_turns[i]++;
	if (type == 1)
		MUST(pthread_mutex_unlock(&mutexes[i]) == 0);
	MUST(pthread_mutex_unlock(&mutexes[i]) == 0);
	if (type == 2)
		MUST(pthread_mutex_unlock(&mutexes[i]) == EPERM);
}

/* In the order of their numbers, so that nobody waits in a circle. */
static void do_two_mutexes(struct dice *dice)
{
	unsigned int i = dice_roll(dice, MUTEXES - 1);
	unsigned int j = i + 1 + dice_roll(dice, MUTEXES - 1 - i);

	MUST(pthread_mutex_lock(&mutexes[i]) == 0);
	if (take(&mutexes[j], dice)) {
		change(&mutex_pairs[j], dice);
		mutex_turns[j]++;
		MUST(pthread_mutex_unlock(&mutexes[j]) == 0);
	}
	MUST(pthread_mutex_unlock(&mutexes[i]) == 0);
}

static void do_put(struct dice *dice)
{
	struct timespec until = soon(dice);
	uint32_t item = dice_roll(dice, 1000);
	int result = 0;

	MUST(pthread_mutex_lock(&queue.lock) == 0);
	while (queue.count == QUEUE_MAX && result == 0)
		result = pthread_cond_timedwait(&queue.less, &queue.lock, &until);
	MUST(result == 0 || result == ETIMEDOUT);
	if (queue.count < QUEUE_MAX) {
		queue.items[queue.count++] = item;
		queue.sum_in += item;
		if (dice_roll(dice, 2))
			MUST(pthread_cond_signal(&queue.more) == 0);
		else
			MUST(pthread_cond_broadcast(&queue.more) == 0);
	}
	MUST(pthread_mutex_unlock(&queue.lock) == 0);
}

static void do_get(struct dice *dice)
{
	struct timespec until = soon(dice);
	int result = 0;

	MUST(pthread_mutex_lock(&queue.lock) == 0);
	while (queue.count == 0 && result == 0)
		result = pthread_cond_timedwait(&queue.more, &queue.lock, &until);
	MUST(result == 0 || result == ETIMEDOUT);
	if (queue.count > 0) {
		queue.sum_out += queue.items[--queue.count];
		MUST(pthread_cond_signal(&queue.less) == 0);
	}
	MUST(pthread_mutex_unlock(&queue.lock) == 0);
}

static void do_rwlock(struct dice *dice)
{
	unsigned int i = dice_roll(dice, RWLOCKS);
	unsigned long before;

	if (dice_roll(dice, 4) == 0) {
		MUST(pthread_rwlock_wrlock(&rwlocks[i]) == 0);
		change(&rwlock_pairs[i], dice);
	} else {
		MUST(pthread_rwlock_rdlock(&rwlocks[i]) == 0);
		before = rwlock_pairs[i].a;
		MUST(before == rwlock_pairs[i].b);
		torture_spin(1 + dice_roll(dice, 2000));
		MUST(before == rwlock_pairs[i].a && before == rwlock_pairs[i].b);
	}
	MUST(pthread_rwlock_unlock(&rwlocks[i]) == 0);
}

static void do_semaphore(struct dice *dice)
{
	struct timespec until = soon(dice);

	if (dice_roll(dice, 2)) {
		while (sem_wait(&places))
			MUST(errno == EINTR);
	} else if (sem_timedwait(&places, &until)) {
		MUST(errno == ETIMEDOUT || errno == EINTR);
		return;
	}
	MUST(__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) <= PLACES);
	torture_spin(1 + dice_roll(dice, 3000));
	if (dice_roll(dice, 4) == 0)
		sched_yield();
	__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
	MUST(sem_post(&places) == 0);
}

struct party {
	pthread_barrier_t barrier;
	int here[MEETINGS], serial[MEETINGS];
};

static void *meet(void *arg)
{
	struct party *party = arg;
	int result;

	for (int i = 0; i < MEETINGS; i++) {
		__atomic_fetch_add(&party->here[i], 1, __ATOMIC_SEQ_CST);
		result = pthread_barrier_wait(&party->barrier);
		MUST(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
		if (result)
			__atomic_fetch_add(&party->serial[i], 1, __ATOMIC_SEQ_CST);
		MUST(__atomic_load_n(&party->here[i], __ATOMIC_SEQ_CST) == PARTY);
	}
	return NULL;
}

static void do_barrier(struct dice *dice)
{
	pthread_t guests[PARTY];
	struct party party = {0};

	(void)dice;
	MUST(pthread_barrier_init(&party.barrier, NULL, PARTY) == 0);
	for (int i = 1; i < PARTY; i++)
		MUST(pthread_create(&guests[i], NULL, meet, &party) == 0);
	meet(&party);
	for (int i = 1; i < PARTY; i++)
		MUST(pthread_join(guests[i], NULL) == 0);
	for (int i = 0; i < MEETINGS; i++)
		MUST(party.serial[i] == 1);
	MUST(pthread_barrier_destroy(&party.barrier) == 0);
}

void torture_locks_prepare(void)
{
	static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE,
				    PTHREAD_MUTEX_ERRORCHECK};
	pthread_mutexattr_t attr;

	for (int i = 0; i < MUTEXES; i++) {
		MUST(pthread_mutexattr_init(&attr) == 0);
		MUST(pthread_mutexattr_settype(&attr, types[i % 3]) == 0);
		if (i % 2)
			MUST(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT) == 0);
		MUST(pthread_mutex_init(&mutexes[i], &attr) == 0);
		MUST(pthread_mutexattr_destroy(&attr) == 0);
	}
	for (int i = 0; i < RWLOCKS; i++)
		MUST(pthread_rwlock_init(&rwlocks[i], NULL) == 0);
	MUST(sem_init(&places, 0, PLACES) == 0);
}

void torture_locks_conclude(void)
{
	int value;

	for (int i = 0; i < MUTEXES; i++) {
		MUST(mutex_pairs[i].a == mutex_turns[i] && mutex_pairs[i].b == mutex_turns[i]);
		MUST(pthread_mutex_destroy(&mutexes[i]) == 0);
	}
	for (int i = 0; i < RWLOCKS; i++)
		MUST(pthread_rwlock_destroy(&rwlocks[i]) == 0);
	MUST(inside == 0 && sem_getvalue(&places, &value) == 0 && value == PLACES);
	while (queue.count > 0)
		queue.sum_out += queue.items[--queue.count];
	MUST(queue.sum_in == queue.sum_out);
}

const struct torture torture_locks[] = {
	{"mutex", do_mutex, 30},    {"two mutexes", do_two_mutexes, 10},
	{"put", do_put, 20},        {"get", do_get, 20},
	{"rwlock", do_rwlock, 20},  {"semaphore", do_semaphore, 20},
	{"barrier", do_barrier, 2},
};
const unsigned int torture_locks_count = sizeof(torture_locks) / sizeof(torture_locks[0]);
