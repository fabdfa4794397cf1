/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inodes in memory, each once. Its copy of the disk's inode is what counts; a changed one is put
 * into its block at commit. Unreferenced ones stay for a while.
 */
#include "core/heap.h"
#include "core/time.h"
#include "lib/fs/ext4_parts.h"

#define UNUSED_MAX  512u
#define ORPHANS_MAX 1000000u /* a longer list has a loop in it */

/* Where an inode is on the disk. */
static int place_of(struct ext4 *e4, uint32_t number, struct bblock **block_out,
		    uint32_t *offset_out)
{
	uint32_t inodes = EXT2_INODES_PER_GROUP(e4->lib->super);
	uint32_t group = (number - 1) / inodes;
	uint64_t at = (uint64_t)((number - 1) % inodes) * e4->inode_bytes;
	uint64_t table = ext2fs_inode_table_loc(e4->lib, group);

	if (table == 0 ||
	    table + e4->lib->inode_blocks_per_group > ext2fs_blocks_count(e4->lib->super))
		return ext4_corrupt(e4, "no place for the inodes of group", group);
	*offset_out = (uint32_t)(at & (e4->block_bytes - 1));
	return ext4_block_get(e4, table + (at >> e4->block_shift), block_out);
}

static struct ext4_inode **bucket_of(struct ext4 *e4, uint32_t number)
{
	return &e4->inodes[number % EXT4_INODE_BUCKETS];
}

/* With a reference. Under inodes_lock. */
static struct ext4_inode *find(struct ext4 *e4, uint32_t number)
{
	struct ext4_inode *inode = *bucket_of(e4, number);

	while (inode && inode->number != number)
		inode = inode->next;
	if (inode && __atomic_fetch_add(&inode->node.refs, 1, __ATOMIC_RELAXED) == 0 &&
	    !list_empty(&inode->lru)) {
		list_remove(&inode->lru);
		e4->inodes_unused--;
	}
	return inode;
}

/* Under inodes_lock. */
static void unlink_inode(struct ext4 *e4, struct ext4_inode *inode)
{
	struct ext4_inode **slot = bucket_of(e4, inode->number);

	while (*slot != inode)
		slot = &(*slot)->next;
	*slot = inode->next;
	if (!list_empty(&inode->lru))
		e4->inodes_unused--;
	list_remove(&inode->lru);
}

void ext4_inode_refresh(struct ext4_inode *inode)
{
	inode->node.mode = inode->raw.small.i_mode;
}

static void init_inode(struct ext4 *e4, struct ext4_inode *inode, uint32_t number)
{
	inode->node.ops = &ext4_node_ops;
	inode->node.fs = &e4->fs;
	inode->node.refs = 1;
	inode->number = number;
	list_init(&inode->lru);
	list_init(&inode->dirty);
	list_init(&inode->orphan);
}

static struct ext4_inode *new_inode(struct ext4 *e4, uint32_t number)
{
	size_t bytes = offsetof(struct ext4_inode, raw) +
		       (e4->inode_bytes > sizeof(struct ext2_inode_large)
				? e4->inode_bytes
				: sizeof(struct ext2_inode_large));
	struct ext4_inode *inode = heap_alloc_zeroed(bytes);

	if (inode)
		init_inode(e4, inode, number);
	return inode;
}

/* The fields that others trust. */
static int check_inode(struct ext4 *e4, const struct ext4_inode *inode)
{
	const struct ext2_inode *raw = &inode->raw.small;
	uint32_t type = raw->i_mode & NODE_TYPE;

	if (!ext2fs_inode_csum_verify(e4->lib, inode->number,
				      (struct ext2_inode_large *)&inode->raw.large))
		return ext4_corrupt(e4, "a wrong checksum of inode", inode->number);
	if (inode->number == e4->lib->super->s_journal_inum)
		return 0;
	if (type != NODE_FILE && type != NODE_DIRECTORY && type != NODE_LINK &&
	    type != NODE_CHARACTER && type != NODE_BLOCK && type != NODE_FIFO &&
	    type != NODE_SOCKET)
		return raw->i_links_count == 0
			       ? -ENOENT
			       : ext4_corrupt(e4, "no known type of inode", inode->number);
	if (raw->i_flags & (EXT4_INLINE_DATA_FL | EXT4_ENCRYPT_FL | EXT4_CASEFOLD_FL |
			    EXT4_EA_INODE_FL | EXT4_VERITY_FL))
		return -EOPNOTSUPP;
	if (type == NODE_DIRECTORY &&
	    (ext4_size(inode) & (e4->block_bytes - 1) || ext4_size(inode) == 0))
		return ext4_corrupt(e4, "an impossible size of directory", inode->number);
	if (ext4_size(inode) > INT64_MAX)
		return ext4_corrupt(e4, "an impossible size of inode", inode->number);
	return 0;
}

static int read_inode(struct ext4 *e4, struct ext4_inode *inode)
{
	struct bblock *block;
	uint32_t offset;
	int error = place_of(e4, inode->number, &block, &offset);

	if (error)
		return error;
	memcpy(inode->raw.bytes, block->bytes + offset, e4->inode_bytes);
	bcache_put(e4->cache, block);
	error = check_inode(e4, inode);
	ext4_inode_refresh(inode);
	return error;
}

/* Puts a new one in, unless another was faster: that one then, with a reference. */
static struct ext4_inode *insert(struct ext4 *e4, struct ext4_inode *inode)
{
	bool enabled = spin_lock_events(&e4->inodes_lock);
	struct ext4_inode *other = find(e4, inode->number);
	struct ext4_inode **slot = bucket_of(e4, inode->number);

	if (!other) {
		inode->next = *slot;
		*slot = inode;
	}
	spin_unlock_events(&e4->inodes_lock, enabled);
	if (!other)
		return inode;
	heap_free(inode);
	return other;
}

int ext4_inode_get(struct ext4 *e4, uint32_t number, struct ext4_inode **inode_out)
{
	struct ext4_inode *inode;
	bool enabled;
	int error;

	if (number == 0 || number > e4->lib->super->s_inodes_count)
		return ext4_corrupt(e4, "no inode has the number", number);
	enabled = spin_lock_events(&e4->inodes_lock);
	inode = find(e4, number);
	spin_unlock_events(&e4->inodes_lock, enabled);
	if (!inode) {
		inode = new_inode(e4, number);
		if (!inode)
			return -ENOMEM;
		error = read_inode(e4, inode);
		if (error) {
			heap_free(inode);
			return error;
		}
		inode = insert(e4, inode);
	}
	*inode_out = inode;
	return 0;
}

/* The one in memory for a number that was free: a new one, or the one just deleted that waits for
 * its transaction. */
static struct ext4_inode *fresh_inode(struct ext4 *e4, uint32_t number)
{
	struct ext4_inode *inode = new_inode(e4, number), *known;

	if (!inode)
		return NULL;
	known = insert(e4, inode);
	if (known != inode) {
		memset(known->raw.bytes, 0, e4->inode_bytes);
		known->cached.count = 0;
		known->goal = known->read_next = 0;
	}
	return known;
}

int ext4_inode_create(struct ext4 *e4, struct ext4_inode *parent, uint32_t mode,
		      struct ext4_inode **inode_out)
{
	bool directory = (mode & NODE_TYPE) == NODE_DIRECTORY;
	struct ext4_inode *inode;
	struct ext2_inode *raw;
	uint32_t number;
	int error = ext4_inode_alloc(e4, parent->number, directory, &number);

	if (error)
		return error;
	inode = fresh_inode(e4, number);
	if (!inode) {
		(void)ext4_inode_free(e4, number, directory);
		return -ENOMEM;
	}
	raw = &inode->raw.small;
	raw->i_mode = (uint16_t)mode;
	raw->i_links_count = 1;
	/* Differs from the one before, for checksums and NFS. */
	raw->i_generation = (uint32_t)(time_wall_ns() >> 10) ^ number;
	if (e4->inode_bytes > EXT2_GOOD_OLD_INODE_SIZE) {
		uint16_t want = e4->lib->super->s_want_extra_isize;

		inode->raw.large.i_extra_isize =
			want >= 4 && want <= e4->inode_bytes - EXT2_GOOD_OLD_INODE_SIZE &&
					!(want & 3)
				? want
				: (uint16_t)(sizeof(struct ext2_inode_large) -
					     EXT2_GOOD_OLD_INODE_SIZE);
	}
	if ((mode & NODE_TYPE) == NODE_FILE || directory)
		ext4_map_init(inode);
	ext4_set_times(inode, EXT4_ACCESSED | EXT4_MODIFIED | EXT4_CHANGED | EXT4_CREATED,
		       ext4_now());
	ext4_inode_refresh(inode);
	error = ext4_inode_change(inode, true);
	if (error) {
		raw->i_links_count = 0;
		(void)ext4_inode_free(e4, number, directory);
		node_put(&inode->node);
		return error;
	}
	*inode_out = inode;
	return 0;
}

int ext4_inode_change(struct ext4_inode *inode, bool data)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	struct bblock *block;
	uint32_t offset;
	int error;

	if (list_empty(&inode->dirty)) {
		/* Its block is in the transaction from now on: the commit finds it. */
		error = place_of(e4, inode->number, &block, &offset);
		if (error)
			return error;
		ext4_block_change(e4, block);
		bcache_put(e4->cache, block);
		list_append(&e4->txn.inodes, &inode->dirty);
	}
	inode->txn = e4->txn.id;
	if (data)
		inode->data_txn = e4->txn.id;
	return 0;
}

static int flush_inode(struct ext4 *e4, struct ext4_inode *inode)
{
	struct bblock *block;
	uint32_t offset;
	int error = place_of(e4, inode->number, &block, &offset);

	if (error)
		return error;
	(void)ext2fs_inode_csum_set(e4->lib, inode->number, &inode->raw.large);
	memcpy(block->bytes + offset, inode->raw.bytes, e4->inode_bytes);
	bcache_put(e4->cache, block);
	return 0;
}

/* Nobody has it and it is in no transaction: it may go, and the oldest of its kind do when there
 * are many. One that could not be deleted stays for its place in the list of orphans. The one to be
 * freed; NULL. Under inodes_lock. */
static struct ext4_inode *set_unused(struct ext4 *e4, struct ext4_inode *inode)
{
	struct ext4_inode *old = NULL;

	if (__atomic_load_n(&inode->node.refs, __ATOMIC_ACQUIRE) != 0 ||
	    !list_empty(&inode->dirty) || !list_empty(&inode->orphan))
		return NULL;
	list_append(&e4->inodes_lru, &inode->lru);
	e4->inodes_unused++;
	if (inode->raw.small.i_links_count == 0)
		old = inode;
	else if (e4->inodes_unused > UNUSED_MAX)
		old = container_of(e4->inodes_lru.next, struct ext4_inode, lru);
	if (old)
		unlink_inode(e4, old);
	return old;
}

static void drop_reference(struct ext4 *e4, struct ext4_inode *inode)
{
	struct ext4_inode *old = NULL;
	bool enabled = spin_lock_events(&e4->inodes_lock);

	if (__atomic_sub_fetch(&inode->node.refs, 1, __ATOMIC_ACQ_REL) == 0)
		old = set_unused(e4, inode);
	spin_unlock_events(&e4->inodes_lock, enabled);
	heap_free(old);
}

int ext4_inodes_flush(struct ext4 *e4)
{
	int error = 0;

	while (!list_empty(&e4->txn.inodes)) {
		struct ext4_inode *inode =
			container_of(e4->txn.inodes.next, struct ext4_inode, dirty);
		struct ext4_inode *old;
		int result = flush_inode(e4, inode);
		bool enabled = spin_lock_events(&e4->inodes_lock);

		error = error ? error : result;
		list_remove(&inode->dirty);
		old = set_unused(e4, inode);
		spin_unlock_events(&e4->inodes_lock, enabled);
		heap_free(old);
	}
	return error;
}

/* --- orphans: a list through the deletion times, from the superblock on --- */

int ext4_orphan_add(struct ext4_inode *inode)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	int error;

	if (!list_empty(&inode->orphan))
		return 0;
	error = ext4_inode_change(inode, true);
	if (error)
		return error;
	inode->raw.small.i_dtime = e4->lib->super->s_last_orphan;
	e4->lib->super->s_last_orphan = inode->number;
	e4->txn.super = true;
	list_insert_before(e4->orphans.next, &inode->orphan);
	return 0;
}

int ext4_orphan_remove(struct ext4_inode *inode)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	uint32_t next = inode->raw.small.i_dtime;
	int error;

	if (list_empty(&inode->orphan))
		return 0;
	if (inode->orphan.prev == &e4->orphans) {
		e4->lib->super->s_last_orphan = next;
		e4->txn.super = true;
	} else {
		struct ext4_inode *before =
			container_of(inode->orphan.prev, struct ext4_inode, orphan);

		error = ext4_inode_change(before, false);
		if (error)
			return error;
		before->raw.small.i_dtime = next;
	}
	list_remove(&inode->orphan);
	inode->raw.small.i_dtime = 0;
	return ext4_inode_change(inode, true);
}

/* The inode has no names and no users: everything of it is free. */
static int delete_inode(struct ext4_inode *inode)
{
	struct ext4 *e4 = ext4_inode_fs(inode);
	bool directory = (inode->raw.small.i_mode & NODE_TYPE) == NODE_DIRECTORY;
	uint32_t type = inode->raw.small.i_mode & NODE_TYPE;
	int error = 0;

	if (type == NODE_FILE || directory || (type == NODE_LINK && !ext4_is_fast_link(inode)))
		error = ext4_cut(inode, 0);
	if (!error)
		error = ext4_begin(e4);
	if (error)
		return error;
	error = inode->raw.small.i_file_acl ? ext4_error_of(ext2fs_free_ext_attr(
						      e4->lib, inode->number, &inode->raw.large))
					    : 0;
	if (!error)
		error = ext4_orphan_remove(inode);
	if (!error) {
		inode->raw.small.i_dtime = (uint32_t)ext4_now().s;
		error = ext4_inode_change(inode, true);
	}
	if (!error)
		error = ext4_inode_free(e4, inode->number, directory);
	ext4_end(e4);
	return error;
}

void ext4_inode_put_last(struct node *node)
{
	struct ext4_inode *inode = ext4_inode_of(node);
	struct ext4 *e4 = ext4_inode_fs(inode);

	/* Ours is the only one left and there is no name: nobody can come by it any more. The other
	 * reference may be the transaction's. */
	if (inode->raw.small.i_links_count == 0 && !list_empty(&inode->orphan) && !e4->aborted &&
	    !e4->fs.read_only)
		(void)delete_inode(inode);
	drop_reference(e4, inode);
}

int ext4_orphans_recover(struct ext4 *e4)
{
	uint32_t number = e4->lib->super->s_last_orphan;
	struct ext4_inode *inode;

	/* First the list, in memory; then one after the other from its head. */
	for (uint32_t i = 0; number != 0; i++) {
		int error = ext4_inode_get(e4, number, &inode);

		if (error || i == ORPHANS_MAX || !list_empty(&inode->orphan)) {
			if (!error)
				node_put(&inode->node);
			/* What can be, can be reached no more: e2fsck finds it. */
			return error ? error : -EIO;
		}
		list_append(&e4->orphans, &inode->orphan);
		number = inode->raw.small.i_dtime;
	}
	while (!list_empty(&e4->orphans)) {
		int error;

		inode = container_of(e4->orphans.next, struct ext4_inode, orphan);
		if (inode->raw.small.i_links_count == 0) {
			error = delete_inode(inode);
		} else {
			error = ext4_cut(inode, ext4_size(inode));
			if (!error)
				error = ext4_begin(e4);
			if (!error) {
				error = ext4_orphan_remove(inode);
				ext4_end(e4);
			}
		}
		if (error)
			return error;
		drop_reference(e4, inode);
	}
	return 0;
}

void ext4_orphans_forget(struct ext4 *e4)
{
	while (!list_empty(&e4->orphans)) {
		struct ext4_inode *inode =
			container_of(e4->orphans.next, struct ext4_inode, orphan);

		list_remove(&inode->orphan);
		drop_reference(e4, inode);
	}
}

int ext4_orphans_recover_open(struct ext4 *e4)
{
	int error = 0;

	while (!list_empty(&e4->orphans) && !error) {
		struct ext4_inode *inode =
			container_of(e4->orphans.next, struct ext4_inode, orphan);

		if (inode->raw.small.i_links_count)
			break; /* somebody is cutting it now */
		error = delete_inode(inode);
	}
	return error;
}

void ext4_inodes_drop(struct ext4 *e4)
{
	for (size_t i = 0; i < EXT4_INODE_BUCKETS; i++)
		while (e4->inodes[i]) {
			struct ext4_inode *inode = e4->inodes[i];

			e4->inodes[i] = inode->next;
			/* One that is in use at the program's end stays with its user. */
			if (inode->node.refs == 0)
				heap_free(inode);
		}
	list_init(&e4->inodes_lru);
	e4->inodes_unused = 0;
}

/* --- times: seconds, two more bits of them, nanoseconds --- */

struct node_time ext4_now(void)
{
	uint64_t now = time_wall_ns();

	return (struct node_time){(int64_t)(now / NS_PER_S), (uint32_t)(now % NS_PER_S)};
}

/* Whether the inode has room for a field of the large part. */
static bool has_field(const struct ext4_inode *inode, size_t end)
{
	return ext4_inode_fs(inode)->inode_bytes > EXT2_GOOD_OLD_INODE_SIZE &&
	       inode->raw.large.i_extra_isize + (size_t)EXT2_GOOD_OLD_INODE_SIZE >= end;
}

static void set_time(struct ext4_inode *inode, uint32_t *seconds, uint32_t *extra, size_t extra_end,
		     struct node_time time)
{
	*seconds = (uint32_t)time.s;
	if (has_field(inode, extra_end))
		*extra = (uint32_t)(((time.s - (int32_t)time.s) >> 32) & 3) | time.ns << 2;
}

static struct node_time get_time(const struct ext4_inode *inode, uint32_t seconds, uint32_t extra,
				 size_t extra_end)
{
	struct node_time time = {(int32_t)seconds, 0};

	if (has_field(inode, extra_end)) {
		time.s += (int64_t)(extra & 3) << 32;
		time.ns = extra >> 2;
	}
	return time;
}

#define END_OF(field)                                                                              \
	(offsetof(struct ext2_inode_large, field) + sizeof(((struct ext2_inode_large *)0)->field))

void ext4_set_times(struct ext4_inode *inode, unsigned int which, struct node_time time)
{
	struct ext2_inode_large *raw = &inode->raw.large;

	inode->accessed_ns = 0;
	if (which & EXT4_ACCESSED)
		set_time(inode, &raw->i_atime, &raw->i_atime_extra, END_OF(i_atime_extra), time);
	if (which & EXT4_MODIFIED)
		set_time(inode, &raw->i_mtime, &raw->i_mtime_extra, END_OF(i_mtime_extra), time);
	if (which & EXT4_CHANGED)
		set_time(inode, &raw->i_ctime, &raw->i_ctime_extra, END_OF(i_ctime_extra), time);
	if (which & EXT4_CREATED && has_field(inode, END_OF(i_crtime)))
		set_time(inode, &raw->i_crtime, &raw->i_crtime_extra, END_OF(i_crtime_extra), time);
}

struct node_time ext4_get_time(const struct ext4_inode *inode, unsigned int which)
{
	const struct ext2_inode_large *raw = &inode->raw.large;

	if (which & EXT4_ACCESSED)
		return get_time(inode, raw->i_atime, raw->i_atime_extra, END_OF(i_atime_extra));
	if (which & EXT4_MODIFIED)
		return get_time(inode, raw->i_mtime, raw->i_mtime_extra, END_OF(i_mtime_extra));
	return get_time(inode, raw->i_ctime, raw->i_ctime_extra, END_OF(i_ctime_extra));
}

uint64_t ext4_sectors(const struct ext4_inode *inode)
{
	const struct ext2_inode *raw = &inode->raw.small;
	uint64_t count = raw->i_blocks | (uint64_t)raw->osd2.linux2.l_i_blocks_hi << 32;

	if (raw->i_flags & EXT4_HUGE_FILE_FL)
		count *= ext4_inode_fs(inode)->block_bytes / 512;
	return count;
}

/* --- hooks of libext2fs: the inode in memory is the one that counts --- */

errcode_t ext4_lib_read_inode(ext2_filsys lib, ext2_ino_t number, struct ext2_inode *inode_out)
{
	struct ext4 *e4 = lib->priv_data;
	struct ext4_inode *inode;
	int error = ext4_inode_get(e4, number, &inode);

	if (error)
		return -error;
	*inode_out = inode->raw.small;
	drop_reference(e4, inode);
	return 0;
}

errcode_t ext4_lib_write_inode(ext2_filsys lib, ext2_ino_t number, struct ext2_inode *raw)
{
	struct ext4 *e4 = lib->priv_data;
	struct ext4_inode *inode;
	int error = ext4_inode_get(e4, number, &inode);

	if (error)
		return -error;
	if (raw != &inode->raw.small)
		inode->raw.small = *raw;
	error = ext4_inode_change(inode, true);
	drop_reference(e4, inode);
	return -error;
}
