/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <unistd.h>

#include "lib/posix/posix.h"
#include "lib/posix/socket_unix.h"

#define TYPE_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

int socketpair(int domain, int type, int protocol, int fds_out[2])
{
	struct socket *sockets[2];
	int result;

	if (domain != AF_UNIX)
		return (int)posix_result(domain == AF_INET || domain == AF_INET6 ? -EOPNOTSUPP
										 : -EAFNOSUPPORT);
	if (protocol)
		return (int)posix_result(-EPROTONOSUPPORT);
	result = socket_unix_pair(type & ~TYPE_FLAGS, sockets);
	if (result)
		return (int)posix_result(result);
	fds_out[0] = socket_install(sockets[0], type);
	if (fds_out[0] < 0) {
		sockets[1]->ops->close(sockets[1]);
		return (int)posix_result(fds_out[0]);
	}
	fds_out[1] = socket_install(sockets[1], type);
	if (fds_out[1] < 0) {
		close(fds_out[0]);
		return (int)posix_result(fds_out[1]);
	}
	return 0;
}
