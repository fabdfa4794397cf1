/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The word of a mutex on simulated vCPUs (sim_cases.h): one owner at a time, nobody waits for ever,
 * and threads that want it all the time get about the same number of turns.
 *
 * Links: test/mock/sim.c test/mock/sim_access.c arch/x86_64/switch.S
 * Links: interleaved/core/sched.c interleaved/core/sched_smp.c interleaved/core/sched_wait.c
 * Links: interleaved/core/thread.c interleaved/core/wait.c
 * Links: interleaved/core/futex.c interleaved/core/futex_pi.c
 * Links: interleaved/lib/posix/mutex_word.c
 */
#include "test/host/lib/posix/sim_guest.h"

#define TURNS_NS (60 * 1000000ULL) /* what is looked at */
#define WORK_NS  500U              /* with the mutex, and without it, at most */
#define SHARE    2U                /* the largest by the smallest */

#define TIGHT_ROUNDS 400U
#define TIGHT_NS     100U
#define AWAY_NS      2000000U

/* ---- What the guest has ---- */

int mutex_word_lock(struct object *mutex, unsigned long clock, const void *time, bool asleep);
int mutex_word_try(struct object *mutex);
void mutex_word_unlock(struct object *mutex);

/* ---- Cases ---- */

static struct object mutex;
static unsigned int inside, done;
static unsigned long turns[THREADS_MAX];
static uint64_t end_ns;

static void work_inside(unsigned int ns)
{
	SIM_CHECK(inside++ == 0);
	if (ns)
		sim_compute_ns(ns);
	sim_point();
	SIM_CHECK(--inside == 0);
}

/* Any way to take it, any length, and sleeps with it; waiting behind the owner is worth it, or not.
 */
static unsigned int work_ns;

static void use_any_way(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 12; i++) {
		uint64_t deadline_ns = sim_now_ns() + sim_below(200000);
		unsigned int way = sim_below(4);
		int result = 0;

		if (way == 0)
			result = mutex_word_try(&mutex);
		else if (way == 1)
			result = mutex_word_lock(&mutex, 0, &deadline_ns, false);
		else
			result = mutex_word_lock(&mutex, 0, NULL, false);
		SIM_CHECK(result == 0 || result == (way == 0 ? -EBUSY : -ETIMEDOUT));
		if (result)
			continue;
		work_inside(sim_below(4) ? sim_below(work_ns) : sim_below(40000));
		if (sim_below(8) == 0) {
			inside++;
			(void)wait_until(sim_now_ns() + sim_below(100000), false);
			inside--;
		}
		mutex_word_unlock(&mutex);
		if (sim_below(4) == 0)
			(void)wait_until(sim_now_ns() + sim_below(100000), false);
		done++;
	}
}

static void case_any_way(void *arg)
{
	(void)arg;
	work_ns = sim_below(2) ? WORK_NS : 20 * WORK_NS;
	if (sim_below(2))
		start_some(2, THREADS_MAX, use_any_way);
	else
		start_any(2, THREADS_MAX, use_any_way);
	join_all();
	/* Free, but for what may be there although nobody waits. */
	SIM_CHECK(mutex_word_try(&mutex) == 0);
	mutex_word_unlock(&mutex);
}

static void want_it_always(void *arg)
{
	while (sim_now_ns() < end_ns) {
		SIM_CHECK(mutex_word_lock(&mutex, 0, NULL, false) == 0);
		work_inside(WORK_NS);
		turns[(uintptr_t)arg]++;
		mutex_word_unlock(&mutex);
		sim_compute_ns(WORK_NS / 2);
	}
}

/* On one vCPU they hardly meet: it is slices that count there. */
static void case_fair(void *arg)
{
	unsigned long least = ~0UL, most = 0;

	end_ns = sim_now_ns() + TURNS_NS;
	start_some(3, THREADS_MAX, want_it_always);
	join_all();
	for (unsigned int i = 0; i < threads_count; i++) {
		least = turns[i] < least ? turns[i] : least;
		most = turns[i] > most ? turns[i] : most;
	}
	if (*(unsigned int *)arg > 1 && most > SHARE * least)
		sim_fail("turns from %lu to %lu", least, most);
}

/* Again and again, and then away for long: who waited behind it meanwhile runs elsewhere soon,
 * which the simulator looks at. */
static void come_and_go(void *arg)
{
	(void)arg;
	while (sim_now_ns() < end_ns) {
		for (unsigned int i = 0; i < TIGHT_ROUNDS; i++) {
			SIM_CHECK(mutex_word_lock(&mutex, 0, NULL, false) == 0);
			work_inside(TIGHT_NS);
			mutex_word_unlock(&mutex);
			sim_compute_ns(TIGHT_NS);
		}
		sim_compute_ns(AWAY_NS);
		done++;
	}
}

static void case_away(void *arg)
{
	(void)arg;
	end_ns = sim_now_ns() + TURNS_NS;
	start_some(3, THREADS_MAX, come_and_go);
	join_all();
	SIM_CHECK(done >= threads_count);
}

CASE(any_way, SEEDS_DEFAULT, 0)
CASE(away, SEEDS_DEFAULT / 10, 64)
CASE(fair, SEEDS_DEFAULT / 10, 64)

Suite *test_suite(void)
{
	const struct sim_case cases[] = {
		{"any_way", test_any_way}, {"away", test_away}, {"fair", test_fair}};

	return suite_of("mutex_word", cases, sizeof(cases) / sizeof(cases[0]));
}
