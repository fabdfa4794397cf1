/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/util/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (64u << 10)
#define ALIGN       16u

struct arena_chunk {
	struct arena_chunk *next;
	size_t bytes, used;
	_Alignas(ALIGN) unsigned char data[];
};

void arena_init(struct arena *arena, size_t bytes_max)
{
	*arena = (struct arena){.bytes_max = bytes_max};
}

void arena_reset(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
	arena->bytes = 0;
}

void arena_empty(struct arena *arena)
{
	struct arena_chunk *kept = NULL;

	/* The first one made is the last in the list, and of the ordinary size but for odd uses. */
	while (arena->chunks) {
		struct arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		if (!arena->chunks && chunk->bytes == CHUNK_BYTES)
			kept = chunk;
		else
			free(chunk);
	}
	arena->bytes = kept ? CHUNK_BYTES : 0;
	arena->chunks = kept;
	if (kept)
		kept->used = 0;
}

static _Noreturn void give_up(struct arena *arena)
{
	if (arena->full)
		longjmp(*arena->full, 1);
	fputs("duster: out of memory\n", stderr);
	abort();
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	struct arena_chunk *chunk = arena->chunks;
	size_t room;

	if (bytes > arena->bytes_max || bytes > SIZE_MAX / 2)
		give_up(arena);
	bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!chunk || chunk->bytes - chunk->used < bytes) {
		room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
		if (arena->bytes + room > arena->bytes_max + CHUNK_BYTES)
			give_up(arena);
		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			give_up(arena);
		*chunk = (struct arena_chunk){.bytes = room, .next = arena->chunks};
		arena->chunks = chunk;
		arena->bytes += room;
	}
	chunk->used += bytes;
	return memset(chunk->data + chunk->used - bytes, 0, bytes);
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
	if (bytes && count > SIZE_MAX / bytes)
		give_up(arena);
	return arena_alloc(arena, count * bytes);
}

char *arena_text_bytes(struct arena *arena, const char *text, size_t bytes)
{
	char *copy = arena_alloc(arena, bytes + 1);

	memcpy(copy, text, bytes);
	return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
	return arena_text_bytes(arena, text, strlen(text));
}

char *arena_format(struct arena *arena, const char *format, ...)
{
	va_list arguments, again;
	char *text;
	int bytes;

	va_start(arguments, format);
	va_copy(again, arguments);
	bytes = vsnprintf(NULL, 0, format, arguments);
	text = arena_alloc(arena, (size_t)(bytes < 0 ? 0 : bytes) + 1);
	vsnprintf(text, (size_t)(bytes < 0 ? 0 : bytes) + 1, format, again);
	va_end(again);
	va_end(arguments);
	return text;
}
