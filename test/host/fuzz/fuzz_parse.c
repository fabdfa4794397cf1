/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any text as a command line and as numbers: never a byte outside the room the contract names.
 * Sources: lib/base/parse.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count)
{
	char *line = malloc(bytes_count + 1), *storage;
	char **words = malloc((bytes_count + 2) * sizeof(*words));
	size_t count, characters = 0;
	uint64_t number;
	bool truth;

	memcpy(line, bytes, bytes_count);
	line[bytes_count] = '\0';
	storage = malloc(strlen(line) + 1);
	if (!parse_words(line, storage, strlen(line) + 1, words, bytes_count + 2, &count)) {
		for (size_t i = 0; i < count; i++)
			characters += strlen(words[i]) + 1;
		if (characters > strlen(line) + 1 || words[count])
			abort();
	}
	parse_u64(line, &number);
	parse_bytes(line, &number);
	parse_bool(line, &truth);
	free(storage);
	free(words);
	free(line);
	return 0;
}
