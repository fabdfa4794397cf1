/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Powers of two, alignment and bitmaps. Any context.
 */
#ifndef LIB_BASE_BITS_H
#define LIB_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

/* Index of the highest set bit; value is not 0. */
static inline unsigned int ilog2(uint64_t value)
{
	return 63u - (unsigned int)__builtin_clzll(value);
}

/* Smallest n with 2^n >= value; value is not 0. */
static inline unsigned int ilog2_up(uint64_t value)
{
	return value == 1 ? 0 : ilog2(value - 1) + 1;
}

/* Index of the lowest set bit; value is not 0. */
static inline unsigned int bit_lowest(uint64_t value)
{
	return (unsigned int)__builtin_ctzll(value);
}

/* Set bits. Without the popcnt instruction, which not every processor has: sums of 2, 4, 8 bits,
 * the bytes added up by a multiplication. */
static inline unsigned int bits_count(uint64_t value)
{
	value -= value >> 1 & 0x5555555555555555ULL;
	value = (value & 0x3333333333333333ULL) + (value >> 2 & 0x3333333333333333ULL);
	value = (value + (value >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (unsigned int)(value * 0x0101010101010101ULL >> 56);
}

/* align is a power of two; align_up may wrap to 0 near the top. */
static inline uint64_t align_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

static inline uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static inline bool is_aligned(uint64_t value, uint64_t align)
{
	return !(value & (align - 1));
}

/* A bitmap is an array of 64-bit words, bit 0 of word 0 first. */
#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

static inline bool bitmap_test(const uint64_t *map, size_t bit)
{
	return map[bit / 64] >> (bit % 64) & 1;
}

static inline void bitmap_set(uint64_t *map, size_t bit)
{
	map[bit / 64] |= 1ULL << (bit % 64);
}

static inline void bitmap_clear(uint64_t *map, size_t bit)
{
	map[bit / 64] &= ~(1ULL << (bit % 64));
}

/* First bit at or after from with the wanted value, or bits when there is none. */
static inline size_t bitmap_find(const uint64_t *map, size_t bits, size_t from, bool wanted)
{
	while (from < bits) {
		uint64_t word = (wanted ? map[from / 64] : ~map[from / 64]) >> (from % 64);

		if (word) {
			from += bit_lowest(word);
			return from < bits ? from : bits;
		}
		from = (from | 63) + 1;
	}
	return bits;
}

#endif
