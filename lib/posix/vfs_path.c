/* SPDX-License-Identifier: BSD-2-Clause */
/* The way back from a directory to its path: up to the root, asking each directory for the name of
 * the one we came from. Nothing has to be kept right when directories are renamed. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/posix/mount.h"
#include "lib/posix/vfs.h"

struct search {
	uint64_t number;
	char *end; /* where the name is put before */
	size_t room;
	int result;
};

static int on_name(void *context, const char *name, size_t name_bytes, uint64_t number,
		   uint32_t mode, uint64_t next)
{
	struct search *search = context;

	(void)next;
	if (number != search->number || (mode & NODE_TYPE) != NODE_DIRECTORY)
		return 0;
	search->result = name_bytes + 1 > search->room ? -ERANGE : (int)name_bytes + 1;
	if (search->result > 0) {
		memcpy(search->end - name_bytes, name, name_bytes);
		search->end[-(ssize_t)name_bytes - 1] = '/';
	}
	return 1;
}

/* Puts `/NAME` of directory, which is in parent, before search->end. */
static int put_name(struct node *directory, struct node *parent, struct search *search)
{
	const char *mounted = directory == directory->fs->root ? mounts_name_of(directory) : NULL;
	struct node_info info;
	uint64_t cursor = 0;
	int result;

	search->result = -ENOENT;
	if (mounted) {
		search->number = 0;
		(void)on_name(search, mounted, strlen(mounted), 0, NODE_DIRECTORY, 0);
		return search->result;
	}
	result = directory->ops->stat(directory, &info);
	if (result)
		return result;
	search->number = info.number;
	sleeplock_lock(&parent->fs->names);
	result = parent->ops->list(parent, &cursor, on_name, search);
	sleeplock_unlock(&parent->fs->names);
	return result ? result : search->result;
}

ssize_t vfs_path_of(struct node *directory, char *path_out, size_t bytes_max)
{
	/* Grows downwards from the end of the caller's buffer. */
	struct search search = {.end = path_out + bytes_max - 1, .room = bytes_max - 1};
	struct node *at = directory, *parent;
	size_t bytes;
	int result = 0;

	if (bytes_max < 2)
		return -ERANGE;
	*search.end = '\0';
	node_get(at);
	for (;;) {
		result = vfs_parent(at, &parent);
		if (result)
			break;
		if (parent != at)
			result = put_name(at, parent, &search);
		node_put(at);
		if (parent == at || result < 0) {
			at = parent;
			break;
		}
		search.end -= result;
		search.room -= (size_t)result;
		at = parent;
	}
	node_put(at);
	if (result < 0)
		return result;
	if (!*search.end)
		*--search.end = '/';
	bytes = (size_t)(path_out + bytes_max - search.end);
	memmove(path_out, search.end, bytes);
	return (ssize_t)bytes;
}
