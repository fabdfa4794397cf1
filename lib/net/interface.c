/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices as lwIP's interfaces. What lwIP sends waits until the lock is about to be free: then
 * segments of one TCP connection that follow each other leave as one packet, if the device cuts
 * them (GSO). What is received is copied before the lock is taken.
 */
#include "lib/net/interface.h"

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/mld6.h>
#include <lwip/netif.h>
#include <lwip/prot/udp.h>
#include <lwip/priv/tcp_priv.h>
#include <netif/ethernet.h>

#include "core/heap.h"
#include "core/log.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/string.h"
#include "lib/net/address.h"
#include "lib/net/capture.h"
#include "lib/net/config.h"
#include "lib/net/conflict.h"
#include "lib/net/dhcp6.h"
#include "lib/net/interface_send.h"
#include "lib/net/stack.h"

#define RECEIVE_PBUF_BYTES 8128u /* at most: with what goes before it, a buffer of stack.c */

static struct net_interface *of(struct netdev *dev)
{
	return dev->client;
}

/* ---- Receiving ---- */

/* A pbuf chain with the packet's bytes. */
static struct pbuf *copy_packet(const struct netdev_packet *packet)
{
	struct pbuf *first = NULL;
	size_t left = packet->bytes_total, at = 0, piece = 0;

	while (left > 0) {
		size_t bytes = left < RECEIVE_PBUF_BYTES ? left : RECEIVE_PBUF_BYTES, done = 0;
		struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)bytes, PBUF_RAM);

		if (!p) {
			if (first)
				pbuf_free(first);
			return NULL;
		}
		while (done < bytes) {
			size_t part = packet->pieces[piece].bytes_count - at;

			if (part > bytes - done)
				part = bytes - done;
			memcpy((char *)p->payload + done,
			       (const char *)packet->pieces[piece].bytes + at, part);
			done += part;
			at += part;
			if (at == packet->pieces[piece].bytes_count) {
				piece++;
				at = 0;
			}
		}
		left -= bytes;
		if (first)
			pbuf_cat(first, p);
		else
			first = p;
	}
	return first;
}

/* One in a batch. The packet's own pbuf is first in the chain. */
struct received {
	struct received *next;
	struct pbuf *p;
	bool checked;
};

static bool receive(struct netdev *dev, const struct netdev_packet *packet,
		    struct netdev_batch *batch)
{
	struct received *received, *last = batch->last;

	(void)dev;
	if (packet->bytes_total == 0 || packet->bytes_total > NETDEV_PACKET_BYTES)
		return false;
	received = heap_alloc(sizeof(*received));
	if (!received)
		return false;
	received->next = NULL;
	received->checked = packet->flags & (NETDEV_PACKET_BLANK | NETDEV_PACKET_CHECKED);
	received->p = copy_packet(packet);
	if (!received->p) {
		heap_free(received);
		return false;
	}
	if (last)
		last->next = received;
	else
		batch->first = received;
	batch->last = received;
	batch->count++;
	return true;
}

/* Checksums that somebody has seen to are not looked at again. */
static void set_checks(struct netif *netif, bool checked)
{
	u16_t flags = netif->chksum_flags | NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP;

	if (checked)
		flags &= (u16_t) ~(NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP);
	NETIF_SET_CHECKSUM_CTRL(netif, flags);
}

static void deliver(struct netdev *dev, struct netdev_batch *batch)
{
	struct received *received = batch->first;
	bool enabled = net_lock();
	struct net_interface *interface = of(dev);

	while (received) {
		struct received *next = received->next;

		if (interface) {
			set_checks(&interface->netif, received->checked);
			if (net_capturing)
				net_capture_packet(dev->name, received->p);
			net_conflict_look(&interface->netif, received->p);
			if (interface->netif.input(received->p, &interface->netif) != ERR_OK)
				pbuf_free(received->p);
		} else {
			pbuf_free(received->p);
		}
		heap_free(received);
		received = next;
	}
	*batch = (struct netdev_batch){.first = NULL};
	/* What we send to ourselves needs none. */
	if (interface)
		set_checks(&interface->netif, true);
	net_unlock(enabled);
}

/* ---- Coming and going ---- */

static err_t group_changed(struct netif *netif, const uint8_t mac[NETDEV_MAC_BYTES], bool join)
{
	struct net_interface *interface = netif->state;

	if (interface->dev->ops->group)
		interface->dev->ops->group(interface->dev, mac, join);
	return ERR_OK;
}

static err_t on_group4(struct netif *netif, const ip4_addr_t *group,
		       enum netif_mac_filter_action action)
{
	const uint8_t mac[NETDEV_MAC_BYTES] = {
		0x01, 0x00, 0x5e, ip4_addr2(group) & 0x7f, ip4_addr3(group), ip4_addr4(group)};

	return group_changed(netif, mac, action == NETIF_ADD_MAC_FILTER);
}

static err_t on_group6(struct netif *netif, const ip6_addr_t *group,
		       enum netif_mac_filter_action action)
{
	uint8_t mac[NETDEV_MAC_BYTES] = {0x33, 0x33};

	memcpy(mac + 2, &group->addr[3], 4);
	return group_changed(netif, mac, action == NETIF_ADD_MAC_FILTER);
}

/* ICMP's and IP's own sums are always made and looked at. */
#define CHECKSUMS_OTHERS                                                                           \
	(NETIF_CHECKSUM_ENABLE_ALL & ~(NETIF_CHECKSUM_GEN_TCP | NETIF_CHECKSUM_GEN_UDP |           \
				       NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP))

/* Those a device can make. */
#define CHECKSUMS_OFFLOADED (NETIF_CHECKSUM_GEN_TCP | NETIF_CHECKSUM_GEN_UDP)

static bool offloads(const struct netdev *dev)
{
	return (dev->features & NETDEV_CHECKSUM4) && (dev->features & NETDEV_CHECKSUM6);
}

/* Of a TCP connection: the more a packet holds, the less often the stack has work to do with it. */
#define PACKET_SEGMENTS 4u

unsigned int net_interface_segments(const struct tcp_pcb *pcb)
{
	const struct netif *netif = ip_route(&pcb->local_ip, &pcb->remote_ip);

	if (!netif || netif->name[0] == 'l')
		return netif ? PACKET_SEGMENTS : 1;
	return net_interface_cuts(netif->state, IP_IS_V6_VAL(pcb->remote_ip)) &&
			       !(netif->chksum_flags & NETIF_CHECKSUM_GEN_TCP)
		       ? PACKET_SEGMENTS
		       : 1;
}

void net_interface_sums(size_t datagram_bytes, bool begin)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		/* What makes TCP's sums makes UDP's. */
		if (netif->name[0] == 'l' || datagram_bytes + IP6_HLEN + UDP_HLEN <= netif->mtu ||
		    (netif->chksum_flags & NETIF_CHECKSUM_GEN_TCP))
			continue;
		if (begin)
			netif->chksum_flags |= NETIF_CHECKSUM_GEN_UDP;
		else
			netif->chksum_flags &= (u16_t)~NETIF_CHECKSUM_GEN_UDP;
	}
}

/* What lwIP computes itself depends on what the device can. */
static void set_features(struct net_interface *interface)
{
	struct netif *netif = &interface->netif;
	struct netdev *dev = interface->dev;

	netif->mtu = (u16_t)(dev->mtu < NETDEV_MTU_MIN ? NETDEV_MTU_MIN : dev->mtu);
	netif->mtu6 = netif->mtu;
	interface->features = dev->features;
	/* Checks are on only while a packet from outside is looked at, see deliver(). */
	NETIF_SET_CHECKSUM_CTRL(netif, offloads(dev) ? CHECKSUMS_OTHERS
						     : CHECKSUMS_OTHERS | CHECKSUMS_OFFLOADED);
}

static err_t init_netif(struct netif *netif)
{
	struct net_interface *interface = netif->state;

	netif->name[0] = 'e';
	netif->name[1] = 't';
	netif->output = etharp_output;
	netif->output_ip6 = ethip6_output;
	netif->linkoutput = net_interface_output;
	netif->hwaddr_len = NETDEV_MAC_BYTES;
	memcpy(netif->hwaddr, interface->dev->mac, NETDEV_MAC_BYTES);
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
		       NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
	netif_set_igmp_mac_filter(netif, on_group4);
	netif_set_mld_mac_filter(netif, on_group6);
	set_features(interface);
	return ERR_OK;
}

/* While there is no carrier, what is sent is lost, and all else stays as it is, as on Linux: to
 * lwIP the link stays up once it was, or there would be no routes and every call an error. When
 * the carrier comes back, others are told where we are, routers and DHCP servers are asked anew. */
static void set_carrier(struct net_interface *interface)
{
	if (interface->carrier == interface->dev->carrier)
		return;
	interface->carrier = interface->dev->carrier;
	log_info("%s: link %s", interface->dev->name, interface->carrier ? "up" : "down");
	if (!interface->carrier)
		return;
	netif_set_link_down(&interface->netif);
	netif_set_link_up(&interface->netif);
}

static int attach(struct netdev *dev)
{
	struct net_interface *interface = heap_alloc_zeroed(sizeof(*interface));
	bool enabled;

	if (!interface)
		return -ENOMEM;
	interface->dev = dev;
	net_interface_send_init(interface);
	enabled = net_lock();
	dev->client = interface;
	if (!netif_add_noaddr(&interface->netif, interface, init_netif, ethernet_input)) {
		dev->client = NULL;
		net_unlock(enabled);
		heap_free(interface);
		return -ENOMEM;
	}
	if (!netif_default || netif_default->name[0] == 'l')
		netif_set_default(&interface->netif);
	net_config_begin(&interface->netif, dev->name, dev->config ? dev->config(dev) : NULL);
	set_carrier(interface);
	net_config_changed(&interface->netif);
	net_timers_changed();
	net_unlock(enabled);
	return 0;
}

static void detach(struct netdev *dev)
{
	bool enabled = net_lock();
	struct net_interface *interface = of(dev);
	struct netif *netif;

	dev->client = NULL;
	if (!interface) {
		net_unlock(enabled);
		return;
	}
	net_interface_send_drop(interface);
	net_config_end(&interface->netif);
	netif_remove(&interface->netif);
	if (!netif_default) {
		NETIF_FOREACH(netif)
		{
			if (netif->name[0] == 'e')
				netif_set_default(netif);
		}
	}
	net_timers_changed();
	net_unlock(enabled);
	heap_free(interface);
}

/* Open connections go on with what the device can now. */
static void adapt_connections(const struct net_interface *interface)
{
	struct tcp_pcb *pcb;

	for (pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
		pcb->segments_max = (u8_t)net_interface_segments(pcb);
		if (ip_route(&pcb->local_ip, &pcb->remote_ip) == &interface->netif)
			pcb->mss = tcp_eff_send_mss_netif(
				pcb->mss, (struct netif *)&interface->netif, &pcb->remote_ip);
	}
}

static void changed(struct netdev *dev)
{
	bool enabled = net_lock();
	struct net_interface *interface = of(dev);
	unsigned int mtu;

	if (interface) {
		mtu = interface->netif.mtu;
		set_features(interface);
		if (interface->netif.mtu != mtu)
			log_info("%s: mtu %u", dev->name, interface->netif.mtu);
		adapt_connections(interface);
		set_carrier(interface);
		net_config_changed(&interface->netif);
		net_timers_changed();
		/* What waits goes, or is lost now that nobody takes it. */
		interface->blocked = false;
		net_flush_later(&interface->flush);
	}
	net_unlock(enabled);
}

static void room(struct netdev *dev)
{
	bool enabled = net_lock();

	if (of(dev)) {
		of(dev)->blocked = false;
		net_flush_later(&of(dev)->flush);
	}
	net_unlock(enabled);
}

static const struct netdev_client client = {
	.attach = attach,
	.detach = detach,
	.changed = changed,
	.receive = receive,
	.deliver = deliver,
	.room = room,
};

void net_interfaces_init(void)
{
	netdev_set_client(&client);
}

/* ---- What others ask ---- */

static void name_of(const struct netif *netif, char *name_out, size_t bytes)
{
	const struct net_interface *interface = netif->state;

	if (netif->name[0] == 'l')
		format_text(name_out, bytes, "lo");
	else
		format_text(name_out, bytes, "%s", interface->dev->name);
}

static unsigned int prefix_of(uint32_t mask)
{
	return (unsigned int)__builtin_popcount(mask);
}

static void sum_stats(struct netdev *dev, struct netdev_stats *all)
{
	struct netdev_stats part;

	*all = dev->stats;
	if (!dev->ops->queue_stats)
		return;
	for (unsigned int i = 0; dev->ops->queue_stats(dev, i, &part) == 0; i++) {
		all->received_packets += part.received_packets;
		all->received_bytes += part.received_bytes;
		all->received_errors += part.received_errors;
		all->received_dropped += part.received_dropped;
		all->sent_packets += part.sent_packets;
		all->sent_bytes += part.sent_bytes;
		all->sent_errors += part.sent_errors;
	}
}

static void describe(struct netif *netif, struct net_interface_info *info)
{
	unsigned int count = 0;

	*info = (struct net_interface_info){
		.index = netif_get_index(netif),
		.mtu = netif->name[0] == 'l' ? 65535u : netif->mtu,
		.up = netif_is_up(netif),
		.running = true,
		.loopback = netif->name[0] == 'l',
	};
	name_of(netif, info->name, sizeof(info->name));
	if (!info->loopback) {
		const struct net_interface *interface = netif->state;

		info->running = interface->carrier;
		memcpy(info->mac, netif->hwaddr, sizeof(info->mac));
		sum_stats(interface->dev, &info->stats);
	}
	if (!ip4_addr_isany(netif_ip4_addr(netif))) {
		net_address_from_lwip(netif_ip_addr4(netif), 0, 4, &info->addresses[0].address);
		info->addresses[0].prefix_bits = (uint8_t)prefix_of(netif_ip4_netmask(netif)->addr);
		count = 1;
	}
	for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES && count < NET_INTERFACE_ADDRESSES_MAX; i++) {
		if (!ip6_addr_isvalid(netif_ip6_addr_state(netif, i)))
			continue;
		net_address_from_lwip(netif_ip_addr6(netif, i), 0, 6,
				      &info->addresses[count].address);
		info->addresses[count++].prefix_bits =
			info->loopback || net_dhcp6_is_ours(netif, i) ? 128 : 64;
	}
	info->addresses_count = count;
}

bool net_interface_get(uint32_t index, struct net_interface_info *info_out)
{
	bool enabled = net_lock();
	struct netif *netif, *best = NULL;

	NETIF_FOREACH(netif)
	{
		if (netif_get_index(netif) >= index &&
		    (!best || netif_get_index(netif) < netif_get_index(best)))
			best = netif;
	}
	if (best)
		describe(best, info_out);
	net_unlock(enabled);
	return best;
}

bool net_interface_queue(uint32_t index, unsigned int queue, struct netdev_stats *stats_out)
{
	bool enabled = net_lock(), found = false;
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		if (netif_get_index(netif) == index && netif->name[0] != 'l') {
			struct netdev *dev = ((struct net_interface *)netif->state)->dev;

			found = dev->ops->queue_stats &&
				dev->ops->queue_stats(dev, queue, stats_out) == 0;
		}
	}
	net_unlock(enabled);
	return found;
}

uint32_t net_interface_find(const char *name)
{
	bool enabled = net_lock();
	struct netif *netif;
	uint32_t index = 0;
	char text[16];

	NETIF_FOREACH(netif)
	{
		name_of(netif, text, sizeof(text));
		if (strcmp(text, name) == 0)
			index = netif_get_index(netif);
	}
	net_unlock(enabled);
	return index;
}

uint32_t net_interface_with_v4(uint32_t address)
{
	bool enabled = net_lock();
	struct netif *netif;
	uint32_t index = 0;

	NETIF_FOREACH(netif)
	{
		if (netif_ip4_addr(netif)->addr == address)
			index = netif_get_index(netif);
	}
	net_unlock(enabled);
	return index;
}
