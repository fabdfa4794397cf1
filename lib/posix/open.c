/* SPDX-License-Identifier: BSD-2-Clause */
/* open() and listing directories. Whoever calls these has the file systems linked in. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "core/heap.h"
#include "lib/posix/cancel.h"
#include "lib/posix/file_parts.h"
#include "lib/posix/names_path.h"
#include "lib/posix/newlib.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"

/* Flags that are of no more use once the file is open. */
#define ONLY_FOR_OPEN (O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_TMPFILE)

static bool wants_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

/* Whether what is there may be opened like this. */
static int check(const struct node *node, int flags)
{
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if ((flags & O_NOFOLLOW) && node_is(node, NODE_LINK))
		return -ELOOP;
	if ((flags & O_DIRECTORY) && !node_is(node, NODE_DIRECTORY))
		return -ENOTDIR;
	if (node_is(node, NODE_DIRECTORY) && (wants_write(flags) || (flags & O_CREAT)))
		return -EISDIR;
	if (node_is(node, NODE_FILE) && wants_write(flags) && node->fs->read_only)
		return -EROFS;
	return 0;
}

/* The file's operations; cuts the file. */
static int open_node(struct node *node, struct file *file, int flags)
{
	struct node_change cut = {.what = NODE_SET_BYTES, .bytes = 0};
	int result;

	if (node->ops->open)
		return node->ops->open(node, file);
	result = vfs_file_open(node, file);
	if (result == 0 && (flags & O_TRUNC) && node_is(node, NODE_FILE))
		result = vfs_change(node, &cut);
	return result;
}

/* Of a file that could not be opened. */
static const struct file_ops nothing_ops;

/* A file for node, whose reference it takes in any case. */
static int new_file(struct node *node, int flags, struct file **file_out)
{
	struct file *file = file_create(NULL, flags & ~ONLY_FOR_OPEN);
	int result;

	if (!file) {
		node_put(node);
		return -ENOMEM;
	}
	file->node = node;
	result = node_is(node, NODE_FIFO) ? 0 : open_node(node, file, flags);
	if (result) {
		node_put(node);
		file->node = NULL;
		file->ops = &nothing_ops;
		file_put(file);
		return result;
	}
	*file_out = file;
	return 0;
}

static uint32_t new_mode(mode_t mode)
{
	return NODE_FILE | (uint32_t)(mode & NODE_PERMISSIONS & ~vfs_umask());
}

/* What path names, made when it is not there. A reference. */
static int find_or_create(int at, const char *path, int flags, mode_t mode, struct node **node_out)
{
	unsigned int walk =
		(flags & O_CREAT ? VFS_CREATE : 0) |
		((flags & O_NOFOLLOW) || ((flags & O_CREAT) && (flags & O_EXCL)) ? VFS_NOFOLLOW
										 : 0);
	struct vfs_path found;
	int result;

	/* The shortest way, for what is opened again and again. */
	if (path[0] == '/' && !(walk & VFS_NOFOLLOW)) {
		*node_out = names_path_recall(path);
		if (__builtin_expect(*node_out != NULL, 1)) {
			result = check(*node_out, flags);
			if (result)
				node_put(*node_out);
			return result;
		}
	}
	do {
		result = vfs_walk(at, path, walk, NULL, &found);
		if (result)
			return result;
		if (!found.is_missing) {
			result = check(found.node, flags);
			*node_out = found.node;
			/* Its reference is the caller's now. */
			if (result == 0)
				found.node = NULL;
		} else if (found.has_slash || (flags & O_DIRECTORY)) {
			result = found.has_slash ? -EISDIR : -EINVAL;
		} else {
			struct node_new what = {.mode = new_mode(mode)};

			result = vfs_create(&found, &what, node_out);
		}
		vfs_path_put(&found);
		/* Somebody else made it just now: then it is what we open. */
	} while (result == -EEXIST && found.is_missing && !(flags & O_EXCL));
	return result;
}

/* O_TMPFILE: path is the directory. */
static int create_nameless(int at, const char *path, int flags, mode_t mode, struct node **node_out)
{
	struct node_new what = {.mode = new_mode(mode)};
	struct vfs_path found;
	int result;

	if ((flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	result = vfs_walk(at, path, 0, NULL, &found);
	if (result)
		return result;
	found.name = "";
	found.last = VFS_LAST_NAME;
	result = node_is(found.node, NODE_DIRECTORY) ? vfs_create(&found, &what, node_out)
						     : -ENOTDIR;
	vfs_path_put(&found);
	return result;
}

static int open_held(int at, const char *path, int flags, mode_t mode, struct file **file_out)
{
	struct node *node;
	int result;

	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		result = create_nameless(at, path, flags, mode, &node);
	else
		result = find_or_create(at, path, flags, mode, &node);
	return result ? result : new_file(node, flags, file_out);
}

static int open_at(int at, const char *path, int flags, mode_t mode)
{
	struct file *file;
	int result;

	cancel_test();
	sig_hold();
	result = open_held(at, path, flags, mode, &file);
	sig_release();
	if (result)
		return result;
	if (node_is(file->node, NODE_FIFO)) {
		result = fifo_open(file->node, file);
		if (result == -EINTR)
			cancel_test();
	}
	if (result == 0)
		result = fd_install(file, 0, flags & O_CLOEXEC);
	if (result < 0)
		file_put(file);
	return result;
}

int open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list arguments;

	va_start(arguments, flags);
	mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return (int)posix_result(open_at(AT_FDCWD, path, flags, mode));
}

int openat(int at, const char *path, int flags, ...)
{
	mode_t mode;
	va_list arguments;

	va_start(arguments, flags);
	mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return (int)posix_result(open_at(at, path, flags, mode));
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
