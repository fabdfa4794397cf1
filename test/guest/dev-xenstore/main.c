/* SPDX-License-Identifier: BSD-2-Clause */
/* /dev/xenstore: the wire protocol against the real xenstored. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/guest/check.h"
#include "xen/abi.h"

#define PATIENCE_MS 60000

static struct xsd_sockmsg header;
static char payload[XENSTORE_PAYLOAD_MAX + 1];

/* What happened to the write. */
static int send(int fd, unsigned int type, unsigned int transaction, const char *bytes,
		size_t count)
{
	struct xsd_sockmsg head = {.type = type, .req_id = 7, .tx_id = transaction};
	char message[sizeof(head) + XENSTORE_PAYLOAD_MAX];

	head.len = (uint32_t)count;
	memcpy(message, &head, sizeof(head));
	memcpy(message + sizeof(head), bytes, count);
	return write(fd, message, sizeof(head) + count) == (ssize_t)(sizeof(head) + count) ? 0
											   : errno;
}

static void read_whole(int fd, void *to, size_t count)
{
	for (size_t done = 0; done < count;) {
		ssize_t got = read(fd, (char *)to + done, count - done);

		CHECK(got > 0);
		if (got <= 0)
			return;
		done += (size_t)got;
	}
}

/* The next message; its type. */
static int receive(int fd)
{
	memset(&header, 0, sizeof(header));
	read_whole(fd, &header, sizeof(header));
	CHECK(header.len <= XENSTORE_PAYLOAD_MAX);
	read_whole(fd, payload, header.len);
	payload[header.len] = '\0';
	return (int)header.type;
}

static int ask(int fd, unsigned int type, unsigned int transaction, const char *bytes, size_t count)
{
	CHECK(send(fd, type, transaction, bytes, count) == 0);
	type = (unsigned int)receive(fd);
	CHECK(header.req_id == 7 && header.tx_id == transaction);
	return (int)type;
}

#define ASK(fd, type, transaction, text) ask(fd, type, transaction, text, sizeof(text))

static short events(int fd, int timeout_ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN | POLLOUT};

	return poll(&wait, 1, timeout_ms) == 1 ? wait.revents : 0;
}

static void wait_readable(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	CHECK(poll(&wait, 1, PATIENCE_MS) == 1 && wait.revents == POLLIN);
}

static void values(int fd)
{
	struct stat status;
	char byte;

	CHECK(stat("/dev/xenstore", &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev);
	CHECK(ASK(fd, XS_READ, 0, "domid") == XS_READ && atoi(payload) > 0);
	CHECK(ask(fd, XS_WRITE, 0, "data/test/dev\0there", 19) == XS_WRITE);
	CHECK(strcmp(payload, "OK") == 0);
	CHECK(ASK(fd, XS_READ, 0, "data/test/dev") == XS_READ && header.len == 5);
	CHECK(strcmp(payload, "there") == 0);
	CHECK(ASK(fd, XS_READ, 0, "data/test/none") == XS_ERROR);
	CHECK(strcmp(payload, "ENOENT") == 0 && header.len == 7);
	CHECK(ask(fd, XS_WRITE, 0, "name\0mine", 9) == XS_ERROR && strcmp(payload, "EACCES") == 0);
	CHECK(ASK(fd, XS_DIRECTORY, 0, "data/test") == XS_DIRECTORY);
	CHECK(header.len == 4 && strcmp(payload, "dev") == 0);
	/* The kernel's own watches stay. */
	CHECK(ASK(fd, XS_RESET_WATCHES, 0, "") == XS_ERROR && strcmp(payload, "EINVAL") == 0);
	CHECK(events(fd, 0) == POLLOUT);
	CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	CHECK(read(fd, &byte, 1) == -1 && errno == EAGAIN);
	CHECK(fcntl(fd, F_SETFL, 0) == 0);
}

/* In pieces of one byte, there and back; and what cannot be a message. */
static void pieces(int fd)
{
	struct xsd_sockmsg head = {.type = XS_READ, .req_id = 9, .len = 14};
	char message[sizeof(head) + 14];

	memcpy(message, &head, sizeof(head));
	memcpy(message + sizeof(head), "data/test/dev", 14);
	for (size_t i = 0; i < sizeof(message); i++)
		CHECK(write(fd, message + i, 1) == 1);
	for (size_t i = 0; i < sizeof(header); i++)
		CHECK(read(fd, (char *)&header + i, 1) == 1);
	CHECK(header.type == XS_READ && header.req_id == 9 && header.len == 5);
	CHECK(read(fd, payload, 2) == 2 && read(fd, payload + 2, 100) == 3);
	CHECK(memcmp(payload, "there", 5) == 0);
	head.len = XENSTORE_PAYLOAD_MAX + 1;
	CHECK(write(fd, &head, sizeof(head)) == -1 && errno == EINVAL);
	CHECK(ASK(fd, XS_READ, 0, "data/test/dev") == XS_READ);
}

static void transactions(int fd)
{
	int other = open("/dev/xenstore", O_RDWR);
	unsigned int id;

	CHECK(other >= 0);
	CHECK(ASK(fd, XS_TRANSACTION_START, 0, "") == XS_TRANSACTION_START);
	id = (unsigned int)atoi(payload);
	CHECK(id > 0);
	CHECK(ask(fd, XS_WRITE, id, "data/test/t\0001", 13) == XS_WRITE);
	CHECK(ASK(other, XS_READ, 0, "data/test/t") == XS_ERROR);
	CHECK(ASK(fd, XS_TRANSACTION_END, id, "T") == XS_TRANSACTION_END);
	CHECK(ASK(other, XS_READ, 0, "data/test/t") == XS_READ && payload[0] == '1');
	/* One that is under way when the last descriptor goes is no more. */
	CHECK(ASK(other, XS_TRANSACTION_START, 0, "") == XS_TRANSACTION_START);
	id = (unsigned int)atoi(payload);
	CHECK(ask(other, XS_WRITE, id, "data/test/t\0002", 13) == XS_WRITE);
	CHECK(close(other) == 0);
	CHECK(ASK(fd, XS_TRANSACTION_END, id, "T") == XS_ERROR);
	CHECK(ASK(fd, XS_READ, 0, "data/test/t") == XS_READ && payload[0] == '1');
}

static void watches(int fd)
{
	int other = open("/dev/xenstore", O_RDWR);

	CHECK(ask(fd, XS_WATCH, 0, "data/test/w\0mine", 17) == XS_WATCH);
	CHECK(strcmp(payload, "OK") == 0);
	/* The first event comes by itself. */
	wait_readable(fd);
	CHECK(receive(fd) == XS_WATCH_EVENT && header.len == 17);
	CHECK(memcmp(payload, "data/test/w\0mine", 17) == 0);
	CHECK(ask(fd, XS_WATCH, 0, "data/test/w\0mine", 17) == XS_ERROR);
	CHECK(strcmp(payload, "EEXIST") == 0);
	CHECK(ask(other, XS_WRITE, 0, "data/test/w/deep\0x", 18) == XS_WRITE);
	wait_readable(fd);
	CHECK(receive(fd) == XS_WATCH_EVENT && memcmp(payload, "data/test/w/deep\0mine", 22) == 0);
	CHECK(ask(fd, XS_UNWATCH, 0, "data/test/w\0other", 18) == XS_ERROR);
	CHECK(ask(fd, XS_UNWATCH, 0, "data/test/w\0mine", 17) == XS_UNWATCH);
	CHECK(ask(other, XS_WRITE, 0, "data/test/w/deep\0y", 18) == XS_WRITE);
	CHECK(events(fd, 0) == POLLOUT);
	/* One that is left ends with the file. */
	CHECK(ask(other, XS_WATCH, 0, "data/test/w\0left", 17) == XS_WATCH);
	CHECK(close(other) == 0);
	CHECK(ask(fd, XS_WRITE, 0, "data/test/w/deep\0z", 18) == XS_WRITE);
	CHECK(events(fd, 0) == POLLOUT);
}

int main(void)
{
	int fd = open("/dev/xenstore", O_RDWR);

	CHECK(fd >= 0);
	values(fd);
	pieces(fd);
	transactions(fd);
	watches(fd);
	CHECK(close(fd) == 0);
	return check_done();
}
