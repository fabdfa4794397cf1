/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache's I/O: runs of neighbouring blocks become one request each, all of them are submitted
 * before the first is waited for.
 */
#include "core/heap.h"
#include "lib/base/error.h"
#include "lib/fs/bcache.h"

/* As much as one request takes: what a back end with indirect segments does at once. */
#define RUN_BYTES_MAX (256u * 1024)
/* Blocks read ahead at most at a time. */
#define READ_AHEAD_MAX 64u

struct batch {
	struct bcache *cache;
	uint32_t left; /* requests not done; atomic */
};

struct run {
	struct blkreq request;
	struct bblock **blocks;
	size_t count;
	struct batch *batch;
};

static void write_done(struct blkreq *request)
{
	struct run *run = request->arg;
	struct batch *batch = run->batch;
	struct bcache *cache = batch->cache;

	bool enabled;

	for (size_t i = 0; i < run->count; i++)
		run->blocks[i]->error = request->result;
	/* The batch may be gone as soon as it counts nothing; and the cache, but for whoever waits
	 * takes its lock next. */
	enabled = spin_lock_events(&cache->lock);
	__atomic_sub_fetch(&batch->left, 1, __ATOMIC_RELEASE);
	waitq_wake_all(&cache->waiters);
	spin_unlock_events(&cache->lock, enabled);
}

/* How many of the blocks stand one behind the other, and fit one request. */
static size_t run_of(const struct bcache *cache, struct bblock *const *blocks, size_t count)
{
	size_t n = 1;

	while (n < count && blocks[n]->number == blocks[0]->number + n &&
	       (n + 1) * cache->block_bytes <= RUN_BYTES_MAX)
		n++;
	return n;
}

int bcache_write_blocks(struct bcache *cache, struct bblock **blocks, size_t count)
{
	struct batch batch = {cache, 1};
	struct run *runs;
	struct blkseg *segments;
	size_t runs_count = 0;
	int error = 0, submitted;

	runs = heap_alloc_zeroed(count * (sizeof(*runs) + sizeof(*segments)));
	if (!runs) {
		for (size_t i = 0; i < count; i++)
			blocks[i]->error = -ENOMEM;
		return -ENOMEM;
	}
	segments = (struct blkseg *)(runs + count);
	blkdev_plug(cache->device);
	for (size_t i = 0; i < count;) {
		struct run *run = &runs[runs_count++];

		run->blocks = blocks + i;
		run->count = run_of(cache, blocks + i, count - i);
		run->batch = &batch;
		for (size_t k = 0; k < run->count; k++)
			segments[i + k] = (struct blkseg){blocks[i + k]->bytes, cache->block_bytes};
		run->request = (struct blkreq){
			.op = BLKREQ_WRITE,
			.sector = blocks[i]->number * cache->block_sectors,
			.sectors = run->count * cache->block_sectors,
			.segs = segments + i,
			.segs_count = run->count,
			.done = write_done,
			.arg = run,
		};
		__atomic_add_fetch(&batch.left, 1, __ATOMIC_RELAXED);
		submitted = blkdev_submit(cache->device, &run->request);
		if (submitted) {
			run->request.result = submitted;
			write_done(&run->request);
		}
		i += run->count;
	}
	blkdev_unplug(cache->device);
	__atomic_sub_fetch(&batch.left, 1, __ATOMIC_RELEASE);
	(void)waitq_wait(&cache->waiters, __atomic_load_n(&batch.left, __ATOMIC_ACQUIRE) == 0,
			 TIME_NEVER, false);
	for (size_t i = 0; i < runs_count && !error; i++)
		error = runs[i].request.result;
	heap_free(runs);
	return error;
}

/* Who finds a flush under way waits for it: it may be the one that covers what the caller wrote. */
static bool flush_begin(struct bcache *cache)
{
	bool enabled, needed;

	for (;;) {
		enabled = spin_lock_events(&cache->lock);
		if (!cache->flushing)
			break;
		spin_unlock_events(&cache->lock, enabled);
		(void)waitq_wait(&cache->waiters, !READ_ONCE(cache->flushing), TIME_NEVER, false);
	}
	needed = cache->unflushed;
	cache->unflushed = false;
	WRITE_SHARED(cache->flushing, needed);
	spin_unlock_events(&cache->lock, enabled);
	return needed;
}

int bcache_flush(struct bcache *cache)
{
	bool enabled;
	int error;

	if (!flush_begin(cache))
		return 0;
	error = blkdev_flush(cache->device);
	enabled = spin_lock_events(&cache->lock);
	if (error)
		cache->unflushed = true;
	WRITE_SHARED(cache->flushing, false);
	spin_unlock_events(&cache->lock, enabled);
	waitq_wake_all(&cache->waiters);
	return error;
}

struct ahead {
	struct blkreq request;
	struct bcache *cache;
	size_t count;
	struct blkseg segments[READ_AHEAD_MAX];
	struct bblock *blocks[READ_AHEAD_MAX];
};

static void ahead_done(struct blkreq *request)
{
	struct ahead *ahead = request->arg;
	struct bcache *cache = ahead->cache;
	bool enabled = spin_lock_events(&cache->lock);

	for (size_t i = 0; i < ahead->count; i++) {
		struct bblock *block = ahead->blocks[i];

		bcache_read_ended(block, request->result);
		/* Nobody forgets a busy block, so it is in the table still. */
		block->refs--;
	}
	WRITE_SHARED(cache->reading, cache->reading - 1);
	/* Under the lock: bcache_destroy() waits for it, and the cache is gone. */
	waitq_wake_all(&cache->waiters);
	spin_unlock_events(&cache->lock, enabled);
	heap_free(ahead);
}

void bcache_read_ahead(struct bcache *cache, uint64_t first, uint32_t count)
{
	struct ahead *ahead;
	bool enabled;
	int error;

	if (count > READ_AHEAD_MAX)
		count = READ_AHEAD_MAX;
	ahead = heap_alloc_zeroed(sizeof(*ahead));
	if (!ahead)
		return;
	ahead->cache = cache;
	while (ahead->count < count) {
		struct bblock *block = bcache_claim(cache, first + ahead->count);

		if (!block)
			break;
		ahead->blocks[ahead->count] = block;
		ahead->segments[ahead->count++] = (struct blkseg){block->bytes, cache->block_bytes};
	}
	if (ahead->count == 0) {
		heap_free(ahead);
		return;
	}
	ahead->request = (struct blkreq){
		.op = BLKREQ_READ,
		.sector = first * cache->block_sectors,
		.sectors = ahead->count * cache->block_sectors,
		.segs = ahead->segments,
		.segs_count = ahead->count,
		.done = ahead_done,
		.arg = ahead,
	};
	enabled = spin_lock_events(&cache->lock);
	WRITE_SHARED(cache->reading, cache->reading + 1);
	spin_unlock_events(&cache->lock, enabled);
	/* It may be done, and gone, before submit comes back. */
	error = blkdev_submit(cache->device, &ahead->request);
	if (error) {
		ahead->request.result = error;
		ahead_done(&ahead->request);
	}
}

/* Neighbouring memory and blocks in one request. */
static int direct(struct bcache *cache, enum blkreq_op op, uint32_t flags, uint64_t first,
		  uint32_t count, void *bytes)
{
	struct blkseg segment = {bytes, (size_t)count * cache->block_bytes};
	struct blkreq request = {
		.op = op,
		.flags = flags,
		.sector = first * cache->block_sectors,
		.sectors = (uint64_t)count * cache->block_sectors,
		.segs = &segment,
		.segs_count = 1,
	};

	return blkdev_call(cache->device, &request);
}

int bcache_read_direct(struct bcache *cache, uint64_t first, uint32_t count, void *bytes_out)
{
	int error = bcache_write_range(cache, first, count);

	return error ? error : direct(cache, BLKREQ_READ, 0, first, count, bytes_out);
}

static void forget_range(struct bcache *cache, uint64_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		bcache_forget(cache, first + i);
}

int bcache_write_direct(struct bcache *cache, uint64_t first, uint32_t count, const void *bytes,
			bool flush_around)
{
	void *memory = (void *)(uintptr_t)bytes;
	uint64_t writes = READ_ONCE(cache->writes);
	bool enabled;
	int error;

	forget_range(cache, first, count);
	error = direct(cache, BLKREQ_WRITE, flush_around ? BLKREQ_BARRIER : 0, first, count,
		       memory);
	if (error == -EOPNOTSUPP && flush_around) {
		error = blkdev_flush(cache->device);
		if (!error)
			error = direct(cache, BLKREQ_WRITE, 0, first, count, memory);
		if (!error)
			error = blkdev_flush(cache->device);
	}
	/* Others, who read ahead, may have got what was there before. */
	forget_range(cache, first, count);
	enabled = spin_lock_events(&cache->lock);
	/* Unless others wrote meanwhile, all of it is safe now. */
	if (!flush_around || error || cache->writes != writes)
		cache->unflushed = true;
	else
		cache->unflushed = false;
	WRITE_SHARED(cache->writes, cache->writes + 1);
	spin_unlock_events(&cache->lock, enabled);
	return error;
}
