/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device class: requests go to a driver, done() tells how they ended.
 *
 * A driver embeds struct blkdev, fills info and ops and registers it. Whoever uses one gets it by
 * name (blkdev_get), submits requests and puts it back. Positions and lengths are in sectors of
 * BLKDEV_SECTOR bytes whatever the disk's own are; requests are multiples of info.block_bytes.
 *
 * core checks each request once and keeps it in the device's queue until the driver has room, so
 * submitting never fails for want of room. While a device is plugged requests gather; contiguous
 * ones go to the driver as one (a chain). Between two flushes requests are done in any order, and a
 * flush covers what was done (done() called) before it was submitted.
 */
#ifndef CORE_BLKDEV_H
#define CORE_BLKDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wait.h"
#include "lib/base/list.h"
#include "xen/spinlock.h"

#define BLKDEV_SECTOR       512u
#define BLKDEV_SECTOR_SHIFT 9
#define BLKDEV_NAME_MAX     16

struct blkdev;

enum blkreq_op {
	BLKREQ_READ,
	BLKREQ_WRITE,
	BLKREQ_FLUSH,   /* what was done is on the medium when this is done; no sectors */
	BLKREQ_DISCARD, /* contents may be forgotten; no memory */
};

#define BLKREQ_BARRIER 0x1u /* write: flushed before and after it (FUA with order) */
#define BLKREQ_SECURE  0x2u /* discard: the old contents cannot be had back */

/* A piece of memory: any address, any length; whole pages on page boundaries may save a copy. */
struct blkseg {
	void *base;
	size_t bytes;
};

/* Belongs to the caller before submit and from done() on; segs and memory too. Zero it first. */
struct blkreq {
	enum blkreq_op op;
	uint32_t flags; /* BLKREQ_* */
	uint64_t sector;
	uint64_t sectors;
	const struct blkseg *segs; /* together exactly sectors * 512 bytes */
	size_t segs_count;
	/* Event context (or thread context, from inside blkdev_submit, _poll and _unplug), exactly
	 * once, no lock held; may submit and free. result: 0 or -errno: -EIO, -ENODEV (the device
	 * is gone), -ETIMEDOUT, -EOPNOTSUPP, -ENOSPC. NULL is not allowed. */
	void (*done)(struct blkreq *req);
	void *arg;
	int result;
	/* core's and the driver's while submitted */
	struct list_node node;
	struct blkreq *chain; /* the next one of a contiguous run, handed to the driver as one */
	uint64_t private[4];  /* the driver's */
};

struct blkdev_info {
	uint32_t block_bytes;    /* what requests are multiples of: 512 … 4096, a power of two */
	uint32_t physical_bytes; /* what the disk likes */
	bool read_only, removable, cdrom;
	bool flush; /* false: it tells of no volatile cache, flush does nothing */
	bool discard, discard_secure;
	uint64_t discard_granularity_sectors, discard_alignment_sectors;
	uint64_t chain_sectors_max; /* how much is worth gathering for one request */
};

struct blkdev_ops {
	/* A chain of 1 or more requests, contiguous, of the same op and flags. 0: blkdev_done()
	 * will be called with it, exactly once. <0: it never will, and nothing reached the ring.
	 * -EAGAIN: no room; core tries again after the next blkdev_done() or blkdev_ready(). more:
	 * another submit follows at once, the other side need not be told yet. Events disabled, one
	 * call at a time for each queue. */
	int (*submit)(struct blkdev *dev, struct blkreq *chain, bool more);
	/* Reaps completions without interrupts; returns how many. Thread or event context. */
	unsigned int (*poll)(struct blkdev *dev);
	/* Polling begins or ends: completions need no interrupts. May be NULL. */
	void (*polling)(struct blkdev *dev, bool on);
	/* Nobody has it any more and it was unregistered, or open count came to 0 (unregistered
	 * false): the driver may close or free it. May be NULL. */
	void (*idle)(struct blkdev *dev, bool unregistered);
};

struct blkdev_stats {
	uint64_t reads, writes, flushes, discards; /* requests done */
	uint64_t sectors_read, sectors_written;
	uint64_t merged, errors;
};

struct blkdev {
	/* The driver's, set before blkdev_register and immutable after it. */
	const struct blkdev_ops *ops;
	char name[BLKDEV_NAME_MAX]; /* "xvda" */
	uint16_t major, minor;
	struct blkdev_info info;
	/* core's */
	uint64_t sectors; /* blkdev_sectors() */
	struct list_node node;
	uint32_t holders; /* under the registry's lock */
	bool registered;
	struct spinlock lock; /* of what follows */
	struct list_node queue;
	uint32_t plugged, in_flight, polling;
	bool stopped, gone, dispatching, again;
	struct waitq idle_waiters;
	uint32_t resizes; /* how often its size changed */
	struct blkdev_stats stats;
};

/* --- who uses devices --- */

/* The device of this name ("xvda"; "/dev/" before it is passed over), held until blkdev_put; NULL:
 * there is none now. Any context. */
struct blkdev *blkdev_get(const char *name);
void blkdev_put(struct blkdev *dev);
/* The same, waiting for a device that is still on its way until deadline_ns. 0, -ENODEV (no such
 * disk), -ETIMEDOUT. Thread context. */
int blkdev_wait(const char *name, uint64_t deadline_ns, struct blkdev **dev_out);
/* The device after dev in order of registration (NULL: the first), held; dev is put. For loops. */
struct blkdev *blkdev_next(struct blkdev *dev);
/* Counts devices that came and went, and sizes that changed; waiters of blkdev_changes are
 * woken. */
uint32_t blkdev_generation(void);
extern struct waitq blkdev_changes;

static inline uint64_t blkdev_sectors(const struct blkdev *dev)
{
	return READ_ONCE(dev->sectors);
}

/* 0: done() will be called. Else it will not: -EINVAL (not a multiple of a block, memory of another
 * length, unknown flags, a read beyond the end), -ENOSPC (a write there), -EROFS, -EOPNOTSUPP,
 * -ENODEV (gone).
 * Any context, no lock held that done() takes. */
int blkdev_submit(struct blkdev *dev, struct blkreq *req);
/* Between these two requests gather to be merged. Nests. Waiting for a request in between would be
 * for ever: blkdev_wait_req() unplugs. Any context. */
void blkdev_plug(struct blkdev *dev);
void blkdev_unplug(struct blkdev *dev);
/* Reaps what is done without waiting for its interrupt. Returns how many requests. */
unsigned int blkdev_poll(struct blkdev *dev);
/* With on the synchronous functions poll instead of sleeping, and the driver asks for no
 * interrupts. Nests. For latency where processors are plenty. */
void blkdev_set_polling(struct blkdev *dev, bool on);

/* Submit and wait. 0 or -errno. Thread context. Not interruptible: the memory is the disk's until
 * done. */
int blkdev_read(struct blkdev *dev, uint64_t sector, void *bytes_out, size_t bytes_count);
int blkdev_write(struct blkdev *dev, uint64_t sector, const void *bytes, size_t bytes_count);
int blkdev_flush(struct blkdev *dev);
int blkdev_discard(struct blkdev *dev, uint64_t sector, uint64_t sectors);
/* Submits req (done and arg are ours) and waits. */
int blkdev_call(struct blkdev *dev, struct blkreq *req);

/* --- drivers --- */

/* sectors: its size now. 0, -EEXIST (the name is taken), -EINVAL (impossible info). */
int blkdev_register(struct blkdev *dev, uint64_t sectors);
/* Nobody finds it any more; what is queued and comes later fails with -ENODEV, what the driver has
 * in flight it completes itself. ops->idle follows when the last holder left, at once perhaps. */
void blkdev_unregister(struct blkdev *dev);
/* Another size. */
void blkdev_resize(struct blkdev *dev, uint64_t sectors);
/* A chain that submit took has ended, all its requests with result. Any context, no lock held. */
void blkdev_done(struct blkdev *dev, struct blkreq *chain, int result);
/* Queues without giving anything to the driver (on); takes that back and goes on. */
void blkdev_stop(struct blkdev *dev, bool on);
/* Chains the driver had taken come back to the head of the queue, in this order, to be given to it
 * again: they never reached the disk, or may be repeated. list of blkreq.node, emptied. */
void blkdev_requeue(struct blkdev *dev, struct list_node *chains);
/* The driver has room again without a blkdev_done(). */
void blkdev_ready(struct blkdev *dev);
/* Somebody holds it. */
bool blkdev_busy(struct blkdev *dev);

/* Provided by drivers that find disks by themselves (drivers/blkfront.c), weak in core: waits until
 * those that are there now are registered. 0, -ETIMEDOUT, -ENODEV. */
int core_blkdev_settle(uint64_t deadline_ns);

void blkdev_get_stats(struct blkdev *dev, struct blkdev_stats *stats_out);

#endif
