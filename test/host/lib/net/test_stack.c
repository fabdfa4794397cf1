/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole stack beside a peer of a few lines, with a virtual clock and seeds: numbers nobody
 * guesses, floods, and a wire that loses, repeats, swaps and damages.
 * Links: xen/hypercall.c
 * Links: lib/net/stack.c lib/net/capture.c lib/net/checksum.c lib/net/address.c lib/net/interface.c
 * Links: lib/net/interface_send.c lib/net/config.c lib/net/socket.c lib/net/tcp_socket.c
 * Links: lib/net/tcp_options.c lib/net/datagram_socket.c core/netdev.c core/pollhead.c
 * Links: lib/base/format.c lib/base/parse.c lib/base/siphash.c test/mock/mock_netstack.c
 * Links: test/host/fake_core.c test/host/fake_spinlock.c test/host/lib/net/frames.c
 * Links: lib/net/unreachable.c lib/net/conflict.c
 */
#include <stdlib.h>
#include <string.h>

#include "core/netdev.h"
#include "lib/base/error.h"
#include "lib/net/socket.h"
#include "lib/net/stack.h"
#include "test/host/check_main.h"
#include "test/host/lib/net/frames.h"
#include "test/mock/mock_netstack.h"

#define PORT        7
#define WIRE_FRAMES 4096u
#define SEGMENT     1000u
#define BULK        200000u

/* --- frames --- */

static void send_tcp(const struct segment *segment)
{
	uint8_t frame[FRAME_MAX];

	netstack_receive(frame, frame_tcp(frame, segment), false);
}

/* The last TCP segment the stack sent; its flags are 0 when there was none. */
static struct segment heard;

static void hear(const uint8_t *frame, size_t bytes_count)
{
	const uint8_t *tcp = frame + ETH + 20;

	if (bytes_count < HEAD || frame_get16(frame + 12) != 0x800 || frame[ETH + 9] != 6)
		return;
	heard = (struct segment){.source = frame_get32(frame + ETH + 16),
				 .from = (uint16_t)frame_get16(tcp),
				 .to = (uint16_t)frame_get16(tcp + 2),
				 .seq = frame_get32(tcp + 4),
				 .ack = frame_get32(tcp + 8),
				 .flags = tcp[13]};
}

static unsigned int features; /* of the device, before the first start */

static void start(void)
{
	static bool started;

	if (!started)
		netstack_start(features, "10.0.0.2/24,gw=10.0.0.1");
	started = true;
	netstack_fail_alloc = -1;
	netstack_on_frame = hear;
	/* The address is looked for on the wire, and the neighbour answers. */
	netstack_advance(3000 * NS_PER_MS);
	frame_say_arp(NETSTACK_PEER);
}

static struct net_socket *open_socket(enum net_type type)
{
	struct net_socket *socket;

	ck_assert_int_eq(net_socket_create(4, type, 0, &socket), 0);
	return socket;
}

static struct net_socket *open_listener(unsigned int backlog)
{
	const struct net_address any = {.family = 4, .port = PORT};
	struct net_socket *socket = open_socket(NET_STREAM);

	ck_assert_int_eq(socket->ops->bind(socket, &any), 0);
	ck_assert_int_eq(net_tcp_listen(socket, backlog), 0);
	return socket;
}

/* The stack's first number for a connection from this port. */
static uint32_t isn_of(uint16_t from)
{
	struct segment segment = {
		.source = NETSTACK_PEER, .from = from, .to = PORT, .seq = 1, .flags = TCP_SYN};

	heard.flags = 0;
	send_tcp(&segment);
	ck_assert_uint_eq(heard.flags, TCP_SYN | TCP_ACK);
	segment.seq = 2;
	segment.flags = TCP_RST;
	send_tcp(&segment);
	return heard.seq;
}

/* --- numbers --- */

/* RFC 6528: for one connection they grow with the clock; two connections have nothing in common. */
START_TEST(first_numbers)
{
	struct net_socket *listener;
	uint32_t before, after, near = 0;

	start();
	listener = open_listener(16);
	for (uint16_t port = 2000; port < 2050; port++) {
		before = isn_of(port);
		netstack_advance(64 * 1000);
		after = isn_of(port);
		ck_assert_uint_eq(after - before, 1000);
		/* A neighbour's number says nothing of this one's. */
		if (isn_of((uint16_t)(port + 1)) - after + 0x1000000 < 0x2000000)
			near++;
	}
	ck_assert_uint_lt(near, 5);
	listener->ops->close(listener, true);
}
END_TEST

START_TEST(random_ports)
{
	const struct net_address any = {.family = 4};
	struct net_address name;
	uint32_t follows = 0, last = 0, low = 0;

	start();
	for (unsigned int i = 0; i < 200; i++) {
		struct net_socket *socket = open_socket(i % 2 ? NET_STREAM : NET_DATAGRAM);

		ck_assert_int_eq(socket->ops->bind(socket, &any), 0);
		ck_assert_int_eq(socket->ops->name(socket, false, &name), 0);
		ck_assert_uint_ge(name.port, 32768);
		ck_assert_uint_le(name.port, 60999);
		if (name.port - last + 8 < 16)
			follows++;
		low += name.port < (32768 + 60999) / 2;
		last = name.port;
		socket->ops->close(socket, true);
	}
	ck_assert_uint_lt(follows, 5);
	ck_assert_uint_gt(low, 50);
	ck_assert_uint_lt(low, 150);
}
END_TEST

/* --- floods --- */

START_TEST(flood)
{
	struct net_socket *listener, *child;
	struct net_memory memory;
	struct segment segment = {.to = PORT, .seq = 1, .flags = TCP_SYN};
	long blocks;

	start();
	listener = open_listener(4);
	for (uint32_t i = 0; i < 20000; i++) {
		segment.source = NETSTACK_PEER + i % 200;
		segment.from = (uint16_t)(1024 + i);
		send_tcp(&segment);
	}
	blocks = netstack_blocks;
	for (uint32_t i = 0; i < 20000; i++) {
		segment.source = NETSTACK_PEER + i % 200;
		segment.from = (uint16_t)(4000 + i);
		send_tcp(&segment);
	}
	/* No more memory than before, and somebody who answers gets in. */
	ck_assert_int_le(netstack_blocks, blocks + 256);
	net_get_memory(&memory);
	ck_assert_uint_eq(memory.refused, 0);
	/* Among so many neighbours it may have been forgotten. */
	frame_say_arp(NETSTACK_PEER);
	heard.flags = 0;
	segment = (struct segment){
		.source = NETSTACK_PEER, .from = 999, .to = PORT, .seq = 77, .flags = TCP_SYN};
	send_tcp(&segment);
	ck_assert_uint_eq(heard.flags, TCP_SYN | TCP_ACK);
	segment.seq = 78;
	segment.ack = heard.seq + 1;
	segment.flags = TCP_ACK;
	send_tcp(&segment);
	ck_assert_int_eq(net_tcp_accept(listener, &child), 0);
	child->ops->close(child, true);
	listener->ops->close(listener, true);
	/* Those who never answered are forgotten. */
	netstack_advance(60000 * NS_PER_MS);
	ck_assert_int_lt(netstack_blocks, blocks / 4);
}
END_TEST

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

	hear(frame, bytes_count);
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

struct peer {
	uint32_t isn, their_isn;    /* ours is the peer's */
	uint32_t sent, acked;       /* of BULK, to the stack */
	uint32_t received;          /* in order */
	uint8_t *seen, *bytes_seen; /* by place */
};

static void peer_frame(struct peer *peer, const uint8_t *frame, size_t bytes_count)
{
	const uint8_t *ip = frame + ETH, *tcp = ip + 20;
	uint32_t at, payload, head;

	if (bytes_count < HEAD || frame_get16(frame + 12) != 0x800 || ip[0] != 0x45 || ip[9] != 6 ||
	    frame_get32(ip + 16) != NETSTACK_PEER || frame_get16(tcp) != PORT ||
	    frame_get16(tcp + 2) != 999 || frame_get16(ip + 2) + ETH > bytes_count ||
	    !sums_are_right(frame, bytes_count))
		return;
	head = (tcp[12] >> 4) * 4u;
	if (!(tcp[13] & TCP_ACK) || (tcp[13] & (TCP_SYN | TCP_RST)) ||
	    20 + head > frame_get16(ip + 2))
		return;
	payload = frame_get16(ip + 2) - 20 - head;
	at = frame_get32(tcp + 8) - peer->isn - 1;
	if (at <= BULK && at > peer->acked)
		peer->acked = at;
	at = frame_get32(tcp + 4) - peer->their_isn - 1;
	for (uint32_t i = 0; i < payload && at + i < BULK; i++) {
		peer->seen[at + i] = 1;
		peer->bytes_seen[at + i] = tcp[head + i];
	}
	while (peer->received < BULK && peer->seen[peer->received])
		peer->received++;
}

/* One segment to the stack, over the same kind of wire. */
static void peer_send(struct peer *peer, uint32_t at, size_t bytes_count)
{
	uint8_t frame[FRAME_MAX], bytes[SEGMENT];
	struct segment segment = {.source = NETSTACK_PEER,
				  .from = 999,
				  .to = PORT,
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

static uint32_t program_sends(struct net_socket *socket, uint32_t at)
{
	uint8_t bytes[4096];
	struct net_piece piece = {bytes, sizeof(bytes)};
	struct net_message message = {.pieces = &piece, .pieces_count = 1};
	int64_t done;

	if (at + piece.bytes_count > BULK)
		piece.bytes_count = BULK - at;
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

static struct net_socket *peer_connects(struct peer *peer, struct net_socket *listener)
{
	struct net_socket *child;
	struct segment segment = {.source = NETSTACK_PEER,
				  .from = 999,
				  .to = PORT,
				  .seq = peer->isn,
				  .flags = TCP_SYN};

	heard.flags = 0;
	send_tcp(&segment);
	ck_assert_uint_eq(heard.flags, TCP_SYN | TCP_ACK);
	peer->their_isn = heard.seq;
	segment.seq++;
	segment.ack = heard.seq + 1;
	segment.flags = TCP_ACK;
	send_tcp(&segment);
	ck_assert_int_eq(net_tcp_accept(listener, &child), 0);
	return child;
}

static int changes_to = -1; /* features of the device after half of it; negative: none */

/* BULK bytes both ways at once over the wire as it is. */
static void exchange(unsigned int seed, unsigned int bad)
{
	struct peer peer = {
		.isn = seed * 77777, .seen = calloc(1, BULK), .bytes_seen = malloc(BULK)};
	struct net_socket *listener = open_listener(4), *child = peer_connects(&peer, listener);
	uint32_t out = 0, in = 0, idle = 0;

	wire = (struct wire){.seed = seed, .bad = bad};
	netstack_on_frame = on_wire;
	for (unsigned int round = 0; peer.received < BULK || in < BULK; round++) {
		uint32_t acked = peer.acked;

		if (changes_to >= 0 && peer.received > BULK / 2) {
			netstack_features((unsigned int)changes_to);
			changes_to = -1;
		}

		if (round >= 200000)
			ck_abort_msg("seed %u: %u of %u sent are acknowledged, %u received", seed,
				     peer.acked, peer.sent, peer.received);
		out += program_sends(child, out);
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
		if (peer.sent < BULK && peer.sent - peer.acked < 20 * SEGMENT) {
			size_t part = BULK - peer.sent < SEGMENT ? BULK - peer.sent : SEGMENT;

			peer_send(&peer, peer.sent, part);
			peer.sent += (uint32_t)part;
		} else {
			peer_send(&peer, peer.sent, 0);
		}
		netstack_advance(NS_PER_MS);
	}
	for (uint32_t i = 0; i < BULK; i++)
		test_require(peer.bytes_seen[i] == byte_at(i));
	netstack_on_frame = hear;
	child->ops->close(child, true);
	listener->ops->close(listener, true);
	free(peer.seen);
	free(peer.bytes_seen);
}

START_TEST(good_wire)
{
	start();
	exchange(1, 0);
}
END_TEST

START_TEST(bad_wire)
{
	start();
	for (unsigned int seed = 1; seed <= 6; seed++)
		exchange(seed, 20 * seed);
}
END_TEST

/* Packets of several segments, which the device cuts; half-way it cannot any more. */
START_TEST(cut_by_device)
{
	features = NETDEV_GATHER | NETDEV_CHECKSUM4 | NETDEV_CHECKSUM6 | NETDEV_SEGMENT4;
	start();
	exchange(1, 0);
	for (unsigned int seed = 11; seed <= 14; seed++)
		exchange(seed, 20 * (seed - 10));
	netstack_features(NETDEV_GATHER);
	exchange(15, 40);
	netstack_features(features);
	changes_to = 0;
	exchange(16, 20);
}
END_TEST

/* Of a packet only the first segment arrives, and nobody says more: the rest is sent again. */
START_TEST(packet_in_part)
{
	struct net_socket *listener, *child;
	struct peer peer = {.isn = 7};
	struct segment segment = {
		.source = NETSTACK_PEER, .from = 999, .to = PORT, .flags = TCP_ACK};
	uint32_t first, out = 0;

	features = NETDEV_GATHER | NETDEV_CHECKSUM4 | NETDEV_CHECKSUM6 | NETDEV_SEGMENT4;
	start();
	listener = open_listener(4);
	child = peer_connects(&peer, listener);
	/* So much was acknowledged that the window holds several segments. */
	for (unsigned int i = 0; i < 20; i++) {
		out += program_sends(child, out);
		netstack_advance(NS_PER_MS);
		segment.seq = peer.isn + 1;
		segment.ack = heard.seq + 536;
		send_tcp(&segment);
	}
	/* A part of a packet, and then silence: only the clock can help. */
	segment.ack = heard.seq - 536;
	send_tcp(&segment);
	first = segment.ack;
	heard.seq = first - BULK;
	for (unsigned int ms = 0; heard.seq - first + SEGMENT > 2 * SEGMENT; ms++) {
		ck_assert_uint_lt(ms, 60000);
		heard.seq = first - BULK;
		netstack_advance(NS_PER_MS);
	}
	child->ops->close(child, true);
	listener->ops->close(listener, true);
}
END_TEST

static uint32_t ends_at; /* the number after the byte before the last FIN that was sent */

static void hear_end(const uint8_t *frame, size_t bytes_count)
{
	hear(frame, bytes_count);
	if (bytes_count >= HEAD && frame_get16(frame + 12) == 0x800 && frame[ETH + 9] == 6 &&
	    (frame[ETH + 20 + 13] & TCP_FIN))
		ends_at = heard.seq + frame_get16(frame + ETH + 2) - 20 -
			  (frame[ETH + 20 + 12] >> 4) * 4u;
}

/* What the window has room for goes without the end, or the rest is lost. */
START_TEST(end_behind_a_window)
{
	static uint8_t text[1600];
	struct net_piece piece = {text, 1};
	struct net_message message = {.pieces = &piece, .pieces_count = 1, .bytes_total = 1};
	struct peer peer = {.isn = 9};
	struct segment segment = {
		.source = NETSTACK_PEER, .from = 999, .to = PORT, .flags = TCP_ACK};
	struct net_socket *listener, *child;

	features = NETDEV_GATHER | NETDEV_CHECKSUM4 | NETDEV_CHECKSUM6 | NETDEV_SEGMENT4;
	start();
	listener = open_listener(4);
	child = peer_connects(&peer, listener);
	ck_assert_int_eq(child->ops->send(child, &message), 1);
	segment.seq = peer.isn + 1;
	segment.ack = heard.seq + 1;
	segment.shut = true;
	send_tcp(&segment);
	piece.bytes_count = message.bytes_total = sizeof(text);
	ck_assert_int_eq(child->ops->send(child, &message), sizeof(text));
	ck_assert_int_eq(child->ops->shutdown(child, false, true), 0);
	netstack_on_frame = hear_end;
	heard.flags = 0;
	segment.shut = false;
	segment.window = 1072;
	send_tcp(&segment);
	ck_assert_uint_eq(heard.flags & (TCP_ACK | TCP_FIN), TCP_ACK);
	/* The rest, with the end. */
	ends_at = 0;
	segment.ack += 1072;
	send_tcp(&segment);
	ck_assert_uint_eq(ends_at, segment.ack + sizeof(text) - 1072);
	netstack_on_frame = hear;
	child->ops->close(child, true);
	listener->ops->close(listener, true);
}
END_TEST

/* Every allocation of a connection's life fails once; nothing is lost but what may be. */
START_TEST(no_memory)
{
	struct net_memory memory;

	start();
	for (long fail = 0; fail < 120; fail++) {
		struct peer peer = {.isn = 5};
		struct net_socket *listener = open_listener(4), *child = NULL;
		struct segment segment = {.source = NETSTACK_PEER, .from = 999, .to = PORT};
		uint32_t out = 0;

		netstack_fail_alloc = fail;
		for (unsigned int try = 0; try < 50 && !child; try++) {
			segment.seq = peer.isn;
			segment.flags = TCP_SYN;
			send_tcp(&segment);
			segment.seq = peer.isn + 1;
			segment.ack = heard.seq + 1;
			segment.flags = TCP_ACK;
			send_tcp(&segment);
			if (net_tcp_accept(listener, &child))
				child = NULL;
			netstack_advance(100 * NS_PER_MS);
		}
		ck_assert_ptr_nonnull(child);
		for (unsigned int try = 0; try < 50 && out < 4096; try++)
			out += program_sends(child, out);
		ck_assert_uint_eq(out, 4096);
		netstack_fail_alloc = -1;
		child->ops->close(child, true);
		listener->ops->close(listener, true);
	}
	netstack_advance(60000 * NS_PER_MS);
	net_get_memory(&memory);
	ck_assert_uint_gt(memory.refused, 0);
}
END_TEST

/* What never reads takes its share and no more, and others go on. */
START_TEST(never_read)
{
	static const uint8_t bytes[SEGMENT];
	struct net_socket *listener, *child[32];
	struct net_memory memory;
	struct peer peer = {.isn = 9};

	start();
	listener = open_listener(64);
	for (unsigned int i = 0; i < 32; i++) {
		struct segment segment = {.source = NETSTACK_PEER,
					  .from = (uint16_t)(5000 + i),
					  .to = PORT,
					  .seq = peer.isn,
					  .flags = TCP_SYN};

		heard.flags = 0;
		send_tcp(&segment);
		segment.seq++;
		segment.ack = heard.seq + 1;
		segment.flags = TCP_ACK;
		send_tcp(&segment);
		ck_assert_int_eq(net_tcp_accept(listener, &child[i]), 0);
		segment.bytes = bytes;
		segment.bytes_count = sizeof(bytes);
		for (unsigned int k = 0; k < 500; k++) {
			send_tcp(&segment);
			segment.seq = heard.ack;
		}
	}
	net_get_memory(&memory);
	ck_assert_uint_eq(memory.refused, 0);
	ck_assert_uint_lt(memory.used_bytes, memory.max_bytes * 3 / 4);
	for (unsigned int i = 0; i < 32; i++)
		child[i]->ops->close(child[i], true);
	listener->ops->close(listener, true);
	exchange(3, 0);
}
END_TEST

/* --- datagrams --- */

static const struct net_address peer_port = {.family = 4, .port = 9, .bytes = {10, 0, 0, 1}};
static struct frame_udp last_udp;
static unsigned int udp_frames;
static uint8_t udp_quote[ETH + 28];

static void hear_udp(const uint8_t *frame, size_t bytes_count)
{
	if (!frame_read_udp(frame, bytes_count, &last_udp))
		return;
	udp_frames++;
	memcpy(udp_quote, frame, sizeof(udp_quote));
}

static int64_t say(struct net_socket *socket)
{
	static uint8_t byte = 'x';
	struct net_piece piece = {&byte, 1};
	struct net_message message = {.pieces = &piece, .pieces_count = 1, .bytes_total = 1};

	return socket->ops->send(socket, &message);
}

static int64_t listen_once(struct net_socket *socket)
{
	uint8_t bytes[16];
	struct net_piece piece = {bytes, sizeof(bytes)};
	struct net_message message = {
		.pieces = &piece, .pieces_count = 1, .bytes_total = sizeof(bytes)};

	return socket->ops->receive(socket, &message);
}

/* "Unreachable", in answer to what was heard last: IPv4's quoted is a header and quoted_bytes. */
static void send_unreachable(uint8_t code, const uint8_t *quoted, size_t quoted_bytes)
{
	uint8_t frame[128] = {0}, *ip = frame + ETH;

	frame_start(frame, KIND_IPV4);
	ip[0] = 0x45;
	frame_put16(ip + 2, (uint32_t)(28 + quoted_bytes));
	ip[8] = 64;
	ip[9] = 1;
	frame_put32(ip + 12, NETSTACK_PEER);
	frame_put32(ip + 16, NETSTACK_ADDRESS);
	ip[20] = 3;
	ip[21] = code;
	memcpy(ip + 28, quoted, quoted_bytes);
	netstack_fix_sums(frame, ETH + 28 + quoted_bytes);
	netstack_receive(frame, ETH + 28 + quoted_bytes, false);
}

/* Whoever connected is told that nobody is there, once; nobody else, and not by a lie. */
START_TEST(refused)
{
	struct net_socket *connected, *other;
	const struct net_address any = {.family = 4};
	uint8_t lie[28];

	start();
	netstack_on_frame = hear_udp;
	other = open_socket(NET_DATAGRAM);
	ck_assert_int_eq(other->ops->bind(other, &any), 0);
	connected = open_socket(NET_DATAGRAM);
	ck_assert_int_eq(connected->ops->connect(connected, &peer_port), 0);
	ck_assert_int_eq(say(connected), 1);
	ck_assert_uint_eq(last_udp.to_port, 9);
	ck_assert_int_eq(listen_once(connected), -EAGAIN);
	/* Of another port, cut short, of a later fragment, what may pass. */
	memcpy(lie, udp_quote + ETH, sizeof(lie));
	lie[23]++;
	send_unreachable(3, lie, sizeof(lie));
	lie[23]--;
	send_unreachable(3, lie, sizeof(lie) - 1);
	lie[7] = 1;
	send_unreachable(3, lie, sizeof(lie));
	send_unreachable(1, udp_quote + ETH, 28);
	ck_assert_int_eq(listen_once(connected), -EAGAIN);
	send_unreachable(3, udp_quote + ETH, 28);
	ck_assert_uint_eq(connected->ops->poll(connected), NET_READABLE | NET_WRITABLE | NET_ERROR);
	ck_assert_int_eq(listen_once(connected), -ECONNREFUSED);
	ck_assert_int_eq(listen_once(connected), -EAGAIN);
	/* The next call may also be one that sends. */
	send_unreachable(3, udp_quote + ETH, 28);
	ck_assert_int_eq(say(connected), -ECONNREFUSED);
	ck_assert_int_eq(say(connected), 1);
	ck_assert_int_eq(listen_once(other), -EAGAIN);
	connected->ops->close(connected, false);
	other->ops->close(other, false);
}
END_TEST

/* A connection that is being made ends with what a router says of it. */
START_TEST(unreachable_host)
{
	struct net_socket *socket;
	uint8_t quote[28] = {0x45};

	start();
	heard.flags = 0;
	socket = open_socket(NET_STREAM);
	ck_assert_int_eq(socket->ops->connect(socket, &peer_port), -EINPROGRESS);
	ck_assert_uint_eq(heard.flags, TCP_SYN);
	quote[9] = 6;
	frame_put32(quote + 12, NETSTACK_ADDRESS);
	frame_put32(quote + 16, NETSTACK_PEER);
	frame_put16(quote + 20, heard.from);
	frame_put16(quote + 22, heard.to);
	/* Who does not know the number did not see the segment. */
	frame_put32(quote + 24, heard.seq + 1);
	send_unreachable(1, quote, sizeof(quote));
	ck_assert_int_eq(socket->error, 0);
	frame_put32(quote + 24, heard.seq);
	send_unreachable(1, quote, sizeof(quote));
	ck_assert_int_eq(net_socket_take_error(socket), -EHOSTUNREACH);
	/* It may try again. */
	ck_assert_int_eq(socket->ops->connect(socket, &peer_port), -EINPROGRESS);
	socket->ops->close(socket, true);
}
END_TEST

/* With a device that takes nothing a sender waits, and is woken when there is room. */
START_TEST(sending_waits)
{
	struct net_socket *socket;
	unsigned int sent = 0;
	uint32_t wakes;
	int64_t result;

	start();
	netstack_on_frame = hear_udp;
	socket = open_socket(NET_DATAGRAM);
	ck_assert_int_eq(socket->ops->connect(socket, &peer_port), 0);
	netstack_blocked = true;
	udp_frames = 0;
	while ((result = say(socket)) == 1)
		ck_assert_uint_lt(++sent, 100000);
	ck_assert_int_eq(result, -EAGAIN);
	ck_assert_uint_gt(sent, 100);
	ck_assert_uint_eq(socket->ops->poll(socket), 0);
	wakes = socket->head.queue.wakes;
	netstack_room();
	ck_assert_uint_gt(socket->head.queue.wakes, wakes);
	ck_assert_uint_eq(socket->ops->poll(socket), NET_WRITABLE);
	/* None of them was lost. */
	ck_assert_uint_eq(udp_frames, sent);
	/* Whoever closes waits no more. */
	netstack_blocked = true;
	while (say(socket) == 1)
		continue;
	socket->ops->close(socket, false);
	netstack_room();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("stack");
	TCase *tcase = tcase_create("stack");

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, first_numbers);
	tcase_add_test(tcase, random_ports);
	tcase_add_test(tcase, flood);
	tcase_add_test(tcase, good_wire);
	tcase_add_test(tcase, bad_wire);
	tcase_add_test(tcase, cut_by_device);
	tcase_add_test(tcase, packet_in_part);
	tcase_add_test(tcase, end_behind_a_window);
	tcase_add_test(tcase, no_memory);
	tcase_add_test(tcase, never_read);
	tcase_add_test(tcase, refused);
	tcase_add_test(tcase, unreachable_host);
	tcase_add_test(tcase, sending_waits);
	suite_add_tcase(suite, tcase);
	return suite;
}
