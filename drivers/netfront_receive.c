/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving. Each response is copied once, checked, and used; the packet itself is copied by the
 * stack before anybody looks at it, for the back end may go on writing to the page.
 */
#include "arch/x86_64/cpu.h"
#include "drivers/netfront_internal.h"
#include "lib/base/string.h"

_Static_assert(sizeof(netif_rx_response_t) == 8, "Xen: public/io/netif.h");
_Static_assert(sizeof(struct netif_extra_info) == 8, "Xen: public/io/netif.h");

void netqueue_post(struct netqueue *queue)
{
	uint32_t first = queue->rx_prod, event;

	while (queue->rx_frees > 0 && queue->rx_prod - queue->rx_cons < NET_RING_SLOTS) {
		uint32_t slot = queue->rx_prod % NET_RING_SLOTS;
		uint16_t page = queue->rx_free[--queue->rx_frees];
		netif_rx_request_t request = {.id = (uint16_t)slot,
					      .gref = queue->rx_pages[page].ref};

		queue->rx_slots[slot] = page;
		memcpy(&queue->rx->ring[slot].req, &request, sizeof(request));
		queue->rx_prod++;
	}
	if (queue->rx_prod == first)
		return;
	/* Requests are seen before their count; pairs with the back end's read barrier. */
	__atomic_store_n(&queue->rx->req_prod, queue->rx_prod, __ATOMIC_RELEASE);
	/* The count is seen before we look whether the back end sleeps. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = READ_ONCE(queue->rx->req_event);
	if (queue->rx_prod - event < queue->rx_prod - first && queue->rx_port)
		(void)evtchn_notify(queue->rx_port);
}

/* One response's 8 bytes, read from the ring once. */
static uint64_t take(struct netqueue *queue)
{
	uint64_t word =
		*(volatile uint64_t *)(void *)&queue->rx->ring[queue->rx_cons % NET_RING_SLOTS];

	queue->rx_cons++;
	return word;
}

/* The page that was in the slot just taken; it may be posted again from now on, which nobody does
 * before the packet is copied. */
static uint16_t take_page(struct netqueue *queue)
{
	uint32_t slot = (queue->rx_cons - 1) % NET_RING_SLOTS;
	uint16_t page = queue->rx_slots[slot];

	queue->rx_slots[slot] = NET_NO_PAGE;
	if (page != NET_NO_PAGE)
		queue->rx_free[queue->rx_frees++] = page;
	return page;
}

struct gathered {
	struct netdev_piece pieces[NET_PACKET_SLOTS];
	struct netdev_packet packet;
	bool failed; /* the back end could not fill it */
};

/* The slots of extra information that follow. NULL, or what is wrong. */
static const char *take_extras(struct netqueue *queue, uint32_t prod, struct gathered *gathered)
{
	struct netif_extra_info extra;
	unsigned int count = 0;

	do {
		uint64_t word;

		if (queue->rx_cons == prod || ++count >= XEN_NETIF_EXTRA_TYPE_MAX)
			return "extra information without end";
		word = take(queue);
		(void)take_page(queue);
		memcpy(&extra, &word, sizeof(extra));
		if (extra.type == XEN_NETIF_EXTRA_TYPE_NONE ||
		    extra.type >= XEN_NETIF_EXTRA_TYPE_MAX)
			return "extra information of no known type";
		if (extra.type != XEN_NETIF_EXTRA_TYPE_GSO)
			continue;
		if (extra.u.gso.size == 0 || (extra.u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 &&
					      extra.u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6))
			return "a bad segment size or type";
		gathered->packet.segment_bytes = extra.u.gso.size;
		gathered->packet.v6 = extra.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV6;
	} while (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return NULL;
}

/* One packet: all its slots are there, or the back end is broken. NULL, or what is wrong. */
static const char *take_packet(struct netqueue *queue, uint32_t prod, struct gathered *gathered)
{
	netif_rx_response_t response;
	bool first = true;

	gathered->failed = false;
	gathered->packet = (struct netdev_packet){.pieces = gathered->pieces};
	do {
		uint64_t word;
		uint16_t page;
		const char *why;

		if (queue->rx_cons == prod)
			return "a packet that is not all there";
		word = take(queue);
		memcpy(&response, &word, sizeof(response));
		if (response.id != (queue->rx_cons - 1) % NET_RING_SLOTS)
			return "a response to another request";
		page = take_page(queue);
		if (page == NET_NO_PAGE)
			return "a response to no request";
		if (first && (response.flags & NETRXF_extra_info)) {
			why = take_extras(queue, prod, gathered);
			if (why)
				return why;
		}
		if (first && (response.flags & NETRXF_csum_blank))
			gathered->packet.flags |= NETDEV_PACKET_BLANK;
		if (first && (response.flags & NETRXF_data_validated))
			gathered->packet.flags |= NETDEV_PACKET_CHECKED;
		first = false;
		if (response.status < 0) {
			gathered->failed = true;
			continue;
		}
		if (response.offset + (uint32_t)response.status > PAGE_BYTES)
			return "bytes beyond the page";
		if (gathered->packet.pieces_count == NET_PACKET_SLOTS)
			return "a packet of too many pieces";
		if (response.status > 0)
			gathered->pieces[gathered->packet.pieces_count++] = (struct netdev_piece){
				(char *)queue->rx_pages[page].vaddr + response.offset,
				(size_t)response.status};
		gathered->packet.bytes_total += (size_t)response.status;
	} while (response.flags & NETRXF_more_data);
	return NULL;
}

/* Responses up to prod: what prod may be was checked. */
static const char *take_packets(struct netqueue *queue, uint32_t prod, struct netdev_batch *batch)
{
	struct gathered gathered;

	while (queue->rx_cons != prod) {
		const char *why = take_packet(queue, prod, &gathered);

		if (why)
			return why;
		if (gathered.failed || gathered.packet.bytes_total > NETDEV_PACKET_BYTES) {
			queue->stats.received_errors++;
		} else if (netdev_receive(&queue->front->dev, &gathered.packet, batch)) {
			queue->stats.received_packets++;
			queue->stats.received_bytes += gathered.packet.bytes_total;
		} else {
			queue->stats.received_dropped++;
		}
	}
	return NULL;
}

/* Wanted: an event for the next one. Then look again. */
static void arm(struct netqueue *queue)
{
	queue->rx_quiet = false;
	WRITE_ONCE(queue->rx->rsp_event, queue->rx_cons + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* All that is there. False: nothing was; or the queue is broken, and why. rx_lock. */
static bool receive(struct netqueue *queue, const char **why_out)
{
	struct netdev_batch batch = {.first = NULL};
	const char *why = NULL;
	bool any = false, crowded;
	uint32_t prod;

	if (!queue->rx)
		return false;
	for (unsigned int rounds = 0; rounds < NET_RING_SLOTS; rounds++) {
		/* Responses are read after their count; pairs with the back end's write barrier. */
		prod = __atomic_load_n(&queue->rx->rsp_prod, __ATOMIC_ACQUIRE);
		if (prod == queue->rx_cons)
			break;
		/* Neither backwards nor beyond what we asked for, whatever the numbers' turn. */
		if (prod - queue->rx_cons > queue->rx_prod - queue->rx_cons) {
			why = "more responses than requests";
			break;
		}
		any = true;
		crowded = (prod - queue->rx_cons) * 2 >= queue->rx_pages_count;
		why = take_packets(queue, prod, &batch);
		if (why)
			break;
		/* Half of the pages at once: twice as many, as far as there is memory. */
		if (crowded && queue->rx_pages_count < queue->rx_pages_max)
			(void)netqueue_grow(queue, queue->rx_pages_count);
		netqueue_post(queue);
		arm(queue);
	}
	netdev_deliver(&queue->front->dev, &batch);
	if (why) {
		queue->rx = NULL;
		*why_out = why;
	}
	return any;
}

bool netqueue_receive(struct netqueue *queue)
{
	bool any, enabled = spin_lock_events(&queue->rx_lock);
	const char *why = NULL;

	any = receive(queue, &why);
	/* Who looked may have taken what the event was for. */
	any |= queue->rx_looked;
	queue->rx_looked = false;
	spin_unlock_events(&queue->rx_lock, enabled);
	if (why)
		netfront_broken(queue->front, why);
	return any;
}

bool netqueue_look(struct netqueue *queue, bool quiet)
{
	bool any, enabled = spin_lock_events(&queue->rx_lock);
	const char *why = NULL;

	any = receive(queue, &why);
	if (queue->rx && quiet && !any && !queue->rx_quiet) {
		/* The back end tells of the response with this number, which is past. */
		WRITE_ONCE(queue->rx->rsp_event, queue->rx_cons);
		queue->rx_quiet = true;
	} else if (queue->rx && !quiet && queue->rx_quiet) {
		arm(queue);
		any |= receive(queue, &why);
	}
	queue->rx_looked |= any;
	spin_unlock_events(&queue->rx_lock, enabled);
	if (why)
		netfront_broken(queue->front, why);
	return any;
}

void netqueue_rx_event(evtchn_port_t port, void *arg)
{
	evtchn_eoi(port, !netqueue_receive(arg));
}
