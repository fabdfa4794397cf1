/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of C expressions. */
#ifndef DUSTER_ENGINE_LEXER_H
#define DUSTER_ENGINE_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "duster/util/arena.h"
#include "duster/util/problem.h"

enum token_kind {
	TOKEN_END,
	TOKEN_NUMBER, /* number, is_unsigned, is_long */
	TOKEN_REAL,
	TOKEN_CHAR,
	TOKEN_STRING,
	TOKEN_NAME,
	TOKEN_DOLLAR, /* $name, the text without the $ */
	TOKEN_QUOTED, /* 'file.c' before :: */
	TOKEN_SIGN,   /* an operator: number holds it, as value_binary() has it */
};

struct token {
	enum token_kind kind;
	int column, end;  /* of the expression's text */
	const char *text; /* of names and strings; text_bytes of it, NUL-terminated */
	size_t text_bytes;
	uint64_t number;
	bool is_unsigned, is_long, is_hex;
	long double real;
	unsigned int real_bytes; /* 4, 8 or 16 */
};

/* All tokens of the text, in the arena, the last one TOKEN_END. */
int lexer_run(struct arena *arena, const char *text, struct token **tokens_out,
	      struct problem *problem);

#endif
