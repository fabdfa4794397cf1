/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of breakpoints. */
#include <errno.h>
#include <string.h>

#include "duster/engine/eval.h"
#include "duster/engine/run.h"

#define DEBUG_REGISTERS 4

struct breakpoints {
	struct breakpoint *first;
	unsigned int last_number;
};

static struct breakpoints *table_of(struct session *session)
{
	if (!session->breakpoints)
		session->breakpoints = arena_alloc(&session->kept, sizeof(*session->breakpoints));
	return session->breakpoints;
}

struct breakpoint *run_breakpoints(struct session *session)
{
	return table_of(session)->first;
}

struct breakpoint *run_breakpoint(struct session *session, unsigned int number)
{
	struct breakpoint *breakpoint = run_breakpoints(session);

	while (breakpoint && breakpoint->number != number)
		breakpoint = breakpoint->next;
	return breakpoint;
}

bool run_is_compiled(const struct breakpoint *breakpoint)
{
	if (!breakpoint->compiled || !breakpoint->condition ||
	    breakpoint->compiled_from != breakpoint->condition)
		return false;
	for (size_t i = 0; i < breakpoint->addrs_count; i++)
		if (breakpoint->compiled[i].state == CONDITION_COMPILED)
			return true;
	return false;
}

static struct breakpoint *add(struct session *session, const char *text)
{
	struct breakpoints *table = table_of(session);
	struct breakpoint *breakpoint = arena_alloc(&session->kept, sizeof(*breakpoint));
	struct breakpoint **at = &table->first;

	breakpoint->number = ++table->last_number;
	breakpoint->text = arena_text(&session->kept, text);
	breakpoint->slot = -1;
	while (*at)
		at = &(*at)->next;
	*at = breakpoint;
	return breakpoint;
}

static void drop(struct session *session, struct breakpoint *breakpoint)
{
	struct breakpoint **at = &table_of(session)->first;

	while (*at && *at != breakpoint)
		at = &(*at)->next;
	if (*at)
		*at = breakpoint->next;
}

static int free_slot(struct session *session)
{
	for (int slot = 0; slot < DEBUG_REGISTERS; slot++) {
		struct breakpoint *breakpoint = run_breakpoints(session);

		while (breakpoint && breakpoint->slot != slot)
			breakpoint = breakpoint->next;
		if (!breakpoint)
			return slot;
	}
	return -1;
}

/* Does another enabled breakpoint stand at the address, too? */
static bool is_shared(struct session *session, const struct breakpoint *but, uint64_t addr)
{
	for (struct breakpoint *other = run_breakpoints(session); other; other = other->next) {
		if (other == but || !other->enabled || other->slot >= 0)
			continue;
		for (size_t i = 0; i < other->addrs_count; i++)
			if (other->addrs[i] == addr)
				return true;
	}
	return false;
}

static int remove_from_target(struct session *session, struct breakpoint *breakpoint)
{
	int error = 0;

	if (breakpoint->slot >= 0) {
		error = target_watch_set(session->target, (unsigned int)breakpoint->slot,
					 breakpoint->kind, 0, 0);
		breakpoint->slot = -1;
		return error;
	}
	for (size_t i = 0; i < breakpoint->addrs_count; i++)
		if (!is_shared(session, breakpoint, breakpoint->addrs[i])) {
			int failed = target_break_clear(session->target, breakpoint->addrs[i]);

			error = error ? error : failed;
		}
	return error;
}

static int put_into_target(struct session *session, struct breakpoint *breakpoint, bool hardware,
			   struct problem *problem)
{
	int error = 0;

	if (hardware) {
		int slot = free_slot(session);

		if (slot < 0)
			return problem_set(problem, -ENOSPC, "all %d debug registers are in use",
					   DEBUG_REGISTERS);
		error = target_watch_set(session->target, (unsigned int)slot, breakpoint->kind,
					 breakpoint->addrs[0], breakpoint->bytes);
		if (error == -EOPNOTSUPP)
			return problem_set(problem, error, "this target has no debug registers");
		if (error)
			return problem_set(
				problem, error, "the debug register cannot be set for 0x%llx: %s",
				(unsigned long long)breakpoint->addrs[0], strerror(-error));
		breakpoint->slot = slot;
		return 0;
	}
	for (size_t i = 0; i < breakpoint->addrs_count && !error; i++) {
		error = target_break_set(session->target, breakpoint->addrs[i], problem);
		if (error)
			while (i--)
				(void)target_break_clear(session->target, breakpoint->addrs[i]);
	}
	return error;
}

static int need_target(struct session *session, struct problem *problem)
{
	return session->target && session->target->live
		       ? 0
		       : problem_set(problem, -EOPNOTSUPP, "this target does not run");
}

int run_break(struct session *session, const char *text, bool temporary, bool hardware,
	      struct breakpoint **breakpoint_out, struct problem *problem)
{
	struct breakpoint *breakpoint;
	struct place place;
	int error = need_target(session, problem);

	if (!error)
		error = inspect_place(session, text, true, &place, problem);
	if (error)
		return error;
	if (hardware && place.addrs_count > 1)
		return problem_set(problem, -ENOSPC,
				   "%s is at %zu addresses: a debug register takes one", text,
				   place.addrs_count);
	breakpoint = add(session, text);
	memcpy(breakpoint->addrs, place.addrs, place.addrs_count * sizeof(place.addrs[0]));
	breakpoint->addrs_count = place.addrs_count;
	breakpoint->temporary = temporary;
	breakpoint->hardware = hardware;
	breakpoint->file = place.file;
	breakpoint->line = place.line;
	breakpoint->function = place.function;
	breakpoint->kind = WATCH_EXECUTE;
	breakpoint->bytes = 1;
	error = put_into_target(session, breakpoint, hardware, problem);
	if (error) {
		drop(session, breakpoint);
		table_of(session)->last_number--;
		return error;
	}
	breakpoint->enabled = true;
	*breakpoint_out = breakpoint;
	return 0;
}

int run_watch(struct session *session, const char *expression, enum watch_kind kind,
	      struct breakpoint **breakpoint_out, struct problem *problem)
{
	struct breakpoint *breakpoint;
	struct value *value;
	int error = need_target(session, problem);

	if (!error)
		error = eval_expression(session, expression, &value, problem);
	if (!error)
		error = value_load(session, value, problem);
	if (error)
		return error;
	if (value->place != VALUE_MEMORY || value->bit_size)
		return problem_set(problem, -EINVAL, "only values in memory can be watched");
	if (value->bytes_count > 8 || (value->bytes_count & (value->bytes_count - 1)) ||
	    value->bytes_count == 0 || value->addr % value->bytes_count)
		return problem_set(problem, -EINVAL,
				   "a debug register watches 1, 2, 4 or 8 aligned bytes, not %llu",
				   (unsigned long long)value->bytes_count);
	breakpoint = add(session, expression);
	breakpoint->addrs[0] = value->addr;
	breakpoint->addrs_count = 1;
	breakpoint->kind = kind;
	breakpoint->bytes = (unsigned int)value->bytes_count;
	breakpoint->type = value->type;
	breakpoint->hardware = true;
	memcpy(breakpoint->old, value->bytes, value->bytes_count);
	error = put_into_target(session, breakpoint, true, problem);
	if (error) {
		drop(session, breakpoint);
		table_of(session)->last_number--;
		return error;
	}
	breakpoint->enabled = true;
	*breakpoint_out = breakpoint;
	return 0;
}

int run_enable(struct session *session, unsigned int number, bool enable, struct problem *problem)
{
	struct breakpoint *breakpoint = run_breakpoint(session, number);
	int error;

	if (!breakpoint)
		return problem_set(problem, -ENOENT, "No breakpoint number %u.", number);
	if (breakpoint->enabled == enable)
		return 0;
	if (enable)
		error = put_into_target(session, breakpoint, breakpoint->hardware, problem);
	else
		error = remove_from_target(session, breakpoint);
	if (!error)
		breakpoint->enabled = enable;
	return error;
}

int run_delete(struct session *session, unsigned int number, struct problem *problem)
{
	struct breakpoint *breakpoint = run_breakpoint(session, number);
	int error = 0;

	if (!breakpoint)
		return problem_set(problem, -ENOENT, "No breakpoint number %u.", number);
	if (breakpoint->enabled)
		error = remove_from_target(session, breakpoint);
	drop(session, breakpoint);
	return error == -ENODEV ? 0 : error;
}
