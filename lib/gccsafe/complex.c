/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Complex multiplication and division. C11 G.5.1: an infinity in either part makes the number an
 * infinity, and the result must be one where mathematics says so although the formula gives NaNs.
 */
#include "lib/gccsafe/gccsafe.h"

#include <stdbool.h>

#define is_nan(x)      __builtin_isnan(x)
#define is_inf(x)      __builtin_isinf(x)
#define is_finite(x)   __builtin_isfinite(x)
#define is_negative(x) __builtin_signbit(x)
#define infinity       __builtin_infl()

struct parts {
	long double re, im;
};

/* The sign of x on 1 when x is infinite, on 0 when not. */
static long double box(long double x)
{
	long double one_or_zero = is_inf(x) ? 1 : 0;

	return is_negative(x) ? -one_or_zero : one_or_zero;
}

/* A NaN becomes a zero with its sign. */
static long double zero_for_nan(long double x)
{
	if (!is_nan(x))
		return x;
	return is_negative(x) ? -0.0L : 0.0L;
}

/*
 * Both parts of a product came out NaN; overflowed says that a partial product was infinite. The
 * product the numbers stand for, or NaNs when it is none.
 */
static struct parts multiply_special(long double a, long double b, long double c, long double d,
				     bool overflowed)
{
	bool left_inf = is_inf(a) || is_inf(b), right_inf = is_inf(c) || is_inf(d);

	if (!left_inf && !right_inf && !overflowed)
		return (struct parts){__builtin_nanl(""), __builtin_nanl("")};
	if (left_inf) {
		a = box(a);
		b = box(b);
	}
	if (right_inf) {
		c = box(c);
		d = box(d);
	}
	a = zero_for_nan(a);
	b = zero_for_nan(b);
	c = zero_for_nan(c);
	d = zero_for_nan(d);
	return (struct parts){infinity * (a * c - b * d), infinity * (a * d + b * c)};
}

/* Both parts of a quotient came out NaN: its value when it is infinite or zero, or NaNs. */
static struct parts divide_special(long double a, long double b, long double c, long double d)
{
	if (c == 0 && d == 0 && (!is_nan(a) || !is_nan(b))) {
		long double inf = is_negative(c) ? -infinity : infinity;

		return (struct parts){inf * a, inf * b};
	}
	if ((is_inf(a) || is_inf(b)) && is_finite(c) && is_finite(d)) {
		a = box(a);
		b = box(b);
		return (struct parts){infinity * (a * c + b * d), infinity * (b * c - a * d)};
	}
	if ((is_inf(c) || is_inf(d)) && is_finite(a) && is_finite(b)) {
		c = box(c);
		d = box(d);
		return (struct parts){0 * (a * c + b * d), 0 * (b * c - a * d)};
	}
	return (struct parts){__builtin_nanl(""), __builtin_nanl("")};
}

#define DEFINE_MULTIPLY(name, type)                                                                \
	type _Complex name(type a, type b, type c, type d)                                         \
	{                                                                                          \
		type ac = a * c, bd = b * d, ad = a * d, bc = b * c;                               \
		type re = ac - bd, im = ad + bc;                                                   \
                                                                                                   \
		if (is_nan(re) && is_nan(im)) {                                                    \
			bool over = is_inf(ac) || is_inf(bd) || is_inf(ad) || is_inf(bc);          \
			struct parts p = multiply_special(a, b, c, d, over);                       \
                                                                                                   \
			re = (type)p.re;                                                           \
			im = (type)p.im;                                                           \
		}                                                                                  \
		return __builtin_complex(re, im);                                                  \
	}

/*
 * Computed in a type with room for the squares of any operand (wide has at least one more exponent
 * bit and twice the precision but for double, whose last bit may differ from exact).
 */
#define DEFINE_DIVIDE(name, type, wide)                                                            \
	type _Complex name(type a, type b, type c, type d)                                         \
	{                                                                                          \
		wide norm = (wide)c * c + (wide)d * d;                                             \
		type re = (type)(((wide)a * c + (wide)b * d) / norm);                              \
		type im = (type)(((wide)b * c - (wide)a * d) / norm);                              \
                                                                                                   \
		if (is_nan(re) && is_nan(im)) {                                                    \
			struct parts p = divide_special(a, b, c, d);                               \
                                                                                                   \
			re = (type)p.re;                                                           \
			im = (type)p.im;                                                           \
		}                                                                                  \
		return __builtin_complex(re, im);                                                  \
	}

DEFINE_MULTIPLY(__mulsc3, float)
DEFINE_MULTIPLY(__muldc3, double)
DEFINE_MULTIPLY(__mulxc3, long double)
DEFINE_DIVIDE(__divsc3, float, double)
DEFINE_DIVIDE(__divdc3, double, long double)

/* Nothing wider to go to: divide through by the greater part, so that no square is formed. */
long double _Complex __divxc3(long double a, long double b, long double c, long double d)
{
	long double re, im;

	if (__builtin_fabsl(c) < __builtin_fabsl(d)) {
		long double ratio = c / d, norm = c * ratio + d;

		re = (a * ratio + b) / norm;
		im = (b * ratio - a) / norm;
	} else {
		long double ratio = d / c, norm = d * ratio + c;

		re = (b * ratio + a) / norm;
		im = (b - a * ratio) / norm;
	}
	if (is_nan(re) && is_nan(im)) {
		struct parts p = divide_special(a, b, c, d);

		re = p.re;
		im = p.im;
	}
	return __builtin_complex(re, im);
}
