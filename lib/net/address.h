/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of ours and lwIP's. */
#ifndef LIB_NET_ADDRESS_H
#define LIB_NET_ADDRESS_H

#include <lwip/ip_addr.h>

#include "lib/net/socket.h"

/* address as a socket of socket_family uses it: an IPv4-mapped address becomes IPv4; of a socket of
 * IPv6 that takes both, the wildcard is lwIP's IPADDR_TYPE_ANY. 0, or -EAFNOSUPPORT. */
int net_address_to_lwip(const struct net_address *address, const struct net_socket *socket,
			ip_addr_t *ip_out);
/* For a socket of IPv6 IPv4 addresses come out mapped. */
void net_address_from_lwip(const ip_addr_t *ip, uint16_t port, unsigned int socket_family,
			   struct net_address *address_out);

/* Text: "10.0.0.5", "fe80::1". 0 or -EINVAL. */
int net_address_parse(const char *text, struct net_address *address_out);

#define NET_ADDRESS_TEXT_BYTES 48
const char *net_address_format(const ip_addr_t *ip, char text_out[NET_ADDRESS_TEXT_BYTES]);

#endif
