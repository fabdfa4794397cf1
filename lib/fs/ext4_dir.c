/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories: blocks of entries. An entry has a length that leads to the next; one without an
 * inode is room. Whatever the disk says is checked once, when a block comes into memory. The caller
 * holds the file system's names, and is in a transaction where it changes something.
 */
#include "core/heap.h"
#include "lib/fs/ext4_parts.h"

#define CHECKED_ENTRIES 3u /* bblock.checked: lengths lead to the end, names are names */
#define CHECKED_INDEX   4u /* … its checksum is right, it is no block of entries */
#define TAIL_BYTES      12u

uint32_t ext4_rec_len(const struct ext4 *e4, const struct ext2_dir_entry *entry)
{
	unsigned int bytes = 0;

	(void)ext2fs_get_rec_len(e4->lib, (struct ext2_dir_entry *)(uintptr_t)entry, &bytes);
	return bytes;
}

void ext4_set_rec_len(const struct ext4 *e4, struct ext2_dir_entry *entry, uint32_t bytes)
{
	(void)ext2fs_set_rec_len(e4->lib, bytes, entry);
}

static uint32_t name_bytes_of(const struct ext2_dir_entry *entry)
{
	return entry->name_len & 0xff;
}

uint32_t ext4_dir_room(const struct ext4 *e4)
{
	return e4->block_bytes -
	       (ext2fs_has_feature_metadata_csum(e4->lib->super) ? TAIL_BYTES : 0);
}

void ext4_dir_tail(struct ext4 *e4, struct bblock *block)
{
	if (ext2fs_has_feature_metadata_csum(e4->lib->super))
		ext2fs_initialize_dirent_tail(
			e4->lib, (struct ext2_dir_entry_tail *)(block->bytes + e4->block_bytes -
								TAIL_BYTES));
}

uint32_t ext4_dir_type(const struct ext4 *e4, uint32_t mode)
{
	static const uint8_t types[16] = {
		[NODE_FIFO >> 12] = EXT2_FT_FIFO,     [NODE_CHARACTER >> 12] = EXT2_FT_CHRDEV,
		[NODE_DIRECTORY >> 12] = EXT2_FT_DIR, [NODE_BLOCK >> 12] = EXT2_FT_BLKDEV,
		[NODE_FILE >> 12] = EXT2_FT_REG_FILE, [NODE_LINK >> 12] = EXT2_FT_SYMLINK,
		[NODE_SOCKET >> 12] = EXT2_FT_SOCK,
	};

	return ext2fs_has_feature_filetype(e4->lib->super) ? types[mode >> 12 & 15] : 0;
}

/* Every entry within the block, its name within it. Links to nowhere are found later. */
static bool entries_are_sane(const struct ext4 *e4, const struct bblock *block)
{
	uint32_t offset = 0;

	while (offset < e4->block_bytes) {
		const struct ext2_dir_entry *entry = ext4_entry(block, offset);
		uint32_t bytes;

		if (e4->block_bytes - offset < 8)
			return false;
		bytes = ext4_rec_len(e4, entry);
		if (bytes < 8 || bytes % 4 || bytes > e4->block_bytes - offset)
			return false;
		if (entry->inode &&
		    (bytes < ext4_entry_room(name_bytes_of(entry)) || name_bytes_of(entry) == 0 ||
		     entry->inode > e4->lib->super->s_inodes_count))
			return false;
		offset += bytes;
	}
	return true;
}

/* Index blocks look like blocks with one empty entry, or `.` and `..` alone. */
static bool is_index(const struct ext4_inode *directory, uint64_t logical, struct bblock *block)
{
	const struct ext4 *e4 = ext4_inode_fs(directory);
	const struct ext2_dir_entry *entry = ext4_entry(block, 0);

	if (!ext4_htree_is(directory))
		return false;
	return logical == 0 || (entry->inode == 0 && ext4_rec_len(e4, entry) == e4->block_bytes);
}

int ext4_dir_block(struct ext4_inode *directory, uint64_t logical, struct bblock **block_out)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	struct ext4_extent extent;
	struct bblock *block;
	int error = ext4_map(directory, logical, &extent);

	if (!error && (extent.physical == 0 || extent.unwritten))
		error = ext4_corrupt(e4, "a hole in directory", directory->number);
	if (!error)
		error = ext4_block_get(e4, extent.physical, &block);
	if (error)
		return error;
	if (block->checked != CHECKED_ENTRIES && block->checked != CHECKED_INDEX) {
		bool index = is_index(directory, logical, block);

		if (!ext2fs_dir_block_csum_verify(e4->lib, directory->number,
						  (struct ext2_dir_entry *)block->bytes) ||
		    (!index && !entries_are_sane(e4, block))) {
			bcache_put(e4->cache, block);
			return ext4_corrupt(e4, "a damaged block of directory", directory->number);
		}
		block->checked = index ? CHECKED_INDEX : CHECKED_ENTRIES;
	}
	*block_out = block;
	return 0;
}

int ext4_dir_changed(struct ext4_inode *directory, struct bblock *block)
{
	struct ext4 *e4 = ext4_inode_fs(directory);

	ext4_block_change(e4, block);
	return ext4_error_of(ext2fs_dir_block_csum_set(e4->lib, directory->number,
						       (struct ext2_dir_entry *)block->bytes));
}

int ext4_dir_grow(struct ext4_inode *directory, uint64_t *logical_out, struct bblock **block_out)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	uint64_t logical = ext4_size(directory) >> e4->block_shift;
	struct ext4_extent before = {0, 0, 0, false};
	struct ext4_run run;
	struct bblock *block;
	int error;

	if (logical > ext4_logical_max(directory) || ext4_size(directory) >= UINT32_MAX / 2)
		return -ENOSPC;
	if (logical)
		(void)ext4_map(directory, logical - 1, &before);
	error = ext4_blocks_alloc(
		e4,
		before.physical ? before.physical + 1
				: ext2fs_group_first_block2(
					  e4->lib, ext2fs_group_of_ino(e4->lib, directory->number)),
		1, &run);
	if (error)
		return error;
	error = bcache_get_new(e4->cache, run.first, &block);
	if (error)
		return error;
	ext4_block_change(e4, block);
	memset(block->bytes, 0, e4->block_bytes);
	ext4_set_rec_len(e4, ext4_entry(block, 0), ext4_dir_room(e4));
	ext4_dir_tail(e4, block);
	block->checked = CHECKED_ENTRIES;
	error = ext4_map_set(directory, logical, run.first, 1, false);
	if (!error) {
		ext4_set_size(directory, (logical + 1) << e4->block_shift);
		error = ext4_inode_change(directory, true);
	}
	if (error) {
		bcache_put(e4->cache, block);
		(void)ext4_blocks_free(e4, run.first, 1, true);
		return error;
	}
	*logical_out = logical;
	*block_out = block;
	return 0;
}

int ext4_dir_find(struct ext4 *e4, const struct bblock *block, const char *name, size_t name_bytes,
		  uint32_t *offset_out)
{
	uint32_t offset = 0;

	while (offset < e4->block_bytes) {
		const struct ext2_dir_entry *entry = ext4_entry(block, offset);

		if (entry->inode && name_bytes_of(entry) == name_bytes &&
		    memcmp(entry->name, name, name_bytes) == 0) {
			*offset_out = offset;
			return 0;
		}
		offset += ext4_rec_len(e4, entry);
	}
	return -ENOENT;
}

int ext4_dir_put(struct ext4_inode *directory, struct bblock *block, const char *name,
		 size_t name_bytes, uint32_t number, uint32_t type)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	uint32_t room = ext4_dir_room(e4), need = ext4_entry_room((uint32_t)name_bytes);

	for (uint32_t offset = 0; offset < room;) {
		struct ext2_dir_entry *entry = ext4_entry(block, offset);
		uint32_t bytes = ext4_rec_len(e4, entry);
		uint32_t used = entry->inode ? ext4_entry_room(name_bytes_of(entry)) : 0;

		if (bytes - used >= need) {
			ext4_block_change(e4, block);
			if (used) {
				ext4_set_rec_len(e4, entry, used);
				entry = ext4_entry(block, offset + used);
				ext4_set_rec_len(e4, entry, bytes - used);
			}
			entry->inode = number;
			entry->name_len = (uint16_t)(name_bytes | type << 8);
			memcpy(entry->name, name, name_bytes);
			return ext4_dir_changed(directory, block);
		}
		offset += bytes;
	}
	return -ENOSPC;
}

/* --- names of a directory --- */

static uint64_t blocks_of(const struct ext4_inode *directory)
{
	return ext4_size(directory) >> ext4_inode_fs(directory)->block_shift;
}

int ext4_dir_lookup(struct ext4_inode *directory, const char *name, size_t name_bytes,
		    struct ext4_place *place_out)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	uint64_t blocks = blocks_of(directory);

	if (ext4_htree_is(directory) && !(name_bytes <= 2 && name[0] == '.'))
		return ext4_htree_lookup(directory, name, name_bytes, place_out);
	/* `.` and `..` are where an index begins: it looks like them. */
	if (ext4_htree_is(directory))
		blocks = 1;
	for (uint64_t logical = 0; logical < blocks; logical++) {
		int error = ext4_dir_block(directory, logical, &place_out->block);

		if (error)
			return error;
		error = ext4_dir_find(e4, place_out->block, name, name_bytes, &place_out->offset);
		if (!error)
			return 0;
		bcache_put(e4->cache, place_out->block);
	}
	if (ext4_htree_is(directory))
		return ext4_htree_lookup(directory, name, name_bytes, place_out);
	return -ENOENT;
}

static int add_linear(struct ext4_inode *directory, const char *name, size_t name_bytes,
		      uint32_t number, uint32_t type)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	uint64_t blocks = blocks_of(directory), logical;
	struct bblock *block;
	int error;

	for (logical = 0; logical < blocks; logical++) {
		error = ext4_dir_block(directory, logical, &block);
		if (error)
			return error;
		error = ext4_dir_put(directory, block, name, name_bytes, number, type);
		bcache_put(e4->cache, block);
		if (error != -ENOSPC)
			return error;
	}
	if (blocks == 1 && ext2fs_has_feature_dir_index(e4->lib->super)) {
		error = ext4_htree_make(directory);
		return error ? error : ext4_htree_add(directory, name, name_bytes, number, type);
	}
	error = ext4_dir_grow(directory, &logical, &block);
	if (error)
		return error;
	error = ext4_dir_put(directory, block, name, name_bytes, number, type);
	bcache_put(e4->cache, block);
	return error;
}

int ext4_dir_add(struct ext4_inode *directory, const char *name, size_t name_bytes, uint32_t number,
		 uint32_t mode)
{
	uint32_t type = ext4_dir_type(ext4_inode_fs(directory), mode);
	int error = ext4_htree_is(directory)
			    ? ext4_htree_add(directory, name, name_bytes, number, type)
			    : add_linear(directory, name, name_bytes, number, type);

	if (error)
		return error;
	ext4_set_times(directory, EXT4_MODIFIED | EXT4_CHANGED, ext4_now());
	return ext4_inode_change(directory, false);
}

int ext4_dir_remove(struct ext4_inode *directory, struct ext4_place *place)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	struct ext2_dir_entry *entry = ext4_entry(place->block, place->offset), *before = NULL;
	int error;

	for (uint32_t offset = 0; offset < place->offset;) {
		before = ext4_entry(place->block, offset);
		offset += ext4_rec_len(e4, before);
	}
	ext4_block_change(e4, place->block);
	if (before)
		ext4_set_rec_len(e4, before, ext4_rec_len(e4, before) + ext4_rec_len(e4, entry));
	else
		entry->inode = 0;
	error = ext4_dir_changed(directory, place->block);
	if (error)
		return error;
	ext4_set_times(directory, EXT4_MODIFIED | EXT4_CHANGED, ext4_now());
	return ext4_inode_change(directory, false);
}

int ext4_dir_set(struct ext4_inode *directory, struct ext4_place *place, uint32_t number,
		 uint32_t mode)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	struct ext2_dir_entry *entry = ext4_entry(place->block, place->offset);
	int error;

	ext4_block_change(e4, place->block);
	entry->inode = number;
	entry->name_len = (uint16_t)(name_bytes_of(entry) | ext4_dir_type(e4, mode) << 8);
	error = ext4_dir_changed(directory, place->block);
	if (error)
		return error;
	ext4_set_times(directory, EXT4_MODIFIED | EXT4_CHANGED, ext4_now());
	return ext4_inode_change(directory, false);
}

int ext4_dir_init(struct ext4_inode *directory, uint32_t parent)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	uint32_t type = ext4_dir_type(e4, NODE_DIRECTORY);
	struct bblock *block;
	uint64_t logical;
	int error = ext4_dir_grow(directory, &logical, &block);

	if (error)
		return error;
	error = ext4_dir_put(directory, block, ".", 1, directory->number, type);
	if (!error)
		error = ext4_dir_put(directory, block, "..", 2, parent, type);
	bcache_put(e4->cache, block);
	return error;
}

static bool is_dots(const struct ext2_dir_entry *entry)
{
	uint32_t bytes = name_bytes_of(entry);

	return bytes <= 2 && entry->name[0] == '.' && (bytes == 1 || entry->name[1] == '.');
}

int ext4_dir_empty(struct ext4_inode *directory)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	uint64_t blocks = blocks_of(directory);

	for (uint64_t logical = 0; logical < blocks; logical++) {
		struct bblock *block;
		int error = ext4_dir_block(directory, logical, &block);

		if (error)
			return error;
		/* An index reads as empty, or as `.` and `..`. */
		for (uint32_t offset = 0; offset < e4->block_bytes && !error;) {
			const struct ext2_dir_entry *entry = ext4_entry(block, offset);
			uint32_t bytes = ext4_rec_len(e4, entry);

			if (bytes < 8 || offset + bytes > e4->block_bytes)
				break;
			if (entry->inode && !is_dots(entry))
				error = -ENOTEMPTY;
			offset += bytes;
		}
		bcache_put(e4->cache, block);
		if (error)
			return error;
	}
	return 0;
}

int ext4_dir_parent(struct ext4_inode *directory, uint32_t *number_out)
{
	struct ext4_place place;
	int error = ext4_dir_lookup(directory, "..", 2, &place);

	if (error)
		return error == -ENOENT ? -EIO : error;
	*number_out = ext4_entry(place.block, place.offset)->inode;
	bcache_put(ext4_inode_fs(directory)->cache, place.block);
	return 0;
}

int ext4_dir_set_parent(struct ext4_inode *directory, uint32_t number)
{
	struct ext4_place place;
	int error = ext4_dir_lookup(directory, "..", 2, &place);

	if (error)
		return error == -ENOENT ? -EIO : error;
	error = ext4_dir_set(directory, &place, number, NODE_DIRECTORY);
	bcache_put(ext4_inode_fs(directory)->cache, place.block);
	return error;
}

/* The mode an entry tells; the inode is asked where it does not. */
static uint32_t mode_of(struct ext4 *e4, const struct ext2_dir_entry *entry)
{
	static const uint16_t modes[8] = {
		0,          NODE_FILE, NODE_DIRECTORY, NODE_CHARACTER,
		NODE_BLOCK, NODE_FIFO, NODE_SOCKET,    NODE_LINK,
	};
	uint32_t type = entry->name_len >> 8 & 7;
	struct ext4_inode *inode;
	uint32_t mode;

	if (type && ext2fs_has_feature_filetype(e4->lib->super))
		return modes[type];
	if (ext4_inode_get(e4, entry->inode, &inode))
		return 0;
	mode = inode->node.mode & NODE_TYPE;
	node_put(&inode->node);
	return mode;
}

int ext4_dir_tell(struct ext4 *e4, const struct ext2_dir_entry *entry, uint64_t next,
		  node_list_fn *fn, void *context)
{
	if (is_dots(entry))
		return 0;
	return fn(context, entry->name, name_bytes_of(entry), entry->inode, mode_of(e4, entry),
		  next);
}

static int list_linear(struct ext4_inode *directory, uint64_t *cursor, node_list_fn *fn,
		       void *context)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	uint64_t blocks = blocks_of(directory);

	while (*cursor >> e4->block_shift < blocks) {
		uint64_t logical = *cursor >> e4->block_shift, start = logical << e4->block_shift;
		struct bblock *block;
		int error = ext4_dir_block(directory, logical, &block);

		if (error)
			return error;
		for (uint32_t offset = 0; offset < e4->block_bytes;) {
			const struct ext2_dir_entry *entry = ext4_entry(block, offset);

			bool told = start + offset < *cursor;

			offset += ext4_rec_len(e4, entry);
			if (told)
				continue;
			if (entry->inode && ext4_dir_tell(e4, entry, start + offset, fn, context)) {
				bcache_put(e4->cache, block);
				return 0;
			}
			*cursor = start + offset;
		}
		bcache_put(e4->cache, block);
	}
	return 0;
}

/* Where there may be an index, in the order of hashes from the first block on: names keep their
 * place when it is made. */
int ext4_dir_list(struct node *node, uint64_t *cursor, node_list_fn *fn, void *context)
{
	struct ext4_inode *directory = ext4_inode_of(node);

	if (!node_is(node, NODE_DIRECTORY))
		return -ENOTDIR;
	if (ext2fs_has_feature_dir_index(ext4_inode_fs(directory)->lib->super) &&
	    (ext4_htree_is(directory) || blocks_of(directory) == 1))
		return ext4_htree_list(directory, cursor, fn, context);
	return list_linear(directory, cursor, fn, context);
}
