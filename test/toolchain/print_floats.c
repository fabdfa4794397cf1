/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints many floats in many formats. Compiled against our libc and against the build machine's,
 * the output must be the same.
 */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint64_t state = 88172645463325252;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static double any_double(void)
{
	uint64_t bits = next();
	double value;

	memcpy(&value, &bits, sizeof(value));
	return isfinite(value) ? value : 0;
}

static void print_double(double v)
{
	printf("%f %.0f %.1f %.17f %e %.0e %.16e %.40e %g %.17g %.0g %#.9g %+.3f %-12.2f| "
	       "%012.4f\n",
	       v, v, v, v, v, v, v, v, v, v, v, v, v, v, v);
}

static void print_long(long double v)
{
	printf("%Lf %.0Lf %.25Lf %Le %.20Le %.0Le %Lg %.21Lg %#.3Lg\n", v, v, v, v, v, v, v, v, v);
}

int main(void)
{
	static const double edges[] = {
		0,       -0.0,    0.5,    1.5,    2.5,  9.5,       0.05,        0.25,
		0.125,   9.995,   99.995, 1e22,   1e23, 123456789, 999999,      9999994e-1,
		DBL_MIN, DBL_MAX, 1e-5,   9.5e-5, 1e15, 1e17,      DBL_EPSILON, 4.9406e-324};

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		print_double(edges[i]);
		print_long(edges[i]);
	}
	for (int i = 0; i < 1000; i++) {
		print_double(any_double());
		print_double((double)(int64_t)next() / (double)(1 + next() % 100000));
		print_double((double)(next() % 1000000) / 1000);
		print_double((double)(next() % 4096) / 64);
		print_long(ldexpl((long double)next(), (int)(next() % 400) - 250));
	}
	print_long(LDBL_MAX);
	print_long(LDBL_MIN);
	print_long(LDBL_TRUE_MIN);
	printf("%.4950Lf\n%.16500Lg\n%.1100f\n%.1080g\n", LDBL_MAX, LDBL_TRUE_MIN, DBL_TRUE_MIN,
	       DBL_MIN);
	return 0;
}
