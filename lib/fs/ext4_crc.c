/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC-32C, in place of libext2fs's: with the processor's instruction (SSE 4.2) where there is one,
 * else four bits at a time. Every block of metadata is summed at each commit.
 *
 * And the superblock's sum. It has two sectors, and the sum is in the second, while what changes is
 * in the first: a power cut between them would leave one that neither Linux nor e2fsck opens, log
 * or no log. So a field of the first that nobody reads is chosen such that the sum stays as it is.
 */
#include <cpuid.h>

#include "lib/fs/ext4_parts.h"

/* CRC-32C (polynomial 0x82f63b78) of the 16 values of four bits. */
static const uint32_t nibbles[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static uint32_t crc_by_table(uint32_t crc, const uint8_t *bytes, size_t count)
{
	for (; count; count--, bytes++) {
		crc ^= *bytes;
		crc = crc >> 4 ^ nibbles[crc & 15];
		crc = crc >> 4 ^ nibbles[crc & 15];
	}
	return crc;
}

static uint32_t crc_by_processor(uint32_t crc, const uint8_t *bytes, size_t count)
{
	uint64_t wide = crc;

	for (; count >= sizeof(uint64_t); count -= sizeof(uint64_t), bytes += sizeof(uint64_t)) {
		uint64_t word;

		__builtin_memcpy(&word, bytes, sizeof(word));
		__asm__("crc32q %1, %0" : "+r"(wide) : "rm"(word));
	}
	crc = (uint32_t)wide;
	for (; count; count--, bytes++)
		__asm__("crc32b %1, %0" : "+r"(crc) : "rm"(*bytes));
	return crc;
}

static bool processor_has_crc32(void)
{
	static int known; /* 0: not asked yet */
	unsigned int a, b, c = 0, d;

	if (known == 0)
		known = __get_cpuid(1, &a, &b, &c, &d) && c & bit_SSE4_2 ? 1 : -1;
	return known > 0;
}

/* libext2fs's name. */
__u32 ext2fs_crc32c_le(__u32 crc, unsigned char const *bytes, size_t count)
{
	return processor_has_crc32() ? crc_by_processor(crc, bytes, count)
				     : crc_by_table(crc, bytes, count);
}

#define SECTOR_BYTES 512u
#define SPARE_END    (offsetof(struct ext2_super_block, s_first_error_line) + sizeof(__u32))

_Static_assert(SPARE_END <= SECTOR_BYTES &&
		       offsetof(struct ext2_super_block, s_checksum) >= SECTOR_BYTES,
	       "the sum and the spare field are in different sectors");

/* What the CRC was before these bytes made it crc. */
static uint32_t crc_before(uint32_t crc, const uint8_t *bytes, size_t count)
{
	while (count--) {
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x80000000 ? (crc ^ 0x82f63b78) << 1 | 1 : crc << 1;
		crc ^= bytes[count];
	}
	return crc;
}

void ext4_super_store(struct ext4 *e4, uint8_t *block_bytes)
{
	uint8_t *stored = block_bytes + (SUPERBLOCK_OFFSET & (e4->block_bytes - 1));
	struct ext2_super_block *super = e4->lib->super, *old = (struct ext2_super_block *)stored;
	uint8_t *bytes = (uint8_t *)super;
	uint32_t wanted, spare;

	if (ext2fs_has_feature_metadata_csum(super) && super->s_first_error_time == 0 &&
	    ext2fs_superblock_csum_verify(e4->lib, old)) {
		wanted = ext2fs_crc32c_le(~0u, stored, SECTOR_BYTES);
		spare = crc_before(wanted, bytes + SPARE_END, SECTOR_BYTES - SPARE_END);
		spare = crc_before(spare, (const uint8_t[sizeof(spare)]){0}, sizeof(spare));
		super->s_first_error_line =
			spare ^ ext2fs_crc32c_le(~0u, bytes, SPARE_END - sizeof(spare));
	}
	(void)ext2fs_superblock_csum_set(e4->lib, super);
	memcpy(stored, super, SUPERBLOCK_SIZE);
}
