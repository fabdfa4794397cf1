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

#endif
