/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block cache of one device: blocks of one size, found by number, written back later.
 *
 * A block is got (counted; its memory stays while it is) and put. What is changed is marked dirty,
 * in one of three classes that are written back apart: BCACHE_DATA, BCACHE_ORDERED for data that
 * must be at home before the metadata that lead to it are safe, and BCACHE_META for what a journal
 * has already made safe. A block that is held is dirty in no class yet: it is written
 * nowhere and stays in memory until it is released into one (a journal's running transaction).
 *
 * Memory is bounded: beyond the bound clean blocks nobody has go, the longest unused first; when
 * there are none, dirty ones are written first. Held blocks and those somebody has may exceed it.
 *
 * The cache does not order writes: bcache_write_dirty() returns when the blocks are done, and
 * bcache_flush() when they are on the medium. An error of writing back is kept (the block stays
 * dirty) and told by the next bcache_write_dirty().
 *
 * Thread context, any thread; locked inside. What a block holds is its users' to lock. 0 or -Exxx,
 * the device's.
 */
#ifndef LIB_FS_BCACHE_H
#define LIB_FS_BCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/blkdev.h"
#include "core/wait.h"
#include "lib/base/list.h"
#include "xen/spinlock.h"

enum bcache_class { BCACHE_DATA, BCACHE_ORDERED, BCACHE_META, BCACHE_CLASSES };

/* A block in memory. */
struct bblock {
	uint64_t number;
	uint8_t *bytes; /* of the cache's block_bytes */
	/* The user's: cleared when the block is read or made anew. */
	uint32_t checked;
	uint64_t owner; /* the user's, 0 in a new block */
	/* The cache's, under its lock. */
	uint64_t file;  /* whose data: of bcache_dirty_file() */
	uint64_t since; /* while dirty: cache->dirtied when it became so */
	uint32_t refs;
	uint8_t class_; /* of the dirty list it is on */
	bool valid, dirty, held, busy, writing, gone;
	int error;           /* of the last I/O */
	struct bblock *next; /* in its hash chain */
	struct list_node lru;
	struct list_node list; /* dirty blocks of a class, or the holder's */
};

struct bcache {
	struct blkdev *device; /* borrowed */
	uint32_t block_bytes, block_sectors;
	uint64_t blocks; /* on the device */
	size_t blocks_max;
	struct spinlock lock; /* of what follows */
	struct bblock **table;
	size_t table_size; /* a power of two */
	size_t blocks_count;
	size_t dirty_count[BCACHE_CLASSES];
	struct list_node dirty[BCACHE_CLASSES];
	struct list_node lru; /* the longest unused first */
	struct waitq waiters; /* for I/O to end */
	size_t writing_count;
	uint32_t reading; /* read-ahead in flight */
	bool unflushed;   /* something was written since the last flush */
	bool flushing;    /* a flush is under way */
	int error;        /* of writing back, not told yet */
	uint64_t dirtied; /* times that a block became dirty */
	uint64_t hits, misses, writes;
};

/* block_bytes: 512 … 65536, a power of two, a multiple of the device's. memory_bytes: the bound.
 * -EINVAL, -ENOMEM. */
int bcache_create(struct blkdev *device, uint32_t block_bytes, size_t memory_bytes,
		  struct bcache **cache_out);
/* Nobody has a block. What is dirty or held is lost. */
void bcache_destroy(struct bcache *cache);

/* The block with its contents. -EIO …, -ENOMEM; -EINVAL for one beyond the device's end. */
int bcache_get(struct bcache *cache, uint64_t number, struct bblock **block_out);
/* The same without reading: for a block that is written whole. Zeros unless it was cached. */
int bcache_get_new(struct bcache *cache, uint64_t number, struct bblock **block_out);
/* Only when it is in memory and valid; NULL. */
struct bblock *bcache_find(struct bcache *cache, uint64_t number);
void bcache_put(struct bcache *cache, struct bblock *block);

/* The caller has the block and changed it. A held one stays held, and what is BCACHE_ORDERED does
 * not become BCACHE_DATA. */
void bcache_dirty(struct bcache *cache, struct bblock *block, enum bcache_class class_);
/* The same; the data are the file's, a number of the user's. */
void bcache_dirty_file(struct bcache *cache, struct bblock *block, enum bcache_class class_,
		       uint64_t file);
/* The block is in no dirty list and goes nowhere until bcache_release(); its list node is the
 * caller's meanwhile. Takes a reference. The caller has the block. False: it was held already. */
bool bcache_hold(struct bcache *cache, struct bblock *block);
/* Gives that reference back; the block is dirty in class_, BCACHE_CLASSES: clean. */
void bcache_release(struct bcache *cache, struct bblock *block, enum bcache_class class_);
/* Its contents are of no use any more (the block was freed): never written, not in memory. Waits
 * for I/O on it. It is not held. */
void bcache_forget(struct bcache *cache, uint64_t number);

/* Writes what is dirty in class_ now, in the order of its place, and waits. */
int bcache_write_dirty(struct bcache *cache, enum bcache_class class_);
/* Those of the class that are the file's. */
int bcache_write_file(struct bcache *cache, enum bcache_class class_, uint64_t file);
/* Writes those of the blocks [first, first + count) that are dirty, and waits. */
int bcache_write_range(struct bcache *cache, uint64_t first, uint64_t count);
/* What was written before is on the medium. Nothing to do when a flush that began later than the
 * last write has come back; one that is on its way is waited for. */
int bcache_flush(struct bcache *cache);
/* Starts reading what of [first, first + count) is not there; waits for nothing. */
void bcache_read_ahead(struct bcache *cache, uint64_t first, uint32_t count);

/* Past the cache, whole blocks; bytes is block_bytes * count long. Writing drops copies in memory;
 * reading writes dirty ones first. flush_around: the write is on the medium when it returns, and
 * so is what was done before it (one request to the device). */
int bcache_read_direct(struct bcache *cache, uint64_t first, uint32_t count, void *bytes_out);
int bcache_write_direct(struct bcache *cache, uint64_t first, uint32_t count, const void *bytes,
			bool flush_around);

/* bcache_io.c: blocks, sorted by number, each busy and the caller's, to the device; waits.
 * Their error fields say how it went; the first error is returned. */
int bcache_write_blocks(struct bcache *cache, struct bblock **blocks, size_t count);
/* bcache.c: a block that was busy for reading has its contents, or an error. Under the lock. */
void bcache_read_ended(struct bblock *block, int error);
/* bcache.c, for reading ahead: the block with a reference, busy and the caller's to fill; NULL when
 * it is in memory or on its way, beyond the end, or there is no room to spare. */
struct bblock *bcache_claim(struct bcache *cache, uint64_t number);

#endif
