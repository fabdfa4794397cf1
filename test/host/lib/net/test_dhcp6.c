/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DHCPv6 beside a router and a server of a few lines: who asks when, what is kept for how long, and
 * what no server should say.
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
#include <stdlib.h>
#include <string.h>

#include "core/wait.h"
#include "lib/base/error.h"
#include "lib/net/dhcp6_message.h"
#include "lib/net/interface.h"
#include "lib/net/resolve.h"
#include "test/host/check_main.h"
#include "test/host/lib/net/frames.h"
#include "test/host/lib/net/wire.h"

#define KIND_IPV6 0x86ddu
#define IP6       40u
#define S         (1000 * NS_PER_MS)
#define MANAGED   0x80u
#define OTHER     0x40u
#define KINDS     12u
#define ICMP6     58
#define UDP       17

static const uint8_t router[16] = {0xfe, 0x80, [15] = 1};
static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
static const uint8_t offered[16] = {0xfd, 0x17, [15] = 0x42};
static const uint8_t dns[16] = {0xfd, 0x17, [15] = 0x53};

/* --- the server --- */

static uint8_t preferences[4];

static struct server {
	bool silent, commits, no_dns;
	bool wrong;         /* answers something that was not asked */
	uint8_t chosen;     /* the last byte of the server's name in the last REQUEST */
	uint8_t last;       /* byte of the address it gives, 0: 0x42 */
	uint8_t conflict;   /* somebody has the address that ends so */
	uint8_t status;     /* of what it says to anything but SOLICIT, 0: success */
	bool status_inside; /* ... in the association */
	uint8_t preference;
	unsigned int offers; /* several servers: see preferences */
	uint32_t renew_s, rebind_s, preferred_s, valid_s, refresh_s;
	unsigned int heard[KINDS], to_us[KINDS]; /* to_us: those that name the server */
} server;

static void send_ip6(uint8_t next, const uint8_t *from, const uint8_t *to, uint8_t *payload,
		     size_t bytes_count, size_t sum_at)
{
	uint8_t frame[FRAME_MAX] = {0}, *ip = frame + ETH;
	uint8_t pseudo[40] = {0};
	uint32_t sum;

	frame_start(frame, KIND_IPV6);
	ip[0] = 0x60;
	frame_put16(ip + 4, (uint32_t)bytes_count);
	ip[6] = next;
	ip[7] = 255;
	memcpy(ip + 8, from, 16);
	memcpy(ip + 24, to, 16);
	memcpy(pseudo, from, 16);
	memcpy(pseudo + 16, to, 16);
	frame_put32(pseudo + 32, (uint32_t)bytes_count);
	pseudo[39] = next;
	frame_put16(payload + sum_at, 0);
	sum = (uint16_t)~netstack_sum(0, pseudo, sizeof(pseudo));
	frame_put16(payload + sum_at, netstack_sum(sum, payload, bytes_count));
	memcpy(ip + IP6, payload, bytes_count);
	netstack_receive(frame, ETH + IP6 + bytes_count, false);
}

static void announce(unsigned int flags)
{
	uint8_t message[16] = {134};

	message[4] = 64;
	message[5] = (uint8_t)flags;
	frame_put16(message + 6, 9000);
	send_ip6(ICMP6, router, all_nodes, message, sizeof(message), 2);
}

static uint8_t *put_option(uint8_t *at, uint32_t option, const void *bytes, size_t bytes_count)
{
	frame_put16(at, option);
	frame_put16(at + 2, (uint32_t)bytes_count);
	memcpy(at + 4, bytes, bytes_count);
	return at + 4 + bytes_count;
}

static uint8_t *put_status(uint8_t *at, uint8_t status)
{
	return put_option(at, 13, (uint8_t[]){0, status, 'n', 'o'}, 4);
}

static uint8_t *put_association(uint8_t *at, const uint8_t *asked, bool with_address)
{
	uint8_t association[100] = {0}, *end = association + 12, address[24];

	memcpy(association, asked, 4);
	frame_put32(association + 4, server.renew_s);
	frame_put32(association + 8, server.rebind_s);
	if (with_address) {
		memcpy(address, offered, 16);
		if (server.last)
			address[15] = server.last;
		frame_put32(address + 16, server.preferred_s);
		frame_put32(address + 20, server.valid_s);
		end = put_option(end, 5, address, sizeof(address));
	} else {
		end = put_status(end, server.status);
	}
	return put_option(at, 3, association, (size_t)(end - association));
}

static uint8_t server_name[] = {0, 3, 0, 1, 's', 'e', 'r', 'v', 'e', 'r', '0'};

static const uint8_t *option_of(const uint8_t *message, size_t bytes_count, uint32_t wanted,
				size_t *bytes_count_out)
{
	for (size_t at = 4; at + 4 <= bytes_count; at += 4 + frame_get16(message + at + 2))
		if (frame_get16(message + at) == wanted) {
			*bytes_count_out = frame_get16(message + at + 2);
			return message + at + 4;
		}
	return NULL;
}

/* The answer to what a client said, without UDP's header. */
static size_t write_answer(const uint8_t *message, size_t bytes_count, uint8_t kind, uint8_t *out)
{
	uint8_t *at = out + 4, refresh[4];
	size_t client_bytes = 0, asked_bytes;
	const uint8_t *client = option_of(message, bytes_count, 1, &client_bytes);
	const uint8_t *asked = option_of(message, bytes_count, 3, &asked_bytes);
	bool good = server.status == 0 || message[0] == DHCP6_SOLICIT;

	memcpy(out, message, 4);
	out[0] = kind;
	out[3] ^= server.wrong;
	at = put_option(at, 1, client, client_bytes);
	at = put_option(at, 2, server_name, sizeof(server_name));
	if (server.preference)
		at = put_option(at, 7, &server.preference, 1);
	if (!good && !server.status_inside)
		at = put_status(at, server.status);
	else if (asked && message[0] != DHCP6_CONFIRM && message[0] != DHCP6_DECLINE)
		at = put_association(at, asked, good);
	if (kind == DHCP6_REPLY && message[0] == DHCP6_SOLICIT)
		at = put_option(at, 14, "", 0);
	if (!server.no_dns)
		at = put_option(at, 23, dns, sizeof(dns));
	frame_put32(refresh, server.refresh_s);
	if (server.refresh_s)
		at = put_option(at, 32, refresh, sizeof(refresh));
	return (size_t)(at - out);
}

static void answer(const uint8_t *client, const uint8_t *message, size_t bytes_count, uint8_t kind)
{
	uint8_t datagram[600];
	size_t count = 8 + write_answer(message, bytes_count, kind, datagram + 8);

	frame_put16(datagram, 547);
	frame_put16(datagram + 2, 546);
	frame_put16(datagram + 4, (uint32_t)count);
	send_ip6(UDP, router, client, datagram, count, 6);
}

/* Somebody has the address that is asked about. */
static void defend(const uint8_t *address)
{
	uint8_t message[32] = {136, [4] = 0x20, [24] = 2, [25] = 1};

	memcpy(message + 8, address, 16);
	memcpy(message + 26, frame_peer_mac, 6);
	send_ip6(ICMP6, address, all_nodes, message, sizeof(message), 2);
}

static void hear(const uint8_t *frame, size_t bytes_count)
{
	const uint8_t *ip = frame + ETH, *l4 = ip + IP6, *message = l4 + 8;
	size_t message_bytes, part;

	if (bytes_count < ETH + IP6 + 24 || frame_get16(frame + 12) != KIND_IPV6)
		return;
	if (ip[6] == ICMP6 && l4[0] == 135 && server.conflict && l4[23] == server.conflict)
		defend(l4 + 8);
	if (ip[6] != UDP || frame_get16(l4 + 2) != 547)
		return;
	message_bytes = frame_get16(l4 + 4) - 8u;
	ck_assert_uint_lt(message[0], KINDS);
	ck_assert(option_of(message, message_bytes, 1, &part));
	ck_assert(option_of(message, message_bytes, 8, &part));
	server.heard[message[0]]++;
	server.to_us[message[0]] += option_of(message, message_bytes, 2, &part) != NULL;
	if (message[0] == DHCP6_REQUEST)
		server.chosen =
			option_of(message, message_bytes, 2, &part)[sizeof(server_name) - 1];
	if (server.silent)
		return;
	if (message[0] == DHCP6_SOLICIT && server.offers > 0) {
		for (unsigned int i = 0; i < server.offers; i++) {
			server.preference = preferences[i];
			server_name[sizeof(server_name) - 1] = (uint8_t)('0' + i);
			answer(ip + 8, message, message_bytes, DHCP6_ADVERTISE);
		}
		return;
	}
	if (message[0] == DHCP6_SOLICIT && !server.commits)
		answer(ip + 8, message, message_bytes, DHCP6_ADVERTISE);
	else
		answer(ip + 8, message, message_bytes, DHCP6_REPLY);
}

static void start(struct server how)
{
	server = how;
	if (!server.valid_s) {
		server.renew_s = 600;
		server.rebind_s = 960;
		server.preferred_s = 1200;
		server.valid_s = 1800;
	}
	netstack_fail_alloc = -1;
	wire_start(hear);
	netstack_start(0, "none");
	wire_pass(3 * S);
}

/* The last byte of the address of DHCPv6; 0: there is none. */
static unsigned int our_address(void)
{
	struct net_interface_info info;

	ck_assert(net_interface_get(2, &info));
	for (unsigned int i = 0; i < info.addresses_count; i++)
		if (info.addresses[i].address.family == 6 &&
		    memcmp(info.addresses[i].address.bytes, offered, 15) == 0) {
			ck_assert_uint_eq(info.addresses[i].prefix_bits, 128);
			return info.addresses[i].address.bytes[15];
		}
	return 0;
}

static bool has_dns(void)
{
	struct net_address address;

	return net_resolve_server(0, &address) && address.family == 6 &&
	       memcmp(address.bytes, dns, 16) == 0;
}

/* --- without addresses --- */

START_TEST(nobody_says_so)
{
	start((struct server){0});
	announce(0);
	wire_pass(100 * S);
	for (unsigned int i = 0; i < KINDS; i++)
		ck_assert_uint_eq(server.heard[i], 0);
}
END_TEST

START_TEST(other)
{
	start((struct server){.refresh_s = 1000});
	for (unsigned int i = 0; i < 10; i++) {
		announce(OTHER);
		wire_pass(10 * S);
	}
	ck_assert_uint_eq(server.heard[DHCP6_INFORM], 1);
	ck_assert(has_dns());
	ck_assert_uint_eq(our_address(), 0);
	/* Asked again when its time is over, and what is not said any more goes. */
	server.no_dns = true;
	wire_pass(910 * S);
	ck_assert_uint_eq(server.heard[DHCP6_INFORM], 2);
	ck_assert(!has_dns());
	/* Later it has addresses, too. */
	announce(MANAGED | OTHER);
	wire_pass(10 * S);
	ck_assert_uint_eq(our_address(), 0x42);
}
END_TEST

START_TEST(other_in_vain)
{
	start((struct server){.silent = true});
	announce(OTHER);
	wire_pass(600 * S);
	/* 1, 2, 4 … seconds. */
	ck_assert_uint_ge(server.heard[DHCP6_INFORM], 8);
	ck_assert_uint_le(server.heard[DHCP6_INFORM], 11);
	server.silent = false;
	wire_pass(900 * S);
	ck_assert(has_dns());
}
END_TEST

/* --- with addresses --- */

START_TEST(lease)
{
	start((struct server){0});
	announce(MANAGED);
	wire_pass(8 * S);
	ck_assert_uint_eq(our_address(), 0x42);
	ck_assert(has_dns());
	ck_assert_uint_eq(server.heard[DHCP6_SOLICIT], 1);
	ck_assert_uint_eq(server.heard[DHCP6_REQUEST], 1);
	ck_assert_uint_eq(server.to_us[DHCP6_REQUEST], 1);
	for (unsigned int i = 1; i <= 10; i++) {
		announce(MANAGED);
		wire_pass(600 * S);
		ck_assert_uint_eq(server.heard[DHCP6_RENEW], i);
		ck_assert_uint_eq(our_address(), 0x42);
	}
	ck_assert_uint_eq(server.to_us[DHCP6_RENEW], 10);
	ck_assert_uint_eq(server.heard[DHCP6_SOLICIT], 1);
	ck_assert_uint_eq(server.heard[DHCP6_REBIND], 0);
	ck_assert(!netstack_logged("eth0"));
}
END_TEST

START_TEST(lease_at_once)
{
	start((struct server){.commits = true});
	announce(MANAGED);
	wire_pass(5 * S);
	ck_assert_uint_eq(our_address(), 0x42);
	ck_assert_uint_eq(server.heard[DHCP6_SOLICIT], 1);
	ck_assert_uint_eq(server.heard[DHCP6_REQUEST], 0);
}
END_TEST

/* Of several servers the one with the highest preference, among equals the first; one that has the
 * highest of all is not compared with others. */
START_TEST(prefers)
{
	static const struct {
		uint8_t preferences[4], chosen;
	} cases[] = {{{5, 9, 7, 9}, '1'}, {{0, 0, 0, 0}, '0'}, {{1, 2, 3, 254}, '3'}};

	for (unsigned int i = 0; i < 3; i++) {
		if (i == 0)
			start((struct server){.offers = 4});
		else
			netstack_add();
		memcpy(preferences, cases[i].preferences, sizeof(preferences));
		wire_pass(3 * S);
		announce(MANAGED);
		wire_pass(8 * S);
		ck_assert_uint_eq(server.chosen, cases[i].chosen);
		ck_assert_uint_eq(our_address(), 0x42);
		netstack_remove();
		wire_pass(S);
	}
}
END_TEST

START_TEST(answers_to_nothing)
{
	start((struct server){.wrong = true});
	announce(MANAGED);
	wire_pass(60 * S);
	ck_assert_uint_eq(our_address(), 0);
	ck_assert_uint_eq(server.heard[DHCP6_REQUEST], 0);
	server.wrong = false;
	wire_pass(120 * S);
	ck_assert_uint_eq(our_address(), 0x42);
}
END_TEST

START_TEST(lease_without_end)
{
	start((struct server){.preferred_s = DHCP6_FOREVER, .valid_s = DHCP6_FOREVER});
	announce(MANAGED);
	wire_pass(8 * S);
	announce(MANAGED);
	wire_pass(20000 * S);
	ck_assert_uint_eq(our_address(), 0x42);
	ck_assert_uint_eq(server.heard[DHCP6_RENEW], 0);
}
END_TEST

/* The server dies: others are asked, then the address goes, and comes again with the server. */
START_TEST(lease_ends)
{
	start((struct server){0});
	announce(MANAGED);
	wire_pass(8 * S);
	server.silent = true;
	wire_pass(950 * S);
	ck_assert_uint_eq(our_address(), 0x42);
	ck_assert_uint_ge(server.heard[DHCP6_RENEW], 4);
	ck_assert_uint_eq(server.heard[DHCP6_REBIND], 0);
	announce(MANAGED);
	wire_pass(800 * S);
	ck_assert_uint_eq(our_address(), 0x42);
	ck_assert_uint_ge(server.heard[DHCP6_REBIND], 3);
	ck_assert_uint_eq(server.to_us[DHCP6_REBIND], 0);
	wire_pass(100 * S);
	ck_assert_uint_eq(our_address(), 0);
	ck_assert(netstack_logged("eth0: its address of DHCPv6 is gone: the lease is over"));
	server.silent = false;
	server.last = 0x43;
	wire_pass(200 * S);
	ck_assert_uint_eq(our_address(), 0x43);
}
END_TEST

/* Any other server may let us keep it. */
START_TEST(rebinds)
{
	start((struct server){0});
	announce(MANAGED);
	wire_pass(8 * S);
	server.silent = true;
	wire_pass(965 * S);
	server.silent = false;
	wire_pass(100 * S);
	ck_assert_uint_ge(server.heard[DHCP6_REBIND], 1);
	wire_pass(900 * S);
	ck_assert_uint_eq(our_address(), 0x42);
	ck_assert_uint_eq(server.heard[DHCP6_SOLICIT], 1);
}
END_TEST

/* What it says when it does not want: it is asked for another address, but not without end. */
START_TEST(refused)
{
	start((struct server){.status = DHCP6_NO_ADDRESSES, .status_inside = true});
	announce(MANAGED);
	wire_pass(300 * S);
	ck_assert_uint_eq(our_address(), 0);
	ck_assert_uint_ge(server.heard[DHCP6_REQUEST], 5);
	ck_assert_uint_le(server.heard[DHCP6_REQUEST], 31);
	server.status = 0;
	wire_pass(30 * S);
	ck_assert_uint_eq(our_address(), 0x42);
	/* It forgot us: asked once more, it gives the same. */
	server.status = DHCP6_NO_BINDING;
	wire_pass(605 * S);
	ck_assert_uint_ge(server.heard[DHCP6_RENEW], 1);
	server.status = 0;
	wire_pass(60 * S);
	ck_assert_uint_eq(our_address(), 0x42);
}
END_TEST

START_TEST(taken_back)
{
	start((struct server){0});
	announce(MANAGED);
	wire_pass(8 * S);
	server.valid_s = server.preferred_s = 0;
	wire_pass(600 * S);
	ck_assert_uint_eq(our_address(), 0);
	server.valid_s = server.preferred_s = 1000;
	server.last = 0x44;
	wire_pass(60 * S);
	ck_assert_uint_eq(our_address(), 0x44);
}
END_TEST

START_TEST(in_use)
{
	start((struct server){.conflict = 0x42});
	announce(MANAGED);
	wire_pass(5 * S);
	server.last = 0x43;
	wire_pass(20 * S);
	ck_assert(netstack_logged("is in use already: DHCPv6 is asked for another"));
	ck_assert_uint_ge(server.heard[DHCP6_DECLINE], 1);
	ck_assert_uint_eq(server.to_us[DHCP6_DECLINE], server.heard[DHCP6_DECLINE]);
	ck_assert_uint_eq(our_address(), 0x43);
}
END_TEST

/* The carrier comes back: here or elsewhere? */
START_TEST(confirms)
{
	start((struct server){0});
	announce(MANAGED);
	wire_pass(8 * S);
	for (unsigned int i = 1; i <= 2; i++) {
		netstack_carrier(false);
		wire_pass(5 * S);
		netstack_carrier(true);
		wire_pass(20 * S);
		ck_assert_uint_eq(server.heard[DHCP6_CONFIRM], i);
		ck_assert_uint_eq(our_address(), 0x42);
	}
	ck_assert_uint_eq(server.to_us[DHCP6_CONFIRM], 0);
	server.silent = true;
	netstack_carrier(false);
	netstack_carrier(true);
	wire_pass(60 * S);
	ck_assert_uint_eq(our_address(), 0x42);
	ck_assert_uint_le(server.heard[DHCP6_CONFIRM], 8);
	/* It goes on as before. */
	server.silent = false;
	wire_pass(600 * S);
	ck_assert_uint_ge(server.heard[DHCP6_RENEW], 1);
	ck_assert_uint_eq(server.heard[DHCP6_SOLICIT], 1);
	server.status = DHCP6_NOT_ON_LINK;
	netstack_carrier(false);
	netstack_carrier(true);
	wire_pass(4 * S);
	ck_assert_uint_eq(our_address(), 0);
	server.status = 0;
	server.last = 0x45;
	wire_pass(30 * S);
	ck_assert_uint_eq(our_address(), 0x45);
}
END_TEST

START_TEST(removed)
{
	long blocks = 0;

	start((struct server){0});
	for (unsigned int i = 0; i < 5; i++) {
		announce(MANAGED);
		wire_pass(8 * S);
		ck_assert_uint_eq(our_address(), 0x42);
		netstack_remove();
		ck_assert(!has_dns());
		wire_pass(60 * S);
		if (i == 0)
			blocks = netstack_blocks;
		ck_assert_int_eq(netstack_blocks, blocks);
		netstack_add();
		wire_pass(3 * S);
	}
}
END_TEST

/* Every allocation fails once: it gets its address all the same. */
START_TEST(no_memory)
{
	start((struct server){0});
	for (long fail = 0; fail < 30; fail++) {
		netstack_fail_alloc = fail;
		for (unsigned int i = 0; i < 12 && our_address() == 0; i++) {
			announce(MANAGED);
			wire_pass(5 * S);
		}
		netstack_fail_alloc = -1;
		ck_assert_uint_eq(our_address(), 0x42);
		netstack_remove();
		wire_pass(S);
		netstack_add();
		wire_pass(3 * S);
	}
}
END_TEST

/* --- messages --- */

static const uint8_t question[] = {3, 1, 2, 3, 0,  1,    0, 10, 0, 3, 0, 1, 0, 0x16, 0x3e, 0, 0,
				   2, 0, 3, 0, 12, 0x3e, 0, 0,  2, 0, 0, 0, 0, 0,    0,    0, 0};

/* Cut short, it is none; changed anywhere, it makes sense or is refused, and no byte beyond is
 * read. */
START_TEST(noise)
{
	uint8_t bytes[600];
	struct dhcp6_heard heard;
	size_t count;

	server = (struct server){.renew_s = 5, .rebind_s = 8, .preferred_s = 9, .valid_s = 10};
	count = write_answer(question, sizeof(question), DHCP6_REPLY, bytes);
	ck_assert_int_eq(dhcp6_message_read(bytes, count, frame_our_mac, &heard), 0);
	ck_assert(heard.has_address && heard.has_association);
	ck_assert_uint_eq(heard.transaction, 0x10203);
	ck_assert_uint_eq(heard.valid_s, 10);
	ck_assert_uint_eq(heard.dns_count, 1);
	ck_assert_int_eq(dhcp6_message_read(bytes, count, frame_peer_mac, &heard), -EINVAL);
	for (size_t cut = 0; cut < count; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, bytes, cut);
		/* Whole options that are missing are all right behind what has to be there. */
		if (dhcp6_message_read(copy, cut, frame_our_mac, &heard) == 0)
			ck_assert(!heard.dns_count);
		free(copy);
	}
	for (unsigned int round = 0; round < 300000; round++) {
		uint8_t *copy = malloc(count);

		memcpy(copy, bytes, count);
		for (unsigned int i = 0; i < 1 + round % 4; i++)
			copy[test_random() % count] = (uint8_t)(round % 3 ? test_random() : 0xff);
		if (dhcp6_message_read(copy, count, frame_our_mac, &heard) == 0) {
			ck_assert_uint_le(heard.server_bytes, DHCP6_SERVER_MAX);
			ck_assert_uint_le(heard.dns_count, DHCP6_DNS_MAX);
			ck_assert(!heard.has_address || heard.preferred_s <= heard.valid_s);
		}
		free(copy);
	}
}
END_TEST

/* Addresses that are nobody's to give, times and names that cannot be. */
START_TEST(bad_values)
{
	static const uint8_t bad[][16] = {
		{0}, {[15] = 1}, {0xff, 2, [15] = 1}, {0xfe, 0x80, [15] = 9}};
	struct dhcp6_heard heard;
	uint8_t bytes[600];
	size_t count, at = 0;

	server = (struct server){.preferred_s = 9, .valid_s = 10};
	count = write_answer(question, sizeof(question), DHCP6_REPLY, bytes);
	while (memcmp(bytes + at, offered, 16) != 0)
		at++;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(bytes + at, bad[i], 16);
		ck_assert_int_eq(dhcp6_message_read(bytes, count, frame_our_mac, &heard), -EINVAL);
	}
	memcpy(bytes + at, offered, 16);
	frame_put32(bytes + at + 16, 11);
	ck_assert_int_eq(dhcp6_message_read(bytes, count, frame_our_mac, &heard), -EINVAL);
	frame_put32(bytes + at + 16, 9);
	ck_assert_int_eq(dhcp6_message_read(bytes, count, frame_our_mac, &heard), 0);
	/* One more server's name, which counts, at the end. */
	for (size_t name = DHCP6_SERVER_MAX - 1; name < DHCP6_SERVER_MAX + 3; name++) {
		size_t all = (size_t)(put_option(bytes + count, 2, question, 0) - bytes) + name;

		frame_put16(bytes + count + 2, (uint32_t)name);
		memset(bytes + all - name, 7, name);
		ck_assert_int_eq(dhcp6_message_read(bytes, all, frame_our_mac, &heard),
				 name > DHCP6_SERVER_MAX ? -EINVAL : 0);
	}
}
END_TEST

/* Nobody resolves names here. */
int waitq_sleep(struct waitq *queue, uint32_t wakes, uint64_t deadline_ns, bool interruptible)
{
	(void)queue;
	(void)wakes;
	(void)deadline_ns;
	(void)interruptible;
	return -EINTR;
}

Suite *test_suite(void)
{
	Suite *suite = suite_create("dhcp6");
	TCase *tcase = tcase_create("dhcp6");

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, nobody_says_so);
	tcase_add_test(tcase, other);
	tcase_add_test(tcase, other_in_vain);
	tcase_add_test(tcase, lease);
	tcase_add_test(tcase, lease_at_once);
	tcase_add_test(tcase, prefers);
	tcase_add_test(tcase, answers_to_nothing);
	tcase_add_test(tcase, lease_without_end);
	tcase_add_test(tcase, lease_ends);
	tcase_add_test(tcase, rebinds);
	tcase_add_test(tcase, refused);
	tcase_add_test(tcase, taken_back);
	tcase_add_test(tcase, in_use);
	tcase_add_test(tcase, confirms);
	tcase_add_test(tcase, removed);
	tcase_add_test(tcase, no_memory);
	tcase_add_test(tcase, noise);
	tcase_add_test(tcase, bad_values);
	suite_add_tcase(suite, tcase);
	return suite;
}
