/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP asks of us on its way; provided by lib/net/stack.c unless it says otherwise. */
#ifndef LIB_NET_LWIP_HOOKS_H
#define LIB_NET_LWIP_HOOKS_H

#include <lwip/ip_addr.h>

/* Initial sequence number of RFC 6528: a secret hash of the connection, and the time. */
uint32_t net_tcp_isn(const ip_addr_t *local, uint16_t local_port, const ip_addr_t *remote,
		     uint16_t remote_port);
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port)                                  \
	net_tcp_isn(local, local_port, remote, remote_port)

/* Somebody says that what we sent did not arrive: p has the whole ICMP message. v6: of ICMPv6,
 * whose sum was looked at. Provided by lib/net/unreachable.c. */
struct pbuf;
void net_unreachable(int v6, const struct pbuf *p);
#define LWIP_HOOK_UNREACHABLE(v6, p) net_unreachable(v6, p)

/* The IPv6 router that was configured for an interface; NULL: one that announces itself. Provided
 * by lib/net/config.c. */
struct netif;
const ip6_addr_t *net_gateway6(const struct netif *netif);
#define LWIP_HOOK_ND6_GET_GW(netif, destination) net_gateway6(netif)

#endif
