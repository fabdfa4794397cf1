/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/fs/devfs.h"

#include "core/blkdev.h"
#include "core/random.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "lib/fs/devfs_parts.h"

#define ROOT_NUMBER 1u
/* Cursors of disks, behind those of all other devices. */
#define DISKS_FIRST (1ULL << 32)

/* Absent in images without disks. */
#pragma weak blkdev_get

static struct list_node devices = LIST_INIT(devices);

static int64_t null_read(struct node *node, void *bytes_out, size_t bytes_max, uint64_t offset,
			 unsigned int flags)
{
	(void)node;
	(void)bytes_out;
	(void)bytes_max;
	(void)offset;
	(void)flags;
	return 0;
}

static int64_t zero_read(struct node *node, void *bytes_out, size_t bytes_max, uint64_t offset,
			 unsigned int flags)
{
	(void)node;
	(void)offset;
	(void)flags;
	memset(bytes_out, 0, bytes_max);
	return (int64_t)bytes_max;
}

static int64_t random_read(struct node *node, void *bytes_out, size_t bytes_max, uint64_t offset,
			   unsigned int flags)
{
	int result = random_get(bytes_out, bytes_max);

	(void)node;
	(void)offset;
	(void)flags;
	return result ? result : (int64_t)bytes_max;
}

static int64_t null_write(struct node *node, const void *bytes, size_t bytes_count,
			  uint64_t *offset, unsigned int flags)
{
	(void)node;
	(void)bytes;
	(void)offset;
	(void)flags;
	return (int64_t)bytes_count;
}

static int64_t full_write(struct node *node, const void *bytes, size_t bytes_count,
			  uint64_t *offset, unsigned int flags)
{
	(void)node;
	(void)bytes;
	(void)offset;
	(void)flags;
	return bytes_count ? -ENOSPC : 0;
}

static int64_t random_write(struct node *node, const void *bytes, size_t bytes_count,
			    uint64_t *offset, unsigned int flags)
{
	const unsigned char *from = bytes;
	uint64_t word = 0;

	(void)node;
	(void)offset;
	(void)flags;
	for (size_t i = 0; i < bytes_count; i++) {
		word = word << 8 | from[i];
		if (i % sizeof(word) == sizeof(word) - 1 || i == bytes_count - 1)
			random_mix(word);
	}
	return (int64_t)bytes_count;
}

static struct node_time start_time(void)
{
	uint64_t ns = time_wall_ns() - (time_monotonic_ns() - time_boot_ns());

	return (struct node_time){(int64_t)(ns / NS_PER_S), (uint32_t)(ns % NS_PER_S)};
}

static int devfs_stat(struct node *node, struct node_info *info_out)
{
	const struct devfs_device *device = node->data;
	struct node_time time = start_time();

	*info_out = (struct node_info){
		.number = device ? device->number : ROOT_NUMBER,
		.accessed = time,
		.modified = time,
		.changed = time,
		.mode = node->mode,
		.links = device ? 1 : 2,
		.device = device ? device->device : 0,
		.block_bytes = 4096,
	};
	return 0;
}

static const struct node_ops null_ops = {
	.read = null_read, .write = null_write, .stat = devfs_stat};
static const struct node_ops zero_ops = {
	.read = zero_read, .write = null_write, .stat = devfs_stat};
static const struct node_ops full_ops = {
	.read = zero_read, .write = full_write, .stat = devfs_stat};
static const struct node_ops random_ops = {
	.read = random_read, .write = random_write, .stat = devfs_stat};

static struct devfs_device basic[] = {
	{.name = "null", .device = 0x103, .mode = NODE_CHARACTER | 0666, .ops = &null_ops},
	{.name = "zero", .device = 0x105, .mode = NODE_CHARACTER | 0666, .ops = &zero_ops},
	{.name = "full", .device = 0x107, .mode = NODE_CHARACTER | 0666, .ops = &full_ops},
	{.name = "random", .device = 0x108, .mode = NODE_CHARACTER | 0666, .ops = &random_ops},
	{.name = "urandom", .device = 0x109, .mode = NODE_CHARACTER | 0666, .ops = &random_ops},
};

static int devfs_lookup(struct node *directory, const char *name, size_t name_bytes,
			struct node **node_out)
{
	struct list_node *at;

	list_for_each (at, &devices) {
		struct devfs_device *device = container_of(at, struct devfs_device, in_list);

		if (strlen(device->name) != name_bytes ||
		    memcmp(device->name, name, name_bytes) != 0)
			continue;
		*node_out = &device->node;
		node_get(*node_out);
		return 0;
	}
	return blkdev_get ? devfs_disk_lookup(directory->fs, name, name_bytes, node_out) : -ENOENT;
}

/* A cursor is a device's number; they stand in that order. */
static int devfs_list(struct node *directory, uint64_t *cursor, node_list_fn *fn, void *context)
{
	struct list_node *at;

	(void)directory;
	list_for_each (at, &devices) {
		struct devfs_device *device = container_of(at, struct devfs_device, in_list);

		if (device->number < *cursor)
			continue;
		if (fn(context, device->name, strlen(device->name), device->number, device->mode,
		       device->number + 1))
			return 0;
		*cursor = device->number + 1;
	}
	if (*cursor < DISKS_FIRST)
		*cursor = DISKS_FIRST;
	return blkdev_get ? devfs_disk_list(DISKS_FIRST, cursor, fn, context) : 0;
}

static const struct node_ops root_ops = {
	.lookup = devfs_lookup, .list = devfs_list, .stat = devfs_stat};

static struct node root = {.ops = &root_ops, .mode = NODE_DIRECTORY | 0755, .refs = 1};

static int devfs_info(struct fs *fs, struct fs_info *info_out)
{
	(void)fs;
	*info_out = (struct fs_info){.block_bytes = 4096};
	return 0;
}

static const struct fs_ops devfs_fs_ops = {.info = devfs_info};

static struct fs devfs = {.ops = &devfs_fs_ops, .root = &root, .is_live = true, .type = "devfs"};

void devfs_add(struct devfs_device *device)
{
	static uint32_t number = ROOT_NUMBER;

	device->number = ++number;
	device->node = (struct node){
		.ops = device->ops, .fs = &devfs, .data = device, .mode = device->mode, .refs = 1};
	list_append(&devices, &device->in_list);
}

static int devfs_mount(struct blkdev *device, const char *options, bool read_only,
		       struct fs **fs_out, const char **why_out)
{
	(void)device;
	(void)read_only;
	*why_out = "";
	if (*options) {
		*why_out = "it takes no options";
		return -EINVAL;
	}
	if (root.fs) {
		*why_out = "mounted already";
		return -EBUSY;
	}
	root.fs = &devfs;
	for (size_t i = 0; i < sizeof(basic) / sizeof(basic[0]); i++)
		devfs_add(&basic[i]);
	*fs_out = &devfs;
	return 0;
}

const struct fs_type devfs_type = {.name = "devfs", .mount = devfs_mount};
FS_TYPE(devfs_type);
