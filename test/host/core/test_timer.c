/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-shot timers, against a model and over the mock's clock.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 */
#include <string.h>
#include <unistd.h>

#include "core/events.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"
#include "xen/evtchn.h"

#define TIMERS 200

static struct timer timers[TIMERS];
static uint64_t fired_ns[TIMERS];
static unsigned int fired_count[TIMERS];
static uint64_t last_deadline_ns;

static void start(void)
{
	mock_start(NULL);
	ck_assert_int_eq(events_init(), 0);
	time_init();
	events_restore(true);
}

static void fire(struct timer *timer)
{
	size_t i = (size_t)(timer - timers);

	ck_assert(!timer->armed);
	ck_assert(!events_enabled());
	ck_assert_uint_le(timer->deadline_ns, time_monotonic_ns());
	fired_ns[i] = time_monotonic_ns();
	fired_count[i]++;
	last_deadline_ns = timer->deadline_ns;
}

START_TEST(no_timer_no_hypercall)
{
	start();
	mock_advance_ns(1000 * NS_PER_S);
	ck_assert_uint_eq(mock_counts.hypercalls[__HYPERVISOR_vcpu_op], 0);
	ck_assert_uint_eq(mock_counts.upcalls, 0);
}
END_TEST

START_TEST(a_timer_fires_once_and_not_before)
{
	uint64_t deadline;

	start();
	timer_init(&timers[0], fire);
	deadline = time_monotonic_ns() + 1000000;
	timer_arm(&timers[0], deadline);
	ck_assert(timers[0].armed);
	ck_assert_uint_eq(mock_timer_deadline_ns(), deadline);
	mock_advance_ns(900000);
	ck_assert_uint_eq(fired_count[0], 0);
	mock_advance_ns(200000);
	ck_assert_uint_eq(fired_count[0], 1);
	ck_assert_uint_lt(fired_ns[0] - deadline, 5000);
	ck_assert(!timer_cancel(&timers[0]));
	mock_advance_ns(NS_PER_S);
	ck_assert_uint_eq(fired_count[0], 1);
	/* tickless again */
	ck_assert_uint_eq(mock_timer_deadline_ns(), UINT64_MAX);
}
END_TEST

START_TEST(xen_is_told_only_of_an_earlier_deadline)
{
	unsigned int calls;
	uint64_t now;

	start();
	now = time_monotonic_ns();
	for (size_t i = 0; i < 3; i++)
		timer_init(&timers[i], fire);
	timer_arm(&timers[0], now + 1000000);
	calls = mock_counts.hypercalls[__HYPERVISOR_vcpu_op];
	timer_arm(&timers[1], now + 2000000);
	ck_assert_uint_eq(mock_counts.hypercalls[__HYPERVISOR_vcpu_op], calls);
	timer_arm(&timers[2], now + 500000);
	ck_assert_uint_eq(mock_counts.hypercalls[__HYPERVISOR_vcpu_op], calls + 1);
	mock_advance_ns(3000000);
	ck_assert_uint_eq(fired_count[0] + fired_count[1] + fired_count[2], 3);
	ck_assert_uint_eq(mock_counts.virq_timer, 3);
}
END_TEST

START_TEST(a_deadline_in_the_past_fires_at_once)
{
	start();
	timer_init(&timers[0], fire);
	mock_advance_ns(1000);
	timer_arm(&timers[0], 1);
	ck_assert_uint_eq(fired_count[0], 1);
	timer_arm(&timers[0], 0);
	ck_assert_uint_eq(fired_count[0], 2);
}
END_TEST

START_TEST(never_is_a_deadline)
{
	start();
	timer_init(&timers[0], fire);
	timer_arm(&timers[0], TIME_NEVER);
	mock_advance_ns(3600 * NS_PER_S);
	ck_assert_uint_eq(fired_count[0], 0);
	ck_assert(timer_cancel(&timers[0]));
}
END_TEST

START_TEST(arming_again_moves_it)
{
	uint64_t now;

	start();
	now = time_monotonic_ns();
	timer_init(&timers[0], fire);
	timer_arm(&timers[0], now + 100000);
	timer_arm(&timers[0], now + 1000000);
	mock_advance_ns(500000);
	ck_assert_uint_eq(fired_count[0], 0);
	timer_arm(&timers[0], now + 600000);
	mock_advance_ns(200000);
	ck_assert_uint_eq(fired_count[0], 1);
	mock_advance_ns(NS_PER_S);
	ck_assert_uint_eq(fired_count[0], 1);
}
END_TEST

static void arm_in_the_past(struct timer *timer)
{
	fired_count[0]++;
	if (fired_count[0] < 50)
		timer_arm(timer, 0);
}

START_TEST(a_timer_that_arms_itself_for_the_past_lets_others_run)
{
	uint64_t now;

	start();
	timer_init(&timers[0], arm_in_the_past);
	timer_init(&timers[1], fire);
	now = time_monotonic_ns();
	timer_arm(&timers[1], now + 1000);
	timer_arm(&timers[0], now + 1000);
	mock_advance_ns(NS_PER_S);
	ck_assert_uint_eq(fired_count[0], 50);
	/* each time by an event of its own */
	ck_assert_uint_ge(mock_counts.virq_timer, 50);
	ck_assert_uint_eq(fired_count[1], 1);
}
END_TEST

static void cancel_the_next(struct timer *timer)
{
	fire(timer);
	ck_assert(timer_cancel(&timers[1]));
	timer_arm(&timers[2], timer->deadline_ns + 100);
}

START_TEST(a_timer_may_cancel_and_arm_others)
{
	uint64_t now;

	start();
	now = time_monotonic_ns();
	timer_init(&timers[0], cancel_the_next);
	timer_init(&timers[1], fire);
	timer_init(&timers[2], fire);
	timer_arm(&timers[0], now + 100000);
	timer_arm(&timers[1], now + 100000);
	mock_advance_ns(NS_PER_S);
	ck_assert_uint_eq(fired_count[0], 1);
	ck_assert_uint_eq(fired_count[1], 0);
	ck_assert_uint_eq(fired_count[2], 1);
}
END_TEST

/* Which timers a model says have fired by now. */
START_TEST(random_timers_match_a_model)
{
	uint64_t model_ns[TIMERS];

	start();
	for (size_t i = 0; i < TIMERS; i++) {
		timer_init(&timers[i], fire);
		model_ns[i] = TIME_NEVER;
	}
	for (unsigned int step = 0; step < 20000; step++) {
		size_t i = test_random() % TIMERS;
		uint64_t now = mock_now_ns();

		switch (test_random() % 4) {
		case 0:
		case 1:
			model_ns[i] = now + 10000 + test_random() % 10000000;
			timer_arm(&timers[i], model_ns[i]);
			break;
		case 2:
			ck_assert_int_eq(timer_cancel(&timers[i]), model_ns[i] != TIME_NEVER);
			model_ns[i] = TIME_NEVER;
			break;
		default:
			mock_advance_ns(test_random() % 200000);
			break;
		}
		now = mock_now_ns();
		for (size_t j = 0; j < TIMERS; j++) {
			if (fired_count[j]) {
				if (fired_count[j] != 1 || now < model_ns[j])
					ck_abort_msg("timer %zu fired wrongly", j);
				model_ns[j] = TIME_NEVER;
				fired_count[j] = 0;
			}
			/* (a hypercall takes its time after what was due was done) */
			if (timers[j].armed != (model_ns[j] != TIME_NEVER) ||
			    model_ns[j] < now - 5000)
				ck_abort_msg("timer %zu has not fired", j);
		}
	}
}
END_TEST

START_TEST(they_fire_in_order)
{
	uint64_t now;

	start();
	now = time_monotonic_ns();
	for (size_t i = 0; i < TIMERS; i++) {
		timer_init(&timers[i], fire);
		timer_arm(&timers[i], now + 1000000 + i * 7919 % TIMERS * 1000);
	}
	for (unsigned int ms = 0; ms < 1500; ms++) {
		uint64_t before = last_deadline_ns;

		mock_advance_ns(1000);
		ck_assert_uint_ge(last_deadline_ns, before);
	}
	for (size_t i = 0; i < TIMERS; i++)
		ck_assert_uint_eq(fired_count[i], 1);
}
END_TEST

static uint64_t raced_deadline_ns;

static void arm_raced(void *arg)
{
	(void)arg;
	timer_arm(&timers[0], raced_deadline_ns);
}

static void fire_raced(void)
{
	mock_virq_raise(VIRQ_TIMER);
}

/* A timer event between any two instructions of timer_arm(). */
START_TEST(an_event_while_arming_loses_nothing)
{
	unsigned long at;

	start();
	timer_init(&timers[0], fire);
	timer_init(&timers[1], fire);
	for (at = 0;; at++) {
		uint64_t now = time_monotonic_ns();

		fired_count[0] = fired_count[1] = 0;
		timer_arm(&timers[1], now + 500000);
		raced_deadline_ns = now + 300000;
		if (!mock_inject(arm_raced, NULL, at, fire_raced))
			break;
		mock_advance_ns(1000000);
		ck_assert_msg(fired_count[0] == 1 && fired_count[1] == 1, "lost at instruction %lu",
			      at);
	}
	ck_assert_uint_gt(at, 50);
}
END_TEST

static void note_panic(const char *text)
{
	ck_assert_ptr_nonnull(strstr(text, "timer"));
	_exit(0);
}

START_TEST(without_the_virq_it_is_a_panic)
{
	start();
	timer_init(&timers[0], fire);
	mock_on_panic = note_panic;
	mock_fail_hypercall(__HYPERVISOR_event_channel_op, 0, ENOSPC);
	timer_arm(&timers[0], time_monotonic_ns() + 5);
	ck_abort_msg("no panic");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("timer");
	TCase *all = tcase_create("all");

	tcase_add_test(all, no_timer_no_hypercall);
	tcase_add_test(all, a_timer_fires_once_and_not_before);
	tcase_add_test(all, xen_is_told_only_of_an_earlier_deadline);
	tcase_add_test(all, a_deadline_in_the_past_fires_at_once);
	tcase_add_test(all, never_is_a_deadline);
	tcase_add_test(all, arming_again_moves_it);
	tcase_add_test(all, a_timer_that_arms_itself_for_the_past_lets_others_run);
	tcase_add_test(all, a_timer_may_cancel_and_arm_others);
	tcase_add_test(all, random_timers_match_a_model);
	tcase_add_test(all, they_fire_in_order);
	tcase_add_test(all, an_event_while_arming_loses_nothing);
	tcase_add_exit_test(all, without_the_virq_it_is_a_panic, 0);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return suite;
}
