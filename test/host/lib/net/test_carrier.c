/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device whose carrier goes and comes, whose MTU changes, that is taken away: connections go on
 * where Linux's do, and nothing stays of what is gone for good.
 * Links: xen/hypercall.c
 * Links: lib/net/dhcp6.c lib/net/dhcp6_message.c
 * Links: lib/net/stack.c lib/net/capture.c lib/net/checksum.c lib/net/address.c lib/net/interface.c
 * Links: lib/net/interface_send.c lib/net/config.c lib/net/socket.c lib/net/tcp_socket.c
 * Links: lib/net/tcp_options.c lib/net/datagram_socket.c core/netdev.c core/pollhead.c
 * Links: lib/base/format.c lib/base/parse.c lib/base/siphash.c test/mock/mock_netstack.c
 * Links: test/host/fake_core.c test/host/fake_spinlock.c test/host/lib/net/frames.c
 * Links: lib/net/unreachable.c lib/net/conflict.c test/host/lib/net/peer.c
 */
#include <string.h>

#include "core/netdev.h"
#include "lib/base/error.h"
#include "lib/net/interface.h"
#include "test/host/check_main.h"
#include "test/host/lib/net/peer.h"

#define CUTS (NETDEV_GATHER | NETDEV_CHECKSUM4 | NETDEV_CHECKSUM6 | NETDEV_SEGMENT4)

static struct net_interface_info eth0(void)
{
	struct net_interface_info info;

	ck_assert(net_interface_get(2, &info));
	ck_assert_str_eq(info.name, "eth0");
	return info;
}

/* --- a carrier that goes and comes --- */

static struct outage {
	unsigned int ms; /* how long */
	unsigned int features;
	unsigned int passed_ms; /* since it began */
	bool began, over;
} outage;

static void lose_carrier(uint32_t received)
{
	if (!outage.began && received > PEER_BULK / 2) {
		outage.began = true;
		netstack_carrier(false);
		ck_assert(!eth0().running);
		ck_assert(eth0().up);
	}
	if (outage.began && !outage.over && ++outage.passed_ms >= outage.ms) {
		outage.over = true;
		netstack_features(outage.features);
		netstack_carrier(true);
		ck_assert(eth0().running);
	}
}

/* Half of it is through when the device goes: no byte is lost. It may be another one then. */
START_TEST(connection_survives)
{
	static const unsigned int ms[] = {1, 900, 5000, 31000};

	peer_start(0);
	for (unsigned int i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
		outage = (struct outage){.ms = ms[i], .features = i % 2 ? CUTS : 0};
		peer_exchange(i + 1, 10 * i, lose_carrier);
		ck_assert(outage.over);
		outage = (struct outage){.ms = ms[i], .features = i % 2 ? 0 : CUTS};
		peer_exchange(i + 11, 0, lose_carrier);
		ck_assert(outage.over);
	}
}
END_TEST

static struct net_socket *connect_datagrams(void)
{
	const struct net_address to = {.family = 4, .port = 9, .bytes = {10, 0, 0, 1}};
	struct net_socket *socket = peer_open_socket(NET_DATAGRAM);

	ck_assert_int_eq(socket->ops->connect(socket, &to), 0);
	return socket;
}

static int64_t say(struct net_socket *socket, size_t bytes_count)
{
	static uint8_t bytes[4096];
	struct net_piece piece = {bytes, bytes_count};
	struct net_message message = {
		.pieces = &piece, .pieces_count = 1, .bytes_total = bytes_count};

	return socket->ops->send(socket, &message);
}

static unsigned int frames, announcements;
static size_t longest;

static void count_frames(const uint8_t *frame, size_t bytes_count)
{
	peer_hear(frame, bytes_count);
	frames++;
	if (bytes_count > longest)
		longest = bytes_count;
	/* A question of ARP for an address that is the asker's own. */
	if (frame_get16(frame + 12) == KIND_ARP && frame_get32(frame + 28) == NETSTACK_ADDRESS &&
	    frame_get32(frame + 38) == NETSTACK_ADDRESS)
		announcements++;
}

/* Who sends without a carrier is told nothing, as on Linux; connections are tried until it is
 * there. Then the neighbours hear where we are. */
START_TEST(sending_without)
{
	const struct net_address to = {.family = 4, .port = 80, .bytes = {10, 0, 0, 1}};
	struct net_socket *datagrams, *stream;
	struct segment answer = {
		.source = NETSTACK_PEER, .from = 80, .seq = 1000, .flags = TCP_SYN | TCP_ACK};

	netstack_log_info = true;
	peer_start(0);
	ck_assert(netstack_logged("eth0: link up"));
	datagrams = connect_datagrams();
	netstack_on_frame = count_frames;
	netstack_carrier(false);
	ck_assert(netstack_logged("eth0: link down"));
	frames = 0;
	for (unsigned int i = 0; i < 5000; i++)
		ck_assert_int_eq(say(datagrams, 100), 100);
	stream = peer_open_socket(NET_STREAM);
	ck_assert_int_eq(stream->ops->connect(stream, &to), -EINPROGRESS);
	netstack_advance(2000 * NS_PER_MS);
	ck_assert_uint_eq(frames, 0);
	ck_assert_uint_eq(announcements, 0);
	/* Told twice of the same, nothing happens. */
	netstack_carrier(false);
	ck_assert(!netstack_logged("link"));
	netstack_carrier(true);
	ck_assert(netstack_logged("eth0: link up"));
	ck_assert_uint_ge(announcements, 1);
	frames = 0;
	ck_assert_int_eq(say(datagrams, 100), 100);
	ck_assert_uint_eq(frames, 1);
	peer_heard.flags = 0;
	netstack_advance(10000 * NS_PER_MS);
	ck_assert_uint_eq(peer_heard.flags, TCP_SYN);
	answer.to = peer_heard.from;
	answer.ack = peer_heard.seq + 1;
	peer_send_tcp(&answer);
	ck_assert_uint_eq(stream->ops->poll(stream), NET_WRITABLE);
	stream->ops->close(stream, true);
	datagrams->ops->close(datagrams, false);
}
END_TEST

/* A thousand times: nothing piles up. */
START_TEST(flapping)
{
	struct net_socket *datagrams;
	long blocks = 0;

	peer_start(CUTS);
	datagrams = connect_datagrams();
	for (unsigned int i = 0; i < 1000; i++) {
		netstack_carrier(false);
		ck_assert_int_eq(say(datagrams, 1000), 1000);
		netstack_advance(10 * NS_PER_MS);
		netstack_carrier(true);
		netstack_advance(10 * NS_PER_MS);
		if (i == 100)
			blocks = netstack_blocks;
	}
	ck_assert_int_le(netstack_blocks, blocks + 16);
	ck_assert(eth0().running);
	datagrams->ops->close(datagrams, false);
}
END_TEST

/* Who connects to nobody is told after two minutes, not before. */
START_TEST(connecting_to_nobody)
{
	const struct net_address to = {.family = 4, .port = 80, .bytes = {10, 0, 0, 1}};
	struct net_socket *stream;

	peer_start(0);
	stream = peer_open_socket(NET_STREAM);
	ck_assert_int_eq(stream->ops->connect(stream, &to), -EINPROGRESS);
	netstack_carrier(false);
	netstack_advance(120000 * NS_PER_MS);
	ck_assert_uint_eq(stream->ops->poll(stream), 0);
	netstack_advance(15000 * NS_PER_MS);
	ck_assert_uint_ne(stream->ops->poll(stream) & NET_ERROR, 0);
	ck_assert_int_eq(net_socket_take_error(stream), -ETIMEDOUT);
	stream->ops->close(stream, true);
	netstack_carrier(true);
}
END_TEST

/* --- MTU --- */

static uint32_t mss_of_last_syn;

static void hear_mss(const uint8_t *frame, size_t bytes_count)
{
	const uint8_t *tcp = frame + ETH + 20, *option = tcp + 20;

	count_frames(frame, bytes_count);
	if (bytes_count < HEAD || frame_get16(frame + 12) != KIND_IPV4 || frame[ETH + 9] != 6 ||
	    !(tcp[13] & TCP_SYN))
		return;
	while (option < tcp + (tcp[12] >> 4) * 4 && *option != 2)
		option += *option == 1 ? 1 : option[1];
	mss_of_last_syn = frame_get16(option + 2);
}

static uint32_t offered_mss(void)
{
	const struct net_address to = {.family = 4, .port = 80, .bytes = {10, 0, 0, 1}};
	struct net_socket *stream = peer_open_socket(NET_STREAM);

	netstack_on_frame = hear_mss;
	mss_of_last_syn = 0;
	ck_assert_int_eq(stream->ops->connect(stream, &to), -EINPROGRESS);
	stream->ops->close(stream, true);
	return mss_of_last_syn;
}

/* What is sent fits, in fragments if it is longer; new connections say what they take. */
START_TEST(mtu)
{
	struct net_socket *datagrams;

	netstack_log_info = true;
	peer_start(0);
	datagrams = connect_datagrams();
	ck_assert_uint_eq(eth0().mtu, 1500);
	ck_assert_uint_eq(offered_mss(), 1460);
	netstack_mtu(1400);
	ck_assert(netstack_logged("eth0: mtu 1400"));
	ck_assert_uint_eq(eth0().mtu, 1400);
	ck_assert_uint_eq(offered_mss(), 1360);
	frames = longest = 0;
	ck_assert_int_eq(say(datagrams, 1372), 1372);
	ck_assert_uint_eq(frames, 1);
	ck_assert_int_eq(say(datagrams, 1373), 1373);
	ck_assert_uint_eq(frames, 3);
	ck_assert_uint_eq(longest, ETH + 1400);
	netstack_mtu(9000);
	ck_assert_uint_eq(eth0().mtu, 9000);
	frames = longest = 0;
	ck_assert_int_eq(say(datagrams, 4000), 4000);
	ck_assert_uint_eq(frames, 1);
	/* Nothing is shorter than IPv4's least. */
	netstack_mtu(10);
	ck_assert_uint_eq(eth0().mtu, NETDEV_MTU_MIN);
	netstack_mtu(1500);
	datagrams->ops->close(datagrams, false);
}
END_TEST

static void shrink(uint32_t received)
{
	if (!outage.began && received > PEER_BULK / 3) {
		outage.began = true;
		netstack_mtu(outage.ms);
	}
}

/* An open connection goes on in segments that fit: the wire takes no longer ones. */
START_TEST(mtu_of_connection)
{
	static const unsigned int features[] = {0, CUTS};

	peer_start(0);
	peer_mss = 1460;
	for (unsigned int i = 0; i < 2; i++) {
		netstack_mtu(1500);
		netstack_features(features[i]);
		outage = (struct outage){.ms = 576};
		peer_exchange(i + 1, 0, shrink);
		ck_assert(outage.began);
		outage = (struct outage){.ms = 1500};
		peer_exchange(i + 21, 20, shrink);
	}
}
END_TEST

/* --- away for good --- */

START_TEST(removed)
{
	struct net_socket *listener, *child, *datagrams;
	struct peer peer = {.isn = 5};
	struct net_interface_info info;
	long blocks = 0;

	peer_start(CUTS);
	netstack_remove();
	for (unsigned int i = 0; i < 5; i++) {
		netstack_add();
		netstack_advance(3000 * NS_PER_MS);
		frame_say_arp(NETSTACK_PEER);
		netstack_on_frame = peer_hear;
		listener = peer_open_listener(4);
		datagrams = connect_datagrams();
		child = peer_connects(&peer, listener);
		ck_assert_uint_gt(peer_program_sends(child, 0), 0);
		netstack_carrier(false);
		ck_assert_uint_gt(peer_program_sends(child, 4096), 0);
		netstack_remove();
		/* Nobody waits for what cannot come any more. */
		ck_assert_uint_eq(child->ops->poll(child) & (NET_ERROR | NET_HUNG_UP),
				  NET_ERROR | NET_HUNG_UP);
		ck_assert_int_eq(say(datagrams, 100), -ENETUNREACH);
		ck_assert(!net_interface_get(2, &info));
		child->ops->close(child, true);
		datagrams->ops->close(datagrams, false);
		listener->ops->close(listener, true);
		netstack_advance(120000 * NS_PER_MS);
		/* A few buffers are kept for the next time. */
		if (i == 0)
			blocks = netstack_blocks;
		ck_assert_int_eq(netstack_blocks, blocks);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("carrier");
	TCase *tcase = tcase_create("carrier");

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, connection_survives);
	tcase_add_test(tcase, sending_without);
	tcase_add_test(tcase, connecting_to_nobody);
	tcase_add_test(tcase, flapping);
	tcase_add_test(tcase, mtu);
	tcase_add_test(tcase, mtu_of_connection);
	tcase_add_test(tcase, removed);
	suite_add_tcase(suite, tcase);
	return suite;
}
