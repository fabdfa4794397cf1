/* SPDX-License-Identifier: BSD-2-Clause */
/* read, write and what stdio needs with them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/posix/cancel.h"
#include "lib/posix/fd.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

/* An interrupted call runs the handlers first; it goes on when they all allow it, unless the thread
 * was cancelled. */
static bool again(ssize_t result)
{
	return result == -EINTR && sig_deliver() != SIG_EINTR && !cancel_due();
}

/* How a call ends that is a cancellation point: without its file. */
static ssize_t finish(struct file *file, ssize_t result)
{
	if (file)
		file_put(file);
	if (result == -EINTR)
		cancel_test();
	return posix_result(result);
}

static bool may_read(const struct file *file)
{
	return file->ops->read && (file->flags & O_ACCMODE) != O_WRONLY;
}

static bool may_write(const struct file *file)
{
	return file->ops->write && (file->flags & O_ACCMODE) != O_RDONLY;
}

static ssize_t file_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	ssize_t result;

	if (!may_read(file))
		return -EBADF;
	if (bytes_max > SSIZE_MAX)
		return -EINVAL;
	do
		result = file->ops->read(file, bytes_out, bytes_max, offset);
	while (again(result));
	return result;
}

static ssize_t file_write(struct file *file, const void *bytes, size_t bytes_count, off_t *offset)
{
	ssize_t result;

	if (!may_write(file))
		return -EBADF;
	if (bytes_count > SSIZE_MAX)
		return -EINVAL;
	do
		result = file->ops->write(file, bytes, bytes_count, offset);
	while (again(result));
	return result;
}

ssize_t read(int fd, void *bytes_out, size_t bytes_max)
{
	struct file *file;
	ssize_t result = -EBADF;

	cancel_test();
	file = fd_get(fd);
	if (file)
		result = file_read(file, bytes_out, bytes_max, &file->offset);
	return finish(file, result);
}

ssize_t write(int fd, const void *bytes, size_t bytes_count)
{
	struct file *file;
	ssize_t result = -EBADF;

	cancel_test();
	file = fd_get(fd);
	if (file) {
		if ((file->flags & O_APPEND) && file->ops->size)
			file->offset = file->ops->size(file);
		result = file_write(file, bytes, bytes_count, &file->offset);
	}
	return finish(file, result);
}

ssize_t pread(int fd, void *bytes_out, size_t bytes_max, off_t offset)
{
	struct file *file;
	ssize_t result = -EBADF;

	cancel_test();
	file = fd_get(fd);
	if (file) {
		result = !file->ops->size ? -ESPIPE : offset < 0 ? -EINVAL : 0;
		if (result == 0)
			result = file_read(file, bytes_out, bytes_max, &offset);
	}
	return finish(file, result);
}

ssize_t pwrite(int fd, const void *bytes, size_t bytes_count, off_t offset)
{
	struct file *file;
	ssize_t result = -EBADF;

	cancel_test();
	file = fd_get(fd);
	if (file) {
		result = !file->ops->size ? -ESPIPE : offset < 0 ? -EINVAL : 0;
		if (result == 0)
			result = file_write(file, bytes, bytes_count, &offset);
	}
	return finish(file, result);
}

static off_t file_seek(struct file *file, off_t offset, int whence)
{
	off_t base;

	if (!file->ops->size)
		return -ESPIPE;
	switch (whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = file->offset;
		break;
	case SEEK_END:
		base = file->ops->size(file);
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, offset, &base))
		return -EOVERFLOW;
	if (base < 0)
		return -EINVAL;
	file->offset = base;
	return base;
}

off_t lseek(int fd, off_t offset, int whence)
{
	struct file *file = fd_get(fd);
	off_t result = -EBADF;

	if (file) {
		result = file_seek(file, offset, whence);
		file_put(file);
	}
	return posix_result(result);
}

int close(int fd)
{
	cancel_test();
	return (int)posix_result(fd_remove(fd));
}

int fstat(int fd, struct stat *stat_out)
{
	struct file *file = fd_get(fd);
	int result = -EBADF;

	if (file) {
		result = file->ops->stat ? file->ops->stat(file, stat_out) : -EINVAL;
		file_put(file);
	}
	return (int)posix_result(result);
}

int fsync(int fd)
{
	struct file *file;
	int result = -EBADF;

	cancel_test();
	file = fd_get(fd);
	if (file)
		result = file->ops->sync ? file->ops->sync(file) : 0;
	return (int)finish(file, result);
}

int fdatasync(int fd)
{
	return fsync(fd);
}

int ftruncate(int fd, off_t bytes)
{
	struct file *file = fd_get(fd);
	int result = -EBADF;

	if (file) {
		if (bytes < 0 || !may_write(file) || !file->ops->truncate)
			result = -EINVAL;
		else
			result = file->ops->truncate(file, bytes);
		file_put(file);
	}
	return (int)posix_result(result);
}
