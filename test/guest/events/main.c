/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels on real Xen: every port, masks, unbinding, events while disabled. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/error.h"
#include "test/guest/check.h"
#include "xen/evtchn.h"

#define MANY 3000

static volatile unsigned int runs;
static evtchn_port_t ports[MANY];

static void count(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
	runs++;
}

static void one_port(void)
{
	evtchn_port_t port;
	bool enabled;

	CHECK(evtchn_bind_ipi(0, count, NULL, &port) == 0);
	runs = 0;
	for (int i = 0; i < 100; i++)
		CHECK(evtchn_notify(port) == 0);
	CHECK(runs == 100);
	evtchn_mask(port);
	CHECK(evtchn_notify(port) == 0 && evtchn_notify(port) == 0);
	CHECK(runs == 100 && evtchn_pending(port));
	evtchn_unmask(port);
	CHECK(runs == 101 && !evtchn_pending(port));
	enabled = events_disable();
	CHECK(enabled);
	CHECK(evtchn_notify(port) == 0);
	CHECK(runs == 101);
	events_restore(enabled);
	CHECK(runs == 102);
	evtchn_unbind(port);
	CHECK(evtchn_notify(port) < 0);
	evtchn_unbind(port);
}

/* More than one page of the FIFO array, more than one word of the 2-level selector. */
static void many_ports(void)
{
	bool enabled;

	for (int round = 0; round < 2; round++) {
		int bound = 0;

		runs = 0;
		for (int i = 0; i < MANY; i++)
			bound += evtchn_bind_ipi(0, count, NULL, &ports[i]) == 0;
		CHECK(bound == MANY);
		for (int i = 0; i < MANY; i++)
			evtchn_notify(ports[i]);
		CHECK(runs == MANY);
		enabled = events_disable();
		for (int i = MANY - 1; i >= 0; i--)
			evtchn_notify(ports[i]);
		CHECK(runs == MANY);
		events_restore(enabled);
		CHECK(runs == 2 * MANY);
		for (int i = 0; i < MANY; i++)
			evtchn_unbind(ports[i]);
	}
}

static evtchn_port_t late;

static void late_handler(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
	runs++;
}

/* Both ends are ours; the second is masked from its event until its EOI. */
static void late_eoi(void)
{
	evtchn_port_t unbound;

	CHECK(evtchn_alloc_unbound(DOMID_SELF, late_handler, NULL, EVTCHN_LATE_EOI, &unbound) == 0);
	runs = 0;
	CHECK(evtchn_bind_interdomain(DOMID_SELF, unbound, count, NULL, 0, &late) == 0);
	runs = 0;
	CHECK(evtchn_notify(late) == 0);
	CHECK(runs == 1);
	CHECK(evtchn_notify(late) == 0);
	CHECK(runs == 1);
	evtchn_eoi(unbound, false);
	CHECK(runs == 2);
	evtchn_unbind(late);
	evtchn_unbind(unbound);
}

int main(int argc, char **argv)
{
	struct evtchn_stats stats;

	CHECK(argc == 2 && strcmp(evtchn_abi_name(), argv[1]) == 0);
	one_port();
	many_ports();
	late_eoi();
	evtchn_get_stats(&stats);
	CHECK(stats.unexpected == 0);
	return check_done();
}
