/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks as devices: what xenbus tells becomes a block device that comes, changes its size, breaks,
 * is connected again, and goes. While there is no connection requests wait in core's queue, for
 * GONE_NS; those that were in the ring are sent again.
 *
 * Lock: fronts_lock of the list of disks, over nothing.
 */
#include "drivers/blkfront.h"

#include "core/heap.h"
#include "core/log.h"
#include "drivers/blkfront_internal.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"

#define GONE_NS   (120 * NS_PER_S) /* how long requests wait for a new connection */
#define MAJOR_XVD 202
#define VDEV_EXT  (1u << 28)

static struct spinlock fronts_lock;
static struct list_node fronts = LIST_INIT(fronts);

void blkfront_break(struct blkfront *front, const char *why)
{
	if (__atomic_exchange_n(&front->broken, true, __ATOMIC_ACQ_REL))
		return;
	front->violations++;
	xenbus_reset(&front->xen, why);
}

/* --- the watchdog --- */

/* True when the queue has waited since before the last look. */
static bool queue_stalls(struct blkqueue *queue)
{
	bool waiting = READ_ONCE(queue->outstanding) && READ_ONCE(queue->connected);
	bool stalls = waiting && queue->stall_seen && queue->ended == queue->ended_seen;

	queue->stall_seen = waiting;
	queue->ended_seen = queue->ended;
	return stalls;
}

static void watchdog_fired(struct timer *timer)
{
	struct blkfront *front = container_of(timer, struct blkfront, watchdog);
	uint64_t now_ns = time_monotonic_ns(), since_ns = READ_ONCE(front->disconnected_ns);
	bool stalls = false, active = since_ns != 0, progress = false;

	for (uint32_t i = 0; i < front->queues_count; i++) {
		struct blkqueue *queue = &front->queues[i];

		progress |= queue->ended != queue->ended_seen;
		active |= READ_ONCE(queue->outstanding) || progress;
		stalls |= queue_stalls(queue);
	}
	if (progress)
		front->stalls = 0;
	if (stalls && !front->broken) {
		front->stalls++;
		blkfront_break(front, "the back end does not answer");
	}
	if (since_ns && now_ns - since_ns >= GONE_NS)
		blkdev_fail(&front->block, -ETIMEDOUT);
	WRITE_ONCE(front->watching, active);
	if (active)
		timer_arm(&front->watchdog, now_ns + BLKFRONT_WATCHDOG_NS);
}

static void rest_fired(struct timer *timer)
{
	(void)blkfront_poll(&container_of(timer, struct blkfront, rest)->block, false);
}

/* --- the block class --- */

static void front_idle(struct blkdev *dev)
{
	xenbus_close(&blkfront_of(dev)->xen);
}

static void front_free(struct blkfront *front)
{
	(void)timer_cancel(&front->watchdog);
	(void)timer_cancel(&front->rest);
	xenbus_device_free(&front->xen);
}

static void front_release(struct blkdev *dev)
{
	front_free(blkfront_of(dev));
}

static const struct blkdev_ops blkfront_ops = {
	.submit = blkfront_submit,
	.push = blkfront_push,
	.poll = blkfront_poll,
	.idle = front_idle,
	.release = front_release,
};

/* --- names --- */

/* a … z, aa … */
static void name_append(char *name, size_t name_bytes, unsigned int disk, unsigned int part)
{
	char letters[8];
	size_t count = 0, length = strlen(name);

	do {
		letters[count++] = (char)('a' + disk % 26);
		disk = disk / 26;
	} while (disk-- && count < sizeof(letters));
	while (count && length + 1 < name_bytes)
		name[length++] = letters[--count];
	name[length] = '\0';
	if (part)
		(void)format_text(name + length, name_bytes - length, "%u", part);
}

/* Xen: docs/man/xen-vbd-interface.7. */
static void name_device(struct blkdev *dev, uint32_t vdev)
{
	uint32_t number = vdev & 0xff, major = vdev >> 8;

	dev->major = (uint16_t)major;
	dev->minor = (uint16_t)number;
	if (vdev & VDEV_EXT) {
		dev->major = MAJOR_XVD;
		dev->minor = (uint16_t)(vdev & 0xffff);
		memcpy(dev->name, "xvd", sizeof("xvd"));
		name_append(dev->name, sizeof(dev->name), (vdev & (VDEV_EXT - 1)) >> 8, number);
	} else if (major == MAJOR_XVD || major == 8) {
		memcpy(dev->name, major == 8 ? "sd" : "xvd", major == 8 ? 3 : 4);
		name_append(dev->name, sizeof(dev->name), number >> 4, number & 15);
	} else if (major == 3 || major == 22) {
		memcpy(dev->name, "hd", sizeof("hd"));
		name_append(dev->name, sizeof(dev->name), (number >> 6) + (major == 22 ? 2 : 0),
			    number & 63);
	} else {
		(void)format_text(dev->name, sizeof(dev->name), "blk%u", vdev);
	}
}

/* --- xenbus --- */

static const char *const front_keys[] = {"virtual-device", "device-type", NULL};
static const char *const back_keys[] = {
	"sectors",
	"sector-size",
	"physical-sector-size",
	"info",
	"mode",
	"removable",
	"feature-barrier",
	"feature-flush-cache",
	"feature-discard",
	"discard-secure",
	"discard-granularity",
	"discard-alignment",
	"feature-persistent",
	"feature-max-indirect-segments",
	"max-ring-page-order",
	"multi-queue-max-queues",
	NULL,
};

static int probe(struct xenbus_device *device)
{
	struct blkfront *front = (struct blkfront *)device;
	const char *vdev_text = xenbus_front(device, "virtual-device");
	const char *type = xenbus_front(device, "device-type");
	uint64_t vdev;
	bool enabled;

	if (!vdev_text || parse_u64_bytes(vdev_text, strlen(vdev_text), 10, &vdev) ||
	    vdev > UINT32_MAX)
		return -EINVAL;
	/* The ring has 16 bits for it; back ends do not look. */
	front->handle = (uint16_t)vdev;
	name_device(&front->block, (uint32_t)vdev);
	front->block.ops = &blkfront_ops;
	front->block.info.cdrom = type && strcmp(type, "cdrom") == 0;
	timer_init(&front->watchdog, watchdog_fired);
	timer_init(&front->rest, rest_fired);
	enabled = spin_lock_events(&fronts_lock);
	list_append(&fronts, &front->node);
	spin_unlock_events(&fronts_lock, enabled);
	return 0;
}

static int read_limits(struct blkfront *front, uint64_t *sectors_out)
{
	struct xenbus_device *xen = &front->xen;
	struct blkdev_info *info = &front->block.info;
	uint64_t block, physical, granularity, alignment, bits;
	int error;

	if (!xenbus_back(xen, "sectors"))
		return -EPROTO;
	error = xenbus_back_u64(xen, "sectors", 0, 1ULL << 54, 0, sectors_out);
	if (!error)
		error = xenbus_back_u64(xen, "sector-size", 512, 4096, 512, &block);
	if (!error)
		error = xenbus_back_u64(xen, "physical-sector-size", 512, 1 << 30, block,
					&physical);
	if (!error)
		error = xenbus_back_u64(xen, "info", 0, UINT32_MAX, 0, &bits);
	if (!error)
		error = xenbus_back_u64(xen, "discard-granularity", 0, UINT32_MAX, block,
					&granularity);
	if (!error)
		error = xenbus_back_u64(xen, "discard-alignment", 0, UINT32_MAX, 0, &alignment);
	/* Known to be another disk: what waits for the old one must not reach it. (That a block's
	 * length is a power of two is core's to see.) */
	if (!error && front->registered && info->block_bytes != block)
		error = -EOPNOTSUPP;
	if (error || front->registered)
		return error;
	info->block_bytes = (uint32_t)block;
	info->physical_bytes = (uint32_t)physical;
	info->read_only = bits & VDISK_READONLY;
	info->removable = bits & VDISK_REMOVABLE || xenbus_back_flag(xen, "removable");
	info->cdrom |= bits & VDISK_CDROM;
	info->discard_granularity_sectors = granularity / BLKDEV_SECTOR;
	info->discard_alignment_sectors = alignment / BLKDEV_SECTOR;
	return 0;
}

static void read_features(struct blkfront *front)
{
	struct xenbus_device *xen = &front->xen;
	struct blkdev_info *info = &front->block.info;
	const char *mode = xenbus_back(xen, "mode");

	if (mode && strcmp(mode, "r") == 0)
		info->read_only = true;
	/* It says so only after it has seen that we can. */
	front->persistent = front->persistent_wanted && xenbus_back_flag(xen, "feature-persistent");
	front->flush_op = xenbus_back_flag(xen, "feature-flush-cache");
	front->barrier_op = xenbus_back_flag(xen, "feature-barrier");
	info->flush = front->flush_op || front->barrier_op;
	info->barrier_sectors_max =
		front->barrier_op ? BLKIF_MAX_SEGMENTS_PER_REQUEST * (PAGE_BYTES / BLKDEV_SECTOR)
				  : 0;
	info->discard = xenbus_back_flag(xen, "feature-discard");
	info->discard_secure = info->discard && xenbus_back_flag(xen, "discard-secure");
}

static int connected(struct xenbus_device *device)
{
	struct blkfront *front = (struct blkfront *)device;
	struct blkdev *block = &front->block;
	uint64_t sectors;
	int error = read_limits(front, &sectors);

	if (error)
		return error;
	read_features(front);
	blkfront_start(front);
	if (!front->registered) {
		error = blkdev_register(block, sectors);
		if (error)
			return error == -EEXIST ? -EOPNOTSUPP : -EPROTO;
		front->registered = true;
	} else {
		blkdev_resize(block, sectors);
	}
	log_info("%s: %llu sectors of 512 bytes%s, %u queues of %u, %u pages a request%s",
		 block->name, (unsigned long long)sectors,
		 block->info.read_only ? ", read-only" : "", front->queues_count,
		 front->queues[0].slots_count, front->segments,
		 front->persistent ? ", persistent grants" : "");
	blkdev_stop(block, false);
	return 0;
}

static void changed(struct xenbus_device *device)
{
	struct blkfront *front = (struct blkfront *)device;
	uint64_t sectors;

	if (read_limits(front, &sectors)) {
		blkfront_break(front, "the back end's nodes make no sense");
		return;
	}
	if (sectors != blkdev_sectors(&front->block))
		log_info("%s: now %llu sectors", front->block.name, (unsigned long long)sectors);
	blkdev_resize(&front->block, sectors);
}

static bool closing(struct xenbus_device *device)
{
	return !blkdev_busy(&((struct blkfront *)device)->block);
}

static void removed(struct xenbus_device *device)
{
	struct blkfront *front = (struct blkfront *)device;
	bool enabled = spin_lock_events(&fronts_lock);

	list_remove(&front->node);
	spin_unlock_events(&fronts_lock, enabled);
	if (!front->registered || !blkdev_unregister(&front->block))
		front_free(front);
}

static struct xenbus_driver driver = {
	.type = "vbd",
	.front_keys = front_keys,
	.back_keys = back_keys,
	.device_bytes = sizeof(struct blkfront),
	.published_state = XenbusStateInitialised,
	.probe = probe,
	.connect = blkfront_connect,
	.connected = connected,
	.changed = changed,
	.closing = closing,
	.disconnect = blkfront_disconnect,
	.remove = removed,
};

int blkfront_init(void)
{
	return xenbus_register(&driver);
}

int core_blkdev_settle(uint64_t deadline_ns)
{
	return xenbus_wait(&driver, deadline_ns);
}

static void fill_stats(const struct blkfront *front, struct blkfront_stats *stats)
{
	stats->queues = front->queues_count;
	stats->segments = front->segments;
	stats->persistent = front->persistent;
	stats->reconnects = front->connections ? front->connections - 1 : 0;
	stats->requeued = front->requeued;
	stats->violations = front->violations;
	stats->notifies = front->notifies;
	stats->interrupts = front->interrupts;
	for (uint32_t i = 0; i < front->queues_count; i++) {
		stats->ring_slots = front->queues[i].slots_count;
		stats->pages += front->queues[i].pages_count;
	}
}

int blkfront_get_stats(const char *name, struct blkfront_stats *stats_out)
{
	bool enabled = spin_lock_events(&fronts_lock), found = false;
	struct list_node *node;

	*stats_out = (struct blkfront_stats){.disks = 0};
	list_for_each (node, &fronts) {
		const struct blkfront *front = container_of(node, struct blkfront, node);

		stats_out->disks += front->registered;
		if (strcmp(front->block.name, name) == 0) {
			fill_stats(front, stats_out);
			found = true;
		}
	}
	spin_unlock_events(&fronts_lock, enabled);
	return found ? 0 : -ENODEV;
}
