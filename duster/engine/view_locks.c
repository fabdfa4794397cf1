/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * locks: variables of the program and the kernel that are locks or hold some, by their types, and
 * what threads wait for, wherever that is. Who goes round in a circle is in a deadlock.
 */
#include <errno.h>
#include <string.h>

#include "duster/engine/heap.h"
#include "duster/engine/threads.h"
#include "duster/engine/view.h"
#include "duster/symbols/names.h"
#include "duster/util/text.h"

#define NESTING_MAX  6u
#define ELEMENTS_MAX 64u
#define WAITS_MAX    10000u

/* What else the words of locks say: xen/spinlock.h, core/sleeplock.h, lib/posix/mutex.h. */
#define SPIN_LOCKED   0x1u
#define MUTEX_WAITERS 0x80000000u

struct wait {
	uint64_t thread, where, owner;
	const char *what;
	bool told;
};

struct locks {
	struct session *session;
	struct view_row row;
	bool all;
	struct wait *waits;
	size_t waits_count, waits_room;
	uint64_t shown;
};

static bool take_wait(void *context, const struct guest_thread *thread)
{
	struct locks *locks = context;

	if (!thread->wait[0] || locks->waits_count == WAITS_MAX)
		return locks->waits_count < WAITS_MAX;
	if (locks->waits_count == locks->waits_room) {
		size_t room = locks->waits_room ? 2 * locks->waits_room : 32;
		struct wait *more = arena_array(&locks->session->arena, room, sizeof(*more));

		if (locks->waits_count)
			memcpy(more, locks->waits, locks->waits_count * sizeof(*more));
		locks->waits = more;
		locks->waits_room = room;
	}
	locks->waits[locks->waits_count++] =
		(struct wait){.thread = thread->id,
			      .where = thread->wait_where,
			      .owner = thread->wait_owner,
			      .what = arena_text(&locks->session->arena, thread->wait)};
	return true;
}

/* " 3 7": the threads that wait inside of [addr, addr + bytes). */
static const char *waiters(struct locks *locks, uint64_t addr, uint64_t bytes)
{
	struct text text = {0};
	const char *copy;

	for (size_t i = 0; i < locks->waits_count; i++) {
		struct wait *wait = &locks->waits[i];

		if (!wait->where || wait->where - addr >= bytes)
			continue;
		text_add(&text, "%s%llu", text.bytes ? " " : "", (unsigned long long)wait->thread);
		wait->told = true;
	}
	copy = arena_text(&locks->session->arena, text_get(&text));
	text_free(&text);
	return copy;
}

struct lock {
	const char *kind, *name, *state;
	uint64_t addr, bytes, owner;
	bool held;
};

static void say_lock(struct locks *locks, const struct lock *lock)
{
	const char *waiting = waiters(locks, lock->addr, lock->bytes);

	if (!lock->held && !locks->all && !*waiting)
		return;
	locks->shown++;
	view_text(&locks->row, "kind", "%s", lock->kind);
	view_address(&locks->row, "at", lock->addr);
	view_text(&locks->row, "name", "%s", lock->name);
	view_text(&locks->row, "state", "%s", lock->state);
	if (lock->owner)
		view_number(&locks->row, "owner", lock->owner);
	else
		view_text(&locks->row, "owner", "%s", "");
	view_text(&locks->row, "waiters", "%s", waiting);
	view_end(&locks->row);
}

static bool read_lock(struct locks *locks, struct value *value, const char *tag, struct lock *lock)
{
	struct session *session = locks->session;
	uint64_t word;

	if (strcmp(tag, "spinlock") == 0) {
		lock->kind = "spinlock";
		if (!look_number(session, value, "word", &word))
			return false;
		lock->held = word & SPIN_LOCKED;
		lock->state = lock->held ? "held" : "free";
	} else if (strcmp(tag, "sleeplock") == 0) {
		lock->kind = "sleeplock";
		if (!look_number(session, value, "word", &word))
			return false;
		lock->held = word;
		lock->state = word > 1 ? "held, wanted" : word ? "held" : "free";
	} else if (strcmp(tag, "__pthread_mutex") == 0) {
		lock->kind = "mutex";
		if (!look_number(session, value, "__word", &word))
			return false;
		lock->owner = word & MUTEX_OWNER;
		lock->held = lock->owner;
		lock->state = lock->owner ? word & MUTEX_WAITERS ? "held, wanted" : "held" : "free";
	} else {
		return false;
	}
	lock->addr = value->addr;
	lock->bytes = type_bytes(value->type);
	return true;
}

/* The locks in a variable, to some depth; names as C writes them. */
static void search(struct locks *locks, struct value *value, const char *name, unsigned int depth)
{
	struct type *type = type_strip(value->type);
	struct session *session = locks->session;

	if (depth > NESTING_MAX || value->place != VALUE_MEMORY)
		return;
	if (type->kind == TYPE_ARRAY) {
		struct type *element = type_strip(type_target(type));

		if (element->kind != TYPE_STRUCT || type->count > ELEMENTS_MAX)
			return;
		for (uint64_t i = 0; i < type->count; i++) {
			struct value *part = look_index(session, value, i);

			if (part)
				search(locks, part,
				       arena_format(&session->arena, "%s[%llu]", name,
						    (unsigned long long)i),
				       depth + 1);
		}
	} else if (type->kind == TYPE_STRUCT) {
		struct lock lock = {.name = name};
		const struct member *members;
		size_t count;

		if (type->name && read_lock(locks, value, type->name, &lock)) {
			say_lock(locks, &lock);
			return;
		}
		members = type_members(type, &count);
		for (size_t i = 0; i < count; i++) {
			enum type_kind kind = type_strip(members[i].type)->kind;

			if (members[i].name && (kind == TYPE_STRUCT || kind == TYPE_ARRAY))
				search(locks,
				       value_part(session, value, members[i].type,
						  members[i].offset),
				       arena_format(&session->arena, "%s.%s", name,
						    members[i].name),
				       depth + 1);
		}
	}
}

static void search_variables(struct locks *locks)
{
	size_t count;
	const struct name_entry *entries = names_all(locks->session->image, &count);

	for (size_t i = 0; i < count; i++) {
		Dwarf_Die die = entries[i].die;
		struct value *value;

		if (entries[i].kind == NAME_VARIABLE &&
		    value_variable(locks->session, NULL, &die, &value, NULL) == 0)
			search(locks, value, entries[i].name, 0);
	}
}

/* What is waited for, and is in no variable. */
static void say_others(struct locks *locks)
{
	for (size_t i = 0; i < locks->waits_count; i++) {
		const struct wait *wait = &locks->waits[i];
		struct lock lock = {.kind = wait->what,
				    .addr = wait->where,
				    .bytes = 1,
				    .owner = wait->owner,
				    .state = wait->owner ? "held" : "",
				    .name = "",
				    .held = true};
		struct heap_block block;

		if (wait->told || !wait->where)
			continue;
		if (heap_find(locks->session, wait->where, &block) == 0)
			lock.name = arena_format(&locks->session->arena, "in heap block 0x%llx",
						 (unsigned long long)block.addr);
		else
			lock.name = look_symbol(locks->session, wait->where);
		say_lock(locks, &lock);
	}
}

/* ---- Deadlocks ---- */

static const struct wait *wait_of(const struct locks *locks, uint64_t thread)
{
	for (size_t i = 0; i < locks->waits_count; i++)
		if (locks->waits[i].thread == thread)
			return &locks->waits[i];
	return NULL;
}

/* Does the chain of owners lead from a thread back to it? Told by its lowest number. */
static bool is_circle(const struct locks *locks, const struct wait *first)
{
	const struct wait *wait = first;

	for (size_t i = 0; i < locks->waits_count && wait && wait->owner; i++) {
		if (wait->owner == first->thread)
			return true;
		if (wait->owner < first->thread)
			return false;
		wait = wait_of(locks, wait->owner);
	}
	return false;
}

static void say_deadlocks(struct locks *locks)
{
	for (size_t i = 0; i < locks->waits_count; i++) {
		const struct wait *first = &locks->waits[i], *wait = first;
		struct text text = {0};

		if (!is_circle(locks, first))
			continue;
		do {
			text_add(&text, "%sthread %llu waits for a %s of thread %llu",
				 text.bytes ? ", " : "deadlock: ", (unsigned long long)wait->thread,
				 wait->what, (unsigned long long)wait->owner);
			wait = wait_of(locks, wait->owner);
		} while (wait && wait != first && text.bytes < 400);
		view_note(&locks->row, "%s", text_get(&text));
		text_free(&text);
	}
}

VIEW(locks)
{
	struct locks locks = {.session = session, .row = {.session = session, .sink = sink}};
	int error;

	if (!session->image || !session->image->dwarf)
		return problem_set(problem, -ENOENT, "without debug information no lock is known");
	locks.all = strcmp(words, "all") == 0;
	error = threads_each(session, take_wait, &locks, problem);
	if (error && error != -ENOENT)
		return error;
	search_variables(&locks);
	say_others(&locks);
	say_deadlocks(&locks);
	if (!locks.shown)
		view_note(&locks.row, "no lock is held");
	return 0;
}
