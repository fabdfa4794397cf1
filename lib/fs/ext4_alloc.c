/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which blocks and inodes are free. The bitmaps are used where they lie in the cache; counts are
 * kept in libext2fs's copy of the group descriptors and of the superblock, which go into their
 * blocks at commit.
 *
 * Freed blocks keep their bits until the transaction that frees them closes, and are not given out
 * before it is safe: what is written to them meanwhile would be lost data of a file that a power
 * cut brings back.
 */
#include "core/heap.h"
#include "lib/fs/ext4_parts.h"

#define CHECKED_BITMAP 1u /* bblock.checked: the checksum was right */

static uint32_t group_of(const struct ext4 *e4, uint64_t block)
{
	return (uint32_t)((block - e4->lib->super->s_first_data_block) /
			  e4->lib->super->s_blocks_per_group);
}

static uint64_t group_first(const struct ext4 *e4, uint32_t group)
{
	return e4->lib->super->s_first_data_block +
	       (uint64_t)group * e4->lib->super->s_blocks_per_group;
}

static uint32_t group_blocks(const struct ext4 *e4, uint32_t group)
{
	uint64_t left = ext2fs_blocks_count(e4->lib->super) - group_first(e4, group);

	return left < e4->lib->super->s_blocks_per_group ? (uint32_t)left
							 : e4->lib->super->s_blocks_per_group;
}

static bool bit_get(const uint8_t *bits, uint32_t bit)
{
	return bits[bit / 8] >> (bit % 8) & 1;
}

static void bits_set(uint8_t *bits, uint32_t first, uint32_t count, bool value)
{
	for (; count && first % 8; first++, count--)
		bits[first / 8] = (uint8_t)((bits[first / 8] & ~(1u << first % 8)) |
					    (unsigned int)value << first % 8);
	memset(bits + first / 8, value ? 0xff : 0, count / 8);
	first += count & ~7u;
	for (count &= 7; count; first++, count--)
		bits[first / 8] = (uint8_t)((bits[first / 8] & ~(1u << first % 8)) |
					    (unsigned int)value << first % 8);
}

/* The first free bit in [first, end), end when there is none. */
static uint32_t bit_find_free(const uint8_t *bits, uint32_t first, uint32_t end)
{
	while (first < end) {
		uint64_t word;

		if (first % 64 == 0 && end - first >= 64) {
			memcpy(&word, bits + first / 8, sizeof(word));
			if (word == UINT64_MAX) {
				first += 64;
				continue;
			}
			return first + (uint32_t)__builtin_ctzll(~word);
		}
		if (!bit_get(bits, first))
			return first;
		first++;
	}
	return end;
}

static void set_in_group(const struct ext4 *e4, uint8_t *bits, uint32_t group, uint64_t block,
			 uint32_t count)
{
	uint64_t first = group_first(e4, group), end = first + group_blocks(e4, group);

	for (; count; block++, count--)
		if (block >= first && block < end)
			bits_set(bits, (uint32_t)(block - first), 1, true);
}

/* What a bitmap that was never written says: the group's own metadata. */
static void init_block_bitmap(struct ext4 *e4, uint32_t group, uint8_t *bits)
{
	uint64_t super_block, old_descriptors, new_descriptors;
	uint32_t used = 0, blocks = group_blocks(e4, group);
	blk_t used_blocks = 0;

	memset(bits, 0, e4->block_bytes);
	(void)ext2fs_super_and_bgd_loc2(e4->lib, group, (blk64_t *)&super_block,
					(blk64_t *)&old_descriptors, (blk64_t *)&new_descriptors,
					&used_blocks);
	used = used_blocks;
	set_in_group(e4, bits, group, group_first(e4, group), used);
	set_in_group(e4, bits, group, ext2fs_block_bitmap_loc(e4->lib, group), 1);
	set_in_group(e4, bits, group, ext2fs_inode_bitmap_loc(e4->lib, group), 1);
	set_in_group(e4, bits, group, ext2fs_inode_table_loc(e4->lib, group),
		     e4->lib->inode_blocks_per_group);
	bits_set(bits, blocks, e4->block_bytes * 8 - blocks, true);
}

static int block_bitmap(struct ext4 *e4, uint32_t group, struct bblock **block_out)
{
	uint64_t place = ext2fs_block_bitmap_loc(e4->lib, group);
	struct bblock *block;
	int error;

	if (place == 0 || place >= ext2fs_blocks_count(e4->lib->super))
		return ext4_corrupt(e4, "no place for the block bitmap of group", group);
	error = ext4_block_get(e4, place, &block);
	if (error)
		return error;
	if (block->checked != CHECKED_BITMAP) {
		if (ext2fs_bg_flags_test(e4->lib, group, EXT2_BG_BLOCK_UNINIT) &&
		    ext2fs_has_group_desc_csum(e4->lib))
			init_block_bitmap(e4, group, block->bytes);
		else if (!ext2fs_block_bitmap_csum_verify(
				 e4->lib, group, (char *)block->bytes,
				 (int)EXT2_CLUSTERS_PER_GROUP(e4->lib->super) / 8)) {
			bcache_put(e4->cache, block);
			return ext4_corrupt(e4, "a wrong checksum of the block bitmap of group",
					    group);
		}
		block->checked = CHECKED_BITMAP;
	}
	*block_out = block;
	return 0;
}

static int inode_bitmap(struct ext4 *e4, uint32_t group, struct bblock **block_out)
{
	uint64_t place = ext2fs_inode_bitmap_loc(e4->lib, group);
	uint32_t inodes = EXT2_INODES_PER_GROUP(e4->lib->super);
	struct bblock *block;
	int error;

	if (place == 0 || place >= ext2fs_blocks_count(e4->lib->super))
		return ext4_corrupt(e4, "no place for the inode bitmap of group", group);
	error = ext4_block_get(e4, place, &block);
	if (error)
		return error;
	if (block->checked != CHECKED_BITMAP) {
		if (ext2fs_bg_flags_test(e4->lib, group, EXT2_BG_INODE_UNINIT) &&
		    ext2fs_has_group_desc_csum(e4->lib)) {
			memset(block->bytes, 0, e4->block_bytes);
			bits_set(block->bytes, inodes, e4->block_bytes * 8 - inodes, true);
		} else if (!ext2fs_inode_bitmap_csum_verify(e4->lib, group, (char *)block->bytes,
							    (int)inodes / 8)) {
			bcache_put(e4->cache, block);
			return ext4_corrupt(e4, "a wrong checksum of the inode bitmap of group",
					    group);
		}
		block->checked = CHECKED_BITMAP;
	}
	*block_out = block;
	return 0;
}

int ext4_group_hold(struct ext4 *e4, uint32_t group)
{
	uint32_t index = group / (uint32_t)EXT2_DESC_PER_BLOCK(e4->lib->super);
	uint64_t place =
		ext2fs_descriptor_block_loc2(e4->lib, e4->lib->super->s_first_data_block, index);
	struct bblock *block;
	int error;

	/* With blocks of 1 KiB and no gap before the first: libext2fs reads it the same way. */
	if (e4->block_bytes == 1024 && e4->lib->super->s_first_data_block == 0)
		place++;
	error = ext4_block_get(e4, place, &block);
	if (error)
		return error;
	ext4_block_change(e4, block);
	bcache_put(e4->cache, block);
	return 0;
}

/* The transaction frees these now, or the one being committed did. */
static bool overlaps_freed(const struct ext4 *e4, uint64_t first, uint32_t *count)
{
	const struct ext4_run *runs = e4->committing_freed;
	size_t low = 0, high = e4->committing_freed_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (runs[middle].first + runs[middle].count <= first)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == e4->committing_freed_count || runs[low].first >= first + *count)
		return false;
	if (runs[low].first > first) {
		/* The part before it will do. */
		*count = (uint32_t)(runs[low].first - first);
		return false;
	}
	*count = (uint32_t)(runs[low].first + runs[low].count - first);
	return true;
}

/* A free run in the group from bit `from` on. 0, or -ENOSPC. */
static int find_in_group(struct ext4 *e4, const uint8_t *bits, uint32_t group, uint32_t from,
			 uint32_t want, struct ext4_run *run_out)
{
	uint32_t end = group_blocks(e4, group);

	while ((from = bit_find_free(bits, from, end)) < end) {
		uint32_t count = 1;

		while (count < want && from + count < end && !bit_get(bits, from + count))
			count++;
		if (!overlaps_freed(e4, group_first(e4, group) + from, &count)) {
			run_out->first = group_first(e4, group) + from;
			run_out->count = count;
			return 0;
		}
		from += count;
	}
	return -ENOSPC;
}

static int find_run(struct ext4 *e4, uint64_t goal, uint32_t want, struct ext4_run *run_out,
		    struct bblock **bitmap_out)
{
	uint32_t groups = e4->lib->group_desc_count;
	uint32_t group;

	if (goal < e4->lib->super->s_first_data_block ||
	    goal >= ext2fs_blocks_count(e4->lib->super))
		goal = e4->lib->super->s_first_data_block;
	group = group_of(e4, goal);
	/* The goal's group comes twice: from the goal on, and whole. */
	for (uint32_t i = 0; i <= groups; i++, group = group + 1 == groups ? 0 : group + 1) {
		uint32_t from = i == 0 ? (uint32_t)(goal - group_first(e4, group)) : 0;
		struct bblock *bitmap;
		int error;

		if (ext2fs_bg_free_blocks_count(e4->lib, group) == 0)
			continue;
		error = block_bitmap(e4, group, &bitmap);
		if (error && error != -EIO)
			return error;
		if (error)
			continue; /* damaged: the others will do */
		if (find_in_group(e4, bitmap->bytes, group, from, want, run_out) == 0) {
			*bitmap_out = bitmap;
			return 0;
		}
		bcache_put(e4->cache, bitmap);
	}
	return -ENOSPC;
}

/* Counts of blocks of a group and of the file system: taken (negative) or free again. */
static void count_blocks(struct ext4 *e4, uint32_t group, int64_t more)
{
	uint32_t count = ext2fs_bg_free_blocks_count(e4->lib, group);

	ext2fs_bg_free_blocks_count_set(e4->lib, group, (uint32_t)(count + more));
	ext2fs_bg_flags_clear(e4->lib, group, EXT2_BG_BLOCK_UNINIT);
	ext2fs_free_blocks_count_add(e4->lib->super, (blk64_t)more);
}

int ext4_blocks_alloc(struct ext4 *e4, uint64_t goal, uint32_t want, struct ext4_run *run_out)
{
	struct bblock *bitmap;
	uint32_t group;
	int error = find_run(e4, goal, want, run_out, &bitmap);

	if (error)
		return error;
	group = group_of(e4, run_out->first);
	error = ext4_group_hold(e4, group);
	if (!error) {
		ext4_block_change(e4, bitmap);
		bits_set(bitmap->bytes, (uint32_t)(run_out->first - group_first(e4, group)),
			 run_out->count, true);
		count_blocks(e4, group, -(int64_t)run_out->count);
		ext4_group_changed(e4, group, EXT4_GROUP_BLOCKS);
	}
	bcache_put(e4->cache, bitmap);
	return error;
}

/* Blocks of one group: their bits go when the transaction closes. counted: libext2fs has counted
 * them already. */
static int free_in_group(struct ext4 *e4, uint64_t first, uint32_t count, bool counted)
{
	uint32_t group = group_of(e4, first);
	struct ext4_run *last;
	struct bblock *bitmap;
	uint32_t at = (uint32_t)(first - group_first(e4, group));
	int error = block_bitmap(e4, group, &bitmap);

	if (error)
		return error;
	for (uint32_t i = 0; i < count && !error; i++)
		if (!bit_get(bitmap->bytes, at + i))
			error = ext4_corrupt(e4, "a block is freed that is free", first + i);
	if (!error)
		error = ext4_group_hold(e4, group);
	if (!error)
		error = ext4_grow((void **)&e4->txn.freed, e4->txn.freed_count, &e4->txn.freed_max,
				  sizeof(struct ext4_run));
	if (!error) {
		ext4_block_change(e4, bitmap);
		ext4_group_changed(e4, group, EXT4_GROUP_BLOCKS);
		if (!counted)
			count_blocks(e4, group, count);
		last = e4->txn.freed_count ? &e4->txn.freed[e4->txn.freed_count - 1] : NULL;
		if (last && last->first + last->count == first &&
		    group_of(e4, last->first) == group)
			last->count += count;
		else
			e4->txn.freed[e4->txn.freed_count++] = (struct ext4_run){first, count};
	}
	bcache_put(e4->cache, bitmap);
	return error;
}

static bool is_in_data(const struct ext4 *e4, uint64_t first, uint64_t count)
{
	uint64_t blocks = ext2fs_blocks_count(e4->lib->super);

	return first > e4->lib->super->s_first_data_block && count <= blocks &&
	       first <= blocks - count;
}

int ext4_blocks_free(struct ext4 *e4, uint64_t first, uint32_t count, bool metadata)
{
	if (!is_in_data(e4, first, count))
		return ext4_corrupt(e4, "blocks beyond the end belong to a file", first);
	for (uint32_t i = 0; i < count; i++) {
		int error = 0;

		if (metadata)
			error = ext4_block_revoke(e4, first + i);
		else
			bcache_forget(e4->cache, first + i);
		if (error)
			return error;
	}
	while (count) {
		uint64_t end = group_first(e4, group_of(e4, first)) +
			       group_blocks(e4, group_of(e4, first));
		uint32_t n = end - first < count ? (uint32_t)(end - first) : count;
		int error = free_in_group(e4, first, n, false);

		if (error)
			return error;
		first += n;
		count -= n;
	}
	return 0;
}

void ext4_blocks_apply_freed(struct ext4 *e4)
{
	for (size_t i = 0; i < e4->txn.freed_count; i++) {
		const struct ext4_run *run = &e4->txn.freed[i];
		uint32_t group = group_of(e4, run->first);
		/* Held since it was freed, so it is in memory. */
		struct bblock *bitmap =
			bcache_find(e4->cache, ext2fs_block_bitmap_loc(e4->lib, group));

		if (!bitmap)
			continue;
		bits_set(bitmap->bytes, (uint32_t)(run->first - group_first(e4, group)), run->count,
			 false);
		bcache_put(e4->cache, bitmap);
	}
}

/* --- inodes --- */

/* Files go to their directory's group, directories to the emptiest of some. */
static uint32_t inode_group(struct ext4 *e4, uint32_t parent, bool directory)
{
	uint32_t groups = e4->lib->group_desc_count, best, best_free = 0;

	if (!directory)
		return (parent - 1) / EXT2_INODES_PER_GROUP(e4->lib->super);
	best = e4->directory_goal;
	for (uint32_t i = 0; i < groups && i < 16; i++) {
		uint32_t group = (e4->directory_goal + i) % groups;
		uint32_t free = ext2fs_bg_free_inodes_count(e4->lib, group);

		if (free > best_free && ext2fs_bg_free_blocks_count(e4->lib, group)) {
			best = group;
			best_free = free;
		}
	}
	e4->directory_goal = (best + 1) % groups;
	return best;
}

static void count_inodes(struct ext4 *e4, uint32_t group, uint32_t index, int more, bool directory)
{
	uint32_t inodes = EXT2_INODES_PER_GROUP(e4->lib->super);
	uint32_t count = ext2fs_bg_free_inodes_count(e4->lib, group);
	uint32_t directories = ext2fs_bg_used_dirs_count(e4->lib, group);

	ext2fs_bg_free_inodes_count_set(e4->lib, group, count + (uint32_t)more);
	if (directory)
		ext2fs_bg_used_dirs_count_set(e4->lib, group, directories - (uint32_t)more);
	e4->lib->super->s_free_inodes_count += (uint32_t)more;
	ext2fs_bg_flags_clear(e4->lib, group, EXT2_BG_INODE_UNINIT);
	if (ext2fs_has_group_desc_csum(e4->lib) &&
	    index >= inodes - ext2fs_bg_itable_unused(e4->lib, group))
		ext2fs_bg_itable_unused_set(e4->lib, group, inodes - index - 1);
}

static int alloc_in_group(struct ext4 *e4, uint32_t group, bool directory, uint32_t *number_out)
{
	uint32_t inodes = EXT2_INODES_PER_GROUP(e4->lib->super);
	uint32_t reserved = group == 0 ? EXT2_FIRST_INODE(e4->lib->super) - 1 : 0;
	struct bblock *bitmap;
	uint32_t index;
	int error = inode_bitmap(e4, group, &bitmap);

	if (error)
		return error;
	index = bit_find_free(bitmap->bytes, reserved, inodes);
	error = index == inodes ? -ENOSPC : ext4_group_hold(e4, group);
	if (!error) {
		ext4_block_change(e4, bitmap);
		bits_set(bitmap->bytes, index, 1, true);
		count_inodes(e4, group, index, -1, directory);
		ext4_group_changed(e4, group, EXT4_GROUP_INODES);
		*number_out = group * inodes + index + 1;
	}
	bcache_put(e4->cache, bitmap);
	return error;
}

int ext4_inode_alloc(struct ext4 *e4, uint32_t parent, bool directory, uint32_t *number_out)
{
	uint32_t groups = e4->lib->group_desc_count;
	uint32_t group = inode_group(e4, parent, directory);

	for (uint32_t i = 0; i < groups; i++, group = group + 1 == groups ? 0 : group + 1) {
		int error;

		if (ext2fs_bg_free_inodes_count(e4->lib, group) == 0)
			continue;
		error = alloc_in_group(e4, group, directory, number_out);
		if (error != -ENOSPC && error != -EIO)
			return error;
	}
	return -ENOSPC;
}

int ext4_inode_free(struct ext4 *e4, uint32_t number, bool directory)
{
	uint32_t inodes = EXT2_INODES_PER_GROUP(e4->lib->super);
	uint32_t group = (number - 1) / inodes, index = (number - 1) % inodes;
	struct bblock *bitmap;
	int error = inode_bitmap(e4, group, &bitmap);

	if (error)
		return error;
	if (!bit_get(bitmap->bytes, index))
		error = ext4_corrupt(e4, "an inode is freed that is free", number);
	if (!error)
		error = ext4_group_hold(e4, group);
	if (!error) {
		ext4_block_change(e4, bitmap);
		bits_set(bitmap->bytes, index, 1, false);
		count_inodes(e4, group, index, 1, directory);
		ext4_group_changed(e4, group, EXT4_GROUP_INODES);
	}
	bcache_put(e4->cache, bitmap);
	return error;
}

/* --- commit --- */

static int flush_group(struct ext4 *e4, uint32_t group)
{
	unsigned int what = e4->txn.groups[group];
	struct bblock *bitmap;

	if (what & EXT4_GROUP_BLOCKS) {
		bitmap = bcache_find(e4->cache, ext2fs_block_bitmap_loc(e4->lib, group));
		if (!bitmap)
			return -EIO;
		(void)ext2fs_block_bitmap_csum_set(e4->lib, group, (char *)bitmap->bytes,
						   (int)EXT2_CLUSTERS_PER_GROUP(e4->lib->super) /
							   8);
		bcache_put(e4->cache, bitmap);
	}
	if (what & EXT4_GROUP_INODES) {
		bitmap = bcache_find(e4->cache, ext2fs_inode_bitmap_loc(e4->lib, group));
		if (!bitmap)
			return -EIO;
		(void)ext2fs_inode_bitmap_csum_set(e4->lib, group, (char *)bitmap->bytes,
						   (int)EXT2_INODES_PER_GROUP(e4->lib->super) / 8);
		bcache_put(e4->cache, bitmap);
	}
	ext2fs_group_desc_csum_set(e4->lib, group);
	e4->txn.groups[group] = 0;
	return 0;
}

/* The block of descriptors the group is in, from libext2fs's copy. */
static int flush_descriptor(struct ext4 *e4, uint32_t group)
{
	uint32_t index = group / (uint32_t)EXT2_DESC_PER_BLOCK(e4->lib->super);
	uint64_t place =
		ext2fs_descriptor_block_loc2(e4->lib, e4->lib->super->s_first_data_block, index);
	struct bblock *block;

	if (e4->block_bytes == 1024 && e4->lib->super->s_first_data_block == 0)
		place++;
	block = bcache_find(e4->cache, place);
	if (!block)
		return -EIO;
	memcpy(block->bytes, (uint8_t *)e4->lib->group_desc + (size_t)index * e4->block_bytes,
	       e4->block_bytes);
	bcache_put(e4->cache, block);
	return 0;
}

static int flush_super(struct ext4 *e4)
{
	struct bblock *block;
	int error = ext4_block_get(e4, SUPERBLOCK_OFFSET >> e4->block_shift, &block);

	if (error)
		return error;
	e4->lib->super->s_wtime = (uint32_t)ext4_now().s;
	ext4_block_change(e4, block);
	ext4_super_store(e4, block->bytes);
	bcache_put(e4->cache, block);
	return 0;
}

int ext4_groups_flush(struct ext4 *e4)
{
	int error = 0;

	for (size_t i = 0; i < e4->txn.groups_count && !error; i++) {
		error = flush_group(e4, e4->txn.groups_changed[i]);
	}
	for (size_t i = 0; i < e4->txn.groups_count && !error; i++)
		error = flush_descriptor(e4, e4->txn.groups_changed[i]);
	if (!error && e4->txn.super)
		error = flush_super(e4);
	return error;
}

/* --- libext2fs asks --- */

/* It counts the block itself afterwards, and tells count_hook(), which sets the bit. */
static errcode_t alloc_hook(ext2_filsys lib, blk64_t goal, blk64_t *block_out)
{
	struct ext4 *e4 = lib->priv_data;
	struct ext4_run run;
	struct bblock *bitmap;
	int error = find_run(e4, goal, 1, &run, &bitmap);

	if (error)
		return error == -ENOSPC ? EXT2_ET_BLOCK_ALLOC_FAIL : -error;
	/* libext2fs says that the bitmap is in use before it comes back: it must not leave memory.
	 * */
	ext4_block_change(e4, bitmap);
	ext4_group_changed(e4, group_of(e4, run.first), EXT4_GROUP_BLOCKS);
	bcache_put(e4->cache, bitmap);
	error = ext4_group_hold(e4, group_of(e4, run.first));
	*block_out = run.first;
	return -error;
}

static void count_hook(ext2_filsys lib, blk64_t block, int more)
{
	struct ext4 *e4 = lib->priv_data;
	uint32_t group = group_of(e4, block);
	struct bblock *bitmap;

	if (more < 0) {
		if (ext4_block_revoke(e4, block) || free_in_group(e4, block, 1, true))
			(void)ext4_corrupt(e4, "a block cannot be freed", block);
		return;
	}
	if (block_bitmap(e4, group, &bitmap)) {
		(void)ext4_corrupt(e4, "a block cannot be taken", block);
		return;
	}
	ext4_block_change(e4, bitmap);
	bits_set(bitmap->bytes, (uint32_t)(block - group_first(e4, group)), 1, true);
	ext4_group_changed(e4, group, EXT4_GROUP_BLOCKS);
	bcache_put(e4->cache, bitmap);
}

void ext4_alloc_hooks(struct ext4 *e4)
{
	e4->lib->priv_data = e4;
	ext2fs_set_alloc_block_callback(e4->lib, alloc_hook, NULL);
	ext2fs_set_block_alloc_stats_callback(e4->lib, count_hook, NULL);
}
