/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DHCPv6 (RFC 8415), when an IPv6 router says that there is a server: for addresses (M), with
 * name servers, or for name servers alone (O). One address for an interface, kept as long as its
 * server or another one wants. Everything under net_lock.
 */
#ifndef LIB_NET_DHCP6_H
#define LIB_NET_DHCP6_H

#include <stdbool.h>
#include <stdint.h>

struct netif;

#define NET_DHCP6_TICK_MS 100u

/* An interface goes. */
void net_dhcp6_end(struct netif *netif);
/* Its carrier came back: is the address good here? */
void net_dhcp6_link_up(struct netif *netif);
/* The state of one of its addresses changed. */
void net_dhcp6_address_changed(struct netif *netif, int index);
/* Whether this one is from a server: nobody else on the link follows from it. */
bool net_dhcp6_is_ours(const struct netif *netif, int index);

/* Each NET_DHCP6_TICK_MS while it is wanted. */
void net_dhcp6_tick(void);
bool net_dhcp6_wants_ticks(void);

#endif
