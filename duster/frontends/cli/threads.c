/* SPDX-License-Identifier: BSD-2-Clause */
/* threads, thread ID, thread apply all … */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duster/engine/threads.h"
#include "duster/frontends/cli/cli.h"

#define THREADS_MAX 10000u

struct thread_list {
	struct cli *cli;
	struct guest_thread *threads;
	size_t count, room;
};

static bool append(void *context, const struct guest_thread *thread)
{
	struct thread_list *list = context;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 32;
		struct guest_thread *more =
			arena_array(&list->cli->session.arena, room, sizeof(*more));

		if (list->count)
			memcpy(more, list->threads, list->count * sizeof(*more));
		list->threads = more;
		list->room = room;
	}
	list->threads[list->count++] = *thread;
	return list->count < THREADS_MAX;
}

static void say_wait(struct cli *cli, const struct guest_thread *thread)
{
	char name[256];

	if (!thread->wait[0])
		return;
	say(cli, ", waits for %s", thread->wait);
	if (thread->wait_where &&
	    session_symbolize(&cli->session, thread->wait_where, name, sizeof(name)))
		say(cli, " %s", name);
	else if (thread->wait_where)
		say(cli, " 0x%llx", (unsigned long long)thread->wait_where);
	if (thread->wait_owner)
		say(cli, " of thread %llu", (unsigned long long)thread->wait_owner);
}

static void say_thread(struct cli *cli, const struct guest_thread *thread, bool first)
{
	struct frame *frame;

	say(cli, "%4llu %-16s %-8s", (unsigned long long)thread->id,
	    thread->name[0] ? thread->name : "-", thread->state);
	say(cli, thread->is_running ? " on vCPU %u" : " vCPU %u", thread->vcpu);
	if (thread->priority)
		say(cli, ", priority %u", thread->priority);
	say_wait(cli, thread);
	say(cli, "\n");
	text_add(&cli->fields, "%s{\"id\":%llu,\"name\":", first ? "" : ",",
		 (unsigned long long)thread->id);
	text_add_json(&cli->fields, thread->name);
	text_add(&cli->fields, ",\"state\":\"%s\",\"vcpu\":%u,\"wait\":", thread->state,
		 thread->vcpu);
	text_add_json(&cli->fields, thread->wait);
	if (threads_select(&cli->session, thread->id, NULL) == 0 &&
	    session_frame(&cli->session, 0, &frame) == 0) {
		say(cli, "     ");
		cli_say_frame(cli, frame, true);
		text_add(&cli->fields, ",\"frame\":");
		cli_json_frame(cli, frame, &cli->fields);
	}
	text_add(&cli->fields, "}");
}

COMMAND(threads)
{
	struct session *session = &cli->session;
	struct thread_list list = {.cli = cli};
	unsigned int vcpu = session->vcpu, level = session->level;
	bool had_regs = session->has_start_regs;
	struct regs regs = session->start_regs;
	int error = threads_each(session, append, &list, problem);

	(void)words;
	if (error)
		return error;
	text_add(&cli->fields, ",\"threads\":[");
	for (size_t i = 0; i < list.count; i++)
		say_thread(cli, &list.threads[i], i == 0);
	text_add(&cli->fields, "]");
	(void)session_select_vcpu(session, vcpu, NULL);
	if (had_regs)
		session_select_regs(session, &regs);
	session->level = level;
	return 0;
}

/* thread apply all COMMAND: the command once for each, with that thread selected. */
static int apply_all(struct cli *cli, const char *command, struct problem *problem)
{
	struct thread_list list = {.cli = cli};
	int error = threads_each(&cli->session, append, &list, problem);
	uint64_t *ids;

	if (error)
		return error;
	/* Each command empties the arena the list lives in. */
	ids = calloc(list.count + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < list.count; i++)
		ids[i] = list.threads[i].id;
	for (size_t i = 0; i < list.count && !cli->quit; i++) {
		printf("\nThread %llu:\n", (unsigned long long)ids[i]);
		if (threads_select(&cli->session, ids[i], problem) == 0)
			(void)cli_run_line(cli, command);
	}
	free(ids);
	return 0;
}

COMMAND(thread)
{
	char *end;
	uint64_t id;
	int error;

	if (strncmp(words, "apply all ", 10) == 0) {
		char *command = strdup(cli_skip_blanks(words + 10));

		error = command ? apply_all(cli, command, problem) : -ENOMEM;
		free(command);
		return error;
	}
	id = strtoull(words, &end, 0);
	if (!*words || *end)
		return problem_set(problem, -EINVAL, "thread ID, or thread apply all COMMAND");
	error = threads_select(&cli->session, id, problem);
	if (error)
		return error;
	say(cli, "[thread %llu]\n", (unsigned long long)id);
	return cli_show_place(cli, problem);
}
