/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vCPUs that come and go, and a suspend, over the mock's: the scheduler is stood in for, and a vCPU
 * runs when somebody waits for it.
 * Links: core/smp.c core/suspend.c core/sleeplock.c xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c
 * Links: test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 */
#include <setjmp.h>

#include "arch/x86_64/pv/vcpu_boot.h"
#include "core/events.h"
#include "core/heap.h"
#include "core/netdev.h"
#include "core/smp.h"
#include "core/suspend.h"
#include "core/time.h"
#include "core/vm.h"
#include "core/wait.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"
#include "xen/hypercall.h"
#include "xen/spinlock.h"

#define VCPUS 4u
#define MS    1000000ULL

/* ---- The scheduler, as far as a vCPU's life goes ---- */

struct thread thread_first;
static void (*entries[VCPUS])(void); /* of those that were created */
static bool begun[VCPUS];            /* and run since */
static unsigned int drained, undrained, follows, resumed;
static jmp_buf back;

int sched_vcpu_prepare(struct vcpu *v)
{
	v->current = &thread_first;
	return 0;
}

uintptr_t sched_idle_stack_top(const struct vcpu *v)
{
	(void)v;
	return 4096;
}

void sched_vcpu_run(void)
{
	longjmp(back, 1);
}

int sched_vcpu_drain(struct vcpu *v)
{
	(void)v;
	drained++;
	return 0;
}

void sched_vcpu_undrain(struct vcpu *v)
{
	(void)v;
	undrained++;
}

static uint64_t told; /* where threads run */

void netdev_vcpus_changed(uint64_t vcpus)
{
	told = vcpus;
}

void sched_resume(void)
{
	resumed++;
}

int heap_vcpu_create(struct vcpu *vcpu)
{
	(void)vcpu;
	return 0;
}

void heap_vcpu_leave(void)
{
}

bool vm_settle(void)
{
	return false;
}

void core_smp_follow(void)
{
	follows++;
}

int vcpu_boot_create(const struct vcpu *vcpu, uintptr_t stack_top, void (*run)(void),
		     struct vcpu_guest_context *scratch)
{
	ck_assert_uint_eq(stack_top, 4096);
	entries[vcpu->id] = run;
	return hypercall_vcpu_op(VCPUOP_initialise, vcpu->id, scratch);
}

/* ---- Waiting: the others run meanwhile ---- */

static void enter(void *arg)
{
	unsigned int id = (unsigned int)(uintptr_t)arg;

	if (!setjmp(back)) {
		begun[id] = true;
		entries[id]();
	}
}

static void idle(void *arg)
{
	(void)arg;
	if (!setjmp(back))
		smp_idle();
}

static void run_others(void)
{
	for (unsigned int id = 1; id < VCPUS; id++) {
		if (!vcpu_by_id[id])
			continue;
		if (hypercall_vcpu_op(VCPUOP_is_up, id, NULL) > 0)
			mock_vcpu_run(id, begun[id] ? idle : enter, (void *)(uintptr_t)id);
	}
}

void waitq_wake_all(struct waitq *queue)
{
	queue->wakes++;
	/* A vCPU that went down comes back only when it is brought up: to its entry, or from where
	 * it is, which the mock cannot show. */
	if (VCPU(id) != 0 && !(smp_online() >> VCPU(id) & 1)) {
		begun[VCPU(id)] = false;
		(void)hypercall_vcpu_op(VCPUOP_down, VCPU(id), NULL);
		longjmp(back, 1);
	}
}

int waitq_sleep(struct waitq *queue, uint32_t wakes, uint64_t deadline_ns, bool interruptible)
{
	static unsigned int sleeps;

	(void)queue;
	(void)wakes;
	(void)deadline_ns;
	(void)interruptible;
	ck_assert_uint_lt(++sleeps, 1000);
	run_others();
	return 0;
}

/* ---- Tests ---- */

static void start(void)
{
	struct mock_config config = {.vcpus = VCPUS};

	mock_start(&config);
	ck_assert_int_eq(events_init(), 0);
	time_init();
	events_restore(true);
	smp_start();
	ck_assert_uint_eq(follows, 1);
}

/* As an idle vCPU that blocks: its events come. */
static void take_events(void *arg)
{
	bool enabled = events_disable();

	(void)arg;
	events_restore(true);
	events_deliver();
	(void)events_disable();
	events_restore(enabled);
}

static bool works(unsigned int id)
{
	struct vcpu *v = vcpu_by_id[id];

	if (!v->kick_port || !v->spin_port || mock_evtchn_vcpu(v->kick_port) != id)
		return false;
	mock_vcpu_run(id, take_events, NULL);
	v->work_pending = false;
	smp_kick(id);
	mock_vcpu_run(id, take_events, NULL);
	return v->work_pending;
}

START_TEST(several_start_before_one_is_waited_for)
{
	start();
	for (unsigned int id = 1; id < VCPUS; id++)
		ck_assert_int_eq(smp_vcpu_start(id), 0);
	ck_assert_uint_eq(smp_online(), 1);
	ck_assert_uint_eq(undrained, 0);
	for (unsigned int id = 1; id < VCPUS; id++)
		ck_assert_int_eq(smp_vcpu_up(id), 0);
	ck_assert_uint_eq(smp_online(), 0xf);
	ck_assert_uint_eq(undrained, VCPUS - 1);
	ck_assert_int_eq(smp_vcpu_up(2), 0);
	ck_assert_uint_eq(undrained, VCPUS - 1);
	ck_assert_int_eq(smp_vcpu_start(VCPUS), -EINVAL);
	ck_assert_int_eq(smp_vcpu_up(0), -EINVAL);
	for (unsigned int id = 0; id < VCPUS; id++)
		ck_assert(works(id));
}
END_TEST

START_TEST(down_and_up_again)
{
	start();
	ck_assert_int_eq(smp_vcpu_up(1), 0);
	ck_assert_uint_eq(told, 3);
	ck_assert_int_eq(smp_vcpu_down(1), 0);
	ck_assert_uint_eq(told, 1);
	ck_assert_uint_eq(drained, 1);
	ck_assert_uint_eq(smp_online(), 1);
	ck_assert_int_eq(smp_vcpu_down(1), 0);
	ck_assert_int_eq(smp_vcpu_up(1), 0);
	ck_assert_uint_eq(smp_online(), 3);
	ck_assert_uint_eq(told, 3);
	ck_assert(works(1));
}
END_TEST

static unsigned int fired;

static void fire(struct timer *timer)
{
	(void)timer;
	fired = VCPU(id) + 1;
}

static void arm(void *timer)
{
	timer_arm(timer, time_monotonic_ns() + MS);
}

/* On another host Xen knows nothing of what was registered and bound. */
START_TEST(only_vcpu_0_goes_through_a_suspend)
{
	static struct timer timer;

	start();
	timer_init(&timer, fire);
	ck_assert_int_eq(smp_vcpu_up(1), 0);
	ck_assert_int_eq(smp_vcpu_up(2), 0);
	ck_assert_int_eq(smp_vcpu_start(3), 0);
	events_disable();
	suspend_prepare();
	ck_assert_uint_eq(smp_online(), 1);
	ck_assert_int_eq(smp_vcpu_up(1), -EAGAIN);
	mock_evtchn_reset();
	ck_assert_int_eq(suspend_finish(), 0);
	events_restore(true);
	ck_assert_uint_eq(resumed, 1);
	ck_assert_uint_eq(smp_online(), 1);
	ck_assert(works(0));
	for (unsigned int id = 1; id < VCPUS; id++) {
		ck_assert_int_eq(smp_vcpu_up(id), 0);
		ck_assert(works(id));
	}
	ck_assert_uint_eq(smp_online(), 0xf);
	/* Timers of the others fire again, and there. */
	mock_vcpu_run(2, arm, &timer);
	mock_advance_ns(2 * MS);
	mock_vcpu_run(2, take_events, NULL);
	ck_assert_uint_eq(fired, 3);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("smp");
	TCase *all = tcase_create("all");

	tcase_add_test(all, several_start_before_one_is_waited_for);
	tcase_add_test(all, down_and_up_again);
	tcase_add_test(all, only_vcpu_0_goes_through_a_suspend);
	suite_add_tcase(suite, all);
	return suite;
}
