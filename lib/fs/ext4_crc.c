/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC-32C, in place of libext2fs's: with the processor's instruction (SSE 4.2) where there is one,
 * else four bits at a time. Every block of metadata is summed at each commit.
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
