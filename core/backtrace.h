/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking the stack by frame pointers, and names for code addresses. For crash reports: trusts
 * nothing it reads, needs no lock and no memory, ends after BACKTRACE_FRAMES_MAX frames.
 */
#ifndef CORE_BACKTRACE_H
#define CORE_BACKTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trap_frame;

#define BACKTRACE_FRAMES_MAX 40u

struct backtrace {
	uintptr_t rip;  /* of the current frame */
	bool is_return; /* rip is behind a call instruction */
	bool is_trap;   /* an exception or upcall interrupted this frame */
	uintptr_t rbp;  /* the current frame's frame pointer */
	uintptr_t rsp;  /* 0: not known */
	unsigned int frames_count;
};

/* Begins at an interrupted place; the current frame is the interrupted function. */
void backtrace_begin_trap(struct backtrace *trace, const struct trap_frame *frame);
/* Begins at a function of which the caller knows return address and frame pointer. */
void backtrace_begin(struct backtrace *trace, uintptr_t return_addr, uintptr_t rbp);
/* Moves on to the caller; false at the end or where the stack makes no sense. */
bool backtrace_next(struct backtrace *trace);

/* "name+0xoffset", or "0xaddress" outside the text. is_return: look up the call before it. */
void backtrace_symbol(uintptr_t addr, bool is_return, char *text_out, size_t text_bytes);

/* True when bytes at addr can be read. */
bool backtrace_readable(uintptr_t addr, size_t bytes);

#endif
