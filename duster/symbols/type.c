/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/symbols/type.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "duster/symbols/names.h"

#define DEPTH_MAX      64u /* of typedefs of typedefs …: hostile information may go in circles */
#define MEMBERS_MAX    65536u
#define DIMENSIONS_MAX 16u

/* ---- Attributes ---- */

static bool get_unsigned(Dwarf_Die *die, unsigned int name, uint64_t *value_out)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;

	if (!dwarf_attr_integrate(die, name, &attr) || dwarf_formudata(&attr, &word))
		return false;
	*value_out = word;
	return true;
}

static bool get_flag(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	bool flag;

	return dwarf_attr(die, name, &attr) && dwarf_formflag(&attr, &flag) == 0 && flag;
}

static struct type *type_new(struct image *image, enum type_kind kind)
{
	struct type *type = arena_alloc(&image->arena, sizeof(*type));

	type->kind = kind;
	type->image = image;
	return type;
}

static struct type *type_void(struct image *image)
{
	if (!image->type_void) {
		image->type_void = type_new(image, TYPE_VOID);
		image->type_void->name = "void";
	}
	return image->type_void;
}

/* ---- From a DIE ---- */

/* The shortest name C has for an integer: compilers write `long unsigned int`. */
static const char *short_name(const char *name)
{
	static const char *const names[][2] = {{"short int", "short"},
					       {"long int", "long"},
					       {"long long int", "long long"},
					       {"short unsigned int", "unsigned short"},
					       {"long unsigned int", "unsigned long"},
					       {"long long unsigned int", "unsigned long long"}};

	for (unsigned int i = 0; name && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i][0], name) == 0)
			return names[i][1];
	return name;
}

static void fill_base(struct type *type, Dwarf_Die *die)
{
	uint64_t encoding = 0;

	type->name = short_name(type->name);
	get_unsigned(die, DW_AT_encoding, &encoding);
	type->kind = TYPE_INT;
	switch (encoding) {
	case DW_ATE_boolean:
		type->is_bool = true;
		break;
	case DW_ATE_signed_char:
		type->is_char = type->is_signed = true;
		break;
	case DW_ATE_unsigned_char:
		type->is_char = true;
		break;
	case DW_ATE_UTF:
		type->is_char = true;
		break;
	case DW_ATE_signed:
		type->is_signed = true;
		break;
	case DW_ATE_unsigned:
	case DW_ATE_address:
		break;
	case DW_ATE_float:
		type->kind = TYPE_FLOAT;
		break;
	case DW_ATE_complex_float:
		type->kind = TYPE_COMPLEX;
		break;
	default:
		type->kind = TYPE_UNKNOWN;
	}
	if ((type->kind == TYPE_INT && type->bytes > 16) || type->bytes > 32)
		type->kind = TYPE_UNKNOWN;
}

/* The count of one dimension, from its DW_TAG_subrange_type. */
static void fill_count(struct type *type, Dwarf_Die *range)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;
	bool is_bound = false;

	type->count = 0;
	if (!dwarf_attr_integrate(range, DW_AT_count, &attr)) {
		is_bound = true;
		if (!dwarf_attr_integrate(range, DW_AT_upper_bound, &attr)) {
			type->is_flexible = true;
			return;
		}
	}
	switch (dwarf_whatform(&attr)) {
	case DW_FORM_exprloc:
	case DW_FORM_block:
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
	case DW_FORM_ref_addr:
		type->is_variable = true;
		type->count_attr = attr;
		type->count_is_bound = is_bound;
		return;
	default:
		break;
	}
	if (dwarf_formudata(&attr, &word)) {
		type->is_flexible = true;
		return;
	}
	/* An upper bound of -1 is an array of no elements; compilers write it in four bytes too. */
	if (is_bound && (word == UINT64_MAX || word == UINT32_MAX))
		type->count = 0;
	else
		type->count = is_bound ? word + 1 : word;
}

/* An array of several dimensions is one DIE: type becomes the first, its targets the others. */
static void fill_array(struct type *type, Dwarf_Die *die)
{
	struct type *last = NULL;
	Dwarf_Die child;
	unsigned int dimensions = 0;

	type->is_vector = get_flag(die, DW_AT_GNU_vector);
	if (dwarf_child(die, &child) == 0) {
		do {
			struct type *dimension;

			if (dwarf_tag(&child) != DW_TAG_subrange_type ||
			    dimensions++ >= DIMENSIONS_MAX)
				continue;
			dimension = last ? type_new(type->image, TYPE_ARRAY) : type;
			dimension->kind = TYPE_ARRAY;
			fill_count(dimension, &child);
			if (last)
				last->target = dimension;
			last = dimension;
		} while (dwarf_siblingof(&child, &child) == 0);
	}
	if (!last) {
		last = type;
		last->is_flexible = true;
	}
	last->die = *die;
	last->target_die = *die;
	last->has_target_die = true;
}

static void fill_tag(struct type *type, Dwarf_Die *die, enum type_kind kind)
{
	type->kind = kind;
	type->is_declaration = get_flag(die, DW_AT_declaration);
}

static void fill(struct type *type, Dwarf_Die *die)
{
	type->die = *die;
	type->target_die = *die;
	type->has_target_die = true;
	type->name = dwarf_diename(die);
	get_unsigned(die, DW_AT_byte_size, &type->bytes);
	switch (dwarf_tag(die)) {
	case DW_TAG_base_type:
		fill_base(type, die);
		break;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
		type->kind = TYPE_POINTER;
		type->bytes = 8;
		break;
	case DW_TAG_array_type:
		fill_array(type, die);
		break;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		fill_tag(type, die, TYPE_STRUCT);
		break;
	case DW_TAG_union_type:
		fill_tag(type, die, TYPE_UNION);
		break;
	case DW_TAG_enumeration_type:
		fill_tag(type, die, TYPE_ENUM);
		type->is_signed = type_attribute(type->image, die)->is_signed;
		break;
	case DW_TAG_typedef:
		type->kind = TYPE_TYPEDEF;
		break;
	case DW_TAG_const_type:
		type->kind = TYPE_QUALIFIED;
		type->qualifier = TYPE_CONST;
		break;
	case DW_TAG_volatile_type:
		type->kind = TYPE_QUALIFIED;
		type->qualifier = TYPE_VOLATILE;
		break;
	case DW_TAG_restrict_type:
		type->kind = TYPE_QUALIFIED;
		type->qualifier = TYPE_RESTRICT;
		break;
	case DW_TAG_atomic_type:
		type->kind = TYPE_QUALIFIED;
		type->qualifier = TYPE_ATOMIC;
		break;
	case DW_TAG_subroutine_type:
	case DW_TAG_subprogram:
		type->kind = TYPE_FUNCTION;
		type->is_prototyped = get_flag(die, DW_AT_prototyped);
		type->name = NULL;
		break;
	case DW_TAG_unspecified_type:
		type->kind = TYPE_VOID;
		break;
	default:
		type->kind = TYPE_UNKNOWN;
	}
}

struct type *type_of_die(struct image *image, Dwarf_Die *die)
{
	uint64_t key = (uintptr_t)die->addr, value;
	struct type *type;

	if (map_get(&image->types, key, &value))
		return (struct type *)(uintptr_t)value;
	type = type_new(image, TYPE_UNKNOWN);
	(void)map_put(&image->types, key, (uintptr_t)type);
	fill(type, die);
	return type;
}

struct type *type_attribute(struct image *image, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, &type))
		return type_void(image);
	return type_of_die(image, &type);
}

struct type *type_target(struct type *type)
{
	if (!type->target && type->has_target_die)
		type->target = type_attribute(type->image, &type->target_die);
	return type->target ? type->target : type;
}

/* ---- Looking through ---- */

struct type *type_complete(struct type *type)
{
	struct type *found;

	if (!type->is_declaration || !type->name)
		return type;
	found = names_find_tag(type->image, type->kind, type->name);
	return found ? found : type;
}

struct type *type_strip(struct type *type)
{
	for (unsigned int depth = 0; depth < DEPTH_MAX; depth++) {
		if (type->kind != TYPE_TYPEDEF && type->kind != TYPE_QUALIFIED)
			return type_complete(type);
		type = type_target(type);
	}
	return type_void(type->image);
}

unsigned int type_qualifiers(struct type *type)
{
	unsigned int qualifiers = 0;

	for (unsigned int depth = 0; depth < DEPTH_MAX; depth++) {
		if (type->kind == TYPE_QUALIFIED)
			qualifiers |= type->qualifier;
		else if (type->kind != TYPE_TYPEDEF)
			break;
		type = type_target(type);
	}
	return qualifiers;
}

uint64_t type_bytes(struct type *type)
{
	uint64_t count = 1;

	for (unsigned int depth = 0; depth < DEPTH_MAX; depth++) {
		type = type_strip(type);
		if (type->kind != TYPE_ARRAY)
			return type->bytes > UINT64_MAX / (count ? count : 1) ? 0
									      : count * type->bytes;
		if (type->bytes && count == 1)
			return type->bytes;
		if (type->is_flexible || type->is_variable ||
		    (type->count && count > UINT64_MAX / type->count))
			return 0;
		count *= type->count;
		type = type_target(type);
	}
	return 0;
}

/* ---- Members ---- */

/* Where a bit-field lies: DWARF 4 and later say it from the struct's beginning, older ones from the
 * top of a storage unit. */
static void place_bits(struct member *member, Dwarf_Die *die)
{
	uint64_t bits = 0, at, storage;

	if (!get_unsigned(die, DW_AT_bit_size, &bits) || bits == 0 || bits > 64)
		return;
	if (get_unsigned(die, DW_AT_data_bit_offset, &at)) {
		member->offset = at / 8;
		member->bit_offset = (unsigned int)(at % 8);
	} else if (get_unsigned(die, DW_AT_bit_offset, &at)) {
		if (!get_unsigned(die, DW_AT_byte_size, &storage))
			storage = type_bytes(member->type);
		if (storage > 8 || at + bits > storage * 8)
			return;
		at = member->offset * 8 + storage * 8 - at - bits;
		member->offset = at / 8;
		member->bit_offset = (unsigned int)(at % 8);
	}
	member->bit_size = (unsigned int)bits;
}

static bool take_member(struct type *type, Dwarf_Die *die, struct member *member)
{
	Dwarf_Attribute attr;
	Dwarf_Sword number;
	int tag = dwarf_tag(die);

	member->name = dwarf_diename(die);
	if (type->kind == TYPE_ENUM) {
		if (tag != DW_TAG_enumerator || !dwarf_attr(die, DW_AT_const_value, &attr) ||
		    dwarf_formsdata(&attr, &number))
			return false;
		member->value = number;
		return true;
	}
	member->type = type_attribute(type->image, die);
	if (type->kind == TYPE_FUNCTION) {
		if (tag == DW_TAG_unspecified_parameters)
			type->is_variadic = true;
		return tag == DW_TAG_formal_parameter;
	}
	if (tag != DW_TAG_member)
		return false;
	(void)get_unsigned(die, DW_AT_data_member_location, &member->offset);
	place_bits(member, die);
	return true;
}

static void load_members(struct type *type)
{
	size_t room = 0, count = 0;
	struct member *members = NULL;
	Dwarf_Die child;

	type->members_loaded = true;
	if (dwarf_child(&type->die, &child))
		return;
	do {
		if (count == room) {
			struct member *more;

			room = room ? 2 * room : 16;
			more = arena_array(&type->image->arena, room, sizeof(*more));
			if (count)
				memcpy(more, members, count * sizeof(*more));
			members = more;
		}
		members[count] = (struct member){0};
		if (take_member(type, &child, &members[count]))
			count++;
	} while (count < MEMBERS_MAX && dwarf_siblingof(&child, &child) == 0);
	type->members = members;
	type->members_count = count;
}

const struct member *type_members(struct type *type, size_t *count_out)
{
	*count_out = 0;
	if (type->kind != TYPE_STRUCT && type->kind != TYPE_UNION && type->kind != TYPE_ENUM &&
	    type->kind != TYPE_FUNCTION)
		return NULL;
	if (!type->members_loaded && type->has_target_die)
		load_members(type);
	*count_out = type->members_count;
	return type->members;
}

static const struct member *find_member(struct type *type, const char *name, uint64_t *offset_out,
					unsigned int depth)
{
	size_t count;
	const struct member *members = type_members(type, &count);

	for (size_t i = 0; i < count; i++) {
		if (members[i].name && strcmp(members[i].name, name) == 0) {
			*offset_out += members[i].offset;
			return &members[i];
		}
	}
	for (size_t i = 0; i < count && depth < DEPTH_MAX; i++) {
		struct type *inner;
		const struct member *found;
		uint64_t offset;

		if (members[i].name || !members[i].type)
			continue;
		inner = type_strip(members[i].type);
		if (inner->kind != TYPE_STRUCT && inner->kind != TYPE_UNION)
			continue;
		offset = *offset_out + members[i].offset;
		found = find_member(inner, name, &offset, depth + 1);
		if (found) {
			*offset_out = offset;
			return found;
		}
	}
	return NULL;
}

const struct member *type_find_member(struct type *type, const char *name, uint64_t *offset_out)
{
	*offset_out = 0;
	type = type_strip(type);
	if (type->kind != TYPE_STRUCT && type->kind != TYPE_UNION)
		return NULL;
	return find_member(type, name, offset_out, 0);
}

/* ---- Made-up types ---- */

static struct type *make(struct arena *arena, struct type *target, enum type_kind kind)
{
	struct type *type = arena_alloc(arena, sizeof(*type));

	type->kind = kind;
	type->target = target;
	type->image = target ? target->image : NULL;
	return type;
}

struct type *type_make_pointer(struct arena *arena, struct type *target)
{
	struct type *type = make(arena, target, TYPE_POINTER);

	type->bytes = 8;
	return type;
}

struct type *type_make_array(struct arena *arena, struct type *element, uint64_t count)
{
	struct type *type = make(arena, element, TYPE_ARRAY);

	type->count = count;
	return type;
}

struct type *type_make_base(struct arena *arena, const char *name, enum type_kind kind,
			    uint64_t bytes, bool is_signed)
{
	struct type *type = make(arena, NULL, kind);

	type->name = name;
	type->bytes = bytes;
	type->is_signed = is_signed;
	type->is_char = kind == TYPE_INT && bytes == 1;
	return type;
}

struct type *type_make_qualified(struct arena *arena, struct type *target, unsigned int qualifier)
{
	struct type *type = make(arena, target, TYPE_QUALIFIED);

	type->qualifier = qualifier;
	return type;
}

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool type_same(struct type *a, struct type *b)
{
	for (unsigned int depth = 0; depth < DEPTH_MAX; depth++) {
		a = type_strip(a);
		b = type_strip(b);
		if (a == b)
			return true;
		if (a->kind != b->kind)
			return false;
		switch (a->kind) {
		case TYPE_POINTER:
			break;
		case TYPE_ARRAY:
			if (a->count != b->count)
				return false;
			break;
		case TYPE_INT:
		case TYPE_FLOAT:
		case TYPE_COMPLEX:
			return a->bytes == b->bytes && a->is_signed == b->is_signed;
		case TYPE_VOID:
			return true;
		default:
			return a->name && same_name(a->name, b->name);
		}
		a = type_target(a);
		b = type_target(b);
	}
	return false;
}
