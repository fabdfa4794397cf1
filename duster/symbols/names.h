/* SPDX-License-Identifier: BSD-2-Clause */
/* What an image's debug information calls by name at file level, over all units. Made when first
 * asked. */
#ifndef DUSTER_SYMBOLS_NAMES_H
#define DUSTER_SYMBOLS_NAMES_H

#include "duster/symbols/type.h"

enum name_kind {
	NAME_FUNCTION, /* with code of its own, or inlined everywhere */
	NAME_VARIABLE, /* a definition */
	NAME_TAG,      /* struct, union or enum with members */
	NAME_TYPE,     /* typedef or base type */
	NAME_ENUMERATOR,
};

struct name_entry {
	const char *name;
	enum name_kind kind;
	Dwarf_Die die, unit; /* of an enumerator: the enum's DIE */
	uint32_t order;
};

/* All entries of the name, of every kind; *count_out of them behind one another. */
const struct name_entry *names_find(struct image *image, const char *name, size_t *count_out);
/* All entries, by name. */
const struct name_entry *names_all(struct image *image, size_t *count_out);
/* NULL: none. */
struct type *names_find_tag(struct image *image, enum type_kind kind, const char *name);
/* A typedef or base type. NULL: none. */
struct type *names_find_type(struct image *image, const char *name);

#endif
