/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames: backtrace, frame, up, down, info frame, locals, args, registers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "duster/arch/x86_64.h"
#include "duster/engine/format.h"
#include "duster/engine/inspect.h"
#include "duster/frontends/cli/cli.h"

int cli_selected_frame(struct cli *cli, struct frame **frame_out, struct problem *problem)
{
	int error = session_frame(&cli->session, cli->session.level, frame_out);

	if (error == -ENODATA)
		return problem_set(problem, error, "this vCPU was never started");
	if (error)
		return problem_set(problem, error, "No stack.");
	return 0;
}

/* ---- One line ---- */

struct arguments {
	struct cli *cli;
	struct text *text;
	bool json, any;
};

static bool add_argument(void *context, const char *name, struct value *value,
			 const struct problem *problem)
{
	struct arguments *arguments = context;
	struct session *session = &arguments->cli->session;
	struct format format = format_of(session, 0);
	struct text text = {0};
	struct type *type;

	format.is_top = false;
	format.pretty = false;
	type = value ? type_strip(value->type) : NULL;
	/* As gdb has it: structs and arrays of arguments are too long for one line. */
	if (!value)
		text_add(&text, "<error: %s>", problem->text);
	else if (type->kind == TYPE_STRUCT || type->kind == TYPE_UNION || type->kind == TYPE_ARRAY)
		text_add(&text, "...");
	else
		format_value(session, value, &format, &text);
	if (arguments->json) {
		text_add(arguments->text, "%s{\"name\":", arguments->any ? "," : "");
		text_add_json(arguments->text, name);
		text_add(arguments->text, ",\"value\":");
		text_add_json(arguments->text, text_get(&text));
		text_add(arguments->text, "}");
	} else {
		text_add(arguments->text, "%s%s=%s", arguments->any ? ", " : "", name,
			 text_get(&text));
	}
	arguments->any = true;
	text_free(&text);
	return true;
}

static const char *frame_name(struct cli *cli, const struct frame *frame)
{
	if (frame->has_function)
		return frame->function.name;
	if (frame->symbol)
		return arena_text_bytes(&cli->session.arena, frame->symbol->name,
					symbol_name_bytes(frame->symbol->name));
	return "??";
}

/* gdb leaves the address away where a line begins, and for callers of inlined functions. */
static bool shows_address(struct cli *cli, const struct frame *frame)
{
	struct line line;

	if (frame->level && cli->session.frames[frame->level - 1]->is_inlined)
		return false;
	if (!frame->has_line || frame->level)
		return true;
	return line_at(cli->session.image, frame->pc, &line) && line.low != frame->pc;
}

void cli_say_frame(struct cli *cli, const struct frame *frame, bool always_addr)
{
	struct arguments arguments = {.cli = cli, .text = &cli->out};

	if (frame->begins_trap)
		say(cli, "    <%s>\n", unwind_vector_name(frame->trap_vector));
	say(cli, "#%-2u ", frame->level);
	if (always_addr || shows_address(cli, frame))
		say(cli, "0x%016llx in ", (unsigned long long)frame->pc);
	say(cli, "%s (", frame_name(cli, frame));
	if (frame->has_function)
		inspect_variables(&cli->session, (struct frame *)frame, true, add_argument,
				  &arguments);
	say(cli, ")");
	if (frame->has_line)
		say(cli, " at %s:%u", frame->line.file, frame->line.number);
	say(cli, "\n");
}

void cli_json_frame(struct cli *cli, struct frame *frame, struct text *json)
{
	struct arguments arguments = {.cli = cli, .text = json, .json = true};

	if (!cli->json)
		return;
	text_add(json, "{\"level\":%u,\"pc\":\"0x%llx\",\"function\":", frame->level,
		 (unsigned long long)frame->pc);
	text_add_json(json, frame_name(cli, frame));
	if (frame->has_line) {
		text_add(json, ",\"file\":");
		text_add_json(json, frame->line.file);
		text_add(json, ",\"line\":%u", frame->line.number);
	}
	if (frame->is_inlined)
		text_add(json, ",\"inlined\":true");
	if (frame->begins_trap) {
		text_add(json, ",\"interrupted_by\":");
		text_add_json(json, unwind_vector_name(frame->trap_vector));
	}
	text_add(json, ",\"args\":[");
	if (frame->has_function)
		inspect_variables(&cli->session, frame, true, add_argument, &arguments);
	text_add(json, "]}");
}

int cli_show_place(struct cli *cli, struct problem *problem)
{
	struct frame *frame;
	const struct source *source;
	int error = cli_selected_frame(cli, &frame, problem);

	if (error)
		return error;
	cli_say_frame(cli, frame, false);
	text_add(&cli->fields, ",\"frame\":");
	cli_json_frame(cli, frame, &cli->fields);
	if (!frame->has_line)
		return 0;
	if (!cli->list_file || strcmp(cli->list_file, frame->line.file) != 0)
		cli->list_file = arena_text(&cli->session.kept, frame->line.file);
	cli->list_line = frame->line.number > 5 ? frame->line.number - 5 : 1;
	cli->list_first = 0;
	if (inspect_source(&cli->session, frame->line.file, &source, NULL) == 0 &&
	    frame->line.number && frame->line.number <= source->lines_count)
		say(cli, "%u\t%s\n", frame->line.number, source->lines[frame->line.number - 1]);
	else
		say(cli, "%u\tin %s\n", frame->line.number, frame->line.file);
	return 0;
}

/* ---- Variables ---- */

struct variables {
	struct cli *cli;
	unsigned int indent;
	bool any;
};

static bool say_variable(void *context, const char *name, struct value *value,
			 const struct problem *problem)
{
	struct variables *variables = context;
	struct session *session = &variables->cli->session;
	struct format format = format_of(session, 0);
	struct text text = {0};

	format.is_top = false;
	if (value)
		format_value(session, value, &format, &text);
	else
		text_add(&text, "<error: %s>", problem->text);
	say(variables->cli, "%*s%s = %s\n", (int)variables->indent, "", name, text_get(&text));
	text_add(&variables->cli->fields, "%s{\"name\":", variables->any ? "," : "");
	text_add_json(&variables->cli->fields, name);
	text_add(&variables->cli->fields, ",\"value\":");
	text_add_json(&variables->cli->fields, text_get(&text));
	if (value) {
		text_add(&variables->cli->fields, ",\"type\":");
		text_add_json(&variables->cli->fields,
			      type_name(&session->arena, value->type, NULL));
	}
	text_add(&variables->cli->fields, "}");
	variables->any = true;
	text_free(&text);
	return true;
}

static int say_variables(struct cli *cli, bool parameters, struct problem *problem)
{
	struct variables variables = {.cli = cli};
	struct frame *frame;
	int error = cli_selected_frame(cli, &frame, problem);

	if (error)
		return error;
	if (!frame->has_function)
		return problem_set(problem, -ENODATA, "No symbol table info available.");
	text_add(&cli->fields, ",\"variables\":[");
	inspect_variables(&cli->session, frame, parameters, say_variable, &variables);
	text_add(&cli->fields, "]");
	if (!variables.any)
		say(cli, parameters ? "No arguments.\n" : "No locals.\n");
	return 0;
}

COMMAND(info_locals)
{
	(void)words;
	return say_variables(cli, false, problem);
}

COMMAND(info_args)
{
	(void)words;
	return say_variables(cli, true, problem);
}

/* ---- backtrace ---- */

static void say_one(struct cli *cli, struct frame *frame, bool full, bool first)
{
	struct variables variables = {.cli = cli, .indent = 8};
	struct text kept;

	cli_say_frame(cli, frame, false);
	text_add(&cli->fields, first ? "" : ",");
	cli_json_frame(cli, frame, &cli->fields);
	if (!full || !frame->has_function)
		return;
	/* The locals' JSON stands in the frame's object: reopen it. */
	kept = cli->fields;
	if (kept.bytes && kept.data[kept.bytes - 1] == '}')
		cli->fields.bytes--;
	text_add(&cli->fields, ",\"locals\":[");
	inspect_variables(&cli->session, frame, false, say_variable, &variables);
	text_add(&cli->fields, "]}");
	if (!variables.any)
		say(cli, "No locals.\n");
}

COMMAND(backtrace)
{
	struct session *session = &cli->session;
	struct frame *frame;
	bool full = false;
	long count = 0;
	unsigned int from = 0, to = UINT32_MAX;
	char *word;
	int error;

	while ((word = cli_take_word(cli, &words)) != NULL) {
		char *end;

		if (strcmp(word, "full") == 0 || strcmp(word, "-full") == 0) {
			full = true;
			continue;
		}
		count = strtol(word, &end, 0);
		if (*end || !count)
			return problem_set(problem, -EINVAL, "backtrace [full] [N | -N], not %s",
					   word);
	}
	error = session_frame(session, 0, &frame);
	if (error)
		return problem_set(problem, error,
				   error == -ENODATA ? "this vCPU was never started" : "No stack.");
	if (count > 0)
		to = (unsigned int)count;
	if (count < 0) {
		while (session_frame(session, (unsigned int)session->frames_count, &frame) == 0)
			;
		if (session->frames_count > (size_t)-count)
			from = (unsigned int)(session->frames_count - (size_t)-count);
	}
	text_add(&cli->fields, ",\"frames\":[");
	for (unsigned int level = from; level < to && session_frame(session, level, &frame) == 0;
	     level++)
		say_one(cli, frame, full, level == from);
	text_add(&cli->fields, "]");
	if (to != UINT32_MAX && !cli->batch && isatty(STDOUT_FILENO) &&
	    session_frame(session, to, &frame) == 0)
		say(cli, "(More stack frames follow...)\n");
	return 0;
}

/* ---- Selecting ---- */

COMMAND(frame)
{
	struct frame *frame;
	char *word = cli_take_word(cli, &words), *end;
	unsigned long level;

	if (word) {
		level = strtoul(word, &end, 0);
		if (*end)
			return problem_set(problem, -EINVAL, "a frame's number is wanted, not %s",
					   word);
		if (level > FRAMES_MAX || session_frame(&cli->session, (unsigned int)level, &frame))
			return problem_set(problem, -ENOENT, "No frame at level %s.", word);
		cli->session.level = (unsigned int)level;
	}
	return cli_show_place(cli, problem);
}

static int move(struct cli *cli, long by, struct problem *problem)
{
	struct frame *frame;
	long level = (long)cli->session.level + by;

	if (level < 0 && cli->session.level == 0)
		return problem_set(problem, -ENOENT,
				   "Bottom (innermost) frame selected; you cannot go down.");
	if (level < 0)
		level = 0;
	if (session_frame(&cli->session, (unsigned int)level, &frame)) {
		if (!cli->session.frames_count)
			return problem_set(problem, -ENODATA, "No stack.");
		if (cli->session.level + 1 == cli->session.frames_count)
			return problem_set(problem, -ENOENT,
					   "Initial frame selected; you cannot go up.");
		level = (long)cli->session.frames_count - 1;
	}
	cli->session.level = (unsigned int)level;
	return cli_show_place(cli, problem);
}

COMMAND(up)
{
	return move(cli, *words ? strtol(words, NULL, 0) : 1, problem);
}

COMMAND(down)
{
	return move(cli, *words ? -strtol(words, NULL, 0) : -1, problem);
}

COMMAND(info_frame)
{
	const struct location_machine *machine;
	struct frame *frame, *caller;
	uint64_t cfa;
	int error = cli_selected_frame(cli, &frame, problem);

	(void)words;
	if (error)
		return error;
	say(cli, "Stack level %u, frame of %s", frame->level, frame_name(cli, frame));
	if (frame->has_line)
		say(cli, " (%s:%u)", frame->line.file, frame->line.number);
	say(cli, "\n rip = 0x%llx", (unsigned long long)frame->pc);
	machine = session_machine(&cli->session, frame);
	if (machine->cfa(machine->context, &cfa) == 0)
		say(cli, ", CFA 0x%llx", (unsigned long long)cfa);
	if (frame->is_inlined)
		say(cli, ", inlined into frame %u", frame->level + 1);
	if (frame->begins_trap)
		say(cli, ", interrupted by %s", unwind_vector_name(frame->trap_vector));
	if (session_frame(&cli->session, frame->level + 1, &caller) == 0 && !frame->is_inlined)
		say(cli, "; called by frame at 0x%llx", (unsigned long long)caller->pc);
	say(cli, "\n");
	return 0;
}

/* ---- Registers ---- */

static void say_register(struct cli *cli, const struct frame *frame, unsigned int reg, bool *any)
{
	uint64_t word = frame->regs.value[reg];
	char text[256];

	if (!regs_known(&frame->regs, reg)) {
		say(cli, "%-15s<not saved>\n", arch_reg_name(reg));
		return;
	}
	text_add(&cli->fields, "%s\"%s\":\"0x%llx\"", *any ? "," : "", arch_reg_name(reg),
		 (unsigned long long)word);
	*any = true;
	say(cli, "%-15s0x%-18llx", arch_reg_name(reg), (unsigned long long)word);
	if (reg == CPU_RFLAGS)
		arch_flags_text(word, text, sizeof(text));
	else if (reg == CPU_RIP && session_symbolize(&cli->session, word, text, sizeof(text)))
		say(cli, "0x%llx <%s>\n", (unsigned long long)word, text);
	else if (reg == CPU_RIP || reg == CPU_RSP || reg == CPU_RBP)
		snprintf(text, sizeof(text), "0x%llx", (unsigned long long)word);
	else
		snprintf(text, sizeof(text), "%lld", (long long)word);
	if (reg != CPU_RIP || !session_symbolize(&cli->session, word, text, sizeof(text)))
		say(cli, "%s\n", text);
}

COMMAND(info_registers)
{
	/* In the order people know. */
	static const uint8_t order[] = {
		CPU_RAX, CPU_RBX, CPU_RCX, CPU_RDX,     CPU_RSI,     CPU_RDI, CPU_RBP,
		CPU_RSP, CPU_R8,  CPU_R9,  CPU_R10,     CPU_R11,     CPU_R12, CPU_R13,
		CPU_R14, CPU_R15, CPU_RIP, CPU_RFLAGS,  CPU_CS,      CPU_SS,  CPU_DS,
		CPU_ES,  CPU_FS,  CPU_GS,  CPU_FS_BASE, CPU_GS_BASE, CPU_CR3};
	struct frame *frame;
	char *word;
	bool any = false;
	int error = cli_selected_frame(cli, &frame, problem);

	if (error)
		return error;
	text_add(&cli->fields, ",\"registers\":{");
	if (!*words)
		for (unsigned int i = 0; i < sizeof(order); i++)
			if (regs_known(&frame->regs, order[i]) || order[i] <= CPU_RIP)
				say_register(cli, frame, order[i], &any);
	while ((word = cli_take_word(cli, &words)) != NULL) {
		unsigned int reg, bytes, shift;

		if (!arch_reg_find(word + (*word == '$'), &reg, &bytes, &shift))
			error = problem_set(problem, -ENOENT, "Invalid register `%s'", word);
		else
			say_register(cli, frame, reg, &any);
	}
	text_add(&cli->fields, "}");
	return error;
}
