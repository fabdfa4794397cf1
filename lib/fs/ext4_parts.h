/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the ext2/3/4 file system.
 *
 * | file           | what |
 * |----------------|------|
 * | ext4.c         | mount, unmount, features, errors |
 * | ext4_io.c      | libext2fs's blocks come from the cache and go into the transaction |
 * | ext4_txn.c     | the running transaction: what it holds, its commit |
 * | ext4_log.c     | the log in jbd2's format: writing, checkpoint |
 * | ext4_replay.c  | what the log says at mount |
 * | ext4_alloc.c   | bitmaps of blocks and inodes |
 * | ext4_inode.c   | inodes in memory, orphans |
 * | ext4_map.c     | where a file's blocks are |
 * | ext4_file.c    | contents: read, write, cut, allocate |
 * | ext4_dir.c, ext4_htree.c | names |
 * | ext4_node.c    | the operations of lib/fs/node.h |
 *
 * Locks, in this order: lib/posix's names of the file system; inode->lock (contents and block map
 * of one file); e4->committing; e4->lock (all metadata and the running transaction); the spinlock
 * e4->inodes_lock (who is in memory); the cache's. Who changes metadata does so between
 * ext4_begin() and ext4_end(), that is with e4->lock held, so a commit finds no change half done.
 * Directories are read under the names' lock alone, files under inode->lock alone: neither waits
 * for a commit.
 */
#ifndef LIB_FS_EXT4_PARTS_H
#define LIB_FS_EXT4_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sleeplock.h"
#include "lib/base/error.h"
#include "lib/base/list.h"
#include "lib/fs/bcache.h"
#include "lib/fs/ext4_lib.h"
#include "lib/fs/node.h"
#include "xen/spinlock.h"

#define EXT4_INODE_BUCKETS 256u
/* How many metadata blocks one operation changes at most: a rename that splits two htrees. */
#define EXT4_OP_BLOCKS 64u
/* Blocks of a file that one transaction step allocates. */
#define EXT4_WRITE_BLOCKS 64u

struct ext4_run {
	uint64_t first;
	uint32_t count;
};

/* The block map's answer: count blocks from logical on are at physical (0: a hole). */
struct ext4_extent {
	uint64_t logical, physical;
	uint32_t count;
	bool unwritten; /* allocated, reads as zeros */
};

struct ext4_inode {
	struct node node;        /* first; node.fs is the file system */
	struct ext4_inode *next; /* in its bucket */
	struct list_node lru;    /* unreferenced, the longest first; lock: inodes_lock */
	struct list_node dirty;  /* in txn.inodes; lock: e4->lock */
	struct list_node orphan; /* in e4->orphans, in the disk's order */
	struct sleeplock lock;   /* contents and block map */
	uint32_t number;
	uint64_t txn;              /* the last transaction that changed it */
	uint64_t data_txn;         /* … in a way that reading it depends on */
	struct ext4_extent cached; /* count 0: none */
	uint64_t read_next;        /* where a sequential reader goes on */
	uint64_t accessed_ns;      /* for a second until then `accessed` stays as it is */
	uint64_t goal;             /* behind the block allocated last */
	union {
		struct ext2_inode small;
		struct ext2_inode_large large;
		uint8_t bytes[sizeof(struct ext2_inode_large)];
	} raw; /* followed by the rest of the disk's inode */
};

struct ext4_log {
	bool present;
	uint32_t blocks; /* of the log, its superblock too */
	uint32_t first;  /* its first block behind the superblock */
	uint32_t head;   /* where the next goes */
	uint32_t used;   /* from the tail to the head */
	uint32_t tail_sequence;
	uint32_t sequence; /* of the next commit */
	uint32_t features; /* incompatible ones */
	uint32_t tag_bytes, tail_bytes;
	uint32_t csum_seed;
	struct ext4_run *runs; /* where its blocks are, in order */
	size_t runs_count;
	uint8_t *super; /* a block */
	uint8_t *area;  /* EXT4_LOG_AREA blocks, the log's next as they will stand there */
	uint32_t area_used;
};

/* The running transaction. */
struct ext4_txn {
	uint64_t id;
	struct list_node held; /* struct bblock */
	size_t held_count;
	struct list_node inodes; /* changed, not yet in their blocks (which are held) */
	struct ext4_run *freed;  /* free again once it is committed */
	size_t freed_count, freed_max;
	uint64_t *revoked;
	size_t revoked_count, revoked_max;
	bool super;      /* the superblock changed */
	uint8_t *groups; /* EXT4_GROUP_* of each */
	uint32_t *groups_changed;
	size_t groups_count;
};

#define EXT4_GROUP_BLOCKS  0x1u /* its block bitmap changed */
#define EXT4_GROUP_INODES  0x2u
#define EXT4_GROUP_CHANGED 0x4u /* it is in groups_changed */

struct ext4 {
	struct fs fs;
	struct blkdev *device;
	struct bcache *cache;
	ext2_filsys lib;
	struct struct_io_manager io_manager;
	struct sleeplock lock, committing;
	struct ext4_txn txn;
	struct list_node committing_held;
	struct ext4_run *committing_freed; /* sorted: not to be given out until that is safe */
	size_t committing_freed_count, committing_freed_max;
	uint64_t committed; /* id of the last transaction that is safe */
	size_t txn_blocks_max;
	struct ext4_log log;
	struct spinlock inodes_lock;
	struct ext4_inode *inodes[EXT4_INODE_BUCKETS];
	struct list_node inodes_lru;
	size_t inodes_unused;
	struct list_node orphans;
	uint32_t inode_bytes;
	uint32_t block_bytes, block_shift;
	uint32_t directory_goal; /* group of the last new directory */
	int aborted;             /* -errno: nothing is changed any more */
	int write_error;         /* of data written back, not told to a sync yet */
	uint32_t errors;         /* EXT2_ERRORS_*: what to do on one */
	bool mounted_clean, no_atime, strict_atime;
	const char *why;
};

static inline struct ext4 *ext4_of(const struct node *node)
{
	return (struct ext4 *)node->fs;
}

static inline struct ext4_inode *ext4_inode_of(struct node *node)
{
	return (struct ext4_inode *)node;
}

static inline struct ext4 *ext4_inode_fs(const struct ext4_inode *inode)
{
	return (struct ext4 *)inode->node.fs;
}

/* --- ext4.c --- */

/* What libext2fs says, as -Exxx. */
int ext4_error_of(errcode_t error);
/* The disk's metadata are not what they should be: a line in the log, and what the superblock's
 * errors= says (go on, read-only, panic). -EIO. Any lock of ours may be held. */
int ext4_corrupt(struct ext4 *e4, const char *what, uint64_t where);
/* Nothing can be written any more. */
void ext4_abort(struct ext4 *e4, int error, const char *what);

/* --- ext4_io.c --- */

extern const struct struct_io_manager ext4_io_manager;
/* The block's contents, for reading. */
int ext4_block_get(struct ext4 *e4, uint64_t number, struct bblock **block_out);
/* The caller has the block and is about to change it, within a transaction. */
void ext4_block_change(struct ext4 *e4, struct bblock *block);
/* A metadata block was freed: it leaves the transaction, and the log's copies are void. */
int ext4_block_revoke(struct ext4 *e4, uint64_t number);

/* --- ext4_txn.c --- */

/* Room for one operation that changes up to EXT4_OP_BLOCKS blocks; e4->lock is held until
 * ext4_end(). -EROFS, -EIO: nothing is held. */
int ext4_begin(struct ext4 *e4);
void ext4_end(struct ext4 *e4);
/* The transaction id and those before it are safe when it returns; UINT64_MAX: all. Called without
 * e4->lock. */
int ext4_commit(struct ext4 *e4, uint64_t id);
/* The same, and the log is empty: everything is at home. */
int ext4_checkpoint(struct ext4 *e4);
/* All data that are not at home go there, whatever their transaction. */
int ext4_write_data(struct ext4 *e4);
/* Something of a group's changed. In a transaction. */
void ext4_group_changed(struct ext4 *e4, uint32_t group, unsigned int what);
int ext4_txn_create(struct ext4 *e4);
void ext4_txn_destroy(struct ext4 *e4);
/* Grows an array of the transaction's for one more element; in a transaction. 0 or -ENOMEM. */
int ext4_grow(void **array, size_t count, size_t *max, size_t element_bytes);

/* --- ext4_log.c --- */

#define EXT4_LOG_AREA 128u /* blocks */

/* Reads the log's superblock and map. -EINVAL, -EOPNOTSUPP (e4->why), -EIO. */
int ext4_log_open(struct ext4 *e4);
void ext4_log_close(struct ext4 *e4);
/* After replay, for writing: an empty log that says it is in use. */
int ext4_log_start(struct ext4 *e4);
/* The log is empty and not in use. */
int ext4_log_stop(struct ext4 *e4);
/* Puts blocks (held ones) and the revoked numbers into the log as one transaction, all but its
 * commit block. What fits in the area stays there until ext4_log_commit(). */
int ext4_log_write(struct ext4 *e4, struct list_node *held, size_t count, const uint64_t *revoked,
		   size_t revoked_count);
/* Writes what is left in the area, and the commit block between two flushes. */
int ext4_log_flush_area(struct ext4 *e4);
int ext4_log_commit(struct ext4 *e4);
/* Everything the log holds is at home and flushed: it is empty. */
int ext4_log_reset(struct ext4 *e4);
/* Blocks that count metadata blocks and revokes take in the log, about. */
size_t ext4_log_need(const struct ext4 *e4, size_t count, size_t revoked_count);
/* Where a block of the log is on the device, and how many behind it follow there. */
int ext4_log_place(const struct ext4 *e4, uint32_t index, uint64_t *block_out, uint32_t *count_out);
uint32_t ext4_log_crc(uint32_t seed, const void *bytes, size_t count);
uint32_t ext4_log_tag_crc(const struct ext4 *e4, uint32_t sequence, const void *bytes);
/* A sequence behind everything that may lie in a log that does not count. */
uint32_t ext4_log_next_sequence(const struct ext4 *e4);
int ext4_log_super_write(struct ext4 *e4, uint32_t start, uint32_t sequence);

/* --- ext4_replay.c --- */

/* Brings home what the log has committed. read_only: in memory alone. -EIO (e4->why). */
int ext4_replay(struct ext4 *e4, bool read_only, uint32_t *sequence_out);

/* --- ext4_alloc.c --- */

/* A run of up to want blocks near goal, taken. -ENOSPC. In a transaction. */
int ext4_blocks_alloc(struct ext4 *e4, uint64_t goal, uint32_t want, struct ext4_run *run_out);
/* Blocks that are to be free once this transaction is safe. metadata: copies in the log are void.
 * */
int ext4_blocks_free(struct ext4 *e4, uint64_t first, uint32_t count, bool metadata);
/* At commit: the bits of what was freed. */
void ext4_blocks_apply_freed(struct ext4 *e4);
int ext4_inode_alloc(struct ext4 *e4, uint32_t parent, bool directory, uint32_t *number_out);
int ext4_inode_free(struct ext4 *e4, uint32_t number, bool directory);
/* Tells libext2fs to ask us. */
void ext4_alloc_hooks(struct ext4 *e4);
/* At commit: checksums of bitmaps and descriptors; descriptors and superblock into their blocks. */
int ext4_groups_flush(struct ext4 *e4);
/* The blocks of group descriptors that a changed group needs are in the transaction. */
int ext4_group_hold(struct ext4 *e4, uint32_t group);

/* --- ext4_crc.c --- */

/* The superblock in memory, summed, in place of the one in this block of the disk or the log: such
 * that half of its write is as good as all or nothing. */
void ext4_super_store(struct ext4 *e4, uint8_t *block_bytes);

/* --- ext4_inode.c --- */

/* The inode with a reference. -EIO, -ENOENT (it is free), -ENOMEM. allow_free: for orphans. */
int ext4_inode_get(struct ext4 *e4, uint32_t number, struct ext4_inode **inode_out);
/* A new inode, allocated, with a reference, changed in this transaction. */
int ext4_inode_create(struct ext4 *e4, struct ext4_inode *parent, uint32_t mode,
		      struct ext4_inode **inode_out);
/* raw changed: it is written at commit. data: reading the contents depends on it. */
int ext4_inode_change(struct ext4_inode *inode, bool data);
/* At commit: those changed go into their blocks. */
int ext4_inodes_flush(struct ext4 *e4);
int ext4_orphan_add(struct ext4_inode *inode);
int ext4_orphan_remove(struct ext4_inode *inode);
/* At mount: what was unlinked or being cut when the power went. */
int ext4_orphans_recover(struct ext4 *e4);
/* The list in memory is dropped: it cannot be trusted. */
void ext4_orphans_forget(struct ext4 *e4);
/* At unmount: those that are in use still go, too. */
int ext4_orphans_recover_open(struct ext4 *e4);
void ext4_inode_put_last(struct node *node);
/* At unmount: all of them go. */
void ext4_inodes_drop(struct ext4 *e4);
/* Reads the inode's fields into its node. */
void ext4_inode_refresh(struct ext4_inode *inode);
/* Hooks of libext2fs. */
errcode_t ext4_lib_read_inode(ext2_filsys lib, ext2_ino_t number, struct ext2_inode *inode);
errcode_t ext4_lib_write_inode(ext2_filsys lib, ext2_ino_t number, struct ext2_inode *inode);

static inline uint64_t ext4_size(const struct ext4_inode *inode)
{
	return inode->raw.small.i_size | (uint64_t)inode->raw.small.i_size_high << 32;
}

static inline void ext4_set_size(struct ext4_inode *inode, uint64_t bytes)
{
	inode->raw.small.i_size = (uint32_t)bytes;
	inode->raw.small.i_size_high = (uint32_t)(bytes >> 32);
}

#define EXT4_ACCESSED 0x1u
#define EXT4_MODIFIED 0x2u
#define EXT4_CHANGED  0x4u
#define EXT4_CREATED  0x8u

struct node_time ext4_now(void);
void ext4_set_times(struct ext4_inode *inode, unsigned int which, struct node_time time);
struct node_time ext4_get_time(const struct ext4_inode *inode, unsigned int which);
/* Inodes with 512-byte sectors counted as POSIX wants them. */
uint64_t ext4_sectors(const struct ext4_inode *inode);

/* --- ext4_map.c --- */

/* What is at logical: an extent that begins there. */
int ext4_map(struct ext4_inode *inode, uint64_t logical, struct ext4_extent *extent_out);
/* count blocks from logical on, which are holes or unwritten, are at physical now. In a
 * transaction. */
int ext4_map_set(struct ext4_inode *inode, uint64_t logical, uint64_t physical, uint32_t count,
		 bool unwritten);
/* Written from now on: count blocks from logical on that were allocated unwritten. */
int ext4_map_written(struct ext4_inode *inode, uint64_t logical, uint64_t physical, uint32_t count);
/* Frees blocks from the file's end down to logical, as many as one transaction takes: 1 when there
 * are more, 0 when done. In a transaction. */
int ext4_map_cut(struct ext4_inode *inode, uint64_t logical);
/* Frees [logical, logical + count), at most EXT4_PUNCH_BLOCKS. In a transaction. */
#define EXT4_PUNCH_BLOCKS 256u
int ext4_map_punch(struct ext4_inode *inode, uint64_t logical, uint32_t count);
/* An empty map for a new file or directory. */
void ext4_map_init(struct ext4_inode *inode);
/* A link whose target is in the inode. */
bool ext4_is_fast_link(const struct ext4_inode *inode);
/* The last block a file of this kind can have. */
uint64_t ext4_logical_max(const struct ext4_inode *inode);

/* --- ext4_file.c --- */

int64_t ext4_read(struct node *node, void *bytes_out, size_t bytes_max, uint64_t offset,
		  unsigned int flags);
int64_t ext4_write(struct node *node, const void *bytes, size_t bytes_count, uint64_t *offset,
		   unsigned int flags);
int ext4_allocate(struct node *node, uint64_t offset, uint64_t bytes, unsigned int flags);
int ext4_sync(struct node *node, bool data_only);
/* With inode->lock held. */
int ext4_resize(struct ext4_inode *inode, uint64_t bytes);
/* Frees everything from byte offset `bytes` on, in as many transactions as it takes. The inode is
 * an orphan meanwhile unless it is one already. */
int ext4_cut(struct ext4_inode *inode, uint64_t bytes);

/* --- ext4_dir.c --- */

/* A directory's block, checked; reading. */
int ext4_dir_block(struct ext4_inode *directory, uint64_t logical, struct bblock **block_out);
/* Another block at the directory's end, empty, in this transaction; the caller has it. */
int ext4_dir_grow(struct ext4_inode *directory, uint64_t *logical_out, struct bblock **block_out);
/* Room for entries in a block: without the checksum's tail. */
uint32_t ext4_dir_room(const struct ext4 *e4);
void ext4_dir_tail(struct ext4 *e4, struct bblock *block);
/* The block was changed: its checksum, and into the transaction. */
int ext4_dir_changed(struct ext4_inode *directory, struct bblock *block);
/* Where name is within the block; -ENOENT, -EIO. */
int ext4_dir_find(struct ext4 *e4, const struct bblock *block, const char *name, size_t name_bytes,
		  uint32_t *offset_out);
/* Puts a name into the block. -ENOSPC: no room. */
int ext4_dir_put(struct ext4_inode *directory, struct bblock *block, const char *name,
		 size_t name_bytes, uint32_t number, uint32_t type);
uint32_t ext4_dir_type(const struct ext4 *e4, uint32_t mode);

struct ext4_place {
	struct bblock *block;
	uint32_t offset;
};

/* The entry's place; the caller puts place->block. -ENOENT, -EIO. */
int ext4_dir_lookup(struct ext4_inode *directory, const char *name, size_t name_bytes,
		    struct ext4_place *place_out);
int ext4_dir_add(struct ext4_inode *directory, const char *name, size_t name_bytes, uint32_t number,
		 uint32_t mode);
int ext4_dir_remove(struct ext4_inode *directory, struct ext4_place *place);
int ext4_dir_set(struct ext4_inode *directory, struct ext4_place *place, uint32_t number,
		 uint32_t mode);
int ext4_dir_init(struct ext4_inode *directory, uint32_t parent);
/* 0, -ENOTEMPTY, -EIO. */
int ext4_dir_empty(struct ext4_inode *directory);
int ext4_dir_parent(struct ext4_inode *directory, uint32_t *number_out);
int ext4_dir_set_parent(struct ext4_inode *directory, uint32_t number);
/* Tells fn of an entry, unless it is `.` or `..`. What fn says. */
int ext4_dir_tell(struct ext4 *e4, const struct ext2_dir_entry *entry, uint64_t next,
		  node_list_fn *fn, void *context);
int ext4_dir_list(struct node *node, uint64_t *cursor, node_list_fn *fn, void *context);
static inline struct ext2_dir_entry *ext4_entry(const struct bblock *block, uint32_t offset)
{
	return (struct ext2_dir_entry *)(block->bytes + offset);
}
static inline uint32_t ext4_entry_room(uint32_t name_bytes)
{
	return (8 + name_bytes + 3) & ~3u;
}
uint32_t ext4_rec_len(const struct ext4 *e4, const struct ext2_dir_entry *entry);
void ext4_set_rec_len(const struct ext4 *e4, struct ext2_dir_entry *entry, uint32_t bytes);

/* --- ext4_htree.c --- */

bool ext4_htree_is(const struct ext4_inode *directory);
/* The leaf that name belongs in; -ENOENT when it is in none, -EIO. */
int ext4_htree_lookup(struct ext4_inode *directory, const char *name, size_t name_bytes,
		      struct ext4_place *place_out);
int ext4_htree_add(struct ext4_inode *directory, const char *name, size_t name_bytes,
		   uint32_t number, uint32_t type);
/* A directory of one full block gets an index. */
int ext4_htree_make(struct ext4_inode *directory);
/* In the order of hashes. */
int ext4_htree_list(struct ext4_inode *directory, uint64_t *cursor, node_list_fn *fn,
		    void *context);

/* --- ext4_node.c --- */

extern const struct node_ops ext4_node_ops;

#endif
