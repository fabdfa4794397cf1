/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's views as tables: rows are gathered, then written with columns as wide as needed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "duster/engine/view.h"
#include "duster/frontends/cli/cli.h"

#define TRIES 8u

struct table_row {
	struct view_field fields[VIEW_FIELDS_MAX];
	size_t count;
};

struct table {
	struct cli *cli;
	struct table_row *rows;
	size_t count, room;
	const char *notes[64];
	size_t notes_count;
};

static void add_row(void *context, const struct view_field *fields, size_t count)
{
	struct table *table = context;
	struct table_row *row;

	if (table->count == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		struct table_row *more =
			arena_array(&table->cli->session.arena, room, sizeof(*more));

		if (table->count)
			memcpy(more, table->rows, table->count * sizeof(*more));
		table->rows = more;
		table->room = room;
	}
	row = &table->rows[table->count++];
	memcpy(row->fields, fields, count * sizeof(*fields));
	row->count = count;
}

static void add_note(void *context, const char *text)
{
	struct table *table = context;

	if (table->notes_count < sizeof(table->notes) / sizeof(table->notes[0]))
		table->notes[table->notes_count++] = text;
}

static const char *cell(const struct view_field *field, char *text, size_t bytes)
{
	if (field->kind == VIEW_TEXT)
		return field->text;
	snprintf(text, bytes, field->kind == VIEW_ADDRESS ? "0x%llx" : "%llu",
		 (unsigned long long)field->number);
	return text;
}

static void say_cell(struct cli *cli, const struct view_field *field, int width, bool last)
{
	char text[32];
	const char *words = cell(field, text, sizeof(text));

	if (last)
		say(cli, "%s", words);
	else if (field->kind == VIEW_NUMBER)
		say(cli, "%*s  ", width, words);
	else
		say(cli, "%-*s  ", width, words);
}

static void say_table(struct cli *cli, const struct table *table)
{
	size_t widths[VIEW_FIELDS_MAX] = {0}, columns = table->count ? table->rows[0].count : 0;

	for (size_t i = 0; i < columns; i++)
		widths[i] = strlen(table->rows[0].fields[i].name);
	for (size_t i = 0; i < table->count; i++)
		for (size_t j = 0; j < table->rows[i].count; j++) {
			char text[32];
			size_t bytes = strlen(cell(&table->rows[i].fields[j], text, sizeof(text)));

			if (bytes > widths[j])
				widths[j] = bytes;
		}
	for (size_t i = 0; i < columns; i++) {
		struct view_field head = {.kind = table->rows[0].fields[i].kind == VIEW_NUMBER
							  ? VIEW_NUMBER
							  : VIEW_TEXT,
					  .text = table->rows[0].fields[i].name};
		bool last = i + 1 == columns;

		say(cli, head.kind == VIEW_NUMBER ? "%*s" : "%-*s", last ? 0 : (int)widths[i],
		    head.text);
		say(cli, last ? "\n" : "  ");
	}
	for (size_t i = 0; i < table->count; i++) {
		for (size_t j = 0; j < table->rows[i].count; j++)
			say_cell(cli, &table->rows[i].fields[j], (int)widths[j],
				 j + 1 == table->rows[i].count);
		say(cli, "\n");
	}
	for (size_t i = 0; i < table->notes_count; i++)
		say(cli, "%s\n", table->notes[i]);
}

static void table_fields(struct cli *cli, const struct table *table)
{
	text_add(&cli->fields, ",\"rows\":[");
	for (size_t i = 0; i < table->count; i++) {
		text_add(&cli->fields, i ? ",{" : "{");
		for (size_t j = 0; j < table->rows[i].count; j++) {
			const struct view_field *field = &table->rows[i].fields[j];

			text_add(&cli->fields, "%s\"%s\":", j ? "," : "", field->name);
			if (field->kind == VIEW_TEXT)
				text_add_json(&cli->fields, field->text);
			else
				text_add(&cli->fields, "%llu", (unsigned long long)field->number);
		}
		text_add(&cli->fields, "}");
	}
	text_add(&cli->fields, "],\"notes\":[");
	for (size_t i = 0; i < table->notes_count; i++) {
		text_add(&cli->fields, "%s", i ? "," : "");
		text_add_json(&cli->fields, table->notes[i]);
	}
	text_add(&cli->fields, "]");
}

static int show_view(struct cli *cli, const char *name, const char *words, struct problem *problem)
{
	const struct view *view = views;
	struct table table;
	int error = -EAGAIN;

	while (view->name && strcmp(view->name, name) != 0)
		view++;
	if (!view->name)
		return problem_set(problem, -ENOENT, "no view %s", name);
	/* What changed under our eyes is looked at again. */
	for (unsigned int i = 0; i < TRIES && error == -EAGAIN; i++) {
		table = (struct table){.cli = cli};
		error = view->run(&cli->session, words,
				  &(struct view_sink){&table, add_row, add_note}, problem);
	}
	if (error && !table.count)
		return error;
	say_table(cli, &table);
	table_fields(cli, &table);
	return error;
}

#define VIEW_COMMAND(name)                                                                         \
	COMMAND(name)                                                                              \
	{                                                                                          \
		return show_view(cli, #name, words, problem);                                      \
	}
VIEW_COMMAND(areas)
VIEW_COMMAND(events)
VIEW_COMMAND(fds)
VIEW_COMMAND(grants)
VIEW_COMMAND(heap)
VIEW_COMMAND(locks)
VIEW_COMMAND(sockets)
VIEW_COMMAND(xenbus)
