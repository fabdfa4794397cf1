/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who gives an interface its addresses. In this order: the command line, what the toolstack wrote
 * into xenstore (`vif=['ip=…']`), DHCP with link-local addresses (RFC 3927) when nobody answers.
 * IPv6: link-local, and what routers announce (SLAAC).
 *
 *	ip=10.0.0.5/24,gw=10.0.0.1,dns=10.0.0.53	the first interface; also ip=dhcp, ip=none
 *	ip=eth1:10.1.0.5/24				another one; several are separated by ;
 *	ip=…,ip6=fd00::5/64,gw6=fd00::1
 */
#ifndef LIB_NET_CONFIG_H
#define LIB_NET_CONFIG_H

#include <stdbool.h>

#include "lib/net/socket.h"

struct netif;

/* text: of the command line, NULL for none; borrowed for good. hostname likewise, for DHCP. 0, or
 * -EINVAL and which part is wrong. */
int net_config_set(const char *text, const char *hostname, const char **wrong_out);

/* A new interface; store: what xenstore says of it, NULL for nothing. Under net_lock. */
void net_config_begin(struct netif *netif, const char *name, const char *store);
void net_config_end(struct netif *netif);
/* Carrier came or went, an address too. Under net_lock. */
void net_config_changed(struct netif *netif);

/* Whether some interface has no address yet that could get one; woken when that changes. */
bool net_config_pending(void);
extern struct waitq net_config_queue;

#endif
