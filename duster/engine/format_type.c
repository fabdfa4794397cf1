/* SPDX-License-Identifier: BSD-2-Clause */
/* Types with their members, as ptype shows them. */
#include <string.h>

#include "duster/engine/format.h"

#define DEPTH_MAX 16u
#define INDENT    4u

static void add_body(struct session *session, struct type *type, unsigned int depth,
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
			    unsigned int depth, struct text *text)
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
	add_body(session, inner, depth, text);
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

/* `{` … `}` of a struct, union or enum. */
static void add_body(struct session *session, struct type *type, unsigned int depth,
		     struct text *text)
{
	size_t count;
	const struct member *members = type_members(type, &count);

	if (type->kind == TYPE_ENUM) {
		add_enumerators(type, text);
		return;
	}
	if (depth > DEPTH_MAX) {
		text_add(text, "{...}");
		return;
	}
	text_add(text, "{\n");
	if (type->is_declaration)
		text_add(text, "%*s<incomplete type>\n", (int)((depth + 1) * INDENT), "");
	else if (!count)
		text_add(text, "%*s<no data fields>\n", (int)((depth + 1) * INDENT), "");
	for (size_t i = 0; i < count; i++) {
		text_add(text, "%*s", (int)((depth + 1) * INDENT), "");
		add_declaration(session, members[i].type, members[i].name, depth + 1, text);
		if (members[i].bit_size)
			text_add(text, " : %u", members[i].bit_size);
		text_add(text, ";\n");
	}
	text_add(text, "%*s}", (int)(depth * INDENT), "");
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

void format_type(struct session *session, struct type *type, struct text *text)
{
	struct type *whole = resolved(session, type, 0), *inner = innermost(whole);
	const char *name, *tag;
	size_t tag_bytes;

	if (!has_body(inner)) {
		text_add(text, "%s", type_name(&session->arena, whole, NULL));
		return;
	}
	if (!inner->name) {
		add_declaration(session, whole, NULL, 0, text);
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
		add_body(session, inner, 0, text);
		text_add(text, "%s", name + front);
	}
}
