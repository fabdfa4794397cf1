/* SPDX-License-Identifier: BSD-2-Clause */
/* The calls that make, name, connect and end sockets. */
#include "lib/posix/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "lib/posix/cancel.h"
#include "lib/posix/posix.h"

#define TYPE_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

static int create(int domain, int type, int protocol, struct socket **socket_out)
{
	int error;

	if (type & ~TYPE_FLAGS & ~0xf)
		return -EINVAL;
	type &= ~TYPE_FLAGS;
	if (domain == AF_UNIX)
		error = protocol ? -EPROTONOSUPPORT : socket_unix_create(type, socket_out);
	else if (domain == AF_INET || domain == AF_INET6)
		error = socket_inet_create(domain, type, protocol, socket_out);
	else
		error = -EAFNOSUPPORT;
	return error;
}

int socket(int domain, int type, int protocol)
{
	struct socket *socket;
	int result = create(domain, type, protocol, &socket);

	return (int)posix_result(result ? result : socket_install(socket, type));
}

void socket_copy_name(const void *from, socklen_t from_bytes, struct sockaddr *address,
		      socklen_t *bytes)
{
	if (!address || !bytes)
		return;
	memcpy(address, from, *bytes < from_bytes ? *bytes : from_bytes);
	*bytes = from_bytes;
}

int bind(int fd, const struct sockaddr *address, socklen_t bytes)
{
	struct file *file;
	struct socket *socket;
	int result = socket_get(fd, &file, &socket);

	if (result == 0) {
		result = bytes < sizeof(sa_family_t) ? -EINVAL
						     : socket->ops->bind(socket, address, bytes);
		file_put(file);
	}
	return (int)posix_result(result);
}

int listen(int fd, int backlog)
{
	struct file *file;
	struct socket *socket;
	int result = socket_get(fd, &file, &socket);

	if (result == 0) {
		result = socket->ops->listen ? socket->ops->listen(socket, backlog) : -EOPNOTSUPP;
		if (result == 0)
			socket->listens = true;
		file_put(file);
	}
	return (int)posix_result(result);
}

struct connection {
	const struct sockaddr *address;
	socklen_t bytes;
	bool begun;
};

/* First the connection is begun, then looked after. */
static ssize_t try_connect(struct socket *socket, void *arg)
{
	struct connection *connection = arg;
	int error;

	if (!connection->begun) {
		error = socket->ops->connect(socket, connection->address, connection->bytes);
		if (error != -EINPROGRESS)
			return error;
		connection->begun = true;
		return -EAGAIN;
	}
	if (!(socket->ops->poll(socket) & (POLLOUT | POLLERR | POLLHUP)))
		return -EAGAIN;
	return socket->ops->take_error(socket);
}

int connect(int fd, const struct sockaddr *address, socklen_t bytes)
{
	struct connection connection = {address, bytes, false};
	struct file *file;
	struct socket *socket;
	int result;

	cancel_test();
	result = socket_get(fd, &file, &socket);
	if (result == 0) {
		if (bytes < sizeof(sa_family_t))
			result = -EINVAL;
		else
			result = (int)socket_retry(socket, socket_nonblocking(file, 0),
						   socket->send_timeout_ns, try_connect,
						   &connection);
		if (result == -EAGAIN && connection.begun)
			result = -EINPROGRESS;
		file_put(file);
	}
	return (int)posix_result(result);
}

static ssize_t try_accept(struct socket *socket, void *arg)
{
	return socket->ops->accept(socket, arg);
}

static int accept_with(int fd, struct sockaddr *address, socklen_t *bytes, int flags)
{
	struct socket *socket, *accepted;
	struct file *file;
	int result = socket_get(fd, &file, &socket);

	if (result)
		return result;
	if (flags & ~TYPE_FLAGS)
		result = -EINVAL;
	else if (!socket->ops->accept)
		result = -EOPNOTSUPP;
	else
		result = (int)socket_retry(socket, socket_nonblocking(file, 0),
					   socket->receive_timeout_ns, try_accept, &accepted);
	file_put(file);
	if (result)
		return result;
	if (address && bytes && accepted->ops->name(accepted, true, address, bytes))
		*bytes = 0;
	return socket_install(accepted, flags);
}

int accept4(int fd, struct sockaddr *address, socklen_t *bytes, int flags)
{
	cancel_test();
	return (int)posix_result(accept_with(fd, address, bytes, flags));
}

int accept(int fd, struct sockaddr *address, socklen_t *bytes)
{
	return accept4(fd, address, bytes, 0);
}

static int name_of(int fd, bool peer, struct sockaddr *address, socklen_t *bytes)
{
	struct file *file;
	struct socket *socket;
	int result = socket_get(fd, &file, &socket);

	if (result == 0) {
		result = socket->ops->name(socket, peer, address, bytes);
		file_put(file);
	}
	return (int)posix_result(result);
}

int getsockname(int fd, struct sockaddr *address, socklen_t *bytes)
{
	return name_of(fd, false, address, bytes);
}

int getpeername(int fd, struct sockaddr *address, socklen_t *bytes)
{
	return name_of(fd, true, address, bytes);
}

int shutdown(int fd, int how)
{
	struct file *file;
	struct socket *socket;
	int result = socket_get(fd, &file, &socket);

	if (result == 0) {
		if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
			result = -EINVAL;
		else
			result = socket->ops->shutdown(socket, how != SHUT_WR, how != SHUT_RD);
		file_put(file);
	}
	return (int)posix_result(result);
}

int sockatmark(int fd)
{
	struct file *file;
	struct socket *socket;
	int result = socket_get(fd, &file, &socket);

	/* Urgent data is not kept apart. */
	if (result == 0)
		file_put(file);
	return (int)posix_result(result);
}
