/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a frame to its caller. Call frame information first; where there is none (assembly), the
 * kernel's frame pointers, of which an odd one is the address + 1 of a struct trap_frame.
 */
#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "duster/engine/session.h"
#include "duster/symbols/cfi.h"
#include "duster/symbols/names.h"

#define PUSH_RBP        0x55u
#define HYPERCALLS      56u /* Xen defines; behind their stubs stand copies of instructions */
#define HYPERCALL_BYTES 32u /* of a stub in the hypercall page */

static int read_stack(void *context, uint64_t addr, void *to, size_t bytes)
{
	return session_read(context, addr, to, bytes);
}

static bool read_word(struct session *session, uint64_t addr, uint64_t *word_out)
{
	return (addr & 7) == 0 && session_read(session, addr, word_out, 8) == 0;
}

/* ---- Trap frames ---- */

const char *unwind_vector_name(uint64_t vector)
{
	static const char *const names[] = {[0] = "divide error",
					    [1] = "debug trap",
					    [2] = "NMI",
					    [3] = "breakpoint",
					    [4] = "overflow",
					    [5] = "bound check",
					    [6] = "invalid instruction",
					    [7] = "no FPU",
					    [8] = "double fault",
					    [10] = "invalid TSS",
					    [11] = "segment not present",
					    [12] = "stack segment fault",
					    [13] = "general protection fault",
					    [14] = "page fault",
					    [16] = "x87 exception",
					    [17] = "alignment check",
					    [18] = "machine check",
					    [19] = "SIMD exception",
					    [32] = "failsafe callback",
					    [33] = "upcall"};

	if (vector < sizeof(names) / sizeof(names[0]) && names[vector])
		return names[vector];
	return "trap";
}

/* Takes the registers out of the struct trap_frame at addr, with the layout the debug information
 * gives. */
static bool take_trap_frame(struct session *session, uint64_t addr, struct regs *regs_out,
			    uint64_t *vector_out)
{
	static const struct {
		const char *name;
		unsigned int reg;
	} fields[] = {{"r15", CPU_R15}, {"r14", CPU_R14},      {"r13", CPU_R13}, {"r12", CPU_R12},
		      {"rbp", CPU_RBP}, {"rbx", CPU_RBX},      {"r11", CPU_R11}, {"r10", CPU_R10},
		      {"r9", CPU_R9},   {"r8", CPU_R8},        {"rax", CPU_RAX}, {"rcx", CPU_RCX},
		      {"rdx", CPU_RDX}, {"rsi", CPU_RSI},      {"rdi", CPU_RDI}, {"rip", CPU_RIP},
		      {"rsp", CPU_RSP}, {"rflags", CPU_RFLAGS}};
	struct type *type = names_find_tag(session->image, TYPE_STRUCT, "trap_frame");
	uint64_t offset, word;

	if (!type)
		return false;
	*regs_out = (struct regs){0};
	for (unsigned int i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!type_find_member(type, fields[i].name, &offset) ||
		    !read_word(session, addr + offset, &word))
			return false;
		regs_set(regs_out, fields[i].reg, word);
	}
	if (type_find_member(type, "vector", &offset) && read_word(session, addr + offset, &word))
		*vector_out = word;
	return true;
}

/* ---- Without call frame information ---- */

/* True when a call ends at addr: e8 rel32, or ff /2 with up to five bytes of address. */
static bool follows_call(struct session *session, uint64_t addr)
{
	uint8_t code[7];

	if (!image_is_code(session->image, addr) ||
	    session_read(session, addr - 7, code, sizeof(code)))
		return false;
	if (code[2] == 0xe8)
		return true;
	for (int bytes = 2; bytes <= 7; bytes++)
		if (code[7 - bytes] == 0xff && (code[8 - bytes] >> 3 & 7) == 2)
			return true;
	return false;
}

/* Words a hypercall stub has pushed at this offset of its code (Xen: public/arch-x86/xen-x86_64.h):
 * push %rcx (1 byte), push %r11 (2), mov (5), syscall (2), pop %r11 (2), pop %rcx (1), ret. */
static unsigned int stub_words(uint64_t offset)
{
	if (offset == 0 || offset >= 13)
		return 0;
	return offset < 3 || offset == 12 ? 1 : 2;
}

static void return_to(const struct frame *frame, uint64_t addr, uint64_t rsp, struct regs *regs_out)
{
	static const unsigned int kept[] = {CPU_RBX, CPU_RBP, CPU_R12, CPU_R13, CPU_R14, CPU_R15};

	*regs_out = (struct regs){0};
	for (unsigned int i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (regs_known(&frame->regs, kept[i]))
			regs_set(regs_out, kept[i], frame->regs.value[kept[i]]);
	regs_set(regs_out, CPU_RIP, addr);
	regs_set(regs_out, CPU_RSP, rsp);
}

static bool leave_hypercall(struct session *session, const struct frame *frame,
			    struct regs *regs_out, uint64_t *cfa_out)
{
	const struct symbol *page = image_symbol_named(session->image, "hypercall_page", NULL);
	uint64_t at, caller;

	if (!page || frame->pc - page->addr >= HYPERCALLS * HYPERCALL_BYTES ||
	    !regs_known(&frame->regs, CPU_RSP))
		return false;
	at = frame->regs.value[CPU_RSP] +
	     8 * stub_words((frame->pc - page->addr) % HYPERCALL_BYTES);
	if (!read_word(session, at, &caller) || !image_is_code(session->image, caller))
		return false;
	*cfa_out = at + 8;
	return_to(frame, caller, at + 8, regs_out);
	return true;
}

/* An interrupted function without a frame of its own: called into nowhere, on its first
 * instructions, or one that never makes a frame. */
static bool leave_unfinished(struct session *session, const struct frame *frame,
			     struct regs *regs_out, uint64_t *cfa_out)
{
	uint64_t at, caller, rbp = frame->regs.value[CPU_RBP];
	bool pushed = false;
	uint8_t first;

	if (!frame->is_interrupted || !regs_known(&frame->regs, CPU_RSP))
		return false;
	at = frame->regs.value[CPU_RSP];
	if (image_is_code(session->image, frame->pc)) {
		if (!frame->symbol || session_read(session, frame->symbol->addr, &first, 1))
			return false;
		if (first == PUSH_RBP && frame->pc > frame->symbol->addr + 1)
			return false;
		pushed = first == PUSH_RBP && frame->pc == frame->symbol->addr + 1;
	}
	at += pushed ? 8 : 0;
	if (!read_word(session, at, &caller) || !follows_call(session, caller))
		return false;
	*cfa_out = at + 8;
	return_to(frame, caller, at + 8, regs_out);
	if (pushed)
		regs_set(regs_out, CPU_RBP, rbp);
	return true;
}

static bool follow_frame_pointer(struct session *session, const struct frame *frame,
				 struct regs *regs_out, uint64_t *cfa_out)
{
	uint64_t rbp = frame->regs.value[CPU_RBP], saved, caller;

	if (!regs_known(&frame->regs, CPU_RBP) || rbp < 16 || (rbp & 7) ||
	    !read_word(session, rbp, &saved) || !read_word(session, rbp + 8, &caller) ||
	    !image_is_code(session->image, caller))
		return false;
	/* Frames lie further up the stack, or on another stack altogether. */
	if (regs_known(&frame->regs, CPU_RSP) && rbp + 16 <= frame->regs.value[CPU_RSP])
		return false;
	*cfa_out = rbp + 16;
	*regs_out = (struct regs){0};
	regs_set(regs_out, CPU_RIP, caller);
	regs_set(regs_out, CPU_RSP, rbp + 16);
	regs_set(regs_out, CPU_RBP, saved);
	return true;
}

static bool is_assembly(const struct frame *frame)
{
	Dwarf_Die unit = frame->chain.unit;

	return !frame->has_function || dwarf_srclang(&unit) == DW_LANG_Mips_Assembler;
}

bool unwind_next(struct session *session, const struct frame *frame, struct regs *regs_out,
		 bool *is_interrupted_out, uint64_t *vector_out, uint64_t *cfa_out)
{
	uint64_t rbp = frame->regs.value[CPU_RBP];
	bool is_signal = false;
	int error;

	*is_interrupted_out = false;
	*vector_out = 0;
	*cfa_out = 0;
	if (!session->image)
		return false;
	if (leave_hypercall(session, frame, regs_out, cfa_out))
		return true;
	/* By the kernel's convention, which also tells the vector; a function of C that has just
	 * been called may have its caller's rbp, but is described by call frame information. */
	if (is_assembly(frame) && regs_known(&frame->regs, CPU_RBP) && (rbp & 7) == 1 &&
	    take_trap_frame(session, rbp - 1, regs_out, vector_out)) {
		*is_interrupted_out = true;
		return true;
	}
	error = cfi_unwind(session->image, frame->lookup_pc, &frame->regs, read_stack, session,
			   regs_out, cfa_out, &is_signal);
	if (error != -ENOENT) {
		*is_interrupted_out = is_signal;
		/* A caller that is not further out would never end. */
		return !error && (!regs_known(&frame->regs, CPU_RSP) || is_signal ||
				  regs_out->value[CPU_RSP] != frame->regs.value[CPU_RSP]);
	}
	if (leave_unfinished(session, frame, regs_out, cfa_out))
		return true;
	return follow_frame_pointer(session, frame, regs_out, cfa_out);
}
