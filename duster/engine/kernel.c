/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's log ring. Layouts come from the image's debug information alone. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "duster/engine/eval.h"
#include "duster/engine/inspect.h"
#include "duster/symbols/names.h"

/* The variable of that name at file level, loaded; NULL: none. */
static struct value *variable(struct session *session, const char *name)
{
	struct value *value;

	if (!session->image || eval_name(session, name, &value, NULL) ||
	    value->place != VALUE_MEMORY)
		return NULL;
	return value;
}

static bool member_number(struct session *session, struct value *value, const char *name,
			  uint64_t *number_out)
{
	struct value *member;

	return value_member(session, value, name, &member, NULL) == 0 &&
	       value_number(session, member, number_out, NULL) == 0;
}

/* ---- The log ring ---- */

#define RING_BYTES_MAX (16u << 20)

struct ring {
	struct session *session;
	uint64_t head, tail, bytes, data;
	struct type *record;
};

static int ring_open(struct session *session, struct ring *ring, struct problem *problem)
{
	struct value *value = variable(session, "log_ring"), *data;

	ring->session = session;
	ring->record =
		session->image ? names_find_tag(session->image, TYPE_STRUCT, "log_record") : NULL;
	if (!value || !ring->record || value_member(session, value, "data", &data, NULL))
		return problem_set(problem, -ENOENT, "the image has no log ring");
	if (!member_number(session, value, "head", &ring->head) ||
	    !member_number(session, value, "tail", &ring->tail) ||
	    !member_number(session, value, "bytes", &ring->bytes))
		return problem_set(problem, -EFAULT, "the log ring cannot be read");
	ring->data = data->addr;
	if (!ring->bytes) /* nothing was written yet */
		ring->head = ring->tail;
	else if (ring->bytes > RING_BYTES_MAX || ring->tail - ring->head > ring->bytes)
		return problem_set(problem, -EINVAL, "the log ring is damaged");
	return 0;
}

static int ring_copy(const struct ring *ring, uint64_t position, uint8_t *to, uint64_t bytes)
{
	while (bytes) {
		uint64_t at = position % ring->bytes, count = ring->bytes - at;

		if (count > bytes)
			count = bytes;
		if (session_read(ring->session, ring->data + at, to, count))
			return -EFAULT;
		position += count;
		to += count;
		bytes -= count;
	}
	return 0;
}

static uint64_t field(const struct ring *ring, const uint8_t *record, const char *name)
{
	uint64_t offset, word = 0;
	const struct member *member = type_find_member(ring->record, name, &offset);
	uint64_t bytes = member ? type_bytes(member->type) : 0;

	if (member && bytes <= 8 && offset + bytes <= type_bytes(ring->record))
		memcpy(&word, record + offset, bytes);
	return word;
}

int inspect_log(struct session *session, void (*fn)(void *context, const struct log_line *line),
		void *context, struct problem *problem)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	struct ring ring = {0};
	uint64_t record_bytes, position;
	uint8_t *record;
	int error = ring_open(session, &ring, problem);

	if (error)
		return error;
	record_bytes = type_bytes(ring.record);
	record = arena_alloc(&session->arena, record_bytes);
	for (position = ring.head; ring.tail - position >= record_bytes && ring.tail > position;) {
		struct log_line line;
		uint64_t bytes, level;
		char *text;

		error = ring_copy(&ring, position, record, record_bytes);
		bytes = field(&ring, record, "text_bytes");
		level = field(&ring, record, "level");
		if (error || bytes > ring.tail - position - record_bytes)
			return problem_set(problem, -EINVAL, "the log ring is damaged");
		text = arena_alloc(&session->arena, bytes + 1);
		if (ring_copy(&ring, position + record_bytes, (uint8_t *)text, bytes))
			return problem_set(problem, -EFAULT, "the log ring cannot be read");
		line = (struct log_line){.tsc = field(&ring, record, "tsc"),
					 .level = level < 4 ? levels[level] : "?",
					 .text = text};
		fn(context, &line);
		position += record_bytes + ((bytes + 7) & ~7ULL);
	}
	return 0;
}
