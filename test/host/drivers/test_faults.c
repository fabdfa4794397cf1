/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Console, xenstore and control together while one hypercall fails, whichever it is: what was
 * started works or says that it does not; nothing crashes, nothing hangs.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 * Links: xen/ring.c xen/xswire.c lib/base/parse.c lib/base/format.c core/suspend.c core/console.c
 * Links: drivers/xencons.c drivers/xenstore.c drivers/xenstore_sync.c drivers/control.c
 */
#include <stdlib.h>
#include <string.h>

#include "core/console.h"
#include "core/events.h"
#include "core/time.h"
#include "drivers/control.h"
#include "drivers/xencons.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"
#include "xen/evtchn.h"

#define HYPERCALLS 40

static unsigned int handled;

static void handler(enum control_request request, void *arg)
{
	(void)request;
	(void)arg;
	handled++;
}

static void ended(const char *text)
{
	/* the one thing that cannot be done without */
	ck_assert_ptr_nonnull(strstr(text, "timer"));
	exit(0);
}

static void work(void)
{
	struct console *console = console_get();
	char value[64];
	int error;

	if (console) {
		ck_assert_uint_eq(console->ops->write(console, "hello\n", 6), 6);
		(void)console_drain(time_monotonic_ns() + NS_PER_S);
	}
	error = xenstore_write(0, "data/a", "1");
	ck_assert(error == 0 || error == -ETIMEDOUT || error == -EIO || error == -ENODEV);
	error = xenstore_read(0, "data/a", value, sizeof(value));
	ck_assert(error == 0 || error == -ETIMEDOUT || error == -EIO || error == -ENODEV ||
		  error == -ENOENT);
	ck_assert_int_eq(waitq_wait(&(struct waitq){0}, false, time_monotonic_ns() + 1000, false),
			 -ETIMEDOUT);
	for (unsigned int i = 0; i < 30; i++) {
		if (i % 10 == 0)
			mock_store_write("control/shutdown", "poweroff");
		mock_run_backends();
		mock_deliver();
		mock_advance_ns(NS_PER_S);
	}
	/* a lost hypercall is not the end of a working connection */
	if (xenstore_available() && error == 0)
		ck_assert_uint_gt(handled, 0);
}

START_TEST(one_hypercall_fails)
{
	struct mock_config config = {.seed = 1, .lazy_backends = true};
	static const int errors[] = {EINVAL, ENOMEM, ENOSYS, EPERM};

	mock_on_panic = ended;
	mock_start(&config);
	mock_fail_hypercall(-1, _i / 4, errors[_i % 4]);
	if (events_init())
		return;
	time_init();
	events_restore(true);
	(void)xencons_init();
	(void)xenstore_init();
	(void)control_init(handler, NULL);
	work();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("faults");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, one_hypercall_fails, 0, 4 * HYPERCALLS);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return suite;
}
