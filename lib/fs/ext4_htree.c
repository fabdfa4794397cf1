/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Indexes of large directories: a tree of at most three levels whose entries say from which hash on
 * names are in which block. The lowest bit of a hash in the index says that names of the same hash
 * began in the block before.
 *
 * Changes keep to this order, so that a tree is good at any time within the transaction: new
 * blocks are filled first, their parent's entry comes last.
 */
#include "core/heap.h"
#include "lib/fs/ext4_parts.h"

#define LEVELS_MAX      3u
#define ROOT_OFFSET     24u /* of struct ext2_dx_root_info, behind `.` and `..` */
#define CHECKED_ENTRIES 3u

struct frame {
	struct bblock *block;
	struct ext2_dx_entry *entries; /* the first one's hash is limit and count */
	uint32_t at;                   /* the entry taken */
};

struct path {
	struct ext4_inode *directory;
	uint32_t version; /* of the hash */
	uint32_t hash;
	unsigned int levels;
	struct frame frames[LEVELS_MAX];
};

bool ext4_htree_is(const struct ext4_inode *directory)
{
	return directory->raw.small.i_flags & EXT2_INDEX_FL &&
	       ext2fs_has_feature_dir_index(ext4_inode_fs(directory)->lib->super);
}

static struct ext2_dx_countlimit *counts(const struct frame *frame)
{
	return (struct ext2_dx_countlimit *)frame->entries;
}

static uint32_t child_of(const struct ext2_dx_entry *entry)
{
	return entry->block & 0x0fffffff;
}

static int hash_of(const struct ext4 *e4, uint32_t version, const char *name, size_t name_bytes,
		   uint32_t *hash_out, uint32_t *minor_out)
{
	ext2_dirhash_t hash = 0, minor = 0;
	errcode_t error = ext2fs_dirhash2((int)version, name, (int)name_bytes, NULL, 0,
					  e4->lib->super->s_hash_seed, &hash, &minor);

	*hash_out = hash & ~1u;
	*minor_out = minor;
	return ext4_error_of(error);
}

/* The hash's version for the directory's, signed or not as the file system was made. */
static uint32_t effective_version(const struct ext4 *e4, uint32_t version)
{
	return version <= EXT2_HASH_TEA && e4->lib->super->s_flags & EXT2_FLAGS_UNSIGNED_HASH
		       ? version + 3
		       : version;
}

static void release(struct path *path)
{
	for (unsigned int i = 0; i < path->levels; i++)
		bcache_put(ext4_inode_fs(path->directory)->cache, path->frames[i].block);
	path->levels = 0;
}

static int damaged(const struct path *path)
{
	return ext4_corrupt(ext4_inode_fs(path->directory), "a damaged index of directory",
			    path->directory->number);
}

/* A block of the index into the next frame, its counts checked. */
static int open_frame(struct path *path, uint64_t logical, uint32_t entries_offset)
{
	struct ext4 *e4 = ext4_inode_fs(path->directory);
	struct frame *frame = &path->frames[path->levels];
	uint32_t most = (e4->block_bytes - entries_offset) / sizeof(struct ext2_dx_entry);
	int error = ext4_dir_block(path->directory, logical, &frame->block);

	if (error)
		return error;
	path->levels++;
	frame->entries = (struct ext2_dx_entry *)(frame->block->bytes + entries_offset);
	if (counts(frame)->count == 0 || counts(frame)->count > counts(frame)->limit ||
	    counts(frame)->limit > most)
		return damaged(path);
	return 0;
}

/* The last entry whose hash is not beyond. */
static void choose(struct frame *frame, uint32_t hash)
{
	uint32_t low = 0, high = counts(frame)->count;

	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (frame->entries[middle].hash <= hash)
			low = middle;
		else
			high = middle;
	}
	frame->at = low;
}

/* The root, and the version of the hash. path is released on errors. */
static int open_root(struct ext4_inode *directory, struct path *path, uint32_t *levels_out)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	const struct ext2_dx_root_info *info;
	int error;

	path->directory = directory;
	path->levels = 0;
	error = open_frame(path, 0, ROOT_OFFSET + sizeof(*info));
	if (!error) {
		info = (const struct ext2_dx_root_info *)(path->frames[0].block->bytes +
							  ROOT_OFFSET);
		path->version = effective_version(e4, info->hash_version);
		*levels_out = info->indirect_levels + 1u;
		if (info->hash_version > EXT2_HASH_TEA || info->info_length != sizeof(*info) ||
		    info->indirect_levels >= LEVELS_MAX || info->reserved_zero)
			error = damaged(path);
	}
	if (error)
		release(path);
	return error;
}

/* From the root to the index block above the leaf of path->hash. */
static int descend(struct path *path, uint32_t levels)
{
	int error = 0;

	choose(&path->frames[0], path->hash);
	while (path->levels < levels && !error) {
		struct frame *frame = &path->frames[path->levels - 1];

		error = open_frame(path, child_of(&frame->entries[frame->at]), 8);
		if (!error)
			choose(&path->frames[path->levels - 1], path->hash);
	}
	if (error)
		release(path);
	return error;
}

static int open_path(struct ext4_inode *directory, const char *name, size_t name_bytes,
		     struct path *path)
{
	uint32_t levels, minor;
	int error = open_root(directory, path, &levels);

	if (error)
		return error;
	error = hash_of(ext4_inode_fs(directory), path->version, name, name_bytes, &path->hash,
			&minor);
	if (error) {
		release(path);
		return error;
	}
	return descend(path, levels);
}

/* The next leaf in the order of hashes; its first hash, with the bit that says it goes on with the
 * last one's. -ENOENT: there is none. path is released on errors. */
static int next_leaf(struct path *path, uint32_t *hash_out)
{
	unsigned int levels = path->levels, level = levels;
	int error = -ENOENT;

	while (level > 0) {
		struct frame *frame = &path->frames[level - 1];

		if (++frame->at < counts(frame)->count)
			break;
		level--;
	}
	if (level > 0) {
		struct frame *frame = &path->frames[level - 1];

		*hash_out = frame->entries[frame->at].hash;
		while (path->levels > level)
			bcache_put(ext4_inode_fs(path->directory)->cache,
				   path->frames[--path->levels].block);
		error = 0;
		while (path->levels < levels && !error) {
			frame = &path->frames[path->levels - 1];
			error = open_frame(path, child_of(&frame->entries[frame->at]), 8);
			path->frames[path->levels - 1].at = 0;
		}
	}
	if (error)
		release(path);
	return error;
}

static uint64_t leaf_of(const struct path *path)
{
	const struct frame *frame = &path->frames[path->levels - 1];

	return child_of(&frame->entries[frame->at]);
}

static int open_leaf(struct path *path, struct bblock **block_out)
{
	int error = ext4_dir_block(path->directory, leaf_of(path), block_out);

	if (!error && (*block_out)->checked != CHECKED_ENTRIES) {
		bcache_put(ext4_inode_fs(path->directory)->cache, *block_out);
		error = damaged(path);
	}
	return error;
}

int ext4_htree_lookup(struct ext4_inode *directory, const char *name, size_t name_bytes,
		      struct ext4_place *place_out)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	struct path path;
	int error = open_path(directory, name, name_bytes, &path);

	while (!error) {
		uint32_t hash;

		error = open_leaf(&path, &place_out->block);
		if (error)
			break;
		error = ext4_dir_find(e4, place_out->block, name, name_bytes, &place_out->offset);
		if (!error)
			break;
		bcache_put(e4->cache, place_out->block);
		error = next_leaf(&path, &hash);
		if (error)
			return error;
		/* Only a block that goes on with the same hash can have it. */
		error = hash == (path.hash | 1) ? 0 : -ENOENT;
	}
	release(&path);
	return error;
}

/* --- growing --- */

struct name_hash {
	uint32_t hash, minor;
	uint32_t offset, bytes;
};

static bool is_before(const struct name_hash *a, const struct name_hash *b)
{
	return a->hash != b->hash ? a->hash < b->hash : a->minor < b->minor;
}

static void sort_names(struct name_hash *names, size_t count)
{
	for (size_t gap = count / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < count; i++) {
			struct name_hash name = names[i];
			size_t j = i;

			for (; j >= gap && is_before(&name, &names[j - gap]); j -= gap)
				names[j] = names[j - gap];
			names[j] = name;
		}
}

static bool is_dots(const struct ext2_dir_entry *entry)
{
	uint32_t bytes = entry->name_len & 0xff;

	return bytes <= 2 && entry->name[0] == '.' && (bytes == 1 || entry->name[1] == '.');
}

/* The names of a block with their hashes, unsorted, behind those there are. */
static int gather(const struct ext4 *e4, uint32_t version, const struct bblock *block,
		  struct name_hash *names, size_t *count)
{
	int error = 0;

	for (uint32_t offset = 0; offset < e4->block_bytes && !error;) {
		const struct ext2_dir_entry *entry = ext4_entry(block, offset);
		struct name_hash *name = &names[*count];

		if (entry->inode && !is_dots(entry)) {
			name->offset = offset;
			name->bytes = ext4_entry_room(entry->name_len & 0xff);
			error = hash_of(e4, version, entry->name, entry->name_len & 0xff,
					&name->hash, &name->minor);
			(*count)++;
		}
		offset += ext4_rec_len(e4, entry);
	}
	return error;
}

static size_t names_max(const struct ext4 *e4)
{
	return e4->block_bytes / 12 + 1;
}

/* The block becomes the names that are told, from another block's bytes. */
static void pack(struct ext4 *e4, struct bblock *block, const uint8_t *from,
		 const struct name_hash *names, size_t count)
{
	uint32_t at = 0;

	memset(block->bytes, 0, e4->block_bytes);
	ext4_set_rec_len(e4, ext4_entry(block, 0), ext4_dir_room(e4));
	for (size_t i = 0; i < count; i++) {
		memcpy(block->bytes + at, from + names[i].offset, names[i].bytes);
		ext4_set_rec_len(e4, ext4_entry(block, at),
				 i + 1 == count ? ext4_dir_room(e4) - at : names[i].bytes);
		at += names[i].bytes;
	}
	ext4_dir_tail(e4, block);
}

/* Puts an entry behind the one taken; there is room. */
static int insert_entry(struct path *path, struct frame *frame, uint32_t hash, uint64_t logical)
{
	struct ext2_dx_entry *fresh = &frame->entries[frame->at + 1];
	uint32_t count = counts(frame)->count;

	ext4_block_change(ext4_inode_fs(path->directory), frame->block);
	memmove(fresh + 1, fresh, (count - frame->at - 1) * sizeof(*fresh));
	fresh->hash = hash;
	fresh->block = (uint32_t)logical;
	counts(frame)->count = (uint16_t)(count + 1);
	return ext4_dir_changed(path->directory, frame->block);
}

/* The full leaf's upper half of hashes moves to a new block. */
static int split_leaf(struct path *path, struct bblock *leaf)
{
	struct ext4 *e4 = ext4_inode_fs(path->directory);
	struct name_hash *names = heap_alloc(names_max(e4) * sizeof(*names) + e4->block_bytes);
	struct bblock *fresh = NULL;
	size_t count = 0, keep;
	uint32_t bytes = 0;
	uint64_t logical;
	uint8_t *copy;
	int error;

	if (!names)
		return -ENOMEM;
	copy = (uint8_t *)(names + names_max(e4));
	error = gather(e4, path->version, leaf, names, &count);
	if (!error && count < 2)
		error = damaged(path);
	if (!error)
		error = ext4_dir_grow(path->directory, &logical, &fresh);
	if (error)
		goto out;
	sort_names(names, count);
	for (keep = 0; keep < count - 1 && bytes < e4->block_bytes / 2; keep++)
		bytes += names[keep].bytes;
	memcpy(copy, leaf->bytes, e4->block_bytes);
	pack(e4, fresh, copy, names + keep, count - keep);
	error = ext4_dir_changed(path->directory, fresh);
	if (error)
		goto out;
	ext4_block_change(e4, leaf);
	pack(e4, leaf, copy, names, keep);
	error = ext4_dir_changed(path->directory, leaf);
	if (!error)
		error = insert_entry(path, &path->frames[path->levels - 1],
				     names[keep].hash | (names[keep].hash == names[keep - 1].hash),
				     logical);
out:
	if (fresh)
		bcache_put(e4->cache, fresh);
	heap_free(names);
	return error;
}

static uint32_t node_limit(const struct ext4 *e4, uint32_t entries_offset)
{
	uint32_t tail =
		ext2fs_has_feature_metadata_csum(e4->lib->super) ? sizeof(struct ext2_dx_tail) : 0;

	return (e4->block_bytes - entries_offset - tail) / sizeof(struct ext2_dx_entry);
}

/* A new block of the index with the entries given. The caller has it. */
static int new_node(struct path *path, const struct ext2_dx_entry *entries, uint32_t count,
		    uint64_t *logical_out)
{
	struct ext4 *e4 = ext4_inode_fs(path->directory);
	struct frame frame = {.at = 0};
	int error = ext4_dir_grow(path->directory, logical_out, &frame.block);

	if (error)
		return error;
	memset(frame.block->bytes, 0, e4->block_bytes);
	ext4_set_rec_len(e4, ext4_entry(frame.block, 0), e4->block_bytes);
	frame.entries = (struct ext2_dx_entry *)(frame.block->bytes + 8);
	memcpy(frame.entries, entries, count * sizeof(*entries));
	counts(&frame)->limit = (uint16_t)node_limit(e4, 8);
	counts(&frame)->count = (uint16_t)count;
	frame.block->checked = 0; /* no block of entries any more */
	error = ext4_dir_changed(path->directory, frame.block);
	bcache_put(e4->cache, frame.block);
	return error;
}

/* The root's entries move to a new block below it. */
static int deepen(struct path *path)
{
	struct ext4 *e4 = ext4_inode_fs(path->directory);
	struct frame *root = &path->frames[0];
	struct ext2_dx_root_info *info =
		(struct ext2_dx_root_info *)(root->block->bytes + ROOT_OFFSET);
	uint64_t logical;
	int error;

	/* Two levels of index are what every reader knows. */
	if (path->levels >= (ext2fs_has_feature_largedir(e4->lib->super) ? LEVELS_MAX : 2u))
		return -ENOSPC;
	error = new_node(path, root->entries, counts(root)->count, &logical);
	if (error)
		return error;
	ext4_block_change(e4, root->block);
	root->entries[0].block = (uint32_t)logical;
	counts(root)->count = 1;
	info->indirect_levels++;
	return ext4_dir_changed(path->directory, root->block);
}

/* The upper half of a full index block moves to a new one. Its parent has room. */
static int split_node(struct path *path, unsigned int level)
{
	struct ext4 *e4 = ext4_inode_fs(path->directory);
	struct frame *frame = &path->frames[level];
	uint32_t count = counts(frame)->count, keep = count / 2;
	uint32_t hash = frame->entries[keep].hash;
	uint64_t logical;
	int error = new_node(path, frame->entries + keep, count - keep, &logical);

	if (error)
		return error;
	ext4_block_change(e4, frame->block);
	counts(frame)->count = (uint16_t)keep;
	error = ext4_dir_changed(path->directory, frame->block);
	return error ? error : insert_entry(path, &path->frames[level - 1], hash, logical);
}

/* Makes room for one more leaf: one step, after which the path is not good any more. */
static int make_room(struct path *path, struct bblock *leaf)
{
	unsigned int level = path->levels;

	while (level > 0 &&
	       counts(&path->frames[level - 1])->count == counts(&path->frames[level - 1])->limit)
		level--;
	if (level == path->levels)
		return split_leaf(path, leaf);
	return level == 0 ? deepen(path) : split_node(path, level);
}

int ext4_htree_add(struct ext4_inode *directory, const char *name, size_t name_bytes,
		   uint32_t number, uint32_t type)
{
	struct ext4 *e4 = ext4_inode_fs(directory);

	/* A new level, a split on each, and the leaf's. */
	for (unsigned int i = 0; i < LEVELS_MAX + 3; i++) {
		struct path path;
		struct bblock *leaf;
		int error = open_path(directory, name, name_bytes, &path);

		if (error)
			return error;
		error = open_leaf(&path, &leaf);
		if (error) {
			release(&path);
			return error;
		}
		error = ext4_dir_put(directory, leaf, name, name_bytes, number, type);
		if (error == -ENOSPC) {
			error = make_room(&path, leaf);
			if (!error)
				error = -EAGAIN;
		}
		bcache_put(e4->cache, leaf);
		release(&path);
		if (error != -EAGAIN)
			return error;
	}
	return -ENOSPC;
}

int ext4_htree_make(struct ext4_inode *directory)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	struct name_hash *names = heap_alloc(names_max(e4) * sizeof(*names));
	struct bblock *root = NULL, *leaf = NULL;
	struct ext2_dx_root_info *info;
	struct ext2_dir_entry *dots;
	struct frame frame;
	uint64_t logical;
	size_t count = 0;
	uint32_t version = e4->lib->super->s_def_hash_version;
	int error = names ? ext4_dir_block(directory, 0, &root) : -ENOMEM;

	if (version > EXT2_HASH_TEA)
		version = EXT2_HASH_HALF_MD4;
	if (!error)
		error = gather(e4, effective_version(e4, version), root, names, &count);
	/* `.` and `..` must be where the index wants them. */
	dots = error ? NULL : ext4_entry(root, 12);
	if (!error && (ext4_rec_len(e4, ext4_entry(root, 0)) != 12 || (dots->name_len & 0xff) != 2))
		error = -ENOSPC;
	if (!error)
		error = ext4_dir_grow(directory, &logical, &leaf);
	if (error)
		goto out;
	pack(e4, leaf, root->bytes, names, count);
	error = ext4_dir_changed(directory, leaf);
	if (error)
		goto out;
	ext4_block_change(e4, root);
	ext4_set_rec_len(e4, dots, e4->block_bytes - 12);
	memset(root->bytes + ROOT_OFFSET, 0, e4->block_bytes - ROOT_OFFSET);
	info = (struct ext2_dx_root_info *)(root->bytes + ROOT_OFFSET);
	info->hash_version = (uint8_t)version;
	info->info_length = sizeof(*info);
	frame.entries = (struct ext2_dx_entry *)(info + 1);
	counts(&frame)->limit = (uint16_t)node_limit(e4, ROOT_OFFSET + sizeof(*info));
	counts(&frame)->count = 1;
	frame.entries[0].block = (uint32_t)logical;
	root->checked = 0;
	directory->raw.small.i_flags |= EXT2_INDEX_FL;
	error = ext4_inode_change(directory, true);
	if (!error)
		error = ext4_dir_changed(directory, root);
out:
	if (leaf)
		bcache_put(e4->cache, leaf);
	if (root)
		bcache_put(e4->cache, root);
	heap_free(names);
	return error;
}

/* --- listing --- */

/* Where a name stands among the others: 31 bits of its hash, 31 of the second. */
static uint64_t position_of(const struct name_hash *name)
{
	return (uint64_t)(name->hash >> 1) << 31 | name->minor >> 1;
}

/* Tells names, sorted, from *cursor on. True: no more room. */
static bool tell(struct ext4 *e4, const struct bblock *block, const struct name_hash *names,
		 size_t count, uint64_t *cursor, node_list_fn *fn, void *context)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t position = position_of(&names[i]);

		/* Of two at one place both are told, or both again. */
		if (position < *cursor &&
		    !(i && position_of(&names[i - 1]) == position && position + 1 == *cursor))
			continue;
		if (ext4_dir_tell(e4, ext4_entry(block, names[i].offset), position + 1, fn,
				  context))
			return true;
		*cursor = position + 1;
	}
	return false;
}

/* One block's names. 1: no more room. */
static int list_block(struct ext4_inode *directory, uint32_t version, const struct bblock *block,
		      uint64_t *cursor, node_list_fn *fn, void *context)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	struct name_hash *names = heap_alloc(names_max(e4) * sizeof(*names));
	size_t count = 0;
	int result;

	if (!names)
		return -ENOMEM;
	result = gather(e4, version, block, names, &count);
	if (!result) {
		sort_names(names, count);
		result = tell(e4, block, names, count, cursor, fn, context);
	}
	heap_free(names);
	return result;
}

/* Leaf after leaf from where *cursor is. A hash that goes on in the next leaf is told leaf by leaf:
 * the second hash decides within each. */
static int list_leaves(struct path *path, uint64_t *cursor, node_list_fn *fn, void *context)
{
	struct ext4 *e4 = ext4_inode_fs(path->directory);
	uint64_t floor = *cursor;
	int result;

	for (;;) {
		struct bblock *leaf;
		uint32_t hash;

		result = open_leaf(path, &leaf);
		if (result)
			break;
		result = list_block(path->directory, path->version, leaf, cursor, fn, context);
		bcache_put(e4->cache, leaf);
		if (result)
			break;
		result = next_leaf(path, &hash);
		if (result)
			return result == -ENOENT ? 0 : result;
		if (hash & 1)
			*cursor = floor;
		else
			floor = *cursor = (uint64_t)(hash >> 1) << 31 > *cursor
						  ? (uint64_t)(hash >> 1) << 31
						  : *cursor;
	}
	release(path);
	return result > 0 ? 0 : result;
}

int ext4_htree_list(struct ext4_inode *directory, uint64_t *cursor, node_list_fn *fn, void *context)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	uint32_t version = e4->lib->super->s_def_hash_version, levels;
	struct bblock *block;
	struct path path;
	int error;

	if (ext4_htree_is(directory)) {
		error = open_root(directory, &path, &levels);
		if (error)
			return error;
		path.hash = (uint32_t)(*cursor >> 31) << 1;
		error = descend(&path, levels);
		return error ? error : list_leaves(&path, cursor, fn, context);
	}
	error = ext4_dir_block(directory, 0, &block);
	if (error)
		return error;
	error = list_block(
		directory,
		effective_version(e4, version > EXT2_HASH_TEA ? EXT2_HASH_HALF_MD4 : version),
		block, cursor, fn, context);
	bcache_put(e4->cache, block);
	return error > 0 ? 0 : error;
}
