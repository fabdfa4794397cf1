/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jbd2's log as it lies on the disk; all numbers big-endian. Source: Linux
 * Documentation/filesystems/ext4/journal.rst, include/linux/jbd2.h.
 */
#ifndef LIB_FS_EXT4_LOG_H
#define LIB_FS_EXT4_LOG_H

#include <stdint.h>

#define LOG_MAGIC 0xc03b3998u

enum { LOG_DESCRIPTOR = 1, LOG_COMMIT = 2, LOG_SUPER_V1 = 3, LOG_SUPER_V2 = 4, LOG_REVOKE = 5 };

struct log_header {
	uint32_t magic, type, sequence;
};

#define LOG_REVOKES     0x01u
#define LOG_64BIT       0x02u
#define LOG_ASYNC       0x04u
#define LOG_CSUM_V2     0x08u
#define LOG_CSUM_V3     0x10u
#define LOG_FAST_COMMIT 0x20u
#define LOG_COMPAT_CSUM 0x01u /* checksums v1 */
#define LOG_CRC32C      4u

struct log_super {
	struct log_header header;
	uint32_t block_bytes, blocks, first;
	uint32_t sequence, start; /* of the first transaction; start 0: the log is empty */
	int32_t error;
	uint32_t compat, incompat, ro_compat;
	uint8_t uuid[16];
	uint32_t users, dynamic, txn_max, txn_data_max;
	uint8_t csum_type, padding2[3];
	uint32_t fast_commit_blocks, head;
	uint32_t padding[40];
	uint32_t checksum;
	uint8_t user_ids[16 * 48];
};

_Static_assert(sizeof(struct log_super) == 1024, "jbd2: struct journal_superblock_s");

#define LOG_TAG_ESCAPED   1u /* the block began with LOG_MAGIC: zeros stand for it */
#define LOG_TAG_SAME_UUID 2u
#define LOG_TAG_DELETED   4u
#define LOG_TAG_LAST      8u

/* The tags of LOG_CSUM_V3 and of the others; the last field only with LOG_64BIT. */
struct log_tag3 {
	uint32_t number, flags, number_high, checksum;
};
struct log_tag {
	uint32_t number;
	uint16_t checksum, flags;
	uint32_t number_high;
};
#define LOG_UUID_BYTES 16u

struct log_revoke {
	struct log_header header;
	uint32_t bytes; /* used in the block, header too */
};

struct log_commit {
	struct log_header header;
	uint8_t csum_type, csum_size, padding[2];
	uint32_t checksum[8];
	uint64_t seconds;
	uint32_t nanoseconds;
} __attribute__((packed, aligned(4)));

_Static_assert(sizeof(struct log_commit) == 60, "jbd2: struct commit_header");

static inline uint32_t log_32(uint32_t value)
{
	return __builtin_bswap32(value);
}

static inline uint16_t log_16(uint16_t value)
{
	return __builtin_bswap16(value);
}

#endif
