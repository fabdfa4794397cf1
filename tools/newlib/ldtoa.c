/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Binary floats to decimal digits, for the printf family: exact for every precision, rounded to
 * nearest even. Replaces newlib's ldtoa.c, which shifts bit by bit through numbers of 10,000 bits
 * whatever the value (30,000 instructions for a "%.6f") and is five times as long.
 *
 * A number is kept as limbs of nine decimal digits. Halving a limb nine times leaves a remainder
 * that is a whole number of the next one's units (10^9 is 2^9 5^9), so a fraction of f bits takes
 * f / 9 passes; an integer is doubled up 29 times a pass.
 */
#include <reent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LIMB        1000000000u
#define LIMB_DIGITS 9
#define HALVINGS    9  /* of a limb in one pass */
#define DOUBLINGS   29 /* of a limb in one pass: fits 64 bits with the carry */

/* The smallest number has 16,445 bits after the point, each a digit; the greatest 4,933 digits. */
#define LIMBS_MAX 1840
#define UNITS     3 /* where the fraction begins when there is one: 2^64 has three limbs */

#define EXPONENT_BIAS 16383
#define MANTISSA_BITS 64
#define DECPT_SPECIAL 9999 /* infinity and NaN, as dtoa has it */

/* limb[first] to limb[last - 1], the greatest first; from limb[point] on they are fraction. */
struct decimal {
	int first, last, point;
	uint32_t limb[LIMBS_MAX];
};

union bits {
	long double value;
	struct {
		uint64_t mantissa;
		uint16_t sign_exponent;
	} part;
};

struct _Bigint *_Balloc(struct _reent *, int);
void _Bfree(struct _reent *, struct _Bigint *);
char *_ldtoa_r(struct _reent *, long double, int, int, int *, int *, char **);
int _ldcheck(long double *);

/* 0: a number, 1: NaN, 2: infinity. */
int _ldcheck(long double *value)
{
	return __builtin_isnan(*value) ? 1 : __builtin_isinf(*value) ? 2 : 0;
}

static void trim(struct decimal *d)
{
	while (d->first < d->last && d->limb[d->first] == 0)
		d->first++;
}

/* mantissa * 2^exponent, exponent >= 0. */
static void set_integer(struct decimal *d, uint64_t mantissa, int exponent)
{
	d->first = d->last = d->point = LIMBS_MAX;
	for (; mantissa > 0; mantissa /= LIMB)
		d->limb[--d->first] = (uint32_t)(mantissa % LIMB);
	while (exponent > 0) {
		int shift = exponent < DOUBLINGS ? exponent : DOUBLINGS;
		uint64_t carry = 0;

		for (int i = d->last - 1; i >= d->first; i--) {
			carry += (uint64_t)d->limb[i] << shift;
			d->limb[i] = (uint32_t)(carry % LIMB);
			carry /= LIMB;
		}
		if (carry)
			d->limb[--d->first] = (uint32_t)carry;
		exponent -= shift;
	}
}

/* mantissa / 2^halvings. */
static void set_fraction(struct decimal *d, uint64_t mantissa, int halvings)
{
	d->first = 0;
	d->last = d->point = UNITS;
	for (int i = UNITS - 1; i >= 0; i--, mantissa /= LIMB)
		d->limb[i] = (uint32_t)(mantissa % LIMB);
	while (halvings > 0) {
		int shift = halvings < HALVINGS ? halvings : HALVINGS;
		uint32_t mask = (1u << shift) - 1, scale = LIMB >> shift, carry = 0;

		for (int i = d->first; i < d->last; i++) {
			uint32_t limb = d->limb[i];

			d->limb[i] = (limb >> shift) + carry;
			carry = (limb & mask) * scale;
		}
		if (carry)
			d->limb[d->last++] = carry;
		trim(d);
		halvings -= shift;
	}
	trim(d);
}

static int count_digits(uint32_t limb)
{
	int digits = 1;

	for (; limb >= 10; limb /= 10)
		digits++;
	return digits;
}

/*
 * Digits into text until more than keep are there (whole limbs: up to 9 too many) or the number
 * ends. The number of digits; *rest_out: is anything but zeros left?
 */
static int put_digits(const struct decimal *d, char *text, int keep, bool *rest_out)
{
	int used = 0, i = d->first;

	for (; i < d->last && used <= keep; i++) {
		uint32_t limb = d->limb[i];
		int digits = i == d->first ? count_digits(limb) : LIMB_DIGITS;

		for (int j = digits - 1; j >= 0; j--, limb /= 10)
			text[used + j] = (char)('0' + limb % 10);
		used += digits;
	}
	*rest_out = false;
	for (; i < d->last && !*rest_out; i++)
		*rest_out = d->limb[i] != 0;
	return used;
}

/* Cut used digits down to keep, to nearest even. The new number; *carried_out: 9.99 became 10. */
static int round_digits(char *text, int used, int keep, bool rest, bool *carried_out)
{
	char next = text[keep];
	bool odd = keep > 0 && (text[keep - 1] & 1);

	*carried_out = false;
	for (int i = keep + 1; i < used && !rest; i++)
		rest = text[i] != '0';
	if (next < '5' || (next == '5' && !rest && !odd))
		return keep;
	while (keep > 0 && text[keep - 1] == '9')
		keep--;
	if (keep > 0) {
		text[keep - 1]++;
		return keep;
	}
	text[0] = '1';
	*carried_out = true;
	return 1;
}

/* A buffer that lives until the next conversion, from the pool that newlib's dtoa uses. */
static char *get_room(struct _reent *reent, size_t bytes)
{
	size_t has = sizeof(struct _Bigint);
	int k = 0;

	for (; has < bytes; k++)
		has += sizeof(__ULong) << k;
	if (_REENT_MP_RESULT(reent)) {
		_REENT_MP_RESULT(reent)->_k = _REENT_MP_RESULT_K(reent);
		_REENT_MP_RESULT(reent)->_maxwds = 1 << _REENT_MP_RESULT_K(reent);
		_Bfree(reent, _REENT_MP_RESULT(reent));
	}
	_REENT_MP_RESULT_K(reent) = k;
	_REENT_MP_RESULT(reent) = _Balloc(reent, k);
	if (!_REENT_MP_RESULT(reent))
		abort();
	return (char *)_REENT_MP_RESULT(reent);
}

static char *finish(char *text, int used, char **end_out)
{
	while (used > 1 && text[used - 1] == '0')
		used--;
	text[used] = '\0';
	if (end_out)
		*end_out = text + used;
	return text;
}

/*
 * Mode 3: ndigits after the point; any other: ndigits in all. Digits without trailing zeros; the
 * point belongs before digit *decpt_out. There is room for as many zeros as the caller asked for.
 * A number that rounds to zero has no digits and *decpt_out = -ndigits; zero itself is "0".
 */
char *_ldtoa_r(struct _reent *reent, long double value, int mode, int ndigits, int *decpt_out,
	       int *sign_out, char **end_out)
{
	union bits u = {.value = value};
	int exponent = u.part.sign_exponent & 0x7fff;
	uint64_t mantissa = u.part.mantissa;
	struct decimal d;
	bool rest, carried = false;

	*sign_out = u.part.sign_exponent >> 15;
	if (ndigits < 1 && mode != 3)
		ndigits = 1;
	if (_ldcheck(&value)) {
		*decpt_out = DECPT_SPECIAL;
		char *word = get_room(reent, sizeof("Infinity"));

		strcpy(word, __builtin_isnan(value) ? "NaN" : "Infinity");
		return finish(word, (int)strlen(word), end_out);
	}
	if (mantissa == 0) {
		char *zero = get_room(reent, (size_t)(ndigits > 0 ? ndigits : 0) + 3);

		*zero = '0';
		*decpt_out = 1;
		return finish(zero, 1, end_out);
	}

	/* An odd mantissa makes short work of short numbers; denormals have exponent 1's weight. */
	int zeros = __builtin_ctzll(mantissa);

	exponent = (exponent ? exponent : 1) - EXPONENT_BIAS - (MANTISSA_BITS - 1) + zeros;
	mantissa >>= zeros;
	if (exponent >= 0)
		set_integer(&d, mantissa, exponent);
	else
		set_fraction(&d, mantissa, -exponent);

	int decpt = (d.point - d.first - 1) * LIMB_DIGITS + count_digits(d.limb[d.first]);
	int keep = mode == 3 ? decpt + ndigits : ndigits;
	int most = keep > ndigits ? keep : ndigits;
	char *text = get_room(reent, (size_t)(most > 0 ? most : 0) + 2 * LIMB_DIGITS + 2);
	int used = 0;

	if (keep >= 0) {
		used = put_digits(&d, text, keep, &rest);
		if (used > keep)
			used = round_digits(text, used, keep, rest, &carried);
	}
	*decpt_out = used > 0 ? decpt + carried : -ndigits;
	return finish(text, used, end_out);
}
