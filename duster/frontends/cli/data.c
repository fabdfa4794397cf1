/* SPDX-License-Identifier: BSD-2-Clause */
/* Values and memory: print, ptype, whatis, x, set, find, dump, restore. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duster/arch/x86_64.h"
#include "duster/engine/convenience.h"
#include "duster/engine/eval.h"
#include "duster/engine/format.h"
#include "duster/engine/inspect.h"
#include "duster/frontends/cli/cli.h"

/* Where in the command's words an expression begins, for the caret. */
static int shifted(struct problem *problem, int error, const char *words, const char *expression)
{
	if (error && problem->column >= 0)
		problem->column += (int)(expression - words);
	return error;
}

/* ---- print, ptype, whatis ---- */

COMMAND(print)
{
	struct session *session = &cli->session;
	const char *expression = words;
	struct format format;
	struct value *value;
	struct text text = {0};
	unsigned int count = 1, bytes = 0, number;
	char letter = 0;
	int error = cli_take_format(&expression, &count, &letter, &bytes, problem);

	if (error)
		return error;
	if (!*expression)
		expression = "$";
	error = eval_expression(session, expression, &value, problem);
	if (error)
		return shifted(problem, error, words, expression);
	if (value->place != VALUE_LOST && type_strip(value->type)->kind != TYPE_FUNCTION) {
		error = value_load(session, value, problem);
		if (error)
			return error;
	}
	format = format_of(session, letter);
	format_value(session, value, &format, &text);
	if (type_strip(value->type)->kind == TYPE_VOID) {
		say(cli, "$%u = %s\n", history_add(session, value), text_get(&text));
	} else {
		number = history_add(session, value);
		say(cli, "$%u = %s\n", number, text_get(&text));
		cli_field_number(cli, "number", number);
	}
	cli_field(cli, "value", text_get(&text));
	cli_field(cli, "type", type_name(&session->arena, value->type, NULL));
	text_free(&text);
	return 0;
}

static int type_of(struct cli *cli, const char *words, struct type **type_out,
		   struct value **value_out, struct problem *problem)
{
	int error;

	if (!*words)
		return problem_set(problem, -EINVAL, "an expression or a type is wanted");
	error = eval_type_or_expression(&cli->session, words, type_out, value_out, problem);
	if (!error && *value_out)
		*type_out = (*value_out)->type;
	return error;
}

COMMAND(ptype)
{
	struct type *type;
	struct value *value;
	struct text text = {0};
	bool with_offsets = words[0] == '/' && words[1] == 'o' && (!words[2] || words[2] == ' ');
	int error;

	if (with_offsets)
		words = cli_skip_blanks(words + 2);
	else if (*words == '/')
		return problem_set(problem, -EINVAL, "/o: with offsets and sizes");
	error = type_of(cli, words, &type, &value, problem);
	if (error)
		return error;
	format_type(&cli->session, type, with_offsets, &text);
	say(cli, "type = %s\n", text_get(&text));
	cli_field(cli, "type", text_get(&text));
	text_free(&text);
	return 0;
}

COMMAND(whatis)
{
	struct session *session = &cli->session;
	struct type *type, *strip;
	struct value *value;
	struct text text = {0};
	uint64_t addr;
	int error = type_of(cli, words, &type, &value, problem);

	if (error)
		return error;
	/* Of a typedef itself: one step; of a value: its type as it is. */
	if (!value && type->kind == TYPE_TYPEDEF)
		type = type_target(type);
	say(cli, "type = %s\n", type_name(&session->arena, type, NULL));
	cli_field(cli, "type", type_name(&session->arena, type, NULL));
	if (!value)
		return 0;
	strip = type_strip(type);
	if (strip->kind != TYPE_POINTER && strip->kind != TYPE_FUNCTION &&
	    !(strip->kind == TYPE_INT && value->bytes_count == 8))
		return 0;
	if (value_number(session, value, &addr, NULL) || addr < 4096)
		return 0;
	inspect_explain(session, addr, &text);
	if (strcmp(text_get(&text), "nothing known") != 0) {
		say(cli, "0x%llx: %s\n", (unsigned long long)addr, text_get(&text));
		cli_field(cli, "address", text_get(&text));
	}
	text_free(&text);
	return 0;
}

/* ---- x ---- */

static int read_for_disassembly(void *context, uint64_t addr, void *to, size_t bytes)
{
	return session_read(context, addr, to, bytes);
}

static void symbolize(void *context, uint64_t addr, struct text *text)
{
	char name[256];

	if (session_symbolize(context, addr, name, sizeof(name)))
		text_add(text, " <%s>", name);
}

static void say_address(struct cli *cli, uint64_t addr)
{
	char name[256];

	say(cli, "0x%llx", (unsigned long long)addr);
	if (session_symbolize(&cli->session, addr, name, sizeof(name)))
		say(cli, " <%s>", name);
	say(cli, ":");
}

static int unreadable(uint64_t addr, struct problem *problem)
{
	return problem_set(problem, -EFAULT, "Cannot access memory at address 0x%llx",
			   (unsigned long long)addr);
}

static int examine_code(struct cli *cli, struct problem *problem)
{
	struct arch_reader reader = {&cli->session, read_for_disassembly, symbolize,
				     cli->session.settings.intel};
	struct frame *frame = session_selected_frame(&cli->session);

	for (unsigned int i = 0; i < cli->x_count; i++) {
		struct text text = {0};
		unsigned int bytes;

		if (arch_disassemble(&reader, cli->x_addr, &text, &bytes)) {
			text_free(&text);
			return unreadable(cli->x_addr, problem);
		}
		say(cli, frame && frame->pc == cli->x_addr ? "=> " : "   ");
		say_address(cli, cli->x_addr);
		say(cli, "\t%s\n", text_get(&text));
		text_free(&text);
		cli->x_addr += bytes;
	}
	return 0;
}

static int examine_strings(struct cli *cli, struct problem *problem)
{
	for (unsigned int i = 0; i < cli->x_count; i++) {
		struct text text = {0};
		uint64_t bytes;

		if (!format_string_at(&cli->session, cli->x_addr,
				      cli->session.settings.elements_max, &text, &bytes)) {
			text_free(&text);
			return unreadable(cli->x_addr, problem);
		}
		say_address(cli, cli->x_addr);
		say(cli, "\t%s\n", text_get(&text));
		text_free(&text);
		cli->x_addr += bytes;
	}
	return 0;
}

/* As many units on a line as gdb puts there. */
static unsigned int units_per_line(char letter, unsigned int bytes)
{
	static const unsigned int hexadecimal[] = {[1] = 8, [2] = 8, [4] = 4, [8] = 2};

	if (letter == 't')
		return bytes == 1 ? 8 : bytes == 2 ? 8 : bytes == 4 ? 2 : 1;
	if (letter == 'a' || letter == 'f')
		return letter == 'f' && bytes == 4 ? 4 : 2;
	return hexadecimal[bytes];
}

static void say_unit(struct cli *cli, const uint8_t *unit)
{
	struct session *session = &cli->session;
	uint64_t number = 0;
	struct text text = {0};

	memcpy(&number, unit, cli->x_bytes);
	if (cli->x_letter == 'f') {
		struct value *value = value_double(
			session, value_base(session, cli->x_bytes == 4 ? BASE_FLOAT : BASE_DOUBLE),
			value_real_of(unit, cli->x_bytes));
		struct format format = format_of(session, 0);

		format_value(session, value, &format, &text);
	} else if (cli->x_letter == 'x') {
		text_add(&text, "0x%0*llx", (int)(2 * cli->x_bytes), (unsigned long long)number);
	} else if (cli->x_letter == 't') {
		for (unsigned int bit = cli->x_bytes * 8; bit-- > 0;)
			text_add(&text, "%c", number >> bit & 1 ? '1' : '0');
	} else {
		format_number(session, number, cli->x_bytes, cli->x_letter, &text);
	}
	say(cli, "\t%s", text_get(&text));
	text_free(&text);
}

static int examine_units(struct cli *cli, struct problem *problem)
{
	unsigned int per_line = units_per_line(cli->x_letter, cli->x_bytes);
	uint64_t bytes = (uint64_t)cli->x_count * cli->x_bytes;
	uint8_t *memory;
	size_t done;

	if (bytes > VALUE_BYTES_MAX)
		return problem_set(problem, -E2BIG, "too much at once");
	memory = arena_alloc(&cli->session.arena, bytes);
	(void)session_read_some(&cli->session, cli->x_addr, memory, bytes, &done);
	for (unsigned int i = 0; i < cli->x_count; i++) {
		if ((i + 1) * (size_t)cli->x_bytes > done) {
			if (i % per_line)
				say(cli, "\n");
			return unreadable(cli->x_addr, problem);
		}
		if (i % per_line == 0)
			say_address(cli, cli->x_addr);
		say_unit(cli, memory + (size_t)i * cli->x_bytes);
		if (i % per_line == per_line - 1 || i + 1 == cli->x_count)
			say(cli, "\n");
		cli->x_addr += cli->x_bytes;
	}
	return 0;
}

COMMAND(x)
{
	const char *expression = words;
	unsigned int count = 1, bytes = 0;
	char letter = 0;
	int error = cli_take_format(&expression, &count, &letter, &bytes, problem);

	if (error)
		return error;
	cli->x_count = count;
	if (letter)
		cli->x_letter = letter;
	if (!cli->x_letter || cli->x_letter == 'z')
		cli->x_letter = 'x';
	if (bytes)
		cli->x_bytes = bytes;
	else if (letter == 'a')
		cli->x_bytes = 8;
	else if (letter == 'c')
		cli->x_bytes = 1;
	else if (letter == 'f' && cli->x_bytes < 4)
		cli->x_bytes = 8;
	if (!cli->x_bytes)
		cli->x_bytes = 4;
	if (*expression) {
		struct value *value;

		error = eval_expression(&cli->session, expression, &value, problem);
		if (error)
			return shifted(problem, error, words, expression);
		/* Of an object its address, of a pointer or number the value. */
		if (value->place == VALUE_MEMORY && (type_strip(value->type)->kind == TYPE_STRUCT ||
						     type_strip(value->type)->kind == TYPE_UNION ||
						     type_strip(value->type)->kind == TYPE_UNKNOWN))
			cli->x_addr = value->addr;
		else
			error = value_number(&cli->session, value, &cli->x_addr, problem);
		if (error)
			return error;
	}
	cli_field_number(cli, "address", cli->x_addr);
	if (cli->x_letter == 'i')
		return examine_code(cli, problem);
	return cli->x_letter == 's' ? examine_strings(cli, problem) : examine_units(cli, problem);
}

/* ---- set, show ---- */

static bool *flag_setting(struct session *session, const char *name)
{
	if (strcmp(name, "pretty") == 0)
		return &session->settings.pretty;
	return strcmp(name, "past-main") == 0 ? &session->settings.past_main : NULL;
}

/* Of gdb: what a script sets out of habit, and here is so anyway. */
static bool is_moot(const char *name)
{
	static const char *const names[] = {"pagination", "confirm", "height", "width",  "verbose",
					    "history",    "color",   "style",  "logging"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static unsigned int *number_setting(struct session *session, const char *name)
{
	if (strcmp(name, "elements") == 0)
		return &session->settings.elements_max;
	if (strcmp(name, "repeats") == 0)
		return &session->settings.repeats;
	return strcmp(name, "limit") == 0 ? &session->settings.frames_max : NULL;
}

/* `set print pretty on`, `set pretty on`: true when it was a setting. */
static bool set_setting(struct cli *cli, const char *words, int *error_out, struct problem *problem)
{
	char *name = cli_take_word(cli, &words), *value;
	unsigned int *number;
	bool *flag;

	if (name && (strcmp(name, "print") == 0 || strcmp(name, "backtrace") == 0))
		name = cli_take_word(cli, &words);
	if (!name || *words == '=')
		return false;
	value = cli_take_word(cli, &words);
	if (strcmp(name, "timeout") == 0 && value) {
		double seconds = strtod(value, NULL);

		cli->session.settings.timeout_ms =
			seconds > 0 && seconds < 1e6 ? (int)(seconds * 1000) : -1;
		*error_out = 0;
		return true;
	}
	if (strcmp(name, "disassembly-flavor") == 0 && value) {
		cli->session.settings.intel = strcmp(value, "intel") == 0;
		*error_out = 0;
		return true;
	}
	flag = flag_setting(&cli->session, name);
	number = strcmp(name, "listsize") == 0 ? &cli->list_lines
					       : number_setting(&cli->session, name);
	if (!flag && !number && is_moot(name)) {
		say(cli, "duster has no setting `%s`, and does not wait or ask.\n", name);
		*error_out = 0;
		return true;
	}
	if (!flag && !number)
		return false;
	*error_out = 0;
	if (flag && (!value || strcmp(value, "on") == 0 || strcmp(value, "off") == 0)) {
		*flag = !value || strcmp(value, "on") == 0;
	} else if (number && value) {
		char *end;

		*number = strcmp(value, "unlimited") == 0
				  ? (number == &cli->list_lines ? UINT32_MAX / 2 : 0)
				  : (unsigned int)strtoul(value, &end, 0);
	} else {
		*error_out = problem_set(problem, -EINVAL, "set %s %s", name,
					 flag ? "on|off" : "NUMBER|unlimited");
	}
	if (number == &cli->session.settings.frames_max && !*number)
		*number = FRAMES_MAX;
	session_forget_frames(&cli->session);
	return true;
}

COMMAND(set)
{
	const char *expression = words;
	struct value *value;
	int error = 0;

	if (set_setting(cli, words, &error, problem))
		return error;
	if (strncmp(expression, "var ", 4) == 0 || strncmp(expression, "variable ", 9) == 0)
		expression = cli_skip_blanks(expression + strcspn(expression, " "));
	if (!*expression)
		return problem_set(problem, -EINVAL, "set EXPRESSION = EXPRESSION");
	error = eval_expression(&cli->session, expression, &value, problem);
	return shifted(problem, error, words, expression);
}

COMMAND(show)
{
	const struct session_settings *settings = &cli->session.settings;

	(void)words;
	(void)problem;
	say(cli, "pretty %s\npast-main %s\n", settings->pretty ? "on" : "off",
	    settings->past_main ? "on" : "off");
	say(cli, "timeout %g s (-0.001: none)\n", settings->timeout_ms / 1000.0);
	say(cli, "elements %u (0: unlimited)\nrepeats %u\nlimit %u\n", settings->elements_max,
	    settings->repeats, settings->frames_max);
	say(cli, "listsize %u\ndisassembly-flavor %s\n", cli->list_lines,
	    settings->intel ? "intel" : "att");
	return 0;
}

/* ---- find, dump, restore ---- */

/* Splits at commas outside of parentheses, brackets and quotes; the parts are in the arena. */
static size_t split(struct cli *cli, const char *words, char **parts, size_t parts_max)
{
	const char *start = words;
	size_t count = 0;
	int depth = 0;
	char quote = 0;

	for (const char *at = words;; at++) {
		if (quote && *at) {
			quote = *at == quote ? 0 : quote;
			continue;
		}
		if (*at == '"' || *at == '\'')
			quote = *at;
		depth += *at == '(' || *at == '[';
		depth -= *at == ')' || *at == ']';
		if (*at && (*at != ',' || depth))
			continue;
		if (count < parts_max)
			parts[count++] =
				arena_text_bytes(&cli->session.arena, start, (size_t)(at - start));
		start = at + 1;
		if (!*at)
			return count;
	}
}

struct finding {
	struct cli *cli;
	unsigned int count, count_max;
};

static bool found(void *context, uint64_t addr)
{
	struct finding *finding = context;
	char name[256];

	say(finding->cli, "0x%llx", (unsigned long long)addr);
	if (session_symbolize(&finding->cli->session, addr, name, sizeof(name)))
		say(finding->cli, " <%s>", name);
	say(finding->cli, "\n");
	text_add(&finding->cli->fields, "%s\"0x%llx\"", finding->count ? "," : "",
		 (unsigned long long)addr);
	return ++finding->count < finding->count_max;
}

/* Appends one value's bytes to the pattern. */
static int add_pattern(struct cli *cli, const char *expression, unsigned int unit, uint8_t *pattern,
		       size_t *used, size_t room, struct problem *problem)
{
	struct value *value;
	uint64_t bytes;
	int error = eval_expression(&cli->session, expression, &value, problem);

	if (!error)
		error = value_load(&cli->session, value, problem);
	if (error)
		return error;
	bytes = unit ? unit : value->bytes_count;
	/* Strings are looked for without their NUL. */
	if (type_strip(value->type)->kind == TYPE_ARRAY && value->place == VALUE_PLAIN)
		bytes = value->bytes_count - 1;
	else if (bytes > value->bytes_count && bytes > 8)
		bytes = value->bytes_count;
	if (bytes > room - *used)
		return problem_set(problem, -E2BIG, "the pattern is too long");
	if (bytes > value->bytes_count) {
		uint64_t number = value_bits_of(value);

		memcpy(pattern + *used, &number, bytes);
	} else {
		memcpy(pattern + *used, value->bytes, bytes);
	}
	*used += bytes;
	return 0;
}

COMMAND(find)
{
	struct finding finding = {.cli = cli, .count_max = 1000};
	char *parts[34], letter = 0;
	unsigned int unit = 0;
	uint8_t pattern[1024];
	size_t used = 0, count;
	uint64_t from, to;
	int error = cli_take_format(&words, &finding.count_max, &letter, &unit, problem);

	if (error)
		return error;
	count = split(cli, words, parts, 34);
	if (count < 3)
		return problem_set(problem, -EINVAL, "find FROM, TO|+BYTES, VALUE...");
	error = eval_address(&cli->session, parts[0], &from, problem);
	parts[1] = (char *)cli_skip_blanks(parts[1]);
	if (!error)
		error = eval_address(&cli->session, parts[1] + (*parts[1] == '+'), &to, problem);
	if (!error && *parts[1] == '+')
		to += from - 1;
	for (size_t i = 2; i < count && !error; i++)
		error = add_pattern(cli, parts[i], unit, pattern, &used, sizeof(pattern), problem);
	if (error || !used) {
		problem->column = -1;
		return error ? error : problem_set(problem, -EINVAL, "an empty pattern");
	}
	if (to < from)
		return problem_set(problem, -EINVAL, "the range ends before it begins");
	text_add(&cli->fields, ",\"found\":[");
	error = inspect_find(&cli->session, from, to - from + 1, pattern, used, found, &finding,
			     problem);
	text_add(&cli->fields, "]");
	say(cli, finding.count ? "%u pattern%s found.\n" : "Pattern not found.\n", finding.count,
	    finding.count == 1 ? "" : "s");
	return error;
}

COMMAND(dump)
{
	struct session *session = &cli->session;
	char *path, *first, *last;
	uint64_t from, to;
	uint8_t *memory;
	FILE *file;
	int error;

	if (strncmp(words, "memory ", 7) == 0)
		words += 7;
	path = cli_take_word(cli, &words);
	first = cli_take_word(cli, &words);
	last = cli_take_word(cli, &words);
	if (!last)
		return problem_set(problem, -EINVAL, "dump FILE FROM TO");
	error = eval_address(session, first, &from, problem);
	if (!error)
		error = eval_address(session, last + (*last == '+'), &to, problem);
	problem->column = -1;
	if (error)
		return error;
	to += *last == '+' ? from : 0;
	if (to < from || to - from > VALUE_BYTES_MAX)
		return problem_set(problem, -ERANGE, "a range of up to %u bytes is wanted",
				   VALUE_BYTES_MAX);
	memory = arena_alloc(&session->arena, to - from);
	if (session_read(session, from, memory, to - from))
		return problem_set(problem, -EFAULT, "not all of the range can be read");
	file = fopen(path, "we");
	if (!file)
		return problem_set(problem, -errno, "%s: %s", path, strerror(errno));
	if (fwrite(memory, 1, to - from, file) != to - from)
		error = problem_set(problem, -EIO, "%s cannot be written", path);
	if (fclose(file) && !error)
		error = problem_set(problem, -EIO, "%s cannot be written", path);
	return error;
}

COMMAND(restore)
{
	struct session *session = &cli->session;
	char *path = cli_take_word(cli, &words), *where = cli_take_word(cli, &words);
	uint8_t *memory;
	uint64_t addr;
	size_t bytes;
	FILE *file;
	int error;

	if (!where)
		return problem_set(problem, -EINVAL, "restore FILE ADDR");
	error = eval_address(session, where, &addr, problem);
	problem->column = -1;
	if (error)
		return error;
	file = fopen(path, "re");
	if (!file)
		return problem_set(problem, -errno, "%s: %s", path, strerror(errno));
	memory = arena_alloc(&session->arena, VALUE_BYTES_MAX);
	bytes = fread(memory, 1, VALUE_BYTES_MAX, file);
	fclose(file);
	error = session_write(session, addr, memory, bytes, problem);
	if (!error)
		say(cli, "%zu bytes\n", bytes);
	session_forget_frames(session);
	return error;
}
