/* SPDX-License-Identifier: BSD-2-Clause */
/* read, write and what stdio needs with them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/x86_64/cpu.h"
#include "lib/posix/cancel.h"
#include "lib/posix/fd.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

static bool may_read(const struct file *file)
{
	return file->ops->read && (file->flags & O_ACCMODE) != O_WRONLY;
}

static bool may_write(const struct file *file)
{
	return file->ops->write && (file->flags & O_ACCMODE) != O_RDONLY;
}

static void touch_one(char *at, bool is_written)
{
	if (is_written)
		__atomic_fetch_or(at, 0, __ATOMIC_RELAXED);
	else
		(void)READ_ONCE(*at);
}

/* Touches each page of what the caller gave us: a bad pointer faults here, where a handler may run,
 * and not with locks held. */
static void touch(char *bytes, size_t bytes_count, bool is_written)
{
	for (size_t at = 0; at < bytes_count; at += PAGE_BYTES)
		touch_one(bytes + at, is_written);
	if (bytes_count > 0)
		touch_one(bytes + bytes_count - 1, is_written);
}

/* Moves bytes one way, at the file's own offset or, when position is not NULL, there. An
 * interrupted call runs the handlers first; it goes on when they all allow it. */
static ssize_t move(struct file *file, bool is_read, char *bytes, size_t bytes_count,
		    off_t *position)
{
	enum sig_result signals;
	ssize_t result;

	if (is_read ? !may_read(file) : !may_write(file))
		return -EBADF;
	if (bytes_count > SSIZE_MAX)
		return -EINVAL;
	touch(bytes, bytes_count, is_read);
	do {
		off_t *offset = position ? position : &file->offset;

		/* With a position of its own a call leaves the file's alone. */
		if (position)
			sig_hold();
		else
			file_lock(file);
		result = is_read ? file->ops->read(file, bytes, bytes_count, offset)
				 : file->ops->write(file, bytes, bytes_count, offset);
		signals = position ? sig_release() : file_unlock(file);
	} while (result == -EINTR && signals != SIG_EINTR && !cancel_due());
	return result;
}

ssize_t fd_move(int fd, bool is_read, char *bytes, size_t bytes_count, const off_t *position)
{
	struct file *file = fd_get(fd);
	off_t offset = position ? *position : 0;
	ssize_t result;

	if (!file)
		return -EBADF;
	if (position && !file->ops->size)
		result = -ESPIPE;
	else if (offset < 0)
		result = -EINVAL;
	else
		result = move(file, is_read, bytes, bytes_count, position ? &offset : NULL);
	file_put(file);
	return result;
}

/* A cancellation point. */
static ssize_t call(int fd, bool is_read, char *bytes, size_t bytes_count, const off_t *position)
{
	ssize_t result;

	cancel_test();
	result = fd_move(fd, is_read, bytes, bytes_count, position);
	if (result == -EINTR)
		cancel_test();
	return posix_result(result);
}

ssize_t read(int fd, void *bytes_out, size_t bytes_max)
{
	return call(fd, true, bytes_out, bytes_max, NULL);
}

ssize_t write(int fd, const void *bytes, size_t bytes_count)
{
	return call(fd, false, (char *)bytes, bytes_count, NULL);
}

ssize_t pread(int fd, void *bytes_out, size_t bytes_max, off_t offset)
{
	return call(fd, true, bytes_out, bytes_max, &offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t bytes_count, off_t offset)
{
	return call(fd, false, (char *)bytes, bytes_count, &offset);
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
		file_lock(file);
		result = file_seek(file, offset, whence);
		file_unlock(file);
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
