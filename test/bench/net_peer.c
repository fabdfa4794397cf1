/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In dom0, the other end of net.c, and a client of HTTP:
 *
 *	net-peer serve				what net.c asks for
 *	net-peer http ADDRESS CLIENTS SECONDS DOMID
 *						requests of "/" on kept connections, counted; and
 *						the processor time each vCPU had for one
 *	net-peer first ADDRESS DOMID		starts a paused domain; ticks then, and when "/" was
 *						answered for the first time
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xenctrl.h>

#include "test/bench/bench.h"
#include "test/bench/net.h"

#define PIECE_BYTES  (64u << 10)
#define CLIENTS_MAX  256
#define VCPUS_MAX    64
#define ANSWER_BYTES 65536
#define TRY_NS       1000000
#define TRIES_OPEN   32
#define TRIES_MAX    30000
#define TICKS_PER_S  1e9

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int open_port(int type, uint16_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, type, 0), one = 1, room = 64 << 20;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	    (type == SOCK_STREAM && listen(fd, 128)))
		fail("net-peer: bind");
	return fd;
}

/* ---- What net.c asks for, one connection after the other ---- */

static void do_sink(int fd)
{
	static char piece[PIECE_BYTES];

	while (read(fd, piece, sizeof(piece)) > 0)
		continue;
	if (write(fd, piece, 1) != 1)
		perror("net-peer: sink");
}

static void do_source(int fd)
{
	static char piece[PIECE_BYTES];
	uint64_t left;

	if (read(fd, &left, sizeof(left)) != sizeof(left))
		return;
	while (left > 0) {
		ssize_t done = write(fd, piece, left < PIECE_BYTES ? left : PIECE_BYTES);

		if (done <= 0)
			return;
		left -= (uint64_t)done;
	}
}

static void do_echo(int fd)
{
	char byte[256];
	ssize_t bytes;
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while ((bytes = read(fd, byte, sizeof(byte))) > 0)
		if (write(fd, byte, (size_t)bytes) != bytes)
			return;
}

struct service {
	uint16_t port;
	void (*serve)(int fd);
};

static void *serve_tcp(void *arg)
{
	const struct service *service = arg;
	int listener = open_port(SOCK_STREAM, service->port), fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		service->serve(fd);
		close(fd);
	}
	fail("net-peer: accept");
	return NULL;
}

static void answer(int fd, const void *bytes, size_t bytes_count, const struct sockaddr_in *to)
{
	if (sendto(fd, bytes, bytes_count, 0, (const struct sockaddr *)to, sizeof(*to)) < 0)
		perror("net-peer: sendto");
}

static void *serve_echo(void *arg)
{
	int fd = open_port(SOCK_DGRAM, PORT_ECHO);
	char bytes[2048];

	(void)arg;
	for (;;) {
		struct sockaddr_in from;
		socklen_t from_bytes = sizeof(from);
		ssize_t count = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from,
					 &from_bytes);

		if (count >= 0)
			answer(fd, bytes, (size_t)count, &from);
	}
	return NULL;
}

static void *serve_count(void *arg)
{
	int fd = open_port(SOCK_DGRAM, PORT_COUNT);
	struct count count = {.packets = 0};
	uint64_t begin = 0;

	(void)arg;
	for (;;) {
		struct sockaddr_in from;
		socklen_t from_bytes = sizeof(from);
		uint32_t words[DATAGRAM_BYTES / 4];

		if (recvfrom(fd, words, sizeof(words), 0, (struct sockaddr *)&from, &from_bytes) <
		    (ssize_t)sizeof(words))
			continue;
		if (words[0] == COUNT_BEGIN) {
			count = (struct count){.packets = 0};
			begin = bench_ticks();
		} else if (words[0] == COUNT_DATA) {
			count.packets++;
			count.ticks = bench_ticks() - begin;
		} else {
			answer(fd, &count, sizeof(count), &from);
		}
	}
	return NULL;
}

static void *serve_blast(void *arg)
{
	int fd = open_port(SOCK_DGRAM, PORT_BLAST);
	char bytes[DATAGRAM_BYTES] = "";

	(void)arg;
	for (;;) {
		struct sockaddr_in from;
		socklen_t from_bytes = sizeof(from);
		uint32_t wanted;

		if (recvfrom(fd, &wanted, sizeof(wanted), 0, (struct sockaddr *)&from,
			     &from_bytes) != sizeof(wanted))
			continue;
		while (wanted-- > 0)
			answer(fd, bytes, sizeof(bytes), &from);
	}
	return NULL;
}

static int serve(void)
{
	static const struct service services[] = {
		{PORT_SINK, do_sink}, {PORT_SOURCE, do_source}, {PORT_ECHO, do_echo}};
	pthread_t thread;

	for (unsigned int i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (pthread_create(&thread, NULL, serve_tcp, (void *)(uintptr_t)&services[i]))
			return 1;
	if (pthread_create(&thread, NULL, serve_echo, NULL) ||
	    pthread_create(&thread, NULL, serve_count, NULL))
		return 1;
	serve_blast(NULL);
	return 0;
}

/* ---- HTTP ---- */

static const char request[] = "GET / HTTP/1.1\r\nHost: guest\r\n\r\n";

struct client {
	int fd;
	size_t bytes, wanted; /* of the answer; wanted 0: not known yet */
	char answer[ANSWER_BYTES];
};

static struct sockaddr_in server = {.sin_family = AF_INET};

static void ask(struct client *client)
{
	client->bytes = client->wanted = 0;
	if (write(client->fd, request, sizeof(request) - 1) != sizeof(request) - 1)
		fail("net-peer: request");
}

/* 1: a whole answer is there; 0 not yet. */
static int take(struct client *client)
{
	ssize_t done = read(client->fd, client->answer + client->bytes,
			    sizeof(client->answer) - 1 - client->bytes);
	const char *end, *length;

	if (done <= 0)
		fail("net-peer: answer");
	client->bytes += (size_t)done;
	client->answer[client->bytes] = '\0';
	if (client->wanted == 0) {
		end = strstr(client->answer, "\r\n\r\n");
		length = strcasestr(client->answer, "\r\ncontent-length:");
		if (!end || !length)
			return 0;
		if (strncmp(client->answer, "HTTP/1.1 200", 12) != 0) {
			fprintf(stderr, "net-peer: %s\n", client->answer);
			exit(1);
		}
		client->wanted = (size_t)(end + 4 - client->answer) +
				 strtoul(length + sizeof("\r\ncontent-length:") - 1, NULL, 10);
	}
	return client->bytes >= client->wanted;
}

/* Nanoseconds that each vCPU has run; how many there are. */
static unsigned int processor_time(xc_interface *xc, uint32_t domid, uint64_t ns_out[VCPUS_MAX])
{
	xc_vcpuinfo_t info;
	unsigned int count = 0;

	while (count < VCPUS_MAX && xc_vcpu_getinfo(xc, domid, count, &info) == 0)
		ns_out[count++] = info.cpu_time;
	return count;
}

static void report_processors(unsigned int count, const uint64_t *begin_ns, const uint64_t *end_ns,
			      uint64_t answers)
{
	printf("bench http_cpu");
	for (unsigned int i = 0; i < count; i++)
		printf(" %.1f", (double)(end_ns[i] - begin_ns[i]) / (double)answers);
	printf("\n");
}

static int http(int clients_count, double seconds, uint32_t domid)
{
	xc_interface *xc = xc_interface_open(NULL, NULL, 0);
	uint64_t begin_ns[VCPUS_MAX], end_ns[VCPUS_MAX];
	unsigned int vcpus;

	static struct client clients[CLIENTS_MAX];
	int poller = epoll_create1(0), one = 1;
	uint64_t begin, answers = 0, end;

	if (clients_count > CLIENTS_MAX || !xc)
		return 2;
	for (int i = 0; i < clients_count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

		clients[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(clients[i].fd, (struct sockaddr *)&server, sizeof(server)))
			fail("net-peer: connect");
		setsockopt(clients[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		epoll_ctl(poller, EPOLL_CTL_ADD, clients[i].fd, &event);
		ask(&clients[i]);
	}
	vcpus = processor_time(xc, domid, begin_ns);
	begin = end = bench_ticks();
	while ((double)(end - begin) < seconds * TICKS_PER_S) {
		struct epoll_event events[64];
		int count = epoll_wait(poller, events, 64, 10000);

		if (count <= 0)
			fail("net-peer: nobody answers");
		end = bench_ticks();
		for (int i = 0; i < count; i++) {
			if (!take(&clients[events[i].data.u32]))
				continue;
			answers++;
			ask(&clients[events[i].data.u32]);
		}
	}
	processor_time(xc, domid, end_ns);
	report_processors(vcpus, begin_ns, end_ns, answers);
	printf("bench http %.1f\n", (double)answers / ((double)(end - begin) / TICKS_PER_S));
	return 0;
}

/* A new connection every millisecond, until one is answered. */
static int first(uint32_t domid)
{
	xc_interface *xc = xc_interface_open(NULL, NULL, 0);
	static struct client client;
	struct pollfd tries[TRIES_OPEN];
	const struct timespec pause = {.tv_nsec = TRY_NS};

	for (int i = 0; i < TRIES_OPEN; i++)
		tries[i] = (struct pollfd){.fd = -1, .events = POLLOUT};
	printf("unpause %llu\n", (unsigned long long)bench_ticks());
	if (!xc || xc_domain_unpause(xc, domid))
		fail("net-peer: unpause");
	for (int try = 0; try < TRIES_MAX; try++) {
		struct pollfd *at = &tries[try % TRIES_OPEN];

		if (at->fd >= 0)
			close(at->fd);
		at->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(at->fd, (struct sockaddr *)&server, sizeof(server));
		nanosleep(&pause, NULL);
		poll(tries, TRIES_OPEN, 0);
		for (int i = 0; i < TRIES_OPEN; i++) {
			if (tries[i].fd < 0 || tries[i].revents != POLLOUT)
				continue;
			client.fd = tries[i].fd;
			fcntl(client.fd, F_SETFL, 0);
			ask(&client);
			while (!take(&client))
				continue;
			printf("bench first %llu\n", (unsigned long long)bench_ticks());
			return 0;
		}
	}
	return 1;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	server.sin_port = htons(80);
	if (argc > 2)
		inet_pton(AF_INET, argv[2], &server.sin_addr);
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve();
	if (argc == 6 && strcmp(argv[1], "http") == 0)
		return http(atoi(argv[3]), atof(argv[4]), (uint32_t)atoi(argv[5]));
	if (argc == 4 && strcmp(argv[1], "first") == 0)
		return first((uint32_t)atoi(argv[3]));
	return 2;
}
