/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels above the ABI: which handler a port has, late EOI and its back-off.
 *
 * The table of ports grows by chunks and never shrinks; a chunk is found by the port's upper bits.
 * Ports are bound and unbound, and late EOIs kept, under one lock. An event itself takes none: the
 * vCPU that runs a handler says so in the port first and looks for the handler afterwards, whoever
 * unbinds takes the handler away first and looks afterwards whether it still runs.
 */
#include "lib/base/error.h"
#include "xen/evtchn_abi.h"
#include "xen/hypercall.h"
#include "xen/spinlock.h"

/* A port's place in the table. */
struct evtchn_port {
	evtchn_handler_t handler; /* NULL: not ours */
	void *arg;
	uint64_t eoi_due_ns;        /* when its late EOI may happen, while delayed */
	evtchn_port_t delayed_next; /* list of delayed ports, 0 ends it */
	uint8_t flags;              /* EVTCHN_LATE_EOI */
	uint8_t spurious_count;     /* in a row */
	bool delayed : 1;
	uint8_t vcpu : 7; /* that gets its events */
	uint8_t runner;   /* the vCPU that runs the handler now, + 1; 0: none. No lock */
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

/* Looks at another vCPU before we offer our processor. */
#define PAUSES_MAX 1000u

static struct shared_info *shared_info;
static const struct evtchn_abi *abi;
static struct spinlock ports_lock; /* of all below */
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

COLD int evtchn_init(struct shared_info *shared, bool force_2l)
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

static COLD int port_prepare(evtchn_port_t port)
{
	if (!port || port >= abi->ports_max)
		return -EINVAL;
	if (!chunks[port / CHUNK_PORTS])
		chunks[port / CHUNK_PORTS] = core_evtchn_pages(CHUNK_ORDER);
	if (!chunks[port / CHUNK_PORTS])
		return -ENOMEM;
	return abi->prepare(port);
}

static COLD int bind_handler(evtchn_port_t port, unsigned int vcpu, evtchn_handler_t handler,
			     void *arg, unsigned int flags)
{
	bool enabled = spin_lock_events(&ports_lock);
	int error = handler ? port_prepare(port) : -EINVAL;
	struct evtchn_port *entry;

	if (!error && port_bound(port))
		error = -EBUSY;
	if (!error) {
		entry = port_find(port);
		entry->arg = arg;
		entry->flags = (uint8_t)flags;
		entry->spurious_count = 0;
		entry->vcpu = vcpu & (VCPUS_MAX - 1);
		/* After what it needs. */
		__atomic_store_n(&entry->handler, handler, __ATOMIC_RELEASE);
		evtchn_unmask(port);
	}
	spin_unlock_events(&ports_lock, enabled);
	return error;
}

int evtchn_bind_handler(evtchn_port_t port, evtchn_handler_t handler, void *arg, unsigned int flags)
{
	return bind_handler(port, 0, handler, arg, flags);
}

static COLD void port_close(evtchn_port_t port)
{
	struct evtchn_close close = {.port = port};

	(void)hypercall_event_channel_op(EVTCHNOP_close, &close);
}

/* The second half of each bind: a handler for the port Xen just gave us, or no port. */
static COLD int port_adopt(evtchn_port_t port, unsigned int vcpu, evtchn_handler_t handler,
			   void *arg, unsigned int flags, evtchn_port_t *port_out)
{
	int error;

	*port_out = port;
	error = bind_handler(port, vcpu, handler, arg, flags);
	if (error) {
		*port_out = 0;
		port_close(port);
	}
	return error;
}

COLD int evtchn_bind_virq(uint32_t virq, uint32_t vcpu, evtchn_handler_t handler, void *arg,
			  evtchn_port_t *port_out)
{
	struct evtchn_bind_virq bind = {.virq = virq, .vcpu = vcpu};
	int error = hypercall_event_channel_op(EVTCHNOP_bind_virq, &bind);

	return error ? error : port_adopt(bind.port, vcpu, handler, arg, 0, port_out);
}

COLD int evtchn_bind_ipi(uint32_t vcpu, evtchn_handler_t handler, void *arg,
			 evtchn_port_t *port_out)
{
	struct evtchn_bind_ipi bind = {.vcpu = vcpu};
	int error = hypercall_event_channel_op(EVTCHNOP_bind_ipi, &bind);

	return error ? error : port_adopt(bind.port, vcpu, handler, arg, 0, port_out);
}

COLD int evtchn_alloc_unbound(domid_t remote, evtchn_handler_t handler, void *arg,
			      unsigned int flags, evtchn_port_t *port_out)
{
	struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = remote};
	int error = hypercall_event_channel_op(EVTCHNOP_alloc_unbound, &alloc);

	return error ? error : port_adopt(alloc.port, 0, handler, arg, flags, port_out);
}

COLD int evtchn_bind_interdomain(domid_t remote, evtchn_port_t remote_port,
				 evtchn_handler_t handler, void *arg, unsigned int flags,
				 evtchn_port_t *port_out)
{
	struct evtchn_bind_interdomain bind = {.remote_dom = remote, .remote_port = remote_port};
	int error = hypercall_event_channel_op(EVTCHNOP_bind_interdomain, &bind);

	return error ? error : port_adopt(bind.local_port, 0, handler, arg, flags, port_out);
}

/* Takes the port out of the list of delayed ones. */
static COLD void delayed_remove(evtchn_port_t port, struct evtchn_port *entry)
{
	evtchn_port_t *link = &delayed_first;

	while (*link && *link != port)
		link = &port_find(*link)->delayed_next;
	if (*link)
		*link = entry->delayed_next;
	entry->delayed = false;
}

/* Another vCPU, which may have lost its processor, is about to be ready. */
static COLD void pause(unsigned int *pauses)
{
	cpu_relax();
	if (++*pauses % PAUSES_MAX == 0)
		hypercall_sched_yield();
}

/* A handler that unbinds its own port is not waited for: it is this very vCPU's. */
static COLD void wait_for_runner(const struct evtchn_port *entry)
{
	unsigned int pauses = 0;

	for (;;) {
		uint8_t runner = __atomic_load_n(&entry->runner, __ATOMIC_ACQUIRE);

		if (!runner || runner == VCPU(id) + 1)
			return;
		pause(&pauses);
	}
}

COLD void evtchn_unbind(evtchn_port_t port)
{
	bool enabled = spin_lock_events(&ports_lock);
	struct evtchn_port *entry = port_bound(port);

	if (entry) {
		abi->mask(port);
		if (entry->delayed)
			delayed_remove(port, entry);
		WRITE_ONCE(entry->handler, NULL);
		smp_mb(); /* pairs with evtchn_dispatch() */
	}
	spin_unlock(&ports_lock);
	/* Closed last: nobody else gets the number before. Not under the lock, which the handler
	 * may be waiting for. */
	if (entry) {
		wait_for_runner(entry);
		abi->clear_pending(port);
		port_close(port);
	}
	events_restore(enabled);
}

/* Masked while it moves: what comes meanwhile is kept, and Xen sends it to the new vCPU when it
 * unmasks. A port that was masked stays so. */
static COLD int port_move(evtchn_port_t port, struct evtchn_port *entry, uint32_t vcpu)
{
	struct evtchn_bind_vcpu bind = {.port = port, .vcpu = vcpu};
	struct evtchn_unmask unmask = {.port = port};
	bool masked = abi->masked(port);
	int error;

	abi->mask(port);
	error = hypercall_event_channel_op(EVTCHNOP_bind_vcpu, &bind);
	if (!error)
		entry->vcpu = vcpu & (VCPUS_MAX - 1);
	if (!masked)
		(void)hypercall_event_channel_op(EVTCHNOP_unmask, &unmask);
	return error;
}

int evtchn_bind_vcpu(evtchn_port_t port, uint32_t vcpu)
{
	bool enabled = spin_lock_events(&ports_lock);
	struct evtchn_port *entry = port_bound(port);
	int error = entry ? port_move(port, entry, vcpu) : -EINVAL;

	spin_unlock_events(&ports_lock, enabled);
	return error;
}

void evtchn_vcpu_leave(const struct vcpu *vcpu)
{
	bool enabled = spin_lock_events(&ports_lock);

	/* Its own VIRQs and IPIs cannot move: Xen refuses. */
	for (size_t i = 0; i < CHUNKS_MAX; i++)
		for (size_t j = 0; chunks[i] && j < CHUNK_PORTS; j++)
			if (chunks[i][j].handler && chunks[i][j].vcpu == vcpu->id)
				(void)port_move((evtchn_port_t)(i * CHUNK_PORTS + j), &chunks[i][j],
						0);
	spin_unlock_events(&ports_lock, enabled);
}

int evtchn_vcpu_prepare(struct vcpu *vcpu)
{
	return abi->vcpu_prepare(vcpu);
}

uint32_t evtchn_vcpu_of(evtchn_port_t port)
{
	const struct evtchn_port *entry = port_find(port);

	return entry ? entry->vcpu : 0;
}

COLD int evtchn_bind_kick(uint32_t vcpu, evtchn_port_t *port_out)
{
	struct evtchn_bind_ipi bind = {.vcpu = vcpu};
	int error = hypercall_event_channel_op(EVTCHNOP_bind_ipi, &bind);
	bool enabled;

	if (error)
		return error;
	enabled = spin_lock_events(&ports_lock);
	error = port_prepare(bind.port);
	if (!error)
		abi->mask(bind.port);
	spin_unlock_events(&ports_lock, enabled);
	if (error)
		port_close(bind.port);
	else
		*port_out = bind.port;
	return error;
}

void spin_kick_clear(evtchn_port_t port)
{
	abi->clear_pending(port);
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
	return evtchn_notify_inline(port);
}

/* When the EOI is due. */
static COLD uint64_t eoi_delay(evtchn_port_t port, struct evtchn_port *entry)
{
	unsigned int doublings = entry->spurious_count - SPURIOUS_FREE - 1;

	if (doublings > SPURIOUS_DELAY_LOG2_MAX)
		doublings = SPURIOUS_DELAY_LOG2_MAX;
	entry->eoi_due_ns = core_evtchn_now_ns() + (SPURIOUS_DELAY_NS << doublings);
	entry->delayed = true;
	entry->delayed_next = delayed_first;
	delayed_first = port;
	stats.delayed++;
	return entry->eoi_due_ns;
}

void evtchn_eoi(evtchn_port_t port, bool spurious)
{
	bool enabled = spin_lock_events(&ports_lock);
	struct evtchn_port *entry = port_bound(port);
	uint64_t due_ns = UINT64_MAX;

	if (entry && !entry->delayed) {
		if (!spurious)
			entry->spurious_count = 0;
		else if (entry->spurious_count < UINT8_MAX)
			entry->spurious_count++;
		if (entry->spurious_count > SPURIOUS_FREE)
			due_ns = eoi_delay(port, entry);
		else
			evtchn_unmask(port);
	}
	spin_unlock(&ports_lock);
	if (due_ns != UINT64_MAX)
		core_evtchn_eoi_at(due_ns);
	events_restore(enabled);
}

COLD void evtchn_eoi_expire(uint64_t now_ns)
{
	bool enabled = spin_lock_events(&ports_lock);
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
	spin_unlock(&ports_lock);
	if (next_ns != UINT64_MAX)
		core_evtchn_eoi_at(next_ns);
	events_restore(enabled);
}

/* Nobody wants it, or its handler was taken away just now. */
static COLD void unexpected(evtchn_port_t port)
{
	bool enabled = spin_lock_events(&ports_lock);

	if (!port_bound(port)) {
		stats.unexpected++;
		abi->mask(port);
		abi->clear_pending(port);
	}
	spin_unlock_events(&ports_lock, enabled);
}

/* Pending is cleared before the handler runs: Xen drops an event for a port that is already
 * pending, so one that arrives while the handler runs must find it clear. A port that was moved may
 * be pending here while its handler still runs on the vCPU it came from. */
void evtchn_dispatch(evtchn_port_t port)
{
	struct evtchn_port *entry = port_find(port);
	evtchn_handler_t handler = NULL;

	if (entry) {
		uint8_t self = (uint8_t)(VCPU(id) + 1), nobody = 0;
		unsigned int pauses = 0;

		/* A full barrier, too: pairs with evtchn_unbind(). */
		while (!__atomic_compare_exchange_n(&entry->runner, &nobody, self, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
			nobody = 0;
			pause(&pauses);
		}
		handler = READ_ONCE(entry->handler);
	}
	if (!handler) {
		unexpected(port);
	} else {
		if (entry->flags & EVTCHN_LATE_EOI)
			abi->mask(port);
		abi->clear_pending(port);
		handler(port, entry->arg);
	}
	if (entry)
		__atomic_store_n(&entry->runner, 0, __ATOMIC_RELEASE);
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

/* Every vCPU that ever was up came along, and needs its place again. */
COLD int evtchn_resume(void)
{
	bool force_2l = abi == &evtchn_2l_abi;
	int error = 0;

	for (size_t i = 0; i < CHUNKS_MAX; i++)
		for (size_t j = 0; chunks[i] && j < CHUNK_PORTS; j++)
			chunks[i][j].handler = NULL;
	for (unsigned int id = 0; id < VCPUS_MAX && !error; id++)
		if (vcpu_by_id[id])
			error = vcpu_register_info(vcpu_by_id[id], core_evtchn_mfn(vcpu_by_id[id]));
	if (!error)
		error = evtchn_init(shared_info, force_2l);
	for (unsigned int id = 1; id < VCPUS_MAX && !error; id++)
		if (vcpu_by_id[id])
			error = evtchn_vcpu_prepare(vcpu_by_id[id]);
	return error;
}
