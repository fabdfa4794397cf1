/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels over the mock hypervisor, under both ABIs.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 */
#include <stdlib.h>

#include "arch/x86_64/pv/boot.h"
#include "core/events.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"
#include "xen/evtchn.h"

static unsigned int runs, runs_other;

static void count(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
	runs++;
}

static void count_other(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
	runs_other++;
}

/* Tests run twice: i is 0 for FIFO, 1 for 2-level. */
static void start(int abi)
{
	struct mock_config config = {.seed = 1, .cmdline = abi ? "evtchn=2l" : ""};

	mock_start(&config);
	ck_assert_int_eq(events_init(), 0);
	ck_assert_str_eq(evtchn_abi_name(), abi ? "2-level" : "fifo");
	ck_assert_int_eq(mock_evtchn_is_fifo(), !abi);
	time_init();
	events_restore(true);
}

static evtchn_port_t bound(evtchn_handler_t handler, unsigned int flags)
{
	evtchn_port_t port = mock_evtchn_create(NULL, NULL);

	ck_assert_int_eq(evtchn_bind_handler(port, handler, NULL, flags), 0);
	return port;
}

START_TEST(fifo_falls_back_to_2level)
{
	struct mock_config config = {.no_fifo = true};

	mock_start(&config);
	ck_assert_int_eq(events_init(), 0);
	ck_assert_str_eq(evtchn_abi_name(), "2-level");
	ck_assert_uint_eq(evtchn_ports_max(), 4096);
}
END_TEST

START_TEST(fifo_falls_back_when_the_array_is_refused)
{
	mock_start(NULL);
	mock_fail_hypercall(__HYPERVISOR_event_channel_op, 1, ENOMEM);
	ck_assert_int_ne(events_init(), 0);
}
END_TEST

START_TEST(words_of_the_command_line)
{
	static const char *const two_level[] = {"evtchn=2l", "a=b evtchn=2l", "  evtchn=2l log=x"};
	static const char *const fifo[] = {"", "evtchn=2lx", "xevtchn=2l", "-- evtchn=2l",
					   "a -- evtchn=2l"};

	for (size_t i = 0; i < 3; i++) {
		struct mock_config config = {.cmdline = two_level[i]};

		mock_start(&config);
		ck_assert_int_eq(events_init(), 0);
		ck_assert_str_eq(evtchn_abi_name(), "2-level");
	}
	for (size_t i = 0; i < 5; i++) {
		struct mock_config config = {.cmdline = fifo[i]};

		mock_start(&config);
		ck_assert_int_eq(events_init(), 0);
		ck_assert_str_eq(evtchn_abi_name(), "fifo");
	}
}
END_TEST

START_TEST(before_init_events_are_masked_and_harmless)
{
	vcpu_start(&vcpu0, 0);
	ck_assert(!events_enabled());
	ck_assert(!events_disable());
	events_restore(false);
	ck_assert(!events_enabled());
}
END_TEST

START_TEST(an_event_runs_its_handler_once)
{
	evtchn_port_t port;

	start(_i);
	port = bound(count, 0);
	ck_assert_uint_eq(runs, 0);
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 1);
	ck_assert(!evtchn_pending(port));
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 2);
}
END_TEST

START_TEST(an_event_from_before_the_bind_is_not_lost)
{
	evtchn_port_t port;

	mock_start(&(struct mock_config){.cmdline = _i ? "evtchn=2l" : ""});
	port = mock_evtchn_create(NULL, NULL);
	mock_evtchn_set_pending(port);
	ck_assert_int_eq(events_init(), 0);
	events_restore(true);
	ck_assert_uint_eq(runs, 0);
	ck_assert_int_eq(evtchn_bind_handler(port, count, NULL, 0), 0);
	ck_assert_uint_eq(runs, 1);
}
END_TEST

START_TEST(masked_events_wait)
{
	evtchn_port_t port;

	start(_i);
	port = bound(count, 0);
	evtchn_mask(port);
	mock_evtchn_raise(port);
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 0);
	ck_assert(evtchn_pending(port));
	evtchn_unmask(port);
	ck_assert_uint_eq(runs, 1);
	evtchn_unmask(port);
	ck_assert_uint_eq(runs, 1);
}
END_TEST

START_TEST(disabled_events_wait)
{
	evtchn_port_t port, other;
	bool enabled;

	start(_i);
	port = bound(count, 0);
	other = bound(count_other, 0);
	enabled = events_disable();
	ck_assert(enabled);
	mock_evtchn_raise(port);
	mock_evtchn_raise(other);
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs + runs_other, 0);
	events_restore(enabled);
	ck_assert_uint_eq(runs, 1);
	ck_assert_uint_eq(runs_other, 1);
}
END_TEST

static evtchn_port_t sent_while_running;
static unsigned int resend;

static void send_itself(evtchn_port_t port, void *arg)
{
	(void)arg;
	runs++;
	ck_assert(!evtchn_pending(port));
	ck_assert(!events_enabled());
	if (resend) {
		resend--;
		mock_evtchn_set_pending(sent_while_running);
	}
}

START_TEST(an_event_sent_while_its_handler_runs_runs_it_again)
{
	evtchn_port_t port;

	start(_i);
	port = sent_while_running = bound(send_itself, 0);
	resend = 3;
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 4);
}
END_TEST

static evtchn_port_t victim;

static void unbind_victim(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
	runs++;
	evtchn_unbind(victim);
}

START_TEST(a_handler_may_unbind_another_that_is_pending)
{
	evtchn_port_t first, second;
	bool enabled;

	start(_i);
	first = bound(unbind_victim, 0);
	second = victim = bound(count_other, 0);
	enabled = events_disable();
	mock_evtchn_raise(first);
	mock_evtchn_raise(second);
	events_restore(enabled);
	ck_assert_uint_eq(runs, 1);
	ck_assert_uint_eq(runs_other, 0);
	ck_assert_uint_eq(mock_evtchn_status(second), EVTCHNSTAT_closed);
	evtchn_unbind(second);
}
END_TEST

START_TEST(many_pending_at_once_all_run)
{
	evtchn_port_t ports[500];
	bool enabled;

	start(_i);
	for (size_t i = 0; i < 500; i++)
		ports[i] = bound(count, 0);
	for (unsigned int round = 1; round <= 5; round++) {
		enabled = events_disable();
		for (size_t i = 0; i < 500; i++)
			mock_evtchn_raise(ports[(i * 37) % 500]);
		events_restore(enabled);
		ck_assert_uint_eq(runs, round * 500);
	}
	for (size_t i = 0; i < 500; i++)
		evtchn_unbind(ports[i]);
	for (size_t i = 0; i < 500; i++)
		ck_assert_uint_eq(mock_evtchn_status(ports[i]), EVTCHNSTAT_closed);
}
END_TEST

START_TEST(the_highest_port_works)
{
	evtchn_port_t port;

	start(_i);
	ck_assert_uint_eq(evtchn_ports_max(), _i ? 4096 : 131072);
	mock_evtchn_next_port(evtchn_ports_max() - 1);
	ck_assert_int_eq(evtchn_alloc_unbound(DOMID_SELF, count, NULL, 0, &port), 0);
	ck_assert_uint_eq(port, evtchn_ports_max() - 1);
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 1);
	ck_assert_int_eq(evtchn_alloc_unbound(DOMID_SELF, count, NULL, 0, &port), -ENOSPC);
}
END_TEST

START_TEST(without_memory_a_high_port_is_refused_and_closed)
{
	evtchn_port_t port = 7;

	start(_i);
	bound(count, 0);
	mock_page_budget = 0;
	mock_evtchn_next_port(_i ? 4000 : 100000);
	ck_assert_int_eq(evtchn_alloc_unbound(DOMID_SELF, count, NULL, 0, &port), -ENOMEM);
	ck_assert_uint_eq(port, 0);
	ck_assert_uint_eq(mock_evtchn_status(_i ? 4000 : 100000), EVTCHNSTAT_closed);
	mock_page_budget = 1000;
	ck_assert_int_eq(evtchn_alloc_unbound(DOMID_SELF, count, NULL, 0, &port), 0);
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 1);
}
END_TEST

START_TEST(binds_of_every_kind)
{
	evtchn_port_t virq, ipi, unbound_port, interdomain, again;

	start(_i);
	ck_assert_int_eq(evtchn_bind_virq(VIRQ_DEBUG, 0, count, NULL, &virq), 0);
	ck_assert_int_eq(evtchn_bind_virq(VIRQ_DEBUG, 0, count, NULL, &again), -EEXIST);
	ck_assert_int_eq(evtchn_bind_ipi(0, count, NULL, &ipi), 0);
	ck_assert_int_eq(evtchn_alloc_unbound(0, count, NULL, 0, &unbound_port), 0);
	ck_assert_int_eq(evtchn_notify(ipi), 0);
	ck_assert_uint_eq(runs, 1);
	mock_virq_raise(VIRQ_DEBUG);
	mock_deliver();
	ck_assert_uint_eq(runs, 2);
	/* bind_interdomain always sets the port pending */
	ck_assert_int_eq(evtchn_bind_interdomain(0, 9, count, NULL, 0, &interdomain), 0);
	ck_assert_uint_eq(runs, 3);
	ck_assert_int_eq(evtchn_bind_vcpu(interdomain, 0), 0);
	ck_assert_int_lt(evtchn_bind_vcpu(interdomain, 5), 0);
	ck_assert_int_eq(evtchn_bind_vcpu(ipi, 0), -EINVAL);
	ck_assert_int_eq(evtchn_bind_vcpu(999, 0), -EINVAL);
	evtchn_unbind(virq);
	mock_virq_raise(VIRQ_DEBUG);
	mock_deliver();
	ck_assert_uint_eq(runs, 3);
}
END_TEST

START_TEST(bad_arguments)
{
	evtchn_port_t port;

	start(_i);
	port = bound(count, 0);
	ck_assert_int_eq(evtchn_bind_handler(0, count, NULL, 0), -EINVAL);
	ck_assert_int_eq(evtchn_bind_handler(evtchn_ports_max(), count, NULL, 0), -EINVAL);
	ck_assert_int_eq(evtchn_bind_handler(port, NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(evtchn_bind_handler(port, count, NULL, 0), -EBUSY);
	evtchn_mask(4000);
	evtchn_unmask(4000);
	evtchn_mask(UINT32_MAX);
	evtchn_unbind(0);
	evtchn_unbind(UINT32_MAX);
	evtchn_eoi(3999, false);
	ck_assert(!evtchn_pending(3999));
}
END_TEST

START_TEST(events_nobody_handles_are_masked_and_counted)
{
	struct evtchn_stats stats;
	evtchn_port_t port;

	start(_i);
	port = bound(count, 0);
	evtchn_unbind(port);
	/* Xen reuses the number, and somebody unmasked it behind our back */
	ck_assert_uint_eq(mock_evtchn_create(NULL, NULL), port + 1);
	if (_i)
		boot_shared_info->evtchn_mask[0] = 0;
	else
		*mock_fifo_word(port + 1) = 0;
	mock_evtchn_raise(port + 1);
	mock_evtchn_raise(port + 1);
	evtchn_get_stats(&stats);
	ck_assert_uint_eq(stats.unexpected, 1);
}
END_TEST

START_TEST(late_eoi_holds_events_back)
{
	evtchn_port_t port;

	start(_i);
	port = bound(count, EVTCHN_LATE_EOI);
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 1);
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 1);
	evtchn_eoi(port, false);
	ck_assert_uint_eq(runs, 2);
}
END_TEST

static bool spurious;

static void eoi_at_once(evtchn_port_t port, void *arg)
{
	(void)arg;
	runs++;
	evtchn_eoi(port, spurious);
}

START_TEST(spurious_events_are_backed_off)
{
	struct evtchn_stats stats;
	evtchn_port_t port;
	unsigned int quick;

	start(_i);
	port = bound(eoi_at_once, EVTCHN_LATE_EOI);
	for (unsigned int i = 0; i < 100; i++)
		mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 100);
	spurious = true;
	/* a storm for ten seconds: about 1 + log2(1000) + 9 events get through */
	for (unsigned int i = 0; i < 100000; i++) {
		mock_evtchn_raise(port);
		mock_advance_ns(100000);
	}
	ck_assert_uint_gt(runs, 110);
	ck_assert_uint_lt(runs, 125);
	evtchn_get_stats(&stats);
	ck_assert_uint_gt(stats.delayed, 5);
	/* one good event ends it */
	spurious = false;
	mock_advance_ns(2 * NS_PER_S);
	mock_evtchn_raise(port);
	mock_advance_ns(2 * NS_PER_S);
	quick = runs;
	mock_evtchn_raise(port);
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, quick + 2);
}
END_TEST

START_TEST(unbind_while_backed_off)
{
	evtchn_port_t ports[3];

	start(_i);
	spurious = true;
	for (size_t i = 0; i < 3; i++) {
		ports[i] = bound(eoi_at_once, EVTCHN_LATE_EOI);
		for (unsigned int j = 0; j < 4; j++)
			mock_evtchn_raise(ports[i]);
	}
	evtchn_unbind(ports[1]);
	evtchn_unbind(ports[2]);
	evtchn_unbind(ports[0]);
	mock_advance_ns(5 * NS_PER_S);
	ck_assert_uint_eq(runs, 6);
}
END_TEST

/* --- races: an event between any two instructions --- */

static evtchn_port_t raced;

static void inject_raced(void)
{
	mock_evtchn_set_pending(raced);
}

static void mask_and_unmask(void *arg)
{
	(void)arg;
	evtchn_mask(raced);
	evtchn_unmask(raced);
}

static void disable_and_restore(void *arg)
{
	bool enabled = events_disable();

	(void)arg;
	events_restore(enabled);
}

static void deliver_one(void *arg)
{
	(void)arg;
	mock_evtchn_set_pending(*(evtchn_port_t *)arg);
	mock_deliver();
}

/* Whatever the moment, the injected event runs its handler exactly once more. */
static unsigned long race(void (*fn)(void *arg), void *arg, unsigned int runs_expected)
{
	unsigned long at = 0;

	for (;; at++) {
		runs = 0;
		if (!mock_inject(fn, arg, at, inject_raced))
			return at;
		ck_assert_msg(runs == runs_expected, "%u runs at instruction %lu", runs, at);
		ck_assert(!evtchn_pending(raced));
		ck_assert(events_enabled());
	}
}

START_TEST(no_event_is_lost_around_unmask)
{
	start(_i);
	raced = bound(count, 0);
	ck_assert_uint_gt(race(mask_and_unmask, NULL, 1), 20);
}
END_TEST

START_TEST(no_event_is_lost_around_restore)
{
	start(_i);
	raced = bound(count, 0);
	ck_assert_uint_gt(race(disable_and_restore, NULL, 1), 10);
}
END_TEST

static void race_with_scan(int abi, bool same)
{
	evtchn_port_t other;
	unsigned long at;

	start(abi);
	raced = bound(count, 0);
	other = same ? raced : bound(count_other, 0);
	/* every third instruction or so; other runs take others */
	for (at = 0;; at += 1 + test_random() % 5) {
		runs = runs_other = 0;
		if (!mock_inject(deliver_one, &other, at, inject_raced))
			break;
		/* two events of one port may be one run or two */
		ck_assert_uint_ge(runs, 1);
		ck_assert_uint_le(runs, same ? 2 : 1);
		ck_assert_uint_eq(runs_other, same ? 0 : 1);
		ck_assert(!evtchn_pending(raced));
	}
	ck_assert_uint_gt(at, 100);
}

START_TEST(no_event_is_lost_while_another_is_delivered)
{
	race_with_scan(_i, false);
}
END_TEST

START_TEST(no_event_is_lost_while_its_port_is_delivered)
{
	race_with_scan(_i, true);
}
END_TEST

static struct waitq queue;
static volatile bool arrived;

static void arrive(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
	arrived = true;
	waitq_wake_all(&queue);
}

static void wait_for_it(void *arg)
{
	(void)arg;
	ck_assert_int_eq(waitq_wait(&queue, arrived, TIME_NEVER, false), 0);
}

START_TEST(no_wakeup_is_lost_before_block)
{
	unsigned long at;

	start(_i);
	raced = bound(arrive, 0);
	/* without the event the wait would be stuck, and the mock end the test */
	for (at = 0; at < 60; at++) {
		arrived = false;
		ck_assert(mock_inject(wait_for_it, NULL, at, inject_raced));
		ck_assert(arrived);
	}
}
END_TEST

static evtchn_port_t random_ports[40];
static unsigned int pending_model[40];

static void random_handler(evtchn_port_t port, void *arg)
{
	(void)port;
	pending_model[(uintptr_t)arg] = 0;
}

/* A model: an event sent to an unmasked port has run by the time events are enabled again. */
START_TEST(random_operations_match_a_model)
{
	bool masked[40] = {false};

	start(_i % 2);
	for (uintptr_t i = 0; i < 40; i++) {
		random_ports[i] = mock_evtchn_create(NULL, NULL);
		ck_assert_int_eq(evtchn_bind_handler(random_ports[i], random_handler, (void *)i, 0),
				 0);
	}
	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int i = test_random() % 40;
		bool enabled = events_disable();

		for (unsigned int j = test_random() % 8; j; j--) {
			unsigned int k = test_random() % 40;

			mock_evtchn_raise(random_ports[k]);
			pending_model[k] = 1;
		}
		if (test_random() % 2)
			evtchn_mask(random_ports[i]);
		else
			evtchn_unmask(random_ports[i]);
		masked[i] = mock_fifo_word(random_ports[i])
				    ? *mock_fifo_word(random_ports[i]) & (1U << EVTCHN_FIFO_MASKED)
				    : boot_shared_info->evtchn_mask[random_ports[i] / 64] &
					      (1UL << random_ports[i] % 64);
		events_restore(enabled);
		for (unsigned int k = 0; k < 40; k++)
			ck_assert_msg(masked[k] || !pending_model[k], "port %u lost at step %u", k,
				      step);
	}
}
END_TEST

START_TEST(resume_starts_afresh)
{
	evtchn_port_t port;

	start(_i);
	port = bound(count, 0);
	events_disable();
	evtchn_suspend();
	mock_evtchn_reset();
	ck_assert_int_eq(evtchn_resume(), 0);
	ck_assert_int_eq(mock_evtchn_is_fifo(), !_i);
	ck_assert(!evtchn_pending(port));
	port = mock_evtchn_create(NULL, NULL);
	ck_assert_int_eq(evtchn_bind_handler(port, count, NULL, 0), 0);
	events_restore(true);
	mock_evtchn_raise(port);
	ck_assert_uint_eq(runs, 1);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("evtchn");
	TCase *once = tcase_create("once");
	TCase *each = tcase_create("each ABI");

	tcase_add_test(once, fifo_falls_back_to_2level);
	tcase_add_test(once, fifo_falls_back_when_the_array_is_refused);
	tcase_add_test(once, words_of_the_command_line);
	tcase_add_test(once, before_init_events_are_masked_and_harmless);
#define BOTH(name) tcase_add_loop_test(each, name, 0, 2)
	BOTH(an_event_runs_its_handler_once);
	BOTH(an_event_from_before_the_bind_is_not_lost);
	BOTH(masked_events_wait);
	BOTH(disabled_events_wait);
	BOTH(an_event_sent_while_its_handler_runs_runs_it_again);
	BOTH(a_handler_may_unbind_another_that_is_pending);
	BOTH(many_pending_at_once_all_run);
	BOTH(the_highest_port_works);
	BOTH(without_memory_a_high_port_is_refused_and_closed);
	BOTH(binds_of_every_kind);
	BOTH(bad_arguments);
	BOTH(events_nobody_handles_are_masked_and_counted);
	BOTH(late_eoi_holds_events_back);
	BOTH(spurious_events_are_backed_off);
	BOTH(unbind_while_backed_off);
	BOTH(no_event_is_lost_around_unmask);
	BOTH(no_event_is_lost_around_restore);
	BOTH(no_event_is_lost_while_another_is_delivered);
	BOTH(no_event_is_lost_while_its_port_is_delivered);
	BOTH(no_wakeup_is_lost_before_block);
	BOTH(resume_starts_afresh);
	tcase_add_loop_test(each, random_operations_match_a_model, 0, 4);
	tcase_set_timeout(each, 60);
	suite_add_tcase(suite, once);
	suite_add_tcase(suite, each);
	return suite;
}
