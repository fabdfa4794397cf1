/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of lib/net's sockets share. */
#ifndef LIB_NET_SOCKET_PARTS_H
#define LIB_NET_SOCKET_PARTS_H

#include <lwip/ip.h>

#include "lib/net/address.h"
#include "lib/net/socket.h"
#include "lib/net/stack.h"

/* Ports of their own that sockets get: RFC 6056, section 3.3.1. */
#define NET_PORT_FIRST 32768u
#define NET_PORT_LAST  60999u
#define NET_PORT_TRIES 64u

struct tcp_pcb;
struct udp_pcb;

extern const struct net_socket_ops net_tcp_ops, net_datagram_ops;

int net_tcp_create(unsigned int family, struct net_socket **socket_out);
int net_datagram_create(unsigned int family, enum net_type type, unsigned int protocol,
			struct net_socket **socket_out);

/* What was sent did not arrive: the program is told so. pcb may also be somebody else's than a
 * socket's, for whom nothing happens; net_tcp_fail() may free it. Under net_lock. */
void net_datagram_fail(struct udp_pcb *pcb, int error);
void net_tcp_fail(struct tcp_pcb *pcb, int error);

/* What went wrong since it was asked last: 0 or -errno, told once. Under net_lock. */
static inline int net_take_error(struct net_socket *socket)
{
	int error = socket->error;

	socket->error = 0;
	return error;
}

/* A random port to try. Under net_lock. */
uint16_t net_port_random(void);

/* Whether an address is ours to bind to; wildcards are. Under net_lock. */
bool net_is_local(const ip_addr_t *ip);

/* Options all of lwIP's control blocks have. 0, -EINVAL, -ENOPROTOOPT: not one of these. Under
 * net_lock. */
int net_pcb_set(struct ip_pcb *pcb, enum net_option option, int64_t value);
int net_pcb_get(const struct ip_pcb *pcb, enum net_option option, int64_t *value_out);

/* Between pbufs and pieces: copies bytes_count bytes from offset on of the bytes of all pieces. */
void net_pieces_write(const struct net_message *message, size_t offset, const void *bytes,
		      size_t bytes_count);
void net_pieces_read(const struct net_message *message, size_t offset, void *bytes_out,
		     size_t bytes_count);

#endif
