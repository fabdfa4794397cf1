/* SPDX-License-Identifier: BSD-2-Clause */
/* Values and types as text, laid out as gdb lays them out. */
#ifndef DUSTER_ENGINE_FORMAT_H
#define DUSTER_ENGINE_FORMAT_H

#include "duster/engine/value.h"
#include "duster/util/text.h"

struct format {
	char letter; /* 0: by the type; x d u o t z c a f s */
	bool is_top; /* pointers show their type */
	bool pretty;
	unsigned int elements_max, repeats; /* as in the session's settings */
};

/* The session's settings, for the value as a whole. */
struct format format_of(struct session *session, char letter);
bool format_letter_is_known(char letter);

/* Never fails: what cannot be read is said in its place. */
void format_value(struct session *session, struct value *value, const struct format *format,
		  struct text *text);
/* A number of so many bytes by a letter. */
void format_number(struct session *session, uint64_t number, unsigned int bytes, char letter,
		   struct text *text);
/* `struct node {` … `}` with members, one level open; what ptype shows. with_offsets: and where
 * each of them lies, in bytes. */
void format_type(struct session *session, struct type *type, bool with_offsets, struct text *text);
/* A character as C writes it between quotes of that kind. */
void format_character(unsigned int c, char quote, struct text *text);
/* A C string at addr: "text", up to the limit, then `...`; false: not readable. */
bool format_string_at(struct session *session, uint64_t addr, unsigned int elements_max,
		      struct text *text, uint64_t *bytes_out);

#endif
