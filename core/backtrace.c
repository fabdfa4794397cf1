/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each function compiled with a frame pointer keeps its caller's at rbp and the return address
 * above it. An odd rbp is the address + 1 of a trap frame (arch/x86_64/pv/entry.S).
 */
#include "core/backtrace.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/image.h"
#include "arch/x86_64/pv/pt.h"
#include "arch/x86_64/pv/traps.h"
#include "lib/base/format.h"
#include "lib/base/ksyms.h"

#define PUSH_RBP 0x55

static bool is_text(uintptr_t addr)
{
	return addr >= (uintptr_t)__text_start && addr < (uintptr_t)__text_end;
}

static bool is_hypercall(uintptr_t addr)
{
	return addr - (uintptr_t)hypercall_page < PAGE_BYTES;
}

bool backtrace_readable(uintptr_t addr, size_t bytes)
{
	uintptr_t page = addr & PAGE_MASK;

	if (!bytes || addr + bytes < addr)
		return false;
	for (; page < addr + bytes; page += PAGE_BYTES) {
		struct pt_walk walk;

		pt_walk(page, &walk);
		if (!walk.present)
			return false;
	}
	return true;
}

static bool read_word(uintptr_t addr, uintptr_t *word_out)
{
	if ((addr & 7) || !backtrace_readable(addr, sizeof(*word_out)))
		return false;
	*word_out = *(const uintptr_t *)addr;
	return true;
}

void backtrace_begin_trap(struct backtrace *trace, const struct trap_frame *frame)
{
	*trace = (struct backtrace){.rip = frame->rip,
				    .is_trap = true,
				    .rbp = frame->rbp,
				    .rsp = frame->rsp,
				    .frames_count = 1};
}

void backtrace_begin(struct backtrace *trace, uintptr_t return_addr, uintptr_t rbp)
{
	*trace = (struct backtrace){
		.rip = return_addr, .is_return = true, .rbp = rbp, .frames_count = 1};
}

/* True when a call instruction ends at addr: e8 rel32, or ff /2 with up to 4 bytes of address. */
static bool follows_call(uintptr_t addr)
{
	const unsigned char *code = (const unsigned char *)addr;

	if (!is_text(addr) || !is_text(addr - 7))
		return false;
	if (code[-5] == 0xe8)
		return true;
	for (int bytes = 2; bytes <= 7; bytes++)
		if (code[-bytes] == 0xff && (code[1 - bytes] >> 3 & 7) == 2)
			return true;
	return false;
}

/* An interrupted function without a frame of its own: after a call to nowhere, on its first
 * instructions (push %rbp; mov %rsp,%rbp), or a leaf that never makes one. Its caller is found by
 * rsp alone. */
static bool leave_unfinished(struct backtrace *trace)
{
	uintptr_t start = 0, at = trace->rsp, caller;
	char name[4];

	if (!trace->is_trap || !trace->rsp)
		return false;
	if (is_hypercall(trace->rip)) {
		/* Its stub has saved rcx and r11. */
		at += 2 * sizeof(uintptr_t);
	} else if (is_text(trace->rip)) {
		bool makes_frame;

		if (ksyms_lookup(__ksyms_data, trace->rip, name, sizeof(name), &start))
			return false;
		makes_frame = *(const unsigned char *)start == PUSH_RBP;
		if (makes_frame && trace->rip > start + 1)
			return false;
		/* Behind the push the return address is one word further up. */
		at += makes_frame && trace->rip == start + 1 ? sizeof(uintptr_t) : 0;
	}
	if (!read_word(at, &caller) || !follows_call(caller))
		return false;
	trace->rip = caller;
	trace->rsp = 0;
	trace->is_trap = false;
	trace->is_return = true;
	return true;
}

bool backtrace_next(struct backtrace *trace)
{
	uintptr_t rbp = trace->rbp;

	if (trace->frames_count++ >= BACKTRACE_FRAMES_MAX)
		return false;
	if (leave_unfinished(trace))
		return true;
	if (rbp & 1) {
		const struct trap_frame *frame = (const struct trap_frame *)(rbp - 1);

		if ((rbp & 7) != 1 || !backtrace_readable(rbp - 1, sizeof(*frame)))
			return false;
		trace->rip = frame->rip;
		trace->rbp = frame->rbp;
		trace->rsp = frame->rsp;
		trace->is_trap = true;
		trace->is_return = false;
		return true;
	}
	trace->rsp = 0;
	trace->is_trap = false;
	trace->is_return = true;
	return read_word(rbp, &trace->rbp) && read_word(rbp + sizeof(rbp), &trace->rip) &&
	       (is_text(trace->rip) || is_hypercall(trace->rip));
}

void backtrace_symbol(uintptr_t addr, bool is_return, char *text_out, size_t text_bytes)
{
	uintptr_t start;
	char name[128];

	/* A call may be the last instruction of its function. */
	if (is_hypercall(addr))
		format_text(text_out, text_bytes, "hypercall_page+%#lx",
			    (unsigned long)(addr - (uintptr_t)hypercall_page));
	else if (is_text(addr) &&
		 ksyms_lookup(__ksyms_data, addr - is_return, name, sizeof(name), &start) == 0)
		format_text(text_out, text_bytes, "%s+%#lx", name, (unsigned long)(addr - start));
	else
		format_text(text_out, text_bytes, "%#lx", (unsigned long)addr);
}
