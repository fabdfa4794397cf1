/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of which answers are made. Without printf, which would take longer than all else that is
 * done for a request. */
#ifndef EXAMPLES_HTTPD_TEXT_H
#define EXAMPLES_HTTPD_TEXT_H

#include <stddef.h>

#define TEXT_DECIMAL_BYTES 24

/* The texts one after the other, as many as fit whole, and a NUL; NULL ends them. Their bytes. */
size_t text_join(char *text_out, size_t bytes_max, const char *const *texts);

/* 1: all of them are there; 0: they do not fit. */
int text_join_all(char *text_out, size_t bytes_max, const char *const *texts);

/* Somewhere in text. */
const char *text_decimal(unsigned long long number, char text[TEXT_DECIMAL_BYTES]);

/* Now, as RFC 9110 wants it; there until the same thread calls again. */
const char *text_date(void);

#endif
