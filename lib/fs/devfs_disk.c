/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks as files. A disk's node is made when it is first looked up, and holds the disk until its
 * last reference goes: a disk that was detached answers -ENODEV, and a new one of the same name
 * gets a node of its own.
 *
 * What does not begin and end with the disk's blocks is read and written by whole blocks through
 * memory of ours, one writer at a time.
 *
 * Lock: disks_lock guards the list of nodes; nothing is taken under it but the registry's own.
 */
#include "arch/x86_64/cpu.h"
#include "core/blkdev.h"
#include "core/heap.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "lib/fs/devfs_parts.h"

#pragma weak blkdev_wait
#pragma weak blkdev_put
#pragma weak blkdev_next
#pragma weak blkdev_read
#pragma weak blkdev_write
#pragma weak blkdev_flush

#define NUMBER_FIRST 0x10000u
#define MINOR_BITS   8
#define BOUNCE_BYTES 65536u
#define WAIT_NS      (10 * NS_PER_S)

struct disk {
	struct node node;
	struct blkdev *dev;
	struct list_node in_list;
	struct sleeplock writing; /* of parts of blocks */
};

static struct spinlock disks_lock;
static struct list_node disks = LIST_INIT(disks);

static struct disk *disk_of(struct node *node)
{
	return container_of(node, struct disk, node);
}

static uint64_t bytes_of(const struct blkdev *dev)
{
	return blkdev_sectors(dev) * BLKDEV_SECTOR;
}

static void disk_put_last(struct node *node)
{
	struct disk *disk = disk_of(node);
	bool enabled = spin_lock_events(&disks_lock);
	bool last = __atomic_sub_fetch(&node->refs, 1, __ATOMIC_ACQ_REL) == 0;

	if (last)
		list_remove(&disk->in_list);
	spin_unlock_events(&disks_lock, enabled);
	if (last) {
		blkdev_put(disk->dev);
		heap_free(disk);
	}
}

static int disk_stat(struct node *node, struct node_info *info_out)
{
	const struct blkdev *dev = disk_of(node)->dev;
	uint64_t now = time_wall_ns();
	struct node_time time = {(int64_t)(now / NS_PER_S), (uint32_t)(now % NS_PER_S)};
	uint32_t device = (uint32_t)dev->major << MINOR_BITS | dev->minor;

	*info_out = (struct node_info){
		.number = NUMBER_FIRST + device,
		.bytes = bytes_of(dev),
		.accessed = time,
		.modified = time,
		.changed = time,
		.mode = node->mode,
		.links = 1,
		.device = device,
		.block_bytes = 4096,
	};
	return 0;
}

static bool is_aligned(const struct blkdev *dev, uint64_t offset, size_t bytes)
{
	return ((offset | bytes) & (dev->info.block_bytes - 1)) == 0;
}

/* One piece through memory of ours: how many bytes of it were moved, at most bytes_count. */
static int64_t move_part(struct disk *disk, bool is_read, char *bytes, size_t bytes_count,
			 uint64_t offset, char *bounce)
{
	uint64_t mask = disk->dev->info.block_bytes - 1, first = offset & ~mask, end;
	int result;

	if (bytes_count > BOUNCE_BYTES - (offset - first))
		bytes_count = BOUNCE_BYTES - (offset - first);
	end = (offset + bytes_count + mask) & ~mask;
	result = blkdev_read(disk->dev, first / BLKDEV_SECTOR, bounce, end - first);
	if (result)
		return result;
	if (is_read) {
		memcpy(bytes, bounce + (offset - first), bytes_count);
		return (int64_t)bytes_count;
	}
	memcpy(bounce + (offset - first), bytes, bytes_count);
	result = blkdev_write(disk->dev, first / BLKDEV_SECTOR, bounce, end - first);
	return result ? result : (int64_t)bytes_count;
}

static __attribute__((noinline)) int64_t move_parts(struct disk *disk, bool is_read, char *bytes,
						    size_t bytes_count, uint64_t offset)
{
	char *bounce = heap_alloc(BOUNCE_BYTES);
	size_t done = 0;
	int64_t moved = 0;

	if (!bounce)
		return -ENOMEM;
	sleeplock_lock(&disk->writing);
	while (done < bytes_count && moved >= 0) {
		moved = move_part(disk, is_read, bytes + done, bytes_count - done, offset + done,
				  bounce);
		if (moved > 0)
			done += (size_t)moved;
	}
	sleeplock_unlock(&disk->writing);
	heap_free(bounce);
	return done ? (int64_t)done : moved;
}

static int64_t disk_move(struct disk *disk, bool is_read, char *bytes, size_t bytes_count,
			 uint64_t offset, unsigned int flags)
{
	struct blkdev *dev = disk->dev;
	uint64_t size = bytes_of(dev);
	int result;

	if (bytes_count == 0)
		return 0;
	if (offset >= size)
		return is_read ? 0 : -ENOSPC;
	if (bytes_count > size - offset)
		bytes_count = size - offset;
	if (!is_aligned(dev, offset, bytes_count))
		return flags & NODE_DIRECT ? -EINVAL
					   : move_parts(disk, is_read, bytes, bytes_count, offset);
	result = is_read ? blkdev_read(dev, offset / BLKDEV_SECTOR, bytes, bytes_count)
			 : blkdev_write(dev, offset / BLKDEV_SECTOR, bytes, bytes_count);
	return result ? result : (int64_t)bytes_count;
}

static int64_t disk_read(struct node *node, void *bytes_out, size_t bytes_max, uint64_t offset,
			 unsigned int flags)
{
	return disk_move(disk_of(node), true, bytes_out, bytes_max, offset, flags);
}

static int64_t disk_write(struct node *node, const void *bytes, size_t bytes_count,
			  uint64_t *offset, unsigned int flags)
{
	struct disk *disk = disk_of(node);
	int64_t moved;
	int result = 0;

	if (disk->dev->info.read_only)
		return -EROFS;
	if (flags & NODE_APPEND)
		*offset = bytes_of(disk->dev);
	moved = disk_move(disk, false, (char *)bytes, bytes_count, *offset, flags);
	if (moved > 0 && (flags & (NODE_SYNC | NODE_DSYNC)))
		result = blkdev_flush(disk->dev);
	return result ? result : moved;
}

static int disk_sync(struct node *node, bool data_only)
{
	(void)data_only;
	return blkdev_flush(disk_of(node)->dev);
}

static const struct node_ops disk_ops = {
	.stat = disk_stat,
	.read = disk_read,
	.write = disk_write,
	.sync = disk_sync,
	.put_last = disk_put_last,
};

static struct disk *find_disk(const struct blkdev *dev)
{
	struct list_node *at;

	list_for_each (at, &disks) {
		struct disk *disk = container_of(at, struct disk, in_list);

		if (disk->dev == dev) {
			node_get(&disk->node);
			return disk;
		}
	}
	return NULL;
}

int devfs_disk_lookup(struct fs *fs, const char *name, size_t name_bytes, struct node **node_out)
{
	char text[BLKDEV_NAME_MAX];
	struct blkdev *dev;
	struct disk *disk;
	bool enabled;

	if (name_bytes >= sizeof(text))
		return -ENOENT;
	memcpy(text, name, name_bytes);
	text[name_bytes] = '\0';
	/* One that the toolstack has announced may still be on its way. */
	if (blkdev_wait(text, time_monotonic_ns() + WAIT_NS, &dev))
		return -ENOENT;
	enabled = spin_lock_events(&disks_lock);
	disk = find_disk(dev);
	spin_unlock_events(&disks_lock, enabled);
	if (disk) {
		blkdev_put(dev);
		*node_out = &disk->node;
		return 0;
	}
	disk = heap_alloc_zeroed(sizeof(*disk));
	if (!disk) {
		blkdev_put(dev);
		return -ENOMEM;
	}
	disk->dev = dev;
	disk->node =
		(struct node){.ops = &disk_ops, .fs = fs, .mode = NODE_BLOCK | 0660, .refs = 1};
	enabled = spin_lock_events(&disks_lock);
	list_append(&disks, &disk->in_list);
	spin_unlock_events(&disks_lock, enabled);
	*node_out = &disk->node;
	return 0;
}

int devfs_disk_list(uint64_t first, uint64_t *cursor, node_list_fn *fn, void *context)
{
	struct blkdev *dev = NULL;
	uint64_t at = first;

	for (dev = blkdev_next(NULL); dev; dev = blkdev_next(dev), at++) {
		uint64_t number = NUMBER_FIRST + ((uint32_t)dev->major << MINOR_BITS | dev->minor);

		if (at < *cursor)
			continue;
		if (fn(context, dev->name, strlen(dev->name), number, NODE_BLOCK, at + 1)) {
			blkdev_put(dev);
			break;
		}
		*cursor = at + 1;
	}
	return 0;
}
