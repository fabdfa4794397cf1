/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a file's blocks are. Looking up is done here, for extent trees and for the block maps of
 * ext2 and ext3, straight from the cache; changing is libext2fs's work.
 *
 * Callers hold inode->lock (directories: the file system's names); those that change something are
 * in a transaction too.
 */
#include "core/heap.h"
#include "lib/fs/ext4_parts.h"

#define DEPTH_MAX       5u
#define CHECKED_EXTENTS 2u /* bblock.checked */
/* Extents freed in one transaction: each may be in a group of its own. */
#define CUT_EXTENTS 8u

static bool has_extents(const struct ext4_inode *inode)
{
	return inode->raw.small.i_flags & EXT4_EXTENTS_FL;
}

bool ext4_is_fast_link(const struct ext4_inode *inode)
{
	return node_is(&inode->node, NODE_LINK) &&
	       ext2fs_is_fast_symlink((struct ext2_inode *)&inode->raw.small);
}

uint64_t ext4_logical_max(const struct ext4_inode *inode)
{
	const struct ext4 *e4 = ext4_inode_fs(inode);
	uint64_t per = e4->block_bytes / 4;
	uint64_t most = 12 + per + per * per + per * per * per;

	if (has_extents(inode) || most > UINT32_MAX)
		return UINT32_MAX - 1;
	return most - 1;
}

void ext4_map_init(struct ext4_inode *inode)
{
	struct ext3_extent_header *header = (struct ext3_extent_header *)inode->raw.small.i_block;

	memset(inode->raw.small.i_block, 0, sizeof(inode->raw.small.i_block));
	if (!ext2fs_has_feature_extents(ext4_inode_fs(inode)->lib->super))
		return;
	inode->raw.small.i_flags |= EXT4_EXTENTS_FL;
	header->eh_magic = EXT3_EXT_MAGIC;
	header->eh_max =
		(sizeof(inode->raw.small.i_block) - sizeof(*header)) / sizeof(struct ext3_extent);
}

/* --- extents --- */

/* A node of the tree that holds at most bytes. */
static bool header_is_sane(const struct ext3_extent_header *header, size_t bytes,
			   unsigned int depth_max)
{
	return header->eh_magic == EXT3_EXT_MAGIC && header->eh_depth <= depth_max &&
	       header->eh_entries <= header->eh_max &&
	       header->eh_max <= (bytes - sizeof(*header)) / sizeof(struct ext3_extent);
}

/* The last of the sorted entries that begins at or before logical; -1. Entries of both kinds begin
 * with their logical block, and are of one size. */
static int find_entry(const struct ext3_extent_header *header, uint64_t logical)
{
	const struct ext3_extent *entries = (const struct ext3_extent *)(header + 1);
	int low = -1, high = header->eh_entries;

	while (high - low > 1) {
		int middle = (low + high) / 2;

		if (entries[middle].ee_block <= logical)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The leaf's answer. next: where the next leaf begins. */
static int in_leaf(struct ext4 *e4, const struct ext3_extent_header *header, uint64_t logical,
		   uint64_t next, struct ext4_extent *extent_out)
{
	const struct ext3_extent *entries = (const struct ext3_extent *)(header + 1);
	int i = find_entry(header, logical);
	uint64_t end = i + 1 < header->eh_entries ? entries[i + 1].ee_block : next;

	extent_out->logical = logical;
	extent_out->physical = 0;
	extent_out->unwritten = false;
	if (i >= 0) {
		uint32_t length = entries[i].ee_len;
		bool unwritten = length > EXT_INIT_MAX_LEN;
		uint64_t into = logical - entries[i].ee_block;

		if (unwritten)
			length -= EXT_INIT_MAX_LEN;
		if (into < length) {
			extent_out->physical = entries[i].ee_start +
					       ((uint64_t)entries[i].ee_start_hi << 32) + into;
			extent_out->unwritten = unwritten;
			extent_out->count = length - (uint32_t)into;
			if (extent_out->physical + extent_out->count > e4->cache->blocks ||
			    extent_out->physical <= e4->lib->super->s_first_data_block)
				return -EIO;
			return 0;
		}
	}
	if (end <= logical)
		return -EIO; /* not sorted */
	extent_out->count = end - logical > UINT32_MAX ? UINT32_MAX : (uint32_t)(end - logical);
	return 0;
}

static int map_extents(struct ext4_inode *inode, uint64_t logical, struct ext4_extent *extent_out)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	const struct ext3_extent_header *header =
		(const struct ext3_extent_header *)inode->raw.small.i_block;
	size_t bytes = sizeof(inode->raw.small.i_block);
	uint64_t next = (uint64_t)UINT32_MAX + 1;
	unsigned int depth = DEPTH_MAX;
	struct bblock *block = NULL;
	int error = -EIO;

	for (;;) {
		const struct ext3_extent_idx *indexes =
			(const struct ext3_extent_idx *)(header + 1);
		struct bblock *child;
		int i;

		if (!header_is_sane(header, bytes, depth))
			break;
		if (header->eh_depth == 0) {
			error = in_leaf(e4, header, logical, next, extent_out);
			break;
		}
		i = find_entry(header, logical);
		if (i + 1 < header->eh_entries)
			next = indexes[i + 1].ei_block;
		if (i < 0)
			i = 0;
		if (header->eh_entries == 0)
			break;
		error = ext4_block_get(
			e4, indexes[i].ei_leaf + ((uint64_t)indexes[i].ei_leaf_hi << 32), &child);
		depth = header->eh_depth - 1u;
		if (block)
			bcache_put(e4->cache, block);
		block = child;
		if (error)
			return error;
		header = (const struct ext3_extent_header *)block->bytes;
		bytes = e4->block_bytes;
		error = -EIO;
		if (header->eh_depth != depth)
			break;
		if (block->checked != CHECKED_EXTENTS) {
			if (!header_is_sane(header, bytes, depth) ||
			    !ext2fs_extent_block_csum_verify(
				    e4->lib, inode->number,
				    (struct ext3_extent_header *)block->bytes))
				break;
			block->checked = CHECKED_EXTENTS;
		}
	}
	if (block)
		bcache_put(e4->cache, block);
	return error == -EIO ? ext4_corrupt(e4, "a damaged extent tree of inode", inode->number)
			     : error;
}

/* --- block maps --- */

/* How the pointers of the inode and of each level lead to logical: indexes_out, their number. */
static unsigned int path_to(const struct ext4 *e4, uint64_t logical, uint32_t indexes_out[4])
{
	uint64_t per = e4->block_bytes / 4, span = 1;
	unsigned int levels = 1;

	if (logical < 12) {
		indexes_out[0] = (uint32_t)logical;
		return 1;
	}
	logical -= 12;
	for (span = per; levels < 3 && logical >= span; span *= per) {
		logical -= span;
		levels++;
	}
	indexes_out[0] = 11 + levels;
	for (unsigned int i = 1; i <= levels; i++) {
		span /= per;
		indexes_out[i] = (uint32_t)(logical / span % per);
	}
	return levels + 1;
}

static int map_blocks(struct ext4_inode *inode, uint64_t logical, struct ext4_extent *extent_out)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	const uint32_t *pointers = inode->raw.small.i_block;
	uint32_t indexes[4], limit = 12, place = 0;
	unsigned int levels = path_to(e4, logical, indexes);
	struct bblock *block = NULL;
	int error;

	extent_out->logical = logical;
	extent_out->unwritten = false;
	for (unsigned int i = 0;; i++) {
		struct bblock *child;

		place = pointers[indexes[i]];
		if (place >= ext2fs_blocks_count(e4->lib->super)) {
			if (block)
				bcache_put(e4->cache, block);
			return ext4_corrupt(e4, "a damaged block map of inode", inode->number);
		}
		if (i + 1 == levels || place == 0)
			break;
		error = ext4_block_get(e4, place, &child);
		if (block)
			bcache_put(e4->cache, block);
		if (error)
			return error;
		block = child;
		pointers = (const uint32_t *)block->bytes;
		limit = e4->block_bytes / 4;
	}
	extent_out->physical = place;
	extent_out->count = 1;
	/* Neighbours in the same block of pointers. */
	if (place)
		while (indexes[levels - 1] + extent_out->count < limit &&
		       pointers[indexes[levels - 1] + extent_out->count] ==
			       place + extent_out->count)
			extent_out->count++;
	if (block)
		bcache_put(e4->cache, block);
	return 0;
}

int ext4_map(struct ext4_inode *inode, uint64_t logical, struct ext4_extent *extent_out)
{
	struct ext4_extent *cached = &inode->cached;
	int error;

	if (logical < cached->logical || logical - cached->logical >= cached->count) {
		error = has_extents(inode) ? map_extents(inode, logical, extent_out)
					   : map_blocks(inode, logical, extent_out);
		if (!error)
			*cached = *extent_out;
		return error;
	}
	*extent_out = *cached;
	extent_out->logical = logical;
	extent_out->count -= (uint32_t)(logical - cached->logical);
	if (cached->physical)
		extent_out->physical += logical - cached->logical;
	return 0;
}

/* --- changing --- */

static void forget_cached(struct ext4_inode *inode)
{
	inode->cached.count = 0;
}

/* A new extent where nothing is, joined with the one before when it continues that. */
static errcode_t insert_extent(ext2_extent_handle_t handle, struct ext2fs_extent *fresh)
{
	struct ext2fs_extent near;
	uint32_t most =
		fresh->e_flags & EXT2_EXTENT_FLAGS_UNINIT ? EXT_UNINIT_MAX_LEN : EXT_INIT_MAX_LEN;
	errcode_t error = ext2fs_extent_goto(handle, fresh->e_lblk);

	if (error == 0)
		return EXT2_ET_EXTENT_LEAF_BAD; /* there is something */
	if (error != EXT2_ET_EXTENT_NOT_FOUND)
		return error;
	error = ext2fs_extent_get(handle, EXT2_EXTENT_CURRENT, &near);
	if (error == EXT2_ET_NO_CURRENT_NODE)
		return ext2fs_extent_insert(handle, 0, fresh);
	if (error)
		return error;
	if (near.e_lblk + near.e_len == fresh->e_lblk &&
	    near.e_pblk + near.e_len == fresh->e_pblk &&
	    (near.e_flags & EXT2_EXTENT_FLAGS_UNINIT) ==
		    (fresh->e_flags & EXT2_EXTENT_FLAGS_UNINIT) &&
	    near.e_len + fresh->e_len <= most) {
		near.e_len += fresh->e_len;
		return ext2fs_extent_replace(handle, 0, &near);
	}
	error = ext2fs_extent_insert(
		handle, near.e_lblk < fresh->e_lblk ? EXT2_EXTENT_INSERT_AFTER : 0, fresh);
	return error ? error : ext2fs_extent_fix_parents(handle);
}

static int set_extents(struct ext4_inode *inode, uint64_t logical, uint64_t physical,
		       uint32_t count, bool unwritten)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	struct ext2fs_extent fresh = {
		.e_pblk = physical,
		.e_lblk = logical,
		.e_len = count,
		.e_flags = EXT2_EXTENT_FLAGS_LEAF | (unwritten ? EXT2_EXTENT_FLAGS_UNINIT : 0),
	};
	ext2_extent_handle_t handle;
	errcode_t error = ext2fs_extent_open2(e4->lib, inode->number, &inode->raw.small, &handle);

	if (error)
		return ext4_error_of(error);
	error = insert_extent(handle, &fresh);
	ext2fs_extent_free(handle);
	return ext4_error_of(error);
}

int ext4_map_set(struct ext4_inode *inode, uint64_t logical, uint64_t physical, uint32_t count,
		 bool unwritten)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	int error = 0;

	forget_cached(inode);
	if (has_extents(inode)) {
		error = set_extents(inode, logical, physical, count, unwritten);
	} else {
		for (uint32_t i = 0; i < count && !error; i++) {
			blk64_t place = physical + i;

			error = ext4_error_of(
				ext2fs_bmap2(e4->lib, inode->number, &inode->raw.small, NULL,
					     BMAP_SET | BMAP_ALLOC, logical + i, NULL, &place));
		}
	}
	if (!error) {
		(void)ext2fs_iblk_add_blocks(e4->lib, &inode->raw.small, count);
		error = ext4_inode_change(inode, true);
	}
	return error;
}

int ext4_map_written(struct ext4_inode *inode, uint64_t logical, uint64_t physical, uint32_t count)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	ext2_extent_handle_t handle;
	errcode_t error = ext2fs_extent_open2(e4->lib, inode->number, &inode->raw.small, &handle);

	forget_cached(inode);
	if (error)
		return ext4_error_of(error);
	for (uint32_t i = 0; i < count && !error; i++)
		error = ext2fs_extent_set_bmap(handle, logical + i, physical + i, 0);
	ext2fs_extent_free(handle);
	return error ? ext4_error_of(error) : ext4_inode_change(inode, true);
}

/* Frees an extent's tail from logical on. *done_out: nothing behind logical is left. */
static int cut_extent(struct ext4_inode *inode, ext2_extent_handle_t handle, uint64_t logical,
		      bool *done_out)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	bool metadata = node_is(&inode->node, NODE_DIRECTORY);
	struct ext2fs_extent last;
	uint32_t keep, count;
	errcode_t error = ext2fs_extent_goto(handle, EXT_MAX_EXTENT_LBLK);
	int result;

	*done_out = true;
	if (error == EXT2_ET_EXTENT_NOT_FOUND || error == 0)
		error = ext2fs_extent_get(handle, EXT2_EXTENT_CURRENT, &last);
	if (error == EXT2_ET_NO_CURRENT_NODE)
		return 0;
	if (error)
		return ext4_error_of(error);
	if (last.e_lblk + last.e_len <= logical)
		return 0;
	*done_out = last.e_lblk <= logical;
	keep = last.e_lblk < logical ? (uint32_t)(logical - last.e_lblk) : 0;
	count = last.e_len - keep;
	result = ext4_blocks_free(e4, last.e_pblk + keep, count, metadata);
	if (result)
		return result;
	(void)ext2fs_iblk_sub_blocks(e4->lib, &inode->raw.small, count);
	last.e_len = keep;
	error = keep ? ext2fs_extent_replace(handle, 0, &last) : ext2fs_extent_delete(handle, 0);
	return ext4_error_of(error);
}

static int cut_extents(struct ext4_inode *inode, uint64_t logical)
{
	ext2_extent_handle_t handle;
	bool done = false;
	int error = 0;

	for (uint32_t i = 0; i < CUT_EXTENTS && !done && !error; i++) {
		errcode_t result = ext2fs_extent_open2(ext4_inode_fs(inode)->lib, inode->number,
						       &inode->raw.small, &handle);

		if (result)
			return ext4_error_of(result);
		error = cut_extent(inode, handle, logical, &done);
		ext2fs_extent_free(handle);
	}
	return error ? error : !done;
}

/* The last pointer of a block of them that is set; -1: none is, -EIO … */
static int last_pointer(struct ext4 *e4, uint32_t place, uint32_t *pointer_out)
{
	struct bblock *block;
	int error = ext4_block_get(e4, place, &block);
	int i = (int)(e4->block_bytes / 4) - 1;

	if (error)
		return error;
	while (i >= 0 && ((const uint32_t *)block->bytes)[i] == 0)
		i--;
	*pointer_out = i < 0 ? 0 : ((const uint32_t *)block->bytes)[i];
	bcache_put(e4->cache, block);
	return i < 0 ? -ENOENT : i;
}

/* Behind the last block that a block map has. */
static int find_end(struct ext4_inode *inode, uint64_t *end_out)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	const uint32_t *pointers = inode->raw.small.i_block;
	uint64_t per = e4->block_bytes / 4, start = 12;

	*end_out = 0;
	for (uint32_t i = 0; i < 12; i++)
		if (pointers[i])
			*end_out = i + 1;
	for (unsigned int levels = 1; levels <= 3; levels++) {
		uint64_t span = 1, logical = start;
		uint32_t place = pointers[11 + levels];

		for (unsigned int i = 0; i < levels; i++)
			span *= per;
		start += span;
		if (!place)
			continue;
		for (unsigned int i = 0; i < levels; i++) {
			int index = last_pointer(e4, place, &place);

			if (index < 0 && index != -ENOENT)
				return index;
			span /= per;
			/* Nothing in it: it goes itself, with its first block. */
			logical += index < 0 ? 0 : (uint64_t)index * span;
			if (index < 0)
				break;
		}
		*end_out = logical + 1;
	}
	return 0;
}

static bool is_zero(const struct ext4 *e4, const struct bblock *block)
{
	const uint64_t *words = (const uint64_t *)block->bytes;

	for (uint32_t i = 0; i < e4->block_bytes / sizeof(*words); i++)
		if (words[i])
			return false;
	return true;
}

/* A pointer of the inode's or of a block's becomes 0, and what it led to is free. */
static int drop_pointer(struct ext4_inode *inode, struct bblock *parent, uint32_t index,
			bool metadata)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint32_t *pointers = parent ? (uint32_t *)parent->bytes : inode->raw.small.i_block;
	uint32_t place = pointers[index];

	if (parent)
		ext4_block_change(e4, parent);
	pointers[index] = 0;
	(void)ext2fs_iblk_sub_blocks(e4->lib, &inode->raw.small, 1);
	return ext4_blocks_free(e4, place, 1, metadata);
}

/* One block of a block map, with the blocks of pointers above it that have become empty. Done here:
 * libext2fs's takes more than the range when that begins within a block of pointers. */
static int unmap_block(struct ext4_inode *inode, uint64_t logical)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	struct bblock *blocks[3] = {NULL, NULL, NULL}; /* [i] is below indexes[i] */
	uint32_t indexes[4];
	unsigned int levels = path_to(e4, logical, indexes), depth = 0;
	uint32_t place = inode->raw.small.i_block[indexes[0]];
	int error = 0;

	while (depth + 1 < levels && place && !error) {
		error = ext4_block_get(e4, place, &blocks[depth]);
		if (error)
			break;
		place = ((const uint32_t *)blocks[depth]->bytes)[indexes[depth + 1]];
		depth++;
	}
	if (!error && place && depth + 1 == levels)
		error = drop_pointer(inode, depth ? blocks[depth - 1] : NULL, indexes[depth],
				     node_is(&inode->node, NODE_DIRECTORY));
	while (depth-- > 0) {
		bool empty = !error && is_zero(e4, blocks[depth]);

		bcache_put(e4->cache, blocks[depth]);
		if (empty)
			error = drop_pointer(inode, depth ? blocks[depth - 1] : NULL,
					     indexes[depth], true);
	}
	return error;
}

static int unmap_blocks(struct ext4_inode *inode, uint64_t first, uint64_t end)
{
	int error = 0;

	while (end > first && !error)
		error = unmap_block(inode, --end);
	return error;
}

static int cut_blocks(struct ext4_inode *inode, uint64_t logical)
{
	uint64_t end, first;
	int error = find_end(inode, &end);

	if (error || end <= logical)
		return error;
	first = end - logical > EXT4_PUNCH_BLOCKS ? end - EXT4_PUNCH_BLOCKS : logical;
	error = unmap_blocks(inode, first, end);
	return error ? error : 1;
}

int ext4_map_cut(struct ext4_inode *inode, uint64_t logical)
{
	int result;

	forget_cached(inode);
	inode->goal = 0;
	result = has_extents(inode) ? cut_extents(inode, logical) : cut_blocks(inode, logical);
	if (result >= 0) {
		int error = ext4_inode_change(inode, true);

		result = error ? error : result;
	}
	return result;
}

int ext4_map_punch(struct ext4_inode *inode, uint64_t logical, uint32_t count)
{
	int error;

	forget_cached(inode);
	if (has_extents(inode))
		error = ext4_error_of(ext2fs_punch(ext4_inode_fs(inode)->lib, inode->number,
						   &inode->raw.small, NULL, logical,
						   logical + count - 1));
	else
		error = unmap_blocks(inode, logical, logical + count);
	return error ? error : ext4_inode_change(inode, true);
}
