/* SPDX-License-Identifier: BSD-2-Clause */
/* What a frame, a place in the source or an address is: structures for front ends to show. */
#ifndef DUSTER_ENGINE_INSPECT_H
#define DUSTER_ENGINE_INSPECT_H

#include "duster/engine/value.h"
#include "duster/util/text.h"

/* value: NULL when problem says why not. Ends when it returns false. */
typedef bool inspect_variable_fn(void *context, const char *name, struct value *value,
				 const struct problem *problem);
/* Parameters, or the locals of all blocks around the frame's pc, the innermost first. */
void inspect_variables(struct session *session, struct frame *frame, bool parameters,
		       inspect_variable_fn *fn, void *context);

/* Where a text like `main`, `main.c:12`, `12`, `*0x60100000` points; of the frame's file when it
 * names none. Functions: behind their prologue when `behind`. */
struct place {
	uint64_t addrs[64];
	size_t addrs_count;
	const char *file; /* NULL: not known */
	unsigned int line;
	const char *function; /* NULL: not one */
};
int inspect_place(struct session *session, const char *text, bool behind, struct place *place_out,
		  struct problem *problem);

/* Lines of a source file, found where the compiler saw it or below the directories added. */
struct source {
	const char *path;   /* where it was found */
	const char **lines; /* lines[0] is line 1 */
	unsigned int lines_count;
};
int inspect_source(struct session *session, const char *file, const struct source **source_out,
		   struct problem *problem);
void inspect_add_directory(struct session *session, const char *path);

/* What is at an address: the words `pages` and `whatis` show. */
void inspect_explain(struct session *session, uint64_t addr, struct text *text);
int inspect_walk(struct session *session, uint64_t addr, struct text *text,
		 struct problem *problem);

/* The kernel's log ring, one record at a time, oldest first. -ENOENT: the image has none. */
struct log_line {
	uint64_t tsc;
	const char *level;
	const char *text;
};
int inspect_log(struct session *session, void (*fn)(void *context, const struct log_line *line),
		void *context, struct problem *problem);

/* Finds the pattern in [addr, addr + bytes); fn is told each place, and ends the search with false.
 */
int inspect_find(struct session *session, uint64_t addr, uint64_t bytes, const uint8_t *pattern,
		 size_t pattern_bytes, bool (*fn)(void *context, uint64_t addr), void *context,
		 struct problem *problem);

#endif
