/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/mock/mock_netback.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/page.h"
#include "core/time.h"
#include "drivers/netfront.h"
#include "lib/base/error.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"

#define KEYS_MAX   64
#define GRANTS_MAX 4096
#define PORTS_MAX  32

#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

uintptr_t pt_dmap_base;
struct netback_counts netback_counts;
const char *netback_reset_reason;
unsigned int netback_hold_grants;
struct netdev_packet netback_last;
uint8_t netback_last_bytes[NETDEV_PACKET_BYTES];
int netback_fail_alloc = -1;
bool netback_refuse;

static struct xenbus_driver *driver;
static const char *const *back_keys; /* and the front's mtu */
static struct {
	char key[48], value[XENBUS_VALUE_MAX];
} published[KEYS_MAX];
static unsigned int published_count;

/* --- memory --- */

static bool fails(void)
{
	return netback_fail_alloc >= 0 && netback_fail_alloc-- == 0;
}

void *page_alloc(unsigned int order, unsigned int flags)
{
	void *page = fails() ? NULL : aligned_alloc(PAGE_BYTES << order, PAGE_BYTES << order);

	if (page) {
		memset(page, flags & PAGE_ZERO ? 0 : 0xa5, PAGE_BYTES << order);
		netback_counts.pages += 1u << order;
	}
	return page;
}

void page_free(void *block, unsigned int order)
{
	netback_counts.pages -= 1u << order;
	free(block);
}

mfn_t pt_pfn_to_mfn(pfn_t pfn)
{
	return pfn;
}

/* One block at a time, always in the same place: fake_spinlock.c remembers each lock for good. */
static struct netqueue arena[NETDEV_QUEUES_MAX];
static bool arena_used;

void *heap_alloc_zeroed(size_t bytes)
{
	if (fails())
		return NULL;
	require(!arena_used && bytes <= sizeof(arena));
	arena_used = true;
	memset(arena, 0, sizeof(arena));
	return arena;
}

void heap_free(void *block)
{
	require(!block || arena_used);
	arena_used = arena_used && !block;
}

/* --- grants --- */

static struct {
	bool used, open, read_only;
	uint64_t mfn;
} grants[GRANTS_MAX];

int grant_alloc(grant_ref_t *refs_out, size_t refs_count)
{
	if (fails())
		return -ENOSPC;
	for (grant_ref_t ref = 8; refs_count > 0; ref++) {
		require(ref < GRANTS_MAX);
		if (grants[ref].used)
			continue;
		grants[ref].used = true;
		netback_counts.grants_used++;
		*refs_out++ = ref;
		refs_count--;
	}
	return 0;
}

void grant_set(grant_ref_t ref, domid_t domain, uint64_t mfn, bool read_only)
{
	(void)domain;
	require(grants[ref].used && !grants[ref].open);
	grants[ref].open = true;
	grants[ref].mfn = mfn;
	grants[ref].read_only = read_only;
	netback_counts.grants_open++;
}

int grant_end(grant_ref_t ref)
{
	require(grants[ref].used);
	if (netback_hold_grants > 0) {
		netback_hold_grants--;
		return -EBUSY;
	}
	netback_counts.grants_open -= grants[ref].open;
	grants[ref].open = false;
	return 0;
}

void grant_free(const grant_ref_t *refs, size_t refs_count)
{
	for (size_t i = 0; i < refs_count; i++) {
		require(grants[refs[i]].used && !grants[refs[i]].open);
		grants[refs[i]].used = false;
		netback_counts.grants_used--;
	}
}

int grant_release_page(grant_ref_t ref, void *page)
{
	if (grant_end(ref)) {
		netback_counts.quarantined++;
		return -EBUSY;
	}
	grant_free(&ref, 1);
	page_free(page, 0);
	return 0;
}

/* What the other domain may touch. */
static void *granted(grant_ref_t ref, bool write)
{
	require(ref < GRANTS_MAX && grants[ref].open);
	require(!write || !grants[ref].read_only);
	return (void *)(grants[ref].mfn << PAGE_SHIFT);
}

/* --- event channels --- */

static struct {
	evtchn_handler_t handler;
	void *arg;
	uint32_t vcpu;
} ports[PORTS_MAX];

int evtchn_alloc_unbound(domid_t remote, evtchn_handler_t handler, void *arg, unsigned int flags,
			 evtchn_port_t *port_out)
{
	(void)remote;
	require(flags == EVTCHN_LATE_EOI);
	if (fails())
		return -ENOSPC;
	for (evtchn_port_t port = 1; port < PORTS_MAX; port++) {
		if (!ports[port].handler) {
			ports[port].handler = handler;
			ports[port].arg = arg;
			ports[port].vcpu = 0;
			*port_out = port;
			return 0;
		}
	}
	return -ENOSPC;
}

void evtchn_unbind(evtchn_port_t port)
{
	require(ports[port].handler);
	ports[port].handler = NULL;
}

int evtchn_bind_vcpu(evtchn_port_t port, uint32_t vcpu)
{
	require(ports[port].handler);
	ports[port].vcpu = vcpu;
	return 0;
}

uint32_t netback_vcpu_of(evtchn_port_t port)
{
	return ports[port].vcpu;
}

int evtchn_notify(evtchn_port_t port)
{
	(void)port;
	netback_counts.notifies++;
	return 0;
}

void evtchn_eoi(evtchn_port_t port, bool spurious)
{
	(void)port;
	netback_counts.spurious += spurious;
}

static void event(evtchn_port_t port)
{
	if (port && ports[port].handler)
		ports[port].handler(port, ports[port].arg);
}

/* --- time, log, hypercalls --- */

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	*timer = (struct timer){.fn = fn};
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
	timer->armed = true;
	timer->deadline_ns = deadline_ns;
}

bool timer_cancel(struct timer *timer)
{
	bool armed = timer->armed;

	timer->armed = false;
	return armed;
}

uint64_t netback_now_ns = NS_PER_S, netback_step_ns;

uint64_t time_monotonic_ns(void)
{
	netback_now_ns += netback_step_ns;
	return netback_now_ns;
}

void log_write(enum log_level level, const char *text, ...)
{
	(void)level;
	(void)text;
}

void (*netback_on_yield)(void);

/* VCPUOP_is_up: there are two. */
long arch_hypercall(unsigned int number, unsigned long a1, unsigned long a2, unsigned long a3,
		    unsigned long a4, unsigned long a5)
{
	(void)a1;
	(void)a3;
	(void)a4;
	(void)a5;
	if (number == __HYPERVISOR_sched_op) {
		require(a1 == SCHEDOP_yield);
		if (netback_on_yield)
			netback_on_yield();
		return 0;
	}
	require(number == __HYPERVISOR_vcpu_op);
	return a2 < 2 ? 0 : -XEN_ENOENT;
}

/* --- xenbus --- */

int xenbus_register(struct xenbus_driver *registered)
{
	driver = registered;
	return 0;
}

int xenbus_wait(const struct xenbus_driver *waited, uint64_t deadline_ns)
{
	(void)waited;
	(void)deadline_ns;
	return 0;
}

const char *xenbus_back(const struct xenbus_device *device, const char *key)
{
	size_t bytes = strlen(key);

	(void)device;
	for (unsigned int i = 0; back_keys[i]; i++)
		if (strncmp(back_keys[i], key, bytes) == 0 && back_keys[i][bytes] == '=')
			return back_keys[i] + bytes + 1;
	return NULL;
}

const char *xenbus_front(const struct xenbus_device *device, const char *key)
{
	if (strcmp(key, "mac") == 0)
		return "00:16:3e:01:02:03";
	return strcmp(key, "mtu") == 0 ? xenbus_back(device, key) : NULL;
}

int xenbus_back_u64(const struct xenbus_device *device, const char *key, uint64_t min, uint64_t max,
		    uint64_t fallback, uint64_t *value_out)
{
	const char *value = xenbus_back(device, key);

	*value_out = value ? strtoull(value, NULL, 10) : fallback;
	return *value_out < min || *value_out > max ? -EPROTO : 0;
}

bool xenbus_back_flag(const struct xenbus_device *device, const char *key)
{
	const char *value = xenbus_back(device, key);

	return value && strcmp(value, "1") == 0;
}

void xenbus_publish(struct xenbus_device *device, const char *key, const char *text, ...)
{
	va_list arguments;

	(void)device;
	require(published_count < KEYS_MAX);
	snprintf(published[published_count].key, sizeof(published[0].key), "%s", key);
	va_start(arguments, text);
	vsnprintf(published[published_count++].value, sizeof(published[0].value), text, arguments);
	va_end(arguments);
}

const char *netback_published(const char *key)
{
	for (unsigned int i = 0; i < published_count; i++)
		if (strcmp(published[i].key, key) == 0)
			return published[i].value;
	return NULL;
}

int xenbus_ring_alloc(struct xenbus_device *device, unsigned int order,
		      struct xenbus_ring *ring_out)
{
	void *page = page_alloc(order, PAGE_ZERO);

	if (!page)
		return -ENOMEM;
	if (grant_alloc(ring_out->refs, 1)) {
		page_free(page, order);
		return -ENOSPC;
	}
	grant_set(ring_out->refs[0], device->backend_id, pt_dmap_pfn(page), false);
	ring_out->vaddr = page;
	return 0;
}

void xenbus_ring_free(struct xenbus_ring *ring)
{
	if (ring->vaddr)
		(void)grant_release_page(ring->refs[0], ring->vaddr);
	ring->vaddr = NULL;
}

void xenbus_reset(struct xenbus_device *device, const char *why)
{
	(void)device;
	if (!netback_reset_reason)
		netback_reset_reason = why;
}

void xenbus_device_free(struct xenbus_device *device)
{
	free(device);
}

/* --- the stack --- */

static int attach(struct netdev *dev)
{
	(void)dev;
	return 0;
}

static void ignore(struct netdev *dev)
{
	(void)dev;
}

static void room(struct netdev *dev)
{
	(void)dev;
	netback_counts.rooms++;
}

static bool receive(struct netdev *dev, const struct netdev_packet *packet,
		    struct netdev_batch *batch)
{
	size_t at = 0;

	(void)dev;
	require(packet->bytes_total <= NETDEV_PACKET_BYTES);
	for (size_t i = 0; i < packet->pieces_count; i++) {
		memcpy(netback_last_bytes + at, packet->pieces[i].bytes,
		       packet->pieces[i].bytes_count);
		at += packet->pieces[i].bytes_count;
	}
	require(at == packet->bytes_total);
	netback_last = *packet;
	batch->first = batch;
	batch->count++;
	return !netback_refuse;
}

static void deliver(struct netdev *dev, struct netdev_batch *batch)
{
	(void)dev;
	netback_counts.delivered += batch->count;
	*batch = (struct netdev_batch){.first = NULL};
}

static const struct netdev_client client = {
	.attach = attach,
	.detach = ignore,
	.changed = ignore,
	.receive = receive,
	.deliver = deliver,
	.room = room,
};

/* --- the device --- */

/* The back end's own counts: they stand where the driver does not look for them. */
static struct {
	const void *ring;
	uint32_t prod;
} sides[16];

static uint32_t tx_cons[16];
static uint16_t taken[16][NET_RING_SLOTS]; /* ids, 0xffff: extra information */
static unsigned int taken_count[16];

struct netfront *netback_start(const char *const *keys)
{
	struct netfront *front;

	back_keys = keys;
	boot_info.pages_count = 32768;
	netdev_set_client(&client);
	require(netfront_init() == 0);
	front = calloc(1, driver->device_bytes);
	front->xen.driver = driver;
	front->xen.backend_id = 0;
	strcpy(front->xen.id, "0");
	require(driver->probe(&front->xen) == 0);
	if (netback_connect(front))
		netback_disconnect(front);
	return front;
}

int netback_connect(struct netfront *front)
{
	int error;

	published_count = 0;
	memset(sides, 0, sizeof(sides));
	memset(tx_cons, 0, sizeof(tx_cons));
	memset(taken_count, 0, sizeof(taken_count));
	error = driver->connect(&front->xen);
	return error ? error : driver->connected(&front->xen);
}

void netback_disconnect(struct netfront *front)
{
	driver->disconnect(&front->xen);
	netback_reset_reason = NULL;
}

void netback_remove(struct netfront *front)
{
	driver->remove(&front->xen);
}

/* --- rings --- */

static uint32_t *side(const void *ring, uint32_t now)
{
	unsigned int i = 0;

	while (sides[i].ring && sides[i].ring != ring)
		require(++i < 16);
	if (!sides[i].ring) {
		sides[i].ring = ring;
		sides[i].prod = now;
	}
	return &sides[i].prod;
}

static uint32_t *rx_prod(struct netqueue *queue)
{
	netif_rx_sring_t *ring = queue->rx_ring.vaddr;

	return side(ring, ring->rsp_prod);
}

netif_rx_response_t *netback_rx_response(struct netqueue *queue, const void *bytes, size_t count,
					 uint16_t flags)
{
	netif_rx_sring_t *ring = queue->rx_ring.vaddr;
	uint32_t *prod = rx_prod(queue), slot = (*prod)++ % NET_RING_SLOTS;
	netif_rx_request_t request = ring->ring[slot].req;
	netif_rx_response_t *response = &ring->ring[slot].rsp;

	if (bytes && count <= PAGE_BYTES)
		memcpy(granted(request.gref, true), bytes, count);
	*response = (netif_rx_response_t){request.id, 0, flags, (int16_t)count};
	return response;
}

struct netif_extra_info *netback_rx_extra(struct netqueue *queue, uint8_t type, uint8_t flags)
{
	netif_rx_sring_t *ring = queue->rx_ring.vaddr;
	uint32_t *prod = rx_prod(queue);
	struct netif_extra_info *extra = (void *)&ring->ring[(*prod)++ % NET_RING_SLOTS];

	memset(extra, 0, sizeof(*extra));
	extra->type = type;
	extra->flags = flags;
	extra->u.gso.size = 1448;
	extra->u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
	return extra;
}

void netback_rx_publish(struct netqueue *queue)
{
	netif_rx_sring_t *ring = queue->rx_ring.vaddr;

	ring->rsp_prod = *rx_prod(queue);
	event(queue->rx_port);
}

bool netback_rx_offer(struct netqueue *queue)
{
	netif_rx_sring_t *ring = queue->rx_ring.vaddr;
	uint32_t before = ring->rsp_prod, prod = *rx_prod(queue);
	bool wanted = prod - ring->rsp_event < prod - before;

	ring->rsp_prod = prod;
	if (wanted)
		event(queue->rx_port);
	return wanted;
}

static unsigned int number_of(struct netqueue *queue)
{
	return (unsigned int)(queue - queue->front->queues);
}

bool netback_tx_take(struct netqueue *queue, struct netback_packet *packet_out)
{
	netif_tx_sring_t *ring = queue->tx_ring.vaddr;
	unsigned int number = number_of(queue);
	netif_tx_request_t request;
	size_t at = 0;
	bool first = true;

	if (tx_cons[number] == ring->req_prod)
		return false;
	memset(packet_out, 0, offsetof(struct netback_packet, bytes));
	do {
		size_t bytes;

		require(tx_cons[number] != ring->req_prod);
		request = ring->ring[tx_cons[number]++ % NET_RING_SLOTS].req;
		taken[number][taken_count[number]++] = request.id;
		bytes = request.size;
		packet_out->slots++;
		if (first) {
			packet_out->bytes_total = request.size;
			packet_out->flags = request.flags;
			if (bytes > PAGE_BYTES)
				bytes = PAGE_BYTES;
		}
		require(request.offset + bytes <= PAGE_BYTES);
		/* Nobody but the guest writes what it sends. */
		require(grants[request.gref].read_only);
		memcpy(packet_out->bytes + at,
		       (char *)granted(request.gref, false) + request.offset, bytes);
		at += bytes;
		if (first && (request.flags & NETTXF_extra_info)) {
			struct netif_extra_info extra;

			require(tx_cons[number] != ring->req_prod);
			memcpy(&extra, &ring->ring[tx_cons[number]++ % NET_RING_SLOTS],
			       sizeof(extra));
			taken[number][taken_count[number]++] = 0xffff;
			packet_out->segment_bytes = extra.u.gso.size;
			packet_out->segment_type = extra.u.gso.type;
		}
		first = false;
	} while (request.flags & NETTXF_more_data);
	require(at == packet_out->bytes_total || packet_out->bytes_total == 0);
	/* The back end sleeps when there is no more. */
	ring->req_event = tx_cons[number] + 1;
	return true;
}

void netback_tx_response(struct netqueue *queue, uint16_t id, int16_t status)
{
	netif_tx_sring_t *ring = queue->tx_ring.vaddr;
	uint32_t *prod = side(ring, ring->rsp_prod);

	ring->ring[(*prod)++ % NET_RING_SLOTS].rsp = (netif_tx_response_t){id, status};
}

void netback_tx_publish(struct netqueue *queue)
{
	netif_tx_sring_t *ring = queue->tx_ring.vaddr;
	uint32_t before = ring->rsp_prod, prod = *side(ring, before);

	ring->rsp_prod = prod;
	if (prod - ring->rsp_event < prod - before)
		event(queue->tx_port);
}

void netback_tx_answer(struct netqueue *queue, int16_t status)
{
	unsigned int number = number_of(queue);

	for (unsigned int i = 0; i < taken_count[number]; i++)
		netback_tx_response(queue, taken[number][i],
				    taken[number][i] == 0xffff ? NETIF_RSP_NULL : status);
	taken_count[number] = 0;
	netback_tx_publish(queue);
}
