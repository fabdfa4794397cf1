/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking about files by path. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"

static struct timespec time_from(struct node_time time)
{
	return (struct timespec){.tv_sec = time.s, .tv_nsec = (long)time.ns};
}

int vfs_stat(struct node *node, struct stat *stat_out)
{
	struct node_info info;
	int result = node->ops->stat(node, &info);

	if (result)
		return result;
	memset(stat_out, 0, sizeof(*stat_out));
	stat_out->st_dev = (dev_t)node->fs->number;
	stat_out->st_ino = (ino_t)info.number;
	stat_out->st_mode = (mode_t)info.mode;
	stat_out->st_nlink = (nlink_t)info.links;
	stat_out->st_uid = (uid_t)info.owner;
	stat_out->st_gid = (gid_t)info.group;
	stat_out->st_rdev = (dev_t)info.device;
	stat_out->st_size = (off_t)info.bytes;
	stat_out->st_blocks = (blkcnt_t)info.sectors;
	stat_out->st_blksize = (blksize_t)info.block_bytes;
	stat_out->st_atim = time_from(info.accessed);
	stat_out->st_mtim = time_from(info.modified);
	stat_out->st_ctim = time_from(info.changed);
	return 0;
}

static int stat_at(int at, const char *path, unsigned int flags, struct stat *stat_out)
{
	struct vfs_path found;
	int result;

	sig_hold();
	result = vfs_walk(at, path, flags, NULL, &found);
	if (result == 0) {
		result = vfs_stat(found.node, stat_out);
		vfs_path_put(&found);
	}
	sig_release();
	return result;
}

int stat(const char *path, struct stat *stat_out)
{
	return (int)posix_result(stat_at(AT_FDCWD, path, 0, stat_out));
}

int lstat(const char *path, struct stat *stat_out)
{
	return (int)posix_result(stat_at(AT_FDCWD, path, VFS_NOFOLLOW, stat_out));
}

int fstatat(int at, const char *path, struct stat *stat_out, int flags)
{
	unsigned int walk = (flags & AT_SYMLINK_NOFOLLOW ? VFS_NOFOLLOW : 0) |
			    (flags & AT_EMPTY_PATH ? VFS_EMPTY : 0);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return (int)posix_result(-EINVAL);
	return (int)posix_result(stat_at(at, path, walk, stat_out));
}

static int access_node(struct node *node, int mode)
{
	/* The one user there is may read all; running needs the bit to be set for somebody. */
	if ((mode & X_OK) && node_is(node, NODE_FILE) &&
	    !(node->mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return -EACCES;
	if ((mode & W_OK) && node->fs->read_only &&
	    (node_is(node, NODE_FILE) || node_is(node, NODE_DIRECTORY)))
		return -EROFS;
	return 0;
}

static int access_at(int at, const char *path, int mode, int flags)
{
	unsigned int walk = (flags & AT_SYMLINK_NOFOLLOW ? VFS_NOFOLLOW : 0) |
			    (flags & AT_EMPTY_PATH ? VFS_EMPTY : 0);
	struct vfs_path found;
	int result;

	if ((mode & ~(R_OK | W_OK | X_OK)) ||
	    (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	sig_hold();
	result = vfs_walk(at, path, walk, NULL, &found);
	if (result == 0) {
		result = access_node(found.node, mode);
		vfs_path_put(&found);
	}
	sig_release();
	return result;
}

int access(const char *path, int mode)
{
	return (int)posix_result(access_at(AT_FDCWD, path, mode, 0));
}

int faccessat(int at, const char *path, int mode, int flags)
{
	return (int)posix_result(access_at(at, path, mode, flags));
}

int eaccess(const char *path, int mode)
{
	return access(path, mode);
}

int euidaccess(const char *path, int mode)
{
	return access(path, mode);
}

static ssize_t readlink_at(int at, const char *path, char *target_out, size_t bytes_max)
{
	struct vfs_path found;
	ssize_t result;

	sig_hold();
	result = vfs_walk(at, path, VFS_NOFOLLOW, NULL, &found);
	if (result == 0) {
		result = node_is(found.node, NODE_LINK)
				 ? found.node->ops->readlink(found.node, target_out, bytes_max)
				 : -EINVAL;
		vfs_path_put(&found);
	}
	sig_release();
	return result;
}

ssize_t readlink(const char *path, char *target_out, size_t bytes_max)
{
	return posix_result(readlink_at(AT_FDCWD, path, target_out, bytes_max));
}

ssize_t readlinkat(int at, const char *path, char *target_out, size_t bytes_max)
{
	return posix_result(readlink_at(at, path, target_out, bytes_max));
}
