/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line: commands read words, ask the session, and write text and, for scripts, JSON
 * fields.
 */
#ifndef DUSTER_FRONTENDS_CLI_CLI_H
#define DUSTER_FRONTENDS_CLI_CLI_H

#include "duster/engine/session.h"
#include "duster/engine/value.h"
#include "duster/util/text.h"

/* Exit statuses. */
#define CLI_OK     0
#define CLI_FAILED 1 /* a command of a script failed */
#define CLI_USAGE  2
#define CLI_TARGET 3 /* the target or the image could not be opened */

struct live_stub;
struct display;

struct cli {
	struct session session;
	const struct live_stub *stub; /* of the guest; NULL: none */
	bool json, batch, quit, failed;
	struct text out;    /* of the running command */
	struct text fields; /* JSON fields of its result, each begun with a comma */
	unsigned int script_depth;
	/* What a command without arguments goes on with. */
	const char *list_file;
	unsigned int list_line, list_first; /* the next, and the first of those shown last */
	uint64_t x_addr;
	unsigned int x_count, x_bytes;
	char x_letter;
	unsigned int list_lines;  /* how many `list` shows */
	struct display *displays; /* shown at each stop */
	unsigned int displays_made;
	struct breakpoint *collecting; /* lines are its commands, up to `end` */
	char last[256];                /* what an empty line stands for; "": nothing */
};

enum completion {
	COMPLETE_NOTHING,
	COMPLETE_EXPRESSION,
	COMPLETE_PLACE,
	COMPLETE_FILE,
	COMPLETE_COMMAND,
	COMPLETE_INFO,
};

struct command {
	const char *name;
	const char *aliases; /* blank-separated; NULL: none */
	int (*run)(struct cli *cli, const char *words, struct problem *problem);
	enum completion completes;
	const char *usage, *help; /* help: one line */
};

/* The commands, ended by one without a name. */
extern const struct command cli_commands[];
extern const struct command cli_info_commands[];
/* The one of that name or unambiguous beginning. NULL: none; *several_out: more than one begins so.
 */
const struct command *cli_find(const struct command *table, const char *name, size_t bytes,
			       bool *several_out);

/* Runs one line; what it writes goes to standard output. Returns 0 or the command's -Exxx. */
int cli_run_line(struct cli *cli, const char *line);
/* The same, but what it writes goes into text, errors too. */
int cli_run_into(struct cli *cli, const char *line, struct text *text);
/* A line of `commands`; true when the line was taken. */
bool cli_collect(struct cli *cli, const char *line);
/* While a command runs: to the user at once, and with its output. */
void cli_print_now(struct cli *cli, const char *text, bool is_error);
/* What an empty line does after this one: the same, the same further on, or nothing. */
void cli_note_last(struct cli *cli, const char *line);
/* What to do instead, for a command of gdb's that is none of ours; NULL: not known. */
const char *cli_habit(const char *line);
/* The expressions of `display`, after a stop. */
void cli_show_displays(struct cli *cli);
/* Each line of a file until one fails. */
int cli_run_file(struct cli *cli, const char *path, struct problem *problem);
/* The file that keeps what is typed: before privileges go. */
void cli_open_history(void);
/* Reads lines until EOF or quit; with history and completion on a terminal. */
void cli_interact(struct cli *cli);

/* For `bench`: the program begins to open its target, and has done so. */
void cli_note_time(bool ready);

/* For commands. */
#define say(cli, ...) text_add(&(cli)->out, __VA_ARGS__)
/* A field of the JSON result. */
void cli_field(struct cli *cli, const char *name, const char *string);
void cli_field_number(struct cli *cli, const char *name, uint64_t number);
/* Adds one frame's line as backtraces show it, and its JSON object to `fields` when asked. */
void cli_say_frame(struct cli *cli, const struct frame *frame, bool always_addr);
void cli_json_frame(struct cli *cli, struct frame *frame, struct text *json);
/* The frame in short and its source line, as after `frame` and stops. */
int cli_show_place(struct cli *cli, struct problem *problem);
int cli_selected_frame(struct cli *cli, struct frame **frame_out, struct problem *problem);
/* "/3xw rest" -> count, letter, unit; words moves behind it. Absent parts stay as they were. */
int cli_take_format(const char **words, unsigned int *count, char *letter, unsigned int *bytes,
		    struct problem *problem);
const char *cli_skip_blanks(const char *words);
/* The first word, copied into the session's arena; *words moves to the next one. NULL: none. */
char *cli_take_word(struct cli *cli, const char **words);

#define COMMAND(name)                                                                              \
	int command_##name(struct cli *cli, const char *words, struct problem *problem)
COMMAND(print);
COMMAND(ptype);
COMMAND(whatis);
COMMAND(x);
COMMAND(set);
COMMAND(show);
COMMAND(find);
COMMAND(dump);
COMMAND(restore);
COMMAND(backtrace);
COMMAND(frame);
COMMAND(up);
COMMAND(down);
COMMAND(info);
COMMAND(info_frame);
COMMAND(info_locals);
COMMAND(info_args);
COMMAND(info_registers);
COMMAND(info_line);
COMMAND(info_symbol);
COMMAND(info_source);
COMMAND(info_functions);
COMMAND(info_variables);
COMMAND(info_types);
COMMAND(info_target);
COMMAND(info_scope);
COMMAND(list);
COMMAND(disassemble);
COMMAND(directory);
COMMAND(vcpus);
COMMAND(vcpu);
COMMAND(threads);
COMMAND(thread);
COMMAND(log);
COMMAND(export);
COMMAND(pages);
COMMAND(verify);
COMMAND(bench);
COMMAND(interrupt);
COMMAND(areas);
COMMAND(events);
COMMAND(fds);
COMMAND(grants);
COMMAND(heap);
COMMAND(locks);
COMMAND(sockets);
COMMAND(xenbus);
COMMAND(break);
COMMAND(tbreak);
COMMAND(hbreak);
COMMAND(watch);
COMMAND(awatch);
COMMAND(delete);
COMMAND(enable);
COMMAND(disable);
COMMAND(condition);
COMMAND(ignore);
COMMAND(commands);
COMMAND(continue);
COMMAND(step);
COMMAND(next);
COMMAND(stepi);
COMMAND(nexti);
COMMAND(finish);
COMMAND(until);
COMMAND(detach);
COMMAND(info_breakpoints);
COMMAND(apropos);
COMMAND(clear);
COMMAND(display);
COMMAND(dprintf);
COMMAND(info_display);
COMMAND(printf);
COMMAND(thbreak);
COMMAND(undisplay);
COMMAND(help);
COMMAND(quit);
COMMAND(source);
COMMAND(echo);

#endif
