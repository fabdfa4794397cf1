/* SPDX-License-Identifier: BSD-2-Clause */
/* What is shown at each stop, and what is printed in passing: display, printf, dprintf. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duster/engine/eval.h"
#include "duster/engine/format.h"
#include "duster/engine/print.h"
#include "duster/engine/run.h"
#include "duster/frontends/cli/cli.h"

/* ---- display ---- */

struct display {
	struct display *next; /* in order of number */
	unsigned int number;
	const char *words; /* as after `display`: [/FMT] EXPR */
	bool examines;     /* memory, as x does: a count, i or s */
};

/* As x: its own place to go on at stays what it was. */
static int show_memory(struct cli *cli, const struct display *display, struct problem *problem)
{
	uint64_t addr = cli->x_addr;
	unsigned int count = cli->x_count, bytes = cli->x_bytes;
	char letter = cli->x_letter;
	int error;

	say(cli, "%u: x%s\n", display->number, display->words);
	error = command_x(cli, display->words, problem);
	cli->x_addr = addr;
	cli->x_count = count;
	cli->x_bytes = bytes;
	cli->x_letter = letter;
	return error;
}

static int show_value(struct cli *cli, const struct display *display, struct text *text,
		      struct problem *problem)
{
	const char *expression = display->words;
	unsigned int count = 1, bytes = 0;
	struct format format;
	struct value *value;
	char letter = 0;
	int error = cli_take_format(&expression, &count, &letter, &bytes, problem);

	if (!error)
		error = eval_expression(&cli->session, expression, &value, problem);
	if (error)
		return error;
	format = format_of(&cli->session, letter);
	format_value(&cli->session, value, &format, text);
	return 0;
}

static void show(struct cli *cli, const struct display *display, bool first)
{
	struct problem problem = {.column = -1};
	struct text text = {0};
	int error;

	if (display->examines) {
		error = show_memory(cli, display, &problem);
	} else {
		error = show_value(cli, display, &text, &problem);
		if (!error)
			say(cli, "%u: %s = %s\n", display->number, display->words, text_get(&text));
	}
	if (error) {
		text_clear(&text);
		text_add(&text, "<%s>", problem.text);
		say(cli, "%u: %s = %s\n", display->number, display->words, text_get(&text));
	}
	text_add(&cli->fields, "%s{\"number\":%u,\"expression\":", first ? "" : ",",
		 display->number);
	text_add_json(&cli->fields, display->words);
	text_add(&cli->fields, ",\"value\":");
	text_add_json(&cli->fields, text_get(&text));
	text_add(&cli->fields, "}");
	text_free(&text);
}

void cli_show_displays(struct cli *cli)
{
	if (!cli->displays)
		return;
	text_add(&cli->fields, ",\"displays\":[");
	for (const struct display *at = cli->displays; at; at = at->next)
		show(cli, at, at == cli->displays);
	text_add(&cli->fields, "]");
}

COMMAND(display)
{
	struct display *display, **end = &cli->displays;
	unsigned int count = 1, bytes = 0;
	const char *expression = words;
	char letter = 0;
	int error = cli_take_format(&expression, &count, &letter, &bytes, problem);

	if (error)
		return error;
	if (!*expression) {
		cli_show_displays(cli);
		return 0;
	}
	display = arena_alloc(&cli->session.kept, sizeof(*display));
	*display =
		(struct display){.number = ++cli->displays_made,
				 .words = arena_text(&cli->session.kept, words),
				 .examines = count > 1 || bytes || letter == 'i' || letter == 's'};
	while (*end)
		end = &(*end)->next;
	*end = display;
	text_add(&cli->fields, ",\"displays\":[");
	show(cli, display, true);
	text_add(&cli->fields, "]");
	return 0;
}

COMMAND(undisplay)
{
	char *word;

	if (!*words)
		cli->displays = NULL;
	while ((word = cli_take_word(cli, &words)) != NULL) {
		unsigned int number = (unsigned int)strtoul(word, NULL, 0);
		struct display **at = &cli->displays;

		while (*at && (*at)->number != number)
			at = &(*at)->next;
		if (!*at)
			return problem_set(problem, -ENOENT, "No display number %s.", word);
		*at = (*at)->next;
	}
	return 0;
}

COMMAND(info_display)
{
	(void)words;
	(void)problem;
	if (!cli->displays)
		say(cli, "There are no auto-display expressions now.\n");
	for (const struct display *at = cli->displays; at; at = at->next)
		say(cli, "%u: %s\n", at->number, at->words);
	return 0;
}

/* ---- printf ---- */

COMMAND(printf)
{
	struct text text = {0};
	int error = print_formatted(&cli->session, words, &text, problem);

	if (!error) {
		say(cli, "%s", text_get(&text));
		cli_field(cli, "printed", text_get(&text));
	}
	text_free(&text);
	return error;
}

struct passing {
	struct cli *cli;
	struct breakpoint *breakpoint;
	const char *words; /* of printf */
};

/* A breakpoint that never stops. */
static bool print_in_passing(void *context, struct session *session)
{
	struct passing *passing = context;
	struct problem problem = {.column = -1};
	struct text text = {0};
	struct value *value;
	bool is_true = true;
	int error = 0;

	if (passing->breakpoint->condition) {
		error = eval_expression(session, passing->breakpoint->condition, &value, &problem);
		if (!error)
			error = value_is_true(session, value, &is_true, &problem);
		if (!error && !is_true)
			return false;
	}
	passing->breakpoint->hits++;
	if (!error)
		error = print_formatted(session, passing->words, &text, &problem);
	cli_print_now(passing->cli, error ? problem.text : text_get(&text), error != 0);
	text_free(&text);
	return false;
}

COMMAND(dprintf)
{
	struct session *session = &cli->session;
	const char *comma = strchr(words, ',');
	struct passing *passing;
	struct breakpoint *breakpoint;
	char *place;
	size_t bytes;
	int error;

	if (!comma || *cli_skip_blanks(comma + 1) != '"')
		return problem_set(problem, -EINVAL, "dprintf PLACE,\"FORMAT\",EXPR...");
	for (bytes = (size_t)(comma - words); bytes && isspace((unsigned char)words[bytes - 1]);)
		bytes--;
	place = arena_text_bytes(&session->arena, words, bytes);
	error = run_break(session, place, false, false, &breakpoint, problem);
	problem->column = -1;
	if (error)
		return error;
	passing = arena_alloc(&session->kept, sizeof(*passing));
	*passing = (struct passing){cli, breakpoint,
				    arena_text(&session->kept, cli_skip_blanks(comma + 1))};
	breakpoint->filter = print_in_passing;
	breakpoint->filter_context = passing;
	breakpoint->text = arena_text(&session->kept, words);
	say(cli, "Dprintf %u at 0x%llx\n", breakpoint->number,
	    (unsigned long long)breakpoint->addrs[0]);
	cli_field_number(cli, "number", breakpoint->number);
	return 0;
}
