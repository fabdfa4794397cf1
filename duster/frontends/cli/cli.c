/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/frontends/cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_DEPTH_MAX 16u
#define LINE_BYTES_MAX   65536u

/* ---- Words ---- */

const char *cli_skip_blanks(const char *words)
{
	while (isspace((unsigned char)*words))
		words++;
	return words;
}

char *cli_take_word(struct cli *cli, const char **words)
{
	const char *start = cli_skip_blanks(*words), *end = start;

	while (*end && !isspace((unsigned char)*end))
		end++;
	*words = cli_skip_blanks(end);
	if (end == start)
		return NULL;
	return arena_text_bytes(&cli->session.arena, start, (size_t)(end - start));
}

int cli_take_format(const char **words, unsigned int *count, char *letter, unsigned int *bytes,
		    struct problem *problem)
{
	const char *at = *words;
	char *end;

	if (*at != '/')
		return 0;
	at++;
	if (isdigit((unsigned char)*at)) {
		*count = (unsigned int)strtoul(at, &end, 10);
		at = end;
	}
	for (; *at && !isspace((unsigned char)*at); at++) {
		switch (*at) {
		case 'b':
			*bytes = 1;
			break;
		case 'h':
			*bytes = 2;
			break;
		case 'w':
			*bytes = 4;
			break;
		case 'g':
			*bytes = 8;
			break;
		default:
			if (!strchr("xduotzcafsi", *at))
				return problem_set(problem, -EINVAL,
						   "Undefined output format \"%c\".", *at);
			*letter = *at;
		}
	}
	*words = cli_skip_blanks(at);
	return 0;
}

/* ---- Results ---- */

void cli_field(struct cli *cli, const char *name, const char *string)
{
	text_add(&cli->fields, ",\"%s\":", name);
	text_add_json(&cli->fields, string);
}

void cli_field_number(struct cli *cli, const char *name, uint64_t number)
{
	text_add(&cli->fields, ",\"%s\":%llu", name, (unsigned long long)number);
}

static void show_problem(struct cli *cli, const char *line, int error, const char *words,
			 const struct problem *problem)
{
	(void)cli;
	if (problem->column >= 0 && words) {
		fprintf(stderr, "  %s\n  %*s^\n", words, problem->column, "");
	}
	fprintf(stderr, "%s\n", problem->text[0] ? problem->text : strerror(-error));
	(void)line;
}

static void show_json(struct cli *cli, const char *line, int error, const struct problem *problem)
{
	struct text json = {0};

	text_add(&json, "{\"command\":");
	text_add_json(&json, line);
	text_add(&json, ",\"ok\":%s", error ? "false" : "true");
	if (error) {
		text_add(&json, ",\"error\":{\"number\":%d,\"text\":", -error);
		text_add_json(&json, problem->text[0] ? problem->text : strerror(-error));
		if (problem->column >= 0)
			text_add(&json, ",\"column\":%d", problem->column);
		text_add(&json, "}");
	}
	text_add(&json, "%s,\"text\":", text_get(&cli->fields));
	text_add_json(&json, text_get(&cli->out));
	text_add(&json, "}\n");
	fputs(text_get(&json), stdout);
	text_free(&json);
}

/* ---- Running ---- */

struct run {
	struct cli *cli;
	const struct command *command;
	const char *words;
	struct problem *problem;
};

static int run_guarded(void *context)
{
	struct run *run = context;

	return run->command->run(run->cli, run->words, run->problem);
}

const struct command *cli_find(const struct command *table, const char *name, size_t bytes,
			       bool *several_out)
{
	const struct command *found = NULL;

	*several_out = false;
	for (const struct command *command = table; command->name; command++) {
		const char *alias = command->aliases;

		if (strlen(command->name) == bytes && strncmp(command->name, name, bytes) == 0) {
			*several_out = false;
			return command;
		}
		while (alias && *alias) {
			size_t alias_bytes = strcspn(alias, " ");

			if (alias_bytes == bytes && strncmp(alias, name, bytes) == 0) {
				*several_out = false;
				return command;
			}
			alias += alias_bytes;
			alias += *alias == ' ';
		}
		if (strncmp(command->name, name, bytes) == 0) {
			*several_out = found != NULL;
			found = command;
		}
	}
	return found;
}

static size_t name_bytes(const char *line)
{
	size_t bytes = 0;

	while (isalnum((unsigned char)line[bytes]) || line[bytes] == '-' || line[bytes] == '_')
		bytes++;
	return bytes;
}

static int dispatch(struct cli *cli, const char *line, const char **words_out,
		    struct problem *problem)
{
	size_t bytes = name_bytes(line);
	bool several;
	const struct command *command = cli_find(cli_commands, line, bytes, &several);
	struct run run = {cli, command, cli_skip_blanks(line + bytes), problem};

	*words_out = NULL;
	if (cli_habit(line) && (!command || several || strncmp(command->name, line, bytes) != 0 ||
				strlen(command->name) != bytes || command->run == command_info))
		return problem_set(problem, -EOPNOTSUPP, "%s", cli_habit(line));
	if (!command || !bytes)
		return problem_set(problem, -EINVAL, "Undefined command: \"%.*s\".  Try \"help\".",
				   (int)(bytes ? bytes : strlen(line)), line);
	if (several)
		return problem_set(problem, -EINVAL, "Ambiguous command \"%.*s\".", (int)bytes,
				   line);
	*words_out = run.words;
	return session_guard(&cli->session, run_guarded, &run, problem);
}

int cli_run_line(struct cli *cli, const char *line)
{
	struct problem problem = {.column = -1};
	const char *words;
	char *copy;
	size_t bytes;
	int error;

	line = cli_skip_blanks(line);
	if (!*line || *line == '#' || cli_collect(cli, line))
		return 0;
	session_begin_command(&cli->session);
	text_clear(&cli->out);
	text_clear(&cli->fields);
	copy = strdup(line);
	if (!copy)
		return -ENOMEM;
	for (bytes = strlen(copy); bytes && isspace((unsigned char)copy[bytes - 1]); bytes--)
		copy[bytes - 1] = '\0';
	error = dispatch(cli, copy, &words, &problem);
	if (cli->json) {
		show_json(cli, copy, error, &problem);
	} else {
		fputs(text_get(&cli->out), stdout);
		fflush(stdout);
		if (error)
			show_problem(cli, copy, error,
				     problem.column >= 0 ? strstr(copy, words ? words : copy)
							 : NULL,
				     &problem);
	}
	fflush(stdout);
	text_clear(&cli->out);
	if (error)
		cli->failed = true;
	free(copy);
	return error;
}

int cli_run_into(struct cli *cli, const char *line, struct text *text)
{
	struct problem problem = {.column = -1};
	const char *words;
	int error;

	session_begin_command(&cli->session);
	text_clear(&cli->out);
	text_clear(&cli->fields);
	error = dispatch(cli, cli_skip_blanks(line), &words, &problem);
	text_add(text, "%s", text_get(&cli->out));
	if (error)
		text_add(text, "%s\n", problem.text[0] ? problem.text : strerror(-error));
	text_clear(&cli->out);
	return error;
}

int cli_run_file(struct cli *cli, const char *path, struct problem *problem)
{
	FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	int error = 0;

	if (!stream)
		return problem_set(problem, -errno, "%s: %s", path, strerror(errno));
	if (cli->script_depth++ >= SCRIPT_DEPTH_MAX) {
		cli->script_depth--;
		fclose(stream);
		return problem_set(problem, -ELOOP, "%s: scripts are nested too deep", path);
	}
	while (!error && !cli->quit && getline(&line, &room, stream) > 0)
		error = strlen(line) < LINE_BYTES_MAX ? cli_run_line(cli, line) : -E2BIG;
	cli->script_depth--;
	free(line);
	if (stream != stdin)
		fclose(stream);
	if (error)
		problem_set(problem, error, "%s: stopped at an error", path);
	return error;
}

void cli_print_now(struct cli *cli, const char *text, bool is_error)
{
	if (is_error)
		cli->failed = true;
	if (cli->json) {
		say(cli, "%s%s", text, is_error ? "\n" : "");
		return;
	}
	fprintf(is_error ? stderr : stdout, "%s%s", text, is_error ? "\n" : "");
	fflush(stdout);
}

void cli_note_last(struct cli *cli, const char *line)
{
	/* Twice the same of these is never meant. */
	static int (*const once[])(struct cli *, const char *, struct problem *) = {
		command_break,  command_tbreak,  command_hbreak, command_thbreak, command_dprintf,
		command_watch,  command_awatch,  command_delete, command_clear,   command_commands,
		command_source, command_restore, command_detach, command_display, command_set,
		command_help,   command_quit};
	size_t bytes = name_bytes(line);
	bool several;
	const struct command *command = cli_find(cli_commands, line, bytes, &several);

	snprintf(cli->last, sizeof(cli->last), "%s", line);
	if (!command || several)
		return;
	for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
		if (command->run == once[i])
			cli->last[0] = '\0';
	/* These go on where they ended. */
	if (command->run == command_list && line[bytes] && strcmp(line + bytes, " -") != 0)
		snprintf(cli->last, sizeof(cli->last), "list");
	if (command->run == command_x && bytes < sizeof(cli->last)) {
		bytes += line[bytes] == '/' ? strcspn(line + bytes, " ") : 0;
		if (bytes < sizeof(cli->last))
			cli->last[bytes] = '\0';
	}
}

/* ---- Commands about commands ---- */

COMMAND(help)
{
	bool several;
	const struct command *command;

	(void)problem;
	if (*words) {
		const struct command *table = cli_commands;
		const char *name = words;

		if (strncmp(words, "info ", 5) == 0) {
			table = cli_info_commands;
			name = cli_skip_blanks(words + 5);
		}
		command = cli_find(table, name, strlen(name), &several);
		if (!command && cli_habit(words)) {
			say(cli, "%s\n", cli_habit(words));
			return 0;
		}
		if (!command)
			return problem_set(problem, -ENOENT, "no command %s", words);
		say(cli, "%s\n  %s\n", command->usage, command->help);
		return 0;
	}
	for (command = cli_commands; command->name; command++)
		say(cli, "%-34s %s\n", command->usage, command->help);
	say(cli, "info WHAT:\n");
	for (command = cli_info_commands; command->name; command++)
		say(cli, "  %-32s %s\n", command->usage, command->help);
	return 0;
}

COMMAND(info)
{
	size_t bytes = name_bytes(words);
	bool several;
	const struct command *command =
		bytes ? cli_find(cli_info_commands, words, bytes, &several) : NULL;

	if (!command || several)
		return problem_set(problem, -EINVAL, "%s info: see `help`",
				   bytes && command ? "ambiguous" : "undefined");
	return command->run(cli, cli_skip_blanks(words + bytes), problem);
}

COMMAND(quit)
{
	(void)words;
	(void)problem;
	cli->quit = true;
	return 0;
}

COMMAND(source)
{
	char *path = cli_take_word(cli, &words);

	if (!path)
		return problem_set(problem, -EINVAL, "source FILE");
	/* The commands of the file empty the arena the word lives in. */
	path = strdup(path);
	if (path) {
		int error;

		fputs(text_get(&cli->out), stdout);
		error = cli_run_file(cli, path, problem);
		free(path);
		return error;
	}
	return -ENOMEM;
}

COMMAND(echo)
{
	(void)problem;
	for (const char *at = words; *at; at++) {
		if (*at == '\\' && at[1] == 'n') {
			say(cli, "\n");
			at++;
		} else {
			say(cli, "%c", *at);
		}
	}
	return 0;
}
