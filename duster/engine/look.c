/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/look.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "duster/engine/eval.h"
#include "duster/symbols/names.h"
#include "duster/util/map.h"

struct value *look(struct session *session, const char *expression)
{
	struct value *value;

	if (!session->image || eval_expression(session, expression, &value, NULL))
		return NULL;
	return value;
}

struct value *look_at(struct session *session, const char *tag, uint64_t addr)
{
	struct type *type =
		session->image ? names_find_tag(session->image, TYPE_STRUCT, tag) : NULL;

	return type ? value_at(session, type, addr) : NULL;
}

struct value *look_member(struct session *session, struct value *value, const char *path)
{
	char name[64];

	while (value && *path) {
		size_t bytes = strcspn(path, ".");

		if (bytes >= sizeof(name))
			return NULL;
		memcpy(name, path, bytes);
		name[bytes] = '\0';
		if (value_member(session, value, name, &value, NULL))
			return NULL;
		path += bytes;
		path += *path == '.';
	}
	return value;
}

bool look_number(struct session *session, struct value *value, const char *path,
		 uint64_t *number_out)
{
	value = look_member(session, value, path);
	return value && value_number(session, value, number_out, NULL) == 0;
}

uint64_t look_word(struct session *session, struct value *value, const char *path)
{
	uint64_t number;

	return look_number(session, value, path, &number) ? number : 0;
}

struct value *look_index(struct session *session, struct value *value, uint64_t index)
{
	struct value *element;
	struct type *type = value ? type_strip(value->type) : NULL;

	if (!value || index > LOOK_ELEMENTS_MAX ||
	    (type->kind == TYPE_ARRAY && !type->is_flexible && type->count &&
	     index >= type->count) ||
	    value_index(session, value, (int64_t)index, &element, NULL))
		return NULL;
	return element;
}

struct value *look_deref(struct session *session, struct value *value)
{
	struct value *target;
	uint64_t addr;

	if (!value || value_number(session, value, &addr, NULL) || !addr ||
	    value_deref(session, value, &target, NULL))
		return NULL;
	return target;
}

const char *look_text(struct session *session, uint64_t addr, size_t bytes_max)
{
	char *text = arena_alloc(&session->arena, bytes_max + 1);
	size_t done;

	if (addr)
		(void)session_read_some(session, addr, text, bytes_max, &done);
	for (char *at = text; *at; at++)
		if (!isprint((unsigned char)*at))
			*at = '?';
	return text;
}

const char *look_symbol(struct session *session, uint64_t addr)
{
	char name[256];

	if (session_symbolize(session, addr, name, sizeof(name)))
		return arena_text(&session->arena, name);
	return arena_format(&session->arena, "0x%llx", (unsigned long long)addr);
}

const char *look_enumerator(struct session *session, const char *tag, uint64_t number)
{
	struct type *type = names_find_tag(session->image, TYPE_ENUM, tag);
	size_t count = 0;
	const struct member *members = type ? type_members(type, &count) : NULL;

	for (size_t i = 0; i < count; i++)
		if (members[i].value == (int64_t)number) {
			const char *name = strrchr(members[i].name, '_');
			char *copy = arena_text(&session->arena, name ? name + 1 : members[i].name);

			for (char *at = copy; *at; at++)
				*at = (char)tolower((unsigned char)*at);
			return copy;
		}
	return arena_format(&session->arena, "%llu", (unsigned long long)number);
}

int look_list(struct session *session, uint64_t head, const char *tag, const char *member,
	      look_fn *fn, void *context)
{
	struct type *type = names_find_tag(session->image, TYPE_STRUCT, tag);
	struct map seen = {0};
	uint64_t at, next, offset, count = 0;
	int error;

	if (!type || !type_find_member(type, member, &offset))
		return -ENOENT;
	/* The first word of a link leads on; all zeros is an empty ring. What has no link that can
	 * be read is no element. */
	error = session_read(session, head, &next, 8) ? -EFAULT : 0;
	while (!error && next != head && next != 0) {
		uint64_t before;

		at = next;
		if (map_get(&seen, at, &before) || count++ >= LOOK_ELEMENTS_MAX)
			error = -ELOOP;
		else if (session_read(session, at, &next, 8))
			error = -EFAULT;
		else
			error = map_put(&seen, at, 1);
		if (!error && !fn(context, value_at(session, type, at - offset)))
			break;
	}
	map_free(&seen);
	return error;
}
