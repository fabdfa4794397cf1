/* SPDX-License-Identifier: BSD-2-Clause */
/* Open files, directories and devices of file systems: what read(), lseek() and the others come to
 * in lib/fs/node.h. The descriptor's offset is the caller's business, atomicity the node's. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "lib/posix/file_parts.h"
#include "lib/posix/locks.h"
#include "lib/posix/vfs.h"

static unsigned int node_flags(int flags)
{
	unsigned int result = 0;

	if (flags & O_APPEND)
		result |= NODE_APPEND;
	if (flags & O_DIRECT)
		result |= NODE_DIRECT;
	if (flags & O_SYNC)
		result |= NODE_SYNC;
	if (flags & O_DSYNC)
		result |= NODE_DSYNC;
	return result;
}

static ssize_t file_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	struct node *node = file->node;
	int64_t bytes;

	bytes = node->ops->read(node, bytes_out, bytes_max, (uint64_t)*offset,
				file->flags & O_DIRECT ? NODE_DIRECT : 0);
	if (bytes > 0)
		*offset += bytes;
	return bytes;
}

/* pwrite() on a file with O_APPEND writes where it is told (POSIX.1-2017 pwrite()): it has its
 * offset elsewhere than in the file. */
static ssize_t file_write(struct file *file, const void *bytes, size_t bytes_count, off_t *offset)
{
	struct node *node = file->node;
	uint64_t at = (uint64_t)*offset;
	unsigned int flags = node_flags(READ_ONCE(file->flags));
	int64_t written;

	if (bytes_count == 0)
		return 0;
	if (offset != &file->offset)
		flags &= ~NODE_APPEND;
	written = node->ops->write(node, bytes, bytes_count, &at, flags);
	if (written > 0)
		*offset = (off_t)at + written;
	return written;
}

static int file_stat(struct file *file, struct stat *stat_out)
{
	return vfs_stat(file->node, stat_out);
}

static off_t file_size(struct file *file)
{
	struct node_info info;
	int result = file->node->ops->stat(file->node, &info);

	return result ? result : (off_t)info.bytes;
}

static int file_truncate(struct file *file, off_t bytes)
{
	return vfs_change(file->node,
			  &(struct node_change){.what = NODE_SET_BYTES, .bytes = (uint64_t)bytes});
}

static int file_sync(struct file *file, bool data_only)
{
	struct node *node = file->node;

	return node->ops->sync ? node->ops->sync(node, data_only) : 0;
}

static void file_close(struct file *file)
{
	if (locks_close)
		locks_close(file);
}

const struct file_ops file_node_ops = {
	.read = file_read,
	.write = file_write,
	.stat = file_stat,
	.size = file_size,
	.truncate = file_truncate,
	.sync = file_sync,
	.close = file_close,
};

/* Devices without a place: what is read and written does not depend on it. */
static ssize_t device_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	return file->node->ops->read(file->node, bytes_out, bytes_max, (uint64_t)*offset, 0);
}

static ssize_t device_write(struct file *file, const void *bytes, size_t bytes_count, off_t *offset)
{
	uint64_t at = (uint64_t)*offset;

	return file->node->ops->write(file->node, bytes, bytes_count, &at, 0);
}

static off_t no_size(struct file *file)
{
	(void)file;
	return 0;
}

static const struct file_ops device_ops = {
	.read = device_read,
	.write = device_write,
	.stat = file_stat,
	.size = no_size,
	.close = file_close,
};

static ssize_t directory_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	(void)file;
	(void)bytes_out;
	(void)bytes_max;
	(void)offset;
	return -EISDIR;
}

static const struct file_ops directory_ops = {.read = directory_read,
					      .stat = file_stat,
					      .size = no_size,
					      .getdents = directory_getdents,
					      .sync = file_sync,
					      .close = file_close};

int vfs_file_open(struct node *node, struct file *file)
{
	switch (node->mode & NODE_TYPE) {
	case NODE_DIRECTORY:
		file->ops = &directory_ops;
		return 0;
	case NODE_FILE:
	case NODE_BLOCK:
		if (!node->ops->read)
			return -ENXIO;
		file->ops = &file_node_ops;
		return 0;
	case NODE_CHARACTER:
		if (!node->ops->read || !node->ops->write)
			return -ENXIO;
		file->ops = &device_ops;
		return 0;
	default:
		return -ENXIO;
	}
}
