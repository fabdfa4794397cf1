/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is in memory, who has it, and what goes. I/O is bcache_io.c's.
 *
 * cache->lock is held for short times and never during I/O: a block under I/O is busy, and whoever
 * wants its contents waits for cache->waiters. A busy block is never freed.
 */
#include "lib/fs/bcache.h"

#include "core/heap.h"
#include "core/page.h"
#include "lib/base/error.h"
#include "lib/base/string.h"

#define BLOCK_BYTES_MIN 512u
#define BLOCK_BYTES_MAX 65536u
#define BLOCKS_MIN      64u
/* How many blocks one call of writing back takes at a time. */
#define WRITE_BATCH 256u

static unsigned int order_of(uint32_t bytes)
{
	unsigned int order = 0;

	while ((PAGE_BYTES << order) < bytes)
		order++;
	return order;
}

/* Whole pages are the device's without a copy, and cost no guard pages. */
static uint8_t *memory_alloc(uint32_t bytes)
{
	return bytes < PAGE_BYTES ? heap_alloc_aligned(bytes, bytes)
				  : page_alloc(order_of(bytes), 0);
}

static void memory_free(uint8_t *memory, uint32_t bytes)
{
	if (bytes < PAGE_BYTES)
		heap_free(memory);
	else
		page_free(memory, order_of(bytes));
}

int bcache_create(struct blkdev *device, uint32_t block_bytes, size_t memory_bytes,
		  struct bcache **cache_out)
{
	struct bcache *cache;

	if (block_bytes < BLOCK_BYTES_MIN || block_bytes > BLOCK_BYTES_MAX ||
	    (block_bytes & (block_bytes - 1)) != 0 || block_bytes < device->info.block_bytes)
		return -EINVAL;
	cache = heap_alloc_zeroed(sizeof(*cache));
	if (!cache)
		return -ENOMEM;
	cache->device = device;
	cache->block_bytes = block_bytes;
	cache->block_sectors = block_bytes / BLKDEV_SECTOR;
	cache->blocks = blkdev_sectors(device) / cache->block_sectors;
	cache->blocks_max = memory_bytes / block_bytes;
	if (cache->blocks_max < BLOCKS_MIN)
		cache->blocks_max = BLOCKS_MIN;
	cache->table_size = BLOCKS_MIN;
	while (cache->table_size < cache->blocks_max)
		cache->table_size *= 2;
	cache->table = heap_alloc_zeroed(cache->table_size * sizeof(struct bblock *));
	if (!cache->table) {
		heap_free(cache);
		return -ENOMEM;
	}
	for (int i = 0; i < BCACHE_CLASSES; i++)
		list_init(&cache->dirty[i]);
	list_init(&cache->lru);
	*cache_out = cache;
	return 0;
}

static struct bblock **slot_of(struct bcache *cache, uint64_t number)
{
	uint64_t hash = number * 0x9e3779b97f4a7c15ULL;

	return &cache->table[(hash >> 32) & (cache->table_size - 1)];
}

static struct bblock *find(struct bcache *cache, uint64_t number)
{
	struct bblock *block = *slot_of(cache, number);

	while (block && block->number != number)
		block = block->next;
	return block;
}

/* Out of the table and the lists. Under the lock. */
static void unlink_block(struct bcache *cache, struct bblock *block)
{
	struct bblock **slot = slot_of(cache, block->number);

	while (*slot != block)
		slot = &(*slot)->next;
	*slot = block->next;
	block->gone = true;
	if (block->dirty) {
		cache->dirty_count[block->class_]--;
		list_remove(&block->list);
		block->dirty = false;
	}
	list_remove(&block->lru);
	WRITE_SHARED(cache->blocks_count, cache->blocks_count - 1);
}

static void free_block(struct bcache *cache, struct bblock *block)
{
	memory_free(block->bytes, cache->block_bytes);
	heap_free(block);
}

void bcache_destroy(struct bcache *cache)
{
	for (;;) {
		bool enabled = spin_lock_events(&cache->lock);
		uint32_t reading = cache->reading;

		spin_unlock_events(&cache->lock, enabled);
		if (!reading)
			break;
		(void)waitq_wait(&cache->waiters, READ_ONCE(cache->reading) == 0, TIME_NEVER,
				 false);
	}
	for (size_t i = 0; i < cache->table_size; i++)
		while (cache->table[i]) {
			struct bblock *block = cache->table[i];

			unlink_block(cache, block);
			free_block(cache, block);
		}
	heap_free(cache->table);
	heap_free(cache);
}

/* The longest unused block nobody needs, unlinked; NULL when there is none. Under the lock. */
static struct bblock *victim(struct bcache *cache)
{
	struct list_node *node;

	list_for_each (node, &cache->lru) {
		struct bblock *block = container_of(node, struct bblock, lru);

		if (block->refs == 0 && !block->dirty && !block->held && !block->busy) {
			unlink_block(cache, block);
			return block;
		}
	}
	return NULL;
}

/* Makes room for one more block when the bound is reached: true when a block went. */
static bool shrink(struct bcache *cache)
{
	struct bblock *block;
	size_t dirty;
	bool enabled = spin_lock_events(&cache->lock);

	block = cache->blocks_count >= cache->blocks_max ? victim(cache) : NULL;
	dirty = 0;
	for (int i = 0; i < BCACHE_CLASSES; i++)
		dirty += cache->dirty_count[i];
	dirty = cache->blocks_count >= cache->blocks_max && !block ? dirty : 0;
	spin_unlock_events(&cache->lock, enabled);
	if (!block && dirty) {
		/* An error is told by who writes back next. */
		int error = 0;

		for (int i = 0; i < BCACHE_CLASSES; i++) {
			int result = bcache_write_dirty(cache, (enum bcache_class)i);

			error = error ? error : result;
		}
		enabled = spin_lock_events(&cache->lock);
		if (error)
			cache->error = error;
		block = victim(cache);
		spin_unlock_events(&cache->lock, enabled);
	}
	if (block)
		free_block(cache, block);
	return block != NULL;
}

static struct bblock *new_block(struct bcache *cache, uint64_t number)
{
	struct bblock *block;

	while (READ_SHARED(cache->blocks_count) >= cache->blocks_max)
		if (!shrink(cache))
			break;
	block = heap_alloc_zeroed(sizeof(*block));
	if (!block)
		return NULL;
	block->bytes = memory_alloc(cache->block_bytes);
	if (!block->bytes) {
		heap_free(block);
		return NULL;
	}
	block->number = number;
	list_init(&block->lru);
	list_init(&block->list);
	return block;
}

/* The block, with a reference; busy: not valid, and the caller's to fill and finish. */
static int take(struct bcache *cache, uint64_t number, struct bblock **block_out, bool *busy_out)
{
	struct bblock *block, *fresh = NULL;
	bool enabled;

	if (number >= cache->blocks)
		return -EINVAL;
	*busy_out = false;
	enabled = spin_lock_events(&cache->lock);
	block = find(cache, number);
	if (!block) {
		spin_unlock_events(&cache->lock, enabled);
		fresh = new_block(cache, number);
		if (!fresh)
			return -ENOMEM;
		enabled = spin_lock_events(&cache->lock);
		block = find(cache, number);
	}
	if (!block) {
		struct bblock **slot = slot_of(cache, number);

		block = fresh;
		fresh = NULL;
		block->next = *slot;
		*slot = block;
		WRITE_SHARED(cache->blocks_count, cache->blocks_count + 1);
		list_append(&cache->lru, &block->lru);
	} else if (cache->lru.prev != &block->lru) {
		list_remove(&block->lru);
		list_append(&cache->lru, &block->lru);
	}
	block->refs++;
	if (!block->valid && !block->busy) {
		WRITE_SHARED(block->busy, true);
		*busy_out = true;
		cache->misses++;
	} else {
		cache->hits++;
	}
	spin_unlock_events(&cache->lock, enabled);
	if (fresh)
		free_block(cache, fresh);
	*block_out = block;
	return 0;
}

void bcache_read_ended(struct bblock *block, int error)
{
	block->error = error;
	block->checked = 0;
	/* Looked at without the lock: busy last, for the others count once it is off. */
	WRITE_SHARED(block->valid, error == 0);
	WRITE_ONCE(block->busy, false);
}

static void finish_read(struct bcache *cache, struct bblock *block, int error)
{
	bool enabled = spin_lock_events(&cache->lock);

	bcache_read_ended(block, error);
	spin_unlock_events(&cache->lock, enabled);
	waitq_wake_all(&cache->waiters);
}

struct bblock *bcache_claim(struct bcache *cache, uint64_t number)
{
	struct bblock *block;
	bool enabled, known, busy;

	enabled = spin_lock_events(&cache->lock);
	/* Not in place of what is in use. */
	known = number >= cache->blocks || find(cache, number) ||
		cache->dirty_count[BCACHE_DATA] + cache->dirty_count[BCACHE_ORDERED] >
			cache->blocks_max / 2;
	spin_unlock_events(&cache->lock, enabled);
	if (known || take(cache, number, &block, &busy))
		return NULL;
	if (busy)
		return block;
	bcache_put(cache, block);
	return NULL;
}

static int get(struct bcache *cache, uint64_t number, bool read, struct bblock **block_out)
{
	struct bblock *block;
	bool busy;
	int error;

	for (;;) {
		error = take(cache, number, &block, &busy);
		if (error)
			return error;
		if (busy) {
			if (read)
				error = blkdev_read(cache->device, number * cache->block_sectors,
						    block->bytes, cache->block_bytes);
			else
				memset(block->bytes, 0, cache->block_bytes);
			finish_read(cache, block, error);
		} else if (!READ_ONCE(block->valid)) {
			(void)waitq_wait(&cache->waiters, !READ_ONCE(block->busy), TIME_NEVER,
					 false);
			error = READ_ONCE(block->valid) ? 0 : block->error;
		}
		if (!error && !READ_ONCE(block->valid)) {
			/* It was forgotten between: again. */
			bcache_put(cache, block);
			continue;
		}
		if (error) {
			bcache_put(cache, block);
			return error;
		}
		*block_out = block;
		return 0;
	}
}

int bcache_get(struct bcache *cache, uint64_t number, struct bblock **block_out)
{
	return get(cache, number, true, block_out);
}

int bcache_get_new(struct bcache *cache, uint64_t number, struct bblock **block_out)
{
	return get(cache, number, false, block_out);
}

struct bblock *bcache_find(struct bcache *cache, uint64_t number)
{
	bool enabled = spin_lock_events(&cache->lock);
	struct bblock *block = find(cache, number);

	if (block && block->valid)
		block->refs++;
	else
		block = NULL;
	spin_unlock_events(&cache->lock, enabled);
	return block;
}

void bcache_put(struct bcache *cache, struct bblock *block)
{
	bool enabled = spin_lock_events(&cache->lock);
	bool last = --block->refs == 0 && block->gone;

	spin_unlock_events(&cache->lock, enabled);
	if (last)
		free_block(cache, block);
}

/* Under the lock. */
static void make_dirty(struct bcache *cache, struct bblock *block, enum bcache_class class_)
{
	if (block->dirty) {
		cache->dirty_count[block->class_]--;
		list_remove(&block->list);
	} else {
		block->since = ++cache->dirtied;
	}
	block->dirty = true;
	block->class_ = class_;
	cache->dirty_count[class_]++;
	list_append(&cache->dirty[class_], &block->list);
}

void bcache_dirty_file(struct bcache *cache, struct bblock *block, enum bcache_class class_,
		       uint64_t file)
{
	bool enabled = spin_lock_events(&cache->lock);
	bool stays = block->dirty && (block->class_ == class_ ||
				      (block->class_ == BCACHE_ORDERED && class_ == BCACHE_DATA));

	block->file = file;
	if (!block->held && !block->gone && !stays)
		make_dirty(cache, block, class_);
	spin_unlock_events(&cache->lock, enabled);
}

void bcache_dirty(struct bcache *cache, struct bblock *block, enum bcache_class class_)
{
	bcache_dirty_file(cache, block, class_, 0);
}

bool bcache_hold(struct bcache *cache, struct bblock *block)
{
	bool enabled, held;

	/* What is being written now must not change below the device. */
	for (;;) {
		enabled = spin_lock_events(&cache->lock);
		if (!block->writing)
			break;
		spin_unlock_events(&cache->lock, enabled);
		(void)waitq_wait(&cache->waiters, !READ_ONCE(block->writing), TIME_NEVER, false);
	}
	held = block->held;
	if (!held) {
		if (block->dirty) {
			cache->dirty_count[block->class_]--;
			list_remove(&block->list);
			block->dirty = false;
		}
		block->held = true;
		block->refs++;
	}
	spin_unlock_events(&cache->lock, enabled);
	return !held;
}

void bcache_release(struct bcache *cache, struct bblock *block, enum bcache_class class_)
{
	bool enabled = spin_lock_events(&cache->lock);

	block->held = false;
	list_init(&block->list);
	if (class_ != BCACHE_CLASSES && !block->gone)
		make_dirty(cache, block, class_);
	spin_unlock_events(&cache->lock, enabled);
	bcache_put(cache, block);
}

void bcache_forget(struct bcache *cache, uint64_t number)
{
	struct bblock *block;
	bool enabled, last;

	for (;;) {
		enabled = spin_lock_events(&cache->lock);
		block = find(cache, number);
		if (!block || (!block->busy && !block->writing))
			break;
		block->refs++;
		spin_unlock_events(&cache->lock, enabled);
		(void)waitq_wait(&cache->waiters,
				 !READ_ONCE(block->busy) && !READ_ONCE(block->writing), TIME_NEVER,
				 false);
		bcache_put(cache, block);
	}
	last = false;
	if (block) {
		unlink_block(cache, block);
		last = block->refs == 0;
	}
	spin_unlock_events(&cache->lock, enabled);
	if (last)
		free_block(cache, block);
}

/* What is written back: what was dirty in class_ (of one file, unless it is 0), or, with
 * BCACHE_CLASSES, within the range, when the call began. */
struct wanted {
	enum bcache_class class_;
	uint64_t file, first, count;
	uint64_t until; /* cache->dirtied then */
};

/* Takes such blocks, up to WRITE_BATCH of them. Under the lock. *later_out: some are being written
 * by others, and have changed since. */
static size_t collect(struct bcache *cache, struct bblock **blocks, const struct wanted *wanted,
		      bool *later_out)
{
	size_t n = 0;

	*later_out = false;

	if (wanted->class_ != BCACHE_CLASSES) {
		struct list_node *node;

		list_for_each (node, &cache->dirty[wanted->class_]) {
			struct bblock *block = container_of(node, struct bblock, list);

			if (block->since > wanted->until ||
			    (wanted->file && block->file != wanted->file))
				continue;
			if (block->writing)
				*later_out = true;
			else
				blocks[n++] = block;
			if (n == WRITE_BATCH)
				break;
		}
	} else {
		for (uint64_t i = 0; i < wanted->count && n < WRITE_BATCH; i++) {
			struct bblock *block = find(cache, wanted->first + i);

			if (!block || !block->dirty || block->since > wanted->until)
				continue;
			if (block->writing)
				*later_out = true;
			else
				blocks[n++] = block;
		}
	}
	for (size_t i = 0; i < n; i++) {
		struct bblock *block = blocks[i];

		block->refs++;
		WRITE_SHARED(block->writing, true);
		/* Changes made from here on make it dirty again. */
		block->dirty = false;
		cache->dirty_count[block->class_]--;
		list_remove(&block->list);
	}
	WRITE_SHARED(cache->writing_count, cache->writing_count + n);
	return n;
}

static void sort_blocks(struct bblock **blocks, size_t count)
{
	/* Shell's: short, no recursion, next to nothing for what comes in order. */
	for (size_t gap = count / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < count; i++) {
			struct bblock *block = blocks[i];
			size_t j = i;

			for (; j >= gap && blocks[j - gap]->number > block->number; j -= gap)
				blocks[j] = blocks[j - gap];
			blocks[j] = block;
		}
}

/* Writes what collect() took; what failed is dirty again. */
static int write_collected(struct bcache *cache, struct bblock **blocks, size_t n)
{
	bool enabled;
	int error;

	sort_blocks(blocks, n);
	error = bcache_write_blocks(cache, blocks, n);
	enabled = spin_lock_events(&cache->lock);
	cache->unflushed = true;
	WRITE_SHARED(cache->writes, cache->writes + n);
	WRITE_SHARED(cache->writing_count, cache->writing_count - n);
	for (size_t i = 0; i < n; i++) {
		struct bblock *block = blocks[i];

		WRITE_SHARED(block->writing, false);
		if (block->error && !block->dirty && !block->held && !block->gone)
			make_dirty(cache, block, (enum bcache_class)block->class_);
	}
	spin_unlock_events(&cache->lock, enabled);
	waitq_wake_all(&cache->waiters);
	for (size_t i = 0; i < n; i++)
		bcache_put(cache, blocks[i]);
	return error;
}

/* What others had begun to write before counts too. */
static void wait_for_writers(struct bcache *cache)
{
	(void)waitq_wait(&cache->waiters, READ_ONCE(cache->writing_count) == 0, TIME_NEVER, false);
}

static int write_back(struct bcache *cache, struct wanted *wanted)
{
	struct bblock **blocks = NULL;
	int error = 0, result;
	bool enabled = spin_lock_events(&cache->lock), any = true, later;

	wanted->until = cache->dirtied;
	if (wanted->class_ != BCACHE_CLASSES) {
		any = cache->dirty_count[wanted->class_] > 0;
		error = cache->error;
		cache->error = 0;
	}
	spin_unlock_events(&cache->lock, enabled);
	if (any)
		blocks = heap_alloc(WRITE_BATCH * sizeof(*blocks));
	if (any && !blocks)
		return -ENOMEM;
	while (any) {
		size_t n;

		enabled = spin_lock_events(&cache->lock);
		n = collect(cache, blocks, wanted, &later);
		spin_unlock_events(&cache->lock, enabled);
		result = n ? write_collected(cache, blocks, n) : 0;
		error = error ? error : result;
		/* What changed while others wrote it is ours when they are done. */
		if (!n && later)
			wait_for_writers(cache);
		any = n || later;
	}
	heap_free(blocks);
	wait_for_writers(cache);
	return error;
}

int bcache_write_dirty(struct bcache *cache, enum bcache_class class_)
{
	return bcache_write_file(cache, class_, 0);
}

int bcache_write_file(struct bcache *cache, enum bcache_class class_, uint64_t file)
{
	struct wanted wanted = {.class_ = class_, .file = file};

	return write_back(cache, &wanted);
}

int bcache_write_range(struct bcache *cache, uint64_t first, uint64_t count)
{
	struct wanted wanted = {.class_ = BCACHE_CLASSES, .first = first, .count = count};

	return write_back(cache, &wanted);
}
