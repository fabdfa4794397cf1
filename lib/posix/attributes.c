/* SPDX-License-Identifier: BSD-2-Clause */
/* Changing what stat() tells: modes, owners, times, lengths. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include "core/time.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"

#define NS_PER_US 1000

static int change_at(int at, const char *path, int flags, const struct node_change *change)
{
	unsigned int walk = (flags & AT_SYMLINK_NOFOLLOW ? VFS_NOFOLLOW : 0) |
			    (flags & AT_EMPTY_PATH ? VFS_EMPTY : 0);
	struct vfs_path found;
	int result;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	sig_hold();
	result = vfs_walk(at, path, walk, NULL, &found);
	if (result == 0) {
		/* A link has no mode of its own. */
		if ((change->what & NODE_SET_MODE) && node_is(found.node, NODE_LINK))
			result = -EOPNOTSUPP;
		else if (change->what)
			result = vfs_change(found.node, change);
		vfs_path_put(&found);
	}
	sig_release();
	return result;
}

static int change_fd(int fd, const struct node_change *change)
{
	struct node *node;
	int result;

	sig_hold();
	result = vfs_node_of(fd, &node);
	if (result == 0) {
		if (change->what)
			result = vfs_change(node, change);
		node_put(node);
	}
	sig_release();
	return result;
}

static struct node_change mode_change(mode_t mode)
{
	return (struct node_change){.what = NODE_SET_MODE,
				    .mode = (uint32_t)(mode & NODE_PERMISSIONS)};
}

int fchmodat(int at, const char *path, mode_t mode, int flags)
{
	struct node_change change = mode_change(mode);

	return (int)posix_result(change_at(at, path, flags, &change));
}

int chmod(const char *path, mode_t mode)
{
	return fchmodat(AT_FDCWD, path, mode, 0);
}

int fchmod(int fd, mode_t mode)
{
	struct node_change change = mode_change(mode);

	return (int)posix_result(change_fd(fd, &change));
}

/* -1 leaves one as it is. */
static struct node_change owner_change(uid_t owner, gid_t group)
{
	return (struct node_change){.what = (owner == (uid_t)-1 ? 0 : NODE_SET_OWNER) |
					    (group == (gid_t)-1 ? 0 : NODE_SET_GROUP),
				    .owner = (uint32_t)owner,
				    .group = (uint32_t)group};
}

int fchownat(int at, const char *path, uid_t owner, gid_t group, int flags)
{
	struct node_change change = owner_change(owner, group);

	return (int)posix_result(change_at(at, path, flags, &change));
}

int chown(const char *path, uid_t owner, gid_t group)
{
	return fchownat(AT_FDCWD, path, owner, group, 0);
}

int lchown(const char *path, uid_t owner, gid_t group)
{
	return fchownat(AT_FDCWD, path, owner, group, AT_SYMLINK_NOFOLLOW);
}

int fchown(int fd, uid_t owner, gid_t group)
{
	struct node_change change = owner_change(owner, group);

	return (int)posix_result(change_fd(fd, &change));
}

/* One of the two times: false when it stays as it is. */
static bool take_time(const struct timespec *time, uint64_t now_ns, struct node_time *time_out,
		      int *result)
{
	if (time && time->tv_nsec == UTIME_OMIT)
		return false;
	if (!time || time->tv_nsec == UTIME_NOW) {
		*time_out = (struct node_time){(int64_t)(now_ns / NS_PER_S),
					       (uint32_t)(now_ns % NS_PER_S)};
	} else if (time->tv_nsec < 0 || time->tv_nsec >= (long)NS_PER_S) {
		*result = -EINVAL;
	} else {
		*time_out = (struct node_time){time->tv_sec, (uint32_t)time->tv_nsec};
	}
	return true;
}

static int times_change(const struct timespec *times, struct node_change *change_out)
{
	uint64_t now_ns = time_wall_ns();
	int result = 0;

	*change_out = (struct node_change){0};
	if (take_time(times ? &times[0] : NULL, now_ns, &change_out->accessed, &result))
		change_out->what |= NODE_SET_ACCESSED;
	if (take_time(times ? &times[1] : NULL, now_ns, &change_out->modified, &result))
		change_out->what |= NODE_SET_MODIFIED;
	return result;
}

int utimensat(int at, const char *path, const struct timespec *times, int flags)
{
	struct node_change change;
	int result = times_change(times, &change);

	return (int)posix_result(result ? result : change_at(at, path, flags, &change));
}

int futimens(int fd, const struct timespec *times)
{
	struct node_change change;
	int result = times_change(times, &change);

	return (int)posix_result(result ? result : change_fd(fd, &change));
}

/* From microseconds; NULL stays NULL. */
static int from_timeval(const struct timeval *times, struct timespec *times_out)
{
	for (int i = 0; times && i < 2; i++) {
		if (times[i].tv_usec < 0 || times[i].tv_usec >= 1000000)
			return -EINVAL;
		times_out[i] = (struct timespec){.tv_sec = times[i].tv_sec,
						 .tv_nsec = times[i].tv_usec * NS_PER_US};
	}
	return 0;
}

static int set_times(const char *path, const struct timeval *times, int flags)
{
	struct timespec specs[2];
	int result = from_timeval(times, specs);

	if (result)
		return (int)posix_result(result);
	return utimensat(AT_FDCWD, path, times ? specs : NULL, flags);
}

int utimes(const char *path, const struct timeval *times)
{
	return set_times(path, times, 0);
}

int lutimes(const char *path, const struct timeval *times)
{
	return set_times(path, times, AT_SYMLINK_NOFOLLOW);
}

int futimes(int fd, const struct timeval *times)
{
	struct timespec specs[2];
	int result = from_timeval(times, specs);

	if (result)
		return (int)posix_result(result);
	return futimens(fd, times ? specs : NULL);
}

int utime(const char *path, const struct utimbuf *times)
{
	struct timespec specs[2];

	if (!times)
		return utimensat(AT_FDCWD, path, NULL, 0);
	specs[0] = (struct timespec){.tv_sec = times->actime};
	specs[1] = (struct timespec){.tv_sec = times->modtime};
	return utimensat(AT_FDCWD, path, specs, 0);
}

int truncate(const char *path, off_t bytes)
{
	struct node_change change = {.what = NODE_SET_BYTES, .bytes = (uint64_t)bytes};
	struct vfs_path found;
	int result;

	if (bytes < 0)
		return (int)posix_result(-EINVAL);
	sig_hold();
	result = vfs_walk(AT_FDCWD, path, 0, NULL, &found);
	if (result == 0) {
		if (node_is(found.node, NODE_DIRECTORY))
			result = -EISDIR;
		else if (!node_is(found.node, NODE_FILE))
			result = -EINVAL;
		else
			result = vfs_change(found.node, &change);
		vfs_path_put(&found);
	}
	sig_release();
	return (int)posix_result(result);
}
