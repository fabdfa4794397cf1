/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending and receiving. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>

#include "arch/x86_64/cpu.h"
#include "core/heap.h"
#include "core/time.h"
#include "lib/posix/cancel.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/socket.h"

#define PARTS_ON_STACK 8

/* ---- What goes around an attempt ---- */

/* How much of a stream is done, over several attempts. */
struct progress {
	struct socket_message *message;
	size_t done;
	struct iovec *parts; /* what is left; changed on the way */
	size_t parts_count;
};

/* Leaves away what was moved. */
static void advance(struct progress *progress, size_t bytes)
{
	progress->done += bytes;
	while (progress->parts_count > 0 && bytes >= progress->parts->iov_len) {
		bytes -= progress->parts->iov_len;
		progress->parts++;
		progress->parts_count--;
	}
	if (progress->parts_count > 0 && bytes > 0) {
		progress->parts->iov_base = (char *)progress->parts->iov_base + bytes;
		progress->parts->iov_len -= bytes;
	}
}

/* One attempt at what is left: -EAGAIN until all is done, or something else happens. */
static ssize_t attempt(struct socket *socket, struct progress *progress, bool sending)
{
	struct msghdr header = *progress->message->header;
	struct socket_message message = {&header, progress->message->bytes_total - progress->done,
					 progress->message->flags};
	ssize_t moved;

	header.msg_iov = progress->parts;
	header.msg_iovlen = progress->parts_count;
	if (progress->done > 0 && sending)
		header.msg_controllen = 0;
	moved = sending ? socket->ops->send(socket, &message)
			: socket->ops->receive(socket, &message);
	if (moved < 0)
		return moved;
	header.msg_iov = progress->message->header->msg_iov;
	header.msg_iovlen = progress->message->header->msg_iovlen;
	*progress->message->header = header;
	if (moved == 0 && message.bytes_total > 0)
		return 0; /* the end */
	advance(progress, (size_t)moved);
	return progress->done < progress->message->bytes_total ? -EAGAIN : 0;
}

static ssize_t try_send(struct socket *socket, void *arg)
{
	ssize_t result;

	/* As long as there is room nobody has to wait. */
	do {
		size_t done = ((struct progress *)arg)->done;

		result = attempt(socket, arg, true);
		if (((struct progress *)arg)->done == done)
			break;
	} while (result == -EAGAIN);
	return result;
}

static ssize_t try_receive_all(struct socket *socket, void *arg)
{
	return attempt(socket, arg, false);
}

static ssize_t try_send_once(struct socket *socket, void *arg)
{
	return socket->ops->send(socket, arg);
}

static ssize_t try_receive_once(struct socket *socket, void *arg)
{
	return socket->ops->receive(socket, arg);
}

static ssize_t stream(struct file *file, struct socket *socket, struct socket_message *message,
		      bool sending)
{
	struct iovec few[PARTS_ON_STACK], *parts = few;
	struct progress progress = {message, 0, NULL, message->header->msg_iovlen};
	ssize_t result;

	if (progress.parts_count > PARTS_ON_STACK)
		parts = heap_alloc(progress.parts_count * sizeof(parts[0]));
	if (!parts)
		return -ENOBUFS;
	progress.parts = parts;
	memcpy(parts, message->header->msg_iov, progress.parts_count * sizeof(parts[0]));
	result = socket_retry(socket, socket_nonblocking(file, message->flags),
			      sending ? socket->send_timeout_ns : socket->receive_timeout_ns,
			      sending ? try_send : try_receive_all, &progress);
	if (parts != few)
		heap_free(parts);
	return progress.done > 0 ? (ssize_t)progress.done : result;
}

/* What was sent to nobody: a signal, unless nobody wants it. */
static ssize_t broken_pipe(const struct socket *socket, const struct socket_message *message)
{
	if (socket->type != SOCK_DGRAM && !(message->flags & MSG_NOSIGNAL)) {
		sig_send_thread(thread_self(), SIGPIPE, SI_USER);
		if (!sig_held())
			sig_deliver();
	}
	return -EPIPE;
}

ssize_t socket_send(struct file *file, struct socket *socket, struct socket_message *message)
{
	ssize_t result;

	if (message->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (socket->type == SOCK_STREAM && message->bytes_total > 0)
		result = stream(file, socket, message, true);
	else
		result = socket_retry(socket, socket_nonblocking(file, message->flags),
				      socket->send_timeout_ns, try_send_once, message);
	return result == -EPIPE ? broken_pipe(socket, message) : result;
}

ssize_t socket_receive(struct file *file, struct socket *socket, struct socket_message *message)
{
	if (message->flags & MSG_OOB)
		return -EINVAL;
	if (socket->type == SOCK_STREAM && (message->flags & MSG_WAITALL) &&
	    !(message->flags & MSG_PEEK) && message->bytes_total > 0)
		return stream(file, socket, message, false);
	return socket_retry(socket, socket_nonblocking(file, message->flags),
			    socket->receive_timeout_ns, try_receive_once, message);
}

void socket_put_control(struct socket_message *message, size_t room, int level, int type,
			const void *data, size_t data_bytes)
{
	struct msghdr *header = message->header;
	size_t used = header->msg_controllen, left = room > used ? room - used : 0;
	struct cmsghdr *cmsg;

	if (!header->msg_control || left < CMSG_LEN(data_bytes)) {
		header->msg_flags |= MSG_CTRUNC;
		return;
	}
	cmsg = (struct cmsghdr *)(void *)((char *)header->msg_control + used);
	*cmsg = (struct cmsghdr){CMSG_LEN(data_bytes), level, type};
	memcpy(CMSG_DATA(cmsg), data, data_bytes);
	header->msg_controllen =
		used + (left < CMSG_SPACE(data_bytes) ? left : CMSG_SPACE(data_bytes));
}

/* ---- The calls ---- */

/* Touches what the program gave us where a fault can be handled, and adds it up. */
static int prepare(struct socket_message *message, bool is_written)
{
	const struct msghdr *header = message->header;

	if (header->msg_iovlen > IOV_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < header->msg_iovlen; i++) {
		char *bytes = header->msg_iov[i].iov_base;
		size_t count = header->msg_iov[i].iov_len;

		if (__builtin_add_overflow(message->bytes_total, count, &message->bytes_total) ||
		    message->bytes_total > SSIZE_MAX)
			return -EINVAL;
		for (size_t at = 0; at < count; at += PAGE_BYTES) {
			if (is_written)
				__atomic_fetch_or(bytes + at, 0, __ATOMIC_RELAXED);
			else
				(void)READ_ONCE(bytes[at]);
		}
		if (count > 0 && is_written)
			__atomic_fetch_or(bytes + count - 1, 0, __ATOMIC_RELAXED);
		else if (count > 0)
			(void)READ_ONCE(bytes[count - 1]);
	}
	return 0;
}

static ssize_t transfer(int fd, struct msghdr *header, int flags, bool sending)
{
	struct socket_message message = {header, 0, flags};
	struct socket *socket;
	struct file *file;
	ssize_t result = socket_get(fd, &file, &socket);

	if (result)
		return result;
	result = prepare(&message, !sending);
	if (result == 0)
		result = sending ? socket_send(file, socket, &message)
				 : socket_receive(file, socket, &message);
	file_put(file);
	return result;
}

ssize_t sendmsg(int fd, const struct msghdr *header, int flags)
{
	struct msghdr copy = *header;

	cancel_test();
	return posix_result(transfer(fd, &copy, flags, true));
}

ssize_t recvmsg(int fd, struct msghdr *header, int flags)
{
	struct msghdr copy = *header;
	ssize_t result;

	cancel_test();
	copy.msg_flags = 0;
	result = transfer(fd, &copy, flags, false);
	if (result >= 0) {
		header->msg_namelen = header->msg_name ? copy.msg_namelen : 0;
		header->msg_controllen = copy.msg_controllen;
		header->msg_flags = copy.msg_flags;
	}
	return posix_result(result);
}

ssize_t sendto(int fd, const void *bytes, size_t bytes_count, int flags,
	       const struct sockaddr *address, socklen_t address_bytes)
{
	struct iovec part = {(void *)bytes, bytes_count};
	struct msghdr header = {.msg_name = (void *)address,
				.msg_namelen = address ? address_bytes : 0,
				.msg_iov = &part,
				.msg_iovlen = 1};

	cancel_test();
	return posix_result(transfer(fd, &header, flags, true));
}

ssize_t send(int fd, const void *bytes, size_t bytes_count, int flags)
{
	return sendto(fd, bytes, bytes_count, flags, NULL, 0);
}

ssize_t recvfrom(int fd, void *bytes_out, size_t bytes_max, int flags, struct sockaddr *address,
		 socklen_t *address_bytes)
{
	struct iovec part = {bytes_out, bytes_max};
	struct msghdr header = {.msg_name = address,
				.msg_namelen = address && address_bytes ? *address_bytes : 0,
				.msg_iov = &part,
				.msg_iovlen = 1};
	ssize_t result;

	cancel_test();
	result = transfer(fd, &header, flags, false);
	if (result >= 0 && address && address_bytes)
		*address_bytes = header.msg_namelen;
	return posix_result(result);
}

ssize_t recv(int fd, void *bytes_out, size_t bytes_max, int flags)
{
	return recvfrom(fd, bytes_out, bytes_max, flags, NULL, NULL);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		ssize_t sent = sendmsg(fd, &messages[i].msg_hdr, flags);

		if (sent < 0)
			return i > 0 ? (int)i : -1;
		messages[i].msg_len = (unsigned int)sent;
	}
	return (int)i;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags,
	     struct timespec *timeout)
{
	uint64_t deadline_ns = TIME_NEVER;
	unsigned int i;

	if (timeout)
		deadline_ns = time_monotonic_ns() + (uint64_t)timeout->tv_sec * NS_PER_S +
			      (uint64_t)timeout->tv_nsec;
	/* As Linux: the time-out is looked at after each message. */
	for (i = 0; i < count && (i == 0 || time_monotonic_ns() < deadline_ns); i++) {
		ssize_t received = recvmsg(fd, &messages[i].msg_hdr, flags & ~MSG_WAITFORONE);

		if (received < 0)
			return i > 0 ? (int)i : -1;
		messages[i].msg_len = (unsigned int)received;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
	}
	return (int)i;
}
