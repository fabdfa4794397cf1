/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/convenience.h"

#include <stdlib.h>
#include <string.h>

struct convenience {
	struct convenience *next;
	const char *name;
	struct value *value;
};

static struct convenience *find(struct session *session, const char *name)
{
	struct convenience *variable = session->convenience;

	while (variable && strcmp(variable->name, name) != 0)
		variable = variable->next;
	return variable;
}

struct value *convenience_get(struct session *session, const char *name)
{
	struct convenience *variable = find(session, name);

	return variable ? variable->value : NULL;
}

void convenience_set(struct session *session, const char *name, const struct value *value)
{
	struct convenience *variable = find(session, name);

	if (!variable) {
		variable = arena_alloc(&session->kept, sizeof(*variable));
		variable->name = arena_text(&session->kept, name);
		variable->next = session->convenience;
		session->convenience = variable;
	}
	variable->value = value_keep(session, value);
	/* A value of its own: not the place it came from. */
	if (variable->value->place != VALUE_LOST && variable->value->place != VALUE_MEMORY)
		variable->value->place = VALUE_PLAIN;
	variable->value->lazy_name = NULL;
}

unsigned int history_add(struct session *session, const struct value *value)
{
	if (session->history_count == session->history_room) {
		size_t room = session->history_room ? 2 * session->history_room : 64;
		struct value **more = realloc(session->history, room * sizeof(struct value *));

		if (!more)
			return 0;
		session->history = more;
		session->history_room = room;
	}
	session->history[session->history_count++] = value_keep(session, value);
	return (unsigned int)session->history_count;
}

struct value *history_get(struct session *session, unsigned int number)
{
	if (number == 0)
		number = (unsigned int)session->history_count;
	return number && number <= session->history_count ? session->history[number - 1] : NULL;
}
