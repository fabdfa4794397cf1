/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libext2fs's io_manager: it reads from the cache, and what it writes becomes part of the running
 * transaction. It writes metadata only.
 */
#include "core/heap.h"
#include "lib/fs/ext4_parts.h"

int ext4_block_get(struct ext4 *e4, uint64_t number, struct bblock **block_out)
{
	int error = bcache_get(e4->cache, number, block_out);

	return error == -EINVAL ? ext4_corrupt(e4, "a block beyond the end is referred to", number)
				: error;
}

void ext4_block_change(struct ext4 *e4, struct bblock *block)
{
	if (block->owner == e4->txn.id)
		return;
	block->owner = e4->txn.id;
	/* A block of the transaction being committed is held already, and copied: it moves over. */
	if (!bcache_hold(e4->cache, block))
		list_remove(&block->list);
	list_append(&e4->txn.held, &block->list);
	e4->txn.held_count++;
}

/* Out of the transaction it is in, as if it had never been changed. */
static void unhold(struct ext4 *e4, struct bblock *block)
{
	if (!block->held)
		return;
	if (block->owner == e4->txn.id)
		e4->txn.held_count--;
	list_remove(&block->list);
	block->owner = 0;
	bcache_release(e4->cache, block, BCACHE_CLASSES);
}

int ext4_block_revoke(struct ext4 *e4, uint64_t number)
{
	struct bblock *block = bcache_find(e4->cache, number);

	if (e4->log.present) {
		int error = ext4_grow((void **)&e4->txn.revoked, e4->txn.revoked_count,
				      &e4->txn.revoked_max, sizeof(uint64_t));

		if (error) {
			if (block)
				bcache_put(e4->cache, block);
			return error;
		}
		e4->txn.revoked[e4->txn.revoked_count++] = number;
	}
	if (block) {
		unhold(e4, block);
		bcache_put(e4->cache, block);
		bcache_forget(e4->cache, number);
	}
	return 0;
}

/* --- the io_manager --- */

/* The file system comes in as the name of its device, there is no other way. */
static errcode_t io_open(const char *name, int flags, io_channel *channel_out)
{
	uintptr_t pointer = 0;
	struct ext4 *e4;
	io_channel channel;

	(void)flags;
	for (const char *digit = name; *digit; digit++)
		pointer = pointer << 4 | (uintptr_t)(*digit - 'a');
	e4 = (struct ext4 *)pointer;
	channel = heap_alloc_zeroed(sizeof(*channel));
	if (!channel)
		return EXT2_ET_NO_MEMORY;
	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = &e4->io_manager;
	channel->block_size = (int)e4->block_bytes;
	channel->refcount = 1;
	channel->private_data = e4;
	*channel_out = channel;
	return 0;
}

static errcode_t io_close(io_channel channel)
{
	if (--channel->refcount == 0)
		heap_free(channel);
	return 0;
}

static errcode_t io_set_blksize(io_channel channel, int block_bytes)
{
	channel->block_size = block_bytes;
	return 0;
}

enum direction { READING, WRITING };

static errcode_t transfer(io_channel channel, enum direction direction, uint64_t number, int count,
			  uint8_t *bytes)
{
	struct ext4 *e4 = channel->private_data;
	uint64_t at = number * (uint64_t)channel->block_size;
	uint64_t left = count < 0 ? (uint64_t) - (int64_t)count
				  : (uint64_t)count * (uint64_t)channel->block_size;

	while (left) {
		uint32_t offset = (uint32_t)(at & (e4->block_bytes - 1));
		uint32_t n = e4->block_bytes - offset;
		struct bblock *block;
		int error;

		if (n > left)
			n = (uint32_t)left;
		if (direction == WRITING && n == e4->block_bytes)
			error = bcache_get_new(e4->cache, at >> e4->block_shift, &block);
		else
			error = bcache_get(e4->cache, at >> e4->block_shift, &block);
		if (error)
			return -error;
		if (direction == WRITING) {
			ext4_block_change(e4, block);
			memcpy(block->bytes + offset, bytes, n);
		} else {
			memcpy(bytes, block->bytes + offset, n);
		}
		bcache_put(e4->cache, block);
		at += n;
		bytes += n;
		left -= n;
	}
	return 0;
}

static errcode_t io_read_blk64(io_channel channel, unsigned long long number, int count, void *data)
{
	return transfer(channel, READING, number, count, data);
}

static errcode_t io_write_blk64(io_channel channel, unsigned long long number, int count,
				const void *data)
{
	return transfer(channel, WRITING, number, count, (uint8_t *)(uintptr_t)data);
}

static errcode_t io_read_blk(io_channel channel, unsigned long number, int count, void *data)
{
	return transfer(channel, READING, number, count, data);
}

static errcode_t io_write_blk(io_channel channel, unsigned long number, int count, const void *data)
{
	return transfer(channel, WRITING, number, count, (uint8_t *)(uintptr_t)data);
}

/* When metadata are safe the transaction decides. */
static errcode_t io_flush(io_channel channel)
{
	(void)channel;
	return 0;
}

const struct struct_io_manager ext4_io_manager = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "stardust",
	.open = io_open,
	.close = io_close,
	.set_blksize = io_set_blksize,
	.read_blk = io_read_blk,
	.write_blk = io_write_blk,
	.flush = io_flush,
	.read_blk64 = io_read_blk64,
	.write_blk64 = io_write_blk64,
};
