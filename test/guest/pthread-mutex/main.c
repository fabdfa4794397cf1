/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutexes of all types and protocols, alone and contended; read-write locks, barriers, spin locks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "test/guest/check.h"
#include "test/guest/soon.h"

#define THREADS 8
#define ROUNDS  2000

static const struct timespec wrong_time = {.tv_sec = 1, .tv_nsec = -1};

static void init(pthread_mutex_t *mutex, int type, int protocol, int robust)
{
	pthread_mutexattr_t attr;

	CHECK(pthread_mutexattr_init(&attr) == 0);
	CHECK(pthread_mutexattr_settype(&attr, type) == 0);
	CHECK(pthread_mutexattr_setprotocol(&attr, protocol) == 0);
	CHECK(pthread_mutexattr_setrobust(&attr, robust) == 0);
	if (protocol == PTHREAD_PRIO_PROTECT)
		CHECK(pthread_mutexattr_setprioceiling(&attr, 20) == 0);
	CHECK(pthread_mutex_init(mutex, &attr) == 0);
	CHECK(pthread_mutexattr_destroy(&attr) == 0);
	CHECK(pthread_mutex_init(mutex, &attr) == EINVAL);
}

/* --- what each kind answers --- */

static void *try_it(void *arg)
{
	struct timespec time = soon(CLOCK_REALTIME, 3), past = {0, 0};
	pthread_mutex_t *mutex = arg;

	CHECK(pthread_mutex_trylock(mutex) == EBUSY);
	CHECK(pthread_mutex_timedlock(mutex, &time) == ETIMEDOUT);
	CHECK(pthread_mutex_timedlock(mutex, &past) == ETIMEDOUT);
	time = soon(CLOCK_MONOTONIC, 3);
	CHECK(pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &time) == ETIMEDOUT);
	CHECK(pthread_mutex_clocklock(mutex, CLOCK_PROCESS_CPUTIME_ID, &time) == EINVAL);
	CHECK(pthread_mutex_timedlock(mutex, &wrong_time) == EINVAL);
	return NULL;
}

static void from_another(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, fn, arg) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
}

static void *unlock_it(void *arg)
{
	CHECK(pthread_mutex_unlock(arg) == EPERM);
	return NULL;
}

static void test_kind(int type, int protocol, int robust)
{
	struct timespec time = soon(CLOCK_REALTIME, 3);
	pthread_mutex_t mutex;

	init(&mutex, type, protocol, robust);
	CHECK(pthread_mutex_unlock(&mutex) == EPERM);
	/* A time that is wrong does not matter where nobody waits. */
	CHECK(pthread_mutex_timedlock(&mutex, &wrong_time) == 0);
	CHECK(pthread_mutex_destroy(&mutex) == EBUSY);
	from_another(try_it, &mutex);
	switch (type) {
	case PTHREAD_MUTEX_RECURSIVE:
		CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_trylock(&mutex) == 0);
		CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
		break;
	case PTHREAD_MUTEX_ERRORCHECK:
		from_another(unlock_it, &mutex);
		CHECK(pthread_mutex_lock(&mutex) == EDEADLK);
		CHECK(pthread_mutex_trylock(&mutex) == EBUSY);
		break;
	default:
		CHECK(pthread_mutex_trylock(&mutex) == EBUSY);
		CHECK(pthread_mutex_timedlock(&mutex, &time) == ETIMEDOUT);
	}
	CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == EPERM);
	CHECK(pthread_mutex_destroy(&mutex) == 0);
	CHECK(pthread_mutex_lock(&mutex) == EINVAL);
}

/* --- contention: the sum is right --- */

struct sum {
	pthread_mutex_t mutex;
	pthread_spinlock_t spin;
	pthread_rwlock_t rwlock;
	int how;
	volatile unsigned long count, check;
};

static void *add(void *arg)
{
	struct sum *sum = arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (sum->how == 1)
			pthread_spin_lock(&sum->spin);
		else if (sum->how == 2)
			pthread_rwlock_wrlock(&sum->rwlock);
		else
			pthread_mutex_lock(&sum->mutex);
		sum->count++;
		if (i % 64 == 0)
			sched_yield();
		sum->check++;
		if (sum->count != sum->check)
			return (void *)1;
		if (sum->how == 1)
			pthread_spin_unlock(&sum->spin);
		else if (sum->how == 2)
			pthread_rwlock_unlock(&sum->rwlock);
		else
			pthread_mutex_unlock(&sum->mutex);
	}
	return NULL;
}

static void contend(struct sum *sum)
{
	pthread_t threads[THREADS];
	void *wrong;

	sum->count = sum->check = 0;
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, add, sum) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], &wrong) == 0 && !wrong);
	CHECK(sum->count == THREADS * ROUNDS);
}

/* --- robust --- */

static void *die_holding(void *arg)
{
	CHECK(pthread_mutex_lock(arg) == 0);
	usleep(3000);
	return NULL;
}

static void *wait_for_it(void *arg)
{
	return (void *)(intptr_t)pthread_mutex_lock(arg);
}

static void test_robust(int protocol)
{
	pthread_t dying, waiting;
	pthread_mutex_t mutex;
	void *result;

	init(&mutex, PTHREAD_MUTEX_ERRORCHECK, protocol, PTHREAD_MUTEX_ROBUST);
	from_another(die_holding, &mutex);
	CHECK(pthread_mutex_trylock(&mutex) == EOWNERDEAD);
	CHECK(pthread_mutex_consistent(&mutex) == 0 && pthread_mutex_consistent(&mutex) == EINVAL);
	CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_lock(&mutex) == 0);
	CHECK(pthread_mutex_unlock(&mutex) == 0);

	/* One that waits when the owner ends gets it; it ends as well, without repairing it. */
	CHECK(pthread_create(&dying, NULL, die_holding, &mutex) == 0);
	usleep(1000);
	CHECK(pthread_create(&waiting, NULL, wait_for_it, &mutex) == 0);
	CHECK(pthread_join(waiting, &result) == 0 && result == (void *)EOWNERDEAD);
	CHECK(pthread_join(dying, NULL) == 0);
	CHECK(pthread_mutex_lock(&mutex) == EOWNERDEAD);
	CHECK(pthread_create(&waiting, NULL, wait_for_it, &mutex) == 0);
	usleep(2000);
	/* Unlocked as it is, it is of no use to anybody any more. */
	CHECK(pthread_mutex_unlock(&mutex) == 0);
	CHECK(pthread_join(waiting, &result) == 0 && result == (void *)ENOTRECOVERABLE);
	CHECK(pthread_mutex_lock(&mutex) == ENOTRECOVERABLE);
	CHECK(pthread_mutex_trylock(&mutex) == ENOTRECOVERABLE);
	CHECK(pthread_mutex_destroy(&mutex) == 0);
}

/* --- ceilings --- */

static void test_ceiling(void)
{
	struct sched_param param = {.sched_priority = 30}, normal = {.sched_priority = 0};
	pthread_mutex_t mutex;
	int value;

	init(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_PROTECT, PTHREAD_MUTEX_STALLED);
	CHECK(pthread_mutex_getprioceiling(&mutex, &value) == 0 && value == 20);
	CHECK(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0);
	CHECK(pthread_mutex_lock(&mutex) == EINVAL && pthread_mutex_trylock(&mutex) == EINVAL);
	CHECK(pthread_mutex_setprioceiling(&mutex, 40, &value) == 0 && value == 20);
	CHECK(pthread_mutex_setprioceiling(&mutex, 1000, &value) == EINVAL);
	CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
	CHECK(pthread_setschedparam(pthread_self(), SCHED_OTHER, &normal) == 0);
	CHECK(pthread_mutex_destroy(&mutex) == 0);
	CHECK(pthread_mutex_init(&mutex, NULL) == 0);
	CHECK(pthread_mutex_getprioceiling(&mutex, &value) == EINVAL);
}

/* --- read-write locks --- */

struct rw {
	pthread_rwlock_t lock;
	sem_t done;
	volatile int order, writer_at, reader_at;
};

static void *write_it(void *arg)
{
	struct rw *rw = arg;

	CHECK(pthread_rwlock_wrlock(&rw->lock) == 0);
	rw->writer_at = ++rw->order;
	CHECK(pthread_rwlock_unlock(&rw->lock) == 0);
	return NULL;
}

static void *read_it(void *arg)
{
	struct rw *rw = arg;

	CHECK(pthread_rwlock_rdlock(&rw->lock) == 0);
	rw->reader_at = ++rw->order;
	CHECK(pthread_rwlock_unlock(&rw->lock) == 0);
	return NULL;
}

static void *try_rw(void *arg)
{
	struct timespec time = soon(CLOCK_REALTIME, 3);
	struct rw *rw = arg;

	CHECK(pthread_rwlock_tryrdlock(&rw->lock) == EBUSY);
	CHECK(pthread_rwlock_trywrlock(&rw->lock) == EBUSY);
	CHECK(pthread_rwlock_timedrdlock(&rw->lock, &time) == ETIMEDOUT);
	CHECK(pthread_rwlock_timedwrlock(&rw->lock, &wrong_time) == EINVAL);
	time = soon(CLOCK_MONOTONIC, 3);
	CHECK(pthread_rwlock_clockwrlock(&rw->lock, CLOCK_MONOTONIC, &time) == ETIMEDOUT);
	CHECK(pthread_rwlock_unlock(&rw->lock) == EPERM);
	return NULL;
}

static void test_rwlock(void)
{
	struct rw rw = {.lock = PTHREAD_RWLOCK_INITIALIZER};
	pthread_t writer, reader;

	CHECK(pthread_rwlock_rdlock(&rw.lock) == 0 && pthread_rwlock_tryrdlock(&rw.lock) == 0);
	CHECK(pthread_rwlock_trywrlock(&rw.lock) == EBUSY);
	/* A writer waits: a reader that comes later waits for it, one that reads already does not.
	 */
	CHECK(pthread_create(&writer, NULL, write_it, &rw) == 0);
	usleep(2000);
	CHECK(pthread_create(&reader, NULL, read_it, &rw) == 0);
	usleep(2000);
	CHECK(rw.order == 0 && pthread_rwlock_destroy(&rw.lock) == EBUSY);
	CHECK(pthread_rwlock_rdlock(&rw.lock) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_rwlock_unlock(&rw.lock) == 0);
	CHECK(pthread_join(writer, NULL) == 0 && pthread_join(reader, NULL) == 0);
	CHECK(rw.writer_at == 1 && rw.reader_at == 2);

	CHECK(pthread_rwlock_wrlock(&rw.lock) == 0);
	CHECK(pthread_rwlock_rdlock(&rw.lock) == EDEADLK);
	CHECK(pthread_rwlock_wrlock(&rw.lock) == EDEADLK);
	from_another(try_rw, &rw);
	CHECK(pthread_rwlock_unlock(&rw.lock) == 0 && pthread_rwlock_unlock(&rw.lock) == EINVAL);
	CHECK(pthread_rwlock_destroy(&rw.lock) == 0);
}

/* --- barriers --- */

struct round {
	pthread_barrier_t barrier;
	volatile int phase[THREADS];
	volatile int serials;
};

static struct round around;

static void *go_around(void *arg)
{
	int number = (int)(intptr_t)arg;

	for (int phase = 1; phase <= 100; phase++) {
		int result;

		around.phase[number] = phase;
		result = pthread_barrier_wait(&around.barrier);
		if (result == PTHREAD_BARRIER_SERIAL_THREAD)
			__atomic_fetch_add(&around.serials, 1, __ATOMIC_RELAXED);
		else if (result)
			return (void *)1;
		for (int i = 0; i < THREADS; i++)
			if (around.phase[i] < phase || around.phase[i] > phase + 1)
				return (void *)2;
	}
	return NULL;
}

static void test_barrier(void)
{
	pthread_t threads[THREADS];
	void *wrong;

	CHECK(pthread_barrier_init(&around.barrier, NULL, 0) == EINVAL);
	CHECK(pthread_barrier_init(&around.barrier, NULL, THREADS) == 0);
	for (intptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, go_around, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], &wrong) == 0 && !wrong);
	CHECK(around.serials == 100);
	CHECK(pthread_barrier_destroy(&around.barrier) == 0);
	CHECK(pthread_barrier_init(&around.barrier, NULL, 1) == 0);
	CHECK(pthread_barrier_wait(&around.barrier) == PTHREAD_BARRIER_SERIAL_THREAD);
	CHECK(pthread_barrier_destroy(&around.barrier) == 0);
}

static void *end_barrier(void *arg)
{
	pthread_barrier_t *barrier = arg;

	/* Whoever is told may throw it away at once. */
	if (pthread_barrier_wait(barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
		CHECK(pthread_barrier_destroy(barrier) == 0);
		free(barrier);
	}
	return NULL;
}

static void test_barrier_end(void)
{
	pthread_t threads[THREADS];

	for (int round = 0; round < 50; round++) {
		pthread_barrier_t *barrier = malloc(sizeof(*barrier));

		CHECK(pthread_barrier_init(barrier, NULL, THREADS) == 0);
		for (int i = 0; i < THREADS; i++)
			CHECK(pthread_create(&threads[i], NULL, end_barrier, barrier) == 0);
		for (int i = 0; i < THREADS; i++)
			CHECK(pthread_join(threads[i], NULL) == 0);
	}
}

int main(void)
{
	static struct sum sum = {.rwlock = PTHREAD_RWLOCK_INITIALIZER};

	for (int type = PTHREAD_MUTEX_NORMAL; type <= PTHREAD_MUTEX_ERRORCHECK; type++)
		for (int protocol = PTHREAD_PRIO_NONE; protocol <= PTHREAD_PRIO_PROTECT; protocol++)
			for (int robust = 0; robust < 2; robust++)
				test_kind(type, protocol, robust);
	for (int protocol = PTHREAD_PRIO_NONE; protocol <= PTHREAD_PRIO_PROTECT; protocol++) {
		init(&sum.mutex, PTHREAD_MUTEX_NORMAL, protocol, protocol & 1);
		contend(&sum);
		CHECK(pthread_mutex_destroy(&sum.mutex) == 0);
		test_robust(protocol);
	}
	CHECK(pthread_spin_init(&sum.spin, PTHREAD_PROCESS_PRIVATE) == 0);
	for (sum.how = 1; sum.how <= 2; sum.how++)
		contend(&sum);
	CHECK(pthread_spin_lock(&sum.spin) == 0 && pthread_spin_trylock(&sum.spin) == EBUSY);
	CHECK(pthread_spin_lock(&sum.spin) == EDEADLK && pthread_spin_destroy(&sum.spin) == EBUSY);
	CHECK(pthread_spin_unlock(&sum.spin) == 0 && pthread_spin_unlock(&sum.spin) == EPERM);
	CHECK(pthread_spin_destroy(&sum.spin) == 0);
	test_ceiling();
	test_rwlock();
	test_barrier();
	test_barrier_end();
	return check_done();
}
