/* SPDX-License-Identifier: BSD-2-Clause */
/* Source and code: list, disassemble, directory, and info about the program's names. */
#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duster/arch/x86_64.h"
#include "duster/engine/eval.h"
#include "duster/engine/inspect.h"
#include "duster/frontends/cli/cli.h"
#include "duster/symbols/names.h"

/* ---- list ---- */

static int say_lines(struct cli *cli, const char *file, unsigned int from, unsigned int to,
		     struct problem *problem)
{
	const struct source *source;
	int error = inspect_source(&cli->session, file, &source, problem);

	if (error)
		return error;
	if (from > source->lines_count)
		return problem_set(problem, -ERANGE,
				   "Line number %u out of range; \"%s\" has %u lines.", from, file,
				   source->lines_count);
	for (unsigned int line = from; line <= to && line <= source->lines_count; line++)
		say(cli, "%u\t%s\n", line, source->lines[line - 1]);
	cli->list_line = to + 1;
	cli->list_first = from;
	return 0;
}

static int list_default(struct cli *cli, struct problem *problem)
{
	struct frame *frame = session_selected_frame(&cli->session);
	struct place place;

	if (cli->list_file)
		return 0;
	if (frame && frame->has_line) {
		cli->list_file = arena_text(&cli->session.kept, frame->line.file);
		cli->list_line = frame->line.number > 5 ? frame->line.number - 5 : 1;
		return 0;
	}
	if (cli->session.image && inspect_place(&cli->session, "main", false, &place, NULL) == 0 &&
	    place.file) {
		cli->list_file = arena_text(&cli->session.kept, place.file);
		cli->list_line = place.line > 5 ? place.line - 5 : 1;
		return 0;
	}
	return problem_set(problem, -ENOENT, "No symbol table is loaded: name a file and line");
}

COMMAND(list)
{
	struct place place;
	unsigned int from, to;
	int error = list_default(cli, problem);
	char *comma, *copy;

	if (error && !*words)
		return error;
	problem->text[0] = '\0';
	if (!*words)
		return say_lines(cli, cli->list_file, cli->list_line,
				 cli->list_line + cli->list_lines - 1, problem);
	copy = arena_text(&cli->session.arena, words);
	comma = strchr(copy, ',');
	if (strcmp(copy, "-") == 0) { /* what stands before the first line shown last */
		unsigned int first = cli->list_first ? cli->list_first : cli->list_line;

		if (error)
			return error;
		if (first <= 1)
			return problem_set(problem, -ERANGE, "Already at the start of %s.",
					   cli->list_file);
		from = first > cli->list_lines ? first - cli->list_lines : 1;
		error = say_lines(cli, cli->list_file, from, first - 1, problem);
		return error;
	}
	if (comma) {
		*comma = '\0';
		if (isdigit((unsigned char)*copy) && cli->list_file) {
			from = (unsigned int)strtoul(copy, NULL, 10);
			place.file = cli->list_file;
		} else {
			error = inspect_place(&cli->session, copy, false, &place, problem);
			from = place.line;
		}
		to = (unsigned int)strtoul(comma + 1, NULL, 10);
	} else if (isdigit((unsigned char)*copy) && cli->list_file && !strchr(copy, ':')) {
		unsigned int line = (unsigned int)strtoul(copy, NULL, 10);

		error = 0;
		place.file = cli->list_file;
		from = line > 5 ? line - 5 : 1;
		to = from + cli->list_lines - 1;
	} else {
		error = inspect_place(&cli->session, copy, false, &place, problem);
		from = error || place.line <= 5 ? 1 : place.line - 5;
		to = from + cli->list_lines - 1;
	}
	if (error)
		return error;
	if (!place.file)
		return problem_set(problem, -ENOENT, "no line is known for %s", words);
	cli->list_file = arena_text(&cli->session.kept, place.file);
	return say_lines(cli, cli->list_file, from ? from : 1, to, problem);
}

COMMAND(directory)
{
	(void)problem;
	if (*words)
		inspect_add_directory(&cli->session, words);
	return 0;
}

/* ---- disassemble ---- */

static int read_code(void *context, uint64_t addr, void *to, size_t bytes)
{
	return session_read(context, addr, to, bytes);
}

static void symbolize(void *context, uint64_t addr, struct text *text)
{
	char name[256];

	if (session_symbolize(context, addr, name, sizeof(name)))
		text_add(text, " <%s>", name);
}

struct disassembly {
	uint64_t from, to;
	const char *name;
	bool with_bytes, with_source;
};

/* FROM,TO and FROM,+N; else the function around an address. */
static int disassembly_range(struct cli *cli, const char *words, struct disassembly *d,
			     struct problem *problem)
{
	struct session *session = &cli->session;
	char *copy = arena_text(&session->arena, words), *comma = strchr(copy, ',');
	const struct symbol *symbol;
	struct function function;
	struct frame *frame = session_selected_frame(session);
	int error = 0;

	if (comma)
		*comma++ = '\0';
	if (*copy) {
		error = eval_address(session, copy, &d->from, problem);
	} else if (frame) {
		d->from = frame->pc;
	} else {
		error = problem_set(problem, -ENODATA, "No frame selected.");
	}
	if (error)
		return error;
	if (comma) {
		bool relative;

		comma = (char *)cli_skip_blanks(comma);
		relative = *comma == '+';
		error = eval_address(session, comma + relative, &d->to, problem);
		d->to += relative ? d->from : 0;
		return error;
	}
	symbol = session->image ? image_symbol_at(session->image, d->from) : NULL;
	if (session->image && scope_function_at(session->image, d->from, &function)) {
		d->from = function.low;
		d->to = function.high;
		d->name = function.name;
	} else if (symbol) {
		d->from = symbol->addr;
		d->to = symbol->addr + (symbol->bytes ? symbol->bytes : 64);
		d->name = arena_text_bytes(&session->arena, symbol->name,
					   symbol_name_bytes(symbol->name));
	} else {
		return problem_set(problem, -ENOENT, "No function contains specified address.");
	}
	return 0;
}

static void say_source(struct cli *cli, uint64_t addr, struct line *last)
{
	const struct source *source;
	struct line line;

	if (!line_at(cli->session.image, addr, &line) ||
	    (last->file && strcmp(last->file, line.file) == 0 && last->number == line.number))
		return;
	if (!last->file || strcmp(last->file, line.file) != 0)
		say(cli, "%s:\n", line.file);
	if (inspect_source(&cli->session, line.file, &source, NULL) == 0 &&
	    line.number <= source->lines_count)
		say(cli, "%u\t%s\n", line.number, source->lines[line.number - 1]);
	else
		say(cli, "%u\tin %s\n", line.number, line.file);
	*last = line;
}

static int say_instructions(struct cli *cli, const struct disassembly *d, struct problem *problem)
{
	struct session *session = &cli->session;
	struct arch_reader reader = {session, read_code, symbolize, session->settings.intel};
	struct frame *frame = session_selected_frame(session);
	struct line last = {0};

	for (uint64_t addr = d->from; addr < d->to;) {
		struct text text = {0};
		char name[256];
		unsigned int bytes;
		uint8_t code[ARCH_INSTRUCTION_BYTES_MAX];

		if (d->with_source && session->image)
			say_source(cli, addr, &last);
		if (arch_disassemble(&reader, addr, &text, &bytes) ||
		    session_read(session, addr, code, bytes)) {
			text_free(&text);
			return problem_set(problem, -EFAULT,
					   "Cannot access memory at address 0x%llx",
					   (unsigned long long)addr);
		}
		say(cli, "%s 0x%016llx", frame && frame->pc == addr ? "=>" : "  ",
		    (unsigned long long)addr);
		if (d->name)
			say(cli, " <+%llu>:", (unsigned long long)(addr - d->from));
		else if (session_symbolize(session, addr, name, sizeof(name)))
			say(cli, " <%s>:", name);
		else
			say(cli, ":");
		for (unsigned int i = 0; d->with_bytes && i < bytes; i++)
			say(cli, "%s%02x", i ? " " : "\t", code[i]);
		say(cli, "\t%s\n", text_get(&text));
		text_free(&text);
		addr += bytes;
	}
	return 0;
}

COMMAND(disassemble)
{
	struct disassembly d = {0};
	int error;

	while (*words == '/') {
		for (words++; *words && !isspace((unsigned char)*words); words++) {
			if (*words == 'r')
				d.with_bytes = true;
			else if (*words == 'm' || *words == 's')
				d.with_source = true;
			else
				return problem_set(problem, -EINVAL, "/m /s: source, /r: bytes");
		}
		words = cli_skip_blanks(words);
	}
	error = disassembly_range(cli, words, &d, problem);
	problem->column = -1;
	if (error)
		return error;
	if (d.name)
		say(cli, "Dump of assembler code for function %s:\n", d.name);
	else
		say(cli, "Dump of assembler code from 0x%llx to 0x%llx:\n",
		    (unsigned long long)d.from, (unsigned long long)d.to);
	error = say_instructions(cli, &d, problem);
	say(cli, "End of assembler dump.\n");
	return error;
}

/* ---- info line, symbol, source ---- */

static void say_line_range(struct cli *cli, const struct line *line, const char *name)
{
	char end[256] = "";

	(void)session_symbolize(&cli->session, line->high, end, sizeof(end));
	say(cli, "Line %u of \"%s\" starts at address 0x%llx <%s> and ends at 0x%llx%s%s%s.\n",
	    line->number, line->file, (unsigned long long)line->low, name,
	    (unsigned long long)line->high, *end ? " <" : "", end, *end ? ">" : "");
}

COMMAND(info_line)
{
	struct place place;
	int error = inspect_place(&cli->session, words, false, &place, problem);

	if (error)
		return error;
	for (size_t i = 0; i < place.addrs_count; i++) {
		struct line line;
		char name[256] = "";

		(void)session_symbolize(&cli->session, place.addrs[i], name, sizeof(name));
		if (cli->session.image && line_at(cli->session.image, place.addrs[i], &line))
			say_line_range(cli, &line, name);
		else
			say(cli, "No line number information available for address 0x%llx <%s>\n",
			    (unsigned long long)place.addrs[i], name);
	}
	return 0;
}

COMMAND(info_symbol)
{
	const struct symbol *symbol;
	uint64_t addr;
	int error = eval_address(&cli->session, words, &addr, problem);

	if (error)
		return error;
	symbol = cli->session.image ? image_symbol_at(cli->session.image, addr) : NULL;
	if (!symbol)
		return problem_set(problem, -ENOENT, "No symbol matches %s.", words);
	if (addr == symbol->addr)
		say(cli, "%.*s\n", (int)symbol_name_bytes(symbol->name), symbol->name);
	else
		say(cli, "%.*s + %llu\n", (int)symbol_name_bytes(symbol->name), symbol->name,
		    (unsigned long long)(addr - symbol->addr));
	return 0;
}

struct file_list {
	struct cli *cli;
	const char **files;
	size_t count, room;
};

static void add_file(void *context, const char *path)
{
	struct file_list *list = context;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 256;
		const char **more =
			arena_array(&list->cli->session.arena, room, sizeof(const char *));

		if (list->count)
			memcpy(more, list->files, list->count * sizeof(const char *));
		list->files = more;
		list->room = room;
	}
	list->files[list->count++] = path;
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

COMMAND(info_source)
{
	struct file_list list = {.cli = cli};

	(void)words;
	if (!cli->session.image || !cli->session.image->dwarf)
		return problem_set(problem, -ENOENT, "no debug information");
	line_files(cli->session.image, add_file, &list);
	qsort(list.files, list.count, sizeof(const char *), compare_files);
	for (size_t i = 0; i < list.count; i++)
		if (!i || strcmp(list.files[i], list.files[i - 1]) != 0)
			say(cli, "%s\n", list.files[i]);
	return 0;
}

/* ---- info functions, variables, types ---- */

static void say_entry(struct cli *cli, const struct name_entry *entry)
{
	struct arena *arena = &cli->session.arena;
	Dwarf_Die die = entry->die;
	struct type *type;

	switch (entry->kind) {
	case NAME_FUNCTION:
		type = type_of_die(cli->session.image, &die);
		say(cli, "%s;\n", type_name(arena, type, entry->name));
		break;
	case NAME_VARIABLE:
		type = type_attribute(cli->session.image, &die);
		say(cli, "%s;\n", type_name(arena, type, entry->name));
		break;
	case NAME_TAG:
		type = type_of_die(cli->session.image, &die);
		say(cli, "%s;\n", type_name(arena, type, NULL));
		break;
	case NAME_TYPE:
		type = type_of_die(cli->session.image, &die);
		if (type->kind == TYPE_TYPEDEF)
			say(cli, "typedef %s;\n", type_name(arena, type_target(type), entry->name));
		else
			say(cli, "%s\n", entry->name);
		break;
	default:
		break;
	}
}

static int say_names(struct cli *cli, unsigned int kinds, const char *words,
		     struct problem *problem)
{
	const struct name_entry *entries;
	const char *last = NULL;
	regex_t regex;
	size_t count;

	if (!cli->session.image)
		return problem_set(problem, -ENOENT, "No symbol table is loaded");
	if (*words && regcomp(&regex, words, REG_EXTENDED | REG_NOSUB))
		return problem_set(problem, -EINVAL, "not a regular expression: %s", words);
	entries = names_all(cli->session.image, &count);
	text_add(&cli->fields, ",\"names\":[");
	for (size_t i = 0; i < count; i++) {
		if (!(kinds >> entries[i].kind & 1) ||
		    (last && strcmp(last, entries[i].name) == 0) ||
		    (*words && regexec(&regex, entries[i].name, 0, NULL, 0)))
			continue;
		say_entry(cli, &entries[i]);
		text_add(&cli->fields, "%s", last ? "," : "");
		text_add_json(&cli->fields, entries[i].name);
		last = entries[i].name;
	}
	text_add(&cli->fields, "]");
	if (*words)
		regfree(&regex);
	return 0;
}

COMMAND(info_functions)
{
	return say_names(cli, 1u << NAME_FUNCTION, words, problem);
}

COMMAND(info_variables)
{
	return say_names(cli, 1u << NAME_VARIABLE, words, problem);
}

COMMAND(info_types)
{
	return say_names(cli, 1u << NAME_TAG | 1u << NAME_TYPE, words, problem);
}

/* ---- info scope ---- */

static bool say_scope_variable(void *context, const struct variable *variable)
{
	struct cli *cli = context;
	Dwarf_Die die = variable->die;
	struct type *type = type_attribute(cli->session.image, &die);

	say(cli, "  %s;%s\n", type_name(&cli->session.arena, type, variable->name),
	    variable->is_parameter ? " (parameter)" : "");
	return true;
}

COMMAND(info_scope)
{
	struct scope_chain chain;
	struct place place;
	int error = inspect_place(&cli->session, words, false, &place, problem);

	if (error)
		return error;
	if (cli->session.image)
		scope_chain_at(cli->session.image, place.addrs[0], &chain);
	if (!cli->session.image || !chain.count)
		return problem_set(problem, -ENODATA, "no debug information there");
	for (unsigned int i = chain.count; i-- > 0;) {
		const char *name = dwarf_diename(&chain.dies[i]);

		say(cli, "%s:\n", name ? name : "block");
		scope_variables(&chain.dies[i], say_scope_variable, cli);
	}
	return 0;
}
