/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/net/interface_send.h"

#include <lwip/pbuf.h>
#include <lwip/prot/ethernet.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>
#include <lwip/prot/udp.h>

#include "core/heap.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "lib/net/capture.h"
#include "lib/net/checksum.h"

#define PIECES_MAX         64u
#define HEADERS_MAX        160u
#define IP_BYTES_MAX       65535u
#define PROTOCOL_TCP       6
#define PROTOCOL_UDP       17
#define NET_SEND_QUEUE_LOW (NET_SEND_QUEUE_MAX / 4)
#define TCP_FLAGS_FINAL    (TCP_FIN | TCP_PSH)

/* Where things are in a packet that was made here. */
struct layout {
	bool v6, tcp;
	uint16_t ip;      /* offset of the IP header */
	uint16_t l4;      /* of TCP's */
	uint16_t payload; /* of TCP's payload */
	uint16_t sum;     /* of the checksum of TCP or UDP */
};

/* False: neither TCP nor UDP, or a fragment. */
static bool look(const struct pbuf *p, struct layout *layout_out)
{
	const uint8_t *bytes = p->payload;
	const struct eth_hdr *eth = p->payload;
	struct layout layout = {.ip = SIZEOF_ETH_HDR};

	if (p->len < SIZEOF_ETH_HDR + IP_HLEN)
		return false;
	if (eth->type == PP_HTONS(ETHTYPE_IP)) {
		const struct ip_hdr *ip = (const void *)(bytes + layout.ip);

		/* Of fragments only the first has a header, and none can be cut. */
		if (IPH_OFFSET(ip) & PP_HTONS(IP_OFFMASK | IP_MF))
			return false;
		layout.l4 = (uint16_t)(layout.ip + IPH_HL_BYTES(ip));
		layout.tcp = IPH_PROTO(ip) == PROTOCOL_TCP;
		if (!layout.tcp && IPH_PROTO(ip) != PROTOCOL_UDP)
			return false;
	} else if (eth->type == PP_HTONS(ETHTYPE_IPV6)) {
		const struct ip6_hdr *ip = (const void *)(bytes + layout.ip);

		layout.v6 = true;
		layout.l4 = SIZEOF_ETH_HDR + IP6_HLEN;
		layout.tcp = IP6H_NEXTH(ip) == PROTOCOL_TCP;
		if (!layout.tcp && IP6H_NEXTH(ip) != PROTOCOL_UDP)
			return false;
	} else {
		return false;
	}
	if (layout.tcp) {
		const struct tcp_hdr *tcp = (const void *)(bytes + layout.l4);

		if (p->len < layout.l4 + TCP_HLEN)
			return false;
		layout.payload = (uint16_t)(layout.l4 + TCPH_HDRLEN_BYTES(tcp));
		layout.sum = (uint16_t)(layout.l4 + offsetof(struct tcp_hdr, chksum));
		if (p->len < layout.payload)
			return false;
	} else {
		if (p->len < layout.l4 + UDP_HLEN)
			return false;
		layout.sum = (uint16_t)(layout.l4 + offsetof(struct udp_hdr, chksum));
	}
	*layout_out = layout;
	return true;
}

static const struct tcp_hdr *tcp_of(const struct pbuf *p, const struct layout *layout)
{
	return (const void *)((const char *)p->payload + layout->l4);
}

/* Whether next continues what begins with first, bytes_before of whose payload were taken. */
static bool continues(const struct pbuf *first, const struct layout *layout, uint32_t bytes_before,
		      const struct pbuf *next)
{
	const struct tcp_hdr *a = tcp_of(first, layout), *b;
	struct layout other;

	if (!look(next, &other) || !other.tcp || other.v6 != layout->v6 ||
	    other.payload != layout->payload || next->tot_len == other.payload)
		return false;
	b = tcp_of(next, &other);
	/* Same addresses, ports, acknowledgement, options; the flags but the last one's. */
	if (memcmp((const char *)first->payload + (layout->v6 ? layout->ip + 8 : layout->ip + 12),
		   (const char *)next->payload + (layout->v6 ? layout->ip + 8 : layout->ip + 12),
		   layout->v6 ? 32 : 8) != 0)
		return false;
	return a->src == b->src && a->dest == b->dest && a->ackno == b->ackno && a->wnd == b->wnd &&
	       lwip_ntohl(b->seqno) == lwip_ntohl(a->seqno) + bytes_before &&
	       !(TCPH_FLAGS(b) & (TCP_SYN | TCP_RST | TCP_URG)) &&
	       memcmp(a + 1, b + 1, layout->payload - layout->l4 - TCP_HLEN) == 0;
}

/* The pseudo-header's sum, for whoever computes the rest. */
static uint16_t pseudo_sum(const uint8_t *packet, const struct layout *layout, size_t l4_bytes)
{
	uint8_t protocol = layout->tcp ? PROTOCOL_TCP : PROTOCOL_UDP;
	uint64_t sum = (uint64_t)lwip_htons(protocol) + lwip_htons((uint16_t)l4_bytes);
	uint32_t addresses[2];

	if (layout->v6) {
		sum += net_checksum(packet + layout->ip + 8, 32);
	} else {
		memcpy(addresses, packet + layout->ip + 12, sizeof(addresses));
		sum += (uint64_t)addresses[0] + addresses[1];
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* A copy of the first packet's headers, made right for all of it. */
static void finish_headers(uint8_t *headers, const struct layout *layout, size_t bytes_total,
			   uint8_t flags_more, bool blank)
{
	struct ip_hdr *ip = (void *)(headers + layout->ip);
	struct ip6_hdr *ip6 = (void *)(headers + layout->ip);
	struct tcp_hdr *tcp = (void *)(headers + layout->l4);

	if (layout->v6) {
		IP6H_PLEN_SET(ip6, bytes_total - layout->l4);
	} else {
		IPH_LEN_SET(ip, lwip_htons((uint16_t)(bytes_total - layout->ip)));
		IPH_CHKSUM_SET(ip, 0);
		IPH_CHKSUM_SET(ip, (u16_t)~net_checksum(ip, layout->l4 - layout->ip));
	}
	TCPH_SET_FLAG(tcp, flags_more);
	if (blank)
		tcp->chksum = pseudo_sum(headers, layout, bytes_total - layout->l4);
}

struct gathered {
	struct netdev_piece pieces[PIECES_MAX + 1]; /* one for headers */
	unsigned int pieces_count, packets;
	size_t bytes_total;
	uint8_t headers[HEADERS_MAX];
};

/* Adds a packet's bytes from skip on. False: too many pieces. */
static bool add(struct gathered *gathered, const struct pbuf *p, size_t skip)
{
	for (; p; p = p->next) {
		if (skip >= p->len) {
			skip -= p->len;
			continue;
		}
		if (gathered->pieces_count == PIECES_MAX)
			return false;
		gathered->pieces[gathered->pieces_count++] = (struct netdev_piece){
			(const char *)p->payload + skip, (size_t)p->len - skip};
		gathered->bytes_total += (size_t)p->len - skip;
		skip = 0;
	}
	return true;
}

static struct pbuf *at(const struct net_interface *interface, unsigned int index)
{
	return interface->queue[index % NET_SEND_QUEUE_MAX];
}

/* Bytes of payload. */
static size_t payload_of(const struct pbuf *p, const struct layout *layout)
{
	return (size_t)p->tot_len - layout->payload;
}

/* As many packets as follow each other in the queue and can be cut like the first. */
static void gather_segments(struct net_interface *interface, const struct layout *layout,
			    struct gathered *gathered, uint16_t segment, uint8_t *flags_more_out)
{
	struct pbuf *first = at(interface, interface->first);
	bool whole = payload_of(first, layout) % segment == 0;

	*flags_more_out = 0;
	/* What comes after a short segment would change places with its rest. */
	while (whole && interface->first + gathered->packets != interface->last) {
		struct pbuf *next = at(interface, interface->first + gathered->packets);
		unsigned int pieces_before = gathered->pieces_count;
		size_t bytes_before = gathered->bytes_total;

		if (!continues(first, layout, (uint32_t)(bytes_before - layout->payload), next) ||
		    bytes_before + next->tot_len > IP_BYTES_MAX ||
		    (payload_of(next, layout) > segment && next->segment_bytes != segment))
			break;
		if (!add(gathered, next, layout->payload)) {
			gathered->pieces_count = pieces_before;
			gathered->bytes_total = bytes_before;
			break;
		}
		whole = payload_of(next, layout) % segment == 0;
		*flags_more_out |= TCPH_FLAGS(tcp_of(next, layout)) & TCP_FLAGS_FINAL;
		gathered->packets++;
		/* After a FIN nothing comes. */
		if (*flags_more_out & TCP_FIN)
			break;
	}
}

/* TCP: together with what follows it, if the device cuts it. The segments' size, 0: one packet. */
static uint16_t gather(struct net_interface *interface, const struct layout *layout,
		       struct gathered *gathered, uint8_t *flags_more_out)
{
	struct pbuf *first = at(interface, interface->first);
	uint16_t segment =
		first->segment_bytes ? first->segment_bytes : (uint16_t)payload_of(first, layout);
	uint8_t flags = TCPH_FLAGS(tcp_of(first, layout));

	if (!net_interface_cuts(interface, layout->v6) || layout->payload > HEADERS_MAX ||
	    segment == 0 || (flags & (TCP_SYN | TCP_RST | TCP_URG)))
		return 0;
	if (!(flags & TCP_FIN))
		gather_segments(interface, layout, gathered, segment, flags_more_out);
	return gathered->packets > 1 || first->segment_bytes ? segment : 0;
}

/* Sends what is first in the queue, and what goes with it. 0: it left the queue. */
static int send_first(struct net_interface *interface, struct gathered *gathered)
{
	struct pbuf *first = at(interface, interface->first);
	struct netdev_packet packet = {.pieces = gathered->pieces};
	uint8_t flags_more = 0;
	struct layout layout;
	int result;

	gathered->pieces_count = 0;
	gathered->bytes_total = 0;
	gathered->packets = 1;
	if (!add(gathered, first, 0))
		return 0; /* of so many pieces lwIP makes none */
	if (look(first, &layout)) {
		packet.flow = (uint32_t)(layout.l4 +
					 *(const uint32_t *)(const void *)tcp_of(first, &layout));
		packet.v6 = layout.v6;
		if (layout.tcp)
			packet.segment_bytes = gather(interface, &layout, gathered, &flags_more);
		if (packet.segment_bytes == 0 &&
		    !(interface->netif.chksum_flags & NETIF_CHECKSUM_GEN_TCP)) {
			uint16_t *sum = (void *)((char *)first->payload + layout.sum);

			*sum = pseudo_sum(first->payload, &layout,
					  (size_t)first->tot_len - layout.l4);
			packet.flags = NETDEV_PACKET_BLANK;
		}
		if (packet.segment_bytes > 0) {
			/* The headers become a piece of their own. */
			memcpy(gathered->headers, first->payload, layout.payload);
			finish_headers(gathered->headers, &layout, gathered->bytes_total,
				       flags_more, true);
			gathered->pieces[0].bytes =
				(const char *)gathered->pieces[0].bytes + layout.payload;
			gathered->pieces[0].bytes_count -= layout.payload;
			memmove(gathered->pieces + 1, gathered->pieces,
				gathered->pieces_count * sizeof(gathered->pieces[0]));
			gathered->pieces[0] =
				(struct netdev_piece){gathered->headers, layout.payload};
			gathered->pieces_count++;
			packet.flags = NETDEV_PACKET_BLANK;
		}
	}
	packet.pieces_count = gathered->pieces_count;
	packet.bytes_total = gathered->bytes_total;
	result = interface->dev->ops->transmit(interface->dev, &packet);
	if (result == -EAGAIN)
		return result;
	while (gathered->packets-- > 0)
		pbuf_free(at(interface, interface->first++));
	return 0;
}

/* ---- Who waits for room ---- */

bool net_interface_refused;
static struct list_node senders = {&senders, &senders};

void net_sender_wait(struct net_sender *sender)
{
	if (sender->waits)
		return;
	sender->waits = true;
	list_append(&senders, &sender->node);
}

void net_sender_cancel(struct net_sender *sender)
{
	if (!sender->waits)
		return;
	sender->waits = false;
	list_remove(&sender->node);
}

/* All of them: who is first may want another interface. */
static void wake_senders(void)
{
	while (!list_empty(&senders)) {
		struct net_sender *sender = container_of(senders.next, struct net_sender, node);

		net_sender_cancel(sender);
		sender->fn(sender);
	}
}

/* ---- The queue ---- */

static void flush_interface(struct net_flush *flush)
{
	struct net_interface *interface =
		(struct net_interface *)(void *)((char *)flush -
						 offsetof(struct net_interface, flush));
	struct gathered gathered;

	while (interface->first != interface->last && !interface->blocked)
		interface->blocked = send_first(interface, &gathered) != 0;
	interface->dev->ops->kick(interface->dev, net_notify_later);
	if (interface->last - interface->first <= NET_SEND_QUEUE_LOW)
		wake_senders();
}

void net_interface_send_init(struct net_interface *interface)
{
	interface->flush.fn = flush_interface;
	interface->queue = heap_alloc(NET_SEND_QUEUE_MAX * sizeof(interface->queue[0]));
}

err_t net_interface_output(struct netif *netif, struct pbuf *p)
{
	struct net_interface *interface = netif->state;

	if (!interface->queue || interface->last - interface->first == NET_SEND_QUEUE_MAX) {
		net_interface_refused = interface->queue;
		interface->dev->stats.sent_dropped++;
		return ERR_MEM;
	}
	if (net_capturing)
		net_capture_packet(interface->dev->name, p);
	pbuf_ref(p);
	interface->queue[interface->last++ % NET_SEND_QUEUE_MAX] = p;
	net_flush_later(&interface->flush);
	return ERR_OK;
}

void net_interface_send_drop(struct net_interface *interface)
{
	net_flush_cancel(&interface->flush);
	interface->blocked = false;
	while (interface->first != interface->last)
		pbuf_free(at(interface, interface->first++));
	heap_free(interface->queue);
	interface->queue = NULL;
	wake_senders();
}
