/* SPDX-License-Identifier: BSD-2-Clause */
/* Options all sockets have; the others are their family's. */
#include <errno.h>
#include <string.h>
#include <sys/time.h>

#include "core/time.h"
#include "lib/posix/posix.h"
#include "lib/posix/socket.h"

#define NS_PER_US    1000U
#define US_PER_S     1000000
#define LINGER_S_MAX 3600

static int set_timeout(const void *value, socklen_t bytes, uint64_t *timeout_ns)
{
	struct timeval time;

	if (bytes < sizeof(time))
		return -EINVAL;
	memcpy(&time, value, sizeof(time));
	if (time.tv_usec < 0 || time.tv_usec >= US_PER_S)
		return -EDOM;
	if (time.tv_sec < 0)
		*timeout_ns = 1; /* as Linux: at once */
	else
		*timeout_ns = (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_usec * NS_PER_US;
	return 0;
}

static int set(struct socket *socket, int level, int option, const void *value, socklen_t bytes)
{
	int number;

	if (level == SOL_SOCKET && option == SO_RCVTIMEO)
		return set_timeout(value, bytes, &socket->receive_timeout_ns);
	if (level == SOL_SOCKET && option == SO_SNDTIMEO)
		return set_timeout(value, bytes, &socket->send_timeout_ns);
	if (level == SOL_SOCKET && option == SO_LINGER) {
		struct linger linger;

		if (bytes < sizeof(linger))
			return -EINVAL;
		memcpy(&linger, value, sizeof(linger));
		if (linger.l_linger < 0 || linger.l_linger > LINGER_S_MAX)
			linger.l_linger = LINGER_S_MAX;
		socket->linger = linger;
		return 0;
	}
	if (level == SOL_SOCKET &&
	    (option == SO_TIMESTAMP || option == SO_OOBINLINE || option == SO_DEBUG ||
	     option == SO_DONTROUTE || option == SO_RCVLOWAT || option == SO_PASSCRED)) {
		if (bytes < sizeof(number))
			return -EINVAL;
		memcpy(&number, value, sizeof(number));
		if (option == SO_TIMESTAMP)
			socket->timestamps = number != 0;
		/* Nothing is kept of the others: they ask for what is so anyway, or for nothing a
		 * program can tell. */
		return option == SO_RCVLOWAT && number > 1 ? -ENOPROTOOPT : 0;
	}
	return socket->ops->set ? socket->ops->set(socket, level, option, value, bytes)
				: -ENOPROTOOPT;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t bytes)
{
	struct file *file;
	struct socket *socket;
	int result = socket_get(fd, &file, &socket);

	if (result == 0) {
		result = value ? set(socket, level, option, value, bytes) : -EFAULT;
		file_put(file);
	}
	return (int)posix_result(result);
}

static void put(const void *from, socklen_t from_bytes, void *value, socklen_t *bytes)
{
	if (*bytes > from_bytes)
		*bytes = from_bytes;
	memcpy(value, from, *bytes);
}

/* Options of SOL_SOCKET that are a number. False: not one of these. */
static bool get_number(struct socket *socket, int option, int *number_out)
{
	switch (option) {
	case SO_TYPE:
		*number_out = socket->type;
		return true;
	case SO_DOMAIN:
		*number_out = socket->domain;
		return true;
	case SO_PROTOCOL:
		*number_out = socket->protocol;
		return true;
	case SO_ACCEPTCONN:
		*number_out = socket->listens;
		return true;
	case SO_ERROR:
		*number_out = -socket->ops->take_error(socket);
		return true;
	case SO_TIMESTAMP:
		*number_out = socket->timestamps;
		return true;
	case SO_RCVLOWAT:
	case SO_SNDLOWAT:
		*number_out = 1;
		return true;
	case SO_OOBINLINE:
	case SO_DEBUG:
	case SO_DONTROUTE:
		*number_out = 0;
		return true;
	default:
		return false;
	}
}

static int get(struct socket *socket, int level, int option, void *value, socklen_t *bytes)
{
	int number;

	if (level == SOL_SOCKET && (option == SO_RCVTIMEO || option == SO_SNDTIMEO)) {
		uint64_t ns = option == SO_RCVTIMEO ? socket->receive_timeout_ns
						    : socket->send_timeout_ns;
		struct timeval time = {(time_t)(ns / NS_PER_S),
				       (suseconds_t)(ns % NS_PER_S / NS_PER_US)};

		put(&time, sizeof(time), value, bytes);
		return 0;
	}
	if (level == SOL_SOCKET && option == SO_LINGER) {
		put(&socket->linger, sizeof(socket->linger), value, bytes);
		return 0;
	}
	if (level == SOL_SOCKET && get_number(socket, option, &number)) {
		put(&number, sizeof(number), value, bytes);
		return 0;
	}
	return socket->ops->get ? socket->ops->get(socket, level, option, value, bytes)
				: -ENOPROTOOPT;
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *bytes)
{
	struct file *file;
	struct socket *socket;
	int result = socket_get(fd, &file, &socket);

	if (result == 0) {
		result = value && bytes ? get(socket, level, option, value, bytes) : -EFAULT;
		file_put(file);
	}
	return (int)posix_result(result);
}
