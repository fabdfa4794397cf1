/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/lexer.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX 65536u
#define OP2(a, b)      ((a) << 8 | (b))

struct lexer {
	struct arena *arena;
	const char *text, *at;
	struct token *token;
	struct problem *problem;
};

static int fail(struct lexer *lexer, const char *at, const char *what)
{
	return problem_set_at(lexer->problem, -EINVAL, (int)(at - lexer->text), "%s", what);
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* ---- Numbers ---- */

static int finish_real(struct lexer *lexer, const char *start)
{
	struct token *token = lexer->token;
	char *end;

	token->kind = TOKEN_REAL;
	token->real = strtold(start, &end);
	token->real_bytes = 8;
	if (*end == 'f' || *end == 'F' || *end == 'l' || *end == 'L') {
		token->real_bytes = *end == 'f' || *end == 'F' ? 4 : 16;
		end++;
	}
	lexer->at = end;
	return is_name(*end) ? fail(lexer, start, "Invalid number.") : 0;
}

static bool is_real(const char *start)
{
	const char *at = start;

	if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
		return false;
	while (isdigit((unsigned char)*at))
		at++;
	return (*at == '.' && at[1] != '.') || ((*at == 'e' || *at == 'E') && at > start);
}

static int number(struct lexer *lexer)
{
	const char *start = lexer->at, *digits = start;
	struct token *token = lexer->token;
	int base = 10;
	char *end;

	if (is_real(start))
		return finish_real(lexer, start);
	if (start[0] == '0' && (start[1] == 'x' || start[1] == 'X')) {
		base = 16;
		digits = start + 2;
	} else if (start[0] == '0' && (start[1] == 'b' || start[1] == 'B')) {
		base = 2;
		digits = start + 2;
	} else if (start[0] == '0') {
		base = 8;
	}
	errno = 0;
	token->kind = TOKEN_NUMBER;
	token->number = strtoull(digits, &end, base);
	token->is_hex = base != 10;
	if (errno || end == digits)
		return fail(lexer, start,
			    errno ? "Numeric constant too large." : "Invalid number.");
	for (; *end == 'u' || *end == 'U' || *end == 'l' || *end == 'L'; end++) {
		token->is_unsigned = token->is_unsigned || *end == 'u' || *end == 'U';
		token->is_long = token->is_long || *end == 'l' || *end == 'L';
	}
	lexer->at = end;
	return is_name(*end) ? fail(lexer, start, "Invalid number.") : 0;
}

/* ---- Characters and strings ---- */

static int escape(struct lexer *lexer, char *c_out)
{
	static const char letters[] = "abefnrtv", codes[] = "\a\b\033\f\n\r\t\v";
	const char *found;
	unsigned int value = 0, digits = 0;
	char c = *lexer->at++;

	if (c >= '0' && c <= '7') {
		for (lexer->at--; digits < 3 && *lexer->at >= '0' && *lexer->at <= '7'; digits++)
			value = value * 8 + (unsigned int)(*lexer->at++ - '0');
		*c_out = (char)value;
		return 0;
	}
	if (c == 'x') {
		for (; isxdigit((unsigned char)*lexer->at) && digits < 2; digits++) {
			char digit[2] = {*lexer->at++, '\0'};

			value = value * 16 + (unsigned int)strtoul(digit, NULL, 16);
		}
		*c_out = (char)value;
		return digits ? 0 : fail(lexer, lexer->at, "\\x needs hexadecimal digits");
	}
	found = c ? strchr(letters, c) : NULL;
	*c_out = found ? codes[found - letters] : c;
	return c ? 0 : fail(lexer, lexer->at - 1, "Unmatched single quote.");
}

static int quoted(struct lexer *lexer, char quote)
{
	const char *start = lexer->at++;
	char *text = arena_alloc(lexer->arena, strlen(start) + 1);
	size_t bytes = 0;

	while (*lexer->at != quote) {
		if (!*lexer->at)
			return fail(lexer, start,
				    quote == '"' ? "Unterminated string in expression."
						 : "Unmatched single quote.");
		if (*lexer->at == '\\') {
			int error;

			lexer->at++;
			error = escape(lexer, &text[bytes++]);
			if (error)
				return error;
		} else {
			text[bytes++] = *lexer->at++;
		}
	}
	lexer->at++;
	*lexer->token = (struct token){.kind = TOKEN_STRING, .text = text, .text_bytes = bytes};
	if (quote == '\'') {
		lexer->token->kind =
			lexer->at[0] == ':' && lexer->at[1] == ':' ? TOKEN_QUOTED : TOKEN_CHAR;
		if (lexer->token->kind == TOKEN_CHAR && bytes != 1)
			return fail(lexer, start,
				    bytes ? "Unmatched single quote."
					  : "Empty character constant.");
		lexer->token->number = (uint64_t)(int64_t)(signed char)text[0];
	}
	return 0;
}

/* ---- Names and signs ---- */

static void name(struct lexer *lexer, enum token_kind kind)
{
	const char *start = lexer->at;

	while (is_name(*lexer->at) || (kind == TOKEN_DOLLAR && *lexer->at == '$'))
		lexer->at++;
	lexer->token->kind = kind;
	lexer->token->text_bytes = (size_t)(lexer->at - start);
	lexer->token->text = arena_text_bytes(lexer->arena, start, lexer->token->text_bytes);
}

static int sign(struct lexer *lexer)
{
	static const char twos[][3] = {"->", "==", "!=", "<=", ">=", "&&", "||", "<<", ">>", "+=",
				       "-=", "*=", "/=", "%=", "&=", "|=", "^=", "::", "++", "--"};
	struct token *token = lexer->token;

	token->kind = TOKEN_SIGN;
	if (strncmp(lexer->at, "<<=", 3) == 0 || strncmp(lexer->at, ">>=", 3) == 0) {
		token->number = (uint64_t)(lexer->at[0] << 16 | OP2(lexer->at[1], '='));
		lexer->at += 3;
		return 0;
	}
	for (unsigned int i = 0; i < sizeof(twos) / sizeof(twos[0]); i++)
		if (strncmp(lexer->at, twos[i], 2) == 0) {
			token->number = (uint64_t)OP2(twos[i][0], twos[i][1]);
			lexer->at += 2;
			return 0;
		}
	if (!strchr("+-*/%&|^~!<>=?:()[].,@{}", *lexer->at))
		return fail(lexer, lexer->at, "Invalid character in expression.");
	token->number = (uint64_t)*lexer->at++;
	return 0;
}

static int next(struct lexer *lexer)
{
	while (isspace((unsigned char)*lexer->at))
		lexer->at++;
	*lexer->token = (struct token){.column = (int)(lexer->at - lexer->text)};
	if (!*lexer->at)
		return 0;
	if (isdigit((unsigned char)*lexer->at) ||
	    (*lexer->at == '.' && isdigit((unsigned char)lexer->at[1])))
		return number(lexer);
	if (*lexer->at == '"' || *lexer->at == '\'')
		return quoted(lexer, *lexer->at);
	if (*lexer->at == '$') {
		lexer->at++;
		name(lexer, TOKEN_DOLLAR);
		return 0;
	}
	if (is_name(*lexer->at)) {
		name(lexer, TOKEN_NAME);
		return 0;
	}
	return sign(lexer);
}

int lexer_run(struct arena *arena, const char *text, struct token **tokens_out,
	      struct problem *problem)
{
	struct lexer lexer = {.arena = arena, .text = text, .at = text, .problem = problem};
	size_t bytes = strlen(text);
	struct token *tokens;

	if (bytes > TEXT_BYTES_MAX)
		return problem_set(problem, -E2BIG, "the expression is too long");
	/* No token is shorter than a byte. */
	tokens = arena_array(arena, bytes + 2, sizeof(*tokens));
	lexer.token = tokens;
	for (;;) {
		const char *before = lexer.at;
		int column, error = next(&lexer);

		if (error)
			return error;
		while (isspace((unsigned char)*before))
			before++;
		column = (int)(before - text);
		lexer.token->column = column;
		lexer.token->end = (int)(lexer.at - text);
		if (lexer.token->kind == TOKEN_END)
			break;
		lexer.token++;
	}
	*tokens_out = tokens;
	return 0;
}
