/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/gccsafe/gccsafe.h"

#define TWO_TO_63 0x1p63L
#define TWO_TO_64 0x1p64L

/*
 * An x87 number has 64 bits of fraction, so each half is exact and only the sum rounds. The high
 * half of a signed number is signed: the low one is added whatever the sign.
 */
long double __floattixf(gccsafe_i128 value)
{
	return (long double)(int64_t)(value >> 64) * TWO_TO_64 + (long double)(uint64_t)value;
}

long double __floatuntixf(gccsafe_u128 value)
{
	return (long double)(uint64_t)(value >> 64) * TWO_TO_64 + (long double)(uint64_t)value;
}

uint64_t __fixunsxfdi(long double value)
{
	if (value >= TWO_TO_63)
		return (uint64_t)(int64_t)(value - TWO_TO_63) ^ (uint64_t)1 << 63;
	return (uint64_t)(int64_t)value;
}
