/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that somebody else has too (RFC 5227): one probe when a configured address is first
 * used, and a look at all that is said by ARP. It is in the log; we go on using ours, as Linux
 * does. DHCP and link-local addresses are probed by lwIP before they are used.
 */
#ifndef LIB_NET_CONFLICT_H
#define LIB_NET_CONFLICT_H

struct netif;
struct pbuf;

/* Asks the network who has the interface's address. Under net_lock. */
void net_conflict_probe(struct netif *netif);
/* A frame that was received, before the stack sees it. Under net_lock. */
void net_conflict_look(struct netif *netif, const struct pbuf *p);

#endif
