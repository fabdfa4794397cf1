/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operations of lib/fs/node.h on names and attributes. Each that changes something is one
 * transaction's part: after a power cut it has happened or it has not.
 */
#include "core/heap.h"
#include "lib/fs/ext4_parts.h"

#define LINKS_MAX      65000u
#define FAST_BYTES_MAX (EXT2_N_BLOCKS * 4u)

static int node_lookup(struct node *node, const char *name, size_t name_bytes,
		       struct node **node_out)
{
	struct ext4_inode *directory = ext4_inode_of(node), *inode;
	struct ext4 *e4 = ext4_of(node);
	struct ext4_place place;
	uint32_t number;
	int error = ext4_dir_lookup(directory, name, name_bytes, &place);

	if (error)
		return error;
	number = ext4_entry(place.block, place.offset)->inode;
	bcache_put(e4->cache, place.block);
	error = ext4_inode_get(e4, number, &inode);
	if (error)
		return error == -ENOENT ? ext4_corrupt(e4, "a name leads to free inode", number)
					: error;
	*node_out = &inode->node;
	return 0;
}

static int node_parent(struct node *node, struct node **node_out)
{
	struct ext4_inode *parent;
	uint32_t number;
	int error = ext4_dir_parent(ext4_inode_of(node), &number);

	if (!error)
		error = ext4_inode_get(ext4_of(node), number, &parent);
	if (error)
		return error == -ENOENT ? -EIO : error;
	*node_out = &parent->node;
	return 0;
}

/* --- creating --- */

/* A directory has more links by one, each of its own directories is one. 1: too many to count. */
static int add_link(struct ext4_inode *inode)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	struct ext2_inode *raw = &inode->raw.small;

	if (raw->i_links_count == 1 && node_is(&inode->node, NODE_DIRECTORY))
		return 0;
	if (raw->i_links_count >= LINKS_MAX) {
		if (!node_is(&inode->node, NODE_DIRECTORY) ||
		    !ext2fs_has_feature_dir_nlink(e4->lib->super))
			return -EMLINK;
		raw->i_links_count = 1;
	} else {
		raw->i_links_count++;
	}
	return ext4_inode_change(inode, false);
}

static int drop_link(struct ext4_inode *inode)
{
	struct ext2_inode *raw = &inode->raw.small;

	if (raw->i_links_count > (node_is(&inode->node, NODE_DIRECTORY) ? 2 : 0))
		raw->i_links_count--;
	return ext4_inode_change(inode, false);
}

static int set_target(struct ext4_inode *inode, const struct node_new *what)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	struct ext4_run run;
	struct bblock *block;
	int error;

	if (what->target_bytes == 0 || what->target_bytes >= e4->block_bytes)
		return -ENAMETOOLONG;
	ext4_set_size(inode, what->target_bytes);
	if (what->target_bytes < FAST_BYTES_MAX) {
		memcpy(inode->raw.small.i_block, what->target, what->target_bytes);
		return 0;
	}
	ext4_map_init(inode);
	error = ext4_blocks_alloc(
		e4, ext2fs_group_first_block2(e4->lib, ext2fs_group_of_ino(e4->lib, inode->number)),
		1, &run);
	if (error)
		return error;
	error = bcache_get_new(e4->cache, run.first, &block);
	if (!error) {
		memset(block->bytes, 0, e4->block_bytes);
		memcpy(block->bytes, what->target, what->target_bytes);
		block->checked = 0;
		bcache_dirty(e4->cache, block, BCACHE_ORDERED);
		bcache_put(e4->cache, block);
		error = ext4_map_set(inode, 0, run.first, 1, false);
	}
	if (error)
		(void)ext4_blocks_free(e4, run.first, 1, false);
	return error;
}

/* What makes it more than an inode. */
static int fill_new(struct ext4_inode *directory, struct ext4_inode *inode,
		    const struct node_new *what)
{
	struct ext2_inode *raw = &inode->raw.small;
	uint32_t device = what->device;

	switch (what->mode & NODE_TYPE) {
	case NODE_DIRECTORY:
		raw->i_links_count = 2;
		return ext4_dir_init(inode, directory->number);
	case NODE_LINK:
		return set_target(inode, what);
	case NODE_CHARACTER:
	case NODE_BLOCK:
		if ((device >> 8) < 256)
			raw->i_block[0] = device;
		else
			raw->i_block[1] = (device & 0xff) | (device >> 8) << 8;
		return 0;
	default:
		return 0;
	}
}

/* Takes back what was made of an inode that gets no name. In the transaction that made it. */
static void discard(struct ext4_inode *inode)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	bool directory = node_is(&inode->node, NODE_DIRECTORY);

	if (node_is(&inode->node, NODE_FILE) || directory ||
	    (node_is(&inode->node, NODE_LINK) && !ext4_is_fast_link(inode)))
		(void)ext4_map_cut(inode, 0);
	inode->raw.small.i_links_count = 0;
	inode->raw.small.i_dtime = (uint32_t)ext4_now().s;
	(void)ext4_inode_change(inode, true);
	(void)ext4_inode_free(e4, inode->number, directory);
	node_put(&inode->node);
}

static int create(struct ext4_inode *directory, const char *name, size_t name_bytes,
		  const struct node_new *what, struct ext4_inode **inode_out)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	bool is_directory = (what->mode & NODE_TYPE) == NODE_DIRECTORY;
	struct ext4_inode *inode;
	int error = ext4_inode_create(e4, directory, what->mode, &inode);

	if (error)
		return error;
	error = fill_new(directory, inode, what);
	if (!error && is_directory)
		error = add_link(directory);
	if (!error && name_bytes) {
		error = ext4_dir_add(directory, name, name_bytes, inode->number, what->mode);
		if (error && is_directory)
			(void)drop_link(directory);
	} else if (!error) {
		inode->raw.small.i_links_count = 0;
		error = ext4_orphan_add(inode);
	}
	if (!error)
		error = ext4_inode_change(inode, true);
	if (error) {
		discard(inode);
		return error;
	}
	*inode_out = inode;
	return 0;
}

/* A removed directory takes no new names. */
static int check_alive(const struct ext4_inode *directory)
{
	return directory->raw.small.i_links_count ? 0 : -ENOENT;
}

/* What was freed lately is free after a commit: true when it is worth another try. */
static bool worth_again(struct ext4 *e4, int error, bool *tried)
{
	if (error != -ENOSPC || *tried)
		return false;
	*tried = true;
	return ext4_commit(e4, UINT64_MAX) == 0;
}

static int node_create(struct node *node, const char *name, size_t name_bytes,
		       const struct node_new *what, struct node **node_out)
{
	struct ext4_inode *directory = ext4_inode_of(node), *inode = NULL;
	struct ext4 *e4 = ext4_of(node);
	bool tried = false;
	int error = check_alive(directory);

	if (error)
		return error;
	do {
		error = ext4_begin(e4);
		if (error)
			return error;
		error = create(directory, name, name_bytes, what, &inode);
		ext4_end(e4);
	} while (worth_again(e4, error, &tried));
	if (!error)
		*node_out = &inode->node;
	return error;
}

static int node_link(struct node *node, const char *name, size_t name_bytes, struct node *target)
{
	struct ext4_inode *directory = ext4_inode_of(node), *inode = ext4_inode_of(target);
	struct ext4 *e4 = ext4_of(node);
	bool tried = false;
	int error = check_alive(directory);

	if (error)
		return error;
	do {
		error = ext4_begin(e4);
		if (error)
			return error;
		error = inode->raw.small.i_links_count >= LINKS_MAX ? -EMLINK : 0;
		if (!error)
			error = ext4_dir_add(directory, name, name_bytes, inode->number,
					     inode->node.mode);
		if (!error && inode->raw.small.i_links_count == 0)
			error = ext4_orphan_remove(inode);
		if (!error) {
			ext4_set_times(inode, EXT4_CHANGED, ext4_now());
			error = add_link(inode);
		}
		ext4_end(e4);
	} while (worth_again(e4, error, &tried));
	return error;
}

/* --- removing --- */

/* A name of it is gone: with the last one it is an orphan. */
static int lose_name(struct ext4_inode *directory, struct ext4_inode *inode)
{
	int error = 0;

	ext4_set_times(inode, EXT4_CHANGED, ext4_now());
	if (node_is(&inode->node, NODE_DIRECTORY)) {
		inode->raw.small.i_links_count = 0;
		error = drop_link(directory);
	} else if (inode->raw.small.i_links_count) {
		inode->raw.small.i_links_count--;
	}
	if (!error)
		error = ext4_inode_change(inode, true);
	if (!error && inode->raw.small.i_links_count == 0)
		error = ext4_orphan_add(inode);
	return error;
}

/* The name's place, which must be inode's. */
static int find_name(struct ext4_inode *directory, const char *name, size_t name_bytes,
		     const struct ext4_inode *inode, struct ext4_place *place_out)
{
	struct ext4 *e4 = ext4_inode_fs(directory);
	int error = ext4_dir_lookup(directory, name, name_bytes, place_out);

	if (!error && ext4_entry(place_out->block, place_out->offset)->inode != inode->number) {
		bcache_put(e4->cache, place_out->block);
		error = ext4_corrupt(e4, "a name has changed in directory", directory->number);
	}
	return error;
}

static int node_unlink(struct node *node, const char *name, size_t name_bytes, struct node *target)
{
	struct ext4_inode *directory = ext4_inode_of(node), *inode = ext4_inode_of(target);
	struct ext4 *e4 = ext4_of(node);
	struct ext4_place place;
	int error = node_is(target, NODE_DIRECTORY) ? ext4_dir_empty(inode) : 0;

	if (!error)
		error = ext4_begin(e4);
	if (error)
		return error;
	error = find_name(directory, name, name_bytes, inode, &place);
	if (!error) {
		error = ext4_dir_remove(directory, &place);
		bcache_put(e4->cache, place.block);
	}
	if (!error)
		error = lose_name(directory, inode);
	ext4_end(e4);
	return error;
}

struct move {
	struct ext4_inode *from, *to, *inode, *replaced;
	const char *from_name, *to_name;
	size_t from_bytes, to_bytes;
};

/* The new name, over the one that is replaced. */
static int set_new_name(const struct move *move)
{
	struct ext4_place place;
	int error;

	if (!move->replaced)
		return ext4_dir_add(move->to, move->to_name, move->to_bytes, move->inode->number,
				    move->inode->node.mode);
	error = find_name(move->to, move->to_name, move->to_bytes, move->replaced, &place);
	if (error)
		return error;
	error = ext4_dir_set(move->to, &place, move->inode->number, move->inode->node.mode);
	bcache_put(ext4_inode_fs(move->to)->cache, place.block);
	return error ? error : lose_name(move->to, move->replaced);
}

/* In a transaction. The new name comes first: it is what can fail for want of room. */
static int rename_in_txn(const struct move *move)
{
	struct ext4_inode *inode = move->inode;
	bool moves = node_is(&inode->node, NODE_DIRECTORY) && move->from != move->to;
	struct ext4_place place;
	int error = moves && !move->replaced ? add_link(move->to) : 0;

	if (error)
		return error;
	error = set_new_name(move);
	if (error) {
		if (moves && !move->replaced)
			(void)drop_link(move->to);
		return error;
	}
	if (moves && move->replaced)
		error = add_link(move->to);
	/* The block may have been split meanwhile: the old name is looked for again. */
	if (!error)
		error = find_name(move->from, move->from_name, move->from_bytes, inode, &place);
	if (error)
		return error;
	error = ext4_dir_remove(move->from, &place);
	bcache_put(ext4_inode_fs(inode)->cache, place.block);
	if (!error && moves) {
		error = ext4_dir_set_parent(inode, move->to->number);
		if (!error)
			error = drop_link(move->from);
	}
	if (!error) {
		ext4_set_times(inode, EXT4_CHANGED, ext4_now());
		error = ext4_inode_change(inode, true);
	}
	return error;
}

static int node_rename(struct node *from_directory, const char *from, size_t from_bytes,
		       struct node *to_directory, const char *to, size_t to_bytes,
		       struct node *node, struct node *replaced)
{
	struct ext4 *e4 = ext4_of(node);
	struct move move = {
		.from = ext4_inode_of(from_directory),
		.to = ext4_inode_of(to_directory),
		.inode = ext4_inode_of(node),
		.replaced = replaced ? ext4_inode_of(replaced) : NULL,
		.from_name = from,
		.to_name = to,
		.from_bytes = from_bytes,
		.to_bytes = to_bytes,
	};
	bool tried = false;
	int error = check_alive(move.to);

	if (!error && replaced && node_is(replaced, NODE_DIRECTORY))
		error = ext4_dir_empty(move.replaced);
	if (error)
		return error;
	do {
		error = ext4_begin(e4);
		if (error)
			return error;
		error = rename_in_txn(&move);
		ext4_end(e4);
	} while (worth_again(e4, error, &tried));
	return error;
}

/* --- attributes --- */

static int64_t node_readlink(struct node *node, char *target_out, size_t bytes_max)
{
	struct ext4_inode *inode = ext4_inode_of(node);
	struct ext4 *e4 = ext4_of(node);
	uint64_t bytes = ext4_size(inode);
	struct ext4_extent extent;
	struct bblock *block;
	int error;

	if (!node_is(node, NODE_LINK))
		return -EINVAL;
	if (bytes > bytes_max)
		bytes = bytes_max;
	if (ext4_is_fast_link(inode)) {
		if (bytes > FAST_BYTES_MAX)
			return -EIO;
		memcpy(target_out, inode->raw.small.i_block, bytes);
		return (int64_t)bytes;
	}
	if (ext4_size(inode) >= e4->block_bytes)
		return -EIO;
	error = ext4_map(inode, 0, &extent);
	if (!error && (extent.physical == 0 || extent.unwritten))
		error = ext4_corrupt(e4, "no target of link", inode->number);
	if (!error)
		error = bcache_get(e4->cache, extent.physical, &block);
	if (error)
		return error;
	memcpy(target_out, block->bytes, bytes);
	bcache_put(e4->cache, block);
	return (int64_t)bytes;
}

static uint32_t device_of(const struct ext4_inode *inode)
{
	const uint32_t *words = inode->raw.small.i_block;

	if (words[0])
		return words[0] & 0xffff;
	return (words[1] & 0xff) | (words[1] >> 8 & 0xfff) << 8;
}

static int node_stat(struct node *node, struct node_info *info_out)
{
	struct ext4_inode *inode = ext4_inode_of(node);
	const struct ext2_inode *raw = &inode->raw.small;
	struct ext4 *e4 = ext4_of(node);

	sleeplock_lock(&e4->lock);
	*info_out = (struct node_info){
		.number = inode->number,
		.bytes = ext4_size(inode),
		.sectors = ext4_sectors(inode),
		.accessed = ext4_get_time(inode, EXT4_ACCESSED),
		.modified = ext4_get_time(inode, EXT4_MODIFIED),
		.changed = ext4_get_time(inode, EXT4_CHANGED),
		.mode = raw->i_mode,
		.links = raw->i_links_count,
		.owner = raw->i_uid | (uint32_t)raw->osd2.linux2.l_i_uid_high << 16,
		.group = raw->i_gid | (uint32_t)raw->osd2.linux2.l_i_gid_high << 16,
		.block_bytes = e4->block_bytes,
	};
	if (node_is(node, NODE_CHARACTER) || node_is(node, NODE_BLOCK))
		info_out->device = device_of(inode);
	sleeplock_unlock(&e4->lock);
	return 0;
}

static void set_fields(struct ext4_inode *inode, const struct node_change *change)
{
	struct ext2_inode *raw = &inode->raw.small;

	if (change->what & NODE_SET_MODE) {
		raw->i_mode =
			(uint16_t)((raw->i_mode & NODE_TYPE) | (change->mode & NODE_PERMISSIONS));
		ext4_inode_refresh(inode);
	}
	if (change->what & NODE_SET_OWNER) {
		raw->i_uid = (uint16_t)change->owner;
		raw->osd2.linux2.l_i_uid_high = (uint16_t)(change->owner >> 16);
	}
	if (change->what & NODE_SET_GROUP) {
		raw->i_gid = (uint16_t)change->group;
		raw->osd2.linux2.l_i_gid_high = (uint16_t)(change->group >> 16);
	}
	ext4_set_times(inode, EXT4_CHANGED, ext4_now());
	if (change->what & NODE_SET_ACCESSED)
		ext4_set_times(inode, EXT4_ACCESSED, change->accessed);
	if (change->what & NODE_SET_MODIFIED)
		ext4_set_times(inode, EXT4_MODIFIED, change->modified);
}

static int node_setattr(struct node *node, const struct node_change *change)
{
	struct ext4_inode *inode = ext4_inode_of(node);
	struct ext4 *e4 = ext4_of(node);
	int error = 0;

	sleeplock_lock(&inode->lock);
	if (change->what & NODE_SET_BYTES)
		error = node_is(node, NODE_FILE) ? ext4_resize(inode, change->bytes) : -EINVAL;
	if (!error && change->what & ~NODE_SET_BYTES) {
		error = ext4_begin(e4);
		if (!error) {
			set_fields(inode, change);
			error = ext4_inode_change(inode, false);
			ext4_end(e4);
		}
	}
	sleeplock_unlock(&inode->lock);
	return error;
}

const struct node_ops ext4_node_ops = {
	.lookup = node_lookup,
	.parent = node_parent,
	.list = ext4_dir_list,
	.create = node_create,
	.link = node_link,
	.unlink = node_unlink,
	.rename = node_rename,
	.readlink = node_readlink,
	.stat = node_stat,
	.setattr = node_setattr,
	.read = ext4_read,
	.write = ext4_write,
	.allocate = ext4_allocate,
	.sync = ext4_sync,
	.put_last = ext4_inode_put_last,
};
