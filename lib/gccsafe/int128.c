/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/gccsafe/gccsafe.h"

/* 128 by 64 bits; the quotient must fit: high < divisor. SDM 2A, DIV. */
static inline uint64_t divide_wide(uint64_t high, uint64_t low, uint64_t divisor,
				   uint64_t *remainder_out)
{
	uint64_t quotient, remainder;

	__asm__("divq %4"
		: "=a"(quotient), "=d"(remainder)
		: "a"(low), "d"(high), "rm"(divisor)
		: "cc");
	*remainder_out = remainder;
	return quotient;
}

static inline gccsafe_u128 join(uint64_t high, uint64_t low)
{
	return (gccsafe_u128)high << 64 | low;
}

gccsafe_u128 __udivmodti4(gccsafe_u128 dividend, gccsafe_u128 divisor, gccsafe_u128 *remainder_out)
{
	uint64_t high = (uint64_t)(dividend >> 64), low = (uint64_t)dividend;
	uint64_t divisor_high = (uint64_t)(divisor >> 64), remainder;
	gccsafe_u128 quotient;

	if (divisor_high == 0) {
		uint64_t by = (uint64_t)divisor;
		uint64_t quotient_high = high / by;
		uint64_t quotient_low = divide_wide(high % by, low, by, &remainder);

		*remainder_out = remainder;
		return join(quotient_high, quotient_low);
	}

	/*
	 * Both halved and the divisor cut to its 64 leading bits, the quotient is never too small
	 * and at most one too large: take one off and see whether it was right before.
	 */
	int shift = __builtin_clzll(divisor_high);
	gccsafe_u128 half = dividend >> 1;
	uint64_t leading = (uint64_t)(divisor << shift >> 64);

	quotient = divide_wide((uint64_t)(half >> 64), (uint64_t)half, leading, &remainder);
	quotient = quotient << shift >> 63;
	if (quotient > 0)
		quotient--;
	dividend -= quotient * divisor;
	if (dividend >= divisor) {
		quotient++;
		dividend -= divisor;
	}
	*remainder_out = dividend;
	return quotient;
}

gccsafe_u128 __udivti3(gccsafe_u128 dividend, gccsafe_u128 divisor)
{
	gccsafe_u128 remainder;

	return __udivmodti4(dividend, divisor, &remainder);
}

gccsafe_u128 __umodti3(gccsafe_u128 dividend, gccsafe_u128 divisor)
{
	gccsafe_u128 remainder;

	__udivmodti4(dividend, divisor, &remainder);
	return remainder;
}

static inline gccsafe_u128 magnitude(gccsafe_i128 value)
{
	return value < 0 ? -(gccsafe_u128)value : (gccsafe_u128)value;
}

gccsafe_i128 __divmodti4(gccsafe_i128 dividend, gccsafe_i128 divisor, gccsafe_i128 *remainder_out)
{
	gccsafe_u128 remainder;
	gccsafe_u128 quotient = __udivmodti4(magnitude(dividend), magnitude(divisor), &remainder);

	*remainder_out = (gccsafe_i128)(dividend < 0 ? -remainder : remainder);
	return (gccsafe_i128)((dividend < 0) != (divisor < 0) ? -quotient : quotient);
}

gccsafe_i128 __divti3(gccsafe_i128 dividend, gccsafe_i128 divisor)
{
	gccsafe_i128 remainder;

	return __divmodti4(dividend, divisor, &remainder);
}

gccsafe_i128 __modti3(gccsafe_i128 dividend, gccsafe_i128 divisor)
{
	gccsafe_i128 remainder;

	__divmodti4(dividend, divisor, &remainder);
	return remainder;
}
