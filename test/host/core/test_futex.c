/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Futexes, what is made of them, and priority inheritance on simulated vCPUs (sim_cases.h).
 *
 * Links: test/mock/sim.c test/mock/sim_access.c arch/x86_64/switch.S
 * Links: interleaved/core/sched.c interleaved/core/sched_smp.c interleaved/core/sched_wait.c
 * Links: interleaved/core/thread.c interleaved/core/wait.c
 * Links: interleaved/core/futex.c interleaved/core/futex_pi.c
 */
#include "test/host/core/sim_cases.h"

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
	/* Who does not want to be interrupted sleeps on. */
	for (unsigned int i = 0; i < 4; i++) {
		sim_compute_ns(sim_below(4000));
		thread_interrupt(&threads[sim_below(threads_count)].thread);
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

/* Two locks that are taken in one order, by threads of all priorities. */
static uint32_t outer, inner;
static unsigned int in_outer, in_inner;

/* Long enough for others to come. */
static void linger(void)
{
	if (sim_below(3) == 0)
		(void)wait_until(sim_now_ns() + sim_below(5000), false);
	for (unsigned int i = sim_below(100); i > 0; i--)
		sim_point();
}

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
		linger();
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

/* Everybody runs with what the best of its waiters has, and no more. */
static void check_lent(void)
{
	for (unsigned int i = 0; i < threads_count; i++) {
		const struct thread *owner = &threads[i].thread;
		unsigned int lent = 0;

		if (threads[i].gone || owner->state == THREAD_GONE)
			continue;
		for (unsigned int j = 0; j < threads_count; j++) {
			const struct thread *waiter = &threads[j].thread;

			if (!threads[j].gone && waiter->pi_word &&
			    (*waiter->pi_word & FUTEX_OWNER_MASK) == owner->id &&
			    waiter->priority > lent)
				lent = waiter->priority;
		}
		if (owner->inherited != lent)
			sim_fail("thread %u inherited %u, not %u", owner->id, owner->inherited,
				 lent);
	}
}

static void case_inheritance(void *arg)
{
	(void)arg;
	sim_check = check_lent;
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
		linger();
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
	sim_check = check_lent;
	start_any(2, 6, take_two);
	join_all();
	for (unsigned int i = 0; i < 4; i++)
		SIM_CHECK((ring[i] & FUTEX_OWNER_MASK) == 0);
}

static uint32_t never; /* anything but 0 */

/* Waiters are chosen by priority, then by their coming, also when it changes while they wait. */
static unsigned int woken[THREADS_MAX], woken_count;

static void wait_in_turn(void *arg)
{
	while (futex_wait(&never, 0, TIME_NEVER, 0, "turn") != 0)
		;
	woken[__atomic_fetch_add(&woken_count, 1, __ATOMIC_RELAXED)] = (unsigned int)(uintptr_t)arg;
}

static void case_order(void *arg)
{
	unsigned int priorities[THREADS_MAX];

	(void)arg;
	SIM_CHECK(thread_set_policy(thread_self(), THREAD_FIFO, 30) == 0);
	threads_count = 2 + sim_below(THREADS_MAX - 1);
	for (unsigned long i = 0; i < threads_count; i++) {
		priorities[i] = 1 + sim_below(6);
		sim_thread_start(&threads[i], wait_in_turn, (void *)i, THREAD_FIFO, priorities[i],
				 0);
		while (!READ_ONCE(threads[i].thread.wait_word))
			(void)wait_until(sim_now_ns() + 100000, false);
	}
	for (unsigned int i = 0; i < threads_count; i++)
		if (sim_below(2)) {
			/* No two alike: a change is not a coming. */
			priorities[i] = 10 + i;
			SIM_CHECK(thread_set_policy(&threads[i].thread, THREAD_FIFO,
						    priorities[i]) == 0);
		}
	for (unsigned int i = 0; i < threads_count; i++) {
		SIM_CHECK(futex_wake(&never, 1) == 1);
		while (READ_ONCE(woken_count) == i)
			(void)wait_until(sim_now_ns() + 100000, false);
		SIM_CHECK(i == 0 || priorities[woken[i]] < priorities[woken[i - 1]] ||
			  (priorities[woken[i]] == priorities[woken[i - 1]] &&
			   woken[i] > woken[i - 1]));
	}
	join_all();
}

CASE(mutex, SEEDS_DEFAULT, 0)
CASE(semaphore, SEEDS_DEFAULT, 0)
CASE(condition, SEEDS_DEFAULT, 0)
CASE(inheritance, SEEDS_DEFAULT, 0)
CASE(deadlock, SEEDS_DEFAULT, 0)
CASE(order, SEEDS_DEFAULT, 0)

Suite *test_suite(void)
{
	const struct sim_case cases[] = {
		{"mutex", test_mutex},         {"semaphore", test_semaphore},
		{"condition", test_condition}, {"inheritance", test_inheritance},
		{"deadlock", test_deadlock},   {"order", test_order}};

	return suite_of("futex", cases, sizeof(cases) / sizeof(cases[0]));
}
