/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels and timers of several vCPUs, over the mock's, of which one runs at a time.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 */
#include <pthread.h>
#include <unistd.h>

#include "core/events.h"
#include "core/smp.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"
#include "xen/evtchn_abi.h"
#include "xen/spinlock.h"

#define VCPUS  4u
#define TIMERS 8u
#define MS     1000000ULL

static struct vcpu others[VCPUS];
static unsigned int kicks[VCPUS];

/* core/smp.c's; the vCPU looks when the test lets it run. */
void smp_kick(unsigned int id)
{
	kicks[id]++;
}

static void enable(void *arg)
{
	(void)arg;
	events_restore(true);
}

/* i: 0 for FIFO, 1 for 2-level. */
static void start(int abi)
{
	struct mock_config config = {.cmdline = abi ? "evtchn=2l" : "", .vcpus = VCPUS};

	mock_start(&config);
	ck_assert_int_eq(events_init(), 0);
	time_init();
	events_restore(true);
	for (unsigned int id = 1; id < VCPUS; id++) {
		mock_vcpu_add(&others[id], id);
		ck_assert_int_eq(evtchn_vcpu_prepare(&others[id]), 0);
		ck_assert_int_eq(timer_vcpu_prepare(&others[id]), 0);
		mock_vcpu_run(id, enable, NULL);
	}
	mock_advance_ns(1);
}

static unsigned int runs;
static uint32_t ran_on;

static void note(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
	runs++;
	ran_on = VCPU(id);
	ck_assert(!events_enabled());
}

START_TEST(an_event_runs_on_its_vcpu)
{
	evtchn_port_t ports[VCPUS], shared;

	start(_i);
	for (unsigned int id = 0; id < VCPUS; id++)
		ck_assert_int_eq(evtchn_bind_ipi(id, note, NULL, &ports[id]), 0);
	for (unsigned int id = 1; id < VCPUS; id++) {
		ck_assert_uint_eq(mock_evtchn_vcpu(ports[id]), id);
		ck_assert_int_eq(evtchn_notify(ports[id]), 0);
	}
	/* all pending side by side, and none is vCPU 0's */
	mock_deliver();
	ck_assert_uint_eq(runs, 0);
	for (unsigned int id = VCPUS - 1; id > 0; id--) {
		mock_vcpu_run(id, NULL, NULL);
		ck_assert_uint_eq(runs, VCPUS - id);
		ck_assert_uint_eq(ran_on, id);
	}
	shared = mock_evtchn_create(NULL, NULL);
	ck_assert_int_eq(evtchn_bind_handler(shared, note, NULL, 0), 0);
	ck_assert_int_eq(evtchn_bind_vcpu(ports[1], 2), -EINVAL);
	mock_evtchn_raise(shared);
	ck_assert_uint_eq(ran_on, 0);
}
END_TEST

START_TEST(a_port_moves_with_what_is_pending)
{
	evtchn_port_t port;

	start(_i);
	port = mock_evtchn_create(NULL, NULL);
	ck_assert_int_eq(evtchn_bind_handler(port, note, NULL, 0), 0);
	ck_assert_int_eq(evtchn_bind_vcpu(port, 2), 0);
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 0);
	mock_vcpu_run(2, NULL, NULL);
	ck_assert_uint_eq(runs, 1);
	ck_assert_uint_eq(ran_on, 2);
	/* Pending while masked, it goes along. */
	evtchn_mask(port);
	mock_evtchn_raise(port);
	ck_assert_int_eq(evtchn_bind_vcpu(port, 3), 0);
	mock_vcpu_run(2, NULL, NULL);
	mock_vcpu_run(3, NULL, NULL);
	ck_assert_uint_eq(runs, 1);
	evtchn_unmask(port);
	mock_vcpu_run(3, NULL, NULL);
	ck_assert_uint_eq(runs, 2);
	ck_assert_uint_eq(ran_on, 3);
}
END_TEST

START_TEST(a_late_eoi_stays_held_back_when_its_port_moves)
{
	evtchn_port_t port;

	start(_i);
	port = mock_evtchn_create(NULL, NULL);
	ck_assert_int_eq(evtchn_bind_handler(port, note, NULL, EVTCHN_LATE_EOI), 0);
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 1);
	ck_assert_int_eq(evtchn_bind_vcpu(port, 1), 0);
	mock_evtchn_raise(port);
	mock_vcpu_run(1, NULL, NULL);
	ck_assert_uint_eq(runs, 1);
	evtchn_eoi(port, false);
	mock_vcpu_run(1, NULL, NULL);
	ck_assert_uint_eq(runs, 2);
	ck_assert_uint_eq(ran_on, 1);
}
END_TEST

START_TEST(who_leaves_gives_its_ports_to_vcpu_0)
{
	evtchn_port_t ports[3], own;

	start(_i);
	ck_assert_int_eq(evtchn_bind_ipi(2, note, NULL, &own), 0);
	for (unsigned int i = 0; i < 3; i++) {
		ports[i] = mock_evtchn_create(NULL, NULL);
		ck_assert_int_eq(evtchn_bind_handler(ports[i], note, NULL, 0), 0);
		ck_assert_int_eq(evtchn_bind_vcpu(ports[i], i + 1), 0);
	}
	evtchn_vcpu_leave(vcpu_by_id[2]);
	ck_assert_uint_eq(mock_evtchn_vcpu(ports[0]), 1);
	ck_assert_uint_eq(mock_evtchn_vcpu(ports[1]), 0);
	ck_assert_uint_eq(mock_evtchn_vcpu(ports[2]), 3);
	ck_assert_uint_eq(mock_evtchn_vcpu(own), 2);
	mock_evtchn_raise(ports[1]);
	ck_assert_uint_eq(runs, 1);
	ck_assert_uint_eq(ran_on, 0);
}
END_TEST

START_TEST(a_kick_makes_no_upcall)
{
	evtchn_port_t port;
	unsigned int upcalls;

	start(_i);
	upcalls = mock_counts.upcalls;
	ck_assert_int_eq(evtchn_bind_kick(1, &port), 0);
	ck_assert_int_eq(evtchn_notify(port), 0);
	mock_vcpu_run(1, NULL, NULL);
	ck_assert_uint_eq(mock_counts.upcalls, upcalls);
	spin_kick_clear(port);
	ck_assert_int_eq(evtchn_notify(port), 0);
}
END_TEST

/* A handler on a vCPU that is a thread of the host. */
static uint32_t inside, leave;

static void stay(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
	__atomic_store_n(&inside, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&leave, __ATOMIC_SEQ_CST))
		;
	__atomic_store_n(&inside, 0, __ATOMIC_SEQ_CST);
}

static void *run_vcpu_1(void *arg)
{
	vcpu_host = vcpu_by_id[1];
	evtchn_dispatch(*(evtchn_port_t *)arg);
	return NULL;
}

static void *let_it_leave(void *arg)
{
	(void)arg;
	usleep(20000);
	__atomic_store_n(&leave, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

START_TEST(unbinding_waits_for_the_handler)
{
	pthread_t thread, other;
	evtchn_port_t port;

	start(_i);
	ck_assert_int_eq(evtchn_bind_ipi(1, stay, NULL, &port), 0);
	pthread_create(&thread, NULL, run_vcpu_1, &port);
	while (!__atomic_load_n(&inside, __ATOMIC_SEQ_CST))
		;
	pthread_create(&other, NULL, let_it_leave, NULL);
	evtchn_unbind(port);
	ck_assert(!__atomic_load_n(&inside, __ATOMIC_SEQ_CST));
	pthread_join(thread, NULL);
	pthread_join(other, NULL);
}
END_TEST

/* ---- Timers ---- */

static struct timer timers[TIMERS];
static uint32_t fired_on[TIMERS]; /* + 1 */

static void fire(struct timer *timer)
{
	fired_on[timer - timers] = VCPU(id) + 1;
}

static void arm(void *arg)
{
	struct timer *timer = arg;

	timer_arm(timer, time_monotonic_ns() + MS);
}

START_TEST(a_timer_fires_where_it_was_armed)
{
	start(0);
	for (unsigned int id = 0; id < VCPUS; id++) {
		timer_init(&timers[id], fire);
		mock_vcpu_run(id, arm, &timers[id]);
	}
	mock_advance_ns(2 * MS);
	ck_assert_uint_eq(fired_on[0], 1);
	for (unsigned int id = 1; id < VCPUS; id++) {
		ck_assert_uint_eq(fired_on[id], 0);
		mock_vcpu_run(id, NULL, NULL);
		ck_assert_uint_eq(fired_on[id], id + 1);
	}
}
END_TEST

START_TEST(a_timer_moves_to_who_arms_it_and_anybody_cancels_it)
{
	start(0);
	timer_init(&timers[0], fire);
	mock_vcpu_run(1, arm, &timers[0]);
	mock_vcpu_run(2, arm, &timers[0]);
	mock_advance_ns(2 * MS);
	mock_vcpu_run(1, NULL, NULL);
	ck_assert_uint_eq(fired_on[0], 0);
	mock_vcpu_run(2, NULL, NULL);
	ck_assert_uint_eq(fired_on[0], 3);
	fired_on[0] = 0;
	mock_vcpu_run(3, arm, &timers[0]);
	ck_assert(timer_cancel(&timers[0]));
	ck_assert(!timer_cancel(&timers[0]));
	mock_advance_ns(2 * MS);
	mock_vcpu_run(3, NULL, NULL);
	ck_assert_uint_eq(fired_on[0], 0);
}
END_TEST

static void leave_timers(void *arg)
{
	bool enabled = events_disable();

	(void)arg;
	timer_vcpu_leave();
	ck_assert_uint_eq(mock_timer_deadline_ns(), UINT64_MAX);
	events_restore(enabled);
}

START_TEST(who_leaves_gives_its_timers_to_vcpu_0)
{
	start(0);
	for (unsigned int i = 0; i < TIMERS; i++) {
		timer_init(&timers[i], fire);
		mock_vcpu_run(i % 2 ? 2 : 3, arm, &timers[i]);
	}
	mock_vcpu_run(2, leave_timers, NULL);
	ck_assert_uint_eq(kicks[0], 1);
	events_disable();
	timer_kicked();
	events_restore(true);
	mock_advance_ns(2 * MS);
	for (unsigned int i = 0; i < TIMERS; i++)
		ck_assert_uint_eq(fired_on[i], i % 2);
	mock_vcpu_run(3, NULL, NULL);
	ck_assert_uint_eq(fired_on[0], 4);
}
END_TEST

static void kicked(void *arg)
{
	bool enabled = events_disable();

	(void)arg;
	timer_kicked();
	events_restore(enabled);
}

static void arm_wall(void *arg)
{
	timer_arm_wall(arg, time_wall_ns() + 3600 * NS_PER_S);
}

START_TEST(wall_timers_follow_the_clock_on_every_vcpu)
{
	start(0);
	for (unsigned int i = 0; i < TIMERS; i++) {
		timer_init(&timers[i], fire);
		if (i < VCPUS)
			mock_vcpu_run(i, arm_wall, &timers[i]);
		else
			timer_arm(&timers[i], time_monotonic_ns() + 7200 * NS_PER_S);
	}
	mock_advance_ns(NS_PER_S);
	time_set_wall_ns(time_wall_ns() + 3599 * NS_PER_S);
	mock_deliver();
	ck_assert_uint_eq(fired_on[0], 1);
	for (unsigned int id = 1; id < VCPUS; id++) {
		ck_assert_uint_eq(kicks[id], 1);
		ck_assert_uint_eq(fired_on[id], 0);
		mock_vcpu_run(id, kicked, NULL);
		mock_vcpu_run(id, NULL, NULL);
		ck_assert_uint_eq(fired_on[id], id + 1);
	}
	/* those of the monotonic clock did not notice */
	for (unsigned int i = VCPUS; i < TIMERS; i++)
		ck_assert(timer_cancel(&timers[i]));
	/* backwards: later */
	timer_arm_wall(&timers[0], time_wall_ns() + NS_PER_S);
	time_set_wall_ns(time_wall_ns() - 10 * NS_PER_S);
	fired_on[0] = 0;
	mock_advance_ns(5 * NS_PER_S);
	ck_assert_uint_eq(fired_on[0], 0);
	mock_advance_ns(7 * NS_PER_S);
	ck_assert_uint_eq(fired_on[0], 1);
}
END_TEST

/* A timer whose time the clock jumped over fires, though it is set back before the vCPU looks. */
START_TEST(a_clock_set_back_at_once_loses_no_timer)
{
	start(0);
	timer_init(&timers[1], fire);
	mock_vcpu_run(1, arm_wall, &timers[1]);
	time_set_wall_ns(time_wall_ns() + 7200 * NS_PER_S);
	time_set_wall_ns(time_wall_ns() - 7200 * NS_PER_S);
	mock_vcpu_run(1, kicked, NULL);
	mock_vcpu_run(1, NULL, NULL);
	ck_assert_uint_eq(fired_on[1], 2);
}
END_TEST

/* The fn of a timer on a vCPU that is a thread of the host. */
static void stay_in_timer(struct timer *timer)
{
	(void)timer;
	stay(0, NULL);
}

static void *run_timers_of_1(void *arg)
{
	vcpu_host = vcpu_by_id[1];
	*(volatile bool *)arg = true;
	evtchn_upcall();
	return NULL;
}

START_TEST(cancelling_waits_for_the_handler)
{
	pthread_t thread, other;
	bool runs_now = false;

	start(0);
	timer_init(&timers[0], stay_in_timer);
	mock_vcpu_run(1, arm, &timers[0]);
	mock_advance_ns(2 * MS);
	pthread_create(&thread, NULL, run_timers_of_1, &runs_now);
	while (!__atomic_load_n(&inside, __ATOMIC_SEQ_CST))
		;
	pthread_create(&other, NULL, let_it_leave, NULL);
	ck_assert(!timer_cancel(&timers[0]));
	ck_assert(!__atomic_load_n(&inside, __ATOMIC_SEQ_CST));
	pthread_join(thread, NULL);
	pthread_join(other, NULL);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("vcpus");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, an_event_runs_on_its_vcpu, 0, 2);
	tcase_add_loop_test(all, a_port_moves_with_what_is_pending, 0, 2);
	tcase_add_loop_test(all, a_late_eoi_stays_held_back_when_its_port_moves, 0, 2);
	tcase_add_loop_test(all, who_leaves_gives_its_ports_to_vcpu_0, 0, 2);
	tcase_add_loop_test(all, a_kick_makes_no_upcall, 0, 2);
	tcase_add_loop_test(all, unbinding_waits_for_the_handler, 0, 2);
	tcase_add_test(all, a_timer_fires_where_it_was_armed);
	tcase_add_test(all, a_timer_moves_to_who_arms_it_and_anybody_cancels_it);
	tcase_add_test(all, who_leaves_gives_its_timers_to_vcpu_0);
	tcase_add_test(all, wall_timers_follow_the_clock_on_every_vcpu);
	tcase_add_test(all, a_clock_set_back_at_once_loses_no_timer);
	tcase_add_test(all, cancelling_waits_for_the_handler);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return suite;
}
