/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/eval.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "duster/engine/convenience.h"
#include "duster/engine/parse.h"
#include "duster/engine/trace.h"
#include "duster/symbols/names.h"

#define REPEAT_MAX (1u << 24)

static int parse_unary(struct parser *parser, struct value **value_out);

/* Gives the problem a place, unless it has one. */
static int at(struct parser *parser, const struct token *token, int error)
{
	if (error && parser->problem && parser->problem->column < 0)
		parser->problem->column = token->column;
	return error;
}

/* ---- Names ---- */

struct search {
	const char *name;
	Dwarf_Die die;
	bool found;
};

static bool match(void *context, const struct variable *variable)
{
	struct search *search = context;

	if (strcmp(variable->name, search->name) != 0)
		return true;
	search->die = variable->die;
	search->found = true;
	return false;
}

static bool find_local(struct frame *frame, const char *name, Dwarf_Die *die_out)
{
	struct search search = {.name = name};

	/* From the innermost block to the frame's function, then what encloses an inlined one. */
	for (unsigned int i = frame->chain.count; i-- > 0 && !search.found;) {
		struct function function;

		if (i < frame->scope)
			break;
		/* Blocks of functions inlined into this one belong to other frames. */
		if (i > frame->scope) {
			bool inner = false;

			for (unsigned int j = frame->scope + 1; j <= i; j++)
				inner = inner || (scope_function(&frame->chain, j, &function) &&
						  function.is_inlined);
			if (inner)
				continue;
		}
		scope_variables(&frame->chain.dies[i], match, &search);
	}
	*die_out = search.die;
	return search.found;
}

static struct value *function_value(struct session *session, const struct name_entry *entry)
{
	struct function function;
	Dwarf_Die die = entry->die;
	struct value *value;

	if (!scope_function_of(&die, &function))
		return NULL;
	value = value_at(session, type_of_die(session->image, &die), function.low);
	value->bytes_count = 1;
	value->node = trace_const(session, function.low);
	return value;
}

static struct value *enumerator_value(struct session *session, const struct name_entry *entry)
{
	Dwarf_Die die = entry->die;
	struct type *type = type_of_die(session->image, &die);
	struct value *value;
	size_t count;
	const struct member *members = type_members(type, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(members[i].name, entry->name) == 0) {
			value = value_new(session, type);
			memcpy(value->bytes, &members[i].value,
			       value->bytes_count < 8 ? value->bytes_count : 8);
			value->node = trace_extend(
				session, trace_const(session, (uint64_t)members[i].value),
				(unsigned int)value->bytes_count, type_strip(type)->is_signed);
			return value;
		}
	return NULL;
}

/* The best of the entries at file level: of the frame's unit first, then any that has a value. */
static struct value *find_global(struct session *session, struct frame *frame, const char *name,
				 const void *unit)
{
	size_t count;
	const struct name_entry *entries = names_find(session->image, name, &count);
	struct value *best = NULL;

	for (size_t i = 0; i < count; i++) {
		struct value *value = NULL;
		Dwarf_Die die = entries[i].die;

		if (unit && entries[i].unit.addr != unit)
			continue;
		if (entries[i].kind == NAME_VARIABLE) {
			if (value_variable(session, frame, &die, &value, NULL))
				value = NULL;
		} else if (entries[i].kind == NAME_FUNCTION) {
			value = function_value(session, &entries[i]);
		} else if (entries[i].kind == NAME_ENUMERATOR) {
			value = enumerator_value(session, &entries[i]);
		}
		if (!value)
			continue;
		if (!unit && frame && frame->chain.count &&
		    entries[i].unit.addr == frame->chain.unit.addr)
			return value;
		if (!best || (best->place == VALUE_LOST && value->place != VALUE_LOST))
			best = value;
	}
	return best;
}

/* A symbol without debug information: a function, or data of a type nobody knows. */
static struct value *symbol_value(struct session *session, const char *name)
{
	const struct symbol *symbol = image_symbol_named(session->image, name, NULL);
	struct type *type;

	if (!symbol)
		return NULL;
	type = arena_alloc(&session->kept, sizeof(*type));
	*type = (struct type){
		.kind = symbol->is_function ? TYPE_FUNCTION : TYPE_UNKNOWN,
		.name = symbol->is_function ? NULL : "<data variable, no debug info>",
		.bytes = 1,
		.image = session->image,
		.target = value_base(session, symbol->is_function ? BASE_INT : BASE_VOID)};
	return value_at(session, type, symbol->addr);
}

int eval_name(struct session *session, const char *name, struct value **value_out,
	      struct problem *problem)
{
	struct frame *frame = session_selected_frame(session);
	Dwarf_Die die;

	if (!session->image)
		return problem_set(problem, -ENOENT, "No symbol table is loaded: name an image");
	if (frame && find_local(frame, name, &die))
		return value_variable(session, frame, &die, value_out, problem);
	*value_out = find_global(session, frame, name, NULL);
	if (!*value_out)
		*value_out = symbol_value(session, name);
	if (!*value_out)
		return problem_set(problem, -ENOENT, "No symbol \"%s\" in current context.", name);
	return 0;
}

/* 'file.c'::name and function::name. */
static int qualified_name(struct parser *parser, const struct token *scope,
			  struct value **value_out)
{
	struct session *session = parser->session;
	const struct token *name = parser->token;
	struct frame *frame = session_selected_frame(session);
	struct search search;
	size_t count;
	const struct name_entry *entries;

	if (name->kind != TOKEN_NAME)
		return parse_fail(parser, name, -EINVAL, "a name is wanted behind `::`");
	parser->token++;
	if (!session->image)
		return parse_fail(parser, name, -ENOENT, "No symbol table is loaded");
	search = (struct search){.name = name->text};
	entries = names_find(session->image, name->text, &count);
	for (size_t i = 0; i < count; i++) {
		Dwarf_Die unit = entries[i].unit;
		const char *file = dwarf_diename(&unit);

		if (file && line_file_matches(file, scope->text)) {
			*value_out = find_global(session, frame, name->text, unit.addr);
			if (*value_out)
				return 0;
		}
	}
	entries = names_find(session->image, scope->text, &count);
	for (size_t i = 0; i < count && !search.found; i++) {
		Dwarf_Die die = entries[i].die;

		if (entries[i].kind == NAME_FUNCTION)
			scope_variables(&die, match, &search);
	}
	if (!search.found)
		return parse_fail(parser, name, -ENOENT, "No symbol \"%s\" in \"%s\".", name->text,
				  scope->text);
	for (unsigned int level = 0; session_frame(session, level, &frame) == 0; level++)
		if (frame->has_function && strcmp(frame->function.name, scope->text) == 0)
			return at(parser, name,
				  value_variable(session, frame, &search.die, value_out,
						 parser->problem));
	return at(parser, name,
		  value_variable(session, NULL, &search.die, value_out, parser->problem));
}

/* ---- $names ---- */

static bool all_digits(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* A value out of the history or a variable, as one that may be changed by commands. */
static struct value *copy_of(struct session *session, const struct value *kept)
{
	struct value *value = arena_alloc(&session->arena, sizeof(*value));

	*value = *kept;
	return value;
}

static int dollar(struct parser *parser, const struct token *token, struct value **value_out)
{
	struct session *session = parser->session;
	const char *name = token->text;
	struct value *kept = NULL;
	unsigned int last = (unsigned int)session->history_count;
	bool found;
	int error;

	if (parse_is(parser, '(')) {
		error = parse_builtin(parser, token, &found, value_out);
		if (error || found)
			return error;
	}
	if (!*name || all_digits(name)) {
		kept = history_get(session, (unsigned int)strtoul(name, NULL, 10));
	} else if (name[0] == '$' && (!name[1] || all_digits(name + 1))) {
		unsigned long back = name[1] ? strtoul(name + 1, NULL, 10) : 1;

		kept = back < last ? history_get(session, last - (unsigned int)back) : NULL;
	} else {
		kept = convenience_get(session, name);
		if (kept) {
			*value_out = copy_of(session, kept);
			(*value_out)->lazy_name = name;
			return 0;
		}
		error = value_register(session, session_selected_frame(session), name, value_out,
				       parser->problem);
		if (error != -ENOENT && !(error && !session->target))
			return at(parser, token, error);
		/* Not set yet: void, and what an assignment makes. */
		*value_out = value_new(session, value_base(session, BASE_VOID));
		(*value_out)->lazy_name = name;
		return 0;
	}
	if (!kept)
		return parse_fail(parser, token, -ENOENT, "History has not yet reached $%s.", name);
	*value_out = copy_of(session, kept);
	return 0;
}

/* ---- Primary and postfix expressions ---- */

static struct value *value_number_const(struct session *session, enum base_type base,
					uint64_t number)
{
	struct value *value = value_int(session, base, number);

	value->node = trace_const(session, value_bits_of(value));
	return value;
}

static struct value *number_value(struct session *session, const struct token *token)
{
	enum base_type base = BASE_INT;
	bool may_unsigned = token->is_unsigned || token->is_hex;

	if (token->is_long || token->number > UINT32_MAX ||
	    (token->number > INT32_MAX && !may_unsigned))
		base = token->is_unsigned || token->number > INT64_MAX ? BASE_ULONG : BASE_LONG;
	else if (token->is_unsigned || token->number > INT32_MAX)
		base = BASE_UINT;
	return value_number_const(session, base, token->number);
}

static struct value *string_value(struct session *session, const struct token *token)
{
	struct type *type = type_make_array(&session->kept, value_base(session, BASE_CHAR),
					    token->text_bytes + 1);
	struct value *value;

	type->image = session->image;
	value = value_new(session, type);
	memcpy(value->bytes, token->text, token->text_bytes);
	return value;
}

static int parse_primary(struct parser *parser, struct value **value_out)
{
	struct session *session = parser->session;
	const struct token *token = parser->token++;
	int error;

	switch (token->kind) {
	case TOKEN_NUMBER:
		*value_out = number_value(session, token);
		return 0;
	case TOKEN_REAL:
		*value_out = value_double(session,
					  value_base(session, token->real_bytes == 4 ? BASE_FLOAT
							      : token->real_bytes == 8
								      ? BASE_DOUBLE
								      : BASE_LONG_DOUBLE),
					  token->real);
		return 0;
	case TOKEN_CHAR:
		*value_out = value_number_const(session, BASE_CHAR, token->number);
		return 0;
	case TOKEN_STRING:
		*value_out = string_value(session, token);
		return 0;
	case TOKEN_DOLLAR:
		return dollar(parser, token, value_out);
	case TOKEN_QUOTED:
	case TOKEN_NAME:
		if (parse_accept(parser, OP2(':', ':')))
			return qualified_name(parser, token, value_out);
		return at(parser, token,
			  eval_name(session, token->text, value_out, parser->problem));
	default:
		break;
	}
	if (token->kind == TOKEN_SIGN && token->number == '(') {
		error = parse_assignment(parser, value_out);
		if (!error && !parse_accept(parser, ')'))
			error = parse_fail(parser, parser->token, -EINVAL, "`)` is missing");
		return error;
	}
	parser->token--;
	if (token->kind == TOKEN_END)
		return parse_fail(parser, token, -EINVAL, "the expression is not complete");
	return parse_fail(parser, token, -EINVAL, "A syntax error in expression");
}

/* The element's address, which goes with the index. */
static const struct node *trace_element(struct session *session, const struct value *array,
					const struct value *index, const struct value *element)
{
	return trace_binary(session, '+', 8, false, trace_number(session, array),
			    trace_binary(session, '*', 8, false, trace_number(session, index),
					 trace_const(session, element->bytes_count)));
}

static int parse_index(struct parser *parser, struct value **value)
{
	const struct token *token = parser->token;
	struct value *array = *value, *index;
	uint64_t number;
	int error = parse_assignment(parser, &index);

	if (!error && !parse_accept(parser, ']'))
		return parse_fail(parser, parser->token, -EINVAL, "`]` is missing");
	if (!error)
		error = at(parser, token,
			   value_number(parser->session, index, &number, parser->problem));
	if (error)
		return error;
	error = value_index(parser->session, array, (int64_t)number, value, parser->problem);
	if (!error && (*value)->place == VALUE_MEMORY)
		(*value)->node = trace_element(parser->session, array, index, *value);
	return at(parser, token - 1, error);
}

static int parse_member(struct parser *parser, struct value **value)
{
	const struct token *name = parser->token;

	if (name->kind != TOKEN_NAME)
		return parse_fail(parser, name, -EINVAL, "a member's name is wanted here");
	parser->token++;
	return at(parser, name,
		  value_member(parser->session, *value, name->text, value, parser->problem));
}

static int parse_postfix(struct parser *parser, struct value **value_out)
{
	const struct token *token = parser->token;
	int error = parse_primary(parser, value_out);

	while (!error) {
		if (parse_accept(parser, '[')) {
			error = parse_index(parser, value_out);
		} else if (parse_accept(parser, '.') || parse_accept(parser, OP2('-', '>'))) {
			error = parse_member(parser, value_out);
		} else if (parse_is(parser, '(')) {
			return parse_fail(parser, token, -EPERM,
					  "calls are refused: the guest's code does not run for an "
					  "expression");
		} else if (parse_is(parser, OP2('+', '+')) || parse_is(parser, OP2('-', '-'))) {
			return parse_fail(parser, parser->token, -EINVAL,
					  "use += 1 or -= 1 instead of ++ and --");
		} else {
			break;
		}
	}
	return error;
}

/* ---- Unary expressions and casts ---- */

static int parse_sizeof(struct parser *parser, struct value **value_out)
{
	struct session *session = parser->session;
	struct value *value;
	struct type *type;
	int error;

	if (parse_is(parser, '(')) {
		parser->token++;
		if (parse_begins_type(parser)) {
			error = parse_type(parser, &type);
			if (!error && !parse_accept(parser, ')'))
				error = parse_fail(parser, parser->token, -EINVAL,
						   "`)` is missing");
			if (!error)
				*value_out =
					value_number_const(session, BASE_ULONG, type_bytes(type));
			return error;
		}
		parser->token--;
	}
	session->skip++;
	error = parse_unary(parser, &value);
	session->skip--;
	if (!error)
		*value_out = value_number_const(session, BASE_ULONG, type_bytes(value->type));
	return error;
}

static int parse_cast(struct parser *parser, struct value **value_out)
{
	const struct token *token = parser->token++;
	struct type *type;
	struct value *value;
	int error = parse_type(parser, &type);

	if (!error && !parse_accept(parser, ')'))
		error = parse_fail(parser, parser->token, -EINVAL, "`)` is missing");
	if (!error)
		error = parse_unary(parser, &value);
	if (error)
		return error;
	return at(parser, token,
		  value_cast(parser->session, value, type, value_out, parser->problem));
}

static int parse_unary_inner(struct parser *parser, struct value **value_out)
{
	const struct token *token = parser->token;
	struct session *session = parser->session;
	struct value *value;
	int error, sign;

	if (token->kind == TOKEN_NAME && strcmp(token->text, "sizeof") == 0) {
		parser->token++;
		return parse_sizeof(parser, value_out);
	}
	if (token->kind != TOKEN_SIGN)
		return parse_postfix(parser, value_out);
	if (token->number == '(') {
		parser->token++;
		if (parse_begins_type(parser)) {
			parser->token--;
			return parse_cast(parser, value_out);
		}
		parser->token--;
	}
	sign = (int)token->number;
	if (sign == OP2('&', '&') || !strchr("*&-+!~", sign) || sign > 255)
		return parse_postfix(parser, value_out);
	parser->token++;
	error = parse_unary(parser, &value);
	if (error)
		return error;
	if (sign == '*')
		error = value_deref(session, value, value_out, parser->problem);
	else if (sign == '&')
		error = value_address(session, value, value_out, parser->problem);
	else
		error = value_unary(session, sign, value, value_out, parser->problem);
	return at(parser, token, error);
}

static int parse_unary(struct parser *parser, struct value **value_out)
{
	int error;

	if (parser->depth++ >= PARSE_DEPTH_MAX)
		return parse_fail(parser, parser->token, -E2BIG,
				  "the expression is nested too deep");
	error = parse_unary_inner(parser, value_out);
	parser->depth--;
	return error;
}

/* ---- Binary expressions ---- */

/* How tightly a binary operator binds; 0: not one. `@` stands between shifts and sums. */
static unsigned int precedence(const struct token *token)
{
	if (token->kind != TOKEN_SIGN)
		return 0;
	switch (token->number) {
	case OP2('|', '|'):
		return 1;
	case OP2('&', '&'):
		return 2;
	case '|':
		return 3;
	case '^':
		return 4;
	case '&':
		return 5;
	case OP2('=', '='):
	case OP2('!', '='):
		return 6;
	case '<':
	case '>':
	case OP2('<', '='):
	case OP2('>', '='):
		return 7;
	case OP2('<', '<'):
	case OP2('>', '>'):
		return 8;
	case '@':
		return 9;
	case '+':
	case '-':
		return 10;
	case '*':
	case '/':
	case '%':
		return 11;
	default:
		return 0;
	}
}

/* first@count: that many things behind one another in memory. */
static int repeat(struct session *session, struct value *first, struct value *count_value,
		  struct value **value_out, struct problem *problem)
{
	uint64_t count;
	int error = value_number(session, count_value, &count, problem);

	if (error)
		return error;
	if (first->place != VALUE_MEMORY)
		return problem_set(problem, -EINVAL,
				   "Only values in memory can be extended with '@'.");
	if (!count || count > REPEAT_MAX)
		return problem_set(problem, -ERANGE, "Invalid number %lld of repetitions.",
				   (long long)count);
	*value_out =
		value_at(session, type_make_array(&session->kept, first->type, count), first->addr);
	(*value_out)->type->image = session->image;
	return 0;
}

static int parse_binary(struct parser *parser, unsigned int least, struct value **value_out);

/* && and ||: the right side is looked at only when it matters. */
static int parse_logical(struct parser *parser, unsigned int binds, bool is_and,
			 struct value **value)
{
	struct session *session = parser->session;
	const struct token *token = parser->token - 1;
	bool left, right;
	struct value *other;
	int error = at(parser, token, value_is_true(session, *value, &left, parser->problem));

	if (error)
		return error;
	if (left != is_and)
		session->skip++;
	error = parse_binary(parser, binds + 1, &other);
	if (!error)
		error = at(parser, token, value_is_true(session, other, &right, parser->problem));
	if (left != is_and) {
		session->skip--;
		right = left;
	}
	if (!error) {
		const struct node *node =
			trace_op(session, is_and ? NODE_AND : NODE_OR, false,
				 trace_number(session, *value), trace_number(session, other));

		*value = value_int(session, BASE_INT, right);
		(*value)->node = node;
	}
	return error;
}

static int parse_binary(struct parser *parser, unsigned int least, struct value **value_out)
{
	struct session *session = parser->session;
	int error = parse_unary(parser, value_out);

	while (!error && precedence(parser->token) >= least) {
		const struct token *token = parser->token++;
		unsigned int binds = precedence(token);
		struct value *right;

		if (binds <= 2) {
			error = parse_logical(parser, binds, binds == 2, value_out);
			continue;
		}
		error = parse_binary(parser, binds + 1, &right);
		if (error)
			break;
		if (token->number == '@')
			error = repeat(session, *value_out, right, value_out, parser->problem);
		else
			error = value_binary(session, (int)token->number, *value_out, right,
					     value_out, parser->problem);
		error = at(parser, token, error);
	}
	return error;
}

/* ---- ?: and assignment ---- */

static int parse_conditional(struct parser *parser, struct value **value_out)
{
	struct session *session = parser->session;
	const struct token *token = parser->token;
	struct value *yes, *no;
	bool is_true;
	int error = parse_binary(parser, 1, value_out);

	if (error || !parse_accept(parser, '?'))
		return error;
	error = at(parser, token, value_is_true(session, *value_out, &is_true, parser->problem));
	if (error)
		return error;
	session->skip += !is_true;
	error = parse_assignment(parser, &yes);
	session->skip -= !is_true;
	if (!error && !parse_accept(parser, ':'))
		error = parse_fail(parser, parser->token, -EINVAL, "`:` is missing");
	if (error)
		return error;
	session->skip += is_true;
	error = parse_conditional(parser, &no);
	session->skip -= is_true;
	*value_out = is_true ? yes : no;
	if (!error)
		(*value_out)->node = NULL; /* of the other one nothing is known here */
	return error;
}

/* The operator of `+=` and its kind, '=' for a plain one; 0: no assignment. */
static int assignment_operator(const struct token *token)
{
	if (token->kind != TOKEN_SIGN)
		return 0;
	switch (token->number) {
	case '=':
		return '=';
	case OP2('+', '='):
	case OP2('-', '='):
	case OP2('*', '='):
	case OP2('/', '='):
	case OP2('%', '='):
	case OP2('&', '='):
	case OP2('|', '='):
	case OP2('^', '='):
		return (int)(token->number >> 8);
	case '<' << 16 | OP2('<', '='):
		return OP2('<', '<');
	case '>' << 16 | OP2('>', '='):
		return OP2('>', '>');
	default:
		return 0;
	}
}

int parse_assignment(struct parser *parser, struct value **value_out)
{
	struct session *session = parser->session;
	const struct token *token;
	struct value *from;
	int op, error;

	if (parser->depth++ >= PARSE_DEPTH_MAX)
		return parse_fail(parser, parser->token, -E2BIG,
				  "the expression is nested too deep");
	error = parse_conditional(parser, value_out);
	token = parser->token;
	op = error ? 0 : assignment_operator(token);
	if (op) {
		parser->token++;
		error = parse_assignment(parser, &from);
		if (!error && op != '=')
			error = at(parser, token,
				   value_binary(session, op, *value_out, from, &from,
						parser->problem));
		if (!error)
			error = at(parser, token,
				   value_assign(session, *value_out, from, value_out,
						parser->problem));
	}
	parser->depth--;
	return error;
}

/* ---- Whole texts ---- */

int eval_type_or_expression(struct session *session, const char *text, struct type **type_out,
			    struct value **value_out, struct problem *problem)
{
	struct problem own = {.column = -1};
	struct parser parser = {.session = session, .problem = problem ? problem : &own};
	struct token *tokens;
	int error;

	*type_out = NULL;
	*value_out = NULL;
	session->skip = 0;
	parser.problem->column = -1;
	error = lexer_run(&session->arena, text, &tokens, parser.problem);
	if (error)
		return error;
	parser.token = tokens;
	if (parse_begins_type(&parser)) {
		error = parse_type(&parser, type_out);
	} else {
		error = parse_assignment(&parser, value_out);
		while (!error && parse_accept(&parser, ','))
			error = parse_assignment(&parser, value_out);
	}
	if (!error && parser.token->kind != TOKEN_END)
		error = parse_fail(&parser, parser.token, -EINVAL,
				   "A syntax error in expression, near `%s'.",
				   text + parser.token->column);
	session->skip = 0;
	return error;
}

int eval_expression(struct session *session, const char *text, struct value **value_out,
		    struct problem *problem)
{
	struct type *type;
	int error = eval_type_or_expression(session, text, &type, value_out, problem);

	if (!error && !*value_out)
		error = problem_set_at(problem, -EINVAL, 0,
				       "Attempt to use a type name as an expression");
	return error;
}

int eval_address(struct session *session, const char *text, uint64_t *addr_out,
		 struct problem *problem)
{
	struct value *value;
	int error = eval_expression(session, text, &value, problem);

	if (error)
		return error;
	return value_number(session, value, addr_out, problem);
}
