/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/gccsafe against the machine's libgcc on the same operands. Our functions are linked under the
 * prefix "safe"; the plain names are libgcc's. Prints "N passed, N failed".
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef __int128 i128;
typedef unsigned __int128 u128;

#define ROUNDS 200000

u128 __udivmodti4(u128, u128, u128 *);
u128 safe__udivmodti4(u128, u128, u128 *);
u128 safe__udivti3(u128, u128);
u128 safe__umodti3(u128, u128);
i128 safe__divti3(i128, i128);
i128 safe__modti3(i128, i128);
i128 safe__divmodti4(i128, i128, i128 *);
long double safe__floattixf(i128);
long double safe__floatuntixf(u128);
uint64_t safe__fixunsxfdi(long double);

#define COMPLEX(suffix, type)                                                                      \
	type _Complex __mul##suffix##3(type, type, type, type);                                    \
	type _Complex __div##suffix##3(type, type, type, type);                                    \
	type _Complex safe__mul##suffix##3(type, type, type, type);                                \
	type _Complex safe__div##suffix##3(type, type, type, type);

COMPLEX(sc, float)
COMPLEX(dc, double)
COMPLEX(xc, long double)

static unsigned int passed, failed;
static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Operands of all lengths, and often close to a power of two. */
static u128 next_wide(void)
{
	u128 value = (u128)next() << 64 | next();

	value >>= next() % 128;
	if (next() % 4 == 0)
		value = ((u128)1 << next() % 128) + (next() % 3) - 1;
	return value;
}

static void check(int ok, const char *what)
{
	if (ok) {
		passed++;
	} else {
		failed++;
		printf("FAIL %s\n", what);
	}
}

static void test_division(void)
{
	int same = 1, same_signed = 1;

	for (int i = 0; i < ROUNDS; i++) {
		u128 a = next_wide(), b = next_wide(), r, safe_r;

		if (b == 0)
			continue;
		u128 q = __udivmodti4(a, b, &r), safe_q = safe__udivmodti4(a, b, &safe_r);

		same &= q == safe_q && r == safe_r && safe__udivti3(a, b) == q &&
			safe__umodti3(a, b) == r;
		i128 sa = (i128)a, sb = (i128)b, sr;

		if (next() & 1)
			sa = (i128) - (u128)sa;
		if (next() & 1)
			sb = (i128) - (u128)sb;
		if (sb == -1)
			continue;
		i128 sq = safe__divmodti4(sa, sb, &sr);

		same_signed &= sq == sa / sb && sr == sa % sb && safe__divti3(sa, sb) == sq &&
			       safe__modti3(sa, sb) == sr;
	}
	check(same, "unsigned 128-bit division");
	check(same_signed, "signed 128-bit division");
}

static void test_conversions(void)
{
	int to = 1, from = 1;

	for (int i = 0; i < ROUNDS; i++) {
		u128 u = next_wide();
		i128 s = next() & 1 ? (i128)u : (i128)-u;

		to &= safe__floatuntixf(u) == (long double)u &&
		      safe__floattixf(s) == (long double)s;

		volatile long double x = ldexpl((long double)next(), -(int)(next() % 70));

		from &= safe__fixunsxfdi(x) == (uint64_t)x;
	}
	check(to, "128-bit integers to long double");
	check(from, "long double to 64-bit unsigned");
}

static long double special(void)
{
	static const long double values[] = {0.0L, -0.0L, 1, -1, 3, INFINITY, -INFINITY, NAN};

	return values[next() % 8];
}

/* The same class, and finite parts within a few units of the last place of the whole number. */
static int near(long double re, long double im, long double re2, long double im2, long double eps)
{
	long double size = fmaxl(fabsl(re), fabsl(im));

	if ((isinf(re) || isinf(im)) != (isinf(re2) || isinf(im2)))
		return 0;
	if (isinf(re) || isinf(im))
		return 1;
	if (!!isnan(re) != !!isnan(re2) || !!isnan(im) != !!isnan(im2))
		return 0;
	return (isnan(re) || fabsl(re - re2) <= eps * size) &&
	       (isnan(im) || fabsl(im - im2) <= eps * size);
}

#define TEST_COMPLEX(suffix, type, eps)                                                            \
	static void test_##suffix(void)                                                            \
	{                                                                                          \
		int mul = 1, div = 1;                                                              \
                                                                                                   \
		for (int i = 0; i < ROUNDS; i++) {                                                 \
			type v[4];                                                                 \
                                                                                                   \
			for (int j = 0; j < 4; j++)                                                \
				v[j] = i % 2 ? (type)special()                                     \
					     : (type)ldexpl((long double)(int64_t)next(), -60);    \
			type _Complex m = __mul##suffix##3(v[0], v[1], v[2], v[3]);                \
			type _Complex sm = safe__mul##suffix##3(v[0], v[1], v[2], v[3]);           \
			type _Complex q = __div##suffix##3(v[0], v[1], v[2], v[3]);                \
			type _Complex sq = safe__div##suffix##3(v[0], v[1], v[2], v[3]);           \
                                                                                                   \
			mul &= near(__real__ m, __imag__ m, __real__ sm, __imag__ sm, 4 * eps);    \
			div &= near(__real__ q, __imag__ q, __real__ sq, __imag__ sq, 8 * eps);    \
		}                                                                                  \
		check(mul, #type " complex multiplication");                                       \
		check(div, #type " complex division");                                             \
	}

TEST_COMPLEX(sc, float, 0x1p-23L)
TEST_COMPLEX(dc, double, 0x1p-52L)
TEST_COMPLEX(xc, long double, 0x1p-63L)

int main(void)
{
	test_division();
	test_conversions();
	test_sc();
	test_dc();
	test_xc();
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
