/* SPDX-License-Identifier: BSD-2-Clause */
/* A text that grows while it is written, up to a limit; what comes after the limit is dropped. */
#ifndef DUSTER_UTIL_TEXT_H
#define DUSTER_UTIL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define TEXT_BYTES_MAX (16u << 20)

struct text {
	char *data; /* NUL-terminated; NULL while empty */
	size_t bytes, room;
	bool cut; /* the limit was met */
};

void text_free(struct text *text);
/* Empty again; keeps its memory. */
void text_clear(struct text *text);
/* Back to the length it had. */
void text_cut(struct text *text, size_t bytes);
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_v(struct text *text, const char *format, va_list arguments);
void text_add_bytes(struct text *text, const void *bytes, size_t count);
/* Never NULL. Valid until the next change. */
const char *text_get(const struct text *text);
/* Adds string as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void text_add_json(struct text *text, const char *string);

#endif
