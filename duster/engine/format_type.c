/* SPDX-License-Identifier: BSD-2-Clause */
/* Types with their members, as ptype shows them. */
#include <string.h>

#include "duster/engine/format.h"

#define DEPTH_MAX 16u
#define INDENT    4u

/* How a body is laid out. */
struct layout {
	bool with_offsets;
	uint64_t base; /* of the struct within the outermost one, bytes */
	unsigned int depth;
};

static void add_body(struct session *session, struct type *type, const struct layout *layout,
		     struct text *text);

/* The type behind pointers, arrays and functions whose body is shown, and the text around it. */
static struct type *innermost(struct type *type)
{
	for (unsigned int i = 0; i < 64; i++) {
		switch (type->kind) {
		case TYPE_POINTER:
		case TYPE_ARRAY:
		case TYPE_FUNCTION:
		case TYPE_QUALIFIED:
			type = type_target(type);
			break;
		default:
			return type;
		}
	}
	return type;
}

static bool has_body(const struct type *type)
{
	return type->kind == TYPE_STRUCT || type->kind == TYPE_UNION || type->kind == TYPE_ENUM;
}

/* A declaration whose innermost type has no name: its body stands where the name would. */
static void add_declaration(struct session *session, struct type *type, const char *name,
			    const struct layout *layout, struct text *text)
{
	struct type *inner = innermost(type);
	const char *declaration = type_name(&session->arena, type, name), *dots;

	dots = has_body(inner) && !inner->name ? strstr(declaration, "{...}") : NULL;
	if (!dots) {
		text_add(text, "%s", declaration);
		return;
	}
	text_add_bytes(text, declaration, (size_t)(dots - declaration));
	/* type_name() wrote the word struct already. */
	add_body(session, inner, layout, text);
	text_add(text, "%s", dots + strlen("{...}"));
}

static void add_enumerators(struct type *type, struct text *text)
{
	size_t count;
	const struct member *members = type_members(type, &count);
	int64_t next = 0;

	text_add(text, "{");
	for (size_t i = 0; i < count; i++) {
		text_add(text, "%s%s", i ? ", " : "", members[i].name);
		if (members[i].value != next)
			text_add(text, " = %lld", (long long)members[i].value);
		next = members[i].value + 1;
	}
	text_add(text, "}");
}

/* Where the next line's text begins; what is known of its place stands before it. */
static void begin_line(const struct layout *layout, const struct member *member, struct text *text)
{
	if (layout->with_offsets && member && member->bit_size)
		text_add(text, "/* %6llu: %2u %7llu */  ",
			 (unsigned long long)(layout->base + member->offset), member->bit_offset,
			 (unsigned long long)type_bytes(member->type));
	else if (layout->with_offsets && member)
		text_add(text, "/* %6llu     %7llu */  ",
			 (unsigned long long)(layout->base + member->offset),
			 (unsigned long long)type_bytes(member->type));
	else if (layout->with_offsets)
		text_add(text, "%26s", "");
	text_add(text, "%*s", (int)(layout->depth * INDENT), "");
}

/* `{` … `}` of a struct, union or enum. */
static void add_body(struct session *session, struct type *type, const struct layout *layout,
		     struct text *text)
{
	struct layout inner = *layout;
	size_t count;
	const struct member *members = type_members(type, &count);

	inner.depth++;
	if (type->kind == TYPE_ENUM) {
		add_enumerators(type, text);
		return;
	}
	if (layout->depth > DEPTH_MAX) {
		text_add(text, "{...}");
		return;
	}
	text_add(text, "{\n");
	if (type->is_declaration || !count) {
		begin_line(&inner, NULL, text);
		text_add(text, type->is_declaration ? "<incomplete type>\n" : "<no data fields>\n");
	}
	for (size_t i = 0; i < count; i++) {
		struct layout its = inner;

		its.base += members[i].offset;
		begin_line(&inner, &members[i], text);
		add_declaration(session, members[i].type, members[i].name, &its, text);
		if (members[i].bit_size)
			text_add(text, " : %u", members[i].bit_size);
		text_add(text, ";\n");
	}
	if (layout->with_offsets) {
		begin_line(&inner, NULL, text);
		text_add(text, "/* total size (bytes): %llu */\n",
			 (unsigned long long)type_bytes(type));
	}
	begin_line(layout, NULL, text);
	text_add(text, "}");
}

/* The same type with typedefs at its heart replaced by what they stand for. */
static struct type *resolved(struct session *session, struct type *type, unsigned int depth)
{
	struct type *target, *copy;

	if (depth > 64)
		return type;
	if (type->kind == TYPE_TYPEDEF)
		return resolved(session, type_target(type), depth + 1);
	if (type->kind != TYPE_POINTER && type->kind != TYPE_ARRAY && type->kind != TYPE_FUNCTION &&
	    type->kind != TYPE_QUALIFIED)
		return type_complete(type);
	target = resolved(session, type_target(type), depth + 1);
	if (target == type_target(type))
		return type;
	copy = arena_alloc(&session->kept, sizeof(*copy));
	*copy = *type;
	copy->target = target;
	return copy;
}

void format_type(struct session *session, struct type *type, bool with_offsets, struct text *text)
{
	struct layout layout = {.with_offsets = with_offsets};
	struct type *whole = resolved(session, type, 0), *inner = innermost(whole);
	const char *name, *tag;
	size_t tag_bytes;

	if (!has_body(inner)) {
		text_add(text, "%s", type_name(&session->arena, whole, NULL));
		return;
	}
	if (!inner->name) {
		add_declaration(session, whole, NULL, &layout, text);
		return;
	}
	/* `struct tag *[3]`: the body goes behind the tag. */
	name = type_name(&session->arena, whole, NULL);
	tag = type_name(&session->arena, inner, NULL);
	tag_bytes = strlen(tag);
	{
		const char *at = strstr(name, tag);
		size_t front = at ? (size_t)(at - name) + tag_bytes : 0;

		text_add_bytes(text, name, front);
		text_add(text, " ");
		add_body(session, inner, &layout, text);
		text_add(text, "%s", name + front);
	}
}
