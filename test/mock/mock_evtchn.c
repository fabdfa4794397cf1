/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xen's side of event channels, both ABIs. Follows what public/event_channel.h promises.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test/mock/mock_private.h"
#include "xen/vcpu.h"

#define PORTS          EVTCHN_FIFO_NR_CHANNELS
#define WORDS_PER_PAGE 1024

struct port {
	unsigned int status; /* EVTCHNSTAT_* */
	uint32_t virq;
	uint32_t vcpu;
	bool pending; /* FIFO: set before its page exists */
	void (*fn)(void *arg);
	void *arg;
};

static struct port *ports;
static evtchn_port_t next_port;
static bool fifo;
static struct evtchn_fifo_control_block *controls[VCPUS_MAX];
static event_word_t *pages[PORTS / WORDS_PER_PAGE];
static uint32_t pages_count;
static evtchn_port_t tails[VCPUS_MAX][EVTCHN_FIFO_MAX_QUEUES];

#define PENDING (1U << EVTCHN_FIFO_PENDING)
#define MASKED  (1U << EVTCHN_FIFO_MASKED)
#define LINKED  (1U << EVTCHN_FIFO_LINKED)
#define LINK    ((event_word_t)EVTCHN_FIFO_LINK_MASK)

static struct vcpu_info *info_of(evtchn_port_t port)
{
	return mock_vcpu_info[ports[port].vcpu];
}

uint32_t mock_evtchn_vcpu(evtchn_port_t port)
{
	return ports[port].vcpu;
}

event_word_t *mock_fifo_word(evtchn_port_t port)
{
	if (!fifo || port >= pages_count * WORDS_PER_PAGE)
		return NULL;
	return &pages[port / WORDS_PER_PAGE][port % WORDS_PER_PAGE];
}

bool mock_evtchn_is_fifo(void)
{
	return fifo;
}

static bool fifo_append(evtchn_port_t port, unsigned int queue)
{
	struct evtchn_fifo_control_block *control = controls[ports[port].vcpu];
	evtchn_port_t *tail = tails[ports[port].vcpu];
	event_word_t *last = tail[queue] ? mock_fifo_word(tail[queue]) : NULL;
	bool linked = false;

	/* port itself looks linked by now */
	if (last && tail[queue] != port && (*last & LINKED)) {
		*last = (*last & ~LINK) | port;
		linked = true;
	} else {
		control->head[queue] = port;
	}
	tail[queue] = port;
	return linked;
}

static void fifo_set_pending(evtchn_port_t port)
{
	struct evtchn_fifo_control_block *control = controls[ports[port].vcpu];
	event_word_t *word = mock_fifo_word(port);
	unsigned int queue = EVTCHN_FIFO_PRIORITY_DEFAULT;

	if (!word) {
		ports[port].pending = true;
		return;
	}
	*word |= PENDING;
	if (*word & (MASKED | LINKED))
		return;
	if (!control)
		mock_die("event for vCPU %u, which has no control block", ports[port].vcpu);
	*word |= LINKED;
	if (!fifo_append(port, queue) && !(control->ready & (1U << queue))) {
		control->ready |= 1U << queue;
		info_of(port)->evtchn_upcall_pending = 1;
	}
}

static xen_ulong_t bit(evtchn_port_t port)
{
	return 1UL << (port % 64);
}

static void level2_set_pending(evtchn_port_t port)
{
	xen_ulong_t *pending = &mock_shared_info.evtchn_pending[port / 64];

	if (*pending & bit(port))
		return;
	*pending |= bit(port);
	if (mock_shared_info.evtchn_mask[port / 64] & bit(port))
		return;
	if (!(info_of(port)->evtchn_pending_sel & (1UL << port / 64))) {
		info_of(port)->evtchn_pending_sel |= 1UL << port / 64;
		info_of(port)->evtchn_upcall_pending = 1;
	}
}

void mock_evtchn_set_pending(evtchn_port_t port)
{
	if (ports[port].status == EVTCHNSTAT_closed)
		return;
	mock_xen_depth++;
	if (fifo)
		fifo_set_pending(port);
	else
		level2_set_pending(port);
	mock_xen_depth--;
}

bool mock_event_pending(evtchn_port_t port)
{
	event_word_t *word = mock_fifo_word(port);

	if (fifo)
		return word && (*word & PENDING);
	return mock_shared_info.evtchn_pending[port / 64] & bit(port);
}

void mock_evtchn_raise(evtchn_port_t port)
{
	mock_evtchn_set_pending(port);
	mock_deliver();
}

void mock_virq_raise_on(uint32_t virq, uint32_t vcpu)
{
	for (evtchn_port_t port = 1; port < next_port; port++)
		if (ports[port].status == EVTCHNSTAT_virq && ports[port].virq == virq &&
		    ports[port].vcpu == vcpu)
			mock_evtchn_set_pending(port);
}

void mock_virq_raise(uint32_t virq)
{
	mock_virq_raise_on(virq, 0);
}

static void unmask(evtchn_port_t port)
{
	event_word_t *word = mock_fifo_word(port);

	if (fifo) {
		if (!word)
			return;
		*word &= ~MASKED;
		if (*word & PENDING)
			fifo_set_pending(port);
		return;
	}
	if (!(mock_shared_info.evtchn_mask[port / 64] & bit(port)))
		return;
	mock_shared_info.evtchn_mask[port / 64] &= ~bit(port);
	if (mock_shared_info.evtchn_pending[port / 64] & bit(port)) {
		info_of(port)->evtchn_pending_sel |= 1UL << port / 64;
		info_of(port)->evtchn_upcall_pending = 1;
	}
}

static evtchn_port_t take_port(unsigned int status)
{
	evtchn_port_t port;

	for (port = next_port; port < PORTS; port++)
		if (ports[port].status == EVTCHNSTAT_closed)
			break;
	if (port == PORTS || (!fifo && port >= EVTCHN_2L_NR_CHANNELS))
		return 0;
	if (port >= next_port)
		next_port = port + 1;
	ports[port] = (struct port){.status = status};
	return port;
}

evtchn_port_t mock_evtchn_create(void (*fn)(void *arg), void *arg)
{
	evtchn_port_t port = take_port(EVTCHNSTAT_interdomain);

	ports[port].fn = fn;
	ports[port].arg = arg;
	return port;
}

void mock_evtchn_next_port(evtchn_port_t port)
{
	next_port = port;
}

unsigned int mock_evtchn_status(evtchn_port_t port)
{
	return ports[port].status;
}

static long bind(unsigned int status, evtchn_port_t *port_out)
{
	*port_out = take_port(status);
	return *port_out ? 0 : -ENOSPC;
}

static long close_port(evtchn_port_t port)
{
	event_word_t *word = mock_fifo_word(port);

	if (!port || port >= PORTS || ports[port].status == EVTCHNSTAT_closed)
		return -EINVAL;
	ports[port] = (struct port){0};
	if (word)
		*word &= ~PENDING;
	else if (!fifo)
		mock_shared_info.evtchn_pending[port / 64] &= ~bit(port);
	return 0;
}

static long init_control(struct evtchn_init_control *arg)
{
	if (mock_config.no_fifo)
		return -ENOSYS;
	struct evtchn_fifo_control_block *control =
		(void *)((char *)mock_mfn_to_pointer(arg->control_gfn) + arg->offset);

	if (arg->vcpu >= VCPUS_MAX || controls[arg->vcpu] || arg->offset % 8 ||
	    arg->offset + sizeof(*control) > 4096)
		return -EINVAL;
	memset(control, 0, sizeof(*control));
	memset(tails[arg->vcpu], 0, sizeof(tails[arg->vcpu]));
	controls[arg->vcpu] = control;
	arg->link_bits = EVTCHN_FIFO_LINK_BITS;
	if (fifo)
		return 0;
	for (evtchn_port_t port = 1; port < EVTCHN_2L_NR_CHANNELS; port++)
		if (mock_shared_info.evtchn_pending[port / 64] & bit(port))
			ports[port].pending = true;
	fifo = true;
	pages_count = 0;
	return 0;
}

static long expand_array(const struct evtchn_expand_array *arg)
{
	uint32_t index = pages_count;

	if (!fifo)
		return -ENOSYS;
	if (index == PORTS / WORDS_PER_PAGE)
		return -ENOSPC;
	pages[pages_count++] = mock_mfn_to_pointer(arg->array_gfn);
	for (evtchn_port_t port = index * WORDS_PER_PAGE; port < pages_count * WORDS_PER_PAGE;
	     port++)
		if (ports[port].pending)
			fifo_set_pending(port);
	return 0;
}

static long send(evtchn_port_t port)
{
	if (port >= PORTS ||
	    (ports[port].status != EVTCHNSTAT_interdomain && ports[port].status != EVTCHNSTAT_ipi &&
	     ports[port].status != EVTCHNSTAT_unbound))
		return -EINVAL;
	if (ports[port].status == EVTCHNSTAT_ipi)
		mock_evtchn_set_pending(port);
	else if (ports[port].fn && !mock_config.lazy_backends)
		ports[port].fn(ports[port].arg);
	return 0;
}

static long bind_virq(struct evtchn_bind_virq *arg)
{
	long result;

	for (evtchn_port_t port = 1; port < next_port; port++)
		if (ports[port].status == EVTCHNSTAT_virq && ports[port].virq == arg->virq &&
		    ports[port].vcpu == arg->vcpu)
			return -EEXIST;
	result = bind(EVTCHNSTAT_virq, &arg->port);
	if (!result) {
		ports[arg->port].virq = arg->virq;
		ports[arg->port].vcpu = arg->vcpu;
	}
	return result;
}

static long bind_vcpu(const struct evtchn_bind_vcpu *arg)
{
	struct port *port = &ports[arg->port];

	if (!vcpu_by_id[arg->vcpu])
		return -ENOENT;
	if (port->status == EVTCHNSTAT_virq || port->status == EVTCHNSTAT_ipi)
		return -EINVAL;
	port->vcpu = arg->vcpu;
	return 0;
}

long mock_event_channel_op(int command, void *arg)
{
	switch (command) {
	case EVTCHNOP_init_control:
		return init_control(arg);
	case EVTCHNOP_expand_array:
		return expand_array(arg);
	case EVTCHNOP_send:
		return send(((struct evtchn_send *)arg)->port);
	case EVTCHNOP_unmask:
		unmask(((struct evtchn_unmask *)arg)->port);
		return 0;
	case EVTCHNOP_close:
		return close_port(((struct evtchn_close *)arg)->port);
	case EVTCHNOP_bind_virq:
		return bind_virq(arg);
	case EVTCHNOP_bind_ipi: {
		struct evtchn_bind_ipi *ipi = arg;
		long result = bind(EVTCHNSTAT_ipi, &ipi->port);

		if (!result)
			ports[ipi->port].vcpu = ipi->vcpu;
		return result;
	}
	case EVTCHNOP_alloc_unbound:
		return bind(EVTCHNSTAT_unbound, &((struct evtchn_alloc_unbound *)arg)->port);
	case EVTCHNOP_bind_interdomain: {
		struct evtchn_bind_interdomain *interdomain = arg;
		long result = bind(EVTCHNSTAT_interdomain, &interdomain->local_port);

		/* Xen: the local end is always set pending */
		if (!result)
			mock_evtchn_set_pending(interdomain->local_port);
		return result;
	}
	case EVTCHNOP_bind_vcpu:
		return bind_vcpu(arg);
	default:
		return -ENOSYS;
	}
}

static void reset(void)
{
	memset(ports, 0, PORTS * sizeof(*ports));
	fifo = false;
	pages_count = 0;
	next_port = 1;
	memset(mock_shared_info.evtchn_pending, 0, sizeof(mock_shared_info.evtchn_pending));
	memset(mock_shared_info.evtchn_mask, 0, sizeof(mock_shared_info.evtchn_mask));
	for (unsigned int id = 0; id < VCPUS_MAX; id++) {
		controls[id] = NULL;
		mock_vcpu_info[id]->evtchn_pending_sel = 0;
		mock_vcpu_info[id]->evtchn_upcall_pending = 0;
	}
}

void mock_evtchn_reset(void)
{
	reset();
	mock_vcpus_reset();
}

void mock_evtchn_start(void)
{
	if (!ports)
		ports = malloc(PORTS * sizeof(*ports));
	reset();
}

void mock_evtchn_connect(evtchn_port_t port, void (*fn)(void *arg), void *arg)
{
	if (port >= PORTS || ports[port].status != EVTCHNSTAT_unbound)
		return;
	ports[port].status = EVTCHNSTAT_interdomain;
	ports[port].fn = fn;
	ports[port].arg = arg;
}
