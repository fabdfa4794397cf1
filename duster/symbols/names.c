/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/symbols/names.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX (4u << 20)

struct builder {
	struct image *image;
	struct name_entry *entries;
	size_t count, room;
	Dwarf_Die unit;
};

static void add(struct builder *builder, const char *name, enum name_kind kind, Dwarf_Die *die)
{
	if (!name || !*name || builder->count >= NAMES_MAX)
		return;
	if (builder->count == builder->room) {
		size_t room = builder->room ? 2 * builder->room : 1024;
		struct name_entry *more = realloc(builder->entries, room * sizeof(*more));

		if (!more)
			return;
		builder->entries = more;
		builder->room = room;
	}
	builder->entries[builder->count] =
		(struct name_entry){.name = name, .kind = kind, .die = *die, .unit = builder->unit};
	builder->entries[builder->count].order = (uint32_t)builder->count;
	builder->count++;
}

static void add_enumerators(struct builder *builder, Dwarf_Die *die)
{
	Dwarf_Die child;

	if (dwarf_child(die, &child))
		return;
	do {
		if (dwarf_tag(&child) == DW_TAG_enumerator)
			add(builder, dwarf_diename(&child), NAME_ENUMERATOR, die);
	} while (builder->count < NAMES_MAX && dwarf_siblingof(&child, &child) == 0);
}

static void add_die(struct builder *builder, Dwarf_Die *die)
{
	bool is_declaration = dwarf_hasattr(die, DW_AT_declaration);
	int tag = dwarf_tag(die);

	switch (tag) {
	case DW_TAG_subprogram:
		if (!is_declaration)
			add(builder, dwarf_diename(die), NAME_FUNCTION, die);
		break;
	case DW_TAG_variable:
		if (!is_declaration)
			add(builder, dwarf_diename(die), NAME_VARIABLE, die);
		break;
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
		if (!is_declaration)
			add(builder, dwarf_diename(die), NAME_TAG, die);
		if (tag == DW_TAG_enumeration_type && !is_declaration)
			add_enumerators(builder, die);
		break;
	case DW_TAG_typedef:
	case DW_TAG_base_type:
		add(builder, dwarf_diename(die), NAME_TYPE, die);
		break;
	default:
		break;
	}
}

static int compare(const void *a, const void *b)
{
	const struct name_entry *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	if (order)
		return order;
	return left->order < right->order ? -1 : left->order > right->order;
}

static void build(struct image *image)
{
	struct builder builder = {.image = image};
	Dwarf_CU *unit = NULL;
	Dwarf_Die child;
	uint8_t type;

	while (image->dwarf &&
	       dwarf_get_units(image->dwarf, unit, &unit, NULL, &type, &builder.unit, NULL) == 0) {
		if ((type != DW_UT_compile && type != DW_UT_partial && type != DW_UT_type) ||
		    dwarf_child(&builder.unit, &child))
			continue;
		do {
			add_die(&builder, &child);
		} while (builder.count < NAMES_MAX && dwarf_siblingof(&child, &child) == 0);
	}
	if (builder.count)
		qsort(builder.entries, builder.count, sizeof(*builder.entries), compare);
	image->names = builder.entries ? builder.entries : calloc(1, sizeof(*builder.entries));
	image->names_count = builder.count;
}

const struct name_entry *names_all(struct image *image, size_t *count_out)
{
	if (!image->names)
		build(image);
	*count_out = image->names_count;
	return image->names;
}

const struct name_entry *names_find(struct image *image, const char *name, size_t *count_out)
{
	size_t low = 0, high, end, count;
	const struct name_entry *all = names_all(image, &count);

	high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(all[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < count && strcmp(all[end].name, name) == 0; end++)
		;
	*count_out = end - low;
	return all ? all + low : NULL;
}

struct type *names_find_tag(struct image *image, enum type_kind kind, const char *name)
{
	size_t count;
	const struct name_entry *found = names_find(image, name, &count);

	for (size_t i = 0; i < count; i++) {
		Dwarf_Die die = found[i].die;
		struct type *type;

		if (found[i].kind != NAME_TAG)
			continue;
		type = type_of_die(image, &die);
		if (type->kind == kind)
			return type;
	}
	return NULL;
}

struct type *names_find_type(struct image *image, const char *name)
{
	size_t count;
	const struct name_entry *found = names_find(image, name, &count);

	for (size_t i = 0; i < count; i++) {
		Dwarf_Die die = found[i].die;

		if (found[i].kind == NAME_TYPE)
			return type_of_die(image, &die);
	}
	return NULL;
}
