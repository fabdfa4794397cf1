/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels above the ABI: which handler a port has, late EOI and its back-off.
 *
 * The table of ports grows by chunks and never shrinks; a chunk is found by the port's upper bits.
 * Everything here is guarded by the upcall mask: functions mask events where an upcall could see
 * something half done.
 */
#include "lib/base/error.h"
#include "xen/evtchn_abi.h"
#include "xen/hypercall.h"

/* A port's place in the table. */
struct evtchn_port {
	evtchn_handler_t handler; /* NULL: not ours */
	void *arg;
	uint64_t eoi_due_ns;        /* when its late EOI may happen, while delayed */
	evtchn_port_t delayed_next; /* list of delayed ports, 0 ends it */
	uint8_t flags;              /* EVTCHN_LATE_EOI */
	uint8_t spurious_count;     /* in a row */
	bool delayed;
};

_Static_assert(sizeof(struct evtchn_port) == 32, "256 of them fill a chunk");

#define CHUNK_ORDER 1
#define CHUNK_PORTS ((PAGE_BYTES << CHUNK_ORDER) / sizeof(struct evtchn_port))
#define CHUNKS_MAX  (EVTCHN_FIFO_NR_CHANNELS / CHUNK_PORTS)

/* Back-off of ports that send spurious events: from the second in a row on, 1 ms doubling up to a
 * second (XSA-391). */
#define SPURIOUS_FREE           1
#define SPURIOUS_DELAY_NS       1000000ULL
#define SPURIOUS_DELAY_LOG2_MAX 10

static struct shared_info *shared_info;
static const struct evtchn_abi *abi;
/* Most guests need no more ports than the first chunk has. */
static struct evtchn_port first_chunk[CHUNK_PORTS];
static struct evtchn_port *chunks[CHUNKS_MAX];
static evtchn_port_t delayed_first;
static struct evtchn_stats stats;

static struct evtchn_port *port_find(evtchn_port_t port)
{
	struct evtchn_port *chunk;

	if (!port || port >= abi->ports_max)
		return NULL;
	chunk = chunks[port / CHUNK_PORTS];
	return chunk ? &chunk[port % CHUNK_PORTS] : NULL;
}

/* The port if it has a handler. */
static struct evtchn_port *port_bound(evtchn_port_t port)
{
	struct evtchn_port *entry = port_find(port);

	return entry && entry->handler ? entry : NULL;
}

int evtchn_init(struct shared_info *shared, bool force_2l)
{
	shared_info = shared;
	chunks[0] = first_chunk;
	abi = &evtchn_fifo_abi;
	if (force_2l || abi->init(shared)) {
		abi = &evtchn_2l_abi;
		(void)abi->init(shared);
	}
	/* From here on Xen holds us to the ABI: without its state there are no events at all. */
	return abi->prepare(1);
}

const char *evtchn_abi_name(void)
{
	return abi->name;
}

uint32_t evtchn_ports_max(void)
{
	return abi->ports_max;
}

void evtchn_get_stats(struct evtchn_stats *stats_out)
{
	*stats_out = stats;
}

static int port_prepare(evtchn_port_t port)
{
	if (!port || port >= abi->ports_max)
		return -EINVAL;
	if (!chunks[port / CHUNK_PORTS])
		chunks[port / CHUNK_PORTS] = core_evtchn_pages(CHUNK_ORDER);
	if (!chunks[port / CHUNK_PORTS])
		return -ENOMEM;
	return abi->prepare(port);
}

int evtchn_bind_handler(evtchn_port_t port, evtchn_handler_t handler, void *arg, unsigned int flags)
{
	bool enabled = events_disable();
	int error = handler ? port_prepare(port) : -EINVAL;
	struct evtchn_port *entry;

	if (!error && port_bound(port))
		error = -EBUSY;
	if (!error) {
		entry = port_find(port);
		*entry = (struct evtchn_port){.handler = handler, .arg = arg, .flags = flags};
		evtchn_unmask(port);
	}
	events_restore(enabled);
	return error;
}

static void port_close(evtchn_port_t port)
{
	struct evtchn_close close = {.port = port};

	(void)hypercall_event_channel_op(EVTCHNOP_close, &close);
}

/* The second half of each bind: a handler for the port Xen just gave us, or no port. */
static int port_adopt(evtchn_port_t port, evtchn_handler_t handler, void *arg, unsigned int flags,
		      evtchn_port_t *port_out)
{
	int error;

	*port_out = port;
	error = evtchn_bind_handler(port, handler, arg, flags);
	if (error) {
		*port_out = 0;
		port_close(port);
	}
	return error;
}

int evtchn_bind_virq(uint32_t virq, uint32_t vcpu, evtchn_handler_t handler, void *arg,
		     evtchn_port_t *port_out)
{
	struct evtchn_bind_virq bind = {.virq = virq, .vcpu = vcpu};
	int error = hypercall_event_channel_op(EVTCHNOP_bind_virq, &bind);

	return error ? error : port_adopt(bind.port, handler, arg, 0, port_out);
}

int evtchn_bind_ipi(uint32_t vcpu, evtchn_handler_t handler, void *arg, evtchn_port_t *port_out)
{
	struct evtchn_bind_ipi bind = {.vcpu = vcpu};
	int error = hypercall_event_channel_op(EVTCHNOP_bind_ipi, &bind);

	return error ? error : port_adopt(bind.port, handler, arg, 0, port_out);
}

int evtchn_alloc_unbound(domid_t remote, evtchn_handler_t handler, void *arg, unsigned int flags,
			 evtchn_port_t *port_out)
{
	struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = remote};
	int error = hypercall_event_channel_op(EVTCHNOP_alloc_unbound, &alloc);

	return error ? error : port_adopt(alloc.port, handler, arg, flags, port_out);
}

int evtchn_bind_interdomain(domid_t remote, evtchn_port_t remote_port, evtchn_handler_t handler,
			    void *arg, unsigned int flags, evtchn_port_t *port_out)
{
	struct evtchn_bind_interdomain bind = {.remote_dom = remote, .remote_port = remote_port};
	int error = hypercall_event_channel_op(EVTCHNOP_bind_interdomain, &bind);

	return error ? error : port_adopt(bind.local_port, handler, arg, flags, port_out);
}

/* Takes the port out of the list of delayed ones. */
static void delayed_remove(evtchn_port_t port, struct evtchn_port *entry)
{
	evtchn_port_t *link = &delayed_first;

	while (*link && *link != port)
		link = &port_find(*link)->delayed_next;
	if (*link)
		*link = entry->delayed_next;
	entry->delayed = false;
}

void evtchn_unbind(evtchn_port_t port)
{
	bool enabled = events_disable();
	struct evtchn_port *entry = port_bound(port);

	if (entry) {
		abi->mask(port);
		if (entry->delayed)
			delayed_remove(port, entry);
		entry->handler = NULL;
		port_close(port);
		abi->clear_pending(port);
	}
	events_restore(enabled);
}

int evtchn_bind_vcpu(evtchn_port_t port, uint32_t vcpu)
{
	struct evtchn_bind_vcpu bind = {.port = port, .vcpu = vcpu};

	return port_bound(port) ? hypercall_event_channel_op(EVTCHNOP_bind_vcpu, &bind) : -EINVAL;
}

void evtchn_mask(evtchn_port_t port)
{
	if (port_bound(port))
		abi->mask(port);
}

void evtchn_unmask(evtchn_port_t port)
{
	struct evtchn_unmask unmask = {.port = port};

	if (port_bound(port) && !abi->unmask(port))
		(void)hypercall_event_channel_op(EVTCHNOP_unmask, &unmask);
}

bool evtchn_pending(evtchn_port_t port)
{
	return port_bound(port) && abi->pending(port);
}

int evtchn_notify(evtchn_port_t port)
{
	struct evtchn_send send = {.port = port};

	return hypercall_event_channel_op(EVTCHNOP_send, &send);
}

static void eoi_delay(evtchn_port_t port, struct evtchn_port *entry)
{
	unsigned int doublings = entry->spurious_count - SPURIOUS_FREE - 1;

	if (doublings > SPURIOUS_DELAY_LOG2_MAX)
		doublings = SPURIOUS_DELAY_LOG2_MAX;
	entry->eoi_due_ns = core_evtchn_now_ns() + (SPURIOUS_DELAY_NS << doublings);
	entry->delayed = true;
	entry->delayed_next = delayed_first;
	delayed_first = port;
	stats.delayed++;
	core_evtchn_eoi_at(entry->eoi_due_ns);
}

void evtchn_eoi(evtchn_port_t port, bool spurious)
{
	bool enabled = events_disable();
	struct evtchn_port *entry = port_bound(port);

	if (entry && !entry->delayed) {
		if (!spurious)
			entry->spurious_count = 0;
		else if (entry->spurious_count < UINT8_MAX)
			entry->spurious_count++;
		if (entry->spurious_count > SPURIOUS_FREE)
			eoi_delay(port, entry);
		else
			evtchn_unmask(port);
	}
	events_restore(enabled);
}

void evtchn_eoi_expire(uint64_t now_ns)
{
	evtchn_port_t *link = &delayed_first;
	uint64_t next_ns = UINT64_MAX;

	while (*link) {
		evtchn_port_t port = *link;
		struct evtchn_port *entry = port_find(port);

		if (entry->eoi_due_ns <= now_ns) {
			*link = entry->delayed_next;
			entry->delayed = false;
			evtchn_unmask(port);
		} else {
			if (entry->eoi_due_ns < next_ns)
				next_ns = entry->eoi_due_ns;
			link = &entry->delayed_next;
		}
	}
	if (next_ns != UINT64_MAX)
		core_evtchn_eoi_at(next_ns);
}

/* Pending is cleared before the handler runs: Xen drops an event for a port that is already
 * pending, so one that arrives while the handler runs must find it clear. */
void evtchn_dispatch(evtchn_port_t port)
{
	struct evtchn_port *entry = port_bound(port);

	if (!entry) {
		stats.unexpected++;
		abi->mask(port);
		abi->clear_pending(port);
		return;
	}
	if (entry->flags & EVTCHN_LATE_EOI)
		abi->mask(port);
	abi->clear_pending(port);
	entry->handler(port, entry->arg);
}

/* Xen sets the ABI's bits before upcall_pending, so it is cleared before they are read. The scan
 * begins with an atomic exchange, which is the fence between the two. */
void evtchn_upcall(void)
{
	struct vcpu *vcpu = vcpu_this();

	do {
		WRITE_ONCE(vcpu->info.evtchn_upcall_pending, 0);
		abi->scan(vcpu);
	} while (READ_ONCE(vcpu->info.evtchn_upcall_pending));
}

/* Any hypercall does: Xen looks for pending events on its way back to the guest. */
void events_deliver(void)
{
	(void)hypercall_xen_version(XENVER_version, NULL);
}

void events_block(void)
{
	hypercall_sched_block();
	(void)events_disable();
}

void evtchn_suspend(void)
{
	delayed_first = 0;
}

int evtchn_resume(void)
{
	bool force_2l = abi == &evtchn_2l_abi;

	for (size_t i = 0; i < CHUNKS_MAX; i++)
		for (size_t j = 0; chunks[i] && j < CHUNK_PORTS; j++)
			chunks[i][j].handler = NULL;
	return evtchn_init(shared_info, force_2l);
}
