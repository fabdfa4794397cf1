/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read-write locks on simulated vCPUs (sim_cases.h): one writer or readers, and nobody waits for
 * ever.
 *
 * Links: test/mock/sim.c test/mock/sim_access.c arch/x86_64/switch.S
 * Links: interleaved/core/sched.c interleaved/core/sched_smp.c interleaved/core/sched_wait.c
 * Links: interleaved/core/thread.c interleaved/core/wait.c
 * Links: interleaved/core/futex.c interleaved/core/futex_pi.c
 * Links: interleaved/lib/posix/pthread_rwlock.c
 */
#include "test/host/lib/posix/sim_guest.h"

/* The guest's functions have names here that the host's C library does not (sync_names.h). */
int guest_rwlock_rdlock(struct object *lock);
int guest_rwlock_wrlock(struct object *lock);
int guest_rwlock_timedrdlock(struct object *lock, const void *time);
int guest_rwlock_timedwrlock(struct object *lock, const void *time);
int guest_rwlock_tryrdlock(struct object *lock);
int guest_rwlock_trywrlock(struct object *lock);
int guest_rwlock_unlock(struct object *lock);

static struct object lock;
static unsigned int readers, writers;

static int take(bool writes, unsigned int way)
{
	uint64_t deadline_ns = sim_now_ns() + sim_below(20000);

	if (way == 0)
		return writes ? guest_rwlock_trywrlock(&lock) : guest_rwlock_tryrdlock(&lock);
	if (way == 1)
		return writes ? guest_rwlock_timedwrlock(&lock, &deadline_ns)
			      : guest_rwlock_timedrdlock(&lock, &deadline_ns);
	return writes ? guest_rwlock_wrlock(&lock) : guest_rwlock_rdlock(&lock);
}

static void use_once(void)
{
	bool writes = sim_below(2);
	unsigned int way = sim_below(4), *mine = writes ? &writers : &readers;
	int error = take(writes, way);

	SIM_CHECK(error == 0 || (way == 0 && error == EBUSY) || (way == 1 && error == ETIMEDOUT));
	if (error)
		return;
	__atomic_add_fetch(mine, 1, __ATOMIC_RELAXED);
	if (sim_below(2))
		sim_compute_ns(sim_below(2000));
	SIM_CHECK(writes ? writers == 1 && readers == 0 : writers == 0);
	__atomic_sub_fetch(mine, 1, __ATOMIC_RELAXED);
	SIM_CHECK(guest_rwlock_unlock(&lock) == 0);
}

/* Few of them and seldom, so that nobody comes and wakes those who would wait for ever. */
static void use(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 4; i++) {
		use_once();
		if (sim_below(2))
			(void)wait_until(sim_now_ns() + sim_below(1000), false);
	}
}

static void case_any_way(void *arg)
{
	(void)arg;
	start_any(2, 4, use);
	join_all();
	SIM_CHECK(lock.words[0] == 0);
}

CASE(any_way, 2 * SEEDS_DEFAULT, 0)

Suite *test_suite(void)
{
	const struct sim_case cases[] = {{"any_way", test_any_way}};

	return suite_of("rwlock", cases, sizeof(cases) / sizeof(cases[0]));
}
