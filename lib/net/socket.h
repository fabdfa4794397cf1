/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Endpoints of TCP, UDP and raw IP, as lib/posix needs them below its sockets. Nothing here waits:
 * what is not possible yet is -EAGAIN, and the endpoint's head is woken when that may have changed.
 *
 * Functions are for thread context unless they say otherwise. One endpoint may be used by any
 * number of threads; whoever calls net_socket_close() is the last one. Signals are held
 * (lib/posix), for a lock that sleeps is taken here. 0, bytes or -Exxx.
 */
#ifndef LIB_NET_SOCKET_H
#define LIB_NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pollhead.h"

/* Address and port of either family; family 0: none. IPv4 addresses take the first 4 bytes. */
struct net_address {
	uint8_t family; /* 0, 4 or 6 */
	uint16_t port;  /* in host order; of raw sockets 0 */
	uint32_t scope; /* interface index of a link-local IPv6 address, 0: none */
	uint8_t bytes[16];
};

enum net_type { NET_STREAM, NET_DATAGRAM, NET_RAW };

struct net_piece {
	void *bytes;
	size_t bytes_count;
};

/* With send and receive. */
#define NET_PEEK      0x1u
#define NET_MORE      0x2u /* more follows: do not push a short segment */
#define NET_TRUNCATED 0x4u /* result: the datagram was longer than the pieces */
#define NET_DISCARD   0x8u /* TCP: received bytes are thrown away */

struct net_message {
	struct net_piece *pieces; /* the program's memory, touched before by the caller */
	size_t pieces_count;
	size_t bytes_total;         /* in all pieces */
	unsigned int flags;         /* NET_* */
	struct net_address address; /* datagrams: to (family 0: the peer), or from */
	/* Datagrams received: where to, on which interface, with what; sent: interface, 0: any, and
	 * hop_limit, 0: the socket's. */
	struct net_address local;
	uint32_t interface;
	uint8_t hop_limit, traffic_class;
	size_t datagram_bytes; /* received: its whole length */
	uint64_t time_ns;      /* received: wall clock */
};

enum net_option {
	NET_OPT_REUSE_ADDRESS,
	NET_OPT_BROADCAST,
	NET_OPT_KEEPALIVE,
	NET_OPT_KEEPALIVE_IDLE,     /* seconds */
	NET_OPT_KEEPALIVE_INTERVAL, /* seconds */
	NET_OPT_KEEPALIVE_COUNT,
	NET_OPT_NODELAY,
	NET_OPT_MSS,
	NET_OPT_HOP_LIMIT,
	NET_OPT_TRAFFIC_CLASS,
	NET_OPT_V6_ONLY,
	NET_OPT_INTERFACE,     /* index; 0: any */
	NET_OPT_SEND_BYTES,    /* buffer */
	NET_OPT_RECEIVE_BYTES, /* buffer */
	NET_OPT_MULTICAST_HOPS,
	NET_OPT_MULTICAST_LOOP,
	NET_OPT_MULTICAST_INTERFACE, /* index */
	NET_OPT_UNSENT_BYTES,        /* read only: sent and not acknowledged, or not sent */
	NET_OPT_READABLE_BYTES,      /* read only: FIONREAD */
	NET_OPT_STATE,               /* read only: TCP, Linux's number */
};

/* What can be done now. */
#define NET_READABLE 0x01u
#define NET_WRITABLE 0x02u
#define NET_ERROR    0x04u
#define NET_HUNG_UP  0x08u /* both ways */
#define NET_READ_END 0x10u /* the peer sends no more */

struct net_socket;

struct net_socket_ops {
	int (*bind)(struct net_socket *socket, const struct net_address *address);
	int (*connect)(struct net_socket *socket, const struct net_address *address);
	int64_t (*send)(struct net_socket *socket, struct net_message *message);
	int64_t (*receive)(struct net_socket *socket, struct net_message *message);
	int (*shutdown)(struct net_socket *socket, bool reading, bool writing);
	unsigned int (*poll)(struct net_socket *socket);
	int (*name)(struct net_socket *socket, bool peer, struct net_address *address_out);
	int (*set)(struct net_socket *socket, enum net_option option, int64_t value);
	int (*get)(struct net_socket *socket, enum net_option option, int64_t *value_out);
	void (*close)(struct net_socket *socket, bool abort);
};

struct net_socket {
	const struct net_socket_ops *ops;
	struct pollhead head;
	uint8_t family; /* 4 or 6 */
	uint8_t type;   /* enum net_type */
	uint8_t protocol;
	bool v6_only;
	bool read_shut, write_shut; /* net_lock */
	int error;                  /* -Exxx that nobody was told; net_lock */
};

/* family 4 or 6; protocol: IANA's number (0: the type's own). -EPROTONOSUPPORT, -ENOMEM. */
int net_socket_create(unsigned int family, enum net_type type, unsigned int protocol,
		      struct net_socket **socket_out);

/* TCP: from here on connections come in. -EADDRINUSE, -EINVAL (connected). */
int net_tcp_listen(struct net_socket *socket, unsigned int backlog);
/* The oldest connection. -EAGAIN, -EINVAL (does not listen), or why it broke off. */
int net_tcp_accept(struct net_socket *socket, struct net_socket **socket_out);
/* Whether listen() was called. */
bool net_tcp_listens(struct net_socket *socket);

/* Joins or leaves a group, on an interface (0: that of the route, or all). */
int net_group_change(struct net_socket *socket, const struct net_address *group, uint32_t interface,
		     bool join);

/* The pending error, taken. */
int net_socket_take_error(struct net_socket *socket);

#endif
