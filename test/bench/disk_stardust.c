/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * By the block class (core/blkdev.h): done() gives the next request.
 */
#include "test/bench/disk.h"

#include <errno.h>

#include "core/blkdev.h"
#include "core/time.h"

struct async {
	struct blkdev *dev;
	bool write;
	unsigned long left; /* to be given */
	unsigned long inflight;
	int error;
	uint64_t *seed;
	struct waitq idle;
};

static struct blkreq requests[DISK_DEPTH];
static struct blkseg segments[DISK_DEPTH];

/* An open waits. */
int platform_disk_wait(const char *path)
{
	(void)path;
	return 0;
}

/* The command line has done it. */
int platform_disk_mount(const char *disk, const char *directory)
{
	(void)disk;
	(void)directory;
	return 0;
}

static void done(struct blkreq *req);

static void give(struct async *async, struct blkreq *req)
{
	const struct blkseg *segs = req->segs;
	int error;

	*req = (struct blkreq){
		.op = async->write ? BLKREQ_WRITE : BLKREQ_READ,
		.sector = disk_random_block(async->seed) * (DISK_BLOCK / BLKDEV_SECTOR),
		.sectors = DISK_BLOCK / BLKDEV_SECTOR,
		.segs = segs,
		.segs_count = 1,
		.done = done,
		.arg = async,
	};
	async->left--;
	async->inflight++;
	error = blkdev_submit(async->dev, req);
	if (error) {
		async->inflight--;
		async->error = error;
	}
}

/* One vCPU: events do not interrupt each other. */
static void done(struct blkreq *req)
{
	struct async *async = req->arg;

	async->inflight--;
	if (req->result)
		async->error = req->result;
	if (async->left && !async->error)
		give(async, req);
	else if (!async->inflight)
		waitq_wake_all(&async->idle);
}

int platform_disk_async(int fd, bool write, char *bytes, unsigned long count, uint64_t *seed)
{
	struct async async = {.write = write, .left = count, .seed = seed};

	(void)fd;
	async.dev = blkdev_get("xvda");
	if (!async.dev)
		return -1;
	blkdev_plug(async.dev);
	for (unsigned int i = 0; i < DISK_DEPTH; i++) {
		segments[i] = (struct blkseg){bytes + i * DISK_BLOCK, DISK_BLOCK};
		requests[i].segs = &segments[i];
		give(&async, &requests[i]);
	}
	blkdev_unplug(async.dev);
	(void)waitq_wait(&async.idle, READ_ONCE(async.inflight) == 0, TIME_NEVER, false);
	blkdev_put(async.dev);
	errno = -async.error;
	return async.error ? -1 : 0;
}
