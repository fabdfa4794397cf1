/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors themselves: dup, fcntl, ioctl. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/posix/cancel.h"
#include "lib/posix/fd.h"
#include "lib/posix/locks.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

/* What F_SETFL may change. */
#define SETFL_MASK (O_APPEND | O_NONBLOCK)

static int dup_from(int fd, int least, bool close_on_exec)
{
	struct file *file = fd_get(fd);
	int result;

	if (!file)
		return -EBADF;
	result = fd_install(file, least, close_on_exec);
	if (result < 0)
		file_put(file);
	return result;
}

int dup(int fd)
{
	return (int)posix_result(dup_from(fd, 0, false));
}

static int dup_to(int fd, int to, bool close_on_exec)
{
	struct file *file = fd_get(fd);
	int result;

	if (!file)
		return -EBADF;
	if (fd == to) {
		file_put(file);
		return to;
	}
	result = fd_replace(to, file, close_on_exec);
	if (result < 0)
		file_put(file);
	return result < 0 ? result : to;
}

int dup2(int fd, int to)
{
	return (int)posix_result(dup_to(fd, to, false));
}

int dup3(int fd, int to, int flags)
{
	if (fd == to || (flags & ~O_CLOEXEC))
		return (int)posix_result(-EINVAL);
	return (int)posix_result(dup_to(fd, to, flags & O_CLOEXEC));
}

static int control(struct file *file, int fd, int command, long arg)
{
	switch (command) {
	case F_GETFD:
		return fd_get_flags(fd);
	case F_SETFD:
		return fd_set_flags(fd, (int)arg & FD_CLOEXEC);
	case F_GETFL:
		return file->flags;
	case F_SETFL:
		file_set_flags(file, SETFL_MASK, (int)arg);
		return 0;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return locks_control(file, command, (struct flock *)arg);
	case F_GETOWN:
		return 1;
	case F_SETOWN:
		return 0;
	default:
		return -EINVAL;
	}
}

int fcntl(int fd, int command, ...)
{
	struct file *file;
	va_list arguments;
	long arg;
	int result;

	va_start(arguments, command);
	arg = va_arg(arguments, long);
	va_end(arguments);
	/* The argument is an int for these. */
	if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
		return (int)posix_result(dup_from(fd, (int)arg, command == F_DUPFD_CLOEXEC));
	if (command == F_SETLKW || command == F_OFD_SETLKW)
		cancel_test();
	file = fd_get(fd);
	if (!file)
		return (int)posix_result(-EBADF);
	result = control(file, fd, command, arg);
	file_put(file);
	if (result == -EINTR)
		cancel_test();
	return (int)posix_result(result);
}

/* The console's operation is weak in its table: this brings it into the link. */
__attribute__((used)) static int (*const terminal)(struct file *, unsigned long,
						   void *) = file_console_ioctl;

int ioctl(int fd, unsigned long request, ...)
{
	struct file *file = fd_get(fd);
	va_list arguments;
	void *arg;
	int result;

	if (!file)
		return (int)posix_result(-EBADF);
	va_start(arguments, request);
	arg = va_arg(arguments, void *);
	va_end(arguments);
	switch (request) {
	case FIOCLEX:
	case FIONCLEX:
		result = fd_set_flags(fd, request == FIOCLEX ? FD_CLOEXEC : 0);
		break;
	case FIONBIO:
		file_set_flags(file, O_NONBLOCK, *(int *)arg ? O_NONBLOCK : 0);
		result = 0;
		break;
	default:
		do
			result = file->ops->ioctl ? file->ops->ioctl(file, request, arg) : -ENOTTY;
		while (result == -EINTR && sig_deliver() != SIG_EINTR);
	}
	file_put(file);
	return (int)posix_result(result);
}
