/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory given back all at once: what one command makes, or what one image holds. An arena has a
 * limit, so that hostile debug information cannot use up the machine: a request beyond it, or one
 * the machine cannot serve, calls the arena's `full` function, which does not return (duster's
 * commands run under a setjmp; see arena_guard).
 */
#ifndef DUSTER_UTIL_ARENA_H
#define DUSTER_UTIL_ARENA_H

#include <setjmp.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t bytes, bytes_max;
	jmp_buf *full; /* NULL: abort() */
};

void arena_init(struct arena *arena, size_t bytes_max);
/* Gives back everything; the arena can be used again. */
void arena_reset(struct arena *arena);
/* The same, but a little is kept for what comes next. */
void arena_empty(struct arena *arena);
/* Zeroed, aligned to 16; never NULL. Belongs to the arena. */
void *arena_alloc(struct arena *arena, size_t bytes);
/* The same for count elements, whose product may overflow. */
void *arena_array(struct arena *arena, size_t count, size_t bytes);
char *arena_text(struct arena *arena, const char *text);
char *arena_text_bytes(struct arena *arena, const char *text, size_t bytes);
char *arena_format(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
