/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xenbus with a driver that only counts, and a back end that is a few nodes: what is told while it
 * is connected, and what happens when the back end is bound anew.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 * Links: xen/ring.c xen/xswire.c lib/base/parse.c lib/base/format.c drivers/xenstore.c
 * Links: drivers/xenstore_sync.c core/suspend.c xen/grant.c test/mock/mock_grant.c
 * Links: drivers/xenbus.c drivers/xenbus_io.c drivers/xenbus_state.c drivers/xenbus_ring.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/events.h"
#include "core/suspend.h"
#include "core/time.h"
#include "drivers/xenbus.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"

#define FRONT MOCK_HOME "/device/vif/0"
#define BACK  "/local/domain/0/backend/vif/1/0"

static struct {
	unsigned int connects, disconnects, changes, removes;
	char mtu[16], carrier[16]; /* as of the last call of connected() or changed(); "": none */
} seen;

static void look(struct xenbus_device *device)
{
	const char *mtu = xenbus_front(device, "mtu"), *carrier = xenbus_back(device, "carrier");

	snprintf(seen.mtu, sizeof(seen.mtu), "%s", mtu ? mtu : "");
	snprintf(seen.carrier, sizeof(seen.carrier), "%s", carrier ? carrier : "");
}

static int probe(struct xenbus_device *device)
{
	(void)device;
	return 0;
}

static int connect(struct xenbus_device *device)
{
	seen.connects++;
	xenbus_publish(device, "ring-ref", "%u", 8);
	return 0;
}

static int connected(struct xenbus_device *device)
{
	look(device);
	return 0;
}

static void changed(struct xenbus_device *device)
{
	seen.changes++;
	look(device);
}

static void disconnect(struct xenbus_device *device)
{
	(void)device;
	seen.disconnects++;
}

static void removed(struct xenbus_device *device)
{
	seen.removes++;
	xenbus_device_free(device);
}

static const char *const front_keys[] = {"mtu", NULL};
static const char *const back_keys[] = {"feature-sg", NULL};
static struct xenbus_driver driver = {
	.type = "vif",
	.front_keys = front_keys,
	.back_keys = back_keys,
	.front_news = "mtu",
	.back_news = "carrier",
	.device_bytes = sizeof(struct xenbus_device),
	.published_state = XenbusStateConnected,
	.back_is_early = true,
	.probe = probe,
	.connect = connect,
	.connected = connected,
	.changed = changed,
	.disconnect = disconnect,
	.remove = removed,
};

static void pass(uint64_t ns)
{
	for (unsigned int i = 0; i < 20; i++) {
		mock_store_run();
		mock_run_backends();
		mock_deliver();
		mock_advance_ns(ns / 20);
	}
}

static const char *back_closed_to; /* what the back end does when we are Closed; NULL: nothing */

/* As netback: follows our state. */
static void back_runs(void *arg)
{
	const char *front = mock_store_read(FRONT "/state"), *back = mock_store_read(BACK "/state");

	(void)arg;
	if (!front || !back)
		return;
	if (strcmp(front, "6") == 0 && strcmp(back, "6") != 0)
		mock_store_write(BACK "/state", "6");
	else if (strcmp(front, "1") == 0 && strcmp(back, "6") == 0 && back_closed_to)
		mock_store_write(BACK "/state", back_closed_to);
	else if (strcmp(front, "4") == 0 && strcmp(back, "2") == 0)
		mock_store_write(BACK "/state", "4");
	mock_store_run();
}

static void start(void)
{
	static const struct mock_config config = {.seed = 3, .pages_count = 4096};

	mock_start(&config);
	ck_assert_int_eq(events_init(), 0);
	time_init();
	ck_assert_int_eq(xenstore_init(), 0);
	events_restore(true);
	back_closed_to = "2";
	mock_store_write(BACK "/online", "1");
	mock_store_write(BACK "/feature-sg", "1");
	mock_store_write(BACK "/state", "2");
	mock_store_write(FRONT "/backend", BACK);
	mock_store_write(FRONT "/backend-id", "0");
	mock_store_write(FRONT "/mtu", "1500");
	mock_store_write(FRONT, "");
	mock_store_write(FRONT "/state", "1");
	mock_backend_add(back_runs, NULL);
	ck_assert_int_eq(xenbus_register(&driver), 0);
	ck_assert_int_eq(xenbus_wait(&driver, time_monotonic_ns() + 30 * NS_PER_S), 0);
	pass(NS_PER_S);
	ck_assert_uint_eq(seen.connects, 1);
	ck_assert_str_eq(seen.mtu, "1500");
	ck_assert_str_eq(seen.carrier, "");
	ck_assert_str_eq(mock_store_read(FRONT "/state"), "4");
}

START_TEST(news)
{
	unsigned int watches;

	start();
	seen.changes = 0;
	mock_store_write(FRONT "/mtu", "1400");
	pass(NS_PER_S);
	ck_assert_uint_eq(seen.changes, 1);
	ck_assert_str_eq(seen.mtu, "1400");
	mock_store_write(BACK "/carrier", "0");
	pass(NS_PER_S);
	ck_assert_uint_eq(seen.changes, 2);
	ck_assert_str_eq(seen.carrier, "0");
	mock_store_write(BACK "/carrier", "1");
	pass(NS_PER_S);
	ck_assert_str_eq(seen.carrier, "1");
	mock_store_write(BACK "/carrier", NULL);
	pass(NS_PER_S);
	ck_assert_str_eq(seen.carrier, "");
	/* Nobody asked for these. */
	seen.changes = 0;
	mock_store_write(FRONT "/mac", "x");
	mock_store_write(BACK "/feature-sg", "0");
	pass(NS_PER_S);
	ck_assert_uint_eq(seen.changes, 0);
	/* The device goes, and so do its watches. */
	watches = mock_store_watches_count();
	mock_store_write(FRONT, NULL);
	pass(NS_PER_S);
	ck_assert_uint_eq(seen.removes, 1);
	ck_assert_uint_eq(seen.disconnects, 1);
	ck_assert_uint_eq(mock_store_watches_count(), watches - 2);
	mock_store_write(BACK "/carrier", "0");
	pass(NS_PER_S);
	ck_assert_uint_eq(seen.changes, 0);
}
END_TEST

/* Closing, Closed, InitWait: connected anew, with the news of before. */
START_TEST(back_end_restarts)
{
	start();
	mock_store_write(BACK "/carrier", "0");
	pass(NS_PER_S);
	for (unsigned int i = 1; i <= 5; i++) {
		mock_store_write(BACK "/state", "5");
		pass(60 * NS_PER_S);
		ck_assert_uint_eq(seen.disconnects, i);
		ck_assert_uint_eq(seen.connects, i + 1);
		ck_assert_str_eq(mock_store_read(FRONT "/state"), "4");
		ck_assert_str_eq(seen.carrier, "0");
	}
	mock_store_write(BACK "/carrier", "1");
	pass(NS_PER_S);
	ck_assert_str_eq(seen.carrier, "1");
}
END_TEST

/* Its directory vanishes, and comes again. */
START_TEST(back_end_vanishes)
{
	start();
	mock_store_write(BACK, NULL);
	pass(NS_PER_S);
	ck_assert_uint_eq(seen.disconnects, 1);
	mock_store_write(BACK "/online", "1");
	mock_store_write(BACK "/carrier", "0");
	mock_store_write(BACK "/state", "2");
	pass(60 * NS_PER_S);
	ck_assert_uint_eq(seen.connects, 2);
	ck_assert_str_eq(seen.carrier, "0");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("xenbus");
	TCase *tcase = tcase_create("xenbus");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, news);
	tcase_add_test(tcase, back_end_restarts);
	tcase_add_test(tcase, back_end_vanishes);
	suite_add_tcase(suite, tcase);
	return suite;
}
