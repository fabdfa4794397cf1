/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gccsafe: the functions of the compiler's libgcc that use the red zone, written again.
 *
 * Code the compiler generates calls them by these names; no program does. The machine's libgcc.a is
 * compiled with a red zone, which events overwrite in a guest; tools/redzone finds what is missing
 * here. Semantics as in "GCC Internals", 4.1 and 4.2; complex functions as C11 Annex G has them.
 * Any context, except that the functions with floats want the FPU.
 */
#ifndef LIB_GCCSAFE_GCCSAFE_H
#define LIB_GCCSAFE_GCCSAFE_H

#include <stdint.h>

typedef __int128 gccsafe_i128;
typedef unsigned __int128 gccsafe_u128;

/* Quotient and remainder; division by zero raises #DE as narrower divisions do. */
gccsafe_u128 __udivmodti4(gccsafe_u128 dividend, gccsafe_u128 divisor, gccsafe_u128 *remainder_out);
gccsafe_u128 __udivti3(gccsafe_u128 dividend, gccsafe_u128 divisor);
gccsafe_u128 __umodti3(gccsafe_u128 dividend, gccsafe_u128 divisor);
gccsafe_i128 __divmodti4(gccsafe_i128 dividend, gccsafe_i128 divisor, gccsafe_i128 *remainder_out);
gccsafe_i128 __divti3(gccsafe_i128 dividend, gccsafe_i128 divisor);
gccsafe_i128 __modti3(gccsafe_i128 dividend, gccsafe_i128 divisor);

/* Rounded once, to nearest even, whatever the rounding mode of the wider additions. */
long double __floattixf(gccsafe_i128 value);
long double __floatuntixf(gccsafe_u128 value);
/* Towards zero; undefined outside the range, as the conversion is in C. */
uint64_t __fixunsxfdi(long double value);

/* (a + ib) (c + id) and (a + ib) / (c + id). */
float _Complex __mulsc3(float a, float b, float c, float d);
double _Complex __muldc3(double a, double b, double c, double d);
long double _Complex __mulxc3(long double a, long double b, long double c, long double d);
float _Complex __divsc3(float a, float b, float c, float d);
double _Complex __divdc3(double a, double b, double c, double d);
long double _Complex __divxc3(long double a, long double b, long double c, long double d);

#endif
