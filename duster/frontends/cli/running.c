/* SPDX-License-Identifier: BSD-2-Clause */
/* Breakpoints and running. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duster/engine/convenience.h"
#include "duster/engine/format.h"
#include "duster/engine/run.h"
#include "duster/frontends/cli/cli.h"
#include "duster/target/live.h"

#define COMMANDS_MAX 100u

/* ---- Stops ---- */

static const char *reason_word(enum stop_reason reason)
{
	static const char *const words[] = {[STOP_BREAKPOINT] = "breakpoint",
					    [STOP_WATCHPOINT] = "watchpoint",
					    [STOP_STEPPED] = "step",
					    [STOP_REACHED] = "reached",
					    [STOP_TRAP] = "trap",
					    [STOP_INTERRUPTED] = "interrupted",
					    [STOP_TIMEOUT] = "timeout",
					    [STOP_ENDED] = "ended",
					    [STOP_CRASHED] = "crashed",
					    [STOP_SUSPENDED] = "suspended"};

	return words[reason];
}

static void say_watched(struct cli *cli, struct stop *stop)
{
	struct session *session = &cli->session;
	struct format format = format_of(session, 0);
	const struct breakpoint *watch = stop->breakpoint;
	const uint8_t *sides[] = {stop->old, watch->old};

	say(cli, "Watchpoint %u: %s\n", watch->number, watch->text);
	for (unsigned int i = 0; i < 2; i++) {
		struct value *value = value_new(session, watch->type);
		struct text text = {0};

		if (i == 0 && watch->kind != WATCH_WRITE &&
		    memcmp(stop->old, watch->old, watch->bytes) == 0)
			continue;
		memcpy(value->bytes, sides[i], watch->bytes);
		format_value(session, value, &format, &text);
		say(cli, "%s value = %s\n", i ? "New" : "Old", text_get(&text));
		cli_field(cli, i ? "new" : "old", text_get(&text));
		text_free(&text);
	}
}

static void say_returned(struct cli *cli, struct value *value)
{
	struct format format = format_of(&cli->session, 0);
	struct text text = {0};

	format_value(&cli->session, value, &format, &text);
	say(cli, "Value returned is $%u = %s\n", history_add(&cli->session, value),
	    text_get(&text));
	cli_field(cli, "returned", text_get(&text));
	text_free(&text);
}

static int say_stop(struct cli *cli, struct stop *stop, struct problem *problem)
{
	int error = 0;

	cli_field(cli, "reason", reason_word(stop->reason));
	cli_field_number(cli, "vcpu", stop->vcpu);
	switch (stop->reason) {
	case STOP_BREAKPOINT:
		if (stop->problem.text[0])
			say(cli, "Error in testing condition for breakpoint %u:\n%s\n",
			    stop->breakpoint->number, stop->problem.text);
		say(cli, "Breakpoint %u on vCPU %u\n", stop->breakpoint->number, stop->vcpu);
		cli_field_number(cli, "breakpoint", stop->breakpoint->number);
		break;
	case STOP_WATCHPOINT:
		cli_field_number(cli, "breakpoint", stop->breakpoint->number);
		say_watched(cli, stop);
		break;
	case STOP_TRAP:
		say(cli, "int3 of the program on vCPU %u\n", stop->vcpu);
		break;
	case STOP_INTERRUPTED:
		say(cli, "Interrupted; vCPU %u\n", stop->vcpu);
		break;
	case STOP_TIMEOUT:
		say(cli, "No stop so far; vCPU %u\n", stop->vcpu);
		break;
	case STOP_ENDED:
		say(cli, "The guest has ended.\n");
		return 0;
	case STOP_CRASHED:
		say(cli, "The guest has crashed.\n");
		break;
	case STOP_SUSPENDED:
		say(cli,
		    "The guest is being saved or migrated: breakpoints are out, and duster has "
		    "let go of it.\n");
		return 0;
	default:
		break;
	}
	cli->session.level = 0;
	cli->list_file = NULL;
	error = cli_show_place(cli, problem);
	if (stop->returned)
		say_returned(cli, stop->returned);
	cli_show_displays(cli);
	return error;
}

/* Commands that begin with this word say themselves what there is to say. */
static bool is_silent(const struct stop *stop)
{
	return (stop->reason == STOP_BREAKPOINT || stop->reason == STOP_WATCHPOINT) &&
	       stop->breakpoint->commands_count &&
	       strcmp(stop->breakpoint->commands[0], "silent") == 0;
}

/* What the user attached to the breakpoint. The session's arena is emptied by each of them. */
static void run_attached(struct cli *cli, const struct stop *stop)
{
	const struct breakpoint *breakpoint = stop->breakpoint;

	if (stop->reason != STOP_BREAKPOINT && stop->reason != STOP_WATCHPOINT)
		return;
	if (!breakpoint->commands_count || cli->script_depth > 8)
		return;
	fputs(text_get(&cli->out), stdout);
	text_clear(&cli->out);
	cli->script_depth++;
	for (size_t i = is_silent(stop); i < breakpoint->commands_count && !cli->quit; i++)
		if (cli_run_line(cli, breakpoint->commands[i]))
			break;
	cli->script_depth--;
}

static int finish_run(struct cli *cli, int error, struct stop *stop, struct problem *problem)
{
	if (error)
		return error;
	error = say_stop(cli, stop, problem);
	if (!error && is_silent(stop))
		text_clear(&cli->out);
	run_attached(cli, stop);
	return error;
}

static unsigned long count_of(const char *words)
{
	unsigned long count = *words ? strtoul(words, NULL, 0) : 1;

	return count ? count : 1;
}

/* ---- Running ---- */

COMMAND(continue)
{
	struct stop stop;
	struct frame *frame = session_selected_frame(&cli->session);
	unsigned long count = count_of(words);

	live_interrupt(false);
	if (count > 1 && frame)
		for (struct breakpoint *at = run_breakpoints(&cli->session); at; at = at->next)
			for (size_t i = 0; i < at->addrs_count; i++)
				if (at->addrs[i] == frame->pc)
					at->ignore = count - 1;
	return finish_run(cli, run_continue(&cli->session, &stop, problem), &stop, problem);
}

static int step_times(struct cli *cli, const char *words, bool line, bool over,
		      struct problem *problem)
{
	struct stop stop = {.reason = STOP_STEPPED};
	int error = 0;

	live_interrupt(false);
	for (unsigned long i = count_of(words); i && !error && stop.reason == STOP_STEPPED; i--)
		error = line ? run_step_line(&cli->session, over, &stop, problem)
			     : run_step_instruction(&cli->session, over, &stop, problem);
	return finish_run(cli, error, &stop, problem);
}

COMMAND(step)
{
	return step_times(cli, words, true, false, problem);
}

COMMAND(next)
{
	return step_times(cli, words, true, true, problem);
}

COMMAND(stepi)
{
	return step_times(cli, words, false, false, problem);
}

COMMAND(nexti)
{
	return step_times(cli, words, false, true, problem);
}

COMMAND(finish)
{
	struct stop stop;

	(void)words;
	live_interrupt(false);
	return finish_run(cli, run_finish(&cli->session, &stop, problem), &stop, problem);
}

/* To a line further down in the same function: as `next`, but not back to a loop's beginning. */
static int leave_loop(struct cli *cli, struct problem *problem)
{
	struct session *session = &cli->session;
	struct frame *frame = session_selected_frame(session);
	unsigned int line = frame && frame->has_line ? frame->line.number : 0;
	uint64_t function = frame && frame->has_function ? frame->function.low : 0;
	struct stop stop = {.reason = STOP_STEPPED};
	int error = 0;

	live_interrupt(false);
	do {
		error = run_step_line(session, true, &stop, problem);
		frame = error || stop.reason != STOP_STEPPED ? NULL
							     : session_selected_frame(session);
	} while (frame && frame->has_line && frame->has_function &&
		 frame->function.low == function && frame->line.number < line);
	return finish_run(cli, error, &stop, problem);
}

COMMAND(until)
{
	struct stop stop;

	if (!*words)
		return leave_loop(cli, problem);
	live_interrupt(false);
	return finish_run(cli, run_until(&cli->session, words, &stop, problem), &stop, problem);
}

COMMAND(detach)
{
	(void)words;
	(void)problem;
	cli->quit = true;
	return 0;
}

/* ---- Breakpoints ---- */

static void say_breakpoint(struct cli *cli, const struct breakpoint *breakpoint)
{
	cli_field_number(cli, "number", breakpoint->number);
	if (breakpoint->type) {
		say(cli, "Watchpoint %u: %s\n", breakpoint->number, breakpoint->text);
		return;
	}
	say(cli, "%s %u at 0x%llx", breakpoint->temporary ? "Temporary breakpoint" : "Breakpoint",
	    breakpoint->number, (unsigned long long)breakpoint->addrs[0]);
	if (breakpoint->file)
		say(cli, ": file %s, line %u.", breakpoint->file, breakpoint->line);
	if (breakpoint->addrs_count > 1)
		say(cli, " (%zu locations)", breakpoint->addrs_count);
	say(cli, "\n");
}

static int add_breakpoint(struct cli *cli, const char *words, bool temporary, bool hardware,
			  struct problem *problem)
{
	struct session *session = &cli->session;
	struct breakpoint *breakpoint;
	struct frame *frame;
	char *place = arena_text(&session->arena, words), *condition = NULL, *at;
	int error;

	/* The word `if` splits place and condition. */
	for (at = place; (at = strstr(at, "if")) != NULL; at += 2)
		if ((at == place || isspace((unsigned char)at[-1])) &&
		    (isspace((unsigned char)at[2]) || at[2] == '(')) {
			*at = '\0';
			condition = arena_text(&session->kept, cli_skip_blanks(at + 2));
			break;
		}
	for (at = place + strlen(place); at > place && isspace((unsigned char)at[-1]);)
		*--at = '\0';
	if (!*place) {
		error = cli_selected_frame(cli, &frame, problem);
		if (error)
			return error;
		place = arena_format(&session->arena, "*0x%llx", (unsigned long long)frame->pc);
	}
	error = run_break(session, place, temporary, hardware, &breakpoint, problem);
	problem->column = -1;
	if (error)
		return error;
	breakpoint->condition = condition;
	say_breakpoint(cli, breakpoint);
	return 0;
}

COMMAND(break)
{
	return add_breakpoint(cli, words, false, false, problem);
}

COMMAND(tbreak)
{
	return add_breakpoint(cli, words, true, false, problem);
}

COMMAND(hbreak)
{
	return add_breakpoint(cli, words, false, true, problem);
}

COMMAND(thbreak)
{
	return add_breakpoint(cli, words, true, true, problem);
}

/* What stands at the place, but for watchpoints. */
COMMAND(clear)
{
	struct session *session = &cli->session;
	struct breakpoint *at = run_breakpoints(session), *next;
	struct frame *frame;
	struct place place;
	unsigned int deleted = 0;
	int error;

	if (*words) {
		error = inspect_place(session, words, true, &place, problem);
	} else {
		error = cli_selected_frame(cli, &frame, problem);
		if (!error)
			place = (struct place){.addrs = {frame->pc}, .addrs_count = 1};
	}
	problem->column = -1;
	for (; at && !error; at = next) {
		bool same = false;

		next = at->next;
		for (size_t i = 0; i < place.addrs_count; i++)
			same = same || (!at->type && at->addrs[0] == place.addrs[i]);
		if (!same)
			continue;
		say(cli, "Deleted breakpoint %u\n", at->number);
		error = run_delete(session, at->number, problem);
		deleted++;
	}
	if (!error && !deleted)
		error = problem_set(problem, -ENOENT, "No breakpoint at %s.",
				    *words ? words : "this place");
	return error;
}

static int add_watch(struct cli *cli, const char *words, enum watch_kind kind,
		     struct problem *problem)
{
	struct breakpoint *breakpoint;
	int error;

	if (!*words)
		return problem_set(problem, -EINVAL, "an expression in memory is wanted");
	error = run_watch(&cli->session, words, kind, &breakpoint, problem);
	if (!error)
		say_breakpoint(cli, breakpoint);
	return error;
}

COMMAND(watch)
{
	return add_watch(cli, words, WATCH_WRITE, problem);
}

COMMAND(awatch)
{
	return add_watch(cli, words, WATCH_ACCESS, problem);
}

/* Calls fn for each number in words, for all breakpoints when there are none. */
static int each_number(struct cli *cli, const char *words,
		       int (*fn)(struct session *session, unsigned int number, bool on,
				 struct problem *problem),
		       bool on, struct problem *problem)
{
	char *word;
	int error = 0;

	if (!*words) {
		struct breakpoint *at = run_breakpoints(&cli->session), *next;

		for (; at && !error; at = next) {
			next = at->next;
			error = fn(&cli->session, at->number, on, problem);
		}
		return error;
	}
	while (!error && (word = cli_take_word(cli, &words)) != NULL)
		error = fn(&cli->session, (unsigned int)strtoul(word, NULL, 0), on, problem);
	return error;
}

static int delete_one(struct session *session, unsigned int number, bool on,
		      struct problem *problem)
{
	(void)on;
	return run_delete(session, number, problem);
}

COMMAND(delete)
{
	if (strncmp(words, "breakpoints", 11) == 0)
		words = cli_skip_blanks(words + 11);
	return each_number(cli, words, delete_one, false, problem);
}

COMMAND(enable)
{
	return each_number(cli, words, run_enable, true, problem);
}

COMMAND(disable)
{
	return each_number(cli, words, run_enable, false, problem);
}

static int numbered(struct cli *cli, const char **words, struct breakpoint **breakpoint_out,
		    struct problem *problem)
{
	char *word = cli_take_word(cli, words);

	*breakpoint_out =
		word ? run_breakpoint(&cli->session, (unsigned int)strtoul(word, NULL, 0)) : NULL;
	return *breakpoint_out ? 0
			       : problem_set(problem, -ENOENT, "No breakpoint number %s.",
					     word ? word : "given");
}

COMMAND(interrupt)
{
	struct session *session = &cli->session;
	int error;

	(void)words;
	if (!session->target || !session->target->live)
		return problem_set(problem, -EOPNOTSUPP, "this target does not run");
	error = live_stop(session->target, cli->stub, problem);
	session_forget_frames(session);
	return error ? error : cli_show_place(cli, problem);
}

COMMAND(condition)
{
	struct breakpoint *breakpoint;
	int error = numbered(cli, &words, &breakpoint, problem);

	if (error)
		return error;
	breakpoint->condition = *words ? arena_text(&cli->session.kept, words) : NULL;
	return 0;
}

COMMAND(ignore)
{
	struct breakpoint *breakpoint;
	int error = numbered(cli, &words, &breakpoint, problem);

	if (!error)
		breakpoint->ignore = strtoull(words, NULL, 0);
	return error;
}

COMMAND(commands)
{
	struct breakpoint *breakpoint = run_breakpoints(&cli->session);
	int error = 0;

	if (*words)
		error = numbered(cli, &words, &breakpoint, problem);
	while (!error && !*words && breakpoint && breakpoint->next)
		breakpoint = breakpoint->next;
	if (!error && !breakpoint)
		error = problem_set(problem, -ENOENT, "No breakpoints.");
	if (error)
		return error;
	breakpoint->commands_count = 0;
	cli->collecting = breakpoint;
	return 0;
}

bool cli_collect(struct cli *cli, const char *line)
{
	struct breakpoint *breakpoint = cli->collecting;
	size_t bytes = strcspn(line, "\n");

	if (!breakpoint)
		return false;
	if (strncmp(line, "end", 3) == 0 && !isalnum((unsigned char)line[3])) {
		cli->collecting = NULL;
		return true;
	}
	if (!breakpoint->commands)
		breakpoint->commands =
			arena_array(&cli->session.kept, COMMANDS_MAX, sizeof(const char *));
	if (breakpoint->commands_count < COMMANDS_MAX)
		breakpoint->commands[breakpoint->commands_count++] =
			arena_text_bytes(&cli->session.kept, line, bytes);
	return true;
}

COMMAND(info_breakpoints)
{
	const struct breakpoint *at = run_breakpoints(&cli->session);
	bool any = false;

	(void)words;
	(void)problem;
	if (!at)
		say(cli, "No breakpoints or watchpoints.\n");
	text_add(&cli->fields, ",\"breakpoints\":[");
	for (; at; at = at->next) {
		say(cli, "%-4u %-10s %c %4llu hits  ", at->number,
		    at->type        ? "watchpoint"
		    : at->hardware  ? "hardware"
		    : at->temporary ? "temporary"
				    : "breakpoint",
		    at->enabled ? 'y' : 'n', (unsigned long long)at->hits);
		say(cli, "0x%llx %s", (unsigned long long)at->addrs[0], at->text);
		if (at->file)
			say(cli, " (%s:%u)", at->file, at->line);
		if (at->condition)
			say(cli, " if %s%s", at->condition,
			    run_is_compiled(at) ? " (looked at in the guest)" : "");
		if (at->ignore)
			say(cli, ", ignored %llu times more", (unsigned long long)at->ignore);
		say(cli, "\n");
		text_add(&cli->fields,
			 "%s{\"number\":%u,\"address\":\"0x%llx\",\"hits\":%llu,\"enabled\":%s}",
			 any ? "," : "", at->number, (unsigned long long)at->addrs[0],
			 (unsigned long long)at->hits, at->enabled ? "true" : "false");
		any = true;
	}
	text_add(&cli->fields, "]");
	return 0;
}
