/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of the stack: a peer of a few lines at the other end of its wire, which may lose,
 * repeat, swap and damage what is on it. */
#ifndef TEST_HOST_LIB_NET_PEER_H
#define TEST_HOST_LIB_NET_PEER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/net/socket.h"
#include "test/host/lib/net/frames.h"

#define PEER_SERVICE 7 /* the stack's port */
#define PEER_SEGMENT 1000u
#define PEER_BULK    200000u

/* The stack with its one interface, which has features (NETDEV_*) from the first call on. */
void peer_start(unsigned int features);
struct net_socket *peer_open_socket(enum net_type type);
struct net_socket *peer_open_listener(unsigned int backlog);

void peer_send_tcp(const struct segment *segment);
/* The last TCP segment the stack sent, without its bytes; flags are 0 when there was none. */
extern struct segment peer_heard;
/* For netstack_on_frame. */
void peer_hear(const uint8_t *frame, size_t bytes_count);

struct peer {
	uint32_t isn, their_isn;    /* ours is the peer's */
	uint32_t sent, acked;       /* of PEER_BULK, to the stack */
	uint32_t received;          /* in order */
	uint8_t *seen, *bytes_seen; /* by place */
};

/* The segments the peer says it takes, 0: it says nothing, so 536. */
extern uint16_t peer_mss;
/* The peer connects from port 999; what the program accepts. */
struct net_socket *peer_connects(struct peer *peer, struct net_socket *listener);
/* The program sends what comes at this place of the stream; the bytes it could. */
uint32_t peer_program_sends(struct net_socket *socket, uint32_t at);
/* PEER_BULK bytes both ways at once over a wire on which bad of 1,000 frames are lost, repeated,
 * swapped or damaged; each_ms (may be NULL) is called every millisecond. */
void peer_exchange(unsigned int seed, unsigned int bad, void (*each_ms)(uint32_t received));

#endif
