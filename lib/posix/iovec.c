/* SPDX-License-Identifier: BSD-2-Clause */
/* readv, writev and their relatives with an offset: one part after the other. */
#include <errno.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/posix/posix.h"

static ssize_t read_part(int fd, const struct iovec *part, off_t offset)
{
	(void)offset;
	return read(fd, part->iov_base, part->iov_len);
}

static ssize_t write_part(int fd, const struct iovec *part, off_t offset)
{
	(void)offset;
	return write(fd, part->iov_base, part->iov_len);
}

static ssize_t pread_part(int fd, const struct iovec *part, off_t offset)
{
	return pread(fd, part->iov_base, part->iov_len, offset);
}

static ssize_t pwrite_part(int fd, const struct iovec *part, off_t offset)
{
	return pwrite(fd, part->iov_base, part->iov_len, offset);
}

/* Goes on as long as each part is filled, or written, to its end. */
static ssize_t each_part(int fd, const struct iovec *parts, int count, off_t offset,
			 ssize_t (*move)(int fd, const struct iovec *part, off_t offset))
{
	ssize_t total = 0;

	if (count <= 0 || count > IOV_MAX)
		return posix_result(-EINVAL);
	for (int i = 0; i < count; i++) {
		ssize_t moved = move(fd, &parts[i], offset + total);

		if (moved < 0)
			return total ? total : moved;
		total += moved;
		if ((size_t)moved < parts[i].iov_len)
			break;
	}
	return total;
}

ssize_t readv(int fd, const struct iovec *parts, int count)
{
	return each_part(fd, parts, count, 0, read_part);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	return each_part(fd, parts, count, 0, write_part);
}

ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset)
{
	return each_part(fd, parts, count, offset, pread_part);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	return each_part(fd, parts, count, offset, pwrite_part);
}
