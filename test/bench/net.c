/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network: net ADDRESS PEER, our address and that of a peer in dom0 (net_peer.c). First when
 * the network was there, then round trips, connections, bulk transfers, small datagrams.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/bench/bench.h"
#include "test/bench/net.h"

#define BULK_BYTES  (8u << 20)
#define PIECE_BYTES (64u << 10)
#define TRIPS       200u
#define CONNECTS    50u
#define DATAGRAMS   4000u
#define SILENCE_MS  300

static struct sockaddr_in peer = {.sin_family = AF_INET};
static char piece[PIECE_BYTES];

static void fail(const char *what)
{
	printf("bench-error net %s: %s\n", what, strerror(errno));
	platform_end(1);
}

static int open_to(int type, uint16_t port)
{
	int fd = socket(AF_INET, type, 0), one = 1;

	peer.sin_port = htons(port);
	if (fd < 0 || connect(fd, (struct sockaddr *)&peer, sizeof(peer)))
		fail("connect");
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static double mib_per_second(uint64_t bytes, uint64_t ticks)
{
	return (double)bytes / (1 << 20) / ((double)ticks / 1e9);
}

static double bulk_send(void *arg)
{
	int fd = open_to(SOCK_STREAM, PORT_SINK);
	uint64_t begin = bench_ticks(), end;

	(void)arg;
	for (uint64_t left = BULK_BYTES; left > 0;) {
		ssize_t done = send(fd, piece, left < PIECE_BYTES ? left : PIECE_BYTES, 0);

		if (done <= 0)
			fail("send");
		left -= (uint64_t)done;
	}
	shutdown(fd, SHUT_WR);
	if (read(fd, piece, 1) != 1)
		fail("the peer did not get it");
	end = bench_ticks();
	close(fd);
	return mib_per_second(BULK_BYTES, end - begin);
}

static double bulk_receive(void *arg)
{
	int fd = open_to(SOCK_STREAM, PORT_SOURCE);
	uint64_t wanted = BULK_BYTES, begin = bench_ticks(), left = BULK_BYTES;

	(void)arg;
	if (write(fd, &wanted, sizeof(wanted)) != sizeof(wanted))
		fail("write");
	while (left > 0) {
		ssize_t done = recv(fd, piece, PIECE_BYTES, 0);

		if (done <= 0)
			fail("recv");
		left -= (uint64_t)done;
	}
	begin = bench_ticks() - begin;
	close(fd);
	return mib_per_second(BULK_BYTES, begin);
}

/* One byte there and back, in microseconds: the median. */
static double round_trip(void *arg)
{
	static double trips[TRIPS];
	int fd = open_to(*(const int *)arg, PORT_ECHO);
	double best;

	for (unsigned int i = 0; i < TRIPS; i++) {
		uint64_t begin = bench_ticks();

		if (write(fd, piece, 1) != 1 || read(fd, piece, sizeof(piece)) != 1)
			fail("round trip");
		trips[i] = (double)(bench_ticks() - begin) / 1e3;
	}
	close(fd);
	for (unsigned int i = 1; i < TRIPS; i++)
		for (unsigned int k = i; k > 0 && trips[k] < trips[k - 1]; k--) {
			best = trips[k];
			trips[k] = trips[k - 1];
			trips[k - 1] = best;
		}
	return trips[TRIPS / 2];
}

static double connects(void *arg)
{
	uint64_t ticks = 0;

	(void)arg;
	for (unsigned int i = 0; i < CONNECTS; i++) {
		uint64_t begin = bench_ticks();
		int fd = open_to(SOCK_STREAM, PORT_ECHO);

		ticks += bench_ticks() - begin;
		close(fd);
	}
	return (double)ticks / 1e3 / CONNECTS;
}

/* What arrived at the peer, by the time it took there. */
static double datagrams_send(void *arg)
{
	int fd = open_to(SOCK_DGRAM, PORT_COUNT);
	uint32_t words[DATAGRAM_BYTES / 4] = {COUNT_BEGIN};
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	struct count count;

	(void)arg;
	send(fd, words, sizeof(words), 0);
	words[0] = COUNT_DATA;
	for (unsigned int i = 0; i < DATAGRAMS; i++)
		if (send(fd, words, sizeof(words), 0) < 0 && errno != ENOBUFS)
			fail("send");
	words[0] = COUNT_ASK;
	do
		send(fd, words, sizeof(words), 0);
	while (poll(&poller, 1, SILENCE_MS) == 0);
	if (recv(fd, &count, sizeof(count), 0) != sizeof(count))
		fail("the peer's count");
	/* It is said only once, but may have been asked for twice. */
	while (poll(&poller, 1, SILENCE_MS) > 0)
		recv(fd, piece, sizeof(piece), 0);
	close(fd);
	return count.ticks ? (double)count.packets / ((double)count.ticks / 1e9) : 0;
}

static double datagrams_receive(void *arg)
{
	int fd = open_to(SOCK_DGRAM, PORT_BLAST);
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	uint32_t wanted = DATAGRAMS;
	uint64_t begin = 0, end = 0, packets = 0;

	(void)arg;
	send(fd, &wanted, sizeof(wanted), 0);
	while (packets < DATAGRAMS) {
		if (recv(fd, piece, sizeof(piece), MSG_DONTWAIT) < 0) {
			if (poll(&poller, 1, packets ? SILENCE_MS : -1) == 0)
				break;
			continue;
		}
		end = bench_ticks();
		if (packets++ == 0)
			begin = end;
	}
	close(fd);
	return end > begin ? (double)packets / ((double)(end - begin) / 1e9) : 0;
}

int main(int argc, char **argv)
{
	static const int stream = SOCK_STREAM, datagram = SOCK_DGRAM;

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	if (argc != 3)
		platform_end(2);
	inet_pton(AF_INET, argv[2], &peer.sin_addr);
	platform_devices();
	net_bring_up(argv[1]);
	close(open_to(SOCK_STREAM, PORT_ECHO));
	printf("bench net_ready %llu\n", (unsigned long long)bench_ticks());
	bench_report("ruler", bench_sample_ruler, NULL);
	bench_report("net_trip_tcp", round_trip, (void *)(uintptr_t)&stream);
	bench_report("net_trip_udp", round_trip, (void *)(uintptr_t)&datagram);
	bench_report("net_connect", connects, NULL);
	bench_report("net_bulk_send", bulk_send, NULL);
	bench_report("net_bulk_receive", bulk_receive, NULL);
	bench_report("net_datagrams_send", datagrams_send, NULL);
	bench_report("net_datagrams_receive", datagrams_receive, NULL);
	platform_end(0);
}
