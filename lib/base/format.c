/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/base/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/string.h"

/* Longest number: 64 bits in octal and its prefix. */
#define DIGITS_MAX 24

struct output {
	char *text;
	size_t room;   /* characters that may still be stored, the NUL not counted */
	size_t length; /* of the whole text */
};

struct spec {
	bool left, zero, plus, space, alternate, upper;
	int width;
	int precision; /* -1: none given */
	int size;      /* of an integer argument, in bytes */
};

static void put(struct output *out, char c)
{
	if (out->room) {
		*out->text++ = c;
		out->room--;
	}
	out->length++;
}

static void put_repeated(struct output *out, char c, int count)
{
	while (count-- > 0)
		put(out, c);
}

static void put_bytes(struct output *out, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		put(out, text[i]);
}

/* Padding, prefix, zeros and digits, in the order ISO C wants them. */
static void put_number(struct output *out, const struct spec *spec, const char *prefix,
		       const char *digits, int digits_count)
{
	int prefix_chars = (int)strlen(prefix);
	int zeros = spec->precision > digits_count ? spec->precision - digits_count : 0;
	int pad = spec->width - prefix_chars - zeros - digits_count;

	if (spec->zero && !spec->left && spec->precision < 0 && pad > 0) {
		zeros += pad;
		pad = 0;
	}
	if (!spec->left)
		put_repeated(out, ' ', pad);
	put_bytes(out, prefix, (size_t)prefix_chars);
	put_repeated(out, '0', zeros);
	put_bytes(out, digits, (size_t)digits_count);
	if (spec->left)
		put_repeated(out, ' ', pad);
}

static void put_unsigned(struct output *out, const struct spec *spec, uint64_t value,
			 unsigned int base, const char *prefix)
{
	const char *alphabet = spec->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char digits[DIGITS_MAX];
	int at = DIGITS_MAX;

	/* A zero with an explicit precision of zero has no digits (ISO C 7.21.6.1 p8). */
	if (value == 0 && spec->precision != 0)
		digits[--at] = '0';
	for (; value; value /= base)
		digits[--at] = alphabet[value % base];
	if (base == 8 && spec->alternate && (at == DIGITS_MAX || digits[at] != '0'))
		digits[--at] = '0';
	put_number(out, spec, prefix, digits + at, DIGITS_MAX - at);
}

static void put_signed(struct output *out, const struct spec *spec, int64_t value)
{
	const char *prefix = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

	put_unsigned(out, spec, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, prefix);
}

static void put_text(struct output *out, const struct spec *spec, const char *text)
{
	size_t limit = spec->precision < 0 ? SIZE_MAX : (size_t)spec->precision;
	size_t bytes = 0;

	if (!text)
		text = "(null)";
	while (bytes < limit && text[bytes])
		bytes++;
	if (!spec->left)
		put_repeated(out, ' ', spec->width - (int)bytes);
	put_bytes(out, text, bytes);
	if (spec->left)
		put_repeated(out, ' ', spec->width - (int)bytes);
}

static const char *parse_flags(const char *at, struct spec *spec)
{
	for (;; at++) {
		if (*at == '-')
			spec->left = true;
		else if (*at == '0')
			spec->zero = true;
		else if (*at == '+')
			spec->plus = true;
		else if (*at == ' ')
			spec->space = true;
		else if (*at == '#')
			spec->alternate = true;
		else
			return at;
	}
}

static const char *parse_decimal(const char *at, int *value_out)
{
	int value = 0;

	for (; *at >= '0' && *at <= '9'; at++)
		value = value < 100000 ? value * 10 + (*at - '0') : value;
	*value_out = value;
	return at;
}

static const char *parse_size(const char *at, int *size_out)
{
	*size_out = sizeof(int);
	if (*at == 'h') {
		*size_out = at[1] == 'h' ? (int)sizeof(char) : (int)sizeof(short);
		return at + (at[1] == 'h' ? 2 : 1);
	}
	if (*at == 'l' || *at == 'z' || *at == 'j' || *at == 't') {
		*size_out = sizeof(long);
		return at + (at[0] == 'l' && at[1] == 'l' ? 2 : 1);
	}
	return at;
}

static uint64_t narrow_unsigned(uint64_t value, int size)
{
	return size >= 8 ? value : value & ((1ULL << (8 * size)) - 1);
}

static int64_t narrow_signed(uint64_t value, int size)
{
	int shift = 64 - 8 * size;

	return (int64_t)(value << shift) >> shift;
}

struct arguments {
	va_list list; /* a struct, so that a function can take more than one argument from it */
};

/* Every integer argument passes through one va_arg of its promoted width. */
static uint64_t next_integer(struct arguments *args, int size)
{
	return size == 8 ? va_arg(args->list, uint64_t) : va_arg(args->list, unsigned int);
}

static const char *parse_spec(const char *at, struct spec *spec, struct arguments *args)
{
	at = parse_flags(at, spec);
	if (*at == '*') {
		spec->width = va_arg(args->list, int);
		if (spec->width < 0) {
			spec->left = true;
			spec->width = -spec->width;
		}
		at++;
	} else {
		at = parse_decimal(at, &spec->width);
	}
	spec->precision = -1;
	if (*at == '.') {
		if (at[1] == '*') {
			spec->precision = va_arg(args->list, int);
			at += 2;
		} else {
			at = parse_decimal(at + 1, &spec->precision);
		}
	}
	return parse_size(at, &spec->size);
}

static void put_conversion(struct output *out, char conversion, struct spec *spec,
			   struct arguments *args)
{
	char c;

	switch (conversion) {
	case 'd':
	case 'i':
		put_signed(out, spec, narrow_signed(next_integer(args, spec->size), spec->size));
		break;
	case 'u':
	case 'o':
		put_unsigned(out, spec, narrow_unsigned(next_integer(args, spec->size), spec->size),
			     conversion == 'o' ? 8 : 10, "");
		break;
	case 'x':
	case 'X': {
		uint64_t value = narrow_unsigned(next_integer(args, spec->size), spec->size);
		const char *prefix = !spec->alternate || !value ? ""
				     : conversion == 'X'        ? "0X"
								: "0x";

		spec->upper = conversion == 'X';
		put_unsigned(out, spec, value, 16, prefix);
		break;
	}
	case 'p':
		put_unsigned(out, spec, (uintptr_t)va_arg(args->list, void *), 16, "0x");
		break;
	case 'c':
		c = (char)va_arg(args->list, int);
		put_repeated(out, ' ', spec->left ? 0 : spec->width - 1);
		put(out, c);
		put_repeated(out, ' ', spec->left ? spec->width - 1 : 0);
		break;
	case 's':
		put_text(out, spec, va_arg(args->list, const char *));
		break;
	case '%':
		put(out, '%');
		break;
	default: /* not ours: shown as it stands */
		put(out, '%');
		put(out, conversion);
	}
}

int format_text_v(char *buffer, size_t buffer_bytes, const char *format, va_list arguments)
{
	struct output out = {buffer, buffer_bytes ? buffer_bytes - 1 : 0, 0};
	struct arguments args;

	va_copy(args.list, arguments);
	while (*format) {
		struct spec spec = {0};

		if (*format != '%') {
			put(&out, *format++);
			continue;
		}
		format = parse_spec(format + 1, &spec, &args);
		if (!*format)
			break;
		put_conversion(&out, *format++, &spec, &args);
	}
	va_end(args.list);
	if (buffer_bytes)
		*out.text = '\0';
	return (int)out.length;
}

int format_text(char *buffer, size_t buffer_bytes, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = format_text_v(buffer, buffer_bytes, format, arguments);
	va_end(arguments);
	return length;
}
