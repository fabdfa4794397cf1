/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of what is mounted. A mount is an entry of the name cache that stays (names.h), so that
 * looking a name up costs nothing more for it; the table is for the way back and for listings.
 *
 * Locks: mounting, asleep while file systems are mounted; taken before any fs->names. The table
 * only grows, its length last.
 */
#include "lib/posix/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/blkdev.h"
#include "core/heap.h"
#include "core/thread.h"
#include "core/time.h"
#include "lib/posix/names.h"
#include "lib/posix/mount_parts.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"

/* Absent in images without disks. */
#pragma weak blkdev_wait
#pragma weak blkdev_put

/* How long a disk may take that the toolstack has announced. */
#define DISK_NS (30 * NS_PER_S)

static struct {
	struct sleeplock lock;
	struct thread *owner; /* who mounts: what it looks up meanwhile is what there is so far */
	size_t count;
	struct mount {
		struct node *parent; /* NULL: the root */
		const char *name;
		struct fs *fs;
	} table[MOUNTS_MAX];
} mounting;

static size_t mounts_count(void)
{
	return __atomic_load_n(&mounting.count, __ATOMIC_ACQUIRE);
}

struct node *mounts_root_ready;

struct node *mounts_root_slow(int *result_out)
{
	int result = 0;

	if (READ_ONCE(mounting.owner) != thread_self()) {
		sleeplock_lock(&mounting.lock);
		if (!mounts_root_ready) {
			WRITE_ONCE(mounting.owner, thread_self());
			result = mounts_default();
			WRITE_ONCE(mounting.owner, NULL);
			if (result == 0)
				__atomic_store_n(&mounts_root_ready, mounting.table[0].fs->root,
						 __ATOMIC_RELEASE);
		}
		sleeplock_unlock(&mounting.lock);
	}
	*result_out = result ? result : mounts_count() > 0 ? 0 : -ENOENT;
	return *result_out ? NULL : mounting.table[0].fs->root;
}

struct node *mounts_parent(const struct node *root)
{
	for (size_t i = 1; i < mounts_count(); i++) {
		if (mounting.table[i].fs->root == root) {
			node_get(mounting.table[i].parent);
			return mounting.table[i].parent;
		}
	}
	return NULL;
}

const char *mounts_name(const struct node *directory, size_t index, struct node **root_out)
{
	for (size_t i = 1; i < mounts_count(); i++) {
		if (mounting.table[i].parent == directory && index-- == 0) {
			*root_out = mounting.table[i].fs->root;
			return mounting.table[i].name;
		}
	}
	return NULL;
}

const char *mounts_name_of(const struct node *root)
{
	for (size_t i = 1; i < mounts_count(); i++)
		if (mounting.table[i].fs->root == root)
			return mounting.table[i].name;
	return NULL;
}

struct fs *mounts_fs(size_t index)
{
	return index < mounts_count() ? mounting.table[index].fs : NULL;
}

/* NULL type: the one for disks. */
static const struct fs_type *find_type(const char *name, const char **why_out)
{
	size_t types_count = ((uintptr_t)__stop_fs_types - (uintptr_t)__start_fs_types) /
			     sizeof(*__start_fs_types);
	const struct fs_type *found = NULL;

	for (size_t i = 0; i < types_count; i++) {
		const struct fs_type *type = __start_fs_types[i];

		if (name ? strcmp(type->name, name) != 0 : !type->on_device)
			continue;
		if (found && !name) {
			*why_out = "several file systems are linked: say fstype=";
			return NULL;
		}
		found = type;
	}
	if (!found)
		*why_out = !name || strncmp(name, "ext", 3) == 0
				   ? "the image has no file system for disks: link it with -lext4"
				   : "the image has no file system of that type";
	return found;
}

/* Takes ro and rw out of the options; the rest is copied to rest_out. -ENAMETOOLONG. */
static int split_options(const char *options, bool *read_only_out, char *rest_out, size_t bytes_max)
{
	size_t used = 0;

	while (*options) {
		size_t bytes = strcspn(options, ",");

		if (bytes == 2 && memcmp(options, "ro", 2) == 0) {
			*read_only_out = true;
		} else if (bytes == 2 && memcmp(options, "rw", 2) == 0) {
			*read_only_out = false;
		} else if (bytes > 0) {
			if (used + bytes + 2 > bytes_max)
				return -ENAMETOOLONG;
			if (used)
				rest_out[used++] = ',';
			memcpy(rest_out + used, options, bytes);
			used += bytes;
		}
		options += bytes + (options[bytes] == ',');
	}
	rest_out[used] = '\0';
	return 0;
}

static int get_device(const char *source, struct blkdev **device_out, const char **why_out)
{
	int result;

	if (!blkdev_wait) {
		*why_out = "the image has no disks: link it with -lblk";
		return -ENODEV;
	}
	result = blkdev_wait(source, time_monotonic_ns() + DISK_NS, device_out);
	if (result == -ENODEV)
		*why_out = "the domain has no such disk";
	else if (result == -ETIMEDOUT)
		*why_out = "the disk's back end does not answer";
	return result;
}

static int mount_type(const struct fs_type *type, const char *source, const char *options,
		      struct fs **fs_out, const char **why_out)
{
	struct blkdev *device = NULL;
	bool read_only = false;
	char rest[256];
	int result = split_options(options, &read_only, rest, sizeof(rest));

	if (result == 0 && type->on_device)
		result = get_device(source, &device, why_out);
	if (result)
		return result;
	if (device && device->info.read_only)
		read_only = true;
	result = type->mount(device, rest, read_only, fs_out, why_out);
	if (result && device)
		blkdev_put(device);
	return result;
}

static int hang(struct vfs_path *at, struct fs *fs, const char **why_out)
{
	char *name;
	int result;

	if (at->last != VFS_LAST_NAME) {
		*why_out = "a directory has a name";
		return -EINVAL;
	}
	name = heap_alloc(at->name_bytes + 1);
	if (!name)
		return -ENOMEM;
	memcpy(name, at->name, at->name_bytes);
	name[at->name_bytes] = '\0';
	sleeplock_lock(&at->node->fs->names);
	result = names_mount(at->node, name, at->name_bytes, fs->root);
	sleeplock_unlock(&at->node->fs->names);
	if (result) {
		if (result == -EBUSY)
			*why_out = "something is mounted there";
		heap_free(name);
		return result;
	}
	__atomic_fetch_or(&at->node->flags, NODE_HAS_MOUNTS, __ATOMIC_RELAXED);
	node_get(at->node);
	mounting.table[mounting.count].parent = at->node;
	mounting.table[mounting.count].name = name;
	return 0;
}

int mounts_add(const char *source, const char *directory, const char *type_name,
	       const char *options, const char **why_out)
{
	const struct fs_type *type;
	struct vfs_path at = {0};
	struct fs *fs;
	bool is_root;
	int result;

	*why_out = "";
	is_root = strcmp(directory, "/") == 0;
	if (mounting.count == MOUNTS_MAX || is_root != (mounting.count == 0)) {
		*why_out = is_root ? "that is what root= says" : "too many";
		return -EINVAL;
	}
	type = find_type(type_name, why_out);
	if (!type)
		return -ENODEV;
	if (!is_root) {
		result = vfs_walk(AT_FDCWD, directory, VFS_PARENT, NULL, &at);
		if (result) {
			*why_out = "the directory it would be in is not there";
			return result;
		}
	}
	result = mount_type(type, source, options, &fs, why_out);
	if (result == 0) {
		fs->number = (uint32_t)mounting.count + 1;
		mounting.table[mounting.count].fs = fs;
		if (!is_root)
			result = hang(&at, fs, why_out);
		if (result == 0)
			__atomic_store_n(&mounting.count, mounting.count + 1, __ATOMIC_RELEASE);
		else if (fs->ops->unmount)
			(void)fs->ops->unmount(fs);
	}
	if (!is_root)
		vfs_path_put(&at);
	return result;
}

int mounts_sync(void)
{
	int first = 0;

	for (size_t i = 0; i < mounts_count(); i++) {
		struct fs *fs = mounting.table[i].fs;
		int result = fs->ops->sync ? fs->ops->sync(fs) : 0;

		if (first == 0)
			first = result;
	}
	return first;
}
