/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replay at mount. First the log is walked without changing anything: how far are transactions
 * whole, what did they revoke, are the checksums right. Then each block goes home in the order of
 * transactions, unless it was revoked by the same or a later one. Doing that twice (the power was
 * cut meanwhile) gives the same.
 *
 * The log is the world's: whatever it says is bounded by its size and the device's. A transaction
 * that has a commit block but wrong checksums is not the work of a power cut: nothing is written,
 * the mount fails.
 */
#include "core/heap.h"
#include "core/log.h"
#include "lib/fs/ext4_log.h"
#include "lib/fs/ext4_parts.h"

struct revoked {
	uint64_t number;
	uint32_t sequence; /* the last transaction that revoked it */
};

struct replay {
	struct ext4 *e4;
	uint8_t *block; /* the log's block looked at */
	uint8_t *data;  /* the block a tag stands for */
	struct revoked *revoked;
	size_t revoked_count, revoked_max;
	uint32_t end;    /* the first sequence that is not whole */
	uint32_t blocks; /* brought home */
	bool writing;    /* the second walk */
	bool read_only;
	bool damaged; /* a checksum was wrong in the transaction walked */
};

/* a is before b; sequences wrap. */
static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static int read_log(struct replay *replay, uint32_t index, uint8_t *bytes_out)
{
	uint64_t place;
	uint32_t count;
	int error = ext4_log_place(replay->e4, index, &place, &count);

	return error ? error : bcache_read_direct(replay->e4->cache, place, 1, bytes_out);
}

static uint32_t next_index(const struct ext4 *e4, uint32_t index)
{
	return index + 1 == e4->log.blocks ? e4->log.first : index + 1;
}

static bool has_checksums(const struct ext4 *e4)
{
	return e4->log.features & (LOG_CSUM_V2 | LOG_CSUM_V3);
}

/* The checksum in the block's last bytes. */
static bool tail_is_right(const struct ext4 *e4, uint8_t *block)
{
	uint32_t stored, zero = 0, crc;
	uint8_t *tail = block + e4->block_bytes - sizeof(stored);

	if (!has_checksums(e4))
		return true;
	memcpy(&stored, tail, sizeof(stored));
	memcpy(tail, &zero, sizeof(zero));
	crc = ext4_log_crc(e4->log.csum_seed, block, e4->block_bytes);
	memcpy(tail, &stored, sizeof(stored));
	return crc == log_32(stored);
}

static bool commit_is_right(const struct ext4 *e4, uint8_t *block)
{
	struct log_commit *commit = (struct log_commit *)block;
	uint32_t stored = commit->checksum[0], crc;

	if (!has_checksums(e4))
		return true;
	commit->checksum[0] = 0;
	crc = ext4_log_crc(e4->log.csum_seed, block, e4->block_bytes);
	commit->checksum[0] = stored;
	return crc == log_32(stored);
}

static int note_revokes(struct replay *replay, uint32_t sequence)
{
	struct ext4 *e4 = replay->e4;
	const struct log_revoke *header = (const struct log_revoke *)replay->block;
	uint32_t bytes = e4->log.features & LOG_64BIT ? 8 : 4;
	uint32_t used = log_32(header->bytes);

	if (used > e4->block_bytes - e4->log.tail_bytes || used < sizeof(*header))
		return -EINVAL;
	for (uint32_t at = sizeof(*header); at + bytes <= used; at += bytes) {
		uint64_t wide;
		uint32_t narrow;
		int error = ext4_grow((void **)&replay->revoked, replay->revoked_count,
				      &replay->revoked_max, sizeof(struct revoked));

		if (error)
			return error;
		memcpy(&wide, replay->block + at, bytes);
		memcpy(&narrow, replay->block + at, sizeof(narrow));
		replay->revoked[replay->revoked_count++] = (struct revoked){
			bytes == 8 ? __builtin_bswap64(wide) : log_32(narrow), sequence};
	}
	return 0;
}

static int by_number(const struct revoked *a, const struct revoked *b)
{
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->sequence == b->sequence ? 0 : before(a->sequence, b->sequence) ? -1 : 1;
}

static void sort_revoked(struct revoked *list, size_t count)
{
	for (size_t gap = count / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < count; i++) {
			struct revoked one = list[i];
			size_t j = i;

			for (; j >= gap && by_number(&list[j - gap], &one) > 0; j -= gap)
				list[j] = list[j - gap];
			list[j] = one;
		}
}

/* By the transaction or a later one that is whole. */
static bool is_revoked(const struct replay *replay, uint64_t number, uint32_t sequence)
{
	size_t low = 0, high = replay->revoked_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (replay->revoked[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < replay->revoked_count && replay->revoked[low].number == number; low++)
		if (!before(replay->revoked[low].sequence, sequence) &&
		    before(replay->revoked[low].sequence, replay->end))
			return true;
	return false;
}

struct tag {
	uint64_t number;
	uint32_t flags, checksum;
};

static struct tag read_tag(const struct ext4 *e4, const uint8_t *at)
{
	struct tag tag;

	if (e4->log.features & LOG_CSUM_V3) {
		struct log_tag3 disk;

		memcpy(&disk, at, sizeof(disk));
		tag = (struct tag){log_32(disk.number), log_32(disk.flags), log_32(disk.checksum)};
		if (e4->log.features & LOG_64BIT)
			tag.number |= (uint64_t)log_32(disk.number_high) << 32;
	} else {
		struct log_tag disk = {0, 0, 0, 0};

		memcpy(&disk, at, e4->log.features & LOG_64BIT ? 12 : 8);
		tag = (struct tag){log_32(disk.number), log_16(disk.flags), log_16(disk.checksum)};
		tag.number |= (uint64_t)log_32(disk.number_high) << 32;
	}
	return tag;
}

/* One block of a transaction: looked at, or brought home. */
static int do_tag(struct replay *replay, const struct tag *tag, uint32_t index, uint32_t sequence)
{
	struct ext4 *e4 = replay->e4;
	struct bblock *block;
	int error = 0;

	if (!replay->writing && !has_checksums(e4))
		return 0;
	if (replay->writing && is_revoked(replay, tag->number, sequence))
		return 0;
	error = read_log(replay, index, replay->data);
	if (error)
		return error;
	if (has_checksums(e4)) {
		uint32_t crc = ext4_log_tag_crc(e4, sequence, replay->data);

		if (!(e4->log.features & LOG_CSUM_V3))
			crc &= 0xffff;
		if (crc != tag->checksum)
			replay->damaged = true;
	}
	if (!replay->writing)
		return 0;
	if (tag->flags & LOG_TAG_ESCAPED) {
		uint32_t magic = log_32(LOG_MAGIC);

		memcpy(replay->data, &magic, sizeof(magic));
	}
	error = bcache_get_new(e4->cache, tag->number, &block);
	if (error)
		return error;
	memcpy(block->bytes, replay->data, e4->block_bytes);
	block->checked = 0;
	replay->blocks++;
	if (replay->read_only)
		(void)bcache_hold(e4->cache, block);
	else
		bcache_dirty(e4->cache, block, BCACHE_META);
	bcache_put(e4->cache, block);
	return 0;
}

/* A descriptor's tags; *index is moved behind the last block it names, *left counts down. */
static int do_descriptor(struct replay *replay, uint32_t *index, uint32_t *left, uint32_t sequence)
{
	struct ext4 *e4 = replay->e4;
	uint32_t at = sizeof(struct log_header), room = e4->block_bytes - e4->log.tail_bytes;

	if (!tail_is_right(e4, replay->block)) {
		/* Cut in the middle of writing it, most likely: then no commit block follows. */
		replay->damaged = true;
	}
	while (at + e4->log.tag_bytes <= room && *left) {
		struct tag tag = read_tag(e4, replay->block + at);
		int error;

		if (tag.number >= e4->cache->blocks)
			return -EINVAL;
		error = do_tag(replay, &tag, *index, sequence);
		if (error)
			return error;
		*index = next_index(e4, *index);
		(*left)--;
		at += e4->log.tag_bytes + (tag.flags & LOG_TAG_SAME_UUID ? 0 : LOG_UUID_BYTES);
		if (tag.flags & LOG_TAG_LAST)
			return 0;
	}
	/* Full, and jbd2 wrote the last tag without a flag: the room is what ends it. */
	return 0;
}

/* Walks the log from its tail. In the first walk the end is found; what cannot be a transaction
 * ends it, in the second nothing does but the end known. */
static int walk(struct replay *replay)
{
	struct ext4 *e4 = replay->e4;
	const struct log_super *super = (const struct log_super *)e4->log.super;
	uint32_t sequence = log_32(super->sequence), index = log_32(super->start);
	uint32_t left = e4->log.blocks - e4->log.first;
	size_t revoked_whole = 0;
	int error;

	replay->damaged = false;
	while (left && (!replay->writing || sequence != replay->end)) {
		const struct log_header *header = (const struct log_header *)replay->block;

		error = read_log(replay, index, replay->block);
		if (error)
			return error;
		if (log_32(header->magic) != LOG_MAGIC || log_32(header->sequence) != sequence)
			break;
		index = next_index(e4, index);
		left--;
		error = 0;
		switch (log_32(header->type)) {
		case LOG_DESCRIPTOR:
			error = do_descriptor(replay, &index, &left, sequence);
			break;
		case LOG_REVOKE:
			if (!tail_is_right(e4, replay->block))
				replay->damaged = true;
			else if (!replay->writing)
				error = note_revokes(replay, sequence);
			break;
		case LOG_COMMIT:
			if (!commit_is_right(e4, replay->block))
				goto out;
			if (replay->damaged)
				return -EIO;
			sequence++;
			revoked_whole = replay->revoked_count;
			break;
		default:
			goto out;
		}
		if (error == -EINVAL)
			break; /* no sense in it: not written to its end */
		if (error)
			return error;
	}
out:
	if (!replay->writing) {
		replay->end = sequence;
		replay->revoked_count = revoked_whole;
	}
	return 0;
}

static int replay_log(struct replay *replay, uint32_t *sequence_out)
{
	struct ext4 *e4 = replay->e4;
	const struct log_super *super = (const struct log_super *)e4->log.super;
	uint32_t first = log_32(super->sequence);
	int error = walk(replay);

	if (error) {
		e4->why = "its journal is damaged; run e2fsck";
		return error;
	}
	/* What is left in the log of the one that is not whole, and of others behind it, must not
	 * be taken for what comes now. */
	*sequence_out = replay->end + e4->log.blocks;
	if (replay->end == first)
		return 0;
	sort_revoked(replay->revoked, replay->revoked_count);
	replay->writing = true;
	error = walk(replay);
	if (!error && !replay->read_only)
		error = bcache_write_dirty(e4->cache, BCACHE_META);
	if (!error && !replay->read_only)
		error = bcache_flush(e4->cache);
	if (error)
		e4->why = "its journal cannot be replayed";
	else
		log_info("ext4: %s: %u transactions replayed, %u blocks", e4->device->name,
			 replay->end - first, replay->blocks);
	return error;
}

int ext4_replay(struct ext4 *e4, bool read_only, uint32_t *sequence_out)
{
	const struct log_super *super = (const struct log_super *)e4->log.super;
	struct replay replay = {.e4 = e4, .read_only = read_only};
	int error = -ENOMEM;

	if (super->start == 0) {
		*sequence_out = log_32(super->sequence);
		return 0;
	}
	replay.block = heap_alloc(e4->block_bytes);
	replay.data = heap_alloc(e4->block_bytes);
	if (replay.block && replay.data)
		error = replay_log(&replay, sequence_out);
	heap_free(replay.block);
	heap_free(replay.data);
	heap_free(replay.revoked);
	return error;
}
