/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Views of the kernel in the guest, as rows of named fields: what a front end shows as a table or
 * as JSON. Of a running or a dead guest alike; of a running one that is not stopped, each field may
 * be of another moment, and a list that changes meanwhile yields -EAGAIN.
 */
#ifndef DUSTER_ENGINE_VIEW_H
#define DUSTER_ENGINE_VIEW_H

#include "duster/engine/look.h"

#define VIEW_FIELDS_MAX 16u

enum view_kind {
	VIEW_NUMBER,
	VIEW_ADDRESS,
	VIEW_TEXT, /* empty: nothing to say */
};

struct view_field {
	const char *name;
	enum view_kind kind;
	uint64_t number;
	const char *text; /* in the session's arena */
};

struct view_sink {
	void *context;
	/* A row; its fields' names are the same for all rows of a view. */
	void (*row)(void *context, const struct view_field *fields, size_t count);
	/* A sentence about the whole. */
	void (*note)(void *context, const char *text);
};

struct view {
	const char *name, *usage, *help;
	/* words: what stands behind the name. 0; -ENOENT: the program has no such thing. */
	int (*run)(struct session *session, const char *words, const struct view_sink *sink,
		   struct problem *problem);
};

/* Ended by one without a name. */
extern const struct view views[];

/* For views: a row field by field. */
struct view_row {
	struct session *session;
	const struct view_sink *sink;
	struct view_field fields[VIEW_FIELDS_MAX];
	size_t count;
};

void view_number(struct view_row *row, const char *name, uint64_t number);
void view_address(struct view_row *row, const char *name, uint64_t addr);
void view_text(struct view_row *row, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Hands the row over, and begins the next. */
void view_end(struct view_row *row);
void view_note(struct view_row *row, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* -EAGAIN with words when the guest runs, else error with them: what a damaged list yields. */
int view_damaged(struct session *session, int error, const char *what, struct problem *problem);

#define VIEW(name)                                                                                 \
	int view_##name(struct session *session, const char *words, const struct view_sink *sink,  \
			struct problem *problem)
VIEW(events);
VIEW(heap);
VIEW(locks);
VIEW(fds);
VIEW(sockets);
VIEW(grants);
VIEW(xenbus);
VIEW(areas);

#endif
