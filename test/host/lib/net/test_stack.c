/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole stack beside a peer of a few lines, with a virtual clock and seeds: numbers nobody
 * guesses, floods, and a wire that loses, repeats, swaps and damages.
 * Links: xen/hypercall.c
 * Links: lib/net/dhcp6.c lib/net/dhcp6_message.c
 * Links: lib/net/stack.c lib/net/capture.c lib/net/checksum.c lib/net/address.c lib/net/interface.c
 * Links: lib/net/interface_send.c lib/net/config.c lib/net/socket.c lib/net/tcp_socket.c
 * Links: lib/net/tcp_options.c lib/net/datagram_socket.c core/netdev.c core/pollhead.c
 * Links: lib/base/format.c lib/base/parse.c lib/base/siphash.c test/mock/mock_netstack.c
 * Links: test/host/fake_core.c test/host/fake_spinlock.c test/host/lib/net/frames.c
 * Links: lib/net/unreachable.c lib/net/conflict.c test/host/lib/net/peer.c
 */
#include <stdlib.h>
#include <string.h>

#include "core/netdev.h"
#include "lib/base/error.h"
#include "lib/net/socket.h"
#include "lib/net/stack.h"
#include "test/host/check_main.h"
#include "test/host/lib/net/frames.h"
#include "test/host/lib/net/peer.h"
#include "test/mock/mock_netstack.h"

#define CUTS (NETDEV_GATHER | NETDEV_CHECKSUM4 | NETDEV_CHECKSUM6 | NETDEV_SEGMENT4)

/* The stack's first number for a connection from this port. */
static uint32_t isn_of(uint16_t from)
{
	struct segment segment = {.source = NETSTACK_PEER,
				  .from = from,
				  .to = PEER_SERVICE,
				  .seq = 1,
				  .flags = TCP_SYN};

	unsigned int notifies = netstack_notifies;

	peer_heard.flags = 0;
	peer_send_tcp(&segment);
	ck_assert_uint_eq(peer_heard.flags, TCP_SYN | TCP_ACK);
	ck_assert_uint_eq(netstack_notifies, notifies + 1);
	segment.seq = 2;
	segment.flags = TCP_RST;
	peer_send_tcp(&segment);
	return peer_heard.seq;
}

/* --- numbers --- */

/* RFC 6528: for one connection they grow with the clock; two connections have nothing in common. */
START_TEST(first_numbers)
{
	struct net_socket *listener;
	uint32_t before, after, near = 0;

	peer_start(0);
	listener = peer_open_listener(16);
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

	peer_start(0);
	for (unsigned int i = 0; i < 200; i++) {
		struct net_socket *socket = peer_open_socket(i % 2 ? NET_STREAM : NET_DATAGRAM);

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
	struct segment segment = {.to = PEER_SERVICE, .seq = 1, .flags = TCP_SYN};
	long blocks;

	peer_start(0);
	listener = peer_open_listener(4);
	for (uint32_t i = 0; i < 20000; i++) {
		segment.source = NETSTACK_PEER + i % 200;
		segment.from = (uint16_t)(1024 + i);
		peer_send_tcp(&segment);
	}
	blocks = netstack_blocks;
	for (uint32_t i = 0; i < 20000; i++) {
		segment.source = NETSTACK_PEER + i % 200;
		segment.from = (uint16_t)(4000 + i);
		peer_send_tcp(&segment);
	}
	/* No more memory than before, and somebody who answers gets in. */
	ck_assert_int_le(netstack_blocks, blocks + 256);
	net_get_memory(&memory);
	ck_assert_uint_eq(memory.refused, 0);
	/* Among so many neighbours it may have been forgotten. */
	frame_say_arp(NETSTACK_PEER);
	peer_heard.flags = 0;
	segment = (struct segment){.source = NETSTACK_PEER,
				   .from = 999,
				   .to = PEER_SERVICE,
				   .seq = 77,
				   .flags = TCP_SYN};
	peer_send_tcp(&segment);
	ck_assert_uint_eq(peer_heard.flags, TCP_SYN | TCP_ACK);
	segment.seq = 78;
	segment.ack = peer_heard.seq + 1;
	segment.flags = TCP_ACK;
	peer_send_tcp(&segment);
	ck_assert_int_eq(net_tcp_accept(listener, &child), 0);
	child->ops->close(child, true);
	listener->ops->close(listener, true);
	/* Those who never answered are forgotten. */
	netstack_advance(60000 * NS_PER_MS);
	ck_assert_int_lt(netstack_blocks, blocks / 4);
}
END_TEST

/* --- a bad wire --- */

START_TEST(good_wire)
{
	peer_start(0);
	peer_exchange(1, 0, NULL);
}
END_TEST

START_TEST(bad_wire)
{
	peer_start(0);
	for (unsigned int seed = 1; seed <= 6; seed++)
		peer_exchange(seed, 20 * seed, NULL);
}
END_TEST

static bool cuts;

static void stop_cutting(uint32_t received)
{
	if (cuts && received > PEER_BULK / 2) {
		cuts = false;
		netstack_features(0);
	}
}

/* Packets of several segments, which the device cuts; half-way it cannot any more. */
START_TEST(cut_by_device)
{
	peer_start(CUTS);
	peer_exchange(1, 0, NULL);
	for (unsigned int seed = 11; seed <= 14; seed++)
		peer_exchange(seed, 20 * (seed - 10), NULL);
	netstack_features(NETDEV_GATHER);
	peer_exchange(15, 40, NULL);
	netstack_features(CUTS);
	cuts = true;
	peer_exchange(16, 20, stop_cutting);
}
END_TEST

static uint32_t wanted; /* a byte's number */
static bool wanted_came;

static void hear_bytes(const uint8_t *frame, size_t bytes_count)
{
	uint32_t payload;

	peer_hear(frame, bytes_count);
	if (bytes_count < HEAD || frame_get16(frame + 12) != 0x800 || frame[ETH + 9] != 6)
		return;
	payload = frame_get16(frame + ETH + 2) - 20 - (frame[ETH + 20 + 12] >> 4) * 4u;
	if (wanted - peer_heard.seq < payload)
		wanted_came = true;
}

/* Of a packet only the first segment arrives, and nobody says more: the rest is sent again, though
 * the window that is left after a time-out holds but one segment. */
START_TEST(packet_in_part)
{
	static uint8_t text[4 * 536];
	struct net_piece piece = {text, sizeof(text)};
	struct net_message message = {
		.pieces = &piece, .pieces_count = 1, .bytes_total = sizeof(text)};
	struct net_socket *listener, *child;
	struct peer peer = {.isn = 7};
	struct segment segment = {
		.source = NETSTACK_PEER, .from = 999, .to = PEER_SERVICE, .flags = TCP_ACK};

	peer_start(CUTS);
	listener = peer_open_listener(4);
	child = peer_connects(&peer, listener);
	netstack_on_frame = hear_bytes;
	ck_assert_int_eq(child->ops->send(child, &message), sizeof(text));
	ck_assert_uint_eq(peer_heard.seq, peer.their_isn + 1 + 3 * 536);
	segment.seq = peer.isn + 1;
	segment.ack = peer.their_isn + 1 + 536;
	peer_send_tcp(&segment);
	/* Nothing more is said, and only the clock can help. */
	for (unsigned int part = 1; part < 4; part++) {
		wanted = peer.their_isn + 1 + part * 536;
		wanted_came = false;
		for (unsigned int ms = 0; !wanted_came; ms++) {
			ck_assert_uint_lt(ms, 60000);
			netstack_advance(NS_PER_MS);
		}
		segment.ack = wanted + 536;
		peer_send_tcp(&segment);
	}
	netstack_on_frame = peer_hear;
	child->ops->close(child, true);
	listener->ops->close(listener, true);
}
END_TEST

/* The program closes first, and the peer takes its port again while we still have that in mind. */
START_TEST(same_port_again)
{
	struct net_socket *listener, *child;
	struct peer peer = {.isn = 7};
	struct segment segment = {
		.source = NETSTACK_PEER, .from = 999, .to = PEER_SERVICE, .flags = TCP_ACK};

	peer_start(CUTS);
	listener = peer_open_listener(4);
	child = peer_connects(&peer, listener);
	child->ops->close(child, false);
	ck_assert_uint_eq(peer_heard.flags & TCP_FIN, TCP_FIN);
	segment.seq = peer.isn + 1;
	segment.ack = peer.their_isn + 2;
	segment.flags = TCP_ACK | TCP_FIN;
	peer_send_tcp(&segment);
	ck_assert_uint_eq(peer_heard.flags, TCP_ACK);
	/* One of before that was late. */
	segment.flags = TCP_SYN;
	segment.seq = peer.isn;
	segment.ack = 0;
	peer_heard.flags = 0;
	peer_send_tcp(&segment);
	ck_assert_uint_eq(peer_heard.flags, TCP_ACK);
	ck_assert_uint_eq(peer_heard.ack, peer.isn + 2);
	/* A new one. */
	peer.isn += 1000;
	segment.seq = peer.isn;
	peer_heard.flags = 0;
	peer_send_tcp(&segment);
	ck_assert_uint_eq(peer_heard.flags, TCP_SYN | TCP_ACK);
	ck_assert_uint_eq(peer_heard.ack, peer.isn + 1);
	segment.flags = TCP_ACK;
	segment.seq = peer.isn + 1;
	segment.ack = peer_heard.seq + 1;
	peer_send_tcp(&segment);
	ck_assert_int_eq(net_tcp_accept(listener, &child), 0);
	child->ops->close(child, true);
	listener->ops->close(listener, true);
}
END_TEST

static uint32_t ends_at; /* the number after the byte before the last FIN that was sent */

static void hear_end(const uint8_t *frame, size_t bytes_count)
{
	peer_hear(frame, bytes_count);
	if (bytes_count >= HEAD && frame_get16(frame + 12) == 0x800 && frame[ETH + 9] == 6 &&
	    (frame[ETH + 20 + 13] & TCP_FIN))
		ends_at = peer_heard.seq + frame_get16(frame + ETH + 2) - 20 -
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
		.source = NETSTACK_PEER, .from = 999, .to = PEER_SERVICE, .flags = TCP_ACK};
	struct net_socket *listener, *child;

	peer_start(CUTS);
	listener = peer_open_listener(4);
	child = peer_connects(&peer, listener);
	ck_assert_int_eq(child->ops->send(child, &message), 1);
	segment.seq = peer.isn + 1;
	segment.ack = peer_heard.seq + 1;
	segment.shut = true;
	peer_send_tcp(&segment);
	piece.bytes_count = message.bytes_total = sizeof(text);
	ck_assert_int_eq(child->ops->send(child, &message), sizeof(text));
	ck_assert_int_eq(child->ops->shutdown(child, false, true), 0);
	netstack_on_frame = hear_end;
	peer_heard.flags = 0;
	segment.shut = false;
	segment.window = 1072;
	peer_send_tcp(&segment);
	ck_assert_uint_eq(peer_heard.flags & (TCP_ACK | TCP_FIN), TCP_ACK);
	/* The rest, with the end. */
	ends_at = 0;
	segment.ack += 1072;
	peer_send_tcp(&segment);
	ck_assert_uint_eq(ends_at, segment.ack + sizeof(text) - 1072);
	netstack_on_frame = peer_hear;
	child->ops->close(child, true);
	listener->ops->close(listener, true);
}
END_TEST

/* Every allocation of a connection's life fails once; nothing is lost but what may be. */
START_TEST(no_memory)
{
	struct net_memory memory;

	peer_start(0);
	for (long fail = 0; fail < 120; fail++) {
		struct peer peer = {.isn = 5};
		struct net_socket *listener = peer_open_listener(4), *child = NULL;
		struct segment segment = {.source = NETSTACK_PEER, .from = 999, .to = PEER_SERVICE};
		uint32_t out = 0;

		netstack_fail_alloc = fail;
		for (unsigned int try = 0; try < 50 && !child; try++) {
			segment.seq = peer.isn;
			segment.flags = TCP_SYN;
			peer_send_tcp(&segment);
			segment.seq = peer.isn + 1;
			segment.ack = peer_heard.seq + 1;
			segment.flags = TCP_ACK;
			peer_send_tcp(&segment);
			if (net_tcp_accept(listener, &child))
				child = NULL;
			netstack_advance(100 * NS_PER_MS);
		}
		ck_assert_ptr_nonnull(child);
		for (unsigned int try = 0; try < 50 && out < 4096; try++)
			out += peer_program_sends(child, out);
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
	static const uint8_t bytes[PEER_SEGMENT];
	struct net_socket *listener, *child[32];
	struct net_memory memory;
	struct peer peer = {.isn = 9};

	peer_start(0);
	listener = peer_open_listener(64);
	for (unsigned int i = 0; i < 32; i++) {
		struct segment segment = {.source = NETSTACK_PEER,
					  .from = (uint16_t)(5000 + i),
					  .to = PEER_SERVICE,
					  .seq = peer.isn,
					  .flags = TCP_SYN};

		peer_heard.flags = 0;
		peer_send_tcp(&segment);
		segment.seq++;
		segment.ack = peer_heard.seq + 1;
		segment.flags = TCP_ACK;
		peer_send_tcp(&segment);
		ck_assert_int_eq(net_tcp_accept(listener, &child[i]), 0);
		segment.bytes = bytes;
		segment.bytes_count = sizeof(bytes);
		for (unsigned int k = 0; k < 500; k++) {
			peer_send_tcp(&segment);
			segment.seq = peer_heard.ack;
		}
	}
	net_get_memory(&memory);
	ck_assert_uint_eq(memory.refused, 0);
	ck_assert_uint_lt(memory.used_bytes, memory.max_bytes * 3 / 4);
	for (unsigned int i = 0; i < 32; i++)
		child[i]->ops->close(child[i], true);
	listener->ops->close(listener, true);
	peer_exchange(3, 0, NULL);
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

	peer_start(0);
	netstack_on_frame = hear_udp;
	other = peer_open_socket(NET_DATAGRAM);
	ck_assert_int_eq(other->ops->bind(other, &any), 0);
	connected = peer_open_socket(NET_DATAGRAM);
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

	peer_start(0);
	peer_heard.flags = 0;
	socket = peer_open_socket(NET_STREAM);
	ck_assert_int_eq(socket->ops->connect(socket, &peer_port), -EINPROGRESS);
	ck_assert_uint_eq(peer_heard.flags, TCP_SYN);
	quote[9] = 6;
	frame_put32(quote + 12, NETSTACK_ADDRESS);
	frame_put32(quote + 16, NETSTACK_PEER);
	frame_put16(quote + 20, peer_heard.from);
	frame_put16(quote + 22, peer_heard.to);
	/* Who does not know the number did not see the segment. */
	frame_put32(quote + 24, peer_heard.seq + 1);
	send_unreachable(1, quote, sizeof(quote));
	ck_assert_int_eq(socket->error, 0);
	frame_put32(quote + 24, peer_heard.seq);
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

	peer_start(0);
	netstack_on_frame = hear_udp;
	socket = peer_open_socket(NET_DATAGRAM);
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
	tcase_add_test(tcase, same_port_again);
	tcase_add_test(tcase, end_behind_a_window);
	tcase_add_test(tcase, no_memory);
	tcase_add_test(tcase, never_read);
	tcase_add_test(tcase, refused);
	tcase_add_test(tcase, unreachable_host);
	tcase_add_test(tcase, sending_waits);
	suite_add_tcase(suite, tcase);
	return suite;
}
