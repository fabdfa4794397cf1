/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "xs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

int xs_open(struct xs *xs)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX,
				      .sun_path = "/var/run/xenstored/socket"};

	xs->changed = false;
	xs->fd = open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC);
	if (xs->fd >= 0)
		return 0;
	xs->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (xs->fd >= 0 && connect(xs->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	return -errno;
}

static int read_all(int fd, void *data, size_t bytes)
{
	char *at = data;
	ssize_t n;

	while (bytes) {
		n = read(fd, at, bytes);
		if (n == 0)
			return -EPIPE;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			bytes -= (size_t)n;
		}
	}
	return 0;
}

/* Takes one message; its body is cut to body_bytes. Returns the length it had, or -Exxx. */
static int receive(struct xs *xs, uint32_t *type_out, char *body, size_t body_bytes)
{
	struct xsd_sockmsg head;
	char whole[XENSTORE_PAYLOAD_MAX];
	int error = read_all(xs->fd, &head, sizeof(head));

	if (error)
		return error;
	if (head.len > sizeof(whole))
		return -EPROTO;
	error = read_all(xs->fd, whole, head.len);
	if (error)
		return error;
	*type_out = head.type;
	if (head.type == XS_WATCH_EVENT)
		xs->changed = true;
	memcpy(body, whole, head.len < body_bytes ? head.len : body_bytes);
	return (int)head.len;
}

static int error_number(const char *name, size_t bytes)
{
	for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++) {
		if (bytes && strncmp(xsd_errors[i].errstring, name, bytes) == 0)
			return -xsd_errors[i].errnum;
	}
	return -EIO;
}

/* Sends strings, each with its terminating zero, and waits for the answer. */
static int transact(struct xs *xs, uint32_t type, const char *first, const char *second,
		    char *answer, size_t answer_bytes)
{
	struct xsd_sockmsg head = {.type = type};
	struct iovec parts[3] = {
		{&head, sizeof(head)},
		{(void *)first, strlen(first) + 1},
		{(void *)second, second ? strlen(second) + 1 : 0},
	};
	uint32_t answer_type;
	int n;

	head.len = (uint32_t)(parts[1].iov_len + parts[2].iov_len);
	/* /dev/xen/xenbus collects one message from as many writes as it takes. */
	for (int i = 0; i < 3; i++) {
		if (parts[i].iov_len && write(xs->fd, parts[i].iov_base, parts[i].iov_len) < 0)
			return -errno;
	}
	do {
		n = receive(xs, &answer_type, answer, answer_bytes);
		if (n < 0)
			return n;
	} while (answer_type == XS_WATCH_EVENT);
	if (answer_type == XS_ERROR)
		return error_number(answer, (size_t)n < answer_bytes ? (size_t)n : answer_bytes);
	return n;
}

int xs_read(struct xs *xs, const char *path, char *value, size_t value_bytes)
{
	int n = transact(xs, XS_READ, path, NULL, value, value_bytes);

	if (n < 0)
		return n;
	if ((size_t)n >= value_bytes)
		return -E2BIG;
	value[n] = 0;
	return 0;
}

int xs_watch(struct xs *xs, const char *path)
{
	char answer[64];
	int n = transact(xs, XS_WATCH, path, "box", answer, sizeof(answer));

	return n < 0 ? n : 0;
}

int xs_pump(struct xs *xs)
{
	struct pollfd ready = {.fd = xs->fd, .events = POLLIN};
	char body[256];
	uint32_t type;
	int n;

	while (poll(&ready, 1, 0) > 0) {
		n = receive(xs, &type, body, sizeof(body));
		if (n < 0)
			return n;
	}
	return 0;
}
