/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strict parsing of what people and machines write: numbers, sizes, command-line words. Nothing
 * is skipped, nothing is guessed; what does not fit entirely is an error. Any context.
 */
#ifndef LIB_BASE_PARSE_H
#define LIB_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole text: decimal digits, or hexadecimal after 0x. 0, -EINVAL (empty, sign, blank, other
 * characters), -ERANGE. */
int parse_u64(const char *text, uint64_t *value_out);
/* The same for exactly bytes characters, which need no NUL and may contain none. */
int parse_u64_bytes(const char *text, size_t bytes, unsigned int base, uint64_t *value_out);
/* "128", "64K", "4M", "2G", "1T" (binary units, either case): bytes. 0, -EINVAL, -ERANGE. */
int parse_bytes(const char *text, uint64_t *bytes_out);
/* "1" "yes" "on" "true", "0" "no" "off" "false". 0 or -EINVAL. */
int parse_bool(const char *text, bool *value_out);

/* Splits line into words as a POSIX shell quotes them (XCU 2.2): blanks separate; '…' is
 * literal; inside "…" a backslash escapes only $ ` " \ and newline; outside quotes it escapes any
 * character; backslash-newline vanishes. No expansion, no comments, no operators.
 *
 * The words are written to storage, NUL-terminated one after another; words[i] points into it.
 * strlen(line) + 1 bytes of storage always suffice. words needs one entry more than there are
 * words, for a final NULL. Yields the number of words through words_count_out.
 * 0, -EINVAL (unbalanced quote, backslash at the end), -E2BIG (words or storage too small). */
int parse_words(const char *line, char *storage, size_t storage_bytes, char **words,
		size_t words_max, size_t *words_count_out);

#endif
