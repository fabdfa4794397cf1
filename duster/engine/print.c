/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/print.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "duster/engine/eval.h"
#include "duster/engine/value.h"

#define CONVERSION_BYTES 32u
#define STRING_BYTES_MAX 4096u

/* One argument: up to a comma outside of brackets and quotes. NULL: none is left. */
static char *next_argument(struct session *session, const char **words)
{
	const char *at = *words, *start;
	unsigned int depth = 0;
	char quote = 0;

	while (isspace((unsigned char)*at))
		at++;
	if (*at != ',')
		return NULL;
	for (start = ++at; *at; at++) {
		if (quote) {
			if (*at == '\\' && at[1])
				at++;
			else if (*at == quote)
				quote = 0;
		} else if (*at == '"' || *at == '\'') {
			quote = *at;
		} else if (*at == '(' || *at == '[' || *at == '{') {
			depth++;
		} else if ((*at == ')' || *at == ']' || *at == '}') && depth) {
			depth--;
		} else if (*at == ',' && !depth) {
			break;
		}
	}
	*words = at;
	return arena_text_bytes(&session->arena, start, (size_t)(at - start));
}

static int add_string(struct session *session, struct value *value, const char *conversion,
		      struct text *text, struct problem *problem)
{
	char *string = arena_alloc(&session->arena, STRING_BYTES_MAX + 1);
	uint64_t addr;
	size_t used = 0;
	int error = value_number(session, value, &addr, problem);

	if (error)
		return error;
	/* It may end right before memory that is not there. */
	while (used < STRING_BYTES_MAX &&
	       session_read(session, addr + used, string + used, 1) == 0 && string[used])
		used++;
	if (!used && session_read(session, addr, string, 1))
		return problem_set(problem, -EFAULT, "cannot read the string at 0x%llx",
				   (unsigned long long)addr);
	string[used] = '\0';
	text_add(text, conversion, string);
	return 0;
}

/* conversion: `%`, flags, width and precision, room for the length and the letter. */
static int add_converted(struct session *session, struct value *value, char *conversion,
			 char letter, struct text *text, struct problem *problem)
{
	size_t used = strlen(conversion);
	long double real;
	uint64_t number;
	int error;

	if (strchr("eEfFgGaA", letter)) {
		snprintf(conversion + used, CONVERSION_BYTES - used, "L%c", letter);
		error = value_real(session, value, &real, problem);
		if (!error)
			text_add(text, conversion, real);
		return error;
	}
	if (letter == 's') {
		snprintf(conversion + used, CONVERSION_BYTES - used, "s");
		return add_string(session, value, conversion, text, problem);
	}
	error = value_number(session, value, &number, problem);
	if (error)
		return error;
	if (letter == 'c') {
		snprintf(conversion + used, CONVERSION_BYTES - used, "c");
		text_add(text, conversion, (int)(unsigned char)number);
	} else if (letter == 'p') {
		text_add(text, "0x%llx", (unsigned long long)number);
	} else {
		/* Unsigned ones show the bits the value has. */
		if (letter != 'd' && letter != 'i' && value->bytes_count < 8 && value->bytes_count)
			number &= (1ULL << 8 * value->bytes_count) - 1;
		snprintf(conversion + used, CONVERSION_BYTES - used, "ll%c", letter);
		text_add(text, conversion, (unsigned long long)number);
	}
	return 0;
}

/* *format stands behind the `%`. */
static int convert(struct session *session, const char **format, const char **words,
		   struct text *text, struct problem *problem)
{
	char conversion[CONVERSION_BYTES] = "%", *argument, letter;
	size_t used = 1, flags = strspn(*format, "-+ #0123456789.");
	struct value *value;
	int error;

	if (flags > CONVERSION_BYTES - 8 || strspn(*format, "-+ #0123456789.") != flags)
		return problem_set(problem, -EINVAL, "a conversion of the format is too long");
	memcpy(conversion + used, *format, flags);
	conversion[used + flags] = '\0';
	*format += flags;
	*format += strspn(*format, "hlqjztL");
	letter = **format;
	if (!letter || !strchr("diouxXcspeEfFgGaA", letter))
		return problem_set(problem, -EINVAL, "the format has %%%c, which is no conversion",
				   letter ? letter : ' ');
	*format += 1;
	argument = next_argument(session, words);
	if (!argument)
		return problem_set(problem, -EINVAL, "the format wants more values");
	error = eval_expression(session, argument, &value, problem);
	problem->column = -1;
	return error ? error : add_converted(session, value, conversion, letter, text, problem);
}

static char escaped(char c)
{
	static const char from[] = "nrtabfve", to[] = "\n\r\t\a\b\f\v\033";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : c;
}

int print_formatted(struct session *session, const char *words, struct text *text,
		    struct problem *problem)
{
	const char *end = words, *format;
	int error = 0;

	if (*words != '"')
		return problem_set(problem, -EINVAL, "a format in double quotes is wanted first");
	for (end++; *end && *end != '"'; end++)
		if (*end == '\\' && end[1])
			end++;
	if (!*end)
		return problem_set(problem, -EINVAL, "the format has no end");
	format = arena_text_bytes(&session->arena, words + 1, (size_t)(end - words - 1));
	words = end + 1;
	while (*format && !error) {
		char c = *format++;

		if (c == '\\' && *format)
			text_add(text, "%c", escaped(*format++));
		else if (c == '%' && *format == '%')
			text_add(text, "%c", *format++);
		else if (c == '%')
			error = convert(session, &format, &words, text, problem);
		else
			text_add(text, "%c", c);
	}
	if (!error && next_argument(session, &words))
		error = problem_set(problem, -EINVAL, "the format wants fewer values");
	return error;
}
