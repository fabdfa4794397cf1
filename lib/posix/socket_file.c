/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets as open files, and how their calls wait. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/time.h"
#include "core/wait.h"
#include "lib/posix/cancel.h"
#include "lib/posix/fd.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/socket.h"

static const struct file_ops socket_file_ops;

/* One attempt after the other, with signals held. */
static ssize_t retry_held(struct socket *socket, bool nonblocking, uint64_t *deadline_ns,
			  uint64_t timeout_ns, ssize_t (*attempt)(struct socket *socket, void *arg),
			  void *arg)
{
	for (;;) {
		uint32_t wakes = waitq_wakes(&socket->head->queue);
		ssize_t result = attempt(socket, arg);

		if (result != -EAGAIN || nonblocking)
			return result;
		if (*deadline_ns == 0)
			*deadline_ns = timeout_ns ? time_monotonic_ns() + timeout_ns : TIME_NEVER;
		result = waitq_wait(&socket->head->queue,
				    waitq_wakes(&socket->head->queue) != wakes, *deadline_ns, true);
		if (result == -ETIMEDOUT)
			return -EAGAIN;
		if (result)
			return result;
	}
}

ssize_t socket_retry(struct socket *socket, bool nonblocking, uint64_t timeout_ns,
		     ssize_t (*attempt)(struct socket *socket, void *arg), void *arg)
{
	uint64_t deadline_ns = 0;
	enum sig_result signals;
	ssize_t result;

	do {
		sig_hold();
		result = retry_held(socket, nonblocking, &deadline_ns, timeout_ns, attempt, arg);
		signals = sig_release();
	} while (result == -EINTR && signals != SIG_EINTR && !cancel_due() && timeout_ns == 0);
	if (result == -EINTR)
		cancel_test();
	return result;
}

/* ---- File operations ---- */

static ssize_t file_move(struct file *file, void *bytes, size_t bytes_count, bool is_read)
{
	struct iovec part = {bytes, bytes_count};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	struct socket_message message = {&header, bytes_count, 0};

	return is_read ? socket_receive(file, file->data, &message)
		       : socket_send(file, file->data, &message);
}

static ssize_t socket_file_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	(void)offset;
	return file_move(file, bytes_out, bytes_max, true);
}

static ssize_t socket_file_write(struct file *file, const void *bytes, size_t bytes_count,
				 off_t *offset)
{
	(void)offset;
	return file_move(file, (void *)bytes, bytes_count, false);
}

static int socket_file_stat(struct file *file, struct stat *stat_out)
{
	memset(stat_out, 0, sizeof(*stat_out));
	stat_out->st_mode = S_IFSOCK | 0777;
	stat_out->st_nlink = 1;
	stat_out->st_ino = (ino_t)((uintptr_t)file->data >> 4);
	stat_out->st_blksize = 4096;
	return 0;
}

static int socket_file_ioctl(struct file *file, unsigned long request, void *arg)
{
	struct socket *socket = file->data;

	switch (request) {
	case FIONREAD:
		*(int *)arg = socket->ops->readable_bytes ? socket->ops->readable_bytes(socket) : 0;
		return 0;
	case FIONBIO:
		file_set_flags(file, O_NONBLOCK, *(int *)arg ? O_NONBLOCK : 0);
		return 0;
	default:
		return -ENOTTY;
	}
}

static short socket_file_poll(struct file *file)
{
	struct socket *socket = file->data;

	return socket->ops->poll(socket);
}

static struct pollhead *socket_file_pollhead(struct file *file)
{
	return ((struct socket *)file->data)->head;
}

static void socket_file_close(struct file *file)
{
	struct socket *socket = file->data;

	pollhead_close(socket->head);
	socket->ops->close(socket);
}

static const struct file_ops socket_file_ops = {
	.read = socket_file_read,
	.write = socket_file_write,
	.stat = socket_file_stat,
	.ioctl = socket_file_ioctl,
	.poll = socket_file_poll,
	.pollhead = socket_file_pollhead,
	.close = socket_file_close,
};

int socket_get(int fd, struct file **file_out, struct socket **socket_out)
{
	struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	if (file->ops != &socket_file_ops) {
		file_put(file);
		return -ENOTSOCK;
	}
	*file_out = file;
	*socket_out = file->data;
	return 0;
}

int socket_install(struct socket *socket, int flags)
{
	struct file *file =
		file_create(&socket_file_ops, O_RDWR | (flags & SOCK_NONBLOCK ? O_NONBLOCK : 0));
	int fd;

	if (!file) {
		socket->ops->close(socket);
		return -ENOMEM;
	}
	file->data = socket;
	fd = fd_install(file, 0, flags & SOCK_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}
