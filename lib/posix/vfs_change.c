/* SPDX-License-Identifier: BSD-2-Clause */
/* What the calls that make names and change attributes have in common. */
#include <errno.h>
#include <string.h>

#include "lib/posix/names.h"
#include "lib/posix/vfs.h"

int vfs_change(struct node *node, const struct node_change *change)
{
	if (node->fs->read_only)
		return -EROFS;
	if (!node->ops->setattr)
		return change->what & NODE_SET_BYTES ? -EINVAL : -EPERM;
	return node->ops->setattr(node, change);
}

/* found->node->fs->names held. */
static int create_locked(const struct vfs_path *found, const struct node_new *what,
			 struct node **node_out)
{
	struct node *directory = found->node;
	int result = -ENOENT;

	/* A file without a name is in nobody's way. */
	if (found->name_bytes > 0)
		result = names_lookup_locked(directory, found->name, found->name_bytes, node_out);
	if (result == 0) {
		node_put(*node_out);
		return -EEXIST;
	}
	if (result != -ENOENT)
		return result;
	/* Only a directory's name may end in a slash. */
	if (found->has_slash && found->name_bytes > 0 && (what->mode & NODE_TYPE) != NODE_DIRECTORY)
		return -ENOENT;
	if (directory->fs->read_only || !directory->ops->create)
		return -EROFS;
	result = directory->ops->create(directory, found->name, found->name_bytes, what, node_out);
	if (result == 0 && found->name_bytes > 0)
		names_set(directory, found->name, found->name_bytes, *node_out);
	return result;
}

int vfs_create(const struct vfs_path *found, const struct node_new *what, struct node **node_out)
{
	struct node *node;
	int result;

	if (!node_is(found->node, NODE_DIRECTORY))
		return -ENOTDIR;
	if (found->last != VFS_LAST_NAME)
		return -EEXIST;
	sleeplock_lock(&found->node->fs->names);
	result = create_locked(found, what, &node);
	sleeplock_unlock(&found->node->fs->names);
	if (result)
		return result;
	if (node_out)
		*node_out = node;
	else
		node_put(node);
	return 0;
}
