/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted output for the kernel, without memory or floating point: the flags - 0 + space #,
 * width, precision, hh h l ll z j t, and d i u x X o c s p %. Any context.
 */
#ifndef LIB_BASE_FORMAT_H
#define LIB_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Writes at most buffer_bytes - 1 characters and a NUL; returns the length of the whole text (ISO C
 * 7.21.6.5). */
int format_text_v(char *buffer, size_t buffer_bytes, const char *format, va_list arguments);
int format_text(char *buffer, size_t buffer_bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A line into room for it, with its end (a string of at most end_bytes - 1 bytes, which is not cut
 * off), for those who write bytes. Inline: for reports, two of them. Yields its length. */
static inline size_t format_line_v(char *line, size_t line_bytes, const char *end, size_t end_bytes,
				   const char *format, va_list arguments)
{
	size_t room = line_bytes - (end_bytes - 1);
	int bytes = format_text_v(line, room, format, arguments);

	if (bytes > (int)room - 1)
		bytes = (int)room - 1;
	for (size_t i = 0; i < end_bytes - 1; i++)
		line[bytes++] = end[i];
	return (size_t)bytes;
}

#endif
