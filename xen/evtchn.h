/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels: FIFO ABI where Xen has it, else the 2-level ABI. Never blocks.
 *
 * A handler runs in event context (events masked) after its pending bit was cleared, so an
 * event sent while it runs makes it run again. It never runs on two vCPUs at once. Ports belong to
 * vCPU 0 unless a function says another one. Any context, any vCPU.
 * Late EOI (XSA-391): a port bound with EVTCHN_LATE_EOI stays masked after its handler until
 * evtchn_eoi(), which delays ports that only ever send spurious events.
 * 0 / port >= 0, or -EINVAL, -ENOSPC, -ENOMEM. Source: Xen public/event_channel.h.
 */
#ifndef XEN_EVTCHN_H
#define XEN_EVTCHN_H

#include <stdbool.h>
#include <stdint.h>

#include "xen/abi.h"
#include "xen/hypercall.h"
#include "xen/vcpu.h"

typedef void (*evtchn_handler_t)(evtchn_port_t port, void *arg);

#define EVTCHN_LATE_EOI 0x1u

/* Chooses the ABI for this guest: FIFO, or 2-level when Xen has no other or force_2l is true.
 * shared is borrowed for good. Early boot, once, after page_init(); programs call events_init() of
 * core/events.h. */
int evtchn_init(struct shared_info *shared, bool force_2l);
/* "fifo" or "2-level". */
const char *evtchn_abi_name(void);
/* Highest usable port + 1. */
uint32_t evtchn_ports_max(void);

/* Attaches a handler to a port that exists already (console, xenstore); unmasks it. */
int evtchn_bind_handler(evtchn_port_t port, evtchn_handler_t handler, void *arg,
			unsigned int flags);
/* Allocates a port and attaches the handler. Result through port_out. */
int evtchn_bind_virq(uint32_t virq, uint32_t vcpu, evtchn_handler_t handler, void *arg,
		     evtchn_port_t *port_out);
int evtchn_bind_ipi(uint32_t vcpu, evtchn_handler_t handler, void *arg, evtchn_port_t *port_out);
int evtchn_alloc_unbound(domid_t remote, evtchn_handler_t handler, void *arg, unsigned int flags,
			 evtchn_port_t *port_out);
int evtchn_bind_interdomain(domid_t remote, evtchn_port_t remote_port, evtchn_handler_t handler,
			    void *arg, unsigned int flags, evtchn_port_t *port_out);
/* Masks, detaches the handler and closes the port. When it returns the handler does not run and
 * never will, except when it is the handler that calls. Idempotent. No lock of the handler's may be
 * held. */
void evtchn_unbind(evtchn_port_t port);
/* Moves the port to another vCPU that is up. VIRQs of a vCPU and IPIs cannot move: -EINVAL. */
int evtchn_bind_vcpu(evtchn_port_t port, uint32_t vcpu);

/* Prepares event delivery to a vCPU, before it is started; once. 0, -ENOMEM or what Xen says. */
int evtchn_vcpu_prepare(struct vcpu *vcpu);
/* Moves every port of vcpu that can move to vCPU 0. */
void evtchn_vcpu_leave(const struct vcpu *vcpu);
/* An IPI that never makes an upcall, for SCHEDOP_poll (xen/spinlock.h). */
int evtchn_bind_kick(uint32_t vcpu, evtchn_port_t *port_out);

void evtchn_mask(evtchn_port_t port);
void evtchn_unmask(evtchn_port_t port);
bool evtchn_pending(evtchn_port_t port);
/* Sends the other end an event. 0 or -errno. */
int evtchn_notify(evtchn_port_t port);
/* The same inline, for the shortest paths. */
static inline int evtchn_notify_inline(evtchn_port_t port)
{
	struct evtchn_send send = {.port = port};

	return hypercall_event_channel_op(EVTCHNOP_send, &send);
}
/* Ends the handling of a late-EOI port; spurious: the handler found nothing to do. */
void evtchn_eoi(evtchn_port_t port, bool spurious);

/* Called by the upcall entry with events masked: runs handlers until nothing is pending. */
void evtchn_upcall(void);

/* Blocks this vCPU in the hypervisor until an event is pending. Called with events disabled;
 * returns with them disabled after having run the handlers. No wake-up is lost in between: Xen
 * unmasks and looks again before it sleeps. Waiting until a time is waitq_sleep() of core/wait.h.
 */
void events_block(void);

void evtchn_suspend(void);
/* After the domain came back: no port exists any more but those of start_info; owners bind again.
 */
int evtchn_resume(void);

/* Provided by core/events.c. */
/* Zeroed pages, 2^order of them in a row, or NULL; never freed. */
void *core_evtchn_pages(unsigned int order);
/* The machine frame behind an address of the image or of core_evtchn_pages(). */
uint64_t core_evtchn_mfn(const void *vaddr);
/* Monotonic time, and: call evtchn_eoi_expire() at or soon after due_ns. */
uint64_t core_evtchn_now_ns(void);
void core_evtchn_eoi_at(uint64_t due_ns);

/* Ends the back-off of every port whose time has come. Event context. */
void evtchn_eoi_expire(uint64_t now_ns);

struct evtchn_stats {
	uint32_t unexpected; /* events of ports without a handler; masked since */
	uint32_t delayed;    /* late EOIs that were put off */
};
void evtchn_get_stats(struct evtchn_stats *stats_out);

#endif
