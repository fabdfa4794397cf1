/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A debugging session: one target, one image, a selected vCPU and frame, and what commands leave
 * behind. Nothing here is made for a terminal: functions return structures and numbers, and texts
 * only where a text is what was asked for (a formatted value, a type's name).
 *
 * Memory: `arena` lives for one command (session_begin_command() empties it), `kept` for the
 * session. When an arena is full the command ends: front ends run commands under session_guard().
 */
#ifndef DUSTER_ENGINE_SESSION_H
#define DUSTER_ENGINE_SESSION_H

#include "duster/symbols/image.h"
#include "duster/symbols/lines.h"
#include "duster/symbols/location.h"
#include "duster/symbols/scope.h"
#include "duster/symbols/type.h"
#include "duster/target/target.h"
#include "duster/util/arena.h"

#define FRAMES_MAX 100000u

/* One line of a backtrace: a function's call, or an inlined function's. */
struct frame {
	unsigned int level;
	struct regs regs; /* as far as they are known here */
	uint64_t pc;
	uint64_t lookup_pc;  /* pc, or the call before it */
	uint64_t cfa;        /* 0: not known */
	bool is_interrupted; /* by a trap or an upcall: pc is exact, all registers are known */
	bool begins_trap;    /* the innermost one that a trap interrupted */
	uint64_t trap_vector;
	bool is_inlined;
	struct scope_chain chain;
	unsigned int scope; /* the function's place in the chain */
	struct function function;
	bool has_function;
	const struct symbol *symbol; /* NULL: none */
	struct line line;
	bool has_line;
};

struct value;

struct session_settings {
	unsigned int elements_max; /* of arrays and strings shown; 0: all */
	unsigned int repeats;      /* this many equal elements are shown as one */
	bool pretty;               /* one member a line */
	bool intel;                /* instructions in Intel's syntax */
	bool past_main;            /* backtraces go on behind main */
	unsigned int frames_max;
	int timeout_ms; /* how long to wait for a stop; -1: for ever */
};

struct convenience;
struct breakpoints;

struct session {
	struct target *target; /* NULL: only an image */
	struct image *image;   /* NULL: only a target */
	struct arena arena, kept;
	jmp_buf guard;
	unsigned int vcpu;
	struct arena frames_arena;
	struct frame **frames; /* of the selected vCPU or thread, as far as they were asked for */
	size_t frames_count, frames_room;
	bool frames_complete;
	unsigned int level; /* of the selected frame */
	struct regs start_regs;
	bool has_start_regs; /* frames begin there, not at the vCPU's registers (a thread that
				waits) */
	struct session_settings settings;
	struct value **history;
	size_t history_count, history_room;
	struct convenience *convenience;
	struct breakpoints *breakpoints;
	bool glancing;     /* the guest runs, and whose registers these are is not known */
	bool tracing;      /* values carry how they came to be (trace.h) */
	bool changed;      /* an expression assigned something */
	unsigned int skip; /* above 0: values are typed, but not looked at (`0 && *p`, sizeof) */
	struct base_types *bases;
	struct sources *sources;
	struct code_place **code_places; /* what was found out about code addresses */
};

void session_init(struct session *session, struct target *target, struct image *image);
/* Closes target and image too. */
void session_close(struct session *session);
void session_begin_command(struct session *session);
/* Runs fn(context); -ENOMEM when it met the limit of an arena. */
int session_guard(struct session *session, int (*fn)(void *context), void *context,
		  struct problem *problem);

/* Memory as the selected vCPU sees it; what a core file left out comes from the image's constants.
 */
int session_read(struct session *session, uint64_t addr, void *to, size_t bytes);
int session_read_some(struct session *session, uint64_t addr, void *to, size_t bytes,
		      size_t *done_out);
int session_write(struct session *session, uint64_t addr, const void *from, size_t bytes,
		  struct problem *problem);

/* After the guest ran, or memory or registers changed: frames are found anew. */
void session_forget_frames(struct session *session);
int session_select_vcpu(struct session *session, unsigned int vcpu, struct problem *problem);
/* Frames from these registers on, until another vCPU is selected. */
void session_select_regs(struct session *session, const struct regs *regs);
/* The frame of that level, counted from 0; -ENOENT behind the last. Borrowed until frames are
 * forgotten. */
int session_frame(struct session *session, unsigned int level, struct frame **frame_out);
/* NULL when there is none (no registers). */
struct frame *session_selected_frame(struct session *session);

/* " <name+offset>" without blanks and brackets; false: no symbol. */
bool session_symbolize(struct session *session, uint64_t addr, char *text_out, size_t text_bytes);

/* The machine location expressions run on in a frame (NULL: only memory). Lives in the arena. */
const struct location_machine *session_machine(struct session *session, struct frame *frame);

/* Does the image's code stand in the target's memory? -EINVAL with words when not, -ENXIO when its
 * build-id is not there, -EFAULT when other parts of it cannot be read. */
int session_verify_image(struct session *session, struct problem *problem);

/* For unwind.c: the next frame outwards into caller_out; false at the end. */
bool unwind_next(struct session *session, const struct frame *frame, struct regs *regs_out,
		 bool *is_interrupted_out, uint64_t *vector_out, uint64_t *cfa_out);
/* The names of vectors. */
const char *unwind_vector_name(uint64_t vector);

#endif
