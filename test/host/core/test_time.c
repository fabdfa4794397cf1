/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clocks, over the mock's virtual time-stamp counter.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 */
#include <string.h>

#include "arch/x86_64/pv/boot.h"
#include "core/events.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"
#include "xen/evtchn.h"

static void start(const struct mock_config *config)
{
	mock_start(config);
	ck_assert_int_eq(events_init(), 0);
	time_init();
	events_restore(true);
}

static struct vcpu_time_info *info(void)
{
	return &vcpu0.info.time;
}

/* The same in arithmetic wide enough not to overflow anywhere. */
static uint64_t scale_slowly(uint64_t ticks, uint32_t mul, int shift)
{
	unsigned __int128 wide = ticks;

	if (shift < 0)
		wide >>= -shift;
	else
		wide = (uint64_t)(wide << shift);
	return (uint64_t)((wide * mul) >> 32);
}

START_TEST(scaling)
{
	/* 1 GHz in two ways, 2 GHz, 500 MHz */
	ck_assert_uint_eq(time_scale_ticks(1000, 0x80000000, 1), 1000);
	ck_assert_uint_eq(time_scale_ticks(1000, 0x80000000, 0), 500);
	ck_assert_uint_eq(time_scale_ticks(1000, 0x80000000, 2), 2000);
	ck_assert_uint_eq(time_scale_ticks(1000, 0x80000000, -1), 250);
	ck_assert_uint_eq(time_scale_ticks(0, 0xffffffff, 1), 0);
	ck_assert_uint_eq(time_scale_ticks(1, 0xffffffff, 0), 0);
	/* more than 64 bits in between: 100 years at 4 GHz */
	ck_assert_uint_eq(time_scale_ticks(0xafd0f06cc5e00000, 0x80000000, -1),
			  0xafd0f06cc5e00000 / 4);
	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t ticks = test_random() >> (test_random() % 64);
		uint32_t mul = (uint32_t)test_random();
		int shift = (int)(test_random() % 40) - 20;

		ck_assert_uint_eq(time_scale_ticks(ticks, mul, shift),
				  scale_slowly(ticks, mul, shift));
	}
}
END_TEST

START_TEST(monotonic_follows_the_hypervisor)
{
	static const struct {
		uint32_t mul;
		int8_t shift;
	} speeds[] = {{0x80000000, 1}, {0x6aaaaaab, 0}, {0xd5555555, -2}, {0x88888889, 3}};

	for (size_t i = 0; i < 4; i++) {
		struct mock_config config = {.tsc_mul = speeds[i].mul,
					     .tsc_shift = speeds[i].shift};
		uint64_t before, after;

		start(&config);
		time_resume(); /* forgets the latest answer, as the mock's clock began anew */
		before = time_monotonic_ns();
		ck_assert_uint_eq(before, mock_now_ns());
		mock_advance_ns(3600 * NS_PER_S);
		after = time_monotonic_ns();
		ck_assert_uint_eq(after, mock_now_ns());
		ck_assert_uint_ge(after - before, 3600 * NS_PER_S);
		ck_assert_uint_lt(after - before, 3600 * NS_PER_S + 10000);
	}
}
END_TEST

START_TEST(time_never_goes_backwards)
{
	uint64_t last = 0, now;

	start(NULL);
	for (unsigned int i = 0; i < 10000; i++) {
		/* another processor's pair of stamps lies a little in the past or future */
		info()->version += 2;
		info()->system_time += test_random() % 2000 - 1000;
		now = time_monotonic_ns();
		ck_assert_uint_ge(now, last);
		last = now;
	}
}
END_TEST

START_TEST(a_counter_behind_its_stamp_counts_as_the_stamp)
{
	start(NULL);
	info()->tsc_timestamp += 1000000;
	ck_assert_uint_eq(time_monotonic_ns(), info()->system_time);
}
END_TEST

static unsigned int updates;

/* Between two instructions of the reader, the pair of stamps changes to one that says the same; a
 * mixture of old and new would be an hour off. */
static void move_stamps(void)
{
	struct vcpu_time_info *time = info();

	time->version++;
	time->tsc_timestamp += 2400000000ULL * 3600;
	time->system_time += NS_PER_S * 3600;
	time->version++;
	updates++;
}

static void read_clock(void *arg)
{
	*(uint64_t *)arg = time_monotonic_ns();
}

START_TEST(stamps_that_change_meanwhile_do_not_mix)
{
	uint64_t now;
	unsigned long at;

	for (at = 0;; at++) {
		uint64_t floor_ns;

		start(NULL);
		mock_advance_ns(7200 * NS_PER_S);
		time_resume();
		floor_ns = mock_now_ns();
		/* stamps two hours old, so that the new ones are an hour old */
		info()->tsc_timestamp -= 2400000000ULL * 7200;
		info()->system_time -= NS_PER_S * 7200;
		if (!mock_inject(read_clock, &now, at, move_stamps))
			break;
		ck_assert_msg(now - floor_ns < 100000, "%lu ns off at instruction %lu",
			      now - floor_ns, at);
	}
	ck_assert_uint_gt(at, 20);
	ck_assert_uint_eq(updates, at);
}
END_TEST

START_TEST(wall_clock)
{
	uint64_t wall;

	start(NULL);
	wall = time_wall_ns();
	ck_assert_uint_ge(wall, 1700000000ULL * NS_PER_S + 500);
	ck_assert_uint_lt(wall, 1700000001ULL * NS_PER_S);
	/* beyond 2106: wc_sec_hi */
	mock_set_wall(5000000000, 7);
	ck_assert_uint_eq(time_wall_ns() / NS_PER_S, 5000000000);
	/* the guest's own correction moves along with Xen's clock */
	time_set_wall_ns(1000 * NS_PER_S);
	mock_advance_ns(5 * NS_PER_S);
	ck_assert_uint_eq(time_wall_ns() / NS_PER_S, 1005);
	mock_set_wall(5000000060, 7);
	ck_assert_uint_eq(time_wall_ns() / NS_PER_S, 1065);
	time_set_wall_ns(7000000000 * NS_PER_S);
	ck_assert_uint_eq(time_wall_ns() / NS_PER_S, 7000000000);
}
END_TEST

START_TEST(boot_time_is_that_of_the_first_instruction)
{
	uint64_t at_start;

	mock_start(NULL);
	at_start = mock_now_ns();
	ck_assert_int_eq(events_init(), 0);
	time_init();
	ck_assert_uint_eq(time_boot_ns(), at_start);
	ck_assert_uint_gt(time_monotonic_ns(), at_start);
}
END_TEST

START_TEST(cpu_time)
{
	uint64_t first;

	start(NULL);
	first = time_cpu_ns();
	ck_assert_uint_ge(first, 1000);
	mock_advance_ns(1000000);
	ck_assert_uint_ge(time_cpu_ns(), first + 1000000);
	ck_assert_uint_eq(mock_counts.hypercalls[__HYPERVISOR_vcpu_op], 1);
}
END_TEST

START_TEST(cpu_time_without_runstate)
{
	start(NULL);
	mock_fail_hypercall(__HYPERVISOR_vcpu_op, 0, ENOSYS);
	ck_assert_uint_le(time_cpu_ns(), time_monotonic_ns() - time_boot_ns());
	ck_assert_uint_gt(time_cpu_ns(), 0);
	ck_assert_uint_eq(mock_counts.hypercalls[__HYPERVISOR_vcpu_op], 1);
}
END_TEST

static struct waitq queue;

START_TEST(waiting_ends_at_the_deadline)
{
	uint64_t deadline;

	start(NULL);
	deadline = time_monotonic_ns() + 10 * NS_PER_S;
	ck_assert_int_eq(waitq_wait(&queue, false, deadline, false), -ETIMEDOUT);
	ck_assert_uint_ge(time_monotonic_ns(), deadline);
	ck_assert_uint_lt(time_monotonic_ns(), deadline + 100000);
	ck_assert(events_enabled());
	/* it slept all the time: one block, one timer, no more */
	ck_assert_uint_eq(mock_counts.blocks, 1);
	ck_assert_uint_eq(mock_counts.virq_timer, 1);
	/* the deadline is evaluated once */
	ck_assert_int_eq(waitq_wait(&queue, false, time_monotonic_ns() + NS_PER_S, false),
			 -ETIMEDOUT);
	ck_assert_uint_eq(mock_counts.blocks, 2);
	/* past already: no hypercall */
	ck_assert_int_eq(waitq_wait(&queue, false, deadline, false), -ETIMEDOUT);
	ck_assert_uint_eq(mock_counts.blocks, 2);
}
END_TEST

static bool condition;

static void make_true(void *arg)
{
	(void)arg;
	condition = true;
	waitq_wake_all(&queue);
	mock_virq_raise(VIRQ_DEBUG);
}

static void nothing(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
}

START_TEST(waiting_ends_when_the_condition_holds)
{
	evtchn_port_t port;

	start(NULL);
	ck_assert_int_eq(evtchn_bind_virq(VIRQ_DEBUG, 0, nothing, NULL, &port), 0);
	mock_at(5 * NS_PER_S, make_true, NULL);
	ck_assert_int_eq(waitq_wait(&queue, condition, TIME_NEVER, true), 0);
	ck_assert_uint_ge(mock_now_ns(), 5 * NS_PER_S);
	ck_assert_uint_eq(mock_counts.virq_timer, 0);
	ck_assert_int_eq(waitq_wait(&queue, condition, TIME_NEVER, true), 0);
	condition = false;
	thread_first.interrupted = true;
	ck_assert_int_eq(waitq_wait(&queue, condition, TIME_NEVER, true), -EINTR);
	ck_assert_int_eq(waitq_wait(&queue, condition, time_monotonic_ns() + 5, false), -ETIMEDOUT);
}
END_TEST

START_TEST(resume_goes_on_with_the_new_clock)
{
	uint64_t now;

	start(NULL);
	mock_advance_ns(100 * NS_PER_S);
	now = time_monotonic_ns();
	time_suspend();
	mock_start(NULL); /* another host, booted just now */
	events_disable();
	ck_assert_int_eq(evtchn_resume(), 0);
	time_resume();
	ck_assert_uint_lt(time_monotonic_ns(), now);
	events_restore(true);
	now = time_monotonic_ns();
	ck_assert_int_eq(waitq_wait(&queue, false, now + NS_PER_S, false), -ETIMEDOUT);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("time");
	TCase *all = tcase_create("all");

	tcase_add_test(all, scaling);
	tcase_add_test(all, monotonic_follows_the_hypervisor);
	tcase_add_test(all, time_never_goes_backwards);
	tcase_add_test(all, a_counter_behind_its_stamp_counts_as_the_stamp);
	tcase_add_test(all, stamps_that_change_meanwhile_do_not_mix);
	tcase_add_test(all, wall_clock);
	tcase_add_test(all, boot_time_is_that_of_the_first_instruction);
	tcase_add_test(all, cpu_time);
	tcase_add_test(all, cpu_time_without_runstate);
	tcase_add_test(all, waiting_ends_at_the_deadline);
	tcase_add_test(all, waiting_ends_when_the_condition_holds);
	tcase_add_test(all, resume_goes_on_with_the_new_clock);
	suite_add_tcase(suite, all);
	return suite;
}
