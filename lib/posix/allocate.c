/* SPDX-License-Identifier: BSD-2-Clause */
/* Lengths of open files, and space for them. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/posix/fd.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"

int ftruncate(int fd, off_t bytes)
{
	struct file *file = fd_get(fd);
	int result;

	if (!file)
		return (int)posix_result(-EBADF);
	if (bytes < 0 || (file->flags & O_ACCMODE) == O_RDONLY || !file->ops->truncate) {
		result = -EINVAL;
	} else {
		sig_hold();
		result = file->ops->truncate(file, bytes);
		sig_release();
	}
	file_put(file);
	return (int)posix_result(result);
}

static int allocate_file(struct file *file, unsigned int flags, off_t offset, off_t bytes)
{
	struct node *node = file->node;

	if ((file->flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (!node)
		return file->ops->size ? -ENODEV : -ESPIPE;
	if (node_is(node, NODE_FIFO))
		return -ESPIPE;
	if (!node_is(node, NODE_FILE))
		return -ENODEV;
	return node->ops->allocate
		       ? node->ops->allocate(node, (uint64_t)offset, (uint64_t)bytes, flags)
		       : -EOPNOTSUPP;
}

static int allocate(int fd, unsigned int flags, off_t offset, off_t bytes)
{
	struct file *file = fd_get(fd);
	off_t end;
	int result;

	if (!file)
		return -EBADF;
	if (offset < 0 || bytes <= 0) {
		result = -EINVAL;
	} else if (__builtin_add_overflow(offset, bytes, &end)) {
		result = -EFBIG;
	} else {
		sig_hold();
		result = allocate_file(file, flags, offset, bytes);
		sig_release();
	}
	file_put(file);
	return result;
}

/* Yields the error, as POSIX has it. */
int posix_fallocate(int fd, off_t offset, off_t bytes)
{
	return -allocate(fd, 0, offset, bytes);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	unsigned int flags = (mode & FALLOC_FL_KEEP_SIZE ? NODE_KEEP_SIZE : 0) |
			     (mode & FALLOC_FL_PUNCH_HOLE ? NODE_PUNCH_HOLE : 0);

	if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) || mode == FALLOC_FL_PUNCH_HOLE)
		return (int)posix_result(-EOPNOTSUPP);
	return (int)posix_result(allocate(fd, flags, offset, bytes));
}

/* Advice is all it is. */
int posix_fadvise(int fd, off_t offset, off_t bytes, int advice)
{
	struct file *file = fd_get(fd);
	int result = 0;

	(void)offset;
	if (!file)
		return EBADF;
	if (!file->ops->size)
		result = ESPIPE;
	else if (bytes < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
		result = EINVAL;
	file_put(file);
	return result;
}
