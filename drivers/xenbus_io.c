/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All messages of an operation are sent at once, as far as there is room, and answered one by one:
 * one round trip for all. xenstored answers a domain's requests in order, so the state, written
 * last, is seen after everything else.
 */
#include <stdarg.h>

#include "core/heap.h"
#include "drivers/xenbus_internal.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"
#include "xen/xswire.h"

#define RETRY_NS    10000000ULL
#define STATE_BYTES 16 /* key, value, and their NULs */

/* Of xenstore's; the last thing is the count, the slot is the worker's from there on. */
static void slot_done(struct xenstore_request *request)
{
	struct xenbus_slot *slot = container_of(request, struct xenbus_slot, request);
	struct xenbus_inner *inner = slot->inner;

	if (slot->present) {
		/* What does not fit, or has a NUL in it, is nothing we know. */
		*slot->present = !request->result &&
				 request->reply_total_bytes == request->reply_bytes &&
				 strlen(request->reply) == request->reply_bytes;
		if (!*slot->present)
			request->reply[0] = '\0';
	}
	if (request->result && (!slot->present || request->result != -ENOENT))
		WRITE_ONCE(inner->op_error, request->result);
	WRITE_ONCE(slot->busy, false);
	xenbus_answered(inner);
}

static void begin(struct xenbus_inner *inner, enum xenbus_op op)
{
	inner->op = op;
	inner->total = inner->next = 0;
	inner->op_error = 0;
}

static void add_read(struct xenbus_inner *inner, char *text, size_t text_bytes, bool *present)
{
	struct xenbus_slot *slot = &inner->slots[inner->total++];

	*slot = (struct xenbus_slot){
		.request = {.done = slot_done, .reply = text, .reply_max = text_bytes},
		.inner = inner,
		.present = present,
	};
	text[0] = '\0';
	*present = false;
}

static unsigned int keys_count(const char *const *keys)
{
	unsigned int count = 0;

	while (keys && keys[count])
		count++;
	return count;
}

static void add_values(struct xenbus_inner *inner, struct xenbus_value *values,
		       unsigned int values_count)
{
	for (unsigned int i = 0; i < values_count; i++)
		add_read(inner, values[i].text, sizeof(values[i].text), &values[i].present);
}

void xenbus_read_front(struct xenbus_inner *inner)
{
	begin(inner, XENBUS_OP_FRONT);
	add_read(inner, inner->backend_read, sizeof(inner->backend_read), &inner->backend_present);
	add_read(inner, inner->backend_id_text, sizeof(inner->backend_id_text),
		 &inner->backend_id_present);
	add_read(inner, inner->front_text, sizeof(inner->front_text), &inner->front_present);
	add_values(inner, inner->device->values, keys_count(inner->device->driver->front_keys));
	(void)xenbus_io_pump(inner);
}

void xenbus_read_state(struct xenbus_inner *inner)
{
	begin(inner, XENBUS_OP_STATE);
	add_read(inner, inner->state_text, sizeof(inner->state_text), &inner->state_present);
	add_read(inner, inner->online_text, sizeof(inner->online_text), &inner->online_present);
	(void)xenbus_io_pump(inner);
}

void xenbus_read_back(struct xenbus_inner *inner)
{
	const struct xenbus_driver *driver = inner->device->driver;

	begin(inner, XENBUS_OP_BACK);
	add_values(inner, inner->device->values + keys_count(driver->front_keys),
		   keys_count(driver->back_keys));
	(void)xenbus_io_pump(inner);
}

void xenbus_read_news(struct xenbus_inner *inner)
{
	begin(inner, XENBUS_OP_NEWS);
	add_values(inner, &inner->news_value, 1);
	(void)xenbus_io_pump(inner);
}

/* The name of a read's key. */
static const char *read_key(const struct xenbus_inner *inner, unsigned int index)
{
	static const char *const own[XENBUS_OWN_KEYS] = {"backend", "backend-id", "state"};
	static const char *const state[] = {"state", "online"};

	switch (inner->op) {
	case XENBUS_OP_FRONT:
		return index < XENBUS_OWN_KEYS
			       ? own[index]
			       : inner->device->driver->front_keys[index - XENBUS_OWN_KEYS];
	case XENBUS_OP_STATE:
		return state[index];
	case XENBUS_OP_NEWS:
		return inner->device->driver->back_news;
	default:
		return inner->device->driver->back_keys[index];
	}
}

static int submit_read(struct xenbus_inner *inner)
{
	struct xenbus_slot *slot = &inner->slots[inner->next];
	const char *dir = inner->op == XENBUS_OP_FRONT ? inner->dir : inner->backend;
	const char *key = read_key(inner, inner->next);
	struct xenstore_part parts[] = {{dir, strlen(dir)}, {"/", 1}, {key, strlen(key) + 1}};

	return xenstore_submit_parts(&slot->request, XS_READ, parts, 3);
}

static struct xenbus_slot *slot_free(struct xenbus_inner *inner)
{
	for (unsigned int i = 0; i < XENBUS_SLOTS; i++)
		if (!READ_ONCE(inner->slots[i].busy))
			return &inner->slots[i];
	return NULL;
}

static int submit_write(struct xenbus_inner *inner)
{
	struct xenbus_slot *slot = slot_free(inner);
	const char *key = inner->text + inner->text_next, *value = key + strlen(key) + 1;
	struct xenstore_part parts[] = {{inner->dir, strlen(inner->dir)},
					{"/", 1},
					{key, strlen(key) + 1},
					{value, strlen(value)}};
	int error;

	if (!slot)
		return -EAGAIN;
	*slot = (struct xenbus_slot){
		.request = {.done = slot_done},
		.inner = inner,
		.busy = true,
	};
	error = xenstore_submit_parts(&slot->request, XS_WRITE, parts, 4);
	if (error)
		slot->busy = false;
	else
		inner->text_next = (size_t)(value - inner->text) + strlen(value) + 1;
	return error;
}

bool xenbus_io_pump(struct xenbus_inner *inner)
{
	while (inner->next < inner->total) {
		int error;

		(void)__atomic_add_fetch(&inner->pending, 1, __ATOMIC_RELAXED);
		error = inner->op == XENBUS_OP_WRITE ? submit_write(inner) : submit_read(inner);
		if (error)
			(void)__atomic_sub_fetch(&inner->pending, 1, __ATOMIC_RELAXED);
		if (error == -EAGAIN || error == -ENOMEM) {
			timer_arm(&inner->timer, time_monotonic_ns() + RETRY_NS);
			return false;
		}
		if (error) {
			inner->op_error = error;
			inner->total = inner->next;
			break;
		}
		inner->next++;
	}
	return !__atomic_load_n(&inner->pending, __ATOMIC_ACQUIRE);
}

/* Appends a string and its NUL, leaving room for the state. */
static int text_add(struct xenbus_inner *inner, const char *text, size_t room)
{
	size_t bytes = strlen(text) + 1;

	if (inner->text_max - inner->text_used < bytes + room) {
		size_t wanted = inner->text_max * 2;
		char *grown = heap_realloc(inner->text, wanted);

		if (!grown)
			return -ENOMEM;
		inner->text = grown;
		inner->text_max = wanted;
	}
	memcpy(inner->text + inner->text_used, text, bytes);
	inner->text_used += bytes;
	return 0;
}

static void add_write(struct xenbus_inner *inner, const char *key, const char *value, size_t room)
{
	size_t used = inner->text_used;

	if (text_add(inner, key, room) || text_add(inner, value, room)) {
		inner->text_used = used;
		inner->publish_error = -ENOMEM;
		return;
	}
	inner->total++;
}

void xenbus_publish(struct xenbus_device *device, const char *key, const char *format, ...)
{
	struct xenbus_inner *inner = device->inner;
	char value[XENBUS_VALUE_MAX];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = format_text_v(value, sizeof(value), format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(value))
		inner->publish_error = -E2BIG;
	else
		add_write(inner, key, value, STATE_BYTES);
}

void xenbus_write_nothing(struct xenbus_inner *inner)
{
	inner->total = inner->next = 0;
	inner->text_used = 0;
	inner->publish_error = 0;
}

void xenbus_write(struct xenbus_inner *inner, XenbusState state)
{
	char text[8];

	(void)format_text(text, sizeof(text), "%u", (unsigned int)state);
	add_write(inner, "state", text, 0);
	inner->op = XENBUS_OP_WRITE;
	inner->next = 0;
	inner->text_next = 0;
	inner->op_error = 0;
	inner->front = state;
	(void)xenbus_io_pump(inner);
}
