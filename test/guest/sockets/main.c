/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP and UDP over the loopback interface, IPv4 and IPv6, between threads. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/guest/check.h"

#define BULK_BYTES (4u << 20)

static union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} server;
static socklen_t server_bytes;

static void loopback(int family, union address *address)
{
	memset(address, 0, sizeof(*address));
	address->any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		address->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		address->v6.sin6_addr = in6addr_loopback;
	server_bytes = family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

static int listening(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	CHECK(fd >= 0);
	loopback(family, &server);
	CHECK(bind(fd, &server.any, server_bytes) == 0);
	CHECK(listen(fd, 16) == 0);
	CHECK(getsockname(fd, &server.any, &server_bytes) == 0);
	CHECK(server.v4.sin_port != 0);
	return fd;
}

static void *serve_echo(void *arg)
{
	int fd = accept((int)(intptr_t)arg, NULL, NULL);
	static char bytes[65536];
	ssize_t count;

	CHECK(fd >= 0);
	while ((count = read(fd, bytes, sizeof(bytes))) > 0) {
		ssize_t done = 0;

		while (done < count) {
			ssize_t written = write(fd, bytes + done, (size_t)(count - done));

			CHECK(written > 0);
			done += written;
		}
	}
	CHECK(count == 0);
	close(fd);
	return NULL;
}

static void *send_bulk(void *arg)
{
	int fd = (int)(intptr_t)arg;
	static unsigned char bytes[100000];
	size_t done = 0;

	while (done < BULK_BYTES) {
		size_t part = BULK_BYTES - done < sizeof(bytes) ? BULK_BYTES - done : sizeof(bytes);

		for (size_t i = 0; i < part; i++)
			bytes[i] = (unsigned char)((done + i) * 7 + ((done + i) >> 8));
		CHECK(send(fd, bytes, part, 0) == (ssize_t)part);
		done += part;
	}
	CHECK(shutdown(fd, SHUT_WR) == 0);
	return NULL;
}

static void tcp_echo(int family)
{
	int listener = listening(family), fd = socket(family, SOCK_STREAM, 0), one = 1;
	pthread_t echo, sender;
	static unsigned char bytes[70000];
	union address peer;
	socklen_t peer_bytes = sizeof(peer);
	size_t done = 0;
	ssize_t count;

	CHECK(pthread_create(&echo, NULL, serve_echo, (void *)(intptr_t)listener) == 0);
	CHECK(connect(fd, &server.any, server_bytes) == 0);
	CHECK(getpeername(fd, &peer.any, &peer_bytes) == 0);
	CHECK(peer_bytes == server_bytes && memcmp(&peer, &server, peer_bytes) == 0);
	CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
	CHECK(pthread_create(&sender, NULL, send_bulk, (void *)(intptr_t)fd) == 0);
	while ((count = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
		for (ssize_t i = 0; i < count; i++) {
			size_t at = done + (size_t)i;

			CHECK(bytes[i] == (unsigned char)(at * 7 + (at >> 8)));
		}
		done += (size_t)count;
	}
	CHECK(count == 0);
	CHECK(done == BULK_BYTES);
	pthread_join(sender, NULL);
	pthread_join(echo, NULL);
	CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
	close(fd);
	close(listener);
	printf("tcp echo, family %d: %zu bytes\n", family, done);
}

static void tcp_errors(void)
{
	int listener = listening(AF_INET), fd = socket(AF_INET, SOCK_STREAM, 0), other, error;
	socklen_t bytes = sizeof(error);
	struct timeval soon = {0, 20000};
	struct pollfd poller;
	char byte;

	close(listener);
	CHECK(connect(fd, &server.any, server_bytes) == -1 && errno == ECONNREFUSED);
	close(fd);

	listener = listening(AF_INET);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(recv(fd, &byte, 1, 0) == -1 && errno == ENOTCONN);
	CHECK(connect(fd, &server.any, server_bytes) == -1 && errno == EINPROGRESS);
	poller = (struct pollfd){fd, POLLOUT, 0};
	CHECK(poll(&poller, 1, 1000) == 1 && (poller.revents & POLLOUT));
	CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) == 0 && error == 0);
	CHECK(connect(fd, &server.any, server_bytes) == -1 && errno == EISCONN);
	CHECK(recv(fd, &byte, 1, 0) == -1 && errno == EAGAIN);
	other = accept(listener, NULL, NULL);
	CHECK(other >= 0);
	CHECK(setsockopt(other, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)) == 0);
	CHECK(recv(other, &byte, 1, 0) == -1 && errno == EAGAIN);
	CHECK(write(fd, "abc", 3) == 3);
	CHECK(recv(other, &byte, 1, MSG_PEEK) == 1 && byte == 'a');
	CHECK(ioctl(other, FIONREAD, &error) == 0 && error == 3);
	CHECK(recv(other, &byte, 1, 0) == 1 && byte == 'a');
	/* Closed with bytes unread: a reset. */
	close(other);
	poller = (struct pollfd){fd, POLLIN, 0};
	CHECK(poll(&poller, 1, 1000) == 1);
	CHECK(recv(fd, &byte, 1, 0) == -1 && errno == ECONNRESET);
	CHECK(recv(fd, &byte, 1, 0) == 0);
	signal(SIGPIPE, SIG_IGN);
	CHECK(write(fd, "x", 1) == -1 && errno == EPIPE);
	close(fd);
	close(listener);
	CHECK(socket(AF_INET, 77, 0) == -1);
	CHECK(socket(99, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT);
	CHECK(listen(0, 1) == -1 && errno == ENOTSOCK);
	puts("tcp errors");
}

static void udp(int family)
{
	int a = socket(family, SOCK_DGRAM, 0), b = socket(family, SOCK_DGRAM, 0);
	union address from, to;
	socklen_t bytes;
	char text[32], rest[32];
	struct iovec parts[2] = {{text, 3}, {rest, sizeof(rest)}};
	struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};

	loopback(family, &to);
	bytes = server_bytes;
	CHECK(bind(a, &to.any, bytes) == 0);
	CHECK(getsockname(a, &to.any, &bytes) == 0);
	CHECK(sendto(b, "hello, world", 12, 0, &to.any, bytes) == 12);
	bytes = sizeof(from);
	CHECK(recvfrom(a, text, 5, MSG_TRUNC, &from.any, &bytes) == 12);
	CHECK(memcmp(text, "hello", 5) == 0);
	CHECK(sendto(a, "answer", 6, 0, &from.any, bytes) == 6);
	CHECK(recvmsg(b, &header, 0) == 6 && memcmp(text, "ans", 3) == 0 &&
	      memcmp(rest, "wer", 3) == 0);
	CHECK(connect(b, &to.any, bytes) == 0);
	CHECK(send(b, "", 0, 0) == 0);
	CHECK(recv(a, text, sizeof(text), 0) == 0);
	CHECK(recv(a, text, sizeof(text), MSG_DONTWAIT) == -1 && errno == EAGAIN);
	close(a);
	close(b);
	printf("udp, family %d\n", family);
}

int main(void)
{
	tcp_echo(AF_INET);
	tcp_echo(AF_INET6);
	tcp_errors();
	udp(AF_INET);
	udp(AF_INET6);
	return check_done();
}
