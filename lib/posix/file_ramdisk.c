/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The root file system: the archive given as ramdisk=, read-only, where it lies. It is mapped and
 * read when the first path is looked up. Without a ramdisk the root is an empty directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/vm.h"
#include "lib/fs/archive.h"
#include "lib/posix/exit.h"
#include "lib/posix/vfs.h"

#define RAMDISK_DEV 1

static struct archive archive;
static struct node *nodes; /* one for each of the archive's */

static const struct archive_node *entry_of(const struct node *node)
{
	return node->data;
}

static mode_t mode_of(const struct archive_node *entry)
{
	static const mode_t types[] = {
		[ARCHIVE_DIRECTORY] = S_IFDIR, [ARCHIVE_FILE] = S_IFREG, [ARCHIVE_LINK] = S_IFLNK};

	return types[entry->type] | (mode_t)entry->permissions;
}

static int ramdisk_lookup(struct node *directory, const char *name, size_t name_bytes,
			  struct node **node_out)
{
	uint32_t index = archive_lookup(&archive, (uint32_t)(directory - nodes), name, name_bytes);

	if (index == ARCHIVE_NONE)
		return -ENOENT;
	*node_out = &nodes[index];
	return 0;
}

static ssize_t ramdisk_readlink(struct node *node, char *target_out, size_t bytes_max)
{
	const struct archive_node *entry = entry_of(node);
	size_t bytes = entry->bytes < bytes_max ? entry->bytes : bytes_max;

	memcpy(target_out, entry->data, bytes);
	return (ssize_t)bytes;
}

static int ramdisk_stat(struct node *node, struct stat *stat_out)
{
	const struct archive_node *entry = entry_of(node);

	memset(stat_out, 0, sizeof(*stat_out));
	stat_out->st_dev = RAMDISK_DEV;
	stat_out->st_ino = (ino_t)(node - nodes) + 1;
	stat_out->st_mode = node->mode;
	stat_out->st_nlink = entry->type == ARCHIVE_DIRECTORY ? 2 : 1;
	stat_out->st_uid = (uid_t)entry->uid;
	stat_out->st_gid = (gid_t)entry->gid;
	stat_out->st_size = (off_t)entry->bytes;
	stat_out->st_mtime = stat_out->st_ctime = stat_out->st_atime = (time_t)entry->mtime_s;
	stat_out->st_blksize = (blksize_t)PAGE_BYTES;
	stat_out->st_blocks = (blkcnt_t)((entry->bytes + 511) / 512);
	return 0;
}

static int file_stat(struct file *file, struct stat *stat_out)
{
	return ramdisk_stat(file->node, stat_out);
}

static off_t file_size(struct file *file)
{
	return (off_t)entry_of(file->node)->bytes;
}

static ssize_t file_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	const struct archive_node *entry = entry_of(file->node);
	uint64_t left;

	if ((uint64_t)*offset >= entry->bytes)
		return 0;
	left = entry->bytes - (uint64_t)*offset;
	if (bytes_max > left)
		bytes_max = left;
	memcpy(bytes_out, (const char *)entry->data + *offset, bytes_max);
	*offset += (off_t)bytes_max;
	return (ssize_t)bytes_max;
}

static const struct file_ops ramdisk_file_ops = {
	.read = file_read,
	.stat = file_stat,
	.size = file_size,
};

/* Where a listing stands: 0 and 1 are `.` and `..`, then the children by index + CHILD_FIRST, then
 * what is mounted here but not in the archive, then the end. */
#define CHILD_FIRST 2
#define MOUNT_FIRST ((off_t)1 << 40)

/* The entry at *offset and where the next one is. False at the end. */
static bool list_entry(struct node *directory, off_t offset, const char **name_out,
		       size_t *name_bytes_out, const struct node **node_out, off_t *next_out)
{
	const struct archive_node *at = entry_of(directory);
	uint32_t index;

	if (offset < CHILD_FIRST) {
		*name_out = "..";
		*name_bytes_out = (size_t)offset + 1;
		*node_out = offset == 0 ? directory : &nodes[at->parent];
		*next_out = offset + 1;
		if (*next_out == CHILD_FIRST)
			*next_out = at->first_child == ARCHIVE_NONE ? MOUNT_FIRST
								    : at->first_child + CHILD_FIRST;
		return true;
	}
	if (offset < MOUNT_FIRST) {
		index = (uint32_t)(offset - CHILD_FIRST);
		if (index >= archive.nodes_count)
			return false;
		*node_out = &nodes[index];
		*name_out = entry_of(*node_out)->name;
		*name_bytes_out = entry_of(*node_out)->name_bytes;
		index = entry_of(*node_out)->next_sibling;
		*next_out = index == ARCHIVE_NONE ? MOUNT_FIRST : index + CHILD_FIRST;
		return true;
	}
	do {
		*name_out = vfs_mounted_name(directory, (size_t)(offset - MOUNT_FIRST));
		if (!*name_out)
			return false;
		*name_bytes_out = strlen(*name_out);
		*node_out = directory;
		*next_out = ++offset;
	} while (archive_lookup(&archive, (uint32_t)(directory - nodes), *name_out,
				*name_bytes_out) != ARCHIVE_NONE);
	return true;
}

static ssize_t directory_getdents(struct file *file, void *dirents_out, size_t bytes_max,
				  off_t *offset)
{
	struct dirents dirents = {dirents_out, bytes_max, 0};
	const struct node *node;
	const char *name;
	size_t name_bytes;
	off_t next;

	while (list_entry(file->node, *offset, &name, &name_bytes, &node, &next)) {
		if (dirents_add(&dirents, name, name_bytes, (ino_t)(node - nodes) + 1, node->mode,
				next))
			return dirents.used ? (ssize_t)dirents.used : -EINVAL;
		*offset = next;
	}
	return (ssize_t)dirents.used;
}

static off_t directory_size(struct file *file)
{
	(void)file;
	return 0;
}

static const struct file_ops ramdisk_directory_ops = {
	.stat = file_stat,
	.size = directory_size,
	.getdents = directory_getdents,
};

static int ramdisk_open(struct node *node, struct file *file)
{
	file->ops = S_ISDIR(node->mode) ? &ramdisk_directory_ops : &ramdisk_file_ops;
	return 0;
}

static const struct node_ops ramdisk_node_ops = {
	.lookup = ramdisk_lookup,
	.readlink = ramdisk_readlink,
	.stat = ramdisk_stat,
	.open = ramdisk_open,
};

/* The module's pages, read-only, at an address of their own. */
static int map_module(const void **bytes_out)
{
	size_t pages_count = (boot_info.module_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	void *area;
	int result = vm_reserve(pages_count * PAGE_BYTES, "ramdisk", &area);

	if (result)
		return result;
	result =
		pt_map_contiguous((uintptr_t)area, boot_info.module_pfn, pages_count, PT_PROT_READ);
	*bytes_out = area;
	return result;
}

int ramdisk_root(struct node **node_out)
{
	static const struct archive_node empty = {
		.permissions = 0755,
		.type = ARCHIVE_DIRECTORY,
		.first_child = ARCHIVE_NONE,
		.next_sibling = ARCHIVE_NONE,
	};
	static struct archive_node empty_root;
	static uint32_t empty_table = ARCHIVE_NONE;
	const void *bytes;
	int result;

	if (boot_info.module_bytes == 0) {
		empty_root = empty;
		archive.nodes = &empty_root;
		archive.nodes_count = 1;
		archive.table = &empty_table;
		archive.table_size = 1;
	} else {
		result = map_module(&bytes);
		if (result)
			return result;
		result = archive_open(&archive, bytes, boot_info.module_bytes);
		if (result)
			exit_before_main(EXIT_BAD_RAMDISK, "stardust: ramdisk: %s, at byte %zu",
					 archive.error, archive.error_at);
	}
	nodes = heap_alloc(archive.nodes_count * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	for (uint32_t i = 0; i < archive.nodes_count; i++)
		nodes[i] = (struct node){&ramdisk_node_ops, mode_of(&archive.nodes[i]),
					 &archive.nodes[i]};
	*node_out = &nodes[ARCHIVE_ROOT];
	return 0;
}
