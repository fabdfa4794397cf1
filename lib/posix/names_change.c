/* SPDX-License-Identifier: BSD-2-Clause */
/* Making and removing names: mkdir, link, unlink, rename and their relatives. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/posix/names.h"
#include "lib/posix/newlib.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"

static int create_at(int at, const char *path, const struct node_new *what)
{
	struct vfs_path found;
	int result;

	sig_hold();
	result = vfs_walk(at, path, VFS_PARENT, NULL, &found);
	if (result == 0) {
		result = vfs_create(&found, what, NULL);
		vfs_path_put(&found);
	}
	sig_release();
	return (int)posix_result(result);
}

static uint32_t permissions(mode_t mode)
{
	return (uint32_t)(mode & NODE_PERMISSIONS & ~vfs_umask());
}

int mkdirat(int at, const char *path, mode_t mode)
{
	return create_at(at, path, &(struct node_new){.mode = NODE_DIRECTORY | permissions(mode)});
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int mkfifoat(int at, const char *path, mode_t mode)
{
	return create_at(at, path, &(struct node_new){.mode = NODE_FIFO | permissions(mode)});
}

int mkfifo(const char *path, mode_t mode)
{
	return mkfifoat(AT_FDCWD, path, mode);
}

int mknodat(int at, const char *path, mode_t mode, dev_t device)
{
	struct node_new what = {.mode = (uint32_t)(mode & S_IFMT) | permissions(mode)};

	switch (mode & S_IFMT) {
	case 0:
		what.mode |= NODE_FILE;
		break;
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFCHR:
	case S_IFBLK:
		what.device = (uint32_t)device;
		break;
	case S_IFDIR:
		return (int)posix_result(-EPERM);
	default:
		return (int)posix_result(-EINVAL);
	}
	return create_at(at, path, &what);
}

int mknod(const char *path, mode_t mode, dev_t device)
{
	return mknodat(AT_FDCWD, path, mode, device);
}

int symlinkat(const char *target, int at, const char *path)
{
	size_t bytes = strnlen(target, PATH_MAX);

	if (bytes == 0 || bytes == PATH_MAX)
		return (int)posix_result(bytes ? -ENAMETOOLONG : -ENOENT);
	return create_at(at, path,
			 &(struct node_new){.mode = NODE_LINK | 0777,
					    .target = target,
					    .target_bytes = bytes});
}

int symlink(const char *target, const char *path)
{
	return symlinkat(target, AT_FDCWD, path);
}

/* Another name for node. found: VFS_PARENT. Its names are locked. */
static int link_locked(struct node *node, const struct vfs_path *found)
{
	struct node *directory = found->node, *old;
	int result = names_lookup_locked(directory, found->name, found->name_bytes, &old);

	if (result == 0) {
		node_put(old);
		return -EEXIST;
	}
	if (result != -ENOENT)
		return result;
	if (node->fs != directory->fs)
		return -EXDEV;
	if (found->has_slash)
		return -ENOENT;
	if (directory->fs->read_only)
		return -EROFS;
	if (!directory->ops->link)
		return -EPERM;
	result = directory->ops->link(directory, found->name, found->name_bytes, node);
	if (result == 0)
		names_set(directory, found->name, found->name_bytes, node);
	return result;
}

static int link_to(struct node *node, int at, const char *path)
{
	struct vfs_path found;
	int result = vfs_walk(at, path, VFS_PARENT, NULL, &found);

	if (result)
		return result;
	if (!node_is(found.node, NODE_DIRECTORY)) {
		result = -ENOTDIR;
	} else if (found.last != VFS_LAST_NAME) {
		result = -EEXIST;
	} else {
		sleeplock_lock(&found.node->fs->names);
		result = link_locked(node, &found);
		sleeplock_unlock(&found.node->fs->names);
	}
	vfs_path_put(&found);
	return result;
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
	unsigned int walk = (flags & AT_SYMLINK_FOLLOW ? 0 : VFS_NOFOLLOW) |
			    (flags & AT_EMPTY_PATH ? VFS_EMPTY : 0);
	struct vfs_path found;
	int result;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return (int)posix_result(-EINVAL);
	sig_hold();
	result = vfs_walk(from_at, from, walk, NULL, &found);
	if (result == 0) {
		result = node_is(found.node, NODE_DIRECTORY) ? -EPERM
							     : link_to(found.node, to_at, to);
		vfs_path_put(&found);
	}
	sig_release();
	return (int)posix_result(result);
}

/* A symbolic link gets another name itself, as on Linux. */
int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* What is under the name, which is found->node->fs's own: with a reference. Names are locked. */
static int find_own(const struct vfs_path *found, struct node **node_out)
{
	int result = names_lookup_locked(found->node, found->name, found->name_bytes, node_out);

	if (result)
		return result;
	/* Something is mounted there. */
	if ((*node_out)->fs != found->node->fs) {
		node_put(*node_out);
		return -EBUSY;
	}
	return 0;
}

static int may_unlink(const struct vfs_path *found, const struct node *node, bool is_rmdir)
{
	bool is_directory = node_is(node, NODE_DIRECTORY);

	if (is_rmdir && !is_directory)
		return -ENOTDIR;
	if (!is_rmdir && is_directory)
		return -EPERM;
	if (found->has_slash && !is_directory)
		return -ENOTDIR;
	if (node->fs->read_only || !found->node->ops->unlink)
		return -EROFS;
	return is_directory && (node->flags & NODE_HAS_MOUNTS) ? -EBUSY : 0;
}

static int unlink_locked(const struct vfs_path *found, bool is_rmdir)
{
	struct node *directory = found->node, *node;
	int result = find_own(found, &node);

	if (result)
		return result;
	result = may_unlink(found, node, is_rmdir);
	if (result == 0)
		result = directory->ops->unlink(directory, found->name, found->name_bytes, node);
	if (result == 0) {
		names_set(directory, found->name, found->name_bytes, NULL);
		if (is_rmdir)
			names_forget_directory(node);
	}
	node_put(node);
	return result;
}

static int unlink_found(const struct vfs_path *found, bool is_rmdir)
{
	int result;

	if (!node_is(found->node, NODE_DIRECTORY))
		return -ENOTDIR;
	switch (found->last) {
	case VFS_LAST_ROOT:
		return is_rmdir ? -EBUSY : -EPERM;
	case VFS_LAST_DOT:
		return is_rmdir ? -EINVAL : -EPERM;
	case VFS_LAST_DOTDOT:
		return is_rmdir ? -ENOTEMPTY : -EPERM;
	default:
		break;
	}
	sleeplock_lock(&found->node->fs->names);
	result = unlink_locked(found, is_rmdir);
	sleeplock_unlock(&found->node->fs->names);
	return result;
}

static int unlink_at(int at, const char *path, bool is_rmdir)
{
	struct vfs_path found;
	int result;

	sig_hold();
	result = vfs_walk(at, path, VFS_PARENT, NULL, &found);
	if (result == 0) {
		result = unlink_found(&found, is_rmdir);
		vfs_path_put(&found);
	}
	sig_release();
	return (int)posix_result(result);
}

int unlink(const char *path)
{
	return unlink_at(AT_FDCWD, path, false);
}

int rmdir(const char *path)
{
	return unlink_at(AT_FDCWD, path, true);
}

int unlinkat(int at, const char *path, int flags)
{
	if (flags & ~AT_REMOVEDIR)
		return (int)posix_result(-EINVAL);
	return unlink_at(at, path, flags & AT_REMOVEDIR);
}

/* Whether directory is below or the same as above; both of one file system, whose names are locked.
 */
static int is_below(struct node *directory, const struct node *above)
{
	struct node *at = directory, *parent;
	int result = 0;

	node_get(at);
	while (at != above && at != at->fs->root && result == 0) {
		result = at->ops->parent(at, &parent);
		if (result == 0) {
			node_put(at);
			at = parent;
		}
	}
	if (result == 0)
		result = at == above;
	node_put(at);
	return result;
}

/* What rename() asks of the two nodes; replaced may be NULL. */
static int may_rename(const struct vfs_path *from, const struct vfs_path *to, struct node *node,
		      struct node *replaced)
{
	bool is_directory = node_is(node, NODE_DIRECTORY);
	int result;

	if ((from->has_slash || to->has_slash) && !is_directory)
		return -ENOTDIR;
	if (replaced && is_directory && !node_is(replaced, NODE_DIRECTORY))
		return -ENOTDIR;
	if (replaced && !is_directory && node_is(replaced, NODE_DIRECTORY))
		return -EISDIR;
	if (node->fs->read_only || !from->node->ops->rename)
		return -EROFS;
	if (replaced && (replaced->flags & NODE_HAS_MOUNTS))
		return -EBUSY;
	if (!is_directory)
		return 0;
	result = is_below(to->node, node);
	return result > 0 ? -EINVAL : result;
}

static int rename_nodes(const struct vfs_path *from, const struct vfs_path *to, struct node *node,
			struct node *replaced)
{
	int result;

	/* Two names of one file: nothing is to be done, and both stay. */
	if (node == replaced)
		return 0;
	result = may_rename(from, to, node, replaced);
	if (result)
		return result;
	result = from->node->ops->rename(from->node, from->name, from->name_bytes, to->node,
					 to->name, to->name_bytes, node, replaced);
	if (result)
		return result;
	names_set(from->node, from->name, from->name_bytes, NULL);
	names_set(to->node, to->name, to->name_bytes, node);
	if (replaced && node_is(replaced, NODE_DIRECTORY))
		names_forget_directory(replaced);
	return 0;
}

/* The names of both, which is one file system's, are locked. */
static int rename_locked(const struct vfs_path *from, const struct vfs_path *to)
{
	struct node *node, *replaced = NULL;
	int result = find_own(from, &node);

	if (result)
		return result;
	result = find_own(to, &replaced);
	if (result)
		replaced = NULL;
	if (result == 0 || result == -ENOENT)
		result = rename_nodes(from, to, node, replaced);
	if (replaced)
		node_put(replaced);
	node_put(node);
	return result;
}

static int rename_found(const struct vfs_path *from, const struct vfs_path *to)
{
	int result;

	if (!node_is(from->node, NODE_DIRECTORY) || !node_is(to->node, NODE_DIRECTORY))
		return -ENOTDIR;
	if (from->last == VFS_LAST_ROOT || to->last == VFS_LAST_ROOT)
		return -EBUSY;
	if (from->last != VFS_LAST_NAME || to->last != VFS_LAST_NAME)
		return -EINVAL;
	if (from->node->fs != to->node->fs) {
		struct node *node;

		/* What is not there is not on another file system either. */
		result = names_lookup(from->node, from->name, from->name_bytes,
				      names_hash(from->name, from->name_bytes), &node);
		if (result == 0)
			node_put(node);
		return result ? result : -EXDEV;
	}
	sleeplock_lock(&from->node->fs->names);
	result = rename_locked(from, to);
	sleeplock_unlock(&from->node->fs->names);
	return result;
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
	struct vfs_path found, target;
	int result;

	sig_hold();
	result = vfs_walk(from_at, from, VFS_PARENT, NULL, &found);
	if (result == 0) {
		result = vfs_walk(to_at, to, VFS_PARENT, NULL, &target);
		if (result == 0) {
			result = rename_found(&found, &target);
			vfs_path_put(&target);
		}
		vfs_path_put(&found);
	}
	sig_release();
	return (int)posix_result(result);
}

/* newlib's rename() calls this. */
int _rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}
