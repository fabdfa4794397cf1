/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What test_sched.c and test_futex.c share: locks as lib/posix makes them, threads, and runs of one
 * case with many seeds, each of which is another interleaving, in a process of its own.
 *
 * SEED=n repeats one seed, SIM_SEEDS=n runs so many for each case, CK_RUN_CASE=name one case.
 */
#ifndef TEST_HOST_CORE_SIM_CASES_H
#define TEST_HOST_CORE_SIM_CASES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* As lib/posix has them. */
#define ERROR_NUMBERS_OF_KERNEL
#include "core/futex.h"
#include "core/sched.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/sim.h"

#define SEEDS_DEFAULT 1200
#define THREADS_MAX   8

static struct sim_thread threads[THREADS_MAX];
static unsigned int threads_count;

/* ---- Locks as lib/posix makes them ---- */

static inline int sleep_on(const uint32_t *word, uint32_t expected, const char *what)
{
	int result;

	sim_point();
	(void)events_disable();
	result = futex_sleep(word, expected, what);
	events_restore(true);
	return result;
}

/* 0 free, 1 locked, 2 locked and waited for. */
static inline void mutex_lock(uint32_t *mutex)
{
	uint32_t value = 0;

	sim_point();
	if (__atomic_compare_exchange_n(mutex, &value, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	for (;;) {
		sim_point();
		if (__atomic_exchange_n(mutex, 2, __ATOMIC_ACQUIRE) == 0)
			return;
		sim_point();
		(void)sleep_on(mutex, 2, "mutex");
	}
}

static inline void mutex_unlock(uint32_t *mutex)
{
	sim_point();
	if (__atomic_exchange_n(mutex, 0, __ATOMIC_RELEASE) == 2) {
		sim_point();
		futex_wake(mutex, 1);
	}
}

static inline void sem_post(uint32_t *sem)
{
	sim_point();
	__atomic_fetch_add(sem, 1, __ATOMIC_RELEASE);
	sim_point();
	futex_wake(sem, 1);
}

static inline bool sem_take(uint32_t *sem)
{
	uint32_t value = __atomic_load_n(sem, __ATOMIC_RELAXED);

	sim_point();
	while (value > 0)
		if (__atomic_compare_exchange_n(sem, &value, value - 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static inline int sem_wait_until(uint32_t *sem, uint64_t deadline_ns, unsigned int flags)
{
	while (!sem_take(sem)) {
		int result = futex_wait(sem, 0, deadline_ns, flags, "semaphore");

		if (result == -ETIMEDOUT || result == -EINTR)
			return sem_take(sem) ? 0 : result;
	}
	return 0;
}

static inline void pi_lock(uint32_t *lock)
{
	uint32_t value = 0;

	sim_point();
	if (!__atomic_compare_exchange_n(lock, &value, thread_self()->id, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		SIM_CHECK(futex_lock_pi(lock, TIME_NEVER, 0, "lock") == 0);
	SIM_CHECK((*lock & FUTEX_OWNER_MASK) == thread_self()->id);
}

static inline void pi_unlock(uint32_t *lock)
{
	uint32_t value = thread_self()->id;

	sim_point();
	if (!__atomic_compare_exchange_n(lock, &value, 0, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		SIM_CHECK(futex_unlock_pi(lock) == 0);
}

/* ---- Common ---- */

static inline void start_some(unsigned int least, unsigned int most, void (*entry)(void *arg))
{
	threads_count = least + sim_below(most - least + 1);
	for (unsigned long i = 0; i < threads_count; i++)
		sim_thread_start(&threads[i], entry, (void *)i, THREAD_OTHER, 0, 0);
}

static inline enum thread_policy random_policy(unsigned int *priority_out)
{
	static const enum thread_policy policies[] = {THREAD_OTHER, THREAD_FIFO, THREAD_RR};
	enum thread_policy policy = policies[sim_below(3)];

	*priority_out = policy == THREAD_OTHER ? 0 : 1 + sim_below(4);
	return policy;
}

static inline void start_any(unsigned int least, unsigned int most, void (*entry)(void *arg))
{
	threads_count = least + sim_below(most - least + 1);
	for (unsigned long i = 0; i < threads_count; i++) {
		unsigned int priority;
		enum thread_policy policy = random_policy(&priority);

		sim_thread_start(&threads[i], entry, (void *)i, policy, priority, 0);
	}
}

static inline void join_all(void)
{
	for (unsigned int i = 0; i < threads_count; i++)
		sim_thread_join(&threads[i]);
	SIM_CHECK(thread_count() == 1);
}

/* ---- Runs ---- */

static inline void run(void (*fn)(void *arg), unsigned long seed, unsigned int switch_one_in)
{
	struct sim_config config = {.seed = seed, .switch_one_in = switch_one_in};

	config.vcpus = 1 + (unsigned int)(seed * 0x9e3779b97f4a7c15ULL >> 62);
	sim_run(&config, fn, &config.vcpus);
	/* Run queues and the first thread's vector registers stay. */
	if (sim_pages != config.vcpus + 1)
		sim_fail("%u pages are gone", sim_pages);
}

static inline double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void run_seeds(const char *name, void (*fn)(void *arg), unsigned long seeds,
			     unsigned int switch_one_in)
{
	const char *one = getenv("SEED"), *many = getenv("SIM_SEEDS");
	unsigned long first = one ? strtoul(one, NULL, 0) : 1;
	unsigned long count = one ? 1 : many ? strtoul(many, NULL, 0) : seeds;
	double begin = seconds();

	for (unsigned long seed = first; seed < first + count; seed++) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			alarm(60);
			run(fn, seed, switch_one_in);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (status != 0)
			ck_abort_msg("%s: status %#x: repeat with SEED=%lu CK_RUN_CASE=%s", name,
				     (unsigned int)status, seed, name);
	}
	printf("%s: %lu seeds, %.0f a second\n", name, count, (double)count / (seconds() - begin));
	fflush(stdout);
}

#define CASE(name, seeds, switch_one_in)                                                           \
	START_TEST(test_##name)                                                                    \
	{                                                                                          \
		run_seeds(#name, case_##name, seeds, switch_one_in);                               \
	}                                                                                          \
	END_TEST

struct sim_case {
	const char *name;
	const TTest *test;
};

static inline Suite *suite_of(const char *name, const struct sim_case *cases, size_t count)
{
	Suite *suite = suite_create(name);

	for (size_t i = 0; i < count; i++) {
		TCase *tcase = tcase_create(cases[i].name);

		tcase_set_timeout(tcase, 0);
		tcase_add_test(tcase, cases[i].test);
		suite_add_tcase(suite, tcase);
	}
	/* The same addresses each time, for they decide where waiters stand. */
	if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
		personality(personality(0xffffffff) | ADDR_NO_RANDOMIZE);
		execl("/proc/self/exe", name, (char *)NULL);
	}
	return suite;
}

#endif
