/* SPDX-License-Identifier: BSD-2-Clause */
/* For the parts of the evaluator: where it stands in its tokens. */
#ifndef DUSTER_ENGINE_PARSE_H
#define DUSTER_ENGINE_PARSE_H

#include "duster/engine/lexer.h"
#include "duster/engine/value.h"

#define PARSE_DEPTH_MAX 200u

struct parser {
	struct session *session;
	const struct token *token; /* the next one */
	struct problem *problem;
	unsigned int depth;
};

static inline bool parse_is(const struct parser *parser, int sign)
{
	return parser->token->kind == TOKEN_SIGN && parser->token->number == (uint64_t)sign;
}

static inline bool parse_accept(struct parser *parser, int sign)
{
	if (!parse_is(parser, sign))
		return false;
	parser->token++;
	return true;
}

int parse_fail(struct parser *parser, const struct token *token, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Do the next tokens begin a type's name? */
bool parse_begins_type(struct parser *parser);
int parse_type(struct parser *parser, struct type **type_out);
/* A whole expression without commas. */
int parse_assignment(struct parser *parser, struct value **value_out);

/* Functions of duster's own: $list(…). *found_out: there is one of that name; the tokens stand at
 * its '('. */
int parse_builtin(struct parser *parser, const struct token *name, bool *found_out,
		  struct value **value_out);

#endif
