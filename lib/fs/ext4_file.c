/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contents of files. inode->lock is held during each call, so a read sees all of a write or
 * nothing; what is in memory is read without any lock of the file system's.
 *
 * A write takes the blocks it needs and puts the bytes into the cache in one transaction, which is
 * committed after the data of new blocks and new ends are at home: after a power cut a file never
 * shows what its blocks held before. Other data go home with a sync of their file, of all files, or
 * when the cache needs room.
 */
#include "core/heap.h"
#include "core/time.h"
#include "lib/fs/ext4_parts.h"

#define READ_AHEAD_BLOCKS 32u
/* `accessed` is written when it is older than a change, or than this. */
#define ACCESSED_STALE_S (24 * 3600)

static bool is_later(struct node_time a, struct node_time b)
{
	return a.s > b.s || (a.s == b.s && a.ns > b.ns);
}

/* `accessed` as Linux's relatime has it; looked at once a second, and after each change. */
static void touch(struct ext4_inode *inode)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	struct node_time now, accessed, modified, changed;

	if (e4->no_atime || e4->fs.read_only || inode->raw.small.i_flags & EXT2_NOATIME_FL ||
	    inode->accessed_ns - time_wall_ns() < NS_PER_S)
		return;
	accessed = ext4_get_time(inode, EXT4_ACCESSED);
	modified = ext4_get_time(inode, EXT4_MODIFIED);
	changed = ext4_get_time(inode, EXT4_CHANGED);
	now = ext4_now();
	if (!e4->strict_atime && is_later(accessed, modified) && is_later(accessed, changed) &&
	    now.s - accessed.s < ACCESSED_STALE_S) {
		inode->accessed_ns = time_wall_ns() + NS_PER_S;
		return;
	}
	if (ext4_begin(e4))
		return;
	ext4_set_times(inode, EXT4_ACCESSED, now);
	(void)ext4_inode_change(inode, false);
	ext4_end(e4);
}

/* Bytes of one block, or of a hole. */
static int read_block(struct ext4_inode *inode, const struct ext4_extent *extent, uint32_t into,
		      uint32_t bytes, void *bytes_out)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	struct bblock *block;
	int error;

	if (extent->physical == 0 || extent->unwritten) {
		memset(bytes_out, 0, bytes);
		return 0;
	}
	error = bcache_get(e4->cache, extent->physical, &block);
	if (error)
		return error;
	memcpy(bytes_out, block->bytes + into, bytes);
	bcache_put(e4->cache, block);
	return 0;
}

/* A reader that goes on where it stopped will want what follows. */
static void read_ahead(struct ext4_inode *inode, const struct ext4_extent *extent, uint64_t wanted)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint64_t count = wanted;

	if (extent->physical == 0 || extent->unwritten)
		return;
	if (inode->read_next == extent->logical && extent->logical % READ_AHEAD_BLOCKS == 0)
		count = wanted + READ_AHEAD_BLOCKS;
	if (count > extent->count)
		count = extent->count;
	if (count > 1)
		bcache_read_ahead(e4->cache, extent->physical, (uint32_t)count);
}

/* Whole blocks past the cache, as many as lie together. Blocks read; 0: not this way. */
static int64_t read_direct(struct ext4_inode *inode, const struct ext4_extent *extent,
			   uint64_t bytes, void *bytes_out)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint64_t count = bytes >> e4->block_shift;
	int error;

	if (extent->physical == 0 || extent->unwritten || count == 0)
		return 0;
	if (count > extent->count)
		count = extent->count;
	error = bcache_read_direct(e4->cache, extent->physical, (uint32_t)count, bytes_out);
	return error ? error : (int64_t)count;
}

static int64_t read_locked(struct ext4_inode *inode, uint8_t *bytes_out, size_t bytes_max,
			   uint64_t offset, unsigned int flags)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint64_t size = ext4_size(inode);
	size_t done = 0;
	int error = 0;

	if (offset >= size)
		return 0;
	if (bytes_max > size - offset)
		bytes_max = (size_t)(size - offset);
	while (done < bytes_max && !error) {
		uint64_t logical = (offset + done) >> e4->block_shift;
		uint32_t into = (uint32_t)((offset + done) & (e4->block_bytes - 1));
		uint32_t n = e4->block_bytes - into;
		struct ext4_extent extent;
		int64_t direct = 0;

		if (n > bytes_max - done)
			n = (uint32_t)(bytes_max - done);
		error = ext4_map(inode, logical, &extent);
		if (error)
			break;
		if (flags & NODE_DIRECT && into == 0)
			direct = read_direct(inode, &extent, bytes_max - done, bytes_out + done);
		if (direct < 0)
			error = (int)direct;
		if (direct != 0) {
			done += direct > 0 ? (size_t)direct << e4->block_shift : 0;
			continue;
		}
		if (!(flags & NODE_DIRECT) && (done == 0 || logical % READ_AHEAD_BLOCKS == 0))
			read_ahead(inode, &extent,
				   (bytes_max - done + into + e4->block_bytes - 1) >>
					   e4->block_shift);
		error = read_block(inode, &extent, into, n, bytes_out + done);
		if (!error)
			done += n;
	}
	inode->read_next = (offset + done) >> e4->block_shift;
	return done ? (int64_t)done : error;
}

/* Direct transfers begin and end on the device's blocks. */
static bool direct_is_aligned(const struct ext4 *e4, uint64_t offset, size_t bytes)
{
	return ((offset | bytes) & (e4->device->info.block_bytes - 1)) == 0;
}

int64_t ext4_read(struct node *node, void *bytes_out, size_t bytes_max, uint64_t offset,
		  unsigned int flags)
{
	struct ext4_inode *inode = ext4_inode_of(node);
	int64_t result;

	if (!node_is(node, NODE_FILE))
		return node_is(node, NODE_DIRECTORY) ? -EISDIR : -EINVAL;
	if (flags & NODE_DIRECT && !direct_is_aligned(ext4_of(node), offset, bytes_max))
		return -EINVAL;
	sleeplock_lock(&inode->lock);
	result = read_locked(inode, bytes_out, bytes_max, offset, flags);
	if (result >= 0 && bytes_max && !(flags & NODE_NOATIME))
		touch(inode);
	sleeplock_unlock(&inode->lock);
	return result;
}

/* --- writing --- */

/* The bytes into the block at physical. fresh: its old contents are of no use. */
static int fill_block(struct ext4_inode *inode, uint64_t physical, bool fresh,
		      enum bcache_class class_, uint32_t into, uint32_t bytes_count,
		      const uint8_t *bytes)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	struct bblock *block;
	bool whole = bytes_count == e4->block_bytes;
	int error = fresh || whole ? bcache_get_new(e4->cache, physical, &block)
				   : bcache_get(e4->cache, physical, &block);

	if (error)
		return error;
	if (fresh && !whole)
		memset(block->bytes, 0, e4->block_bytes);
	memcpy(block->bytes + into, bytes, bytes_count);
	block->checked = 0;
	bcache_dirty_file(e4->cache, block, class_, inode->number);
	bcache_put(e4->cache, block);
	return 0;
}

/* ordered: the transaction makes reachable what is written. */
static int fill_run(struct ext4_inode *inode, uint64_t physical, uint32_t count, bool fresh,
		    bool ordered, uint32_t into, size_t bytes_count, const uint8_t *bytes)
{
	const struct ext4 *e4 = ext4_inode_fs(inode);
	enum bcache_class class_ = fresh || ordered ? BCACHE_ORDERED : BCACHE_DATA;
	int error = 0;

	for (uint32_t i = 0; i < count && bytes_count && !error; i++) {
		uint32_t n = e4->block_bytes - into;

		if (n > bytes_count)
			n = (uint32_t)bytes_count;
		error = fill_block(inode, physical + i, fresh, class_, into, n, bytes);
		bytes += n;
		bytes_count -= n;
		into = 0;
	}
	return error;
}

/* Where the file's next block had best be. */
static uint64_t goal_of(struct ext4_inode *inode, uint64_t logical)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	struct ext4_extent before;
	uint32_t group = (inode->number - 1) / EXT2_INODES_PER_GROUP(e4->lib->super);

	if (logical && ext4_map(inode, logical - 1, &before) == 0 && before.physical)
		return before.physical + 1;
	if (inode->goal)
		return inode->goal;
	return ext2fs_group_first_block2(e4->lib, group);
}

/* Blocks for up to want, from logical on, with the bytes in them. Blocks taken, or -errno. In a
 * transaction. */
static int take_blocks(struct ext4_inode *inode, uint64_t logical, uint32_t want, uint32_t into,
		       size_t bytes_count, const uint8_t *bytes)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	struct ext4_run run;
	int error = ext4_blocks_alloc(e4, goal_of(inode, logical), want, &run);

	if (error)
		return error;
	error = fill_run(inode, run.first, run.count, true, true, into, bytes_count, bytes);
	if (!error)
		error = ext4_map_set(inode, logical, run.first, run.count, false);
	if (error) {
		(void)ext4_blocks_free(e4, run.first, run.count, false);
		return error;
	}
	inode->goal = run.first + run.count;
	return (int)run.count;
}

/* The file's new end and times. In a transaction. */
static int set_written(struct ext4_inode *inode, uint64_t end)
{
	struct node_time now = ext4_now();
	bool grows = end > ext4_size(inode);

	if (grows)
		ext4_set_size(inode, end);
	ext4_set_times(inode, EXT4_MODIFIED | EXT4_CHANGED, now);
	return ext4_inode_change(inode, grows);
}

/* One step of a write: neighbouring blocks of one kind, in one transaction. Bytes; -errno. */
static int64_t write_step(struct ext4_inode *inode, const uint8_t *bytes, size_t bytes_count,
			  uint64_t offset)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint64_t logical = offset >> e4->block_shift;
	uint32_t into = (uint32_t)(offset & (e4->block_bytes - 1)), count = EXT4_WRITE_BLOCKS;
	uint64_t blocks = (into + bytes_count + e4->block_bytes - 1) >> e4->block_shift;
	struct ext4_extent extent;
	size_t most;
	int result = ext4_map(inode, logical, &extent);

	if (result)
		return result;
	if (count > blocks)
		count = (uint32_t)blocks;
	if (count > extent.count)
		count = extent.count;
	if (extent.unwritten && count > 8)
		count = 8;
	most = ((size_t)count << e4->block_shift) - into;
	if (most > bytes_count)
		most = bytes_count;
	result = ext4_begin(e4);
	if (result)
		return result;
	if (extent.physical == 0) {
		result = take_blocks(inode, logical, count, into, most, bytes);
		if (result > 0 && ((size_t)result << e4->block_shift) - into < most)
			most = ((size_t)result << e4->block_shift) - into;
	} else {
		result = fill_run(inode, extent.physical, count, extent.unwritten,
				  offset + most > ext4_size(inode), into, most, bytes);
		if (!result && extent.unwritten)
			result = ext4_map_written(inode, logical, extent.physical, count);
	}
	if (result >= 0)
		result = set_written(inode, offset + most);
	ext4_end(e4);
	return result < 0 ? result : (int64_t)most;
}

/* The rest of the block that bytes ends in becomes zeros, since the file is about to grow. Not
 * when it is cut: a power cut before that is committed would leave the old end with zeros before
 * it. */
static int zero_rest(struct ext4_inode *inode, uint64_t bytes)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint32_t into = (uint32_t)(bytes & (e4->block_bytes - 1));
	struct ext4_extent extent;
	struct bblock *block;
	int error;

	if (into == 0)
		return 0;
	error = ext4_map(inode, bytes >> e4->block_shift, &extent);
	if (error || extent.physical == 0 || extent.unwritten)
		return error;
	error = bcache_get(e4->cache, extent.physical, &block);
	if (error)
		return error;
	memset(block->bytes + into, 0, e4->block_bytes - into);
	bcache_dirty_file(e4->cache, block, BCACHE_ORDERED, inode->number);
	bcache_put(e4->cache, block);
	return 0;
}

/* Everything in place of the bytes between the old end and a write behind it reads as zeros: the
 * rest of the last block, and then a hole. */
static int64_t write_locked(struct ext4_inode *inode, const uint8_t *bytes, size_t bytes_count,
			    uint64_t offset)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint64_t most = (ext4_logical_max(inode) + 1) << e4->block_shift;
	size_t done = 0;
	bool retried = false;

	if (offset >= most)
		return -EFBIG;
	if (bytes_count > most - offset)
		bytes_count = (size_t)(most - offset);
	if (offset > ext4_size(inode)) {
		int error = zero_rest(inode, ext4_size(inode));

		if (error)
			return error;
	}
	while (done < bytes_count) {
		int64_t n = write_step(inode, bytes + done, bytes_count - done, offset + done);

		if (n == -ENOSPC && !retried) {
			/* What was freed lately is free after a commit. */
			retried = true;
			if (ext4_commit(e4, UINT64_MAX) == 0)
				continue;
		}
		if (n < 0)
			return done ? (int64_t)done : n;
		retried = false;
		done += (size_t)n;
	}
	return (int64_t)done;
}

/* What was written to the range is at home: for O_DIRECT. */
static int write_home(struct ext4_inode *inode, uint64_t offset, uint64_t bytes)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint64_t logical = offset >> e4->block_shift;
	uint64_t end = (offset + bytes + e4->block_bytes - 1) >> e4->block_shift;
	int error = 0;

	while (logical < end && !error) {
		struct ext4_extent extent;

		error = ext4_map(inode, logical, &extent);
		if (error)
			break;
		if (extent.count > end - logical)
			extent.count = (uint32_t)(end - logical);
		if (extent.physical)
			error = bcache_write_range(e4->cache, extent.physical, extent.count);
		logical += extent.count;
	}
	return error;
}

static int sync_locked(struct ext4_inode *inode, bool data_only)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint64_t id = data_only ? inode->data_txn : inode->txn;
	int error, late;

	/* Names, which belong to no inode: all that happened to them until now. */
	if (node_is(&inode->node, NODE_DIRECTORY))
		id = UINT64_MAX;
	/* The data of what is not committed yet are written by the commit. */
	error = bcache_write_file(e4->cache, BCACHE_DATA, inode->number);
	if (!error && id > e4->committed)
		error = ext4_commit(e4, id);
	else if (!error)
		error = bcache_flush(e4->cache);
	late = __atomic_exchange_n(&e4->write_error, 0, __ATOMIC_RELAXED);
	return error ? error : late;
}

int64_t ext4_write(struct node *node, const void *bytes, size_t bytes_count, uint64_t *offset,
		   unsigned int flags)
{
	struct ext4_inode *inode = ext4_inode_of(node);
	int64_t result;
	int error = 0;

	if (!node_is(node, NODE_FILE))
		return node_is(node, NODE_DIRECTORY) ? -EISDIR : -EINVAL;
	sleeplock_lock(&inode->lock);
	if (flags & NODE_APPEND)
		*offset = ext4_size(inode);
	if (flags & NODE_DIRECT && !direct_is_aligned(ext4_of(node), *offset, bytes_count)) {
		sleeplock_unlock(&inode->lock);
		return -EINVAL;
	}
	result = bytes_count ? write_locked(inode, bytes, bytes_count, *offset) : 0;
	if (result > 0 && flags & NODE_DIRECT)
		error = write_home(inode, *offset, (uint64_t)result);
	if (result > 0 && !error && flags & (NODE_SYNC | NODE_DSYNC))
		error = sync_locked(inode, !(flags & NODE_SYNC));
	sleeplock_unlock(&inode->lock);
	return error ? error : result;
}

int ext4_sync(struct node *node, bool data_only)
{
	/* No lock of the file's: what others write meanwhile need not be in it. */
	return sync_locked(ext4_inode_of(node), data_only);
}

/* --- size and space --- */

int ext4_cut(struct ext4_inode *inode, uint64_t bytes)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint64_t logical = (bytes + e4->block_bytes - 1) >> e4->block_shift;
	int more = 1;

	while (more > 0) {
		more = ext4_begin(e4);
		if (more)
			return more;
		more = ext4_map_cut(inode, logical);
		ext4_end(e4);
	}
	return more;
}

static int shrink(struct ext4_inode *inode, uint64_t bytes)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	int error = ext4_begin(e4);

	if (error)
		return error;
	/* From here on a power cut ends in the whole of it: the list says what is to be cut. */
	error = ext4_orphan_add(inode);
	if (!error) {
		ext4_set_size(inode, bytes);
		ext4_set_times(inode, EXT4_MODIFIED | EXT4_CHANGED, ext4_now());
		error = ext4_inode_change(inode, true);
	}
	ext4_end(e4);
	if (!error)
		error = ext4_cut(inode, bytes);
	if (!error)
		error = ext4_begin(e4);
	if (error)
		return error;
	if (inode->raw.small.i_links_count)
		error = ext4_orphan_remove(inode);
	ext4_end(e4);
	return error;
}

int ext4_resize(struct ext4_inode *inode, uint64_t bytes)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	int error;

	if (bytes > (ext4_logical_max(inode) + 1) << e4->block_shift)
		return -EFBIG;
	if (bytes < ext4_size(inode))
		return shrink(inode, bytes);
	error = bytes > ext4_size(inode) ? zero_rest(inode, ext4_size(inode)) : 0;
	if (!error)
		error = ext4_begin(e4);
	if (error)
		return error;
	ext4_set_size(inode, bytes);
	ext4_set_times(inode, EXT4_MODIFIED | EXT4_CHANGED, ext4_now());
	error = ext4_inode_change(inode, true);
	ext4_end(e4);
	return error;
}

/* Without extents there is nothing between a hole and a block: one block of zeros. */
static int allocate_zeros(struct ext4_inode *inode, uint64_t logical)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint8_t *zeros = heap_alloc_zeroed(e4->block_bytes);
	int result = zeros ? ext4_begin(e4) : -ENOMEM;

	if (result == 0) {
		result = take_blocks(inode, logical, 1, 0, e4->block_bytes, zeros);
		ext4_end(e4);
	}
	heap_free(zeros);
	return result;
}

/* Unwritten blocks for a part of a hole. Blocks, or -errno. */
static int64_t allocate_step(struct ext4_inode *inode, uint64_t logical, uint64_t count)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	struct ext4_extent extent;
	struct ext4_run run;
	int error = ext4_map(inode, logical, &extent);

	if (error)
		return error;
	if (extent.count > count)
		extent.count = (uint32_t)count;
	if (extent.physical)
		return extent.count;
	if (!(inode->raw.small.i_flags & EXT4_EXTENTS_FL))
		return allocate_zeros(inode, logical);
	error = ext4_begin(e4);
	if (error)
		return error;
	error = ext4_blocks_alloc(
		e4, goal_of(inode, logical),
		extent.count < EXT_UNINIT_MAX_LEN ? extent.count : EXT_UNINIT_MAX_LEN, &run);
	if (!error) {
		error = ext4_map_set(inode, logical, run.first, run.count, true);
		if (error)
			(void)ext4_blocks_free(e4, run.first, run.count, false);
	}
	ext4_end(e4);
	return error ? error : (int64_t)run.count;
}

static int reserve(struct ext4_inode *inode, uint64_t offset, uint64_t bytes, bool keep_size)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint64_t logical = offset >> e4->block_shift;
	uint64_t end = (offset + bytes + e4->block_bytes - 1) >> e4->block_shift;
	bool retried = false;
	int error;

	/* They would be read when the file grows over them. */
	if (!(inode->raw.small.i_flags & EXT4_EXTENTS_FL) && keep_size)
		return -EOPNOTSUPP;
	if (end > ext4_logical_max(inode))
		return -EFBIG;
	while (logical < end) {
		int64_t n = allocate_step(inode, logical, end - logical);

		if (n == -ENOSPC && !retried) {
			retried = true;
			if (ext4_commit(e4, UINT64_MAX) == 0)
				continue;
		}
		if (n < 0)
			return (int)n;
		logical += (uint64_t)n;
	}
	if (keep_size || offset + bytes <= ext4_size(inode))
		return 0;
	error = ext4_begin(e4);
	if (error)
		return error;
	error = set_written(inode, offset + bytes);
	ext4_end(e4);
	return error;
}

/* Zeros in the part [offset, end) of one block. */
static int zero_part(struct ext4_inode *inode, uint64_t offset, uint64_t end)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint32_t into = (uint32_t)(offset & (e4->block_bytes - 1));
	struct ext4_extent extent;
	struct bblock *block;
	int error = ext4_map(inode, offset >> e4->block_shift, &extent);

	if (error || offset >= end || extent.physical == 0 || extent.unwritten)
		return error;
	error = bcache_get(e4->cache, extent.physical, &block);
	if (error)
		return error;
	memset(block->bytes + into, 0, (size_t)(end - offset));
	bcache_dirty_file(e4->cache, block, BCACHE_DATA, inode->number);
	bcache_put(e4->cache, block);
	return 0;
}

static int make_hole(struct ext4_inode *inode, uint64_t offset, uint64_t bytes)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint64_t size = ext4_size(inode), end, first, last;
	int error = 0;

	if (offset >= size)
		return 0;
	end = bytes > size - offset ? size : offset + bytes;
	first = (offset + e4->block_bytes - 1) >> e4->block_shift;
	last = end >> e4->block_shift;
	if (first > last) {
		error = zero_part(inode, offset, end);
	} else {
		error = zero_part(inode, offset, first << e4->block_shift);
		if (!error)
			error = zero_part(inode, last << e4->block_shift, end);
		/* The block the file ends in goes whole. */
		if (end == size && end & (e4->block_bytes - 1))
			last += last << e4->block_shift >= offset;
	}
	while (first < last && !error) {
		uint32_t count = last - first < EXT4_PUNCH_BLOCKS ? (uint32_t)(last - first)
								  : EXT4_PUNCH_BLOCKS;

		error = ext4_begin(e4);
		if (error)
			break;
		error = ext4_map_punch(inode, first, count);
		if (!error)
			error = set_written(inode, 0);
		ext4_end(e4);
		first += count;
	}
	return error;
}

int ext4_allocate(struct node *node, uint64_t offset, uint64_t bytes, unsigned int flags)
{
	struct ext4_inode *inode = ext4_inode_of(node);
	int error;

	if (!node_is(node, NODE_FILE))
		return -ENODEV;
	if (flags & ~(NODE_KEEP_SIZE | NODE_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (bytes == 0 || offset + bytes < offset)
		return -EINVAL;
	sleeplock_lock(&inode->lock);
	error = flags & NODE_PUNCH_HOLE ? make_hole(inode, offset, bytes)
					: reserve(inode, offset, bytes, flags & NODE_KEEP_SIZE);
	sleeplock_unlock(&inode->lock);
	return error;
}
