/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels: FIFO ABI where Xen has it, else the 2-level ABI. Never blocks.
 *
 * A handler runs in event context (events masked) after its pending bit was cleared, so an
 * event sent while it runs makes it run again. Ports are bound to the calling vCPU.
 * Late EOI (XSA-391): a port bound with EVTCHN_LATE_EOI stays masked after its handler until
 * evtchn_eoi(), which delays ports that only ever send spurious events.
 * 0 / port >= 0, or -EINVAL, -ENOSPC, -ENOMEM. Source: Xen public/event_channel.h.
 */
#ifndef XEN_EVTCHN_H
#define XEN_EVTCHN_H

#include <stdbool.h>
#include <stdint.h>

#include "xen/abi.h"

typedef void (*evtchn_handler_t)(evtchn_port_t port, void *arg);

#define EVTCHN_LATE_EOI 0x1u

/* Chooses the ABI for this guest. Early boot, once; again after resume. */
int evtchn_init(void);
/* "fifo" or "2-level". */
const char *evtchn_abi_name(void);
/* Highest usable port + 1. */
uint32_t evtchn_ports_max(void);

/* Attaches a handler to a port that exists already (console, xenstore); unmasks it. */
int evtchn_bind_handler(evtchn_port_t port, evtchn_handler_t handler, void *arg, unsigned int flags);
/* Allocates a port and attaches the handler. Result through port_out. */
int evtchn_bind_virq(uint32_t virq, uint32_t vcpu, evtchn_handler_t handler, void *arg,
		     evtchn_port_t *port_out);
int evtchn_bind_ipi(uint32_t vcpu, evtchn_handler_t handler, void *arg, evtchn_port_t *port_out);
int evtchn_alloc_unbound(domid_t remote, evtchn_handler_t handler, void *arg, unsigned int flags,
			 evtchn_port_t *port_out);
int evtchn_bind_interdomain(domid_t remote, evtchn_port_t remote_port, evtchn_handler_t handler,
			    void *arg, unsigned int flags, evtchn_port_t *port_out);
/* Masks, detaches the handler and closes the port. Idempotent. */
void evtchn_unbind(evtchn_port_t port);
/* Moves the port to another vCPU (for the SMP issue and vCPU unplug). */
int evtchn_bind_vcpu(evtchn_port_t port, uint32_t vcpu);

void evtchn_mask(evtchn_port_t port);
void evtchn_unmask(evtchn_port_t port);
bool evtchn_pending(evtchn_port_t port);
int evtchn_notify(evtchn_port_t port);
/* Ends the handling of a late-EOI port; spurious: the handler found nothing to do. */
void evtchn_eoi(evtchn_port_t port, bool spurious);

/* Called by the upcall entry with events masked: runs handlers until nothing is pending. */
void evtchn_upcall(void);

/* The upcall mask of this vCPU (our "interrupt flag"). save = events_disable(); …
 * events_restore(save): restoring delivers what arrived in between. */
bool events_disable(void);
void events_restore(bool enabled_before);
bool events_enabled(void);

/* Blocks this vCPU in the hypervisor until an event is pending or deadline_ns (monotonic
 * time of pvclock, UINT64_MAX for never) has passed. Called with events disabled; returns with
 * them disabled after having run the handlers. No wake-up is lost in between. */
void events_block(uint64_t deadline_ns);

void evtchn_suspend(void);
void evtchn_resume(void);

#endif
