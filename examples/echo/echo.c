/* SPDX-License-Identifier: BSD-2-Clause */
/* The echo service (RFC 862) on TCP and UDP, IPv4 and IPv6: echo [PORT], default 7. One thread,
 * poll(). */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX  1000
#define BUFFER_BYTES 16384

static struct client {
	char *bytes; /* received, not sent back yet */
	size_t first, count;
} clients[CLIENTS_MAX];
static struct pollfd polls[CLIENTS_MAX + 2]; /* TCP's listener, UDP, clients */
static int clients_count;

static int open_port(int type, int port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port)};
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	    (type == SOCK_STREAM && listen(fd, SOMAXCONN))) {
		perror("echo");
		exit(1);
	}
	return fd;
}

static void answer_datagram(int fd)
{
	static char bytes[65536];
	struct sockaddr_storage from;
	socklen_t from_bytes = sizeof(from);
	ssize_t count = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from,
				 &from_bytes);

	if (count >= 0)
		sendto(fd, bytes, (size_t)count, 0, (struct sockaddr *)&from, from_bytes);
}

static void greet(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (clients_count == CLIENTS_MAX ||
	    !(clients[clients_count].bytes = malloc(BUFFER_BYTES))) {
		close(fd);
		return;
	}
	clients[clients_count].first = clients[clients_count].count = 0;
	polls[2 + clients_count++] = (struct pollfd){fd, POLLIN, 0};
}

/* False: it is over. */
static int serve(struct client *client, struct pollfd *poller)
{
	ssize_t count;

	if (client->count == 0) {
		count = recv(poller->fd, client->bytes, BUFFER_BYTES, 0);
		if (count <= 0)
			return count < 0 && errno == EAGAIN;
		client->first = 0;
		client->count = (size_t)count;
	}
	count = send(poller->fd, client->bytes + client->first, client->count, MSG_NOSIGNAL);
	if (count < 0 && errno != EAGAIN)
		return 0;
	if (count > 0) {
		client->first += (size_t)count;
		client->count -= (size_t)count;
	}
	poller->events = client->count ? POLLOUT : POLLIN;
	return 1;
}

int main(int argc, char **argv)
{
	int port = argc > 1 ? atoi(argv[1]) : 7;

	polls[0] = (struct pollfd){open_port(SOCK_STREAM, port), POLLIN, 0};
	polls[1] = (struct pollfd){open_port(SOCK_DGRAM, port), POLLIN, 0};
	printf("echo: port %d\n", port);
	while (poll(polls, 2 + (nfds_t)clients_count, -1) >= 0) {
		if (polls[1].revents)
			answer_datagram(polls[1].fd);
		for (int i = 0; i < clients_count; i++) {
			if (!polls[2 + i].revents || serve(&clients[i], &polls[2 + i]))
				continue;
			close(polls[2 + i].fd);
			free(clients[i].bytes);
			clients[i] = clients[--clients_count];
			polls[2 + i] = polls[2 + clients_count];
			i--;
		}
		if (polls[0].revents)
			greet(polls[0].fd);
	}
	perror("echo: poll");
	return 1;
}
