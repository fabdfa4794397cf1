/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a gzip file: refused, or expanded into the buffer and nowhere else.
 * Sources: lib/fs/gzip.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fs/gzip.h"

#define BYTES_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count)
{
	uint8_t *exact = malloc(bytes_count ? bytes_count : 1), *out;
	size_t out_bytes;
	const char *why;

	memcpy(exact, bytes, bytes_count);
	if (gzip_recognise(exact, bytes_count) &&
	    gzip_expanded_bytes(exact, bytes_count, &out_bytes) == 0) {
		out_bytes %= BYTES_MAX;
		out = malloc(out_bytes ? out_bytes : 1);
		if (gzip_expand(exact, bytes_count, out, out_bytes, &why) && !why)
			abort();
		free(out);
	}
	free(exact);
	return 0;
}
