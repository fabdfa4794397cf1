/* SPDX-License-Identifier: BSD-2-Clause */
/* Type names in casts and sizeof: specifiers, then an abstract declarator (C11 6.7.7). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "duster/engine/eval.h"
#include "duster/engine/parse.h"
#include "duster/symbols/names.h"

#define POINTERS_MAX 32u

static const char *const words[] = {"char",   "short",  "int",  "long",     "unsigned", "signed",
				    "float",  "double", "void", "_Bool",    "const",    "volatile",
				    "struct", "union",  "enum", "_Complex", "restrict", "__int128"};

static bool is_word(const struct token *token, const char *word)
{
	return token->kind == TOKEN_NAME && strcmp(token->text, word) == 0;
}

int parse_fail(struct parser *parser, const struct token *token, int error, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return problem_set_at(parser->problem, error, token->column, "%s", text);
}

static bool is_keyword(const struct token *token)
{
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(token, words[i]))
			return true;
	return false;
}

bool parse_begins_type(struct parser *parser)
{
	struct session *session = parser->session;
	struct value *value;

	if (is_keyword(parser->token))
		return true;
	if (parser->token->kind != TOKEN_NAME || !session->image ||
	    !names_find_type(session->image, parser->token->text))
		return false;
	/* A variable of that name hides the type. */
	return eval_name(session, parser->token->text, &value, NULL) != 0;
}

struct specifiers {
	unsigned int longs, shorts, chars, ints, bools, floats, doubles, voids, int128s;
	bool is_unsigned, is_signed, is_complex, any;
	unsigned int qualifier;
	struct type *named;
};

static enum base_type base_of(const struct specifiers *s)
{
	if (s->voids)
		return BASE_VOID;
	if (s->bools)
		return BASE_BOOL;
	if (s->floats)
		return BASE_FLOAT;
	if (s->doubles)
		return s->longs ? BASE_LONG_DOUBLE : BASE_DOUBLE;
	if (s->int128s)
		return BASE_INT128;
	if (s->chars)
		return s->is_unsigned ? BASE_UCHAR : s->is_signed ? BASE_SCHAR : BASE_CHAR;
	if (s->shorts)
		return s->is_unsigned ? BASE_USHORT : BASE_SHORT;
	if (s->longs)
		return s->is_unsigned ? BASE_ULONG : BASE_LONG;
	return s->is_unsigned ? BASE_UINT : BASE_INT;
}

static int tagged(struct parser *parser, struct specifiers *specifiers)
{
	const struct token *word = parser->token++, *tag = parser->token;
	enum type_kind kind = is_word(word, "struct")  ? TYPE_STRUCT
			      : is_word(word, "union") ? TYPE_UNION
						       : TYPE_ENUM;

	if (tag->kind != TOKEN_NAME)
		return parse_fail(parser, tag, -EINVAL, "a tag is wanted after `%s`", word->text);
	parser->token++;
	specifiers->named = parser->session->image
				    ? names_find_tag(parser->session->image, kind, tag->text)
				    : NULL;
	if (!specifiers->named)
		return parse_fail(parser, tag, -ENOENT, "No %s type named %s.", word->text,
				  tag->text);
	return 0;
}

static bool take_word(struct specifiers *s, const struct token *token)
{
	if (is_word(token, "const"))
		s->qualifier |= TYPE_CONST;
	else if (is_word(token, "volatile"))
		s->qualifier |= TYPE_VOLATILE;
	else if (is_word(token, "restrict"))
		s->qualifier |= TYPE_RESTRICT;
	else if (is_word(token, "unsigned"))
		s->is_unsigned = s->any = true;
	else if (is_word(token, "signed"))
		s->is_signed = s->any = true;
	else if (is_word(token, "_Complex"))
		s->is_complex = s->any = true;
	else if (is_word(token, "long"))
		s->longs++;
	else if (is_word(token, "short"))
		s->shorts++;
	else if (is_word(token, "char"))
		s->chars++;
	else if (is_word(token, "int"))
		s->ints++;
	else if (is_word(token, "_Bool"))
		s->bools++;
	else if (is_word(token, "float"))
		s->floats++;
	else if (is_word(token, "double"))
		s->doubles++;
	else if (is_word(token, "void"))
		s->voids++;
	else if (is_word(token, "__int128"))
		s->int128s++;
	else
		return false;
	return true;
}

static int parse_specifiers(struct parser *parser, struct type **type_out)
{
	struct specifiers s = {0};
	struct session *session = parser->session;

	for (;; s.any = s.any || !s.qualifier) {
		const struct token *token = parser->token;

		if (is_word(token, "struct") || is_word(token, "union") || is_word(token, "enum")) {
			int error = tagged(parser, &s);

			if (error)
				return error;
		} else if (take_word(&s, token)) {
			parser->token++;
		} else if (token->kind == TOKEN_NAME && !s.named && !s.any && session->image &&
			   !(s.longs + s.shorts + s.chars + s.ints + s.doubles + s.floats) &&
			   names_find_type(session->image, token->text)) {
			s.named = names_find_type(session->image, token->text);
			parser->token++;
		} else {
			break;
		}
	}
	if (s.is_complex)
		return parse_fail(parser, parser->token, -EOPNOTSUPP,
				  "casts to complex types are not supported");
	*type_out = s.named ? s.named : value_base(session, base_of(&s));
	if (s.qualifier)
		*type_out = type_make_qualified(&session->kept, *type_out, s.qualifier);
	return 0;
}

static int parse_count(struct parser *parser, uint64_t *count_out)
{
	struct value *value;
	int error;

	if (parse_accept(parser, ']')) {
		*count_out = TYPE_COUNT_UNKNOWN;
		return 0;
	}
	error = parse_assignment(parser, &value);
	if (!error)
		error = value_number(parser->session, value, count_out, parser->problem);
	if (!error && !parse_accept(parser, ']'))
		error = parse_fail(parser, parser->token, -EINVAL, "`]` is missing");
	return error;
}

/* [N] … behind what is declared; the last one is the innermost. */
static int parse_arrays(struct parser *parser, struct type **type)
{
	uint64_t counts[16];
	unsigned int used = 0;

	while (parse_accept(parser, '[')) {
		int error;

		if (used == 16)
			return parse_fail(parser, parser->token, -E2BIG, "too many dimensions");
		error = parse_count(parser, &counts[used++]);
		if (error)
			return error;
	}
	while (used--) {
		*type = type_make_array(&parser->session->kept, *type, counts[used]);
		if (counts[used] == TYPE_COUNT_UNKNOWN) {
			(*type)->count = 0;
			(*type)->is_flexible = true;
		}
	}
	return 0;
}

/* (…) of a function: what the parameters are does not matter to a cast. */
static int skip_parameters(struct parser *parser)
{
	unsigned int depth = 1;

	while (depth) {
		if (parser->token->kind == TOKEN_END)
			return parse_fail(parser, parser->token, -EINVAL, "`)` is missing");
		depth += parse_is(parser, '(');
		depth -= parse_is(parser, ')');
		parser->token++;
	}
	return 0;
}

static void parse_pointers(struct parser *parser, struct type **type)
{
	struct arena *arena = &parser->session->kept;

	for (unsigned int i = 0; i < POINTERS_MAX && parse_accept(parser, '*'); i++) {
		unsigned int qualifier = 0;

		*type = type_make_pointer(arena, *type);
		for (;; parser->token++) {
			if (is_word(parser->token, "const"))
				qualifier |= TYPE_CONST;
			else if (is_word(parser->token, "volatile"))
				qualifier |= TYPE_VOLATILE;
			else if (is_word(parser->token, "restrict"))
				qualifier |= TYPE_RESTRICT;
			else
				break;
		}
		if (qualifier)
			*type = type_make_qualified(arena, *type, qualifier);
	}
}

int parse_type(struct parser *parser, struct type **type_out)
{
	struct arena *arena = &parser->session->kept;
	unsigned int inner_pointers = 0;
	int error = parse_specifiers(parser, type_out);

	if (error)
		return error;
	parse_pointers(parser, type_out);
	/* (*)(int), (*)[4] */
	if (parse_is(parser, '(') && parser->token[1].kind == TOKEN_SIGN &&
	    parser->token[1].number == '*') {
		parser->token++;
		while (parse_accept(parser, '*'))
			inner_pointers++;
		if (!parse_accept(parser, ')'))
			return parse_fail(parser, parser->token, -EINVAL, "`)` is missing");
	}
	if (inner_pointers && parse_accept(parser, '(')) {
		struct type *function = arena_alloc(arena, sizeof(*function));

		error = skip_parameters(parser);
		*function = (struct type){.kind = TYPE_FUNCTION,
					  .bytes = 1,
					  .image = parser->session->image,
					  .target = *type_out};
		*type_out = function;
	} else {
		error = parse_arrays(parser, type_out);
	}
	while (inner_pointers--)
		*type_out = type_make_pointer(arena, *type_out);
	return error;
}
