/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * readv, writev and their relatives with an offset: gathered in, or scattered from, one buffer, so
 * that the file sees one call. What is too long for that, or finds no memory, goes one part after
 * the other.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>

#include "core/heap.h"
#include "lib/posix/cancel.h"
#include "lib/posix/fd.h"
#include "lib/posix/posix.h"

#define BUFFER_BYTES_MAX (1U << 20)

/* From or to the parts, as much of each as bytes_count reaches. */
static void copy(const struct iovec *parts, int count, char *buffer, size_t bytes_count,
		 bool is_read)
{
	for (int i = 0; i < count && bytes_count > 0; i++) {
		size_t bytes = parts[i].iov_len < bytes_count ? parts[i].iov_len : bytes_count;

		if (is_read)
			memcpy(parts[i].iov_base, buffer, bytes);
		else
			memcpy(buffer, parts[i].iov_base, bytes);
		buffer += bytes;
		bytes_count -= bytes;
	}
}

/* Goes on as long as each part is filled, or written, to its end. */
static ssize_t each_part(int fd, bool is_read, const struct iovec *parts, int count,
			 const off_t *position)
{
	ssize_t total = 0;

	for (int i = 0; i < count; i++) {
		off_t at = position ? *position + total : 0;
		ssize_t moved = fd_move(fd, is_read, parts[i].iov_base, parts[i].iov_len,
					position ? &at : NULL);

		if (moved < 0)
			return total ? total : moved;
		total += moved;
		if ((size_t)moved < parts[i].iov_len)
			break;
	}
	return total;
}

static ssize_t move(int fd, bool is_read, const struct iovec *parts, int count,
		    const off_t *position)
{
	size_t bytes_count = 0;
	char *buffer = NULL;
	ssize_t result;

	if (count <= 0 || count > IOV_MAX)
		return -EINVAL;
	for (int i = 0; i < count; i++)
		if (__builtin_add_overflow(bytes_count, parts[i].iov_len, &bytes_count) ||
		    bytes_count > SSIZE_MAX)
			return -EINVAL;
	if (count > 1 && bytes_count <= BUFFER_BYTES_MAX)
		buffer = heap_alloc(bytes_count);
	if (!buffer)
		return each_part(fd, is_read, parts, count, position);
	if (!is_read)
		copy(parts, count, buffer, bytes_count, false);
	result = fd_move(fd, is_read, buffer, bytes_count, position);
	if (is_read && result > 0)
		copy(parts, count, buffer, (size_t)result, true);
	heap_free(buffer);
	return result;
}

/* A cancellation point. */
static ssize_t call(int fd, bool is_read, const struct iovec *parts, int count,
		    const off_t *position)
{
	ssize_t result;

	cancel_test();
	result = move(fd, is_read, parts, count, position);
	if (result == -EINTR)
		cancel_test();
	return posix_result(result);
}

ssize_t readv(int fd, const struct iovec *parts, int count)
{
	return call(fd, true, parts, count, NULL);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	return call(fd, false, parts, count, NULL);
}

ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset)
{
	return call(fd, true, parts, count, &offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	return call(fd, false, parts, count, &offset);
}
