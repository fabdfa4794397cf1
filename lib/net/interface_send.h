/* SPDX-License-Identifier: BSD-2-Clause */
/* An interface, and the packets that wait to leave it. Everything under net_lock. */
#ifndef LIB_NET_INTERFACE_SEND_H
#define LIB_NET_INTERFACE_SEND_H

#include <lwip/netif.h>

#include "core/netdev.h"
#include "lib/base/list.h"
#include "lib/net/stack.h"

#define NET_SEND_QUEUE_MAX 1024u /* packets; a power of two */

struct net_interface {
	struct netif netif;
	struct netdev *dev;
	bool carrier;            /* the device's, as lwIP knows it */
	unsigned int features;   /* NETDEV_*: of now */
	struct net_dhcp6 *dhcp6; /* NULL: no router said that there are servers */
	ip6_addr_t gateway6;     /* as configured; zeros: routers say */
	struct net_flush flush;
	struct pbuf **queue; /* NET_SEND_QUEUE_MAX of them; free-running first and last */
	unsigned int first, last;
	bool blocked; /* the device has no room; it says when it has */
};

/* "eth0"; not of the loopback interface. */
static inline const char *net_interface_name(const struct netif *netif)
{
	return ((const struct net_interface *)netif->state)->dev->name;
}

/* Whether the device cuts packets of TCP, and makes their sums. */
static inline bool net_interface_cuts(const struct net_interface *interface, bool v6)
{
	unsigned int needed =
		v6 ? NETDEV_SEGMENT6 | NETDEV_CHECKSUM6 : NETDEV_SEGMENT4 | NETDEV_CHECKSUM4;

	return (interface->features & needed) == needed;
}

/* Who waits until an interface has room for packets again. Zeros: nobody. */
struct net_sender {
	struct list_node node;
	bool waits;
	void (*fn)(struct net_sender *sender); /* there is room, and it does not wait any more */
};
/* Set when a packet was refused because the queue was full, until somebody clears it. */
extern bool net_interface_refused;
void net_sender_wait(struct net_sender *sender);
void net_sender_cancel(struct net_sender *sender);

/* Before and after a datagram is sent that may be longer than a packet: of fragments no device
 * makes the sum. */
void net_interface_sums(size_t datagram_bytes, bool begin);

/* How many segments of a connection a packet may hold. */
struct tcp_pcb;
unsigned int net_interface_segments(const struct tcp_pcb *pcb);

void net_interface_send_init(struct net_interface *interface);
/* lwIP's linkoutput: takes a reference. ERR_MEM: the queue is full. */
err_t net_interface_output(struct netif *netif, struct pbuf *p);
/* Forgets what waits. */
void net_interface_send_drop(struct net_interface *interface);

#endif
