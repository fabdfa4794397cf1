/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Expanding what gzip wrote, in one go from memory to memory. The compressed bytes are the world's:
 * every length is checked, nothing is written outside the buffer, and the checksum must fit.
 *
 * Any context; no memory but a few KiB of stack. Sources: RFC 1951 (deflate), RFC 1952 (gzip).
 */
#ifndef LIB_FS_GZIP_H
#define LIB_FS_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when bytes begin as a gzip file does. */
bool gzip_recognise(const void *bytes, size_t bytes_count);
/* How many bytes it says it expands to (modulo 2^32). -EINVAL: too short for one. */
int gzip_expanded_bytes(const void *bytes, size_t bytes_count, size_t *expanded_out);
/* Expands into out, which must become exactly full. 0, or -EINVAL with why (static). */
int gzip_expand(const void *bytes, size_t bytes_count, void *out, size_t out_bytes,
		const char **why_out);

#endif
