/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler and wait queues on simulated vCPUs (sim_cases.h).
 *
 * Links: test/mock/sim.c test/mock/sim_access.c arch/x86_64/switch.S
 * Links: interleaved/core/sched.c interleaved/core/sched_smp.c interleaved/core/sched_wait.c
 * Links: interleaved/core/thread.c interleaved/core/wait.c
 * Links: interleaved/core/futex.c interleaved/core/futex_pi.c
 */
#include "test/host/core/sim_cases.h"

static uint32_t mutex, counter;

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

static uint32_t never; /* anything but 0 */

/* Interruption: nobody sleeps on who was interrupted. */
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

/* A thread that computes notices as well. */
static bool noticed;

static void notice(void)
{
	noticed = true;
	thread_self()->interrupted = false;
}

static void compute_until_noticed(void *arg)
{
	(void)arg;
	while (!noticed)
		sim_compute_ns(100);
}

static void case_interrupt(void *arg)
{
	(void)arg;
	threads_count = 1;
	if (sim_below(2)) {
		sim_on_interrupt = notice;
		sim_thread_start(&threads[0], compute_until_noticed, NULL, THREAD_OTHER, 0, 0);
		(void)wait_until(sim_now_ns() + sim_below(30000), false);
		thread_interrupt(&threads[0].thread);
		/* Not by the end of its slice. */
		(void)wait_until(sim_now_ns() + 1000000, false);
		SIM_CHECK(noticed);
		join_all();
		return;
	}
	sim_thread_start(&threads[0], be_interrupted, NULL, THREAD_OTHER, 0, 0);
	for (uint32_t i = 0; i < 4; i++) {
		sim_compute_ns(sim_below(3000));
		thread_interrupt(&threads[0].thread);
		while (__atomic_load_n(&interruptions, __ATOMIC_RELAXED) == i)
			(void)futex_wait(&interruptions, i, TIME_NEVER, 0, "interruption");
	}
	join_all();
}

/* Real-time threads come and go among others that only compute, and their policies change while
 * they are being woken. */
static uint32_t stop;

static void compute(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		sim_compute_ns(2000);
}

static void nap(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		(void)wait_until(sim_now_ns() + sim_below(3000), false);
		sim_compute_ns(sim_below(1500));
	}
}

static void case_policy(void *arg)
{
	unsigned int vcpus = *(unsigned int *)arg, computing = sim_below(2) ? 0 : vcpus;

	SIM_CHECK(thread_set_policy(thread_self(), THREAD_FIFO, 20) == 0);
	threads_count = vcpus + 3;
	for (unsigned int i = 0; i < threads_count; i++)
		sim_thread_start(&threads[i], i < computing ? compute : nap, NULL,
				 i < vcpus ? THREAD_OTHER : THREAD_RR, i < vcpus ? 0 : 1 + i % 3,
				 0);
	for (unsigned int i = 0; i < 100; i++) {
		unsigned int priority, id = sim_below(threads_count);
		enum thread_policy policy = random_policy(&priority);

		if (sim_below(20) == 0)
			(void)wait_until(sim_now_ns() + sim_below(10000), false);
		SIM_CHECK(thread_set_policy(&threads[id].thread, policy, priority) == 0);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	join_all();
}

/* Everything at once: policies, affinities, vCPUs that go and come. */
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

/* Whatever a thread was placed, offered or pulled for has changed when it arrives; then all is
 * quiet for long enough that the simulator looks. */
static uint32_t fidgeting;

/* Nobody may be changed who does not exist yet or any more. */
static void wait_for_all(uint32_t total)
{
	uint32_t now = __atomic_add_fetch(&fidgeting, 1, __ATOMIC_RELAXED);

	futex_wake(&fidgeting, FUTEX_ALL);
	for (; now < total; now = __atomic_load_n(&fidgeting, __ATOMIC_RELAXED))
		(void)futex_wait(&fidgeting, now, TIME_NEVER, 0, "others");
}

static void fidget(void *arg)
{
	(void)arg;
	wait_for_all(threads_count);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		switch (sim_below(8)) {
		case 0:
		case 1:
			change_others();
			break;
		case 2:
			(void)thread_set_affinity(thread_self(),
						  sim_below(2) ? UINT64_MAX : 1 + sim_below(15));
			break;
		case 3:
		case 4:
			(void)wait_until(sim_now_ns() + sim_below(10000), false);
			break;
		case 5:
			thread_yield();
			break;
		default:
			for (unsigned int i = sim_below(100); i > 0; i--)
				sim_point();
		}
	}
	wait_for_all(2 * threads_count);
}

static void case_fidget(void *arg)
{
	(void)arg;
	SIM_CHECK(thread_set_policy(thread_self(), THREAD_FIFO, 20) == 0);
	start_any(2, 6, fidget);
	for (unsigned int i = 0; i < 60; i++) {
		(void)wait_until(sim_now_ns() + sim_below(20000), false);
		change_vcpus();
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
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

CASE(waitq, SEEDS_DEFAULT, 0)
CASE(interrupt, SEEDS_DEFAULT, 0)
CASE(policy, SEEDS_DEFAULT, 0)
CASE(wander, SEEDS_DEFAULT, 0)
CASE(affinity, SEEDS_DEFAULT, 0)
CASE(fidget, 4 * SEEDS_DEFAULT, 0)
CASE(fairness, SEEDS_DEFAULT / 20, 8)

Suite *test_suite(void)
{
	const struct sim_case cases[] = {{"waitq", test_waitq},       {"interrupt", test_interrupt},
					 {"policy", test_policy},     {"wander", test_wander},
					 {"affinity", test_affinity}, {"fidget", test_fidget},
					 {"fairness", test_fairness}};

	return suite_of("sched", cases, sizeof(cases) / sizeof(cases[0]));
}
