/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Echo for any number of connections, one thread, epoll: what a connection sends comes back, and a
 * connection costs memory only while it does not read. Says how many there were at once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT          7
#define FDS_MAX       20000
#define PENDING_BYTES 4096

/* By descriptor: what it did not take yet. */
static struct pending {
	size_t first, count;
	char *bytes;
} pending[FDS_MAX];

static int poller;
static unsigned int open_now, open_most;

static void end(int fd)
{
	free(pending[fd].bytes);
	pending[fd] = (struct pending){0, 0, NULL};
	close(fd);
	open_now--;
}

static void watch(int fd, int how, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	if (epoll_ctl(poller, how, fd, &event)) {
		perror("epoll_ctl");
		exit(1);
	}
}

/* -1: it is over. 0: nothing more can be done now. 1: go on. */
static int step(int fd)
{
	struct pending *p = &pending[fd];
	static char bytes[PENDING_BYTES];
	ssize_t got, put;

	if (p->count > 0) {
		put = send(fd, p->bytes + p->first, p->count, MSG_NOSIGNAL);
		if (put < 0)
			return errno == EAGAIN ? 0 : -1;
		p->first += (size_t)put;
		p->count -= (size_t)put;
		if (p->count > 0)
			return 0;
		free(p->bytes);
		p->bytes = NULL;
		watch(fd, EPOLL_CTL_MOD, EPOLLIN);
	}
	got = recv(fd, bytes, sizeof(bytes), 0);
	if (got <= 0)
		return got < 0 && errno == EAGAIN ? 0 : -1;
	put = send(fd, bytes, (size_t)got, MSG_NOSIGNAL);
	if (put < 0 && errno != EAGAIN)
		return -1;
	if (put < 0)
		put = 0;
	if (put == got)
		return 1;
	p->bytes = malloc(PENDING_BYTES);
	if (!p->bytes)
		return -1;
	memcpy(p->bytes, bytes + put, (size_t)(got - put));
	p->first = 0;
	p->count = (size_t)(got - put);
	watch(fd, EPOLL_CTL_MOD, EPOLLOUT);
	return 0;
}

static void greet(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (fd >= FDS_MAX) {
			close(fd);
			continue;
		}
		watch(fd, EPOLL_CTL_ADD, EPOLLIN);
		open_now++;
		if (open_now > open_most) {
			open_most = open_now;
			if (open_most % 100 == 0)
				printf("many: %u connections\n", open_most);
		}
	}
}

int main(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), count;
	struct epoll_event events[64];

	poller = epoll_create1(0);
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, SOMAXCONN)) {
		perror("many");
		return 1;
	}
	watch(listener, EPOLL_CTL_ADD, EPOLLIN);
	printf("many: port %d\n", PORT);
	while ((count = epoll_wait(poller, events, 64, -1)) >= 0 || errno == EINTR) {
		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd, result = 1;

			if (fd == listener) {
				greet(listener);
				continue;
			}
			while (result > 0)
				result = step(fd);
			if (result < 0)
				end(fd);
		}
	}
	perror("many: epoll_wait");
	return 1;
}
