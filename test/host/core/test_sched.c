/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler, wait queues, futexes and priority inheritance on simulated vCPUs
 * (test/mock/sim.h): each case is run with many seeds, each of which is another interleaving, in a
 * process of its own.
 *
 * SEED=n repeats one seed, SIM_SEEDS=n runs so many for each case, CK_RUN_CASE=name one case.
 *
 * Links: test/mock/sim.c test/mock/sim_access.c arch/x86_64/switch.S
 * Links: interleaved/core/sched.c interleaved/core/sched_smp.c interleaved/core/sched_wait.c
 * Links: interleaved/core/thread.c interleaved/core/wait.c
 * Links: interleaved/core/futex.c interleaved/core/futex_pi.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/futex.h"
#include "core/sched.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/sim.h"

#define SEEDS_DEFAULT 200
#define THREADS_MAX   8

static struct sim_thread threads[THREADS_MAX];
static unsigned int threads_count;

/* ---- Locks as lib/posix makes them ---- */

static int sleep_on(const uint32_t *word, uint32_t expected, const char *what)
{
	int result;

	sim_point();
	(void)events_disable();
	result = futex_sleep(word, expected, what);
	events_restore(true);
	return result;
}

/* 0 free, 1 locked, 2 locked and waited for. */
static void mutex_lock(uint32_t *mutex)
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

static void mutex_unlock(uint32_t *mutex)
{
	sim_point();
	if (__atomic_exchange_n(mutex, 0, __ATOMIC_RELEASE) == 2) {
		sim_point();
		futex_wake(mutex, 1);
	}
}

static void sem_post(uint32_t *sem)
{
	sim_point();
	__atomic_fetch_add(sem, 1, __ATOMIC_RELEASE);
	sim_point();
	futex_wake(sem, 1);
}

static bool sem_take(uint32_t *sem)
{
	uint32_t value = __atomic_load_n(sem, __ATOMIC_RELAXED);

	sim_point();
	while (value > 0)
		if (__atomic_compare_exchange_n(sem, &value, value - 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static int sem_wait_until(uint32_t *sem, uint64_t deadline_ns, unsigned int flags)
{
	while (!sem_take(sem)) {
		int result = futex_wait(sem, 0, deadline_ns, flags, "semaphore");

		if (result == -ETIMEDOUT || result == -EINTR)
			return sem_take(sem) ? 0 : result;
	}
	return 0;
}

static void pi_lock(uint32_t *lock)
{
	uint32_t value = 0;

	sim_point();
	if (!__atomic_compare_exchange_n(lock, &value, thread_self()->id, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		SIM_CHECK(futex_lock_pi(lock, TIME_NEVER, 0, "lock") == 0);
	SIM_CHECK((*lock & FUTEX_OWNER_MASK) == thread_self()->id);
}

static void pi_unlock(uint32_t *lock)
{
	uint32_t value = thread_self()->id;

	sim_point();
	if (!__atomic_compare_exchange_n(lock, &value, 0, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		SIM_CHECK(futex_unlock_pi(lock) == 0);
}

/* ---- Common ---- */

static void start_some(unsigned int least, unsigned int most, void (*entry)(void *arg))
{
	threads_count = least + sim_below(most - least + 1);
	for (unsigned long i = 0; i < threads_count; i++)
		sim_thread_start(&threads[i], entry, (void *)i, THREAD_OTHER, 0, 0);
}

static enum thread_policy random_policy(unsigned int *priority_out)
{
	static const enum thread_policy policies[] = {THREAD_OTHER, THREAD_FIFO, THREAD_RR};
	enum thread_policy policy = policies[sim_below(3)];

	*priority_out = policy == THREAD_OTHER ? 0 : 1 + sim_below(4);
	return policy;
}

static void start_any(unsigned int least, unsigned int most, void (*entry)(void *arg))
{
	threads_count = least + sim_below(most - least + 1);
	for (unsigned long i = 0; i < threads_count; i++) {
		unsigned int priority;
		enum thread_policy policy = random_policy(&priority);

		sim_thread_start(&threads[i], entry, (void *)i, policy, priority, 0);
	}
}

static void join_all(void)
{
	for (unsigned int i = 0; i < threads_count; i++)
		sim_thread_join(&threads[i]);
	SIM_CHECK(thread_count() == 1);
}

/* ---- Cases: what the first thread does ---- */

static uint32_t mutex, counter, inside;

static void lock_and_count(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 6; i++) {
		mutex_lock(&mutex);
		SIM_CHECK(inside++ == 0);
		sim_point();
		counter++;
		if (sim_below(4) == 0)
			thread_yield();
		if (sim_below(8) == 0)
			(void)wait_until(sim_now_ns() + sim_below(3000), false);
		SIM_CHECK(--inside == 0);
		mutex_unlock(&mutex);
	}
}

static void case_mutex(void *arg)
{
	(void)arg;
	if (sim_below(2))
		start_some(2, THREADS_MAX, lock_and_count);
	else
		start_any(2, THREADS_MAX, lock_and_count);
	join_all();
	SIM_CHECK(counter == 6 * threads_count && mutex == 0);
}

static uint32_t items;
static unsigned int taken, timeouts;

static void producer(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 8; i++) {
		if (sim_below(3) == 0)
			(void)wait_until(sim_now_ns() + sim_below(5000), false);
		sem_post(&items);
	}
}

static void consumer(void *arg)
{
	for (unsigned int i = 0; i < 8;) {
		uint64_t deadline_ns = sim_below(2) ? TIME_NEVER : sim_now_ns() + sim_below(5000);
		int result = sem_wait_until(&items, deadline_ns, 0);

		if (result == 0) {
			i++;
			taken++;
		} else {
			SIM_CHECK(result == -ETIMEDOUT && sim_now_ns() >= deadline_ns);
			timeouts++;
		}
	}
	(void)arg;
}

static void case_semaphore(void *arg)
{
	(void)arg;
	threads_count = 2 * (1 + sim_below(THREADS_MAX / 2));
	for (unsigned int i = 0; i < threads_count; i++) {
		unsigned int priority;
		enum thread_policy policy = random_policy(&priority);

		sim_thread_start(&threads[i], i & 1 ? producer : consumer, NULL, policy, priority,
				 0);
	}
	join_all();
	SIM_CHECK(items == 0 && taken == 4 * threads_count);
}

/* A condition: a word that counts its signals, and waiters who are moved to the mutex. */
static uint32_t condition;
static unsigned int turn;

static void condition_wait(void)
{
	uint32_t seen = __atomic_load_n(&condition, __ATOMIC_RELAXED);

	mutex_unlock(&mutex);
	(void)futex_wait(&condition, seen, TIME_NEVER, 0, "condition");
	/* Others may have been moved behind us. */
	while (__atomic_exchange_n(&mutex, 2, __ATOMIC_ACQUIRE) != 0)
		(void)sleep_on(&mutex, 2, "mutex");
}

static void condition_broadcast(void)
{
	uint32_t now = __atomic_add_fetch(&condition, 1, __ATOMIC_RELAXED);

	sim_point();
	/* We hold the mutex: mark it as waited for, then move all but one. */
	__atomic_store_n(&mutex, 2, __ATOMIC_RELAXED);
	SIM_CHECK(futex_requeue(&condition, now, 1, &mutex, FUTEX_ALL) >= 0);
}

static void take_turns(void *arg)
{
	unsigned int me = (unsigned int)(uintptr_t)arg;

	for (unsigned int i = 0; i < 4; i++) {
		mutex_lock(&mutex);
		while (turn % threads_count != me)
			condition_wait();
		turn++;
		condition_broadcast();
		mutex_unlock(&mutex);
	}
}

static void case_condition(void *arg)
{
	(void)arg;
	start_any(2, 6, take_turns);
	join_all();
	SIM_CHECK(turn == 4 * threads_count);
}

/* Event handlers wake, as drivers do. */
static struct waitq queue;
static struct spinlock events_lock;
static unsigned int arrived, consumed;

static void arrive(void *arg)
{
	spin_lock(&events_lock);
	arrived++;
	spin_unlock(&events_lock);
	if (arg)
		waitq_wake_all(&queue);
	else
		waitq_wake_one(&queue);
}

static bool consume(void)
{
	bool found;

	spin_lock(&events_lock);
	found = arrived > consumed;
	consumed += found;
	spin_unlock(&events_lock);
	return found;
}

static void wait_for_events(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 5; i++) {
		struct waitq *where = sim_below(3) ? &queue : &waitq_any;

		while (waitq_wait(where, consume(),
				  sim_below(2) ? TIME_NEVER : sim_now_ns() + sim_below(20000),
				  false) != 0)
			;
	}
}

static void case_waitq(void *arg)
{
	(void)arg;
	start_any(1, 6, wait_for_events);
	for (unsigned int i = 0; i < 5 * threads_count; i++)
		sim_event_at(sim_now_ns() + sim_below(100000), arrive,
			     sim_below(2) ? &queue : NULL);
	/* Whoever was woken alone may have found nothing, and not be the one who could. */
	for (unsigned int i = 0; i < 10; i++)
		sim_event_at(sim_now_ns() + 100000 + i * 1000, (void (*)(void *))waitq_wake_all,
			     &queue);
	join_all();
	SIM_CHECK(arrived == consumed);
}

/* Two locks that are taken in one order, by threads of all priorities. */
static uint32_t outer, inner;
static unsigned int in_outer, in_inner;

static void check_nothing_inherited(void)
{
	struct thread *self = thread_self();
	bool enabled = events_disable();
	struct runq *rq = sched_lock(self);

	SIM_CHECK(self->inherited == 0 && list_empty(&self->pi_waiters));
	SIM_CHECK(self->priority == self->base_priority);
	sched_spin_unlock(&rq->lock);
	events_restore(enabled);
}

static void inherit(void *arg)
{
	for (unsigned int i = 0; i < 4; i++) {
		bool both = sim_below(2);

		if (both) {
			pi_lock(&outer);
			SIM_CHECK(in_outer++ == 0);
		}
		pi_lock(&inner);
		SIM_CHECK(in_inner++ == 0);
		sim_compute_ns(sim_below(500));
		SIM_CHECK(--in_inner == 0);
		pi_unlock(&inner);
		if (both) {
			SIM_CHECK(--in_outer == 0);
			pi_unlock(&outer);
		}
		if (sim_below(3) == 0) {
			unsigned int priority;
			enum thread_policy policy = random_policy(&priority);

			SIM_CHECK(thread_set_policy(
					  &threads[sim_below(2) ? (uintptr_t)arg : 0].thread,
					  policy, priority) == 0);
		}
	}
	check_nothing_inherited();
	/* Thread 0 is looked at by the others until all are done. */
	__atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED);
	futex_wake(&counter, FUTEX_ALL);
	for (uint32_t seen; (seen = __atomic_load_n(&counter, __ATOMIC_RELAXED)) < threads_count;)
		(void)futex_wait(&counter, seen, TIME_NEVER, 0, "the others");
}

static void case_inheritance(void *arg)
{
	(void)arg;
	start_any(2, 6, inherit);
	join_all();
	SIM_CHECK(outer == 0 && inner == 0);
}

/* Each takes two locks in any order: somebody is told of each circle. */
static uint32_t ring[4];
static unsigned int deadlocks;

static void take_two(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t *first = &ring[sim_below(4)], *second = &ring[sim_below(4)];
		uint32_t value = 0;
		int result = 0;

		pi_lock(first);
		sim_point();
		if (!__atomic_compare_exchange_n(second, &value, thread_self()->id, false,
						 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			result = futex_lock_pi(
				second, sim_below(2) ? TIME_NEVER : sim_now_ns() + sim_below(4000),
				0, "second");
		SIM_CHECK(result == 0 || result == -EDEADLK || result == -ETIMEDOUT);
		SIM_CHECK(second != first || result == -EDEADLK);
		deadlocks += result == -EDEADLK;
		if (result == 0)
			pi_unlock(second);
		pi_unlock(first);
	}
	check_nothing_inherited();
}

static void case_deadlock(void *arg)
{
	(void)arg;
	start_any(2, 6, take_two);
	join_all();
	for (unsigned int i = 0; i < 4; i++)
		SIM_CHECK((ring[i] & FUTEX_OWNER_MASK) == 0);
}

/* Interruption: nobody sleeps on who was interrupted. */
static uint32_t never;
static unsigned int interruptions;

static void be_interrupted(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 4; i++) {
		int result = sim_below(2) ? sleep_on(&never, 0, "nothing")
					  : wait_until(TIME_NEVER, true);

		SIM_CHECK(result == -EINTR);
		WRITE_ONCE(thread_self()->interrupted, false);
		__atomic_add_fetch(&interruptions, 1, __ATOMIC_RELAXED);
		futex_wake(&interruptions, 1);
	}
}

static void case_interrupt(void *arg)
{
	(void)arg;
	threads_count = 1;
	sim_thread_start(&threads[0], be_interrupted, NULL, THREAD_OTHER, 0, 0);
	for (uint32_t i = 0; i < 4; i++) {
		sim_compute_ns(sim_below(3000));
		thread_interrupt(&threads[0].thread);
		while (__atomic_load_n(&interruptions, __ATOMIC_RELAXED) == i)
			(void)futex_wait(&interruptions, i, TIME_NEVER, 0, "interruption");
	}
	join_all();
}

/* Everything at once: policies, affinities, vCPUs that go and come. */
static uint32_t stop;

static void wander(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		unsigned int priority;
		enum thread_policy policy;

		switch (sim_below(6)) {
		case 0:
			policy = random_policy(&priority);
			SIM_CHECK(thread_set_policy(thread_self(), policy, priority) == 0);
			break;
		case 1:
			(void)thread_set_affinity(thread_self(), 1 + sim_below(15));
			break;
		case 2:
			(void)wait_until(sim_now_ns() + sim_below(20000), false);
			break;
		case 3:
			mutex_lock(&mutex);
			counter++;
			mutex_unlock(&mutex);
			break;
		case 4:
			thread_yield();
			break;
		default:
			sim_compute_ns(sim_below(10000));
		}
	}
}

static void change_others(void)
{
	unsigned int priority, id = sim_below(threads_count);
	enum thread_policy policy = random_policy(&priority);

	if (sim_below(2))
		SIM_CHECK(thread_set_policy(&threads[id].thread, policy, priority) == 0);
	else
		(void)thread_set_affinity(&threads[id].thread, 1 + sim_below(15));
}

static void change_vcpus(void)
{
	unsigned int id = 1 + sim_below(3);
	struct vcpu *v = vcpu_by_id[id];

	if (!v || !v->runq)
		return;
	if (v->runq->is_online) {
		SIM_CHECK(sched_vcpu_drain(v) == 0);
		SIM_CHECK(v->runq->current->level == 0 && !v->runq->ready_bits);
		sim_compute_ns(sim_below(20000));
		SIM_CHECK(v->runq->current->level == 0 && !v->runq->ready_bits);
	} else {
		sched_vcpu_undrain(v);
	}
}

static void case_wander(void *arg)
{
	(void)arg;
	/* Above all others, so that it ends them. */
	SIM_CHECK(thread_set_policy(thread_self(), THREAD_FIFO, 20) == 0);
	start_any(1, 6, wander);
	for (unsigned int i = 0; i < 10; i++) {
		(void)wait_until(sim_now_ns() + sim_below(40000), false);
		if (sim_below(3) == 0)
			change_vcpus();
		else
			change_others();
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	join_all();
}

/* Who binds itself to vCPUs is on one of them from then on. */
static void bind(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 8; i++) {
		uint64_t mask = 1 + sim_below(15);
		int result = thread_set_affinity(thread_self(), mask);

		SIM_CHECK(result == (mask & sched_online ? 0 : -EINVAL));
		for (unsigned int j = 0; j < 20 && result == 0; j++) {
			bool enabled = events_disable();

			SIM_CHECK(mask >> VCPU(id) & 1);
			events_restore(enabled);
			sim_compute_ns(sim_below(2000));
		}
		if (sim_below(2))
			thread_yield();
	}
}

static void case_affinity(void *arg)
{
	(void)arg;
	start_any(1, 6, bind);
	join_all();
}

/* Equal shares of the processors for who does nothing but compute. */
static void work(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		sim_compute_ns(100000);
}

static void case_fairness(void *arg)
{
	uint64_t least = UINT64_MAX, most = 0;
	unsigned int vcpus = *(unsigned int *)arg;

	SIM_CHECK(thread_set_policy(thread_self(), THREAD_FIFO, 20) == 0);
	start_some(vcpus, THREADS_MAX, work);
	(void)wait_until(sim_now_ns() + NS_PER_S, false);
	for (unsigned int i = 0; i < threads_count; i++) {
		uint64_t cpu_ns = thread_cpu_ns(&threads[i].thread);

		if (cpu_ns < least)
			least = cpu_ns;
		if (cpu_ns > most)
			most = cpu_ns;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	if (most * 2 > least * 3)
		sim_fail("%u threads on %u vCPUs ran %u to %u ms", threads_count, vcpus,
			 (unsigned int)(least / 1000000), (unsigned int)(most / 1000000));
	join_all();
}

/* ---- Runs ---- */

static void run(void (*fn)(void *arg), unsigned long seed, unsigned int switch_one_in)
{
	struct sim_config config = {.seed = seed, .switch_one_in = switch_one_in};

	config.vcpus = 1 + (unsigned int)(seed * 0x9e3779b97f4a7c15ULL >> 62);
	sim_run(&config, fn, &config.vcpus);
	/* Run queues and the first thread's vector registers stay. */
	if (sim_pages != config.vcpus + 1)
		sim_fail("%u pages are gone", sim_pages);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_seeds(const char *name, void (*fn)(void *arg), unsigned int share,
		      unsigned int switch_one_in)
{
	const char *one = getenv("SEED"), *many = getenv("SIM_SEEDS");
	unsigned long first = one ? strtoul(one, NULL, 0) : 1;
	unsigned long count = one ? 1 : many ? strtoul(many, NULL, 0) : SEEDS_DEFAULT / share;
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

#define CASE(name, share, switch_one_in)                                                           \
	START_TEST(test_##name)                                                                    \
	{                                                                                          \
		run_seeds(#name, case_##name, share, switch_one_in);                               \
	}                                                                                          \
	END_TEST

CASE(mutex, 1, 0)
CASE(semaphore, 1, 0)
CASE(condition, 1, 0)
CASE(waitq, 1, 0)
CASE(inheritance, 1, 0)
CASE(deadlock, 1, 0)
CASE(interrupt, 1, 0)
CASE(wander, 1, 0)
CASE(affinity, 1, 0)
CASE(fairness, 20, 8)

Suite *test_suite(void)
{
	Suite *suite = suite_create("sched");
	const struct {
		const char *name;
		const TTest *test;
	} cases[] = {{"mutex", test_mutex},
		     {"semaphore", test_semaphore},
		     {"condition", test_condition},
		     {"waitq", test_waitq},
		     {"inheritance", test_inheritance},
		     {"deadlock", test_deadlock},
		     {"interrupt", test_interrupt},
		     {"wander", test_wander},
		     {"affinity", test_affinity},
		     {"fairness", test_fairness}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		TCase *tcase = tcase_create(cases[i].name);

		tcase_set_timeout(tcase, 0);
		tcase_add_test(tcase, cases[i].test);
		suite_add_tcase(suite, tcase);
	}
	/* The same addresses each time, for they decide where waiters stand. */
	if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
		personality(personality(0xffffffff) | ADDR_NO_RANDOMIZE);
		execl("/proc/self/exe", "test_sched", (char *)NULL);
	}
	return suite;
}
