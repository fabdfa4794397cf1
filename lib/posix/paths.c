/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking and changing file systems by path. The file systems of today are read-only, so changes end
 * in the error a read-only file system gives: ENOENT or EEXIST where they come first, else EROFS.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include "lib/posix/newlib.h"
#include "lib/posix/posix.h"
#include "lib/posix/vfs.h"

static int stat_at(int at, const char *path, unsigned int flags, struct stat *stat_out)
{
	struct vfs_path found;
	int result = vfs_walk(at, path, flags, &found);

	if (result)
		return result;
	result = found.node->ops->stat(found.node, stat_out);
	vfs_path_put(&found);
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
	unsigned int walk = flags & AT_SYMLINK_NOFOLLOW ? VFS_NOFOLLOW : 0;

	return (int)posix_result(stat_at(at, path, walk, stat_out));
}

static int access_at(int at, const char *path, int mode)
{
	struct stat status;
	int result = mode & ~(R_OK | W_OK | X_OK) ? -EINVAL : stat_at(at, path, 0, &status);

	if (result)
		return result;
	/* The one user there is may read all; running needs the bit to be set for somebody. */
	if ((mode & X_OK) && S_ISREG(status.st_mode) &&
	    !(status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return -EACCES;
	if ((mode & W_OK) && !S_ISCHR(status.st_mode))
		return -EROFS;
	return 0;
}

int access(const char *path, int mode)
{
	return (int)posix_result(access_at(AT_FDCWD, path, mode));
}

int faccessat(int at, const char *path, int mode, int flags)
{
	(void)flags;
	return (int)posix_result(access_at(at, path, mode));
}

static ssize_t readlink_at(int at, const char *path, char *target_out, size_t bytes_max)
{
	struct vfs_path found;
	ssize_t result = vfs_walk(at, path, VFS_NOFOLLOW, &found);

	if (result)
		return result;
	result = S_ISLNK(found.node->mode)
			 ? found.node->ops->readlink(found.node, target_out, bytes_max)
			 : -EINVAL;
	vfs_path_put(&found);
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

int chdir(const char *path)
{
	struct vfs_path found;
	int result = vfs_walk(AT_FDCWD, path, 0, &found);

	if (result == 0) {
		result = vfs_set_cwd(&found);
		vfs_path_put(&found);
	}
	return (int)posix_result(result);
}

int fchdir(int fd)
{
	struct vfs_path found;
	int result = vfs_walk(fd, ".", 0, &found);

	if (result == 0) {
		result = vfs_set_cwd(&found);
		vfs_path_put(&found);
	}
	return (int)posix_result(result);
}

char *getcwd(char *path_out, size_t bytes_max)
{
	char path[PATH_MAX];
	size_t bytes = vfs_cwd(path, sizeof(path));

	if (path_out && bytes_max == 0) {
		errno = EINVAL;
		return NULL;
	}
	/* NULL asks for memory, as in BSD and glibc. */
	if (!path_out) {
		path_out = malloc(bytes_max > bytes ? bytes_max : bytes);
		if (!path_out)
			return NULL;
	} else if (bytes > bytes_max) {
		errno = ERANGE;
		return NULL;
	}
	return memcpy(path_out, path, bytes);
}

char *realpath(const char *path, char *resolved_out)
{
	struct vfs_path found;
	int result = path ? vfs_walk(AT_FDCWD, path, 0, &found) : -EINVAL;

	if (result == 0) {
		if (!resolved_out)
			resolved_out = malloc(found.path_bytes + 1);
		if (resolved_out)
			memcpy(resolved_out, found.path, found.path_bytes + 1);
		vfs_path_put(&found);
		return resolved_out;
	}
	errno = -result;
	return NULL;
}

/* The error of making path. */
static int cannot_make(int at, const char *path)
{
	struct vfs_path found;
	int result = vfs_walk(at, path, VFS_NOFOLLOW, &found);

	if (result == 0) {
		vfs_path_put(&found);
		return -EEXIST;
	}
	if (result != -ENOENT)
		return result;
	result = vfs_walk(at, path, VFS_PARENT, &found);
	if (result)
		return result;
	result = S_ISDIR(found.node->mode) ? -EROFS : -ENOTDIR;
	vfs_path_put(&found);
	return result;
}

/* The error of changing or removing what is at path. */
static int cannot_change(int at, const char *path)
{
	struct stat status;
	int result = stat_at(at, path, VFS_NOFOLLOW, &status);

	return result ? result : -EROFS;
}

static int cannot_change_fd(int fd)
{
	struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	file_put(file);
	return -EROFS;
}

int unlink(const char *path)
{
	struct stat status;
	int result = stat_at(AT_FDCWD, path, VFS_NOFOLLOW, &status);

	if (result == 0)
		result = S_ISDIR(status.st_mode) ? -EPERM : -EROFS;
	return (int)posix_result(result);
}

int unlinkat(int at, const char *path, int flags)
{
	(void)flags;
	return (int)posix_result(cannot_change(at, path));
}

int rmdir(const char *path)
{
	struct stat status;
	int result = stat_at(AT_FDCWD, path, VFS_NOFOLLOW, &status);

	if (result == 0)
		result = S_ISDIR(status.st_mode) ? -EROFS : -ENOTDIR;
	return (int)posix_result(result);
}

int mkdir(const char *path, mode_t mode)
{
	(void)mode;
	return (int)posix_result(cannot_make(AT_FDCWD, path));
}

int mkdirat(int at, const char *path, mode_t mode)
{
	(void)mode;
	return (int)posix_result(cannot_make(at, path));
}

int mkfifo(const char *path, mode_t mode)
{
	(void)mode;
	return (int)posix_result(cannot_make(AT_FDCWD, path));
}

int mknod(const char *path, mode_t mode, dev_t device)
{
	(void)mode;
	(void)device;
	return (int)posix_result(cannot_make(AT_FDCWD, path));
}

int link(const char *from, const char *to)
{
	struct stat status;
	int result = stat_at(AT_FDCWD, from, VFS_NOFOLLOW, &status);

	return (int)posix_result(result ? result : cannot_make(AT_FDCWD, to));
}

int symlink(const char *target, const char *path)
{
	(void)target;
	return (int)posix_result(cannot_make(AT_FDCWD, path));
}

/* newlib's rename() calls this. */
int _rename(const char *from, const char *to)
{
	(void)to;
	return (int)posix_result(cannot_change(AT_FDCWD, from));
}

int chmod(const char *path, mode_t mode)
{
	(void)mode;
	return (int)posix_result(cannot_change(AT_FDCWD, path));
}

int fchmod(int fd, mode_t mode)
{
	(void)mode;
	return (int)posix_result(cannot_change_fd(fd));
}

int chown(const char *path, uid_t owner, gid_t group)
{
	(void)owner;
	(void)group;
	return (int)posix_result(cannot_change(AT_FDCWD, path));
}

int lchown(const char *path, uid_t owner, gid_t group)
{
	return chown(path, owner, group);
}

int fchown(int fd, uid_t owner, gid_t group)
{
	(void)owner;
	(void)group;
	return (int)posix_result(cannot_change_fd(fd));
}

int truncate(const char *path, off_t bytes)
{
	(void)bytes;
	return (int)posix_result(cannot_change(AT_FDCWD, path));
}

int utime(const char *path, const struct utimbuf *times)
{
	(void)times;
	return (int)posix_result(cannot_change(AT_FDCWD, path));
}

int utimes(const char *path, const struct timeval *times)
{
	(void)times;
	return (int)posix_result(cannot_change(AT_FDCWD, path));
}

int utimensat(int at, const char *path, const struct timespec *times, int flags)
{
	(void)times;
	(void)flags;
	return (int)posix_result(cannot_change(at, path));
}

int futimens(int fd, const struct timespec *times)
{
	(void)times;
	return (int)posix_result(cannot_change_fd(fd));
}

mode_t umask(mode_t mask)
{
	static mode_t current = S_IWGRP | S_IWOTH;

	return __atomic_exchange_n(&current, mask & (S_IRWXU | S_IRWXG | S_IRWXO),
				   __ATOMIC_RELAXED);
}
