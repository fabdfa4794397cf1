/* SPDX-License-Identifier: BSD-2-Clause */
/* AF_UNIX: pairs, names, streams, datagrams, packets, descriptors that are sent, ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test/guest/check.h"

#define BULK_BYTES (8u << 20)

static void *send_bulk(void *arg)
{
	static unsigned char bytes[50000];
	int fd = (int)(intptr_t)arg;

	for (size_t done = 0; done < BULK_BYTES;) {
		size_t part = BULK_BYTES - done < sizeof(bytes) ? BULK_BYTES - done : sizeof(bytes);

		for (size_t i = 0; i < part; i++)
			bytes[i] = (unsigned char)((done + i) * 3 + ((done + i) >> 9));
		CHECK(write(fd, bytes, part) == (ssize_t)part);
		done += part;
	}
	CHECK(shutdown(fd, SHUT_WR) == 0);
	return NULL;
}

static void streams(void)
{
	static unsigned char bytes[30000];
	int pair[2], bad = 0, waiting;
	pthread_t thread;
	size_t done = 0;
	ssize_t count;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(pthread_create(&thread, NULL, send_bulk, (void *)(intptr_t)pair[0]) == 0);
	while ((count = read(pair[1], bytes, 1 + done % sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < count; i++) {
			size_t at = done + (size_t)i;

			bad += bytes[i] != (unsigned char)(at * 3 + (at >> 9));
		}
		done += (size_t)count;
	}
	CHECK(count == 0 && done == BULK_BYTES && bad == 0);
	pthread_join(thread, NULL);
	CHECK(send(pair[0], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
	CHECK(write(pair[1], "abc", 3) == 3 && write(pair[1], "def", 3) == 3);
	CHECK(ioctl(pair[0], FIONREAD, &waiting) == 0 && waiting == 6);
	CHECK(recv(pair[0], bytes, 4, MSG_PEEK) > 0);
	CHECK(recv(pair[0], bytes, 100, 0) == 6 && memcmp(bytes, "abcdef", 6) == 0);
	CHECK(recv(pair[0], bytes, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	close(pair[1]);
	CHECK(recv(pair[0], bytes, 1, 0) == 0);
	close(pair[0]);
}

static void packets(void)
{
	int pair[2];
	char text[16];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	CHECK(send(pair[0], "one", 3, 0) == 3 && send(pair[0], "twenty", 6, 0) == 6);
	CHECK(recv(pair[1], text, sizeof(text), 0) == 3);
	CHECK(recv(pair[1], text, 2, MSG_TRUNC) == 6);
	close(pair[0]);
	CHECK(recv(pair[1], text, sizeof(text), 0) == 0);
	close(pair[1]);
	CHECK(socketpair(AF_INET, SOCK_STREAM, 0, pair) == -1 && errno == EOPNOTSUPP);
	CHECK(socketpair(AF_UNIX, SOCK_RAW, 0, pair) == -1 && errno == EPROTONOSUPPORT);
}

static void names(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/service"}, from;
	struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0hidden"};
	socklen_t bytes = sizeof(name), abstract_bytes = offsetof(struct sockaddr_un, sun_path) + 7;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	int other = socket(AF_UNIX, SOCK_STREAM, 0), served, a, b;
	struct pollfd poller;
	char text[16];

	CHECK(connect(client, (struct sockaddr *)&name, bytes) == -1 && errno == ECONNREFUSED);
	CHECK(bind(listener, (struct sockaddr *)&name, bytes) == 0);
	CHECK(bind(other, (struct sockaddr *)&name, bytes) == -1 && errno == EADDRINUSE);
	CHECK(connect(client, (struct sockaddr *)&name, bytes) == -1 && errno == ECONNREFUSED);
	CHECK(listen(listener, 1) == 0);
	CHECK(connect(client, (struct sockaddr *)&name, bytes) == 0);
	CHECK(connect(client, (struct sockaddr *)&name, bytes) == -1 && errno == EISCONN);
	fcntl(other, F_SETFL, O_NONBLOCK);
	CHECK(connect(other, (struct sockaddr *)&name, bytes) == -1 && errno == EAGAIN);
	CHECK(write(client, "early", 5) == 5);
	poller = (struct pollfd){listener, POLLIN, 0};
	CHECK(poll(&poller, 1, 0) == 1);
	bytes = sizeof(from);
	served = accept(listener, (struct sockaddr *)&from, &bytes);
	CHECK(served >= 0 && bytes == sizeof(sa_family_t));
	CHECK(read(served, text, sizeof(text)) == 5);
	bytes = sizeof(from);
	CHECK(getpeername(client, (struct sockaddr *)&from, &bytes) == 0);
	CHECK(strcmp(from.sun_path, "/tmp/service") == 0);
	close(listener);
	close(served);
	CHECK(read(client, text, sizeof(text)) == 0);
	close(client);
	close(other);

	a = socket(AF_UNIX, SOCK_DGRAM, 0);
	b = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(bind(a, (struct sockaddr *)&abstract, abstract_bytes) == 0);
	CHECK(sendto(b, "ping", 4, 0, (struct sockaddr *)&abstract, abstract_bytes) == 4);
	bytes = sizeof(from);
	CHECK(recvfrom(a, text, sizeof(text), 0, (struct sockaddr *)&from, &bytes) == 4);
	CHECK(connect(b, (struct sockaddr *)&abstract, abstract_bytes) == 0);
	CHECK(send(b, "", 0, 0) == 0 && recv(a, text, 1, 0) == 0);
	close(a);
	CHECK(send(b, "x", 1, 0) == -1 && errno == ECONNREFUSED);
	close(b);
}

static void descriptors(void)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control;
	char byte = 'f';
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int pair[2], carried[2], got[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, carried) == 0);
	control.header = (struct cmsghdr){CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), carried, sizeof(carried));
	CHECK(sendmsg(pair[0], &message, 0) == 1);
	/* They live on while nobody has them. */
	close(carried[0]);
	close(carried[1]);
	memset(&control, 0, sizeof(control));
	message.msg_controllen = sizeof(control);
	CHECK(recvmsg(pair[1], &message, 0) == 1 && byte == 'f');
	CHECK(CMSG_FIRSTHDR(&message) && CMSG_FIRSTHDR(&message)->cmsg_type == SCM_RIGHTS);
	memcpy(got, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(got));
	CHECK(write(got[0], "through", 7) == 7);
	CHECK(read(got[1], control.bytes, 10) == 7);
	close(got[0]);
	CHECK(read(got[1], control.bytes, 10) == 0);
	close(got[1]);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	streams();
	packets();
	names();
	descriptors();
	return check_done();
}
