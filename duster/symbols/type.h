/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C types out of DWARF, made when they are wanted and kept with the image. A type that debug
 * information describes wrongly becomes TYPE_UNKNOWN of no size, never an error.
 */
#ifndef DUSTER_SYMBOLS_TYPE_H
#define DUSTER_SYMBOLS_TYPE_H

#include "duster/symbols/image.h"

enum type_kind {
	TYPE_UNKNOWN,
	TYPE_VOID,
	TYPE_INT, /* all integers, char and _Bool among them */
	TYPE_FLOAT,
	TYPE_COMPLEX,
	TYPE_POINTER,
	TYPE_ARRAY,
	TYPE_STRUCT,
	TYPE_UNION,
	TYPE_ENUM,
	TYPE_TYPEDEF,
	TYPE_QUALIFIED, /* const, volatile, restrict or _Atomic of target */
	TYPE_FUNCTION,
};

enum type_qualifier {
	TYPE_CONST = 1,
	TYPE_VOLATILE = 2,
	TYPE_RESTRICT = 4,
	TYPE_ATOMIC = 8,
};

#define TYPE_COUNT_UNKNOWN UINT64_MAX /* elements of `extern int a[]` */

struct type {
	enum type_kind kind;
	const char *name; /* tag, typedef or base type; NULL: none */
	uint64_t bytes;   /* 0: not known */
	bool is_signed, is_char, is_bool;
	bool is_declaration; /* a tag without members here: see type_complete() */
	bool is_prototyped, is_variadic;
	bool is_vector;
	bool is_flexible; /* the array's count is not known */
	bool is_variable; /* the array's count is known at run time alone: count_attr */
	unsigned int qualifier;
	uint64_t count; /* of an array */
	Dwarf_Attribute count_attr;
	bool count_is_bound; /* count_attr is the upper bound, one less than the count */
	/* The rest is for type.c: use the functions below. */
	struct image *image;
	Dwarf_Die die, target_die;
	bool has_target_die;
	struct type *target;
	struct member *members;
	size_t members_count;
	bool members_loaded;
	struct type *pointer; /* to this one, when it was made up */
};

/* Of a struct or union: a member. Of an enum: an enumerator. Of a function: a parameter. */
struct member {
	const char *name;  /* NULL: anonymous */
	struct type *type; /* NULL for an enumerator */
	uint64_t offset;   /* bytes */
	unsigned int bit_offset,
		bit_size; /* bit_size 0: no bit-field; offset from bit 0 of `offset` */
	int64_t value;    /* of an enumerator */
};

/* Never NULL. The type a DIE describes; the type a DIE's DW_AT_type names (void without one). */
struct type *type_of_die(struct image *image, Dwarf_Die *die);
struct type *type_attribute(struct image *image, Dwarf_Die *die);

/* Pointed to, element, return, aliased or unqualified type. Never NULL. */
struct type *type_target(struct type *type);
/* Without typedefs and qualifiers; declared tags are completed from any unit. Never NULL. */
struct type *type_strip(struct type *type);
/* Qualifiers on top of the type, through typedefs. */
unsigned int type_qualifiers(struct type *type);
/* The definition of a declared struct, union or enum, if some unit has it; else type itself. */
struct type *type_complete(struct type *type);
/* sizeof; 0 when not known. */
uint64_t type_bytes(struct type *type);
/* Members, enumerators, parameters. */
const struct member *type_members(struct type *type, size_t *count_out);
/* A member by name, also inside of anonymous ones: *offset_out is from the beginning of `type`. */
const struct member *type_find_member(struct type *type, const char *name, uint64_t *offset_out);

/* Made-up types, in the given arena. */
struct type *type_make_pointer(struct arena *arena, struct type *target);
struct type *type_make_array(struct arena *arena, struct type *element, uint64_t count);
struct type *type_make_base(struct arena *arena, const char *name, enum type_kind kind,
			    uint64_t bytes, bool is_signed);
struct type *type_make_qualified(struct arena *arena, struct type *target, unsigned int qualifier);

/* As C writes it: `int (*)[5]`, or with a name put in its place: `int (*p)[5]`. In the arena. */
char *type_name(struct arena *arena, struct type *type, const char *declared);

/* Are two types the same but for where they are described? */
bool type_same(struct type *a, struct type *b);

#endif
