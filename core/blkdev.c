/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of each device. A chain, one request or several contiguous ones, waits in it until the
 * last of its slices was given to the driver; one vCPU at a time gives them, without a lock, so
 * that the driver may copy. What ends meanwhile makes it look once more.
 *
 * Locks: devices_lock of the registry, then one dev->lock of a queue, over nothing but the queues
 * of waiting threads. done() and ops are called without either.
 */
#include "core/blkdev.h"

#include "lib/base/bits.h"
#include "lib/base/error.h"
#include "lib/base/string.h"

#define BLOCK_BYTES_MAX 4096u
#define SECTORS_MAX     (1ULL << 54) /* so that bytes fit into 63 bits */

static struct spinlock devices_lock;
static struct list_node devices = LIST_INIT(devices);
static uint32_t generation;
struct waitq blkdev_changes = WAITQ_INIT;

static void changed(void)
{
	(void)__atomic_add_fetch(&generation, 1, __ATOMIC_RELEASE);
	waitq_wake_all(&blkdev_changes);
}

uint32_t blkdev_generation(void)
{
	return __atomic_load_n(&generation, __ATOMIC_ACQUIRE);
}

/* --- the registry --- */

/* With devices_lock. */
static struct blkdev *find(const char *name)
{
	struct list_node *node;

	list_for_each (node, &devices) {
		struct blkdev *dev = container_of(node, struct blkdev, node);

		if (strcmp(dev->name, name) == 0)
			return dev;
	}
	return NULL;
}

int blkdev_register(struct blkdev *dev, uint64_t sectors)
{
	const struct blkdev_info *info = &dev->info;
	bool enabled, taken;

	if (info->block_bytes < BLKDEV_SECTOR || info->block_bytes > BLOCK_BYTES_MAX ||
	    !is_power_of_two(info->block_bytes) || sectors > SECTORS_MAX ||
	    info->slice_sectors_max < info->block_bytes / BLKDEV_SECTOR)
		return -EINVAL;
	list_init(&dev->queue);
	dev->sectors = sectors;
	dev->gone = false;
	enabled = spin_lock_events(&devices_lock);
	taken = find(dev->name);
	if (!taken) {
		list_append(&devices, &dev->node);
		dev->registered = true;
	}
	spin_unlock_events(&devices_lock, enabled);
	if (taken)
		return -EEXIST;
	changed();
	return 0;
}

struct blkdev *blkdev_get(const char *name)
{
	struct blkdev *dev;
	bool enabled;

	if (strncmp(name, "/dev/", 5) == 0)
		name += 5;
	enabled = spin_lock_events(&devices_lock);
	dev = find(name);
	if (dev)
		dev->holders++;
	spin_unlock_events(&devices_lock, enabled);
	return dev;
}

/* While the driver hears of it, it stays. */
void blkdev_put(struct blkdev *dev)
{
	bool enabled = spin_lock_events(&devices_lock), over;

	if (--dev->holders == 0 && dev->registered && dev->ops->idle) {
		dev->pins++;
		spin_unlock_events(&devices_lock, enabled);
		dev->ops->idle(dev);
		enabled = spin_lock_events(&devices_lock);
		dev->pins--;
	}
	over = !dev->registered && !dev->holders && !dev->pins;
	spin_unlock_events(&devices_lock, enabled);
	if (over && dev->ops->release)
		dev->ops->release(dev);
}

struct blkdev *blkdev_next(struct blkdev *dev)
{
	bool enabled = spin_lock_events(&devices_lock);
	struct list_node *node = dev ? dev->node.next : devices.next;
	struct blkdev *next = NULL;

	/* One that was unregistered leads nowhere. */
	if (node != &devices && (!dev || dev->registered)) {
		next = container_of(node, struct blkdev, node);
		next->holders++;
	}
	spin_unlock_events(&devices_lock, enabled);
	if (dev)
		blkdev_put(dev);
	return next;
}

bool blkdev_busy(struct blkdev *dev)
{
	bool enabled = spin_lock_events(&devices_lock), busy = dev->holders > 0;

	spin_unlock_events(&devices_lock, enabled);
	return busy;
}

void blkdev_resize(struct blkdev *dev, uint64_t sectors)
{
	if (sectors > SECTORS_MAX || sectors == blkdev_sectors(dev))
		return;
	WRITE_ONCE(dev->sectors, sectors);
	changed();
}

/* --- the ends of requests --- */

/* Without a lock. */
static void end_chain(struct blkreq *chain, int result)
{
	while (chain) {
		struct blkreq *next = chain->chain;

		chain->chain = NULL;
		chain->result = result;
		chain->done(chain);
		chain = next;
	}
}

/* With dev->lock. */
static inline void count(struct blkdev *dev, const struct blkreq *chain, int result)
{
	struct blkdev_stats *stats = &dev->stats;

	for (const struct blkreq *req = chain; req; req = req->chain) {
		if (result)
			stats->errors++;
		else if (req->op == BLKREQ_READ)
			stats->reads++, stats->sectors_read += req->sectors;
		else if (req->op == BLKREQ_WRITE)
			stats->writes++, stats->sectors_written += req->sectors;
		else if (req->op == BLKREQ_FLUSH)
			stats->flushes++;
		else
			stats->discards++;
	}
}

static void chain_reset(struct blkreq *chain)
{
	chain->given_sectors = 0;
	chain->slices = 0;
	chain->result = 0;
}

/* Puts it to the queue's front or end. With dev->lock. */
static void enqueue(struct blkdev *dev, struct blkreq *chain, bool first)
{
	list_insert_before(first ? dev->queue.next : &dev->queue, &chain->node);
	chain->queued = true;
}

static void dequeue(struct blkreq *chain)
{
	if (chain->queued)
		list_remove(&chain->node);
	chain->queued = false;
}

/* An error of a chain is not every request's: each is tried alone. With dev->lock. */
static void requeue_singly(struct blkdev *dev, struct blkreq *chain)
{
	while (chain) {
		struct blkreq *next = chain->chain;

		chain->chain = NULL;
		chain->last = chain;
		chain->chain_sectors = chain->sectors;
		chain->single = true;
		chain_reset(chain);
		enqueue(dev, chain, false);
		chain = next;
	}
}

/* With dev->lock: one slice less. True: the chain is over, and the caller ends it. */
static inline bool slice_ended(struct blkdev *dev, struct blkreq *chain, int result)
{
	chain->slices--;
	if (result && !chain->result)
		chain->result = result;
	if (chain->slices || (!chain->result && chain->given_sectors < chain->chain_sectors))
		return false;
	dequeue(chain);
	if (chain->result == -EIO && chain->chain) {
		requeue_singly(dev, chain);
		return false;
	}
	count(dev, chain, chain->result);
	return true;
}

/* --- giving to the driver --- */

/* The next slice; false: nothing to give now. With dev->lock. */
static bool next_slice(struct blkdev *dev, struct blkslice *slice_out)
{
	struct list_node *node;

	if (dev->stopped || (dev->plugged && !dev->forced))
		return false;
	list_for_each (node, &dev->queue) {
		struct blkreq *chain = container_of(node, struct blkreq, node);
		uint64_t left = chain->chain_sectors - chain->given_sectors;

		/* It failed, and waits for the rest of its slices. */
		if (chain->result)
			continue;
		*slice_out = (struct blkslice){
			.chain = chain,
			.offset_sectors = chain->given_sectors,
			.sectors = left < dev->info.slice_sectors_max || chain->op == BLKREQ_DISCARD
					   ? left
					   : dev->info.slice_sectors_max,
		};
		return true;
	}
	return false;
}

/* Takes back what the driver refused. With dev->lock. True: the chain is over. */
static bool slice_refused(struct blkdev *dev, const struct blkslice *slice, int error)
{
	struct blkreq *chain = slice->chain;

	chain->given_sectors -= slice->sectors;
	if (!chain->queued)
		enqueue(dev, chain, true);
	if (error == -EAGAIN) {
		/* Unless it is the last of a chain that failed meanwhile. */
		if (!chain->result || chain->slices > 1) {
			chain->slices--;
			return false;
		}
		error = 0;
	}
	return slice_ended(dev, chain, error);
}

/* Locked before and after, events as they were in between. False: no room. */
static bool give(struct blkdev *dev, const struct blkslice *slice, bool enabled)
{
	struct blkreq *chain = slice->chain;
	bool over = false;
	int error;

	chain->slices++;
	chain->given_sectors += slice->sectors;
	if (chain->given_sectors == chain->chain_sectors)
		dequeue(chain);
	spin_unlock_events_inline(&dev->lock, enabled);
	error = dev->ops->submit(dev, slice, false);
	(void)spin_lock_events_inline(&dev->lock);
	/* Else it may be over by now, and its owner's. */
	if (error)
		over = slice_refused(dev, slice, error);
	if (over) {
		spin_unlock_events_inline(&dev->lock, enabled);
		end_chain(chain, chain->result);
		(void)spin_lock_events_inline(&dev->lock);
	}
	return error != -EAGAIN;
}

/* With dev->lock, which it gives back. */
static void dispatch_locked(struct blkdev *dev, bool enabled)
{
	struct blkslice slice;

	dev->again = true;
	while (dev->again && !dev->dispatching) {
		bool given = false;

		dev->again = false;
		dev->dispatching = true;
		while (next_slice(dev, &slice)) {
			bool room = give(dev, &slice, enabled);

			given |= room;
			if (!room)
				break;
		}
		if (list_empty(&dev->queue))
			dev->forced = false;
		if (given) {
			spin_unlock_events_inline(&dev->lock, enabled);
			dev->ops->push(dev);
			(void)spin_lock_events_inline(&dev->lock);
		}
		dev->dispatching = false;
		if (dev->stopped)
			waitq_wake_all(&dev->waiters);
	}
	spin_unlock_events_inline(&dev->lock, enabled);
}

/* Nothing stands before this request, and it is one slice: what dispatch_locked() would do, without
 * the queue. With dev->lock, which it gives back. */
static void give_alone(struct blkdev *dev, struct blkreq *req, bool enabled)
{
	struct blkslice slice = {.chain = req, .sectors = req->sectors};
	bool over;
	int error;

	req->slices = 1;
	req->given_sectors = req->sectors;
	dev->again = false;
	dev->dispatching = true;
	spin_unlock_inline(&dev->lock);
	/* From here on it may be over at any time, and its owner's, unless it is refused. */
	error = dev->ops->submit(dev, &slice, true);
	spin_lock_inline(&dev->lock);
	dev->dispatching = false;
	if (!error && !dev->again && !dev->stopped) {
		spin_unlock_events_inline(&dev->lock, enabled);
		return;
	}
	over = error && slice_refused(dev, &slice, error);
	dispatch_locked(dev, enabled);
	if (over)
		end_chain(req, req->result);
}

static void dispatch(struct blkdev *dev)
{
	dispatch_locked(dev, spin_lock_events_inline(&dev->lock));
}

void blkdev_ready(struct blkdev *dev)
{
	dispatch(dev);
}

void blkdev_done(struct blkdev *dev, const struct blkslice *slice, int result)
{
	struct blkreq *chain = slice->chain;
	bool enabled = spin_lock_events_inline(&dev->lock);
	bool over = slice_ended(dev, chain, result), more;

	/* Room in the driver is of use to what waits, and to who is giving it something now. */
	more = !list_empty(&dev->queue) || dev->dispatching || dev->stopped;
	spin_unlock_events_inline(&dev->lock, enabled);
	if (over)
		end_chain(chain, chain->result);
	if (more)
		dispatch(dev);
}

/* --- submitting --- */

static int check_memory(const struct blkreq *req)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < req->segs_count; i++) {
		if (req->segs[i].bytes > SECTORS_MAX)
			return -EINVAL;
		bytes += req->segs[i].bytes;
	}
	return bytes == req->sectors * BLKDEV_SECTOR ? 0 : -EINVAL;
}

static int check(const struct blkdev *dev, const struct blkreq *req)
{
	const struct blkdev_info *info = &dev->info;
	uint64_t sectors = blkdev_sectors(dev), block = info->block_bytes / BLKDEV_SECTOR;

	if (!req->done || req->op > BLKREQ_DISCARD ||
	    (req->flags && req->flags != (req->op == BLKREQ_WRITE     ? BLKREQ_BARRIER
					  : req->op == BLKREQ_DISCARD ? BLKREQ_SECURE
								      : 0)))
		return -EINVAL;
	if (req->op == BLKREQ_FLUSH)
		return req->sectors || req->segs_count ? -EINVAL : 0;
	if (!req->sectors || !is_aligned(req->sector | req->sectors, block))
		return -EINVAL;
	if (req->op != BLKREQ_READ && info->read_only)
		return -EROFS;
	if (req->sector > sectors || req->sectors > sectors - req->sector)
		return req->op == BLKREQ_READ ? -EINVAL : -ENOSPC;
	if (req->op == BLKREQ_DISCARD) {
		if (!info->discard || (req->flags & BLKREQ_SECURE && !info->discard_secure))
			return -EOPNOTSUPP;
		return req->segs_count ? -EINVAL : 0;
	}
	if (req->flags & BLKREQ_BARRIER &&
	    (req->sectors > info->barrier_sectors_max || req->sectors > info->slice_sectors_max))
		return -EOPNOTSUPP;
	return check_memory(req);
}

/* Appends req to the chain at the queue's end if it goes on where that ends. With dev->lock. */
static bool merge(struct blkdev *dev, struct blkreq *req)
{
	struct blkreq *chain = container_of(dev->queue.prev, struct blkreq, node);

	if (list_empty(&dev->queue) || chain->op != req->op || chain->flags || req->flags ||
	    chain->single || chain->given_sectors || chain->result ||
	    (req->op != BLKREQ_READ && req->op != BLKREQ_WRITE) ||
	    chain->sector + chain->chain_sectors != req->sector ||
	    chain->chain_sectors + req->sectors > dev->info.slice_sectors_max)
		return false;
	chain->quiet = false;
	chain->last->chain = req;
	chain->last = req;
	chain->chain_sectors += req->sectors;
	dev->stats.merged++;
	return true;
}

int blkdev_submit(struct blkdev *dev, struct blkreq *req)
{
	int error = check(dev, req);
	bool enabled;

	if (error)
		return error;
	req->chain = NULL;
	req->last = req;
	req->chain_sectors = req->sectors;
	req->single = req->queued = false;
	chain_reset(req);
	enabled = spin_lock_events_inline(&dev->lock);
	if (dev->gone) {
		spin_unlock_events_inline(&dev->lock, enabled);
		return -ENODEV;
	}
	if (req->op == BLKREQ_FLUSH && !dev->info.flush) {
		dev->stats.flushes++;
		spin_unlock_events_inline(&dev->lock, enabled);
		end_chain(req, 0);
		return 0;
	}
	if (list_empty(&dev->queue) && !dev->plugged && !dev->stopped && !dev->dispatching &&
	    req->sectors <= dev->info.slice_sectors_max) {
		give_alone(dev, req, enabled);
		return 0;
	}
	if (!merge(dev, req))
		enqueue(dev, req, false);
	dispatch_locked(dev, enabled);
	return 0;
}

void blkdev_plug(struct blkdev *dev)
{
	bool enabled = spin_lock_events(&dev->lock);

	WRITE_SHARED(dev->plugged, dev->plugged + 1);
	spin_unlock_events(&dev->lock, enabled);
}

void blkdev_unplug(struct blkdev *dev)
{
	bool enabled = spin_lock_events(&dev->lock);

	WRITE_SHARED(dev->plugged, dev->plugged - 1);
	dispatch_locked(dev, enabled);
}

void blkdev_unplug_once(struct blkdev *dev)
{
	bool enabled = spin_lock_events(&dev->lock);

	dev->forced = dev->plugged;
	dispatch_locked(dev, enabled);
}

/* --- drivers come, go, and stop for a while --- */

void blkdev_stop(struct blkdev *dev, bool on)
{
	bool enabled = spin_lock_events(&dev->lock);

	dev->stopped = on;
	if (!on) {
		dispatch_locked(dev, enabled);
		return;
	}
	spin_unlock_events(&dev->lock, enabled);
}

void blkdev_requeue(struct blkdev *dev, const struct blkslice *slice)
{
	struct blkreq *chain = slice->chain;
	bool enabled = spin_lock_events(&dev->lock);

	chain->slices--;
	if (chain->result)
		chain->given_sectors = 0;
	else if (slice->offset_sectors < chain->given_sectors)
		chain->given_sectors = slice->offset_sectors;
	chain->result = 0;
	if (!chain->queued)
		enqueue(dev, chain, true);
	spin_unlock_events(&dev->lock, enabled);
}

void blkdev_fail(struct blkdev *dev, int error)
{
	struct list_node *node, *after, failed = LIST_INIT(failed);
	bool enabled = spin_lock_events(&dev->lock);

	list_for_each_safe (node, after, &dev->queue) {
		struct blkreq *chain = container_of(node, struct blkreq, node);

		chain->result = error;
		if (!chain->slices) {
			dequeue(chain);
			count(dev, chain, error);
			list_append(&failed, &chain->node);
		}
	}
	spin_unlock_events(&dev->lock, enabled);
	while (!list_empty(&failed)) {
		struct blkreq *chain = container_of(failed.next, struct blkreq, node);

		list_remove(&chain->node);
		end_chain(chain, error);
	}
}

bool blkdev_unregister(struct blkdev *dev)
{
	bool enabled = spin_lock_events(&dev->lock), held;

	dev->gone = true;
	spin_unlock_events(&dev->lock, enabled);
	enabled = spin_lock_events(&devices_lock);
	if (dev->registered)
		list_remove(&dev->node);
	dev->registered = false;
	held = dev->holders > 0 || dev->pins > 0;
	spin_unlock_events(&devices_lock, enabled);
	blkdev_fail(dev, -ENODEV);
	changed();
	return held;
}

void blkdev_get_stats(struct blkdev *dev, struct blkdev_stats *stats_out)
{
	bool enabled = spin_lock_events(&dev->lock);

	*stats_out = dev->stats;
	spin_unlock_events(&dev->lock, enabled);
}

unsigned int blkdev_poll(struct blkdev *dev)
{
	return dev->ops->poll(dev, false);
}
