/* SPDX-License-Identifier: BSD-2-Clause */
/* Walking paths.
 *
 * Lock: cwd.lock, over nothing else, for as long as it takes to count a reference. */
#include "lib/posix/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "core/heap.h"
#include "lib/posix/mount.h"
#include "lib/posix/names.h"
#include "lib/posix/names_path.h"
#include "xen/spinlock.h"

static struct {
	struct spinlock lock;
	struct node *node; /* NULL: the root */
} cwd;

struct node *vfs_cwd(void)
{
	int result;
	struct node *node = mounts_root(&result);
	bool enabled = spin_lock_events(&cwd.lock);

	if (cwd.node)
		node = cwd.node;
	node_get(node);
	spin_unlock_events(&cwd.lock, enabled);
	return node;
}

int vfs_set_cwd(struct node *directory)
{
	struct node *old;
	bool enabled;

	if (!node_is(directory, NODE_DIRECTORY))
		return -ENOTDIR;
	node_get(directory);
	enabled = spin_lock_events(&cwd.lock);
	old = cwd.node;
	cwd.node = directory;
	spin_unlock_events(&cwd.lock, enabled);
	if (old)
		node_put(old);
	return 0;
}

int vfs_parent(struct node *directory, struct node **node_out)
{
	struct fs *fs = directory->fs;
	int result;

	if (directory == fs->root) {
		*node_out = mounts_parent(directory);
		if (!*node_out) {
			*node_out = directory;
			node_get(directory);
		}
		return 0;
	}
	sleeplock_lock(&fs->names);
	result = directory->ops->parent(directory, node_out);
	sleeplock_unlock(&fs->names);
	return result;
}

static void move_to(struct vfs_path *at, struct node *node)
{
	node_put(at->node);
	at->node = node;
}

/* Adds a name to the path that is kept. */
static int append(struct vfs_path *at, const char *name, size_t name_bytes)
{
	bool slash = at->path_bytes > 1;

	if (at->path_bytes + slash + name_bytes >= PATH_MAX)
		return -ENAMETOOLONG;
	if (slash)
		at->path[at->path_bytes++] = '/';
	memcpy(at->path + at->path_bytes, name, name_bytes);
	at->path_bytes += name_bytes;
	at->path[at->path_bytes] = '\0';
	return 0;
}

static int ascend(struct vfs_path *at)
{
	struct node *parent;
	int result = vfs_parent(at->node, &parent);

	if (result)
		return result;
	move_to(at, parent);
	if (at->path) {
		/* Its path is ours without the last name. */
		while (at->path_bytes > 1 && at->path[--at->path_bytes] != '/')
			;
		if (at->path_bytes == 0)
			at->path_bytes = 1;
		at->path[at->path_bytes] = '\0';
	}
	return 0;
}

static int to_root(struct vfs_path *at)
{
	int result = 0;
	struct node *root = mounts_root(&result);

	if (!root)
		return result;
	node_get(root);
	move_to(at, root);
	if (at->path) {
		memcpy(at->path, "/", 2);
		at->path_bytes = 1;
	}
	return 0;
}

/* Replaces what is left to walk by the link's target and what followed, slashes included. */
static int follow(struct vfs_path *at, struct node *link, const char **rest)
{
	size_t rest_bytes = strlen(*rest);
	int64_t target_bytes;
	char *text;

	if (++at->links > SYMLOOP_MAX)
		return -ELOOP;
	if (!at->storage)
		at->storage = heap_alloc(2 * PATH_MAX);
	if (!at->storage)
		return -ENOMEM;
	/* The half that rest does not lie in. */
	text = at->storage;
	if (*rest >= text && *rest < text + PATH_MAX)
		text += PATH_MAX;
	target_bytes = link->ops->readlink(link, text, PATH_MAX);
	if (target_bytes < 0)
		return (int)target_bytes;
	if (target_bytes == 0)
		return -ENOENT;
	if ((size_t)target_bytes + rest_bytes >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(text + target_bytes, *rest, rest_bytes + 1);
	*rest = text;
	return text[0] == '/' ? to_root(at) : 0;
}

/* `.` and `..`: true when the name is one of them. */
static bool step_dots(struct vfs_path *at, const char *name, size_t name_bytes, int *result_out)
{
	if (name[0] != '.' || name_bytes > 2 || (name_bytes == 2 && name[1] != '.'))
		return false;
	at->last = name_bytes == 1 ? VFS_LAST_DOT : VFS_LAST_DOTDOT;
	*result_out = name_bytes == 1 ? 0 : ascend(at);
	return true;
}

/* One component. *rest is at its first character, then at what follows it. */
static int step(struct vfs_path *at, const char **rest, unsigned int flags)
{
	const char *name = *rest, *end = name, *next;
	uint32_t hash = NAMES_HASH_SEED;
	size_t name_bytes;
	struct node *node;
	bool is_last;
	int result;

	for (; *end && *end != '/'; end++)
		hash = names_hash_step(hash, *end);
	for (next = end; *next == '/'; next++)
		;
	name_bytes = (size_t)(end - name);
	is_last = *next == '\0';
	if (!node_is(at->node, NODE_DIRECTORY))
		return -ENOTDIR;
	if (name_bytes > NAME_MAX)
		return -ENAMETOOLONG;
	*rest = next;
	if (step_dots(at, name, name_bytes, &result))
		return result;
	at->last = VFS_LAST_NAME;
	at->has_slash = next != end;
	if (is_last && (flags & (VFS_PARENT | VFS_CREATE))) {
		at->name = name;
		at->name_bytes = name_bytes;
		if (flags & VFS_PARENT)
			return 0;
	}
	result = names_lookup(at->node, name, name_bytes, hash, &node);
	if (result) {
		at->is_missing = is_last && result == -ENOENT && (flags & VFS_CREATE);
		return at->is_missing ? 0 : result;
	}
	/* A link followed by a slash is never the answer itself. */
	if (node_is(node, NODE_LINK) && !(is_last && !at->has_slash && (flags & VFS_NOFOLLOW))) {
		*rest = end;
		result = follow(at, node, rest);
		node_put(node);
		return result;
	}
	move_to(at, node);
	if (is_last && at->has_slash && !node_is(node, NODE_DIRECTORY))
		return -ENOTDIR;
	return at->path ? append(at, name, name_bytes) : 0;
}

/* The node of a descriptor that a path begins at. */
static int begin_at(int at, bool any, struct vfs_path *found)
{
	int result = vfs_node_of(at, &found->node);

	if (result)
		return result == -EINVAL ? -ENOTDIR : result;
	if (any || node_is(found->node, NODE_DIRECTORY))
		return 0;
	node_put(found->node);
	found->node = NULL;
	return -ENOTDIR;
}

static int begin(int at, const char *path, unsigned int flags, struct vfs_path *found)
{
	int result = 0;
	struct node *root = mounts_root(&result);
	ssize_t bytes;

	if (!root)
		return result;
	if (path[0] == '/') {
		node_get(root);
		found->node = root;
	} else if (at == AT_FDCWD) {
		found->node = vfs_cwd();
	} else {
		result = begin_at(at, flags & VFS_EMPTY, found);
		if (result)
			return result;
	}
	if (found->path) {
		bytes = vfs_path_of(found->node, found->path, PATH_MAX);
		if (bytes < 0)
			return bytes == -ERANGE ? -ENAMETOOLONG : (int)bytes;
		found->path_bytes = (size_t)bytes - 1;
	}
	return 0;
}

static int walk(int at, const char *path, unsigned int flags, char *path_out,
		struct vfs_path *found)
{
	const char *rest = path;
	int result;

	found->node = NULL;
	found->name = NULL;
	found->name_bytes = 0;
	found->last = VFS_LAST_ROOT;
	found->is_missing = found->has_slash = false;
	found->path = path_out;
	found->storage = NULL;
	found->links = 0;
	if (path[0] != '\0')
		flags &= ~VFS_EMPTY;
	else if (!(flags & VFS_EMPTY))
		return -ENOENT;
	result = begin(at, path, flags, found);
	while (result == 0) {
		while (*rest == '/')
			rest++;
		if (!*rest)
			break;
		result = step(found, &rest, flags);
		if (found->links == 0 && rest - path >= PATH_MAX)
			result = -ENAMETOOLONG;
	}
	if (result)
		vfs_path_put(found);
	return result;
}

int vfs_walk(int at, const char *path, unsigned int flags, char *path_out, struct vfs_path *found)
{
	bool is_simple = path[0] == '/' && !path_out && !(flags & (VFS_NOFOLLOW | VFS_PARENT));
	uint32_t generation;
	int result;

	if (!is_simple)
		return walk(at, path, flags, path_out, found);
	found->node = names_path_recall(path);
	found->storage = NULL;
	found->is_missing = false;
	if (__builtin_expect(found->node != NULL, 1))
		return 0;
	generation = names_path_generation();
	result = walk(at, path, flags, NULL, found);
	if (result == 0 && !found->is_missing)
		names_path_remember(path, found->node, generation);
	return result;
}

void vfs_path_put(struct vfs_path *found)
{
	if (found->node)
		node_put(found->node);
	if (found->storage)
		heap_free(found->storage);
}

int vfs_node_of(int fd, struct node **node_out)
{
	struct file *file = fd_get(fd);
	int result = -EBADF;

	*node_out = NULL;
	if (!file)
		return result;
	result = -EINVAL;
	if (file->node) {
		*node_out = file->node;
		node_get(file->node);
		result = 0;
	}
	file_put(file);
	return result;
}
