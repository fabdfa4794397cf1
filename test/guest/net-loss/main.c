/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two guests in one image. net-loss serve: sends back what comes, on any number of connections.
 * net-loss ADDRESS MIB: sends as much there, and looks whether the same comes back.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT        7
#define PIECE_BYTES 32768

static struct sockaddr_in address = {.sin_family = AF_INET};

static int fail(const char *what)
{
	printf("net-loss: %s: %s\n", what, strerror(errno));
	return 1;
}

/* One connection after the other: reads as long as what was read could be sent on. */
static int serve(void)
{
	static char bytes[PIECE_BYTES];
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 16))
		return fail("listen");
	printf("net-loss: serves\n");
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		ssize_t got, done = 0, put = 0;

		while (put >= 0 && (got = read(fd, bytes, sizeof(bytes))) > 0)
			for (done = 0; done < got && put >= 0; done += put)
				put = send(fd, bytes + done, (size_t)(got - done), MSG_NOSIGNAL);
		close(fd);
	}
	return fail("accept");
}

/* Numbers that repeat, for the one who sends and the one who compares. */
struct stream {
	uint64_t state, bytes_left;
};

static void make(struct stream *stream, char *bytes, size_t bytes_count)
{
	for (size_t i = 0; i < bytes_count; i++) {
		stream->state = stream->state * 6364136223846793005ULL + 1442695040888963407ULL;
		bytes[i] = (char)(stream->state >> 56);
	}
}

static int exchange(int fd, uint64_t bytes_count)
{
	static char out[PIECE_BYTES], in[PIECE_BYTES], wanted[PIECE_BYTES];
	struct stream sent = {1, bytes_count}, seen = {1, bytes_count};
	size_t first = 0, last = 0;

	while (seen.bytes_left > 0) {
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		ssize_t done;

		if (first == last && sent.bytes_left > 0) {
			last = sent.bytes_left < PIECE_BYTES ? sent.bytes_left : PIECE_BYTES;
			first = 0;
			make(&sent, out, last);
			sent.bytes_left -= last;
		}
		if (first < last)
			poller.events |= POLLOUT;
		if (poll(&poller, 1, -1) < 0)
			return fail("poll");
		if (poller.revents & POLLOUT) {
			done = send(fd, out + first, last - first, MSG_NOSIGNAL);
			if (done < 0 && errno != EAGAIN)
				return fail("send");
			if (done > 0)
				first += (size_t)done;
		}
		if (!(poller.revents & (POLLIN | POLLERR | POLLHUP)))
			continue;
		done = recv(fd, in, sizeof(in), 0);
		if (done == 0 || (done < 0 && errno != EAGAIN))
			return fail("recv");
		if (done < 0)
			continue;
		make(&seen, wanted, (size_t)done);
		if (memcmp(in, wanted, (size_t)done) != 0)
			return fail("other bytes than were sent");
		seen.bytes_left -= (uint64_t)done;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int fd;

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	address.sin_port = htons(PORT);
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve();
	if (argc != 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
		return 2;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fail("connect");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (exchange(fd, strtoull(argv[2], NULL, 10) << 20))
		return 1;
	printf("net-loss: %s MiB there and back, the same\n", argv[2]);
	return 0;
}
