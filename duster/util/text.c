/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}

void text_cut(struct text *text, size_t bytes)
{
	if (bytes >= text->bytes)
		return;
	text->bytes = bytes;
	text->data[bytes] = '\0';
}

void text_clear(struct text *text)
{
	text->bytes = 0;
	text->cut = false;
	if (text->data)
		text->data[0] = '\0';
}

static bool make_room(struct text *text, size_t more)
{
	size_t room = text->room ? text->room : 256;
	char *data;

	if (text->bytes + more + 1 > TEXT_BYTES_MAX) {
		text->cut = true;
		return false;
	}
	while (room < text->bytes + more + 1)
		room *= 2;
	if (room == text->room)
		return true;
	data = realloc(text->data, room);
	if (!data) {
		text->cut = true;
		return false;
	}
	text->data = data;
	text->room = room;
	return true;
}

void text_add_bytes(struct text *text, const void *bytes, size_t count)
{
	if (!make_room(text, count))
		return;
	memcpy(text->data + text->bytes, bytes, count);
	text->bytes += count;
	text->data[text->bytes] = '\0';
}

/* ---- Formats ---- */

/* Nothing but text, %s, %u and %llx: most of what a debugger says, and each stop says a lot. */
static bool is_simple(const char *format)
{
	while ((format = strchr(format, '%')) != NULL) {
		format++;
		if (strncmp(format, "llx", 3) == 0)
			format += 2;
		else if (*format != 's' && *format != 'u')
			return false;
	}
	return true;
}

static void add_number(struct text *text, unsigned long long number, unsigned int base)
{
	char digits[24], *at = digits + sizeof(digits);

	do
		*--at = "0123456789abcdef"[number % base];
	while (number /= base);
	text_add_bytes(text, at, (size_t)(digits + sizeof(digits) - at));
}

static void add_simple(struct text *text, const char *format, va_list arguments)
{
	while (*format) {
		const char *end = strchrnul(format, '%'), *word;

		if (end > format)
			text_add_bytes(text, format, (size_t)(end - format));
		format = end;
		if (!*format)
			break;
		if (format[1] == 's') {
			word = va_arg(arguments, const char *);
			word = word ? word : "(null)";
			text_add_bytes(text, word, strlen(word));
		} else if (format[1] == 'u') {
			add_number(text, va_arg(arguments, unsigned int), 10);
		} else {
			add_number(text, va_arg(arguments, unsigned long long), 16);
			format += 2;
		}
		format += 2;
	}
}

void text_add_v(struct text *text, const char *format, va_list arguments)
{
	size_t room = text->data ? text->room - text->bytes : 0;
	va_list again;
	int bytes;

	if (is_simple(format)) {
		add_simple(text, format, arguments);
		return;
	}
	va_copy(again, arguments);
	bytes = vsnprintf(room ? text->data + text->bytes : NULL, room, format, again);
	va_end(again);
	if (bytes >= 0 && (size_t)bytes >= room) {
		if (room)
			text->data[text->bytes] = '\0';
		if (!make_room(text, (size_t)bytes))
			return;
		vsnprintf(text->data + text->bytes, (size_t)bytes + 1, format, arguments);
	}
	text->bytes += bytes < 0 ? 0 : (size_t)bytes;
}

void text_add(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_add_v(text, format, arguments);
	va_end(arguments);
}

const char *text_get(const struct text *text)
{
	return text->data ? text->data : "";
}

/* Bytes of the UTF-8 sequence at s, 0 when it is none (RFC 3629). */
static size_t utf8_bytes(const unsigned char *s)
{
	size_t count = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < count; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return count;
}

void text_add_json(struct text *text, const char *string)
{
	const unsigned char *s = (const unsigned char *)string;

	text_add_bytes(text, "\"", 1);
	while (*s) {
		size_t count = utf8_bytes(s);

		if (*s == '"' || *s == '\\')
			text_add(text, "\\%c", *s);
		else if (*s == '\n')
			text_add_bytes(text, "\\n", 2);
		else if (*s < 0x20 || *s == 0x7f)
			text_add(text, "\\u%04x", *s);
		else if (count == 0)
			text_add_bytes(text, "\\ufffd", 6);
		else
			text_add_bytes(text, s, count);
		s += count ? count : 1;
	}
	text_add_bytes(text, "\"", 1);
}
