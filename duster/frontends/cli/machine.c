/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine and the kernel: vcpus, log, pages, info target, verify. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "duster/engine/eval.h"
#include "duster/engine/export.h"
#include "duster/engine/inspect.h"
#include "duster/frontends/cli/cli.h"

COMMAND(info_target)
{
	struct session *session = &cli->session;
	char text[512];

	(void)words;
	(void)problem;
	if (session->target) {
		target_describe(session->target, text, sizeof(text));
		say(cli, "%s\n", text);
		cli_field(cli, "target", text);
	}
	if (session->image) {
		say(cli, "image %s\n", session->image->path);
		cli_field(cli, "image", session->image->path);
		if (session->image->debug_path)
			say(cli, "debug information %s\n", session->image->debug_path);
		else if (!session->image->dwarf)
			say(cli, "no debug information\n");
		if (session->image->build_id_bytes) {
			say(cli, "build-id ");
			for (size_t i = 0; i < session->image->build_id_bytes; i++)
				say(cli, "%02x", session->image->build_id[i]);
			say(cli, "\n");
		}
	}
	return 0;
}

COMMAND(vcpus)
{
	struct session *session = &cli->session;
	unsigned int selected = session->vcpu, level = session->level;
	bool had_regs = session->has_start_regs;
	struct regs regs = session->start_regs;

	(void)words;
	if (!session->target)
		return problem_set(problem, -ENODEV, "no target");
	text_add(&cli->fields, ",\"vcpus\":[");
	for (unsigned int vcpu = 0; vcpu < session->target->vcpus_count; vcpu++) {
		struct frame *frame;
		int error;

		(void)session_select_vcpu(session, vcpu, NULL);
		error = session_frame(session, 0, &frame);
		say(cli, "%s %u  ", vcpu == selected ? "*" : " ", vcpu);
		text_add(&cli->fields, "%s{\"vcpu\":%u", vcpu ? "," : "", vcpu);
		if (error) {
			say(cli, "%s\n", error == -ENODATA ? "never started" : "not readable");
		} else {
			cli_say_frame(cli, frame, true);
			text_add(&cli->fields, ",\"frame\":");
			cli_json_frame(cli, frame, &cli->fields);
		}
		text_add(&cli->fields, "}");
	}
	text_add(&cli->fields, "]");
	(void)session_select_vcpu(session, selected, NULL);
	if (had_regs)
		session_select_regs(session, &regs);
	session->level = level;
	return 0;
}

COMMAND(vcpu)
{
	if (*words) {
		char *end;
		unsigned long number = strtoul(words, &end, 0);
		int error;

		if (*end)
			return problem_set(problem, -EINVAL, "a vCPU's number is wanted, not %s",
					   words);
		error = session_select_vcpu(&cli->session,
					    number > 4095 ? 4096 : (unsigned int)number, problem);
		if (error)
			return error;
	}
	say(cli, "[vCPU %u]\n", cli->session.vcpu);
	return cli_show_place(cli, problem);
}

/* ---- log ---- */

struct log_lines {
	struct cli *cli;
	size_t count, skip;
	uint64_t first_tsc;
	bool any;
};

static void count_line(void *context, const struct log_line *line)
{
	(void)line;
	((struct log_lines *)context)->count++;
}

static void say_line(void *context, const struct log_line *line)
{
	struct log_lines *lines = context;
	struct cli *cli = lines->cli;

	if (lines->skip) {
		lines->skip--;
		return;
	}
	if (!lines->any)
		lines->first_tsc = line->tsc;
	say(cli, "[%14llu] %-5s %s\n", (unsigned long long)(line->tsc - lines->first_tsc),
	    line->level, line->text);
	text_add(&cli->fields, "%s{\"tsc\":%llu,\"level\":\"%s\",\"text\":", lines->any ? "," : "",
		 (unsigned long long)line->tsc, line->level);
	text_add_json(&cli->fields, line->text);
	text_add(&cli->fields, "}");
	lines->any = true;
}

COMMAND(log)
{
	struct log_lines lines = {.cli = cli};
	size_t wanted = *words ? strtoul(words, NULL, 0) : SIZE_MAX;
	int error = inspect_log(&cli->session, count_line, &lines, problem);

	if (error)
		return error;
	lines.skip = lines.count > wanted ? lines.count - wanted : 0;
	text_add(&cli->fields, ",\"log\":[");
	error = inspect_log(&cli->session, say_line, &lines, problem);
	text_add(&cli->fields, "]");
	if (!lines.any)
		say(cli, "the log is empty\n");
	return error;
}

COMMAND(pages)
{
	struct value *value;
	uint64_t addr;
	int error;

	if (!*words)
		return problem_set(problem, -EINVAL, "pages ADDR");
	error = eval_expression(&cli->session, words, &value, problem);
	if (!error)
		error = value_number(&cli->session, value, &addr, problem);
	return error ? error : inspect_walk(&cli->session, addr, &cli->out, problem);
}

COMMAND(verify)
{
	int error;

	(void)words;
	if (!cli->session.image || !cli->session.target)
		return problem_set(problem, -ENODEV, "a target and an image are wanted");
	error = session_verify_image(&cli->session, problem);
	if (!error)
		say(cli, "code and constants in memory are those of %s\n",
		    cli->session.image->path);
	return error;
}

COMMAND(export)
{
	struct export_result result;
	int error;

	if (!*words)
		return problem_set(problem, -EINVAL, "export FILE");
	error = export_core(&cli->session, words, &result, problem);
	if (error)
		return error;
	say(cli, "%llu bytes of memory in %llu segments, %llu threads\n",
	    (unsigned long long)result.bytes, (unsigned long long)result.segments,
	    (unsigned long long)result.threads);
	return 0;
}
