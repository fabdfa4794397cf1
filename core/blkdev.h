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
	/* core's while submitted */
	struct list_node node;
	struct blkreq *chain; /* the next one of a contiguous run, handed to the driver as one */
	struct blkreq *last;  /* of a chain's first: its end, and what is known of the whole */
	uint64_t chain_sectors, given_sectors;
	uint32_t slices; /* the driver has */
	bool queued, single;
	/* Whoever waits for it looks for its end: no interrupt is wanted for it alone. */
	bool quiet;
	uint8_t call; /* of blkdev_call(): who waits, and whether it ended */
};

/* What a driver gets: a part of a chain, as much as fits into one request of its own. */
struct blkslice {
	struct blkreq *chain;
	uint64_t offset_sectors; /* in the chain */
	uint64_t sectors;
};

struct blkdev_info {
	uint32_t block_bytes;    /* what requests are multiples of: 512 … 4096, a power of two */
	uint32_t physical_bytes; /* what the disk likes */
	bool read_only, removable, cdrom;
	uint64_t barrier_sectors_max; /* of a write with BLKREQ_BARRIER; 0: not understood */
	bool flush;                   /* false: it tells of no volatile cache, flush does nothing */
	bool discard, discard_secure;
	uint64_t discard_granularity_sectors, discard_alignment_sectors;
	uint64_t slice_sectors_max; /* what one request of the driver can carry */
};

struct blkdev_ops {
	/* 0: blkdev_done() will be called for the slice, exactly once. <0: it never will, and
	 * nothing reached the ring. -EAGAIN: no room; core tries again after the next blkdev_done()
	 * or blkdev_ready(). alone: it is the only one, and the other side is told of it at once.
	 * One call at a time; thread or event context, no lock held. */
	int (*submit)(struct blkdev *dev, const struct blkslice *slice, bool alone);
	/* After one or more submits that were not: tell the other side. */
	void (*push)(struct blkdev *dev);
	/* Reaps completions without interrupts; returns how many. With interrupts one comes for
	 * what is still under way, though all of it was quiet. Thread or event context. */
	unsigned int (*poll)(struct blkdev *dev, bool interrupts);
	/* The last holder left. May be NULL, as the next one. Any context, no lock held. */
	void (*idle)(struct blkdev *dev);
	/* It was unregistered, and the last of those who held it then left: it may be freed. */
	void (*release)(struct blkdev *dev);
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
	uint32_t pins;    /* inside ops->idle */
	bool registered;
	struct spinlock lock; /* of what follows */
	struct list_node queue;
	uint32_t plugged, polling;
	uint32_t calls; /* threads inside blkdev_call() */
	uint32_t quick; /* 1: the last lone request took little time. No lock; a word of its own */
	bool stopped, gone, dispatching, again, forced;
	struct waitq waiters; /* of the synchronous functions */
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
/* Between these two requests gather to be merged. Nests. What waits in between (blkdev_call) gives
 * all of them to the driver before. Any context. */
void blkdev_plug(struct blkdev *dev);
void blkdev_unplug(struct blkdev *dev);
/* Gives what is queued to the driver though it is plugged. Any context. */
void blkdev_unplug_once(struct blkdev *dev);
/* Reaps what is done without waiting for its interrupt. Returns how many requests. */
unsigned int blkdev_poll(struct blkdev *dev);
/* With on the synchronous functions poll instead of sleeping, however long it takes. Nests. For
 * latency where processors are plenty. (By themselves they do so for requests that are alone, and
 * quick: docs/adr/0013.) */
void blkdev_set_polling(struct blkdev *dev, bool on);

/* Submit and wait. 0 or -errno. Thread context. Not interruptible: the memory is the disk's until
 * done. */
int blkdev_read(struct blkdev *dev, uint64_t sector, void *bytes_out, size_t bytes_count);
int blkdev_write(struct blkdev *dev, uint64_t sector, const void *bytes, size_t bytes_count);
int blkdev_flush(struct blkdev *dev);
int blkdev_discard(struct blkdev *dev, uint64_t sector, uint64_t sectors);
/* Submits req (done and arg are not the caller's then) and waits. */
int blkdev_call(struct blkdev *dev, struct blkreq *req);

/* --- drivers --- */

/* sectors: its size now. 0, -EEXIST (the name is taken), -EINVAL (impossible info). */
int blkdev_register(struct blkdev *dev, uint64_t sectors);
/* Nobody finds it any more; what is queued and comes later fails with -ENODEV, what the driver has
 * in flight it ends itself. True: somebody still holds it, and ops->idle follows when the last has
 * left. */
bool blkdev_unregister(struct blkdev *dev);
/* Another size. */
void blkdev_resize(struct blkdev *dev, uint64_t sectors);
/* A slice that submit took has ended. Any context, no lock held. */
void blkdev_done(struct blkdev *dev, const struct blkslice *slice, int result);
/* On: submit is not called any more, but for one call that may be under way on another vCPU; what
 * comes is queued. Off: goes on. Any context. */
void blkdev_stop(struct blkdev *dev, bool on);
/* Ends what is queued and no driver has a part of, with error. */
void blkdev_fail(struct blkdev *dev, int error);
/* A slice the driver had taken never reached the disk, or may be repeated: its chain goes back to
 * the queue, while the device is stopped. */
void blkdev_requeue(struct blkdev *dev, const struct blkslice *slice);
/* The driver has room again without a blkdev_done(). */
void blkdev_ready(struct blkdev *dev);
/* Copies between a slice's memory and a run of pages, page by page: bytes of the slice from
 * *cursor on to (write) or from block. The cursor begins as blkcursor_init() says. */
struct blkcursor {
	const struct blkreq *req;
	size_t seg, offset; /* of the memory that comes next */
};
void blkcursor_init(struct blkcursor *cursor, const struct blkslice *slice);
void blkcursor_copy(struct blkcursor *cursor, void *block, size_t bytes, bool to_block);

/* Somebody holds it. */
bool blkdev_busy(struct blkdev *dev);

/* Provided by drivers that find disks by themselves (drivers/blkfront.c), weak in core: waits until
 * those that are there now are registered. 0, -ETIMEDOUT, -ENODEV. */
int core_blkdev_settle(uint64_t deadline_ns);

void blkdev_get_stats(struct blkdev *dev, struct blkdev_stats *stats_out);

#endif
