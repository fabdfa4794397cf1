/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where addresses come from: a DHCP server of a few lines that grants, renews, refuses or is
 * silent; addresses that somebody else has; DNS questions nobody can foretell;
 * what is captured.
 * Links: xen/hypercall.c
 * Links: lib/net/dhcp6.c lib/net/dhcp6_message.c
 * Links: lib/net/stack.c lib/net/capture.c lib/net/checksum.c lib/net/address.c lib/net/interface.c
 * Links: lib/net/interface_send.c lib/net/config.c lib/net/socket.c lib/net/tcp_socket.c
 * Links: lib/net/tcp_options.c lib/net/datagram_socket.c lib/net/unreachable.c lib/net/conflict.c
 * Links: lib/net/resolve.c core/netdev.c core/pollhead.c
 * Links: lib/base/format.c lib/base/parse.c lib/base/siphash.c test/mock/mock_netstack.c
 * Links: test/host/fake_core.c test/host/fake_spinlock.c test/host/lib/net/frames.c
 * Links: test/host/lib/net/wire.c
 */
#include <string.h>

#include "core/wait.h"
#include "lib/base/error.h"
#include "lib/net/capture.h"
#include "lib/net/interface.h"
#include "lib/net/resolve.h"
#include "test/host/check_main.h"
#include "test/host/lib/net/frames.h"
#include "test/host/lib/net/wire.h"

#define BOOTP      240u /* before DHCP's options */
#define LEASE_S    1200u
#define S          (1000 * NS_PER_MS)
#define EVERYBODY  0xffffffffu
#define OFFERED    0x0a000042u /* 10.0.0.66 */
#define OFFERED_2  0x0a000043u
#define LINK_LOCAL 0xa9fe0000u

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };

/* --- the server --- */

static struct server {
	bool silent, refuses;
	uint32_t offers;       /* this address */
	uint32_t conflicts;    /* somebody has this address */
	unsigned int heard[9]; /* how many of each kind */
	unsigned int to_us;    /* how many of the requests were for the server alone */
} server;

static const uint8_t *option_of(const struct frame_udp *udp, uint8_t wanted)
{
	for (size_t at = BOOTP; at + 1 < udp->bytes_count && udp->bytes[at] != 255;
	     at += udp->bytes[at] ? 2u + udp->bytes[at + 1] : 1u)
		if (udp->bytes[at] == wanted)
			return udp->bytes + at + 2;
	return NULL;
}

static uint8_t *put_option(uint8_t *at, uint8_t option, uint32_t value)
{
	*at++ = option;
	*at++ = 4;
	frame_put32(at, value);
	return at + 4;
}

static void answer(const struct frame_udp *question, uint8_t kind)
{
	uint8_t bytes[400] = {0}, *at = bytes + BOOTP;
	struct frame_udp udp = {.from = NETSTACK_PEER,
				.to = EVERYBODY,
				.from_port = 67,
				.to_port = 68,
				.bytes = bytes,
				.bytes_count = sizeof(bytes)};

	memcpy(bytes, question->bytes, BOOTP);
	bytes[0] = 2;
	if (kind != NAK)
		frame_put32(bytes + 16, server.offers);
	*at++ = 53;
	*at++ = 1;
	*at++ = kind;
	at = put_option(at, 54, NETSTACK_PEER);
	if (kind != NAK) {
		at = put_option(at, 51, LEASE_S);
		at = put_option(at, 58, LEASE_S / 2);
		at = put_option(at, 59, LEASE_S * 7 / 8);
		at = put_option(at, 1, 0xffffff00);
		at = put_option(at, 3, NETSTACK_PEER);
		at = put_option(at, 6, NETSTACK_PEER);
	}
	*at = 255;
	frame_send_udp(&udp);
}

static struct frame_udp question; /* of DNS, the last */
static uint8_t question_bytes[300];

static void hear(const uint8_t *frame, size_t bytes_count)
{
	const uint8_t *kind;
	struct frame_udp udp;

	if (frame_get16(frame + 12) == KIND_ARP && (frame_get32(frame + 38) == server.conflicts ||
						    frame_get32(frame + 38) == NETSTACK_PEER))
		frame_answer_arp(frame_get32(frame + 38));
	if (!frame_read_udp(frame, bytes_count, &udp))
		return;
	if (udp.to_port == 53 && udp.bytes_count <= sizeof(question_bytes)) {
		question = udp;
		memcpy(question_bytes, udp.bytes, udp.bytes_count);
		question.bytes = question_bytes;
	}
	kind = udp.to_port == 67 ? option_of(&udp, 53) : NULL;
	if (!kind || *kind > NAK)
		return;
	server.heard[*kind]++;
	if (*kind == REQUEST && udp.to == NETSTACK_PEER)
		server.to_us++;
	if (server.silent)
		return;
	if (*kind == DISCOVER)
		answer(&udp, OFFER);
	else if (*kind == REQUEST)
		answer(&udp, server.refuses ? NAK : ACK);
}

static uint32_t our_address(void)
{
	struct net_interface_info info;

	ck_assert(net_interface_get(2, &info));
	if (info.addresses_count == 0 || info.addresses[0].address.family != 4)
		return 0;
	return frame_get32(info.addresses[0].address.bytes);
}

static void start(struct server how)
{
	server = how;
	netstack_fail_alloc = -1;
	wire_start(hear);
	netstack_start(0, NULL);
}

/* --- DHCP --- */

START_TEST(lease)
{
	struct net_address dns;

	start((struct server){.offers = OFFERED});
	wire_pass(3 * S);
	ck_assert_uint_eq(our_address(), OFFERED);
	ck_assert(net_resolve_server(0, &dns));
	ck_assert_uint_eq(frame_get32(dns.bytes), NETSTACK_PEER);
	ck_assert_uint_eq(server.heard[DISCOVER], 1);
	ck_assert_uint_eq(server.heard[REQUEST], 1);
	/* The server alone is asked, each time half of the lease is over. */
	for (unsigned int i = 0; i < 10; i++) {
		wire_pass(LEASE_S / 2 * S);
		ck_assert_uint_eq(our_address(), OFFERED);
	}
	ck_assert_uint_ge(server.heard[REQUEST], 6);
	ck_assert_uint_eq(server.to_us, server.heard[REQUEST] - 1);
	ck_assert_uint_eq(server.heard[DISCOVER], 1);
	ck_assert(!netstack_logged("eth0"));
}
END_TEST

/* The server dies: others are asked, then the address goes, and comes again with the server. */
START_TEST(lease_ends)
{
	start((struct server){.offers = OFFERED});
	wire_pass(3 * S);
	ck_assert_uint_eq(our_address(), OFFERED);
	server.silent = true;
	wire_pass(LEASE_S * 15 / 16 * S);
	ck_assert_uint_eq(our_address(), OFFERED);
	ck_assert_uint_gt(server.heard[REQUEST], server.to_us + 1);
	wire_pass(LEASE_S / 4 * S);
	ck_assert_uint_ne(our_address(), OFFERED);
	ck_assert(netstack_logged("eth0: its address is gone: the lease is over"));
	server.silent = false;
	wire_pass(200 * S);
	ck_assert_uint_eq(our_address(), OFFERED);
}
END_TEST

START_TEST(refused)
{
	start((struct server){.offers = OFFERED});
	wire_pass(3 * S);
	server.refuses = true;
	wire_pass(LEASE_S * 5 / 8 * S);
	ck_assert_uint_ne(our_address(), OFFERED);
	/* Nobody is asked without end. */
	ck_assert_uint_ge(server.heard[REQUEST], 3);
	ck_assert_uint_le(server.heard[REQUEST], 20);
	server.refuses = false;
	server.offers = OFFERED_2;
	wire_pass(200 * S);
	ck_assert_uint_eq(our_address(), OFFERED_2);
}
END_TEST

/* The carrier goes and comes: the lease is asked for again, and kept while nobody answers, until it
 * is over. */
START_TEST(lease_without_carrier)
{
	start((struct server){.offers = OFFERED});
	wire_pass(3 * S);
	ck_assert_uint_eq(our_address(), OFFERED);
	for (unsigned int i = 1; i <= 3; i++) {
		netstack_carrier(false);
		wire_pass(10 * S);
		ck_assert_uint_eq(our_address(), OFFERED);
		netstack_carrier(true);
		wire_pass(10 * S);
		ck_assert_uint_eq(our_address(), OFFERED);
		ck_assert_uint_eq(server.heard[REQUEST], 1 + i);
	}
	ck_assert_uint_eq(server.heard[DISCOVER], 1);
	server.silent = true;
	netstack_carrier(false);
	wire_pass(S);
	netstack_carrier(true);
	wire_pass(60 * S);
	ck_assert_uint_eq(our_address(), OFFERED);
	ck_assert(!netstack_logged("eth0"));
	wire_pass(LEASE_S * S);
	ck_assert_uint_eq(our_address() & 0xffff0000, LINK_LOCAL);
	ck_assert(netstack_logged("eth0: its address is gone: the lease is over"));
	/* Elsewhere by now, and another one is given. */
	server = (struct server){.offers = OFFERED_2};
	netstack_carrier(false);
	wire_pass(S);
	netstack_carrier(true);
	wire_pass(30 * S);
	ck_assert_uint_eq(our_address(), OFFERED_2);
}
END_TEST

START_TEST(nobody_answers)
{
	start((struct server){.offers = OFFERED, .silent = true});
	wire_pass(60 * S);
	ck_assert_uint_eq(our_address() & 0xffff0000, LINK_LOCAL);
	ck_assert(netstack_logged("eth0: no DHCP server answers: 169.254."));
	ck_assert_uint_ge(server.heard[DISCOVER], 4);
	server.silent = false;
	wire_pass(200 * S);
	ck_assert_uint_eq(our_address(), OFFERED);
}
END_TEST

/* --- addresses somebody has --- */

START_TEST(offered_is_in_use)
{
	start((struct server){.offers = OFFERED, .conflicts = OFFERED});
	wire_pass(2 * S);
	ck_assert_uint_ge(server.heard[DECLINE], 1);
	ck_assert_uint_eq(our_address(), 0);
	ck_assert(netstack_logged("eth0: 10.0.0.66 is in use already, by 00:16:3e:00:00:01: DHCP"));
	server.offers = OFFERED_2;
	wire_pass(30 * S);
	ck_assert_uint_eq(our_address(), OFFERED_2);
}
END_TEST

START_TEST(static_is_in_use)
{
	server = (struct server){.conflicts = NETSTACK_ADDRESS};
	wire_start(hear);
	netstack_start(0, "10.0.0.2/24,gw=10.0.0.1");
	wire_pass(S);
	ck_assert(netstack_logged("eth0: 10.0.0.2 is in use already, by 00:16:3e:00:00:01"));
	/* One line, however often it is said; again after a while. */
	frame_say_arp(NETSTACK_ADDRESS);
	ck_assert(!netstack_logged("in use"));
	wire_pass(61 * S);
	frame_say_arp(NETSTACK_ADDRESS);
	ck_assert(netstack_logged("in use"));
	ck_assert_uint_eq(our_address(), NETSTACK_ADDRESS);
}
END_TEST

/* --- DNS --- */

/* Nobody answers: who asks gives up. */
int waitq_sleep(struct waitq *queue, uint32_t wakes, uint64_t deadline_ns, bool interruptible)
{
	(void)queue;
	(void)wakes;
	(void)deadline_ns;
	(void)interruptible;
	return -EINTR;
}

/* Neither the number of a question nor the port it comes from follows from those before. */
START_TEST(questions)
{
	enum { COUNT = 100 };
	static uint16_t ids[COUNT], ports[COUNT];
	struct net_address address;
	unsigned int same_port = 0, near = 0, equal = 0;
	char name[] = "host-000.test";

	start((struct server){.offers = OFFERED});
	wire_pass(3 * S);
	for (unsigned int i = 0; i < COUNT; i++) {
		name[5] = (char)('0' + i / 10 % 10);
		name[6] = (char)('0' + i % 10);
		question.bytes_count = 0;
		ck_assert_int_eq(net_resolve(name, 4, &address), -EINTR);
		wire_pass(S);
		ck_assert_uint_gt(question.bytes_count, 12);
		ids[i] = (uint16_t)frame_get16(question.bytes);
		ports[i] = question.from_port;
		/* It is given up, and there is room for the next. */
		wire_pass(60 * S);
	}
	for (unsigned int i = 1; i < COUNT; i++) {
		same_port += ports[i] == ports[i - 1];
		near += (uint16_t)(ids[i] - ids[i - 1] + 8) < 16;
		for (unsigned int k = 0; k < i; k++)
			equal += ids[i] == ids[k];
	}
	ck_assert_uint_lt(same_port, 5);
	ck_assert_uint_lt(near, 5);
	/* Of 65,536 numbers a hundred are rarely the same: 0.08 of them on average. */
	ck_assert_uint_lt(equal, 5);
}
END_TEST

/* What is captured is a pcap file. */
START_TEST(captures)
{
	static uint8_t bytes[NET_CAPTURE_RECORD_MAX];
	struct net_capture_counts counts;
	uint32_t word;
	size_t done;

	netstack_fail_alloc = -1;
	netstack_start(0, "10.0.0.2/24");
	netstack_advance(3 * S);
	frame_say_arp(NETSTACK_PEER);
	ck_assert_int_eq(net_capture_start("eth0", 60, 100), -EINVAL);
	ck_assert_int_eq(net_capture_start("eth0", 30, 300), 0);
	for (unsigned int i = 0; i < 10; i++)
		frame_say_arp(NETSTACK_PEER);
	net_capture_stop();
	frame_say_arp(NETSTACK_PEER);
	net_capture_get_counts(&counts);
	/* Each is a request and its answer. */
	ck_assert_uint_eq(counts.captured, 300 / 46);
	ck_assert_uint_eq(counts.captured + counts.left_out, 20);
	done = net_capture_read(bytes, sizeof(bytes));
	ck_assert_uint_eq(done, 24 + counts.captured * 46);
	memcpy(&word, bytes, 4);
	ck_assert_uint_eq(word, 0xa1b23c4d);
	memcpy(&word, bytes + 24 + 8, 4);
	ck_assert_uint_eq(word, 30);
	memcpy(&word, bytes + 24 + 12, 4);
	ck_assert_uint_eq(word, 42);
	ck_assert_uint_eq(net_capture_read(bytes, sizeof(bytes)), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *tcase = tcase_create("config");

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, lease);
	tcase_add_test(tcase, lease_ends);
	tcase_add_test(tcase, refused);
	tcase_add_test(tcase, lease_without_carrier);
	tcase_add_test(tcase, nobody_answers);
	tcase_add_test(tcase, offered_is_in_use);
	tcase_add_test(tcase, static_is_in_use);
	tcase_add_test(tcase, questions);
	tcase_add_test(tcase, captures);
	suite_add_tcase(suite, tcase);
	return suite;
}
