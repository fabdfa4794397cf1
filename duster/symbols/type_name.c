/* SPDX-License-Identifier: BSD-2-Clause */
/* How C writes a type: what stands left of the declared name, and what right of it. */
#include <string.h>

#include "duster/symbols/type.h"
#include "duster/util/text.h"

#define DEPTH_MAX 64u

static const char *tag_word(const struct type *type)
{
	switch (type->kind) {
	case TYPE_STRUCT:
		return "struct ";
	case TYPE_UNION:
		return "union ";
	case TYPE_ENUM:
		return "enum ";
	default:
		return "";
	}
}

static char *join_qualifiers(struct arena *arena, unsigned int qualifier)
{
	return arena_format(arena, "%s%s%s%s", qualifier & TYPE_CONST ? "const " : "",
			    qualifier & TYPE_VOLATILE ? "volatile " : "",
			    qualifier & TYPE_RESTRICT ? "restrict " : "",
			    qualifier & TYPE_ATOMIC ? "_Atomic " : "");
}

static char *parameters(struct arena *arena, struct type *function)
{
	size_t count;
	const struct member *list = type_members(function, &count);
	char *text = arena_text(arena, "");

	for (size_t i = 0; i < count; i++)
		text = arena_format(arena, "%s%s%s", text, i ? ", " : "",
				    type_name(arena, list[i].type, NULL));
	if (function->is_variadic)
		return arena_format(arena, "(%s%s...)", text, count ? ", " : "");
	if (!count && function->is_prototyped)
		return arena_text(arena, "(void)");
	return arena_format(arena, "(%s)", text);
}

/* Puts a declarator around what was declared so far. */
static char *wrap_pointer(struct arena *arena, struct type *target, unsigned int qualifier,
			  const char *inner)
{
	const char *words = "";
	bool parentheses;

	if (qualifier) {
		words = join_qualifiers(arena, qualifier);
		/* `* const p`, `* const` */
		words = arena_format(arena, " %s", words);
		if (!*inner || *inner == '[' || *inner == ')')
			words = arena_text_bytes(arena, words, strlen(words) - 1);
	}
	while (target->kind == TYPE_QUALIFIED && type_target(target) != target)
		target = type_target(target);
	parentheses = target->kind == TYPE_ARRAY || target->kind == TYPE_FUNCTION;
	return arena_format(arena, parentheses ? "(*%s%s)" : "*%s%s", words, inner);
}

static char *finish(struct arena *arena, struct type *type, unsigned int qualifier,
		    const char *inner)
{
	const char *name = type->name;
	bool space;

	if (!name)
		name = type->kind == TYPE_STRUCT || type->kind == TYPE_UNION ||
				       type->kind == TYPE_ENUM
			       ? "{...}"
		       : type->kind == TYPE_VOID ? "void"
						 : "<unknown type>";
	space = *inner != '\0';
	return arena_format(arena, "%s%s%s%s%s", join_qualifiers(arena, qualifier), tag_word(type),
			    name, space ? " " : "", inner);
}

char *type_name(struct arena *arena, struct type *type, const char *declared)
{
	char *inner = arena_text(arena, declared ? declared : "");
	unsigned int qualifier = 0;

	for (unsigned int depth = 0; depth < DEPTH_MAX; depth++) {
		switch (type->kind) {
		case TYPE_QUALIFIED:
			qualifier |= type->qualifier;
			break;
		case TYPE_POINTER: {
			struct type *target = type_target(type);

			inner = wrap_pointer(arena, target, qualifier, inner);
			qualifier = 0;
			break;
		}
		case TYPE_ARRAY:
			if (type->is_flexible || type->is_variable)
				inner = arena_format(arena, "%s[]", inner);
			else
				inner = arena_format(arena, "%s[%llu]", inner,
						     (unsigned long long)type->count);
			break;
		case TYPE_FUNCTION:
			inner = arena_format(arena, "%s%s", inner, parameters(arena, type));
			break;
		default:
			return finish(arena, type, qualifier, inner);
		}
		type = type_target(type);
	}
	return arena_text(arena, "<circular type>");
}
