/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending. A packet is copied into pages of its own, so nothing waits for the back end to be done
 * with it; responses are taken when there is no room, and events asked for only then.
 */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/pt.h"
#include "core/log.h"
#include "core/page.h"
#include "drivers/netfront_internal.h"
#include "lib/base/error.h"
#include "lib/base/string.h"

#define STALL_NS (10 * NS_PER_S)

_Static_assert(sizeof(netif_tx_request_t) == 12, "Xen: public/io/netif.h");

/* ---- Responses ---- */

/* What one response says. NULL, or what is wrong. tx_lock. */
static const char *take_response(struct netqueue *queue, uint32_t word)
{
	uint16_t id = (uint16_t)word;
	int16_t status = (int16_t)(word >> 16);

	if (status == NETIF_RSP_NULL) {
		if (queue->tx_extras == 0)
			return "an answer to no extra information";
		queue->tx_extras--;
		return NULL;
	}
	if (id >= NET_RING_SLOTS || !queue->tx_busy[id])
		return "an answer to no packet";
	if (status != NETIF_RSP_OKAY && status != NETIF_RSP_DROPPED && status != NETIF_RSP_ERROR)
		return "an answer that means nothing";
	if (status != NETIF_RSP_OKAY)
		queue->stats.sent_errors++;
	queue->tx_busy[id] = false;
	queue->tx_free[queue->tx_frees++] = id;
	return NULL;
}

/* NULL, or what is wrong. tx_lock. */
static const char *take_responses(struct netqueue *queue, bool *any_out)
{
	/* Pairs with the back end's write barrier. */
	uint32_t prod = __atomic_load_n(&queue->tx->rsp_prod, __ATOMIC_ACQUIRE);

	*any_out = prod != queue->tx_cons;
	if (prod - queue->tx_cons > queue->tx_sent - queue->tx_cons)
		return "more responses than packets";
	for (; queue->tx_cons != prod; queue->tx_cons++) {
		uint32_t word = *(volatile uint32_t *)(void *)&queue->tx
					 ->ring[queue->tx_cons % NET_RING_SLOTS];
		const char *why = take_response(queue, word);

		if (why)
			return why;
	}
	return NULL;
}

/* tx_lock. False: broken. */
static bool reap(struct netqueue *queue, bool *any_out)
{
	const char *why = take_responses(queue, any_out);

	if (!why)
		return true;
	queue->tx = NULL;
	netfront_broken(queue->front, why);
	return false;
}

static uint32_t room(const struct netqueue *queue)
{
	uint32_t slots = NET_RING_SLOTS - (queue->tx_prod - queue->tx_cons);

	return slots < queue->tx_frees ? slots : queue->tx_frees;
}

/* True when needed slots are free. Else an event comes when half of what is in flight is done.
 * tx_lock. */
static bool make_room(struct netqueue *queue, uint32_t needed)
{
	bool any;

	if (room(queue) >= needed)
		return true;
	if (!reap(queue, &any))
		return false;
	if (room(queue) >= needed)
		return true;
	WRITE_ONCE(queue->tx->rsp_event,
		   queue->tx_cons + (queue->tx_sent - queue->tx_cons) / 2 + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* Some may have come before the back end could see that we want to know. */
	if (!reap(queue, &any))
		return false;
	if (room(queue) >= needed)
		return true;
	if (!queue->tx_blocked) {
		queue->tx_blocked = true;
		queue->front->stall_cons = queue->tx_cons;
		timer_arm(&queue->front->stall, time_monotonic_ns() + STALL_NS);
	}
	return false;
}

bool netqueue_complete(struct netqueue *queue)
{
	bool enabled = spin_lock_events(&queue->tx_lock), any = false, blocked = false;

	if (queue->tx && reap(queue, &any) && queue->tx_blocked && room(queue) > NET_PACKET_SLOTS) {
		queue->tx_blocked = false;
		blocked = true;
	}
	spin_unlock_events(&queue->tx_lock, enabled);
	if (blocked)
		netdev_room(&queue->front->dev);
	return any;
}

void netqueue_tx_event(evtchn_port_t port, void *arg)
{
	evtchn_eoi(port, !netqueue_complete(arg));
}

void netqueue_event(evtchn_port_t port, void *arg)
{
	bool completed = netqueue_complete(arg), received = netqueue_receive(arg);

	evtchn_eoi(port, !completed && !received);
}

/* Somebody waited for room all that time: the back end sleeps or is gone. */
void netfront_stalled(struct timer *timer)
{
	struct netfront *front = container_of(timer, struct netfront, stall);

	for (unsigned int i = 0; i < front->queues_count; i++) {
		struct netqueue *queue = &front->queues[i];
		bool enabled = spin_lock_events(&queue->tx_lock), stalled;

		stalled = queue->tx && queue->tx_blocked && queue->tx_cons == front->stall_cons;
		spin_unlock_events(&queue->tx_lock, enabled);
		if (stalled) {
			netfront_broken(front, "takes no packets for 10 s");
			return;
		}
	}
}

/* ---- Packets ---- */

/* A free id with a page behind it that the back end may read. tx_lock. */
static int take_id(struct netqueue *queue, uint16_t *id_out)
{
	uint16_t id = queue->tx_free[queue->tx_frees - 1];
	struct netpage *page = &queue->tx_pages[id];
	int error = page->vaddr ? 0 : netqueue_page_open(queue, page, true);

	if (error)
		return error;
	queue->tx_frees--;
	queue->tx_busy[id] = true;
	*id_out = id;
	return 0;
}

static void put_request(struct netqueue *queue, const netif_tx_request_t *request)
{
	memcpy(&queue->tx->ring[queue->tx_prod % NET_RING_SLOTS].req, request, sizeof(*request));
	queue->tx_prod++;
}

static void put_extra(struct netqueue *queue, const struct netif_extra_info *extra)
{
	memcpy(&queue->tx->ring[queue->tx_prod % NET_RING_SLOTS].req, extra, sizeof(*extra));
	queue->tx_prod++;
	queue->tx_extras++;
}

/* Where copying stands in a packet. */
struct cursor {
	const struct netdev_packet *packet;
	size_t piece, offset;
};

static void copy(struct cursor *cursor, char *to, size_t bytes)
{
	while (bytes > 0) {
		const struct netdev_piece *piece = &cursor->packet->pieces[cursor->piece];
		size_t part = piece->bytes_count - cursor->offset;

		if (part > bytes)
			part = bytes;
		memcpy(to, (const char *)piece->bytes + cursor->offset, part);
		to += part;
		bytes -= part;
		cursor->offset += part;
		if (cursor->offset == piece->bytes_count) {
			cursor->piece++;
			cursor->offset = 0;
		}
	}
}

/* Room is there. A packet is cut at page boundaries and nowhere else. tx_lock. */
static int put_packet(struct netqueue *queue, const struct netdev_packet *packet)
{
	size_t left = packet->bytes_total;
	struct cursor cursor = {.packet = packet};
	uint32_t prod = queue->tx_prod, extras = queue->tx_extras;
	bool first = true;

	while (left > 0) {
		size_t bytes = left < PAGE_BYTES ? left : PAGE_BYTES;
		netif_tx_request_t request = {.size = (uint16_t)bytes};
		uint16_t id;
		int error = take_id(queue, &id);

		if (error) {
			/* What was put so far was not shown to anybody. */
			for (; prod != queue->tx_prod; queue->tx_prod--) {
				uint16_t taken =
					queue->tx->ring[(queue->tx_prod - 1) % NET_RING_SLOTS]
						.req.id;

				if (first || taken >= NET_RING_SLOTS || !queue->tx_busy[taken])
					continue;
				queue->tx_busy[taken] = false;
				queue->tx_free[queue->tx_frees++] = taken;
			}
			queue->tx_extras = extras;
			return error;
		}
		copy(&cursor, queue->tx_pages[id].vaddr, bytes);
		left -= bytes;
		request.gref = queue->tx_pages[id].ref;
		request.id = id;
		if (left > 0)
			request.flags |= NETTXF_more_data;
		if (first) {
			request.size = (uint16_t)packet->bytes_total;
			if (packet->flags & NETDEV_PACKET_BLANK)
				request.flags |= NETTXF_csum_blank | NETTXF_data_validated;
			if (packet->segment_bytes)
				request.flags |= NETTXF_extra_info;
		}
		put_request(queue, &request);
		if (first && packet->segment_bytes) {
			struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO};

			extra.u.gso.size = packet->segment_bytes;
			extra.u.gso.type =
				packet->v6 ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4;
			put_extra(queue, &extra);
		}
		first = false;
	}
	return 0;
}

static int transmit(struct netdev *dev, const struct netdev_packet *packet)
{
	struct netfront *front = netfront_of(dev);
	struct netqueue *queue;
	uint32_t needed = (uint32_t)((packet->bytes_total + PAGE_BYTES - 1) / PAGE_BYTES) +
			  (packet->segment_bytes != 0);
	int error = -ENETDOWN;
	bool enabled;

	if (packet->bytes_total == 0 || packet->bytes_total > NETDEV_PACKET_BYTES ||
	    (packet->bytes_total > PAGE_BYTES && !(dev->features & NETDEV_GATHER))) {
		dev->stats.sent_dropped++;
		return -EMSGSIZE;
	}
	if (!READ_ONCE(dev->carrier))
		goto out;
	queue = &front->queues[packet->flow * 0x9e3779b1u % front->queues_count];
	enabled = spin_lock_events(&queue->tx_lock);
	if (queue->tx)
		error = make_room(queue, needed) ? put_packet(queue, packet)
			: queue->tx              ? -EAGAIN
						 : -ENETDOWN;
	if (error == 0) {
		queue->stats.sent_packets++;
		queue->stats.sent_bytes += packet->bytes_total;
	}
	spin_unlock_events(&queue->tx_lock, enabled);
out:
	if (error && error != -EAGAIN)
		dev->stats.sent_dropped++;
	return error;
}

/* tx_lock. True: the back end wants to be told. */
static bool push(struct netqueue *queue)
{
	uint32_t before = queue->tx_sent, event;

	if (!queue->tx || queue->tx_prod == before)
		return false;
	/* Requests are seen before their count. */
	__atomic_store_n(&queue->tx->req_prod, queue->tx_prod, __ATOMIC_RELEASE);
	queue->tx_sent = queue->tx_prod;
	/* The count is seen before we look whether the back end sleeps. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = READ_ONCE(queue->tx->req_event);
	return queue->tx_prod - event < queue->tx_prod - before;
}

static void kick(struct netdev *dev, void (*notify)(evtchn_port_t port))
{
	struct netfront *front = netfront_of(dev);

	if (!READ_ONCE(dev->carrier))
		return;
	for (unsigned int i = 0; i < front->queues_count; i++) {
		struct netqueue *queue = &front->queues[i];
		bool enabled = spin_lock_events(&queue->tx_lock);

		if (push(queue))
			notify(queue->tx_port);
		spin_unlock_events(&queue->tx_lock, enabled);
	}
}

/* ---- Groups ---- */

static void notify_now(evtchn_port_t port)
{
	(void)evtchn_notify(port);
}

/* One request without a packet, with the group as extra information. */
static void send_group(struct netfront *front, const uint8_t mac[NETDEV_MAC_BYTES], bool join)
{
	struct netqueue *queue = &front->queues[0];
	struct netif_extra_info extra = {.type = join ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD
						      : XEN_NETIF_EXTRA_TYPE_MCAST_DEL};
	netif_tx_request_t request = {.flags = NETTXF_extra_info};
	bool enabled = spin_lock_events(&queue->tx_lock);
	uint16_t id;

	memcpy(extra.u.mcast.addr, mac, NETDEV_MAC_BYTES);
	if (queue->tx && make_room(queue, 2) && take_id(queue, &id) == 0) {
		request.id = id;
		request.gref = queue->tx_pages[id].ref;
		put_request(queue, &request);
		put_extra(queue, &extra);
	}
	spin_unlock_events(&queue->tx_lock, enabled);
}

void netfront_send_groups(struct netfront *front)
{
	if (!front->multicast_control)
		return;
	for (unsigned int i = 0; i < front->groups_count; i++)
		send_group(front, front->groups[i], true);
	kick(&front->dev, notify_now);
}

static void group(struct netdev *dev, const uint8_t mac[NETDEV_MAC_BYTES], bool join)
{
	struct netfront *front = netfront_of(dev);
	unsigned int at = 0;

	while (at < front->groups_count && memcmp(front->groups[at], mac, NETDEV_MAC_BYTES) != 0)
		at++;
	if (join == (at < front->groups_count))
		return;
	if (join && front->groups_count == NET_GROUPS_MAX) {
		log_warn("%s: no room for one more multicast group", dev->name);
		return;
	}
	if (join)
		memcpy(front->groups[front->groups_count++], mac, NETDEV_MAC_BYTES);
	else
		memcpy(front->groups[at], front->groups[--front->groups_count], NETDEV_MAC_BYTES);
	if (front->multicast_control && READ_ONCE(dev->carrier)) {
		send_group(front, mac, join);
		kick(dev, notify_now);
	}
}

static int queue_stats(struct netdev *dev, unsigned int queue, struct netdev_stats *stats_out)
{
	struct netfront *front = netfront_of(dev);

	if (!READ_ONCE(dev->carrier) || queue >= front->queues_count)
		return -ENOENT;
	*stats_out = front->queues[queue].stats;
	return 0;
}

static bool look(struct netdev *dev, bool quiet)
{
	struct netfront *front = netfront_of(dev);
	bool any = false;

	for (unsigned int i = 0; i < front->queues_count; i++)
		any |= netqueue_look(&front->queues[i], quiet);
	return any;
}

static void spread(struct netdev *dev, uint64_t vcpus)
{
	struct netfront *front = netfront_of(dev);
	uint64_t left = vcpus;

	for (unsigned int i = 0; i < front->queues_count; i++, left &= left - 1) {
		const struct netqueue *queue = &front->queues[i];
		uint32_t vcpu;

		if (!left)
			left = vcpus;
		vcpu = (uint32_t)__builtin_ctzll(left);
		/* Where Xen refuses they come to where they came before. */
		(void)evtchn_bind_vcpu(queue->rx_port, vcpu);
		if (queue->tx_port != queue->rx_port)
			(void)evtchn_bind_vcpu(queue->tx_port, vcpu);
	}
}

const struct netdev_ops netfront_ops = {
	.transmit = transmit,
	.kick = kick,
	.queue_stats = queue_stats,
	.group = group,
	.look = look,
	.spread = spread,
};
