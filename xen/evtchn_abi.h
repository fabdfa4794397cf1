/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What xen/evtchn.c asks of an event-channel ABI. Private to xen/evtchn*.c.
 */
#ifndef XEN_EVTCHN_ABI_H
#define XEN_EVTCHN_ABI_H

#include "xen/evtchn.h"

struct evtchn_abi {
	const char *name;
	uint32_t ports_max;
	/* Tells Xen about this ABI; prepare(1) comes next. 0, or -errno and nothing changed. */
	int (*init)(struct shared_info *shared);
	/* The same for one more vCPU than vCPU 0, before any port is bound to it. 0, -errno. */
	int (*vcpu_prepare)(struct vcpu *vcpu);
	/* Makes the state of port exist, masked if it is new. 0, -ENOMEM. */
	int (*prepare)(evtchn_port_t port);
	void (*mask)(evtchn_port_t port);
	/* True when done, false when an event is pending and Xen has to unmask. */
	bool (*unmask)(evtchn_port_t port);
	bool (*masked)(evtchn_port_t port);
	bool (*pending)(evtchn_port_t port);
	void (*clear_pending)(evtchn_port_t port);
	/* Calls evtchn_dispatch() for what is pending on vcpu, once for each port. */
	void (*scan)(struct vcpu *vcpu);
};

extern const struct evtchn_abi evtchn_fifo_abi, evtchn_2l_abi;

/* The vCPU that gets the port's events. */
uint32_t evtchn_vcpu_of(evtchn_port_t port);
/* Runs the handler of a pending port. Events masked. */
void evtchn_dispatch(evtchn_port_t port);

#endif
