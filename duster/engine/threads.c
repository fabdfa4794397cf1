/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/threads.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "duster/engine/eval.h"
#include "duster/symbols/names.h"

#define LIST "$list(&'core/thread.c'::threads.all, struct thread, all_node)"

/* A member of a member (`wait.what`) as a number; false: there is none, or no memory. */
static bool number_at(struct session *session, struct value *value, const char *first,
		      const char *second, uint64_t *number_out)
{
	struct value *member;

	if (value_member(session, value, first, &member, NULL) ||
	    (second && value_member(session, member, second, &member, NULL)))
		return false;
	return value_number(session, member, number_out, NULL) == 0;
}

static void read_text(struct session *session, uint64_t addr, char *text_out, size_t text_bytes)
{
	size_t done;

	memset(text_out, 0, text_bytes);
	(void)session_read_some(session, addr, text_out, text_bytes - 1, &done);
	for (char *at = text_out; *at; at++)
		if (!isprint((unsigned char)*at))
			*at = '?';
}

/* THREAD_WAITING becomes "waiting". */
static const char *state_name(struct session *session, uint64_t state)
{
	struct type *type = names_find_tag(session->image, TYPE_ENUM, "thread_state");
	size_t count = 0;
	const struct member *members = type ? type_members(type, &count) : NULL;

	for (size_t i = 0; i < count; i++)
		if (members[i].value == (int64_t)state) {
			const char *name = strrchr(members[i].name, '_');
			char *copy = arena_text(&session->arena, name ? name + 1 : members[i].name);

			for (char *at = copy; *at; at++)
				*at = (char)tolower((unsigned char)*at);
			return copy;
		}
	return arena_format(&session->arena, "state %llu", (unsigned long long)state);
}

/* Registers of a thread that gave its vCPU away: what lies at its stack pointer is a struct
 * switch_frame. */
static void take_switch_frame(struct session *session, struct value *value, struct regs *regs)
{
	struct type *frame = names_find_tag(session->image, TYPE_STRUCT, "switch_frame");
	uint64_t sp, rip_at, rbp_at, rip, rbp, fs_base;

	if (!frame || !type_find_member(frame, "rip", &rip_at) ||
	    !type_find_member(frame, "rbp", &rbp_at) ||
	    !number_at(session, value, "stack_pointer", NULL, &sp) ||
	    session_read(session, sp + rip_at, &rip, 8) ||
	    session_read(session, sp + rbp_at, &rbp, 8))
		return;
	regs_set(regs, CPU_RIP, rip);
	regs_set(regs, CPU_RBP, rbp);
	/* Both words are off the stack when it runs again. */
	regs_set(regs, CPU_RSP, sp + (rip_at > rbp_at ? rip_at : rbp_at) + 8);
	if (number_at(session, value, "fs_base", NULL, &fs_base))
		regs_set(regs, CPU_FS_BASE, fs_base);
}

/* A futex's word says where, and a mutex's word whose it is (lib/posix/mutex.h). */
static void take_wait(struct session *session, struct value *value, struct guest_thread *thread)
{
	uint64_t what, word;
	uint32_t owner;

	if (!number_at(session, value, "wait", "what", &what) || !what)
		return;
	read_text(session, what, thread->wait, sizeof(thread->wait));
	(void)number_at(session, value, "wait", "where", &thread->wait_where);
	(void)number_at(session, value, "wait", "owner", &thread->wait_owner);
	if (number_at(session, value, "wait_word", NULL, &word) && word)
		thread->wait_where = word;
	if (!thread->wait_owner && strcmp(thread->wait, "mutex") == 0 && thread->wait_where &&
	    session_read(session, thread->wait_where, &owner, sizeof(owner)) == 0)
		thread->wait_owner = owner & MUTEX_OWNER;
}

static void take_thread(struct session *session, struct value *value, struct guest_thread *thread)
{
	uint64_t number;
	struct value *name;

	*thread = (struct guest_thread){.addr = value->addr, .state = "?"};
	(void)number_at(session, value, "id", NULL, &thread->id);
	if (value_member(session, value, "name", &name, NULL) == 0)
		read_text(session, name->addr, thread->name,
			  name->bytes_count < THREAD_NAME_MAX ? name->bytes_count + 1
							      : THREAD_NAME_MAX);
	if (number_at(session, value, "state", NULL, &number)) {
		thread->state = state_name(session, number);
		thread->is_running = strcmp(thread->state, "running") == 0;
	}
	if (number_at(session, value, "vcpu", NULL, &number))
		thread->vcpu = (unsigned int)number;
	if (number_at(session, value, "priority", NULL, &number))
		thread->priority = (unsigned int)number;
	if (thread->is_running)
		return;
	if (strcmp(thread->state, "waiting") == 0)
		take_wait(session, value, thread);
	take_switch_frame(session, value, &thread->regs);
}

int threads_each(struct session *session,
		 bool (*fn)(void *context, const struct guest_thread *thread), void *context,
		 struct problem *problem)
{
	struct problem own = {.column = -1};
	struct type *type;
	struct value *list;
	uint64_t count;
	int error;

	if (!session->image || !names_find_tag(session->image, TYPE_STRUCT, "thread"))
		return problem_set(problem, -ENOENT, "a program without threads");
	error = eval_expression(session, LIST, &list, &own);
	if (error)
		return problem_set(problem, error, "the list of threads: %s", own.text);
	type = type_strip(list->type);
	count = type->count;
	for (uint64_t i = 0; i < count; i++) {
		struct guest_thread thread;
		struct value *pointer, *value;

		if (value_index(session, list, (int64_t)i, &pointer, NULL) ||
		    value_deref(session, pointer, &value, NULL))
			continue;
		take_thread(session, value, &thread);
		if (!fn(context, &thread))
			break;
	}
	return 0;
}

struct finding {
	uint64_t id;
	struct guest_thread *thread;
	bool found;
};

static bool match(void *context, const struct guest_thread *thread)
{
	struct finding *finding = context;

	if (thread->id != finding->id)
		return true;
	*finding->thread = *thread;
	finding->found = true;
	return false;
}

int threads_find(struct session *session, uint64_t id, struct guest_thread *thread_out,
		 struct problem *problem)
{
	struct finding finding = {.id = id, .thread = thread_out};
	int error = threads_each(session, match, &finding, problem);

	if (error)
		return error;
	if (!finding.found)
		return problem_set(problem, -ENOENT, "there is no thread %llu",
				   (unsigned long long)id);
	return 0;
}

int threads_select(struct session *session, uint64_t id, struct problem *problem)
{
	struct guest_thread thread;
	int error = threads_find(session, id, &thread, problem);

	if (error)
		return error;
	if (thread.is_running)
		return session_select_vcpu(session, thread.vcpu, problem);
	if (!regs_known(&thread.regs, CPU_RIP))
		return problem_set(problem, -ENODATA, "the registers of thread %llu are not known",
				   (unsigned long long)id);
	session_select_regs(session, &thread.regs);
	return 0;
}
