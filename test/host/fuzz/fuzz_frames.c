/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any Ethernet frames for the whole stack, lwIP with it: listeners, connections in any state,
 * datagrams, fragments, DHCP, DNS and neighbours. No byte outside the frames is touched. Frames are
 * records: two bytes of length, one of flags, the frame.
 * Sources: xen/hypercall.c
 * Sources: lib/net/stack.c lib/net/capture.c lib/net/checksum.c lib/net/address.c
 * Sources: lib/net/interface.c lib/net/interface_send.c lib/net/config.c lib/net/socket.c
 * Sources: lib/net/tcp_socket.c lib/net/tcp_options.c lib/net/datagram_socket.c core/netdev.c
 * Sources: lib/net/unreachable.c lib/net/conflict.c lib/net/dhcp6.c lib/net/dhcp6_message.c
 * Sources: core/pollhead.c lib/base/format.c lib/base/parse.c lib/base/siphash.c
 * Sources: test/mock/mock_netstack.c test/host/fake_core.c test/host/fake_spinlock.c
 */
#include <stdlib.h>
#include <string.h>

#include "core/netdev.h"
#include "lib/net/socket.h"
#include "lib/net/stack.h"
#include "test/mock/mock_netstack.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count);
const char *__asan_default_options(void);

/* lwIP keeps addresses of fragments unaligned in the fragments, where nobody finds them. What is
 * held is counted below. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

#define PORT         7
#define FRAME_MAX    2000u
#define ETH_BYTES    14u
#define SOCKETS_MAX  16u
#define BLOCKS_MAX   20000 /* half-open connections and fragments have their bounds */
#define FLAG_FIX     0x01u /* make the sums right */
#define FLAG_FOLLOW  0x02u /* TCP's numbers are added to what the stack sent last */
#define FLAG_CHECKED 0x04u
#define FLAG_TIME    0x08u /* time passes before */

static uint32_t last_ack, last_seq; /* of what the stack sent: the peer's next and our next */

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void add32(uint8_t *at, uint32_t value)
{
	value += get32(at);
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

static void on_frame(const uint8_t *frame, size_t bytes_count)
{
	if (bytes_count >= ETH_BYTES + 40 && frame[12] == 8 && frame[13] == 0 &&
	    frame[ETH_BYTES + 9] == 6) {
		last_seq = get32(frame + ETH_BYTES + 24);
		last_ack = get32(frame + ETH_BYTES + 28);
		if (frame[ETH_BYTES + 33] & 3)
			last_seq++;
	}
}

static void drain(struct net_socket *socket)
{
	char bytes[512];
	struct net_piece piece = {bytes, sizeof(bytes)};
	struct net_message message = {
		.pieces = &piece, .pieces_count = 1, .bytes_total = sizeof(bytes)};
	int64_t done;

	for (unsigned int i = 0; i < 64; i++) {
		done = socket->ops->receive(socket, &message);
		if (done <= 0)
			return;
		if (socket->type == NET_STREAM) {
			piece.bytes_count = message.bytes_total = (size_t)done;
			(void)socket->ops->send(socket, &message);
			piece.bytes_count = message.bytes_total = sizeof(bytes);
		}
	}
}

static void feed(const uint8_t *record, size_t frame_bytes, unsigned int flags)
{
	uint8_t *frame = malloc(frame_bytes ? frame_bytes : 1);

	memcpy(frame, record, frame_bytes);
	if ((flags & FLAG_FOLLOW) && frame_bytes >= ETH_BYTES + 40) {
		add32(frame + ETH_BYTES + 24, last_ack);
		add32(frame + ETH_BYTES + 28, last_seq);
	}
	if (flags & FLAG_FIX)
		netstack_fix_sums(frame, frame_bytes);
	if (flags & FLAG_TIME)
		netstack_advance(300 * 1000 * 1000ULL);
	netstack_receive(frame, frame_bytes, flags & FLAG_CHECKED);
	free(frame);
}

static struct net_socket *open_socket(enum net_type type, unsigned int protocol)
{
	struct net_address any = {.family = 6, .port = type == NET_RAW ? 0 : PORT};
	struct net_socket *socket;

	if (net_socket_create(6, type, protocol, &socket) || socket->ops->bind(socket, &any) ||
	    (type == NET_STREAM && net_tcp_listen(socket, 8)))
		abort();
	return socket;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count)
{
	static struct net_socket *listener, *datagram, *raw;
	struct net_socket *sockets[SOCKETS_MAX];
	unsigned int sockets_count = 0;

	if (!listener) {
		netstack_start(NETDEV_GATHER | NETDEV_CHECKSUM4 | NETDEV_CHECKSUM6 |
				       NETDEV_SEGMENT4 | NETDEV_SEGMENT6,
			       "10.0.0.2/24,gw=10.0.0.1,dns=10.0.0.1,dhcp");
		netstack_on_frame = on_frame;
		listener = open_socket(NET_STREAM, 0);
		datagram = open_socket(NET_DATAGRAM, 0);
		raw = open_socket(NET_RAW, 58);
	}
	while (bytes_count > 3) {
		size_t frame_bytes = ((size_t)bytes[0] << 8 | bytes[1]) % FRAME_MAX;

		if (frame_bytes > bytes_count - 3)
			frame_bytes = bytes_count - 3;
		feed(bytes + 3, frame_bytes, bytes[2]);
		bytes += 3 + frame_bytes;
		bytes_count -= 3 + frame_bytes;
		while (sockets_count < SOCKETS_MAX &&
		       net_tcp_accept(listener, &sockets[sockets_count]) == 0)
			sockets_count++;
		for (unsigned int i = 0; i < sockets_count; i++)
			drain(sockets[i]);
		drain(datagram);
		drain(raw);
	}
	while (sockets_count > 0) {
		struct net_socket *socket = sockets[--sockets_count];

		socket->ops->close(socket, sockets_count % 4 > 0);
	}
	netstack_advance(1000 * 1000 * 1000ULL);
	if (netstack_blocks > BLOCKS_MAX)
		abort();
	return 0;
}
