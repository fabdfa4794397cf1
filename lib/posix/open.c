/* SPDX-License-Identifier: BSD-2-Clause */
/* open() and listing directories. Whoever calls these has the file systems linked in. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "core/heap.h"
#include "lib/posix/cancel.h"
#include "lib/posix/newlib.h"
#include "lib/posix/posix.h"
#include "lib/posix/vfs.h"

static bool wants_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

static int check(const struct node *node, int flags)
{
	if ((flags & O_DIRECTORY) && !S_ISDIR(node->mode))
		return -ENOTDIR;
	if (S_ISDIR(node->mode) && (wants_write(flags) || (flags & O_CREAT)))
		return -EISDIR;
	if ((flags & O_NOFOLLOW) && S_ISLNK(node->mode))
		return -ELOOP;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (S_ISREG(node->mode) && wants_write(flags) && !node->ops->create)
		return -EROFS;
	return node->ops->open ? 0 : -ENXIO;
}

/* A file for the node found, which it keeps. */
static int open_node(struct vfs_path *found, int flags, struct file **file_out)
{
	struct file *file;
	char *path = NULL;
	int result = check(found->node, flags);

	if (result)
		return result;
	file = file_create(NULL, flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | O_NOCTTY));
	if (!file)
		return -ENOMEM;
	/* fchdir() and the …at() calls start from it. */
	if (S_ISDIR(found->node->mode)) {
		path = heap_alloc(found->path_bytes + 1);
		if (path)
			memcpy(path, found->path, found->path_bytes + 1);
	}
	file->node = found->node;
	file->path = path;
	if (S_ISDIR(found->node->mode) && !path)
		result = -ENOMEM;
	else
		result = found->node->ops->open(found->node, file);
	if (result) {
		heap_free(path);
		heap_free(file);
		return result;
	}
	*file_out = file;
	return 0;
}

/* What a path that is not there means: with O_CREAT, whether it could be made. */
static int missing(int at, const char *path, int flags, int error, struct vfs_path *found)
{
	if (error != -ENOENT || !(flags & O_CREAT))
		return error;
	error = vfs_walk(at, path, VFS_PARENT, found);
	if (error)
		return error;
	error = S_ISDIR(found->node->mode) ? -EROFS : -ENOTDIR;
	vfs_path_put(found);
	return error;
}

static int open_at(int at, const char *path, int flags)
{
	struct vfs_path found;
	struct file *file;
	int result;

	cancel_test();
	result = vfs_walk(at, path, flags & O_NOFOLLOW ? VFS_NOFOLLOW : 0, &found);
	if (result)
		return missing(at, path, flags, result, &found);
	result = open_node(&found, flags, &file);
	if (result) {
		vfs_path_put(&found);
		return result;
	}
	result = fd_install(file, 0, flags & O_CLOEXEC);
	if (result < 0)
		file_put(file);
	return result;
}

int open(const char *path, int flags, ...)
{
	return (int)posix_result(open_at(AT_FDCWD, path, flags));
}

int openat(int at, const char *path, int flags, ...)
{
	return (int)posix_result(open_at(at, path, flags));
}

int getdents(int fd, void *dirents_out, int bytes_max)
{
	struct file *file = fd_get(fd);
	ssize_t result;

	if (!file)
		return (int)posix_result(-EBADF);
	if (!file->ops->getdents)
		result = -ENOTDIR;
	else if (bytes_max < 0)
		result = -EINVAL;
	else {
		file_lock(file);
		result = file->ops->getdents(file, dirents_out, (size_t)bytes_max, &file->offset);
		file_unlock(file);
	}
	file_put(file);
	return (int)posix_result(result);
}
