/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The running transaction. Whoever changes metadata holds e4->lock meanwhile (ext4_begin), so a
 * commit, which takes it too, always finds operations whole.
 *
 * A commit copies what the transaction holds into the log's area, opens the next transaction and
 * lets go of the lock; data and log are written while others go on. A block the next one changes
 * meanwhile moves over to it, the others may go home when the commit is safe. A transaction too
 * large for the area is written with the lock held. Without a log a commit writes everything in
 * place.
 */
#include "core/heap.h"
#include "lib/fs/ext4_parts.h"

/* A transaction is at most this part of the log, so that two fit beside what is not home yet. */
#define LOG_SHARE 5u
/* Without a log, or with a large one. */
#define TXN_BLOCKS_MAX 2048u
#define TXN_FREED_MAX  4096u

int ext4_grow(void **array, size_t count, size_t *max, size_t element_bytes)
{
	size_t want = *max ? *max * 2 : 64;
	void *larger;

	if (count < *max)
		return 0;
	larger = heap_realloc(*array, want * element_bytes);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	*max = want;
	return 0;
}

int ext4_txn_create(struct ext4 *e4)
{
	size_t groups = e4->lib->group_desc_count;

	list_init(&e4->txn.held);
	list_init(&e4->txn.inodes);
	list_init(&e4->committing_held);
	e4->txn.id = 1;
	e4->txn.groups = heap_alloc_zeroed(groups);
	e4->txn.groups_changed = heap_alloc(groups * sizeof(uint32_t));
	e4->txn_blocks_max =
		e4->log.present ? (e4->log.blocks - e4->log.first) / LOG_SHARE : TXN_BLOCKS_MAX;
	if (e4->txn_blocks_max > TXN_BLOCKS_MAX)
		e4->txn_blocks_max = TXN_BLOCKS_MAX;
	/* Nor more than half of the cache, where they cannot go away. */
	if (e4->txn_blocks_max > e4->cache->blocks_max / 2)
		e4->txn_blocks_max = e4->cache->blocks_max / 2;
	if (e4->txn_blocks_max < EXT4_OP_BLOCKS * 2)
		e4->txn_blocks_max = EXT4_OP_BLOCKS * 2;
	return e4->txn.groups && e4->txn.groups_changed ? 0 : -ENOMEM;
}

static void release_all(struct ext4 *e4, struct list_node *held, enum bcache_class class_)
{
	while (!list_empty(held)) {
		struct bblock *block = container_of(held->next, struct bblock, list);

		list_remove(&block->list);
		block->owner = 0;
		bcache_release(e4->cache, block, class_);
	}
}

void ext4_txn_destroy(struct ext4 *e4)
{
	if (!e4->txn.held.next)
		return;
	release_all(e4, &e4->txn.held, BCACHE_CLASSES);
	release_all(e4, &e4->committing_held, BCACHE_CLASSES);
	heap_free(e4->txn.freed);
	heap_free(e4->committing_freed);
	heap_free(e4->txn.revoked);
	heap_free(e4->txn.groups);
	heap_free(e4->txn.groups_changed);
}

int ext4_begin(struct ext4 *e4)
{
	for (;;) {
		int error;

		sleeplock_lock(&e4->lock);
		if (e4->aborted || e4->fs.read_only) {
			sleeplock_unlock(&e4->lock);
			return -EROFS;
		}
		if (e4->txn.held_count + EXT4_OP_BLOCKS <= e4->txn_blocks_max &&
		    e4->txn.freed_count <= TXN_FREED_MAX && e4->txn.revoked_count <= TXN_FREED_MAX)
			return 0;
		sleeplock_unlock(&e4->lock);
		error = ext4_commit(e4, UINT64_MAX);
		if (error)
			return error;
	}
}

void ext4_end(struct ext4 *e4)
{
	sleeplock_unlock(&e4->lock);
}

void ext4_group_changed(struct ext4 *e4, uint32_t group, unsigned int what)
{
	if (!(e4->txn.groups[group] & EXT4_GROUP_CHANGED))
		e4->txn.groups_changed[e4->txn.groups_count++] = group;
	e4->txn.groups[group] |= (uint8_t)(what | EXT4_GROUP_CHANGED);
	e4->txn.super = true;
}

static bool txn_is_empty(const struct ext4_txn *txn)
{
	return txn->held_count == 0 && list_empty(&txn->inodes) && txn->groups_count == 0 &&
	       !txn->super && txn->freed_count == 0;
}

/* Everything the transaction changed is in its blocks. Under e4->lock. */
static int txn_close(struct ext4 *e4)
{
	int error;

	ext4_blocks_apply_freed(e4);
	error = ext4_inodes_flush(e4);
	if (!error)
		error = ext4_groups_flush(e4);
	return error;
}

static void sort_runs(struct ext4_run *runs, size_t count)
{
	for (size_t gap = count / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < count; i++) {
			struct ext4_run run = runs[i];
			size_t j = i;

			for (; j >= gap && runs[j - gap].first > run.first; j -= gap)
				runs[j] = runs[j - gap];
			runs[j] = run;
		}
}

/* What the transaction freed stays out of use until it is safe. */
static void keep_freed(struct ext4 *e4)
{
	struct ext4_txn *txn = &e4->txn;
	struct ext4_run *runs = txn->freed;
	size_t max = txn->freed_max;

	sort_runs(runs, txn->freed_count);
	txn->freed = e4->committing_freed;
	txn->freed_max = e4->committing_freed_max;
	e4->committing_freed = runs;
	e4->committing_freed_max = max;
	e4->committing_freed_count = txn->freed_count;
	txn->freed_count = 0;
}

/* The blocks are the committing transaction's, a new one begins. Under e4->lock. */
static void txn_next(struct ext4 *e4)
{
	struct ext4_txn *txn = &e4->txn;
	struct list_node *node;

	if (!list_empty(&txn->held)) {
		e4->committing_held = txn->held;
		e4->committing_held.next->prev = &e4->committing_held;
		e4->committing_held.prev->next = &e4->committing_held;
		list_init(&txn->held);
	}
	/* What the next one changes moves over, see ext4_block_change(). */
	list_for_each (node, &e4->committing_held)
		container_of(node, struct bblock, list)->owner = 0;
	keep_freed(e4);
	txn->held_count = 0;
	txn->revoked_count = 0;
	txn->super = false;
	txn->groups_count = 0;
	txn->id++;
}

int ext4_write_data(struct ext4 *e4)
{
	int error = bcache_write_dirty(e4->cache, BCACHE_DATA);
	int result = bcache_write_dirty(e4->cache, BCACHE_ORDERED);

	return error ? error : result;
}

/* No log: everything goes home, the data first. Under e4->lock. */
static int commit_in_place(struct ext4 *e4)
{
	int error = ext4_write_data(e4);
	int result;

	release_all(e4, &e4->committing_held, BCACHE_META);
	result = bcache_write_dirty(e4->cache, BCACHE_META);
	error = error ? error : result;
	result = bcache_flush(e4->cache);
	return error ? error : result;
}

/* Data are at home before the commit block says that they belong to a file. An error there is the
 * data's: it is told to whoever syncs, and the metadata are committed all the same. */
static int commit_log(struct ext4 *e4, bool locked)
{
	int error, data_error;

	data_error = bcache_write_dirty(e4->cache, BCACHE_ORDERED);
	error = ext4_log_commit(e4);
	if (!locked)
		sleeplock_lock(&e4->lock);
	if (error)
		ext4_abort(e4, error, "the log cannot be written");
	release_all(e4, &e4->committing_held, error ? BCACHE_CLASSES : BCACHE_META);
	if (data_error && !error)
		e4->write_error = data_error;
	if (!locked)
		sleeplock_unlock(&e4->lock);
	return error;
}

/* One commit. committing is held; e4->lock is, when `locked`, and stays. */
static int commit(struct ext4 *e4, bool locked)
{
	uint64_t id;
	int error = 0;
	bool whole;

	if (!locked)
		sleeplock_lock(&e4->lock);
	id = e4->txn.id;
	if (e4->aborted) {
		error = e4->aborted;
	} else if (!txn_is_empty(&e4->txn)) {
		error = txn_close(e4);
		if (!error && e4->log.present)
			error = ext4_log_write(e4, &e4->txn.held, e4->txn.held_count,
					       e4->txn.revoked, e4->txn.revoked_count);
		if (error) {
			ext4_abort(e4, error, "a transaction cannot be written");
		} else {
			txn_next(e4);
			whole = locked || !e4->log.present;
			if (!whole)
				sleeplock_unlock(&e4->lock);
			error = e4->log.present ? commit_log(e4, whole) : commit_in_place(e4);
			if (!whole)
				sleeplock_lock(&e4->lock);
			e4->committing_freed_count = 0;
			if (!error)
				e4->committed = id;
		}
	}
	if (!locked)
		sleeplock_unlock(&e4->lock);
	return error;
}

/* Everything committed is at home, with both locks held: nothing changes meanwhile. */
static int checkpoint(struct ext4 *e4)
{
	int error = commit(e4, true);

	if (error || !e4->log.present)
		return error;
	error = bcache_write_dirty(e4->cache, BCACHE_META);
	if (!error)
		error = bcache_flush(e4->cache);
	if (!error)
		error = ext4_log_reset(e4);
	if (error)
		ext4_abort(e4, error, "the log cannot be emptied");
	return error;
}

int ext4_checkpoint(struct ext4 *e4)
{
	int error;

	sleeplock_lock(&e4->committing);
	sleeplock_lock(&e4->lock);
	error = checkpoint(e4);
	sleeplock_unlock(&e4->lock);
	sleeplock_unlock(&e4->committing);
	return error;
}

int ext4_commit(struct ext4 *e4, uint64_t id)
{
	int error = 0;

	sleeplock_lock(&e4->committing);
	/* Whoever waited here may find its transaction committed by another. */
	if (id > e4->committed || e4->aborted)
		error = commit(e4, false);
	if (!error && e4->log.present && e4->log.used > (e4->log.blocks - e4->log.first) / 2) {
		sleeplock_lock(&e4->lock);
		error = checkpoint(e4);
		sleeplock_unlock(&e4->lock);
	}
	sleeplock_unlock(&e4->committing);
	return error;
}
