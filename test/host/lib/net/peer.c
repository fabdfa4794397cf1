/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/host/lib/net/peer.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock_netstack.h"

#define WIRE_FRAMES 4096u

void peer_send_tcp(const struct segment *segment)
{
	uint8_t frame[FRAME_MAX];

	netstack_receive(frame, frame_tcp(frame, segment), false);
}

struct segment peer_heard;
uint16_t peer_mss;

void peer_hear(const uint8_t *frame, size_t bytes_count)
{
	const uint8_t *tcp = frame + ETH + 20;

	if (bytes_count < HEAD || frame_get16(frame + 12) != 0x800 || frame[ETH + 9] != 6)
		return;
	peer_heard = (struct segment){.source = frame_get32(frame + ETH + 16),
				      .from = (uint16_t)frame_get16(tcp),
				      .to = (uint16_t)frame_get16(tcp + 2),
				      .seq = frame_get32(tcp + 4),
				      .ack = frame_get32(tcp + 8),
				      .flags = tcp[13]};
}

void peer_start(unsigned int features)
{
	static bool started;

	if (!started)
		netstack_start(features, "10.0.0.2/24,gw=10.0.0.1");
	started = true;
	netstack_fail_alloc = -1;
	netstack_on_frame = peer_hear;
	/* The address is looked for on the wire, and the neighbour answers. */
	netstack_advance(3000 * NS_PER_MS);
	frame_say_arp(NETSTACK_PEER);
}

struct net_socket *peer_open_socket(enum net_type type)
{
	struct net_socket *socket;

	ck_assert_int_eq(net_socket_create(4, type, 0, &socket), 0);
	return socket;
}

struct net_socket *peer_open_listener(unsigned int backlog)
{
	const struct net_address any = {.family = 4, .port = PEER_SERVICE};
	struct net_socket *socket = peer_open_socket(NET_STREAM);

	ck_assert_int_eq(socket->ops->bind(socket, &any), 0);
	ck_assert_int_eq(net_tcp_listen(socket, backlog), 0);
	return socket;
}

/* --- a bad wire --- */

static struct wire {
	unsigned int seed, bad; /* of a thousand frames so many are not delivered as they were */
	size_t count;
	struct {
		size_t bytes_count;
		uint8_t bytes[FRAME_MAX];
	} frames[WIRE_FRAMES]; /* from the stack, not looked at by the peer */
} wire;

static unsigned int next_random(void)
{
	wire.seed = wire.seed * 1103515245 + 12345;
	return wire.seed >> 8;
}

static void on_wire(const uint8_t *frame, size_t bytes_count)
{
	unsigned int kind = next_random() % 1000 < wire.bad ? next_random() % 4 : 4, copies = 1;

	peer_hear(frame, bytes_count);
	if (kind == 0)
		return;
	if (kind == 1)
		copies = 2;
	for (; copies > 0 && wire.count < WIRE_FRAMES; copies--) {
		size_t at = wire.count++;

		if (kind == 2 && at > 0) {
			wire.frames[at] = wire.frames[at - 1];
			at--;
		}
		memcpy(wire.frames[at].bytes, frame, bytes_count);
		wire.frames[at].bytes_count = bytes_count;
		if (kind == 3)
			wire.frames[at].bytes[next_random() % bytes_count] ^= 1
									      << next_random() % 8;
	}
}

static bool sums_are_right(const uint8_t *frame, size_t bytes_count)
{
	uint8_t copy[FRAME_MAX];

	memcpy(copy, frame, bytes_count);
	netstack_fix_sums(copy, bytes_count);
	return memcmp(copy, frame, bytes_count) == 0;
}

/* A byte of the stream by its place. */
static uint8_t byte_at(uint32_t at)
{
	return (uint8_t)(at * 2654435761u >> 13);
}

static void peer_frame(struct peer *peer, const uint8_t *frame, size_t bytes_count)
{
	const uint8_t *ip = frame + ETH, *tcp = ip + 20;
	uint32_t at, payload, head;

	if (bytes_count < HEAD || frame_get16(frame + 12) != 0x800 || ip[0] != 0x45 || ip[9] != 6 ||
	    frame_get32(ip + 16) != NETSTACK_PEER || frame_get16(tcp) != PEER_SERVICE ||
	    frame_get16(tcp + 2) != 999 || frame_get16(ip + 2) + ETH > bytes_count ||
	    !sums_are_right(frame, bytes_count))
		return;
	head = (tcp[12] >> 4) * 4u;
	if (!(tcp[13] & TCP_ACK) || (tcp[13] & (TCP_SYN | TCP_RST)) ||
	    20 + head > frame_get16(ip + 2))
		return;
	payload = frame_get16(ip + 2) - 20 - head;
	at = frame_get32(tcp + 8) - peer->isn - 1;
	if (at <= PEER_BULK && at > peer->acked)
		peer->acked = at;
	at = frame_get32(tcp + 4) - peer->their_isn - 1;
	for (uint32_t i = 0; i < payload && at + i < PEER_BULK; i++) {
		peer->seen[at + i] = 1;
		peer->bytes_seen[at + i] = tcp[head + i];
	}
	while (peer->received < PEER_BULK && peer->seen[peer->received])
		peer->received++;
}

/* One segment to the stack, over the same kind of wire. */
static void peer_send(struct peer *peer, uint32_t at, size_t bytes_count)
{
	uint8_t frame[FRAME_MAX], bytes[PEER_SEGMENT];
	struct segment segment = {.source = NETSTACK_PEER,
				  .from = 999,
				  .to = PEER_SERVICE,
				  .seq = peer->isn + 1 + at,
				  .ack = peer->their_isn + 1 + peer->received,
				  .flags = TCP_ACK,
				  .bytes = bytes,
				  .bytes_count = bytes_count};
	unsigned int kind = next_random() % 1000 < wire.bad ? next_random() % 3 : 3;
	size_t frame_bytes;

	for (size_t i = 0; i < bytes_count; i++)
		bytes[i] = byte_at(at + (uint32_t)i);
	frame_bytes = frame_tcp(frame, &segment);
	if (kind == 0)
		return;
	if (kind == 1)
		frame[next_random() % frame_bytes] ^= 1 << next_random() % 8;
	netstack_receive(frame, frame_bytes, false);
	if (kind == 2)
		netstack_receive(frame, frame_bytes, false);
}

uint32_t peer_program_sends(struct net_socket *socket, uint32_t at)
{
	uint8_t bytes[4096];
	struct net_piece piece = {bytes, sizeof(bytes)};
	struct net_message message = {.pieces = &piece, .pieces_count = 1};
	int64_t done;

	if (at + piece.bytes_count > PEER_BULK)
		piece.bytes_count = PEER_BULK - at;
	message.bytes_total = piece.bytes_count;
	for (size_t i = 0; i < piece.bytes_count; i++)
		bytes[i] = byte_at(at + (uint32_t)i);
	done = piece.bytes_count ? socket->ops->send(socket, &message) : 0;
	test_require(done >= 0 || done == -EAGAIN);
	return done > 0 ? (uint32_t)done : 0;
}

static uint32_t program_receives(struct net_socket *socket, uint32_t at)
{
	uint8_t bytes[8192];
	struct net_piece piece = {bytes, sizeof(bytes)};
	struct net_message message = {
		.pieces = &piece, .pieces_count = 1, .bytes_total = sizeof(bytes)};
	int64_t done = socket->ops->receive(socket, &message);

	test_require(done > 0 || done == -EAGAIN);
	for (int64_t i = 0; i < done; i++)
		test_require(bytes[i] == byte_at(at + (uint32_t)i));
	return done > 0 ? (uint32_t)done : 0;
}

struct net_socket *peer_connects(struct peer *peer, struct net_socket *listener)
{
	struct net_socket *child;
	struct segment segment = {.source = NETSTACK_PEER,
				  .from = 999,
				  .to = PEER_SERVICE,
				  .seq = peer->isn,
				  .flags = TCP_SYN,
				  .mss = peer_mss};

	peer_heard.flags = 0;
	peer_send_tcp(&segment);
	ck_assert_uint_eq(peer_heard.flags, TCP_SYN | TCP_ACK);
	peer->their_isn = peer_heard.seq;
	segment.mss = 0;
	segment.seq++;
	segment.ack = peer_heard.seq + 1;
	segment.flags = TCP_ACK;
	peer_send_tcp(&segment);
	ck_assert_int_eq(net_tcp_accept(listener, &child), 0);
	return child;
}

void peer_exchange(unsigned int seed, unsigned int bad, void (*each_ms)(uint32_t received))
{
	struct peer peer = {
		.isn = seed * 77777, .seen = calloc(1, PEER_BULK), .bytes_seen = malloc(PEER_BULK)};
	struct net_socket *listener = peer_open_listener(4),
			  *child = peer_connects(&peer, listener);
	uint32_t out = 0, in = 0, idle = 0;

	wire = (struct wire){.seed = seed, .bad = bad};
	netstack_on_frame = on_wire;
	for (unsigned int round = 0; peer.received < PEER_BULK || in < PEER_BULK; round++) {
		uint32_t acked = peer.acked;

		if (each_ms)
			each_ms(peer.received);
		if (round >= 200000)
			ck_abort_msg("seed %u: %u of %u sent are acknowledged, %u received", seed,
				     peer.acked, peer.sent, peer.received);
		out += peer_program_sends(child, out);
		in += program_receives(child, in);
		for (size_t i = 0; i < wire.count; i++)
			peer_frame(&peer, wire.frames[i].bytes, wire.frames[i].bytes_count);
		wire.count = 0;
		idle = peer.acked == acked ? idle + 1 : 0;
		/* What nobody acknowledges for long is sent again, all of it. */
		if (idle > 100 && peer.sent > peer.acked) {
			peer.sent = peer.acked;
			idle = 0;
		}
		if (peer.sent < peer.acked)
			peer.sent = peer.acked;
		if (peer.sent < PEER_BULK && peer.sent - peer.acked < 20 * PEER_SEGMENT) {
			size_t part = PEER_BULK - peer.sent < PEER_SEGMENT ? PEER_BULK - peer.sent
									   : PEER_SEGMENT;

			peer_send(&peer, peer.sent, part);
			peer.sent += (uint32_t)part;
		} else {
			peer_send(&peer, peer.sent, 0);
		}
		netstack_advance(NS_PER_MS);
	}
	for (uint32_t i = 0; i < PEER_BULK; i++)
		test_require(peer.bytes_seen[i] == byte_at(i));
	netstack_on_frame = peer_hear;
	child->ops->close(child, true);
	listener->ops->close(listener, true);
	free(peer.seen);
	free(peer.bytes_seen);
}
