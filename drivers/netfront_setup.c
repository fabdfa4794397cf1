/* SPDX-License-Identifier: BSD-2-Clause */
/* Making queues as the back end offers them, and taking them away: hooks of xenbus. */
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/page.h"
#include "drivers/netfront_setup.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"
#include "xen/hypercall.h"

#define RX_PAGES_SHARE 64    /* of memory for one interface's received packets */
#define RX_PAGES_MIN   32u   /* to begin with */
#define MTU_DEFAULT    1500u /* without scatter-gather also the most, as of Linux's back end */

static unsigned int vcpus_of_domain(void)
{
	unsigned int count = 1;

	while (count < NETDEV_QUEUES_MAX && hypercall_vcpu_op(VCPUOP_is_up, count, NULL) >= 0)
		count++;
	return count;
}

int netqueue_page_open(struct netqueue *queue, struct netpage *page, bool read_only)
{
	void *vaddr = page_alloc(0, PAGE_ZERO);
	int error;

	if (!vaddr)
		return -ENOMEM;
	error = grant_alloc(&page->ref, 1);
	if (error) {
		page_free(vaddr, 0);
		return error;
	}
	page->vaddr = vaddr;
	grant_set(page->ref, queue->front->xen.backend_id, pt_pfn_to_mfn(pt_dmap_pfn(vaddr)),
		  read_only);
	return 0;
}

int netqueue_grow(struct netqueue *queue, unsigned int pages)
{
	for (; pages > 0 && queue->rx_pages_count < queue->rx_pages_max; pages--) {
		int error =
			netqueue_page_open(queue, &queue->rx_pages[queue->rx_pages_count], false);

		if (error)
			return error;
		queue->rx_free[queue->rx_frees++] = (uint16_t)queue->rx_pages_count++;
	}
	return 0;
}

/* Most guests never need more than the few that they begin with, which hold one packet of 64 KiB;
 * the others get them as packets come (netfront_receive.c). */
static int create_rx_pages(struct netqueue *queue)
{
	uint64_t count = boot_info.pages_count / RX_PAGES_SHARE / queue->front->queues_count;

	if (count < RX_PAGES_MIN)
		count = RX_PAGES_MIN;
	if (count > NET_RING_SLOTS)
		count = NET_RING_SLOTS;
	queue->rx_pages_max = (uint32_t)count;
	for (unsigned int i = 0; i < NET_RING_SLOTS; i++)
		queue->rx_slots[i] = NET_NO_PAGE;
	return netqueue_grow(queue, RX_PAGES_MIN);
}

static int create_ports(struct netqueue *queue)
{
	domid_t backend_id = queue->front->xen.backend_id;
	int error;

	if (!queue->front->split) {
		error = evtchn_alloc_unbound(backend_id, netqueue_event, queue, EVTCHN_LATE_EOI,
					     &queue->tx_port);
		queue->rx_port = queue->tx_port;
		return error;
	}
	error = evtchn_alloc_unbound(backend_id, netqueue_tx_event, queue, EVTCHN_LATE_EOI,
				     &queue->tx_port);
	if (error)
		return error;
	return evtchn_alloc_unbound(backend_id, netqueue_rx_event, queue, EVTCHN_LATE_EOI,
				    &queue->rx_port);
}

static int create(struct netqueue *queue)
{
	struct netfront *front = queue->front;
	int error = create_rx_pages(queue);

	for (uint16_t id = 0; id < NET_RING_SLOTS; id++)
		queue->tx_free[queue->tx_frees++] = id;
	if (!error)
		error = xenbus_ring_alloc(&front->xen, 0, &queue->tx_ring);
	if (!error)
		error = xenbus_ring_alloc(&front->xen, 0, &queue->rx_ring);
	if (error)
		return error;
	queue->tx = queue->tx_ring.vaddr;
	queue->rx = queue->rx_ring.vaddr;
	/* No event for packets that are sent; one for each that comes. */
	queue->tx->req_event = queue->rx->req_event = queue->rx->rsp_event = 1;
	queue->tx->rsp_event = NET_RING_SLOTS * 2;
	netqueue_post(queue);
	return create_ports(queue);
}

static void release_pages(struct netpage *pages)
{
	for (unsigned int i = 0; i < NET_RING_SLOTS; i++)
		if (pages[i].vaddr)
			(void)grant_release_page(pages[i].ref, pages[i].vaddr);
}

/* The queue ends, the device's numbers go on. */
static void keep_stats(const struct netqueue *queue)
{
	struct netdev_stats *all = &queue->front->dev.stats;
	const struct netdev_stats *part = &queue->stats;

	all->received_packets += part->received_packets;
	all->received_bytes += part->received_bytes;
	all->received_errors += part->received_errors;
	all->received_dropped += part->received_dropped;
	all->sent_packets += part->sent_packets;
	all->sent_bytes += part->sent_bytes;
	all->sent_errors += part->sent_errors;
}

static void destroy(struct netqueue *queue)
{
	bool enabled = spin_lock_events(&queue->tx_lock);

	queue->tx = NULL;
	spin_unlock_events(&queue->tx_lock, enabled);
	if (queue->rx_port && queue->rx_port != queue->tx_port)
		evtchn_unbind(queue->rx_port);
	if (queue->tx_port)
		evtchn_unbind(queue->tx_port);
	xenbus_ring_free(&queue->tx_ring);
	xenbus_ring_free(&queue->rx_ring);
	release_pages(queue->tx_pages);
	release_pages(queue->rx_pages);
	keep_stats(queue);
}

static void publish(struct netqueue *queue, const char *key, unsigned int value)
{
	struct netfront *front = queue->front;
	char path[40];

	if (front->queues_count > 1)
		(void)format_text(path, sizeof(path), "queue-%u/%s",
				  (unsigned int)(queue - front->queues), key);
	else
		(void)format_text(path, sizeof(path), "%s", key);
	xenbus_publish(&front->xen, path, "%u", value);
}

static void publish_queue(struct netqueue *queue)
{
	publish(queue, "tx-ring-ref", queue->tx_ring.refs[0]);
	publish(queue, "rx-ring-ref", queue->rx_ring.refs[0]);
	if (queue->front->split) {
		publish(queue, "event-channel-tx", queue->tx_port);
		publish(queue, "event-channel-rx", queue->rx_port);
	} else {
		publish(queue, "event-channel", queue->tx_port);
	}
}

static void publish_features(struct netfront *front)
{
	static const char *const ours[] = {"request-rx-copy",   "feature-rx-notify",
					   "feature-sg",        "feature-gso-tcpv4",
					   "feature-gso-tcpv6", "feature-ipv6-csum-offload"};

	for (unsigned int i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		xenbus_publish(&front->xen, ours[i], "1");
	if (front->multicast_control)
		xenbus_publish(&front->xen, "request-multicast-control", "1");
	if (front->queues_count > 1)
		xenbus_publish(&front->xen, "multi-queue-num-queues", "%u", front->queues_count);
}

int netfront_create_queues(struct netfront *front)
{
	struct xenbus_device *xen = &front->xen;
	unsigned int vcpus = vcpus_of_domain();
	uint64_t queues_max;
	int error;

	if (!xenbus_back_flag(xen, "feature-rx-copy"))
		return -EOPNOTSUPP;
	if (xenbus_back_u64(xen, "multi-queue-max-queues", 1, UINT32_MAX, 1, &queues_max))
		return -EPROTO;
	front->queues_count = queues_max < vcpus ? (unsigned int)queues_max : vcpus;
	front->split = xenbus_back_flag(xen, "feature-split-event-channels");
	front->multicast_control = xenbus_back_flag(xen, "feature-multicast-control");
	front->queues = heap_alloc_zeroed(front->queues_count * sizeof(front->queues[0]));
	if (!front->queues)
		return -ENOMEM;
	for (unsigned int i = 0; i < front->queues_count; i++) {
		front->queues[i].front = front;
		error = create(&front->queues[i]);
		if (error)
			return error;
	}
	for (unsigned int i = 0; i < front->queues_count; i++)
		publish_queue(&front->queues[i]);
	publish_features(front);
	return 0;
}

void netfront_destroy_queues(struct netfront *front)
{
	(void)timer_cancel(&front->stall);
	for (unsigned int i = 0; front->queues && i < front->queues_count; i++)
		if (front->queues[i].front)
			destroy(&front->queues[i]);
	heap_free(front->queues);
	front->queues = NULL;
	front->queues_count = 0;
}

/* What the toolstack says, which Linux's front end does not look at. */
static unsigned int read_mtu(struct netfront *front, unsigned int max)
{
	const char *text = xenbus_front(&front->xen, "mtu");
	uint64_t mtu;

	if (!text)
		return MTU_DEFAULT;
	if (parse_u64(text, &mtu) || mtu < NETDEV_MTU_MIN || mtu > NETDEV_MTU_MAX) {
		log_warn("eth%u: no MTU: \"%s\"", front->dev.id, text);
		return MTU_DEFAULT;
	}
	return mtu > max ? max : (unsigned int)mtu;
}

void netfront_read_features(struct netfront *front)
{
	struct xenbus_device *xen = &front->xen;
	unsigned int features = 0;

	if (xenbus_back_flag(xen, "feature-sg"))
		features |= NETDEV_GATHER;
	if (!xenbus_back_flag(xen, "feature-no-csum-offload"))
		features |= NETDEV_CHECKSUM4;
	if (xenbus_back_flag(xen, "feature-ipv6-csum-offload"))
		features |= NETDEV_CHECKSUM6;
	if ((features & NETDEV_GATHER) && xenbus_back_flag(xen, "feature-gso-tcpv4"))
		features |= NETDEV_SEGMENT4;
	if ((features & NETDEV_GATHER) && xenbus_back_flag(xen, "feature-gso-tcpv6"))
		features |= NETDEV_SEGMENT6;
	front->dev.features = features;
	front->dev.mtu = read_mtu(front, features & NETDEV_GATHER ? NETDEV_MTU_MAX : MTU_DEFAULT);
}

bool netfront_has_link(struct netfront *front)
{
	const char *carrier = xenbus_back(&front->xen, "carrier");

	return !carrier || strcmp(carrier, "0") != 0;
}
