/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines typed at a terminal: editing, history, completion. The only file that knows the library for
 * it. */
#include <stdio.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "duster/engine/eval.h"
#include "duster/frontends/cli/cli.h"
#include "duster/symbols/names.h"

#define HISTORY_LINES 1000

static struct cli *active; /* of the line being completed; the library passes no context */

/* ---- Completion ---- */

struct matches {
	char **names;
	size_t count, room, at;
};

static struct matches matches;

static void add_match(const char *name, const char *prefix)
{
	size_t bytes = strlen(prefix);

	if (strncmp(name, prefix, bytes) != 0)
		return;
	if (matches.count == matches.room) {
		size_t room = matches.room ? 2 * matches.room : 64;
		char **more = realloc(matches.names, room * sizeof(char *));

		if (!more)
			return;
		matches.names = more;
		matches.room = room;
	}
	matches.names[matches.count] = strdup(name);
	if (matches.names[matches.count])
		matches.count++;
}

/* The library frees each string it is given. */
static char *next_match(const char *text, int state)
{
	(void)text;
	if (!state)
		matches.at = 0;
	return matches.at < matches.count ? matches.names[matches.at++] : NULL;
}

static void add_commands(const struct command *table, const char *prefix)
{
	for (; table->name; table++)
		add_match(table->name, prefix);
}

static void add_names(const char *prefix)
{
	const struct name_entry *entries;
	const char *last = "";
	size_t count;

	if (!active->session.image)
		return;
	entries = names_all(active->session.image, &count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(entries[i].name, last) != 0)
			add_match(entries[i].name, prefix);
		last = entries[i].name;
	}
	for (size_t i = 0; i < active->session.image->symbols_count && !matches.count; i++)
		add_match(active->session.image->symbols[i].name, prefix);
}

static bool add_local(void *context, const struct variable *variable)
{
	add_match(variable->name, context);
	return true;
}

static void add_locals(const char *prefix)
{
	struct frame *frame = session_selected_frame(&active->session);

	for (unsigned int i = 0; frame && i < frame->chain.count; i++)
		scope_variables(&frame->chain.dies[i], add_local, (void *)prefix);
}

static void add_members(struct type *type, const char *prefix, unsigned int depth)
{
	size_t count;
	const struct member *members = type_members(type, &count);

	for (size_t i = 0; i < count; i++) {
		if (members[i].name)
			add_match(members[i].name, prefix);
		else if (members[i].type && depth < 8)
			add_members(type_strip(members[i].type), prefix, depth + 1);
	}
}

/* Source files, by the last part of their names: as `break` takes them. */
static void add_source(void *context, const char *path)
{
	const char *slash = strrchr(path, '/');

	add_match(slash ? slash + 1 : path, context);
}

static void add_sources(const char *prefix)
{
	if (active->session.image && active->session.image->dwarf)
		line_files(active->session.image, add_source, (void *)prefix);
}

/* What stands before `.` or `->` is an expression: its members. False: no member is wanted. */
static bool complete_member(int start, const char *prefix)
{
	int end = start, begin;
	char *expression;
	struct value *value;

	if (end > 0 && rl_line_buffer[end - 1] == '.')
		end--;
	else if (end > 1 && strncmp(rl_line_buffer + end - 2, "->", 2) == 0)
		end -= 2;
	else
		return false;
	begin = end;
	while (begin > 0 && (isalnum((unsigned char)rl_line_buffer[begin - 1]) ||
			     strchr("_.$>-[]", rl_line_buffer[begin - 1])))
		begin--;
	expression = strndup(rl_line_buffer + begin, (size_t)(end - begin));
	if (expression) {
		session_begin_command(&active->session);
		active->session.skip = 0;
		if (eval_expression(&active->session, expression, &value, NULL) == 0) {
			struct type *type = type_strip(value->type);

			if (type->kind == TYPE_POINTER)
				type = type_strip(type_target(type));
			add_members(type, prefix, 0);
		}
		free(expression);
	}
	return true;
}

static char **complete(const char *text, int start, int end)
{
	const char *line = cli_skip_blanks(rl_line_buffer);
	size_t bytes = strcspn(line, " /");
	const struct command *command;
	bool several;

	(void)end;
	matches.count = 0;
	rl_attempted_completion_over = 1;
	if (start <= (int)(line - rl_line_buffer)) {
		add_commands(cli_commands, text);
		return rl_completion_matches(text, next_match);
	}
	command = cli_find(cli_commands, line, bytes, &several);
	switch (command ? command->completes : COMPLETE_NOTHING) {
	case COMPLETE_FILE:
		rl_attempted_completion_over = 0;
		return NULL;
	case COMPLETE_COMMAND:
		add_commands(cli_commands, text);
		break;
	case COMPLETE_INFO:
		add_commands(cli_info_commands, text);
		break;
	case COMPLETE_EXPRESSION:
	case COMPLETE_PLACE:
		if (!complete_member(start, text)) {
			if (command->completes == COMPLETE_PLACE)
				add_sources(text);
			add_locals(text);
			add_names(text);
		}
		break;
	default:
		return NULL;
	}
	return rl_completion_matches(text, next_match);
}

/* ---- Reading ---- */

static FILE *history_file; /* NULL: none */

void cli_open_history(void)
{
	const char *home = getenv("HOME");
	char *path;
	int fd;

	if (!home || !isatty(STDIN_FILENO) || asprintf(&path, "%s/.duster_history", home) < 0)
		return;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(path);
	history_file = fd >= 0 ? fdopen(fd, "r+") : NULL;
	if (fd >= 0 && !history_file)
		close(fd);
}

static void read_lines(void)
{
	char *line = NULL;
	size_t room = 0;

	while (history_file && getline(&line, &room, history_file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		add_history(line);
	}
	free(line);
}

static void write_lines(void)
{
	HIST_ENTRY **entries = history_list();

	if (!history_file || fseek(history_file, 0, SEEK_SET) || ftruncate(fileno(history_file), 0))
		return;
	for (; entries && *entries; entries++)
		fprintf(history_file, "%s\n", (*entries)->line);
	fclose(history_file);
	history_file = NULL;
}

static volatile sig_atomic_t ctrl_c_came; /* and nobody said so yet */

static void note_ctrl_c(int signal_number)
{
	(void)signal_number;
	ctrl_c_came = 1;
}

/* Readline is about to read: Ctrl-C from here on is drop_line()'s. */
static int say_ctrl_c(void)
{
	if (ctrl_c_came)
		puts("Quit");
	ctrl_c_came = 0;
	return 0;
}

/* Ctrl-C: a new line. */
static int drop_line(void)
{
	ctrl_c_came = 0;
	puts("Quit");
	rl_replace_line("", 1);
	rl_on_new_line();
	rl_redisplay();
	return 0;
}

/* While readline waits for a key: it does not call drop_line() for a signal that came elsewhere. */
static int look_for_ctrl_c(void)
{
	return ctrl_c_came ? drop_line() : 0;
}

/* Ctrl-C at the prompt is for the line, and for nobody else. While a command runs it is for the
 * guest; without one that could be stopped the first is only noted, the second ends us. */
static char *read_line(const char *prompt)
{
	struct sigaction action = {.sa_handler = note_ctrl_c}, before;
	char *line;

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, &before);
	line = readline(prompt);
	if (before.sa_handler == SIG_DFL || before.sa_handler == note_ctrl_c) {
		before = action;
		before.sa_flags = SA_RESETHAND;
	}
	sigaction(SIGINT, &before, NULL);
	return line;
}

static void interact_terminal(struct cli *cli)
{
	char *line = NULL;

	active = cli;
	rl_readline_name = "duster";
	rl_attempted_completion_function = complete;
	rl_basic_word_break_characters = " \t\n\"\\'`@$><=;|&{(.-,+*/[!~";
	using_history();
	stifle_history(HISTORY_LINES);
	read_lines();
	rl_signal_event_hook = drop_line;
	rl_startup_hook = say_ctrl_c;
	rl_event_hook = look_for_ctrl_c;
	while (!cli->quit && (line = read_line(cli->collecting ? ">" : "(duster) ")) != NULL) {
		const char *text = cli_skip_blanks(line);

		if (*text)
			add_history(text);
		if (*text && !cli->collecting)
			cli_note_last(cli, text);
		(void)cli_run_line(cli, *text ? text : cli->last);
		free(line);
	}
	if (!line)
		puts("quit");
	write_lines();
	free(matches.names);
}

void cli_interact(struct cli *cli)
{
	char *line = NULL;
	size_t room = 0;

	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
		interact_terminal(cli);
		return;
	}
	while (!cli->quit && getline(&line, &room, stdin) > 0)
		(void)cli_run_line(cli, line);
	free(line);
}
