/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An authoritative name server for one zone: dns [ZONE-FILE [ORIGIN [PORT]]], default /zone and
 * 53. UDP and TCP, IPv4 and IPv6, one thread, poll(). What it answers is in answer.c, the zone in
 * zone.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"

#define CLIENTS_MAX     100
#define QUERY_BYTES_MAX 2048 /* over TCP, with the two that say how long it is */
#define IDLE_SECONDS    30
#define ZONE_BYTES_MAX  (64u << 20)
#define DATAGRAMS_MAX   64 /* in one turn */

struct client {
	time_t since; /* it last got on */
	size_t in_bytes, out_first, out_last;
	uint8_t *out; /* an answer on its way; NULL: none */
	uint8_t in[QUERY_BYTES_MAX];
};

static struct zone zone;
static struct pollfd polls[2 + CLIENTS_MAX]; /* UDP, TCP's listener, clients */
static struct client *clients[CLIENTS_MAX];
static int clients_count;
static uint8_t reply[2 + REPLY_BYTES_MAX];

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "dns: %s: %s\n", what, strerror(errno));
	exit(1);
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void load(const char *path, const char *origin)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t bytes = 0, room;
	char message[256], *text;
	struct stat stat;
	ssize_t got;

	if (fd < 0 || fstat(fd, &stat))
		fail(path);
	room = stat.st_size > (off_t)ZONE_BYTES_MAX ? ZONE_BYTES_MAX : (size_t)stat.st_size;
	text = malloc(room + 1);
	if (!text)
		fail(path);
	while (bytes < room && (got = read(fd, text + bytes, room - bytes)) != 0) {
		if (got < 0)
			fail(path);
		bytes += (size_t)got;
	}
	close(fd);
	if (zone_parse(&zone, path, text, bytes, origin, message, sizeof(message))) {
		fprintf(stderr, "%s\n", message);
		exit(1);
	}
	free(text);
	printf("dns: %zu records of %s\n", zone.count, path);
}

static int open_port(int type, int port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port)};
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	    (type == SOCK_STREAM && listen(fd, CLIENTS_MAX)))
		fail("port");
	return fd;
}

static void answer_datagrams(int fd)
{
	static uint8_t query[4096];

	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		struct sockaddr_storage from;
		socklen_t from_bytes = sizeof(from);
		ssize_t got = recvfrom(fd, query, sizeof(query), 0, (struct sockaddr *)&from,
				       &from_bytes);
		size_t bytes;

		if (got < 0)
			return;
		bytes = answer(&zone, query, (size_t)got, true, reply);
		if (bytes)
			sendto(fd, reply, bytes, 0, (struct sockaddr *)&from, from_bytes);
	}
}

static void drop(int number)
{
	close(polls[2 + number].fd);
	free(clients[number]->out);
	free(clients[number]);
	clients[number] = clients[--clients_count];
	polls[2 + number] = polls[2 + clients_count];
}

static int longest_idle(void)
{
	int found = 0;

	for (int i = 1; i < clients_count; i++)
		if (clients[i]->since < clients[found]->since)
			found = i;
	return found;
}

static void greet(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;

	if (fd < 0) {
		/* Without descriptors or memory for one more, somebody has to make room. */
		if (errno != EAGAIN && errno != ECONNABORTED && clients_count)
			drop(longest_idle());
		return;
	}
	if (clients_count == CLIENTS_MAX)
		drop(longest_idle());
	client = calloc(1, sizeof(*client));
	if (!client) {
		close(fd);
		return;
	}
	client->since = now();
	clients[clients_count] = client;
	polls[2 + clients_count++] = (struct pollfd){fd, POLLIN, 0};
}

/* The first whole query of what has come becomes an answer to send. 1: so it is; 0: none is
 * whole; -1: not DNS. */
static int next_answer(struct client *client)
{
	size_t query = (size_t)client->in[0] << 8 | client->in[1], bytes;

	if (client->in_bytes < 2)
		return 0;
	if (query > QUERY_BYTES_MAX - 2)
		return -1;
	if (client->in_bytes < 2 + query)
		return 0;
	bytes = answer(&zone, client->in + 2, query, false, reply + 2);
	client->in_bytes -= 2 + query;
	memmove(client->in, client->in + 2 + query, client->in_bytes);
	if (!bytes)
		return -1;
	reply[0] = (uint8_t)(bytes >> 8);
	reply[1] = (uint8_t)bytes;
	client->out = malloc(2 + bytes);
	if (!client->out)
		return -1;
	memcpy(client->out, reply, 2 + bytes);
	client->out_first = 0;
	client->out_last = 2 + bytes;
	return 1;
}

/* False: it is over. */
static bool serve(struct client *client, struct pollfd *poller)
{
	ssize_t count;
	int found;

	for (;;) {
		if (client->out) {
			count = send(poller->fd, client->out + client->out_first,
				     client->out_last - client->out_first, MSG_NOSIGNAL);
			poller->events = POLLOUT;
			if (count < 0)
				return errno == EAGAIN;
			client->since = now();
			client->out_first += (size_t)count;
			if (client->out_first < client->out_last)
				return true;
			free(client->out);
			client->out = NULL;
		}
		found = next_answer(client);
		if (found < 0)
			return false;
		if (found)
			continue;
		poller->events = POLLIN;
		count = recv(poller->fd, client->in + client->in_bytes,
			     QUERY_BYTES_MAX - client->in_bytes, 0);
		if (count <= 0)
			return count < 0 && errno == EAGAIN;
		client->in_bytes += (size_t)count;
	}
}

static void stop(int signal)
{
	(void)signal;
	_exit(0);
}

int main(int argc, char **argv)
{
	char *end = NULL;
	long port = argc > 3 ? strtol(argv[3], &end, 10) : 53;

	if (argc > 4 || (end && (end == argv[3] || *end)) || port <= 0 || port > 65535) {
		fprintf(stderr, "usage: dns [ZONE-FILE [ORIGIN [PORT]]]\n");
		return 2;
	}
	signal(SIGTERM, stop);
	load(argc > 1 ? argv[1] : "/zone", argc > 2 && *argv[2] ? argv[2] : NULL);
	polls[0] = (struct pollfd){open_port(SOCK_DGRAM, (int)port), POLLIN, 0};
	polls[1] = (struct pollfd){open_port(SOCK_STREAM, (int)port), POLLIN, 0};
	printf("dns: port %ld\n", port);
	fflush(stdout);
	while (poll(polls, 2 + (nfds_t)clients_count, clients_count ? IDLE_SECONDS * 1000 : -1) >=
	       0) {
		if (polls[0].revents)
			answer_datagrams(polls[0].fd);
		for (int i = clients_count - 1; i >= 0; i--)
			if ((polls[2 + i].revents && !serve(clients[i], &polls[2 + i])) ||
			    now() - clients[i]->since >= IDLE_SECONDS)
				drop(i);
		if (polls[1].revents)
			greet(polls[1].fd);
	}
	fail("poll");
}
