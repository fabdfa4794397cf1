/* SPDX-License-Identifier: BSD-2-Clause */
/* Walking paths. The walk carries the canonical path of where it is, so that `..` needs nothing of
 * a file system and getcwd() and realpath() come for free.
 *
 * Locks: root_lock sleeps while the first walk reads the ramdisk; mounts and root do not change
 * after that. cwd.lock is held over a copy of the path and a reference to the node. */
#include "lib/posix/vfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "lib/posix/sig.h"
#include "xen/spinlock.h"

#define MOUNTS_MAX 8

static struct {
	struct node *parent;
	const char *name;
	struct node *root;
} mounts[MOUNTS_MAX];
static size_t mounts_count;

static struct sleeplock root_lock;
static struct node *root;
static struct {
	struct spinlock lock;
	struct node *node; /* NULL: the root */
	char path[PATH_MAX];
} cwd = {.path = "/"};

int vfs_mount(struct node *parent, const char *name, struct node *mounted)
{
	if (mounts_count == MOUNTS_MAX)
		return -ENOMEM;
	mounts[mounts_count].parent = parent;
	mounts[mounts_count].name = name;
	mounts[mounts_count++].root = mounted;
	return 0;
}

const char *vfs_mounted_name(const struct node *directory, size_t index)
{
	for (size_t i = 0; i < mounts_count; i++)
		if (mounts[i].parent == directory && index-- == 0)
			return mounts[i].name;
	return NULL;
}

static int find_root(void)
{
	struct node *found = NULL;
	int result = 0;

	if (__atomic_load_n(&root, __ATOMIC_ACQUIRE))
		return 0;
	sig_hold();
	sleeplock_lock(&root_lock);
	if (!root) {
		result = ramdisk_root(&found);
		if (result == 0)
			result = vfs_mount(found, "dev", devices_root());
		/* Whoever sees it sees the mounts too. */
		if (result == 0)
			__atomic_store_n(&root, found, __ATOMIC_RELEASE);
	}
	sleeplock_unlock(&root_lock);
	sig_release();
	return result;
}

static int lookup(struct node *directory, const char *name, size_t name_bytes,
		  struct node **node_out)
{
	for (size_t i = 0; i < mounts_count; i++) {
		if (mounts[i].parent == directory && strlen(mounts[i].name) == name_bytes &&
		    memcmp(mounts[i].name, name, name_bytes) == 0) {
			*node_out = mounts[i].root;
			node_get(*node_out);
			return 0;
		}
	}
	return directory->ops->lookup(directory, name, name_bytes, node_out);
}

static void move_to(struct vfs_path *at, struct node *node)
{
	node_put(at->node);
	at->node = node;
}

static int append(struct vfs_path *at, const char *name, size_t name_bytes)
{
	bool slash = at->path_bytes > 1;

	if (at->path_bytes + slash + name_bytes >= sizeof(at->path))
		return -ENAMETOOLONG;
	if (slash)
		at->path[at->path_bytes++] = '/';
	memcpy(at->path + at->path_bytes, name, name_bytes);
	at->path_bytes += name_bytes;
	at->path[at->path_bytes] = '\0';
	return 0;
}

static void to_root(struct vfs_path *at)
{
	move_to(at, root);
	node_get(root);
	memcpy(at->path, "/", 2);
	at->path_bytes = 1;
}

/* To the parent: its canonical path is ours without the last name, and holds no links. */
static int ascend(struct vfs_path *at)
{
	const char *name = at->path + 1;
	struct node *node;
	int result;

	while (at->path_bytes > 1 && at->path[--at->path_bytes] != '/')
		;
	at->path[at->path_bytes] = '\0';
	if (at->path_bytes == 0 || at->path_bytes == 1) {
		to_root(at);
		return 0;
	}
	node_get(root);
	move_to(at, root);
	while (*name) {
		size_t name_bytes = strcspn(name, "/");

		result = lookup(at->node, name, name_bytes, &node);
		if (result)
			return result;
		move_to(at, node);
		name += name_bytes + (name[name_bytes] == '/');
	}
	return 0;
}

/* Replaces what is left to walk by the link's target and what followed. rest may lie in storage. */
static int follow(struct vfs_path *at, struct node *link, const char **rest)
{
	size_t rest_bytes = strlen(*rest);
	char target[PATH_MAX];
	ssize_t target_bytes = link->ops->readlink(link, target, sizeof(target) - 1);

	if (target_bytes < 0)
		return (int)target_bytes;
	if (target_bytes == 0)
		return -ENOENT;
	if ((size_t)target_bytes + rest_bytes + 1 >= sizeof(at->storage))
		return -ENAMETOOLONG;
	memmove(at->storage + target_bytes + 1, *rest, rest_bytes + 1);
	memcpy(at->storage, target, (size_t)target_bytes);
	/* Two slashes in a row are one. */
	at->storage[target_bytes] = rest_bytes ? '/' : '\0';
	if (target[0] == '/')
		to_root(at);
	*rest = at->storage;
	return 0;
}

/* One component; *rest is what follows it. */
static int step(struct vfs_path *at, const char *name, size_t name_bytes, const char **rest,
		unsigned int flags, unsigned int *links)
{
	bool last = **rest == '\0';
	struct node *node;
	int result;

	if (!S_ISDIR(at->node->mode))
		return -ENOTDIR;
	if (name_bytes > NAME_MAX)
		return -ENAMETOOLONG;
	if (name_bytes == 1 && name[0] == '.')
		return 0;
	if (name_bytes == 2 && name[0] == '.' && name[1] == '.')
		return ascend(at);
	if ((flags & VFS_PARENT) && (*rest)[strspn(*rest, "/")] == '\0') {
		at->name = name;
		at->name_bytes = name_bytes;
		*rest += strlen(*rest);
		return 0;
	}
	result = lookup(at->node, name, name_bytes, &node);
	if (result)
		return result;
	/* A link followed by a slash is never the answer itself. */
	if (S_ISLNK(node->mode) && !(last && (flags & VFS_NOFOLLOW))) {
		result = ++*links > SYMLOOP_MAX ? -ELOOP : follow(at, node, rest);
		node_put(node);
		return result;
	}
	move_to(at, node);
	return append(at, name, name_bytes);
}

static int begin(int at, const char *path, struct vfs_path *found)
{
	int result = find_root();
	struct file *file;

	if (result)
		return result;
	found->node = root;
	found->name_bytes = 0;
	if (path[0] == '/') {
		node_get(root);
		memcpy(found->path, "/", 2);
	} else if (at == AT_FDCWD) {
		bool enabled = spin_lock_events(&cwd.lock);

		if (cwd.node)
			found->node = cwd.node;
		node_get(found->node);
		strcpy(found->path, cwd.path);
		spin_unlock_events(&cwd.lock, enabled);
	} else {
		file = fd_get(at);
		if (!file)
			return -EBADF;
		if (!file->node || !file->path) {
			file_put(file);
			return -ENOTDIR;
		}
		found->node = file->node;
		node_get(found->node);
		strcpy(found->path, file->path);
		file_put(file);
	}
	found->path_bytes = strlen(found->path);
	return 0;
}

int vfs_walk(int at, const char *path, unsigned int flags, struct vfs_path *found)
{
	unsigned int links = 0;
	int result;

	if (path[0] == '\0')
		return -ENOENT;
	if (strnlen(path, PATH_MAX) == PATH_MAX)
		return -ENAMETOOLONG;
	result = begin(at, path, found);
	if (result)
		return result;
	while (result == 0 && *path) {
		const char *name = path + strspn(path, "/");
		size_t name_bytes = strcspn(name, "/");

		path = name + name_bytes;
		if (name_bytes > 0)
			result = step(found, name, name_bytes, &path, flags, &links);
		else if (!S_ISDIR(found->node->mode))
			result = -ENOTDIR;
	}
	if (result)
		vfs_path_put(found);
	return result;
}

void vfs_path_put(struct vfs_path *found)
{
	node_put(found->node);
}

size_t vfs_cwd(char *path_out, size_t bytes_max)
{
	bool enabled = spin_lock_events(&cwd.lock);
	size_t bytes = strlen(cwd.path) + 1;

	if (bytes <= bytes_max)
		memcpy(path_out, cwd.path, bytes);
	spin_unlock_events(&cwd.lock, enabled);
	return bytes;
}

int vfs_set_cwd(const struct vfs_path *found)
{
	struct node *old;
	bool enabled;

	if (!S_ISDIR(found->node->mode))
		return -ENOTDIR;
	node_get(found->node);
	enabled = spin_lock_events(&cwd.lock);
	old = cwd.node;
	cwd.node = found->node;
	memcpy(cwd.path, found->path, found->path_bytes + 1);
	spin_unlock_events(&cwd.lock, enabled);
	if (old)
		node_put(old);
	return 0;
}

int dirents_add(struct dirents *dirents, const char *name, size_t name_bytes, ino_t number,
		mode_t mode, off_t next)
{
	struct dirent *entry = (struct dirent *)(dirents->buffer + dirents->used);
	size_t bytes = (offsetof(struct dirent, d_name) + name_bytes + 1 + 7) & ~7UL;

	if (name_bytes > NAME_MAX || dirents->bytes_max - dirents->used < bytes)
		return -ENOSPC;
	memset(entry, 0, bytes);
	entry->d_fileno = number;
	entry->d_off = next;
	entry->d_reclen = (uint16_t)bytes;
	entry->d_type = (uint8_t)IFTODT(mode);
	entry->d_namlen = (uint16_t)name_bytes;
	memcpy(entry->d_name, name, name_bytes);
	dirents->used += bytes;
	return 0;
}
