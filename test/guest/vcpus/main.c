/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each vCPU has of its own: events, timers, vector registers, its turn at a spinlock; and
 * what all share although it is used on several at once. The argument says how many there are.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "arch/x86_64/cpu.h"
#include "core/smp.h"
#include "core/time.h"
#include "test/guest/check.h"
#include "xen/evtchn.h"
#include "xen/spinlock.h"

#define MS             1000000ULL
#define COUNTS         2000u /* of each thread under the spinlock */
#define TIMERS         64
#define STORM_NS       (300 * MS)
#define HOTPLUG_ROUNDS 10

static unsigned int vcpus;

static void *nothing(void *arg)
{
	return arg;
}

/* Runs fn(n) in a thread on each vCPU n, all at once, and waits for them. */
static void on_each(void *(*fn)(void *arg), unsigned int threads_each)
{
	pthread_t threads[2 * VCPUS_MAX];
	unsigned int count = vcpus * threads_each;

	for (unsigned int i = 0; i < count; i++) {
		pthread_attr_t attr;
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(i % vcpus, &set);
		pthread_attr_init(&attr);
		CHECK(pthread_attr_setaffinity_np(&attr, sizeof(set), &set) == 0);
		CHECK(pthread_create(&threads[i], &attr, fn, (void *)(uintptr_t)(i % vcpus)) == 0);
	}
	for (unsigned int i = 0; i < count; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

/* ---- Each for itself ---- */

static void wait_for(const volatile uint32_t *word, uint32_t value)
{
	uint64_t until_ns = time_monotonic_ns() + 300 * NS_PER_S;

	while (*word != value && time_monotonic_ns() < until_ns)
		nanosleep(&(struct timespec){.tv_nsec = MS}, NULL);
	CHECK(*word == value);
}

static volatile uint32_t ran_on[VCPUS_MAX]; /* the vCPU a handler of n ran on, + 1 */

static void event_came(evtchn_port_t port, void *arg)
{
	(void)port;
	ran_on[(uintptr_t)arg] = VCPU(id) + 1;
}

struct own_timer {
	struct timer timer;
	uint32_t vcpu;
	volatile uint32_t fired_on;
};

static void timer_fired(struct timer *timer)
{
	struct own_timer *own = (struct own_timer *)timer;

	own->fired_on = VCPU(id) + 1;
}

static uint64_t xcr0(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

static uint64_t xcr0_of[VCPUS_MAX];

static void *look_around(void *arg)
{
	uintptr_t id = (uintptr_t)arg;
	struct own_timer own = {.vcpu = (uint32_t)id};
	evtchn_port_t port = 0;
	bool enabled;

	CHECK(VCPU(id) == id);
	CHECK(sched_getcpu() == (int)id);
	CHECK(vcpu_this() == vcpu_by_id[id]);
	xcr0_of[id] = xcr0();
	/* An IPI to itself. */
	CHECK(evtchn_bind_ipi((uint32_t)id, event_came, arg, &port) == 0);
	CHECK(evtchn_notify(port) == 0);
	wait_for(&ran_on[id], (uint32_t)id + 1);
	evtchn_unbind(port);
	ran_on[id] = 0;
	/* A timer fires where it was armed. */
	timer_init(&own.timer, timer_fired);
	timer_arm(&own.timer, time_monotonic_ns() + MS);
	wait_for(&own.fired_on, (uint32_t)id + 1);
	/* Blocked time is not processor time, and neither is stolen. */
	enabled = events_disable();
	CHECK(VCPU(runstate.state) == RUNSTATE_running);
	events_restore(enabled);
	return NULL;
}

/* An event channel between us and us moves from one vCPU to the next. */
static void move_a_port(void)
{
	evtchn_port_t near = 0, far = 0;

	CHECK(evtchn_alloc_unbound(DOMID_SELF, event_came, NULL, 0, &near) == 0);
	CHECK(evtchn_bind_interdomain(DOMID_SELF, near, event_came, (void *)1, 0, &far) == 0);
	for (unsigned int id = 0; id < vcpus; id++) {
		ran_on[0] = 0;
		CHECK(evtchn_bind_vcpu(near, id) == 0);
		CHECK(evtchn_notify(far) == 0);
		wait_for(&ran_on[0], id + 1);
	}
	evtchn_unbind(far);
	evtchn_unbind(near);
	CHECK(evtchn_bind_vcpu(near, 0) < 0);
}

/* ---- All at once ---- */

static struct spinlock lock;
static unsigned long counted, counted_by[VCPUS_MAX];

static void *count(void *arg)
{
	for (unsigned int i = 0; i < COUNTS; i++) {
		bool enabled = spin_lock_events(&lock);

		counted++;
		counted_by[(uintptr_t)arg]++;
		spin_unlock_events(&lock, enabled);
	}
	return NULL;
}

/* Timers that any vCPU arms and any cancels; one that was cancelled must never be seen running. */
static struct shared_timer {
	struct timer timer;
	struct spinlock lock; /* who may arm and cancel it */
	volatile bool quiet, running;
	unsigned int runs;
} shared_timers[TIMERS];
static unsigned int runs_in_quiet, cancelled;

static void shared_fired(struct timer *timer)
{
	struct shared_timer *shared = (struct shared_timer *)timer;

	if (shared->quiet || shared->running)
		__atomic_fetch_add(&runs_in_quiet, 1, __ATOMIC_RELAXED);
	shared->running = true;
	for (unsigned int i = 0; i < 50; i++)
		cpu_relax();
	shared->runs++;
	if (shared->quiet)
		__atomic_fetch_add(&runs_in_quiet, 1, __ATOMIC_RELAXED);
	shared->running = false;
}

static void *storm(void *arg)
{
	uint64_t until_ns = time_monotonic_ns() + STORM_NS;
	unsigned int seed = (unsigned int)(uintptr_t)arg + 1;

	while (time_monotonic_ns() < until_ns) {
		struct shared_timer *shared = &shared_timers[rand_r(&seed) % TIMERS];
		bool enabled = events_disable();

		if (spin_trylock(&shared->lock)) {
			shared->quiet = false;
			timer_arm(&shared->timer, time_monotonic_ns() + rand_r(&seed) % 100000);
			if (rand_r(&seed) % 2) {
				if (timer_cancel(&shared->timer))
					__atomic_fetch_add(&cancelled, 1, __ATOMIC_RELAXED);
				shared->quiet = true;
			}
			spin_unlock(&shared->lock);
		}
		events_restore(enabled);
	}
	return NULL;
}

static void storm_of_timers(void)
{
	unsigned long runs = 0;

	for (int i = 0; i < TIMERS; i++)
		timer_init(&shared_timers[i].timer, shared_fired);
	on_each(storm, 1);
	for (int i = 0; i < TIMERS; i++) {
		timer_cancel(&shared_timers[i].timer);
		runs += shared_timers[i].runs;
	}
	CHECK(runs_in_quiet == 0);
	CHECK(runs > 0 && cancelled > 0);
	printf("timers: %lu ran, %u cancelled\n", runs, cancelled);
}

/* ---- The wall clock ---- */

static void follow_the_wall_clock(void)
{
	struct own_timer early = {.vcpu = 0}, late = {.vcpu = 0};
	uint64_t wall_ns = time_wall_ns(), start_ns = time_monotonic_ns();

	timer_init(&early.timer, timer_fired);
	timer_init(&late.timer, timer_fired);
	timer_arm_wall(&early.timer, wall_ns + 3600 * NS_PER_S);
	timer_arm_wall(&late.timer, wall_ns + 7200 * NS_PER_S);
	time_set_wall_ns(time_wall_ns() + 3600 * NS_PER_S);
	while (!early.fired_on)
		nanosleep(&(struct timespec){.tv_nsec = MS}, NULL);
	CHECK(early.fired_on != 0);
	CHECK(time_monotonic_ns() - start_ns < 3600 * NS_PER_S);
	CHECK(late.fired_on == 0 && timer_cancel(&late.timer));
	time_set_wall_ns(time_wall_ns() - 3600 * NS_PER_S);
}

/* A deadline that the clock jumped over is past, also when the clock is set back at once. */
static volatile bool jump_seen;

/* Again and again: nobody can tell when the other one waits. */
static void *jump_over(void *arg)
{
	while (!jump_seen) {
		nanosleep(&(struct timespec){.tv_nsec = 100 * (long)MS}, NULL);
		time_set_wall_ns(time_wall_ns() + 7200 * NS_PER_S);
		time_set_wall_ns(time_wall_ns() - 7200 * NS_PER_S);
	}
	return arg;
}

static void wait_for_a_jump(void)
{
	pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	uint64_t start_ns = time_monotonic_ns();
	struct timespec deadline;
	pthread_t thread;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 3600;
	CHECK(pthread_create(&thread, NULL, jump_over, NULL) == 0);
	pthread_mutex_lock(&mutex);
	CHECK(pthread_cond_timedwait(&condition, &mutex, &deadline) == ETIMEDOUT);
	jump_seen = true;
	pthread_mutex_unlock(&mutex);
	CHECK(time_monotonic_ns() - start_ns < 3500 * NS_PER_S);
	pthread_join(thread, NULL);
}

/* ---- Coming and going ---- */

static volatile bool stop;

static void *work(void *arg)
{
	unsigned long *done = arg;

	while (!stop) {
		void *block = malloc(100);

		__atomic_fetch_add(done, 1, __ATOMIC_RELAXED);
		free(block);
	}
	return NULL;
}

static void come_and_go(void)
{
	pthread_t threads[4];
	unsigned long done[4] = {0};
	unsigned int last = vcpus - 1;

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, work, &done[i]) == 0);
	for (int round = 0; round < HOTPLUG_ROUNDS; round++) {
		unsigned long before[4];
		int error = smp_vcpu_down(last);

		CHECK(error == 0);
		CHECK(!(smp_online() >> last & 1));
		for (int i = 0; i < 4; i++)
			before[i] = __atomic_load_n(&done[i], __ATOMIC_RELAXED);
		CHECK(smp_vcpu_down(last) == 0);
		for (int i = 0; i < 4; i++)
			while (__atomic_load_n(&done[i], __ATOMIC_RELAXED) == before[i])
				sched_yield();
		CHECK(smp_vcpu_up(last) == 0);
		CHECK(smp_online() >> last & 1);
	}
	stop = true;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK(smp_vcpu_down(0) < 0);
	CHECK(smp_vcpu_up(VCPUS_MAX) < 0);
	on_each(look_around, 1);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	uint64_t start_ns, most = 0, least = UINT64_MAX;

	vcpus = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;
	start_ns = time_monotonic_ns();
	CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
	pthread_join(thread, NULL);
	printf("first thread after %llu us\n",
	       (unsigned long long)(time_monotonic_ns() - start_ns) / 1000);
	CHECK(smp_online() == (vcpus < 64 ? (1ULL << vcpus) - 1 : ~0ULL));
	CHECK(smp_online() == smp_possible());
	on_each(look_around, 1);
	for (unsigned int id = 1; id < vcpus; id++)
		CHECK(xcr0_of[id] == xcr0_of[0]);
	move_a_port();
	start_ns = time_monotonic_ns();
	on_each(count, 2);
	CHECK(counted == 2UL * COUNTS * vcpus);
	for (unsigned int id = 0; id < vcpus; id++) {
		most = counted_by[id] > most ? counted_by[id] : most;
		least = counted_by[id] < least ? counted_by[id] : least;
	}
	printf("spinlock: %lu turns, %llu ns each\n", counted,
	       (unsigned long long)(time_monotonic_ns() - start_ns) / counted);
	storm_of_timers();
	follow_the_wall_clock();
	wait_for_a_jump();
	if (vcpus > 1)
		come_and_go();
	return check_done();
}
