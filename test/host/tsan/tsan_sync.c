/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutexes, conditions, read-write locks, barriers, semaphores, spin locks and once of lib/posix
 * with threads of the host, over futexes made of the host's own locks. What an object guards is
 * touched without atomics, so that ThreadSanitizer sees whether it guards; objects lie in the heap
 * and are freed the moment POSIX allows it.
 *
 *   tsan_sync [ROUNDS [SEED]]
 *
 * Each round has a seed, which decides what each thread does and where it loses its processor;
 * interleavings are the host's. A failure prints the seed.
 *
 * Links: lib/posix/mutex.c lib/posix/mutex_word.c lib/posix/mutex_held.c lib/posix/pthread_mutex.c
 * Links: lib/posix/pthread_cond.c lib/posix/pthread_rwlock.c lib/posix/pthread_barrier.c
 * Links: lib/posix/pthread_spin.c lib/posix/pthread_once.c lib/posix/pthread_cleanup.c
 * Links: lib/posix/sem.c lib/posix/sync.c lib/posix/cancel.c
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TCB_HOST
#define ERROR_NUMBERS_OF_KERNEL
#include "core/futex.h"
#include "core/sched.h"
#include "core/thread.h"
#include "core/wait.h"
#include "lib/base/error.h"
#include "lib/posix/tcb.h"

#define THREADS     6
#define STEPS       400
#define MEETINGS    STEPS
#define HANG_S      60
#define CHANCES     16   /* one of so many: the thread gives its processor away */
#define CLOCK_WALL  1    /* the guest's CLOCK_REALTIME */
#define SERIAL      (-1) /* PTHREAD_BARRIER_SERIAL_THREAD */
#define KIND_OFFSET 4    /* of a mutex's kind */

/* ---- What the guest has ---- */

/* Large enough for each object, and zeros are its default state. */
struct object {
	_Alignas(16) unsigned char bytes[64];
};

int guest_mutex_lock(struct object *mutex);
int guest_mutex_unlock(struct object *mutex);
int guest_mutex_trylock(struct object *mutex);
int guest_mutex_timedlock(struct object *mutex, const struct timespec *time);
int guest_mutex_destroy(struct object *mutex);
int guest_cond_wait(struct object *cond, struct object *mutex);
int guest_cond_timedwait(struct object *cond, struct object *mutex, const struct timespec *time);
int guest_cond_signal(struct object *cond);
int guest_cond_broadcast(struct object *cond);
int guest_cond_destroy(struct object *cond);
int guest_rwlock_rdlock(struct object *lock);
int guest_rwlock_wrlock(struct object *lock);
int guest_rwlock_timedrdlock(struct object *lock, const struct timespec *time);
int guest_rwlock_timedwrlock(struct object *lock, const struct timespec *time);
int guest_rwlock_tryrdlock(struct object *lock);
int guest_rwlock_trywrlock(struct object *lock);
int guest_rwlock_unlock(struct object *lock);
int guest_rwlock_destroy(struct object *lock);
int guest_barrier_init(struct object *barrier, const void *attr, unsigned int count);
int guest_barrier_wait(struct object *barrier);
int guest_barrier_destroy(struct object *barrier);
int guest_spin_lock(struct object *lock);
int guest_spin_trylock(struct object *lock);
int guest_spin_unlock(struct object *lock);
int guest_once(struct object *once, void (*routine)(void));
int guest_sem_init(struct object *sem, int shared, unsigned int value);
int guest_sem_post(struct object *sem);
int guest_sem_wait(struct object *sem);
int guest_sem_timedwait(struct object *sem, const struct timespec *time);
int guest_sem_trywait(struct object *sem);
int guest_sem_destroy(struct object *sem);

/* Of headers that need the guest's C library. */
int clock_to_ns(const struct timespec *time, uint64_t *ns_out);
int sig_deliver(void);
void sig_hold(void);
int sig_release(void);
int *__errno(void);

/* ---- Threads of the host as the guest's ---- */

struct host_thread {
	struct tcb tcb;
	struct thread thread;
	struct vcpu vcpu;
	uint64_t random;
	uint64_t got;
	pthread_t handle;
};

static __thread struct host_thread *self;
__thread struct vcpu *vcpu_host;
struct vcpu *vcpu_by_id[VCPUS_MAX];
struct thread thread_first;
static uint64_t seed;
static atomic_ulong operations;

struct tcb *tcb_host(void)
{
	return &self->tcb;
}

static uint32_t random_below(uint32_t bound)
{
	/* Knuth's multiplier; the upper half is the random one. */
	self->random = self->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(self->random >> 33) % bound;
}

static void maybe_lose_processor(void)
{
	if (random_below(CHANCES) == 0)
		sched_yield();
}

static void fail(const char *what, int line)
{
	fprintf(stderr, "line %d: %s; seed %llu\n", line, what, (unsigned long long)seed);
	abort();
}

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail(#condition, __LINE__);                                                \
	} while (0)

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

uint64_t time_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t time_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Turns of mutexes are over now and then. */
uint64_t sched_slice_ticks = 128 * 20;

uint64_t cpu_rdtsc(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000;
}

/* Heirs of mutexes look or sleep, and events come while they look. */
bool sched_has_successor(void)
{
	return random_below(2) != 0;
}

bool sched_may_spin(void)
{
	self->vcpu.info.evtchn_upcall_pending = random_below(8) == 0;
	return random_below(4) != 0;
}

int clock_to_ns(const struct timespec *time, uint64_t *ns_out)
{
	*ns_out = (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_nsec;
	return 0;
}

void events_deliver(void)
{
}

int wait_until(uint64_t deadline_ns, bool interruptible)
{
	(void)deadline_ns;
	(void)interruptible;
	fail("somebody waits alone", __LINE__);
	return 0;
}

/* Nobody is cancelled here, and a signal has no handler. */
int sig_deliver(void)
{
	return 0;
}

void sig_hold(void)
{
}

int sig_release(void)
{
	return 0;
}

int *__errno(void)
{
	static __thread int number;

	return &number;
}

void thread_set_ceiling(struct thread *thread, unsigned int priority)
{
	thread->ceiling = (uint8_t)priority;
}

/* A lock of the host in the room of ours: 0 or 1. */
bool spin_lock_events(struct spinlock *lock)
{
	maybe_lose_processor();
	while (__atomic_exchange_n((uint32_t *)lock, 1, __ATOMIC_ACQUIRE))
		sched_yield();
	return true;
}

void spin_unlock_events(struct spinlock *lock, bool enabled)
{
	(void)enabled;
	__atomic_store_n((uint32_t *)lock, 0, __ATOMIC_RELEASE);
}

/* ---- Futexes ---- */

struct sleeper {
	struct sleeper *next;
	const uint32_t *word;
	bool woken, moved;
	pthread_cond_t cond;
};

static pthread_mutex_t futexes = PTHREAD_MUTEX_INITIALIZER;
static struct sleeper *sleepers; /* oldest first */

static void unlink_sleeper(struct sleeper *sleeper)
{
	struct sleeper **link = &sleepers;

	while (*link != sleeper)
		link = &(*link)->next;
	*link = sleeper->next;
}

/* FUTEX_WALL or not, the host's clock of the condition is CLOCK_REALTIME. */
static struct timespec host_deadline(uint64_t deadline_ns, unsigned int flags)
{
	uint64_t ns = deadline_ns;

	if (!(flags & 2))
		ns += time_wall_ns() - time_monotonic_ns();
	return (struct timespec){(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
}

int futex_wait(const uint32_t *word, uint32_t expected, uint64_t deadline_ns, unsigned int flags,
	       const char *what)
{
	struct sleeper sleeper = {.word = word}, **last = &sleepers;
	struct timespec deadline = host_deadline(deadline_ns, flags);
	int result = 0;

	(void)what;
	maybe_lose_processor();
	pthread_mutex_lock(&futexes);
	if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) {
		pthread_mutex_unlock(&futexes);
		return -EAGAIN;
	}
	/* As by a signal that nobody handles. */
	if (random_below(CHANCES) == 0) {
		pthread_mutex_unlock(&futexes);
		return -EINTR;
	}
	while (*last)
		last = &(*last)->next;
	*last = &sleeper;
	pthread_cond_init(&sleeper.cond, NULL);
	while (!sleeper.woken && result == 0) {
		if (deadline_ns == TIME_NEVER || sleeper.moved)
			pthread_cond_wait(&sleeper.cond, &futexes);
		else if (pthread_cond_timedwait(&sleeper.cond, &futexes, &deadline) &&
			 !sleeper.woken && !sleeper.moved)
			result = -ETIMEDOUT;
	}
	if (result)
		unlink_sleeper(&sleeper);
	pthread_mutex_unlock(&futexes);
	pthread_cond_destroy(&sleeper.cond);
	return result;
}

int futex_sleep(const uint32_t *word, uint32_t expected, const char *what)
{
	return futex_wait(word, expected, TIME_NEVER, 1, what);
}

unsigned int futex_wake(const uint32_t *word, unsigned int count)
{
	unsigned int woken = 0;
	struct sleeper *next;

	maybe_lose_processor();
	pthread_mutex_lock(&futexes);
	for (struct sleeper *sleeper = sleepers; sleeper && woken < count; sleeper = next) {
		next = sleeper->next;
		if (sleeper->word != word)
			continue;
		unlink_sleeper(sleeper);
		sleeper->woken = true;
		pthread_cond_signal(&sleeper->cond);
		woken++;
	}
	pthread_mutex_unlock(&futexes);
	return woken;
}

unsigned int futex_wake_behind(const uint32_t *word)
{
	return futex_wake(word, 1);
}

int futex_requeue(const uint32_t *word, uint32_t expected, unsigned int wake_count,
		  const uint32_t *to, unsigned int move_count)
{
	unsigned int moved = 0;

	CHECK(wake_count == 0);
	maybe_lose_processor();
	pthread_mutex_lock(&futexes);
	if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) {
		pthread_mutex_unlock(&futexes);
		return -EAGAIN;
	}
	for (struct sleeper *sleeper = sleepers; sleeper && moved < move_count;
	     sleeper = sleeper->next)
		if (sleeper->word == word) {
			sleeper->word = to;
			sleeper->moved = true;
			moved++;
		}
	pthread_mutex_unlock(&futexes);
	return (int)moved;
}

/* ---- Scenarios ---- */

static struct {
	struct object *object, *second, *third;
	unsigned int users; /* not atomic: guarded by what is tested */
	uint64_t sum, check;
	int value, done;
	int kind;
	atomic_uint inside;
} world;

static struct timespec in_a_moment(void)
{
	uint64_t ns = time_wall_ns() + random_below(200000);

	return (struct timespec){(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
}

static void count_operation(void)
{
	atomic_fetch_add_explicit(&operations, 1, memory_order_relaxed);
}

/* Adds under the lock; where it yields others come in if they can. */
static void add_guarded(void)
{
	world.sum++;
	maybe_lose_processor();
	world.check++;
	CHECK(world.sum == world.check);
	self->got++;
	count_operation();
}

/* Locks one way or the other; false when it was not worth it. */
static bool take_mutex(struct object *mutex)
{
	struct timespec time;
	int error;

	switch (random_below(4)) {
	case 0:
		error = guest_mutex_trylock(mutex);
		CHECK(error == 0 || error == EBUSY);
		return error == 0;
	case 1:
		time = in_a_moment();
		error = guest_mutex_timedlock(mutex, &time);
		CHECK(error == 0 || error == ETIMEDOUT);
		return error == 0;
	default:
		CHECK(guest_mutex_lock(mutex) == 0);
		return true;
	}
}

/* Whoever is the last user frees it, while others may still be on their way out of unlock. */
static void use_mutex(void)
{
	bool last;

	for (int i = 0; i < STEPS; i++) {
		if (!take_mutex(world.object))
			continue;
		if ((world.kind & 3) == 1)
			CHECK(guest_mutex_lock(world.object) == 0);
		if ((world.kind & 3) == 2)
			CHECK(guest_mutex_lock(world.object) == EDEADLK);
		add_guarded();
		if ((world.kind & 3) == 1)
			CHECK(guest_mutex_unlock(world.object) == 0);
		CHECK(guest_mutex_unlock(world.object) == 0);
	}
	CHECK(guest_mutex_lock(world.object) == 0);
	last = --world.users == 0;
	CHECK(guest_mutex_unlock(world.object) == 0);
	if (last) {
		CHECK(guest_mutex_destroy(world.object) == 0);
		free(world.object);
	}
}

static void use_spin(void)
{
	for (int i = 0; i < STEPS; i++) {
		if (random_below(4) == 0) {
			if (guest_spin_trylock(world.object))
				continue;
		} else {
			CHECK(guest_spin_lock(world.object) == 0);
		}
		add_guarded();
		CHECK(guest_spin_unlock(world.object) == 0);
	}
}

/* object: the mutex; second: something to take; third: room. */
static void put_or_take(void)
{
	bool puts = self->tcb.id % 2;

	for (int i = 0; i < STEPS; i++) {
		bool late = random_below(2), all = random_below(8) == 0;
		struct object *cond = puts ? world.third : world.second;

		CHECK(guest_mutex_lock(world.object) == 0);
		while (world.value == puts) {
			struct timespec time = in_a_moment();
			int error = random_below(3) == 0
					    ? guest_cond_timedwait(cond, world.object, &time)
					    : guest_cond_wait(cond, world.object);

			CHECK(error == 0 || error == ETIMEDOUT);
		}
		world.value = puts;
		add_guarded();
		cond = puts ? world.second : world.third;
		if (late)
			CHECK(guest_mutex_unlock(world.object) == 0);
		CHECK((all ? guest_cond_broadcast(cond) : guest_cond_signal(cond)) == 0);
		if (!late)
			CHECK(guest_mutex_unlock(world.object) == 0);
	}
}

/* All wait but the last to come, who releases them, and frees the condition at once. */
static void wait_or_release(void)
{
	CHECK(guest_mutex_lock(world.object) == 0);
	if (++world.users == THREADS) {
		world.done = 1;
		CHECK(guest_cond_broadcast(world.second) == 0);
		CHECK(guest_cond_destroy(world.second) == 0);
		free(world.second);
	}
	while (!world.done)
		CHECK(guest_cond_wait(world.second, world.object) == 0);
	CHECK(guest_mutex_unlock(world.object) == 0);
	count_operation();
}

static bool take_rwlock(bool writes)
{
	struct timespec time = in_a_moment();
	int error;

	switch (random_below(4)) {
	case 0:
		error = writes ? guest_rwlock_trywrlock(world.object)
			       : guest_rwlock_tryrdlock(world.object);
		CHECK(error == 0 || error == EBUSY);
		break;
	case 1:
		error = writes ? guest_rwlock_timedwrlock(world.object, &time)
			       : guest_rwlock_timedrdlock(world.object, &time);
		CHECK(error == 0 || error == ETIMEDOUT);
		break;
	default:
		error = writes ? guest_rwlock_wrlock(world.object)
			       : guest_rwlock_rdlock(world.object);
		CHECK(error == 0);
	}
	return error == 0;
}

static void use_rwlock(void)
{
	bool last;

	self->thread.priority = (uint8_t)random_below(3);
	for (int i = 0; i < STEPS; i++) {
		bool writes = random_below(3) == 0;

		if (!take_rwlock(writes))
			continue;
		if (writes) {
			CHECK(atomic_fetch_add(&world.inside, 1) == 0);
			add_guarded();
		} else {
			atomic_fetch_add(&world.inside, 1);
			CHECK(world.sum == world.check);
			maybe_lose_processor();
			count_operation();
		}
		atomic_fetch_sub(&world.inside, 1);
		CHECK(guest_rwlock_unlock(world.object) == 0);
	}
	CHECK(guest_rwlock_wrlock(world.object) == 0);
	last = --world.users == 0;
	CHECK(guest_rwlock_unlock(world.object) == 0);
	if (last) {
		CHECK(guest_rwlock_destroy(world.object) == 0);
		free(world.object);
	}
}

/* More threads than places, and as many arrivals as fill all rounds. */
static void meet_some(void)
{
	while (atomic_fetch_add(&world.inside, 1) < MEETINGS * THREADS / 2) {
		int result = guest_barrier_wait(world.object);

		CHECK(result == 0 || result == SERIAL);
		self->got += result == SERIAL;
		count_operation();
	}
}

/* All of them; one alone writes between two meetings. The last meeting ends the barrier. */
static void meet_all(void)
{
	int result;

	for (int i = 0; i < STEPS / 4; i++) {
		result = guest_barrier_wait(world.object);
		CHECK(result == 0 || result == SERIAL);
		if (result == SERIAL)
			add_guarded();
		CHECK(guest_barrier_wait(world.object) <= 0);
		CHECK(world.sum == (uint64_t)i + 1);
		count_operation();
	}
	if (guest_barrier_wait(world.object) == SERIAL) {
		CHECK(guest_barrier_destroy(world.object) == 0);
		free(world.object);
	}
}

/* A semaphore as a lock, and one that counts what was put. */
static void use_sem(void)
{
	for (int i = 0; i < STEPS; i++) {
		struct timespec time = in_a_moment();
		int error = 0;

		switch (random_below(4)) {
		case 0:
			error = guest_sem_trywait(world.object);
			break;
		case 1:
			error = guest_sem_timedwait(world.object, &time);
			break;
		default:
			CHECK(guest_sem_wait(world.object) == 0);
		}
		if (error)
			continue;
		add_guarded();
		CHECK(guest_sem_post(world.object) == 0);
	}
}

/* Even ones wait for one each, and free it: its poster may still be inside sem_post(). */
static struct object *volatile handed[THREADS];

static void hand_sem(void)
{
	unsigned int pair = (self->tcb.id - 1) / 2;

	for (int i = 0; i < STEPS; i++) {
		struct object *sem;

		if (self->tcb.id % 2) {
			sem = calloc(1, sizeof(*sem));
			CHECK(sem && guest_sem_init(sem, 0, 0) == 0);
			__atomic_store_n(&handed[pair], sem, __ATOMIC_RELEASE);
			CHECK(guest_sem_wait(sem) == 0);
			free(sem);
		} else {
			while (!(sem = __atomic_exchange_n(&handed[pair], NULL, __ATOMIC_ACQUIRE)))
				sched_yield();
			CHECK(guest_sem_post(sem) == 0);
		}
		count_operation();
	}
}

static struct object onces[STEPS];

static void count_once(void)
{
	world.sum++;
	maybe_lose_processor();
}

static void use_once(void)
{
	for (int i = 0; i < STEPS; i++) {
		CHECK(guest_once(&onces[i], count_once) == 0);
		CHECK(world.sum >= (uint64_t)i + 1);
		count_operation();
		/* The sum is one of this round's: nobody adds before all have looked. */
		if (guest_barrier_wait(world.object) > 0)
			fail("barrier", __LINE__);
	}
}

/* ---- Rounds ---- */

static void (*body)(void);

static void *run(void *arg)
{
	self = arg;
	vcpu_host = &self->vcpu;
	vcpu_host->current = &self->thread;
	body();
	CHECK(self->tcb.holds == 0 && self->tcb.reads == 0 && !self->tcb.held);
	return NULL;
}

static uint64_t run_all(void (*what)(void))
{
	static struct host_thread threads[THREADS];
	uint64_t got = 0;

	body = what;
	memset(threads, 0, sizeof(threads));
	alarm(HANG_S);
	for (uint32_t i = 0; i < THREADS; i++) {
		threads[i].tcb.self = &threads[i].tcb;
		threads[i].tcb.id = threads[i].thread.id = i + 1;
		threads[i].tcb.thread = &threads[i].thread;
		threads[i].random = seed * THREADS + i;
		CHECK(pthread_create(&threads[i].handle, NULL, run, &threads[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i].handle, NULL);
		got += threads[i].got;
	}
	return got;
}

static void begin(void)
{
	memset(&world, 0, sizeof(world));
	world.object = calloc(1, sizeof(*world.object));
	world.second = calloc(1, sizeof(*world.second));
	world.third = calloc(1, sizeof(*world.third));
	world.users = THREADS;
}

static void test_mutexes(void)
{
	static const int kinds[] = {0, 1, 2, 4, 16, 16 | 4 | 1};

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		begin();
		world.kind = kinds[i];
		world.object->bytes[KIND_OFFSET] = (unsigned char)world.kind;
		CHECK(run_all(use_mutex) == world.sum);
	}
	begin();
	CHECK(run_all(use_spin) == world.sum);
}

static void test_conditions(void)
{
	begin();
	CHECK(run_all(put_or_take) == THREADS * STEPS);
	for (int i = 0; i < 20; i++) {
		begin();
		world.users = 0;
		run_all(wait_or_release);
	}
}

static void test_others(void)
{
	begin();
	CHECK(run_all(use_rwlock) == world.sum);
	begin();
	CHECK(guest_barrier_init(world.object, NULL, THREADS) == 0);
	run_all(meet_all);
	begin();
	CHECK(guest_barrier_init(world.object, NULL, THREADS / 2) == 0);
	CHECK(run_all(meet_some) == MEETINGS);
	begin();
	CHECK(guest_sem_init(world.object, 0, 1) == 0);
	CHECK(run_all(use_sem) == world.sum);
	/* Nobody is counted as waiting. */
	CHECK(guest_sem_destroy(world.object) == 0);
	begin();
	run_all(hand_sem);
	begin();
	memset(onces, 0, sizeof(onces));
	CHECK(guest_barrier_init(world.object, NULL, THREADS) == 0);
	run_all(use_once);
	CHECK(world.sum == STEPS);
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;

	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time_wall_ns();
	printf("first seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	for (unsigned long i = 0; i < rounds; i++, seed++) {
		test_mutexes();
		test_conditions();
		test_others();
	}
	printf("%lu operations in %lu rounds, the last with seed %llu\n", atomic_load(&operations),
	       rounds, (unsigned long long)(seed - 1));
	return 0;
}
