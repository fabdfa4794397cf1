/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of Internet sockets share. */
#ifndef LIB_POSIX_SOCKET_INET_H
#define LIB_POSIX_SOCKET_INET_H

#include "lib/net/socket.h"
#include "lib/posix/socket.h"

/* What recvmsg() is to say besides the data. */
#define INET_WANT_PKTINFO   0x1u
#define INET_WANT_HOP_LIMIT 0x2u
#define INET_WANT_TRAFFIC   0x4u
#define INET_WANT_PKTINFO6  0x8u
#define INET_WANT_HOPS6     0x10u
#define INET_WANT_TRAFFIC6  0x20u

struct inet_socket {
	struct socket base;
	struct net_socket *net;
	unsigned int wants; /* INET_WANT_* */
	bool cork;
};

/* 0, -EINVAL (too short), -EAFNOSUPPORT. */
int inet_address_in(const struct sockaddr *address, socklen_t bytes,
		    struct net_address *address_out);
/* Fills storage_out; its length. */
socklen_t inet_address_out(const struct net_address *address, struct sockaddr_storage *storage_out);

int inet_set(struct socket *socket, int level, int option, const void *value, socklen_t bytes);
int inet_get(struct socket *socket, int level, int option, void *value, socklen_t *bytes);

#endif
