/* SPDX-License-Identifier: BSD-2-Clause */
/* All views, and how they hand over their rows. */
#include "duster/engine/view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct view views[] = {
	{"areas", "areas", "areas of virtual memory outside of the image", view_areas},
	{"events", "events [all]", "event channels with handlers; all: every port known",
	 view_events},
	{"fds", "fds", "open files", view_fds},
	{"grants", "grants", "pages other domains may use", view_grants},
	{"heap", "heap [largest [N] | check | blocks]",
	 "the heap by size classes; its largest blocks; what is damaged; every block", view_heap},
	{"locks", "locks [all]", "locks that are held, and who waits; all: free ones too",
	 view_locks},
	{"sockets", "sockets", "network connections", view_sockets},
	{"xenbus", "xenbus", "the connection to xenstore, watches and devices", view_xenbus},
	{NULL, NULL, NULL, NULL},
};

static struct view_field *field(struct view_row *row, const char *name, enum view_kind kind)
{
	static struct view_field spare;
	struct view_field *next =
		row->count < VIEW_FIELDS_MAX ? &row->fields[row->count++] : &spare;

	*next = (struct view_field){.name = name, .kind = kind, .text = ""};
	return next;
}

void view_number(struct view_row *row, const char *name, uint64_t number)
{
	field(row, name, VIEW_NUMBER)->number = number;
}

void view_address(struct view_row *row, const char *name, uint64_t addr)
{
	field(row, name, VIEW_ADDRESS)->number = addr;
}

static char *format_v(struct session *session, const char *format, va_list arguments)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, arguments);
	return arena_text(&session->arena, text);
}

void view_text(struct view_row *row, const char *name, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	field(row, name, VIEW_TEXT)->text = format_v(row->session, format, arguments);
	va_end(arguments);
}

void view_end(struct view_row *row)
{
	row->sink->row(row->sink->context, row->fields, row->count);
	row->count = 0;
}

void view_note(struct view_row *row, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	row->sink->note(row->sink->context, format_v(row->session, format, arguments));
	va_end(arguments);
}

int view_damaged(struct session *session, int error, const char *what, struct problem *problem)
{
	if (session->target && session->target->running)
		return problem_set(problem, -EAGAIN, "%s changed while it was looked at", what);
	return problem_set(problem, error, "%s is damaged: %s", what,
			   error == -ELOOP    ? "it goes in a circle"
			   : error == -EFAULT ? "it leads to memory that is not there"
					      : "what it says cannot be");
}
