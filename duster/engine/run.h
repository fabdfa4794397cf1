/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Running the guest: breakpoints, watchpoints, stepping. The guest stands still between these
 * calls. Breakpoints stay in the code while the debugger is attached; memory is shown without them.
 */
#ifndef DUSTER_ENGINE_RUN_H
#define DUSTER_ENGINE_RUN_H

#include "duster/engine/inspect.h"
#include "duster/engine/value.h"

#define BREAKPOINT_PLACES 64u

struct breakpoint {
	struct breakpoint *next; /* in order of number */
	unsigned int number;
	bool enabled, temporary, hardware;
	const char *text; /* what was asked for: a place or a watched expression */
	uint64_t addrs[BREAKPOINT_PLACES];
	size_t addrs_count;
	const char *file, *function;
	unsigned int line;
	const char *condition; /* NULL: none */
	/* Of a front end, before the condition; false: as if nothing were there. NULL: none */
	bool (*filter)(void *context, struct session *session);
	void *filter_context;
	/* Of the condition: its code for a guest that evaluates it itself, one a place; NULL: not
	 * tried yet. Made for the text `compiled_from`. */
	struct condition_code {
		enum { CONDITION_UNTRIED, CONDITION_COMPILED, CONDITION_NOT } state;
		uint8_t code[TARGET_CONDITION_BYTES];
		size_t bytes;
	} * compiled;
	const char *compiled_from;
	uint64_t hits, ignore;
	const char **commands;
	size_t commands_count;
	/* In a debug register: watchpoints, and breakpoints that change no code. slot -1: none. */
	int slot;
	enum watch_kind kind;
	unsigned int bytes;
	struct type *type;
	uint8_t old[8];
};

enum stop_reason {
	STOP_BREAKPOINT,
	STOP_WATCHPOINT,
	STOP_STEPPED,
	STOP_REACHED,     /* the place of until, advance, finish */
	STOP_TRAP,        /* an int3 of the program's own */
	STOP_INTERRUPTED, /* asked for by the user */
	STOP_TIMEOUT,
	STOP_ENDED,
	STOP_CRASHED,
	STOP_SUSPENDED,
};

struct stop {
	enum stop_reason reason;
	unsigned int vcpu;
	struct breakpoint *breakpoint; /* of BREAKPOINT and WATCHPOINT */
	struct problem problem;        /* text: the condition could not be evaluated */
	uint8_t old[8];                /* of WATCHPOINT */
	struct value *returned;        /* of finish; NULL: not known */
};

/* At a place. hardware: in a debug register. Given to the session. */
int run_break(struct session *session, const char *place, bool temporary, bool hardware,
	      struct breakpoint **breakpoint_out, struct problem *problem);
int run_watch(struct session *session, const char *expression, enum watch_kind kind,
	      struct breakpoint **breakpoint_out, struct problem *problem);
int run_delete(struct session *session, unsigned int number, struct problem *problem);
int run_enable(struct session *session, unsigned int number, bool enable, struct problem *problem);
struct breakpoint *run_breakpoint(struct session *session, unsigned int number);
struct breakpoint *run_breakpoints(struct session *session);
/* Does the guest evaluate its condition itself? Known after the first hit. */
bool run_is_compiled(const struct breakpoint *breakpoint);

/* Each runs until a stop worth telling. -EOPNOTSUPP: the target does not run. */
int run_continue(struct session *session, struct stop *stop_out, struct problem *problem);
/* One instruction; over: calls as one. */
int run_step_instruction(struct session *session, bool over, struct stop *stop_out,
			 struct problem *problem);
/* To the beginning of another line; over: past calls. */
int run_step_line(struct session *session, bool over, struct stop *stop_out,
		  struct problem *problem);
/* Until the selected frame returns. */
int run_finish(struct session *session, struct stop *stop_out, struct problem *problem);
/* To one of the addresses of a place, or until the frame returns. */
int run_until(struct session *session, const char *place, struct stop *stop_out,
	      struct problem *problem);

#endif
