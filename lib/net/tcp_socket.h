/* SPDX-License-Identifier: BSD-2-Clause */
/* One TCP endpoint, for the files that deal with it. */
#ifndef LIB_NET_TCP_SOCKET_H
#define LIB_NET_TCP_SOCKET_H

#include <lwip/tcp.h>

#include "core/sleeplock.h"
#include "lib/base/list.h"
#include "lib/net/socket_parts.h"

struct tcp_socket {
	struct net_socket base;
	struct sleeplock rx_lock; /* over net_lock */
	/* net_lock: */
	struct tcp_pcb *pcb; /* NULL: gone */
	struct pbuf *rx_first, *rx_last;
	size_t rx_offset;                         /* read of rx_first */
	size_t rx_bytes;                          /* not read */
	size_t send_bytes_max, receive_bytes_max; /* SO_SNDBUF, SO_RCVBUF */
	bool rx_end, connecting, connected, listening;
	struct list_node waiting; /* listening: struct tcp_socket node, not accepted yet */
	struct list_node node;
};

static inline struct tcp_socket *net_tcp_of(struct net_socket *socket)
{
	return container_of(socket, struct tcp_socket, base);
}

/* tcp_options.c */
int net_tcp_set(struct net_socket *socket, enum net_option option, int64_t value);
int net_tcp_get(struct net_socket *socket, enum net_option option, int64_t *value_out);

#endif
