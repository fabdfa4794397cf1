/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: transactions one behind the other in a ring of blocks of the file system's, as jbd2
 * writes them: descriptor blocks that name what follows, copies of blocks, revoked numbers, a
 * commit block. Written by one thread at a time (e4->committing).
 */
#include "lib/fs/ext4_log.h"

#include "core/heap.h"
#include "core/page.h"
#include "core/time.h"
#include "lib/fs/ext4_parts.h"

#define LOG_BLOCKS_MIN 256u /* less would not hold two operations and their neighbours */
#define KNOWN          (LOG_REVOKES | LOG_64BIT | LOG_ASYNC | LOG_CSUM_V2 | LOG_CSUM_V3)

uint32_t ext4_log_crc(uint32_t seed, const void *bytes, size_t count)
{
	return ext2fs_crc32c_le(seed, bytes, (int)count);
}

uint32_t ext4_log_tag_crc(const struct ext4 *e4, uint32_t sequence, const void *bytes)
{
	uint32_t number = log_32(sequence);
	uint32_t crc = ext4_log_crc(e4->log.csum_seed, &number, sizeof(number));

	return ext4_log_crc(crc, bytes, e4->block_bytes);
}

static bool has_checksums(const struct ext4 *e4)
{
	return e4->log.features & (LOG_CSUM_V2 | LOG_CSUM_V3);
}

int ext4_log_place(const struct ext4 *e4, uint32_t index, uint64_t *block_out, uint32_t *count_out)
{
	uint32_t at = 0;

	for (size_t i = 0; i < e4->log.runs_count; i++) {
		const struct ext4_run *run = &e4->log.runs[i];

		if (index < at + run->count) {
			*block_out = run->first + (index - at);
			*count_out = run->count - (index - at);
			return 0;
		}
		at += run->count;
	}
	return -EIO;
}

/* Where the log's blocks are: once, since that never changes. */
static int map_log(struct ext4 *e4, struct ext4_inode *inode, uint32_t blocks)
{
	size_t max = 0;
	uint32_t at = 0;

	while (at < blocks) {
		struct ext4_extent extent;
		struct ext4_run *last;
		int error = ext4_map(inode, at, &extent);

		if (!error && (extent.physical == 0 || extent.unwritten ||
			       extent.physical + extent.count > e4->cache->blocks))
			error = -EINVAL;
		if (!error)
			error = ext4_grow((void **)&e4->log.runs, e4->log.runs_count, &max,
					  sizeof(struct ext4_run));
		if (error)
			return error;
		if (extent.count > blocks - at)
			extent.count = blocks - at;
		last = e4->log.runs_count ? &e4->log.runs[e4->log.runs_count - 1] : NULL;
		if (last && last->first + last->count == extent.physical)
			last->count += extent.count;
		else
			e4->log.runs[e4->log.runs_count++] =
				(struct ext4_run){extent.physical, extent.count};
		at += extent.count;
	}
	return 0;
}

static int refuse(struct ext4 *e4, int error, const char *why)
{
	e4->why = why;
	return error;
}

/* The superblock's fields, checked. */
static int check_super(struct ext4 *e4, const struct log_super *super, uint64_t inode_blocks)
{
	struct ext4_log *log = &e4->log;
	uint32_t type = log_32(super->header.type);
	bool v2 = type == LOG_SUPER_V2;

	if (log_32(super->header.magic) != LOG_MAGIC || (type != LOG_SUPER_V1 && !v2))
		return refuse(e4, -EINVAL, "its journal has no superblock; run e2fsck");
	log->features = v2 ? log_32(super->incompat) : 0;
	if (log->features & ~KNOWN || (v2 && super->ro_compat))
		return refuse(e4, -EOPNOTSUPP, "its journal has features not known here");
	if (v2 && (log_32(super->compat) & ~LOG_COMPAT_CSUM))
		return refuse(e4, -EOPNOTSUPP, "its journal has features not known here");
	log->blocks = log_32(super->blocks);
	log->first = log_32(super->first);
	if (log_32(super->block_bytes) != e4->block_bytes || log->blocks > inode_blocks ||
	    log->first == 0 || log->first >= log->blocks ||
	    log->blocks - log->first < LOG_BLOCKS_MIN || log_32(super->start) >= log->blocks ||
	    (super->start && log_32(super->start) < log->first))
		return refuse(e4, -EINVAL, "its journal's superblock is damaged; run e2fsck");
	log->csum_seed = ext4_log_crc(~0u, super->uuid, sizeof(super->uuid));
	if (has_checksums(e4)) {
		struct log_super copy = *super;

		copy.checksum = 0;
		if (super->csum_type != LOG_CRC32C ||
		    ext4_log_crc(~0u, &copy, sizeof(copy)) != log_32(super->checksum))
			return refuse(e4, -EINVAL,
				      "its journal's superblock has a wrong checksum; run e2fsck");
	}
	return 0;
}

/* Sizes that follow from the features. */
static void set_sizes(struct ext4_log *log)
{
	log->tail_bytes = log->features & (LOG_CSUM_V2 | LOG_CSUM_V3) ? 4 : 0;
	if (log->features & LOG_CSUM_V3)
		log->tag_bytes = sizeof(struct log_tag3);
	else
		log->tag_bytes = (log->features & LOG_64BIT ? 12u : 8u) +
				 (log->features & LOG_CSUM_V2 ? 2u : 0u);
}

int ext4_log_open(struct ext4 *e4)
{
	struct ext4_log *log = &e4->log;
	struct ext4_inode *inode;
	uint64_t place, inode_blocks;
	uint32_t count;
	int error;

	if (e4->lib->super->s_journal_inum == 0)
		return refuse(e4, -EOPNOTSUPP, "its journal is on another device");
	error = ext4_inode_get(e4, e4->lib->super->s_journal_inum, &inode);
	if (error)
		return refuse(e4, error, "its journal's inode is damaged; run e2fsck");
	inode_blocks = ext4_size(inode) >> e4->block_shift;
	error = inode_blocks >= LOG_BLOCKS_MIN && inode_blocks <= UINT32_MAX
			? map_log(e4, inode, (uint32_t)inode_blocks)
			: -EINVAL;
	node_put(&inode->node);
	if (error)
		return refuse(e4, error, "its journal's inode is damaged; run e2fsck");
	log->super = heap_alloc(e4->block_bytes);
	if (!log->super)
		return -ENOMEM;
	error = ext4_log_place(e4, 0, &place, &count);
	if (!error)
		error = bcache_read_direct(e4->cache, place, 1, log->super);
	if (!error)
		error = check_super(e4, (struct log_super *)log->super, inode_blocks);
	set_sizes(log);
	log->present = error == 0;
	return error;
}

static unsigned int area_order(const struct ext4 *e4)
{
	unsigned int order = 0;

	while ((PAGE_BYTES << order) < (size_t)EXT4_LOG_AREA * e4->block_bytes &&
	       order < PAGE_ORDER_MAX)
		order++;
	return order;
}

static uint32_t area_blocks(const struct ext4 *e4)
{
	size_t blocks = (PAGE_BYTES << area_order(e4)) / e4->block_bytes;

	return blocks < EXT4_LOG_AREA ? (uint32_t)blocks : EXT4_LOG_AREA;
}

void ext4_log_close(struct ext4 *e4)
{
	heap_free(e4->log.runs);
	heap_free(e4->log.super);
	if (e4->log.area)
		page_free(e4->log.area, area_order(e4));
}

int ext4_log_super_write(struct ext4 *e4, uint32_t start, uint32_t sequence)
{
	struct log_super *super = (struct log_super *)e4->log.super;
	uint64_t place;
	uint32_t count;
	int error = ext4_log_place(e4, 0, &place, &count);

	super->start = log_32(start);
	super->sequence = log_32(sequence);
	if (has_checksums(e4)) {
		super->checksum = 0;
		super->checksum = log_32(ext4_log_crc(~0u, super, sizeof(*super)));
	}
	if (!error)
		error = bcache_write_direct(e4->cache, place, 1, super, true);
	return error;
}

uint32_t ext4_log_next_sequence(const struct ext4 *e4)
{
	const struct log_super *super = (const struct log_super *)e4->log.super;

	return log_32(super->sequence) + (super->start ? e4->log.blocks : 0);
}

int ext4_log_start(struct ext4 *e4)
{
	struct ext4_log *log = &e4->log;
	struct log_super *super = (struct log_super *)log->super;

	log->area = page_alloc(area_order(e4), PAGE_ZERO);
	if (!log->area)
		return -ENOMEM;
	/* The features Linux would set: revokes always, block numbers and checksums as the file
	 * system has them. */
	if (log_32(super->header.type) == LOG_SUPER_V2) {
		log->features |= LOG_REVOKES;
		log->features &= ~LOG_ASYNC;
		if (ext2fs_has_feature_64bit(e4->lib->super))
			log->features |= LOG_64BIT;
		if (ext2fs_has_feature_metadata_csum(e4->lib->super)) {
			log->features = (log->features & ~LOG_CSUM_V2) | LOG_CSUM_V3;
			super->csum_type = LOG_CRC32C;
		} else {
			log->features &= ~(LOG_CSUM_V2 | LOG_CSUM_V3);
		}
		super->compat = 0;
		super->incompat = log_32(log->features);
	}
	set_sizes(log);
	log->head = log->first;
	log->used = 0;
	log->tail_sequence = log->sequence;
	return ext4_log_super_write(e4, log->first, log->sequence);
}

int ext4_log_stop(struct ext4 *e4)
{
	return ext4_log_super_write(e4, 0, e4->log.sequence);
}

int ext4_log_reset(struct ext4 *e4)
{
	e4->log.used = 0;
	e4->log.tail_sequence = e4->log.sequence;
	return ext4_log_super_write(e4, e4->log.head, e4->log.sequence);
}

size_t ext4_log_need(const struct ext4 *e4, size_t count, size_t revoked_count)
{
	size_t room =
		e4->block_bytes - sizeof(struct log_header) - LOG_UUID_BYTES - e4->log.tail_bytes;
	size_t tags = room / e4->log.tag_bytes;
	size_t revokes = (e4->block_bytes - sizeof(struct log_revoke) - e4->log.tail_bytes) / 8;

	return count + (count + tags - 1) / tags + (revoked_count + revokes - 1) / revokes + 1;
}

int ext4_log_flush_area(struct ext4 *e4)
{
	struct ext4_log *log = &e4->log;
	uint32_t done = 0;

	while (done < log->area_used) {
		uint32_t count;
		uint64_t place;
		int error = ext4_log_place(e4, log->head, &place, &count);

		if (error)
			return error;
		if (count > log->area_used - done)
			count = log->area_used - done;
		if (count > log->blocks - log->head)
			count = log->blocks - log->head;
		error = bcache_write_direct(e4->cache, place, count,
					    log->area + (size_t)done * e4->block_bytes, false);
		if (error)
			return error;
		done += count;
		log->used += count;
		log->head += count;
		if (log->head == log->blocks)
			log->head = log->first;
	}
	log->area_used = 0;
	return 0;
}

/* The next block of the log, zeros, with its header; NULL: the area cannot be written. */
static uint8_t *next_block(struct ext4 *e4, uint32_t type, int *error_out)
{
	uint8_t *block;

	*error_out = e4->log.area_used == area_blocks(e4) ? ext4_log_flush_area(e4) : 0;
	if (*error_out)
		return NULL;
	block = e4->log.area + (size_t)e4->log.area_used++ * e4->block_bytes;
	if (type) {
		struct log_header *header = (struct log_header *)block;

		memset(block, 0, e4->block_bytes);
		header->magic = log_32(LOG_MAGIC);
		header->type = log_32(type);
		header->sequence = log_32(e4->log.sequence);
	}
	return block;
}

/* The checksum in a descriptor's or revoke block's last bytes. */
static void set_tail(const struct ext4 *e4, uint8_t *block)
{
	uint32_t crc;

	if (!has_checksums(e4))
		return;
	crc = log_32(ext4_log_crc(e4->log.csum_seed, block, e4->block_bytes));
	memcpy(block + e4->block_bytes - sizeof(crc), &crc, sizeof(crc));
}

static int write_revokes(struct ext4 *e4, const uint64_t *revoked, size_t count)
{
	uint32_t bytes = e4->log.features & LOG_64BIT ? 8 : 4;
	uint32_t room = e4->block_bytes - e4->log.tail_bytes;

	while (count) {
		uint32_t at = sizeof(struct log_revoke);
		int error;
		uint8_t *block = next_block(e4, LOG_REVOKE, &error);

		if (!block)
			return error;
		for (; count && at + bytes <= room; count--, revoked++, at += bytes) {
			uint64_t wide = __builtin_bswap64(*revoked);
			uint32_t narrow = log_32((uint32_t)*revoked);

			memcpy(block + at, bytes == 8 ? (void *)&wide : (void *)&narrow, bytes);
		}
		((struct log_revoke *)block)->bytes = log_32(at);
		set_tail(e4, block);
	}
	return 0;
}

/* One tag of a descriptor block. */
static void put_tag(const struct ext4 *e4, uint8_t *at, const struct bblock *block, uint32_t flags,
		    uint32_t crc)
{
	if (e4->log.features & LOG_CSUM_V3) {
		struct log_tag3 tag = {log_32((uint32_t)block->number), log_32(flags),
				       log_32((uint32_t)(block->number >> 32)), log_32(crc)};

		memcpy(at, &tag, sizeof(tag));
	} else {
		struct log_tag tag = {log_32((uint32_t)block->number), log_16((uint16_t)crc),
				      log_16((uint16_t)flags),
				      log_32((uint32_t)(block->number >> 32))};

		memcpy(at, &tag, e4->log.features & LOG_64BIT ? 12 : 8);
	}
}

/* A descriptor and what it names, as much as the descriptor and the area hold; *node moves on. The
 * descriptor is finished before the area is written: they go together. */
static int write_descriptor(struct ext4 *e4, struct list_node **node, struct list_node *held)
{
	uint32_t at = sizeof(struct log_header), room = e4->block_bytes - e4->log.tail_bytes;
	uint32_t free_blocks, magic = log_32(LOG_MAGIC);
	int error = e4->log.area_used + 2 > area_blocks(e4) ? ext4_log_flush_area(e4) : 0;
	uint8_t *descriptor = error ? NULL : next_block(e4, LOG_DESCRIPTOR, &error);
	bool first = true, last;

	if (!descriptor)
		return error;
	free_blocks = area_blocks(e4) - e4->log.area_used;
	do {
		const struct bblock *block = container_of(*node, struct bblock, list);
		uint8_t *copy = next_block(e4, 0, &error);
		uint32_t flags = first ? 0 : LOG_TAG_SAME_UUID;

		if (!copy)
			return error;
		memcpy(copy, block->bytes, e4->block_bytes);
		if (memcmp(copy, &magic, sizeof(magic)) == 0) {
			memset(copy, 0, sizeof(magic));
			flags |= LOG_TAG_ESCAPED;
		}
		*node = (*node)->next;
		free_blocks--;
		last = *node == held || free_blocks == 0 ||
		       at + 2 * e4->log.tag_bytes + LOG_UUID_BYTES > room;
		if (last)
			flags |= LOG_TAG_LAST;
		put_tag(e4, descriptor + at, block, flags,
			has_checksums(e4) ? ext4_log_tag_crc(e4, e4->log.sequence, copy) : 0);
		at += e4->log.tag_bytes + (first ? LOG_UUID_BYTES : 0);
		first = false;
	} while (!last);
	set_tail(e4, descriptor);
	return 0;
}

int ext4_log_write(struct ext4 *e4, struct list_node *held, size_t count, const uint64_t *revoked,
		   size_t revoked_count)
{
	struct list_node *node = held->next;
	int error;

	/* The share that a transaction may have sees to it that this cannot be. */
	if (e4->log.used + ext4_log_need(e4, count, revoked_count) + count / 16 + 2 >=
	    e4->log.blocks - e4->log.first)
		return -ENOSPC;
	error = write_revokes(e4, revoked, revoked_count);
	while (!error && node != held)
		error = write_descriptor(e4, &node, held);
	return error;
}

int ext4_log_commit(struct ext4 *e4)
{
	struct ext4_log *log = &e4->log;
	struct log_commit *commit;
	uint64_t now = time_wall_ns(), place;
	uint32_t count;
	int error = ext4_log_flush_area(e4);

	if (error)
		return error;
	commit = (struct log_commit *)next_block(e4, LOG_COMMIT, &error);
	if (!commit)
		return error;
	log->area_used = 0;
	commit->seconds = __builtin_bswap64(now / NS_PER_S);
	commit->nanoseconds = log_32((uint32_t)(now % NS_PER_S));
	if (has_checksums(e4))
		commit->checksum[0] = log_32(ext4_log_crc(log->csum_seed, commit, e4->block_bytes));
	error = ext4_log_place(e4, log->head, &place, &count);
	if (!error)
		error = bcache_write_direct(e4->cache, place, 1, commit, true);
	if (error)
		return error;
	log->used++;
	log->sequence++;
	if (++log->head == log->blocks)
		log->head = log->first;
	return 0;
}
