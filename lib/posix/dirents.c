/* SPDX-License-Identifier: BSD-2-Clause */
/* Listing directories: `.`, `..`, the file system's names, and what is mounted on names it does not
 * have. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "lib/posix/file_parts.h"
#include "lib/posix/mount.h"
#include "lib/posix/vfs.h"

/* Where a listing stands, in an off_t: 0 `.`, 1 `..`, then the file system's cursor + NAMES_FIRST,
 * then mounts. */
#define NAMES_FIRST  2
#define MOUNTS_FIRST ((off_t)1 << 62)

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

struct listing {
	struct dirents *dirents;
	bool is_full;
};

static int on_name(void *context, const char *name, size_t name_bytes, uint64_t number,
		   uint32_t mode, uint64_t next)
{
	struct listing *listing = context;

	if (dirents_add(listing->dirents, name, name_bytes, (ino_t)number, (mode_t)mode,
			(off_t)next + NAMES_FIRST))
		listing->is_full = true;
	return listing->is_full;
}

static int add_names(struct node *directory, struct dirents *dirents, off_t *offset)
{
	struct listing listing = {dirents, false};
	uint64_t cursor = (uint64_t)(*offset - NAMES_FIRST);
	int result;

	sleeplock_lock(&directory->fs->names);
	result = directory->ops->list(directory, &cursor, on_name, &listing);
	sleeplock_unlock(&directory->fs->names);
	if (result)
		return result;
	*offset = listing.is_full ? (off_t)cursor + NAMES_FIRST : MOUNTS_FIRST;
	return listing.is_full ? -ENOSPC : 0;
}

static int add_dots(struct node *directory, struct dirents *dirents, off_t *offset)
{
	for (; *offset < NAMES_FIRST; ++*offset) {
		struct node *node = directory;
		struct node_info info;
		int result = 0;

		node_get(node);
		if (*offset == 1) {
			node_put(node);
			result = vfs_parent(directory, &node);
			/* A directory that was removed is in none. */
			if (result)
				return 0;
		}
		result = node->ops->stat(node, &info);
		node_put(node);
		if (result == 0)
			result = dirents_add(dirents, "..", (size_t)*offset + 1, (ino_t)info.number,
					     S_IFDIR, *offset + 1);
		if (result)
			return result;
	}
	return 0;
}

static int add_mounts(struct node *directory, struct dirents *dirents, off_t *offset)
{
	struct node *root, *node;
	const char *name;

	while ((name = mounts_name(directory, (size_t)(*offset - MOUNTS_FIRST), &root)) != NULL) {
		struct node_info info;
		int result;

		sleeplock_lock(&directory->fs->names);
		result = directory->ops->lookup(directory, name, strlen(name), &node);
		sleeplock_unlock(&directory->fs->names);
		if (result == 0) {
			node_put(node);
		} else {
			result = root->ops->stat(root, &info);
			if (result == 0)
				result = dirents_add(dirents, name, strlen(name),
						     (ino_t)info.number, S_IFDIR, *offset + 1);
			if (result)
				return result;
		}
		++*offset;
	}
	return 0;
}

ssize_t directory_getdents(struct file *file, void *dirents_out, size_t bytes_max, off_t *offset)
{
	struct dirents dirents = {dirents_out, bytes_max, 0};
	struct node *directory = file->node;
	int result = add_dots(directory, &dirents, offset);

	if (result == 0 && *offset < MOUNTS_FIRST)
		result = add_names(directory, &dirents, offset);
	if (result == 0)
		result = add_mounts(directory, &dirents, offset);
	if (dirents.used > 0)
		return (ssize_t)dirents.used;
	return result == -ENOSPC ? -EINVAL : result;
}
