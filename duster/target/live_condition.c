/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditions of breakpoints that the guest evaluates itself, a hundred times faster than we could
 * (arch/x86_64/pv/debug_asm.h): one program for all of them, behind the displaced instructions. It
 * is written while the domain stands still and no vCPU stands in it, and lies there when we are
 * gone: a vCPU may be on its way through it.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "duster/target/live_parts.h"

#define PROGRAM_AT    3584u
#define PROGRAM_BYTES 512u

struct program {
	uint8_t code[PROGRAM_BYTES];
	size_t used;
};

static uint64_t program_addr(const struct live *live)
{
	return live->stub.hypercall_page + PROGRAM_AT;
}

static bool fits(uint64_t addr)
{
	return addr <= INT32_MAX;
}

static void add(struct program *program, const void *bytes, size_t count)
{
	memcpy(program->code + program->used, bytes, count);
	program->used += count;
}

static void add32(struct program *program, uint64_t number)
{
	uint32_t word = (uint32_t)number;

	add(program, &word, sizeof(word));
}

/* cmpq $addr, RIP(%rdi); jne next; the condition; test %rax, %rax; jne stop; movq $to, RIP(%rdi);
 * stc; ret; stop: clc; ret; next: (SDM 2A to 2C) */
static void add_condition(struct program *program, const struct condition *condition, uint64_t addr,
			  uint64_t to)
{
	static const uint8_t compare[] = {0x48, 0x81, 0xbf}, unequal[] = {0x0f, 0x85},
			     test[] = {0x48, 0x85, 0xc0, 0x75, 0x0d}, go_on[] = {0x48, 0xc7, 0x87},
			     ends[] = {0xf9, 0xc3, 0xf8, 0xc3};
	size_t rest = condition->bytes + sizeof(test) + sizeof(go_on) + 8 + sizeof(ends);

	if (program->used + 17 + rest + 2 > sizeof(program->code))
		return;
	add(program, compare, sizeof(compare));
	add32(program, LIVE_FRAME_RIP * 8);
	add32(program, addr);
	add(program, unequal, sizeof(unequal));
	add32(program, rest);
	add(program, condition->code, condition->bytes);
	add(program, test, sizeof(test));
	add(program, go_on, sizeof(go_on));
	add32(program, LIVE_FRAME_RIP * 8);
	add32(program, to);
	add(program, ends, sizeof(ends));
}

static void make_program(struct live *live, struct program *program)
{
	static const uint8_t none[] = {0xf8, 0xc3};

	program->used = 0;
	for (unsigned int i = 0; i < JOURNAL_MAX; i++) {
		const struct condition *condition = &live->conditions[i];
		uint64_t to;

		if (condition->bytes && fits(condition->addr) &&
		    live_displaced(live, condition->addr, &to) && fits(to))
			add_condition(program, condition, condition->addr, to);
	}
	if (program->used)
		add(program, none, sizeof(none));
}

/* Does a vCPU run the program just now? */
static bool is_in_use(struct live *live)
{
	for (unsigned int vcpu = 0; vcpu < live->target.vcpus_count; vcpu++) {
		const vcpu_guest_context_any_t *context;
		int error = live_look_context(live, vcpu, &context);

		if (error == -ENODATA)
			continue;
		if (error || context->c.user_regs.rip - program_addr(live) < PROGRAM_BYTES)
			return true;
	}
	return false;
}

static void write_program(struct live *live)
{
	struct program program;

	live->program_bytes = 0;
	make_program(live, &program);
	if (program.used && !is_in_use(live) &&
	    live_write_raw(live, 0, program_addr(live), program.code, program.used) == 0)
		live->program_bytes = program.used;
	live->conditions_changed = program.used && !live->program_bytes;
}

/* A debug register that sees reading would see the conditions read. */
static bool is_watched(const struct live *live)
{
	for (unsigned int i = 0; i < 4; i++)
		if (live->watches[i].bytes && live->watches[i].kind == WATCH_ACCESS)
			return true;
	return false;
}

void live_conditions_switch(struct live *live, bool on)
{
	uint64_t addr = 0;

	if (!live->armed || !live->block)
		return;
	if (live->conditions_changed || !on || is_watched(live)) {
		memcpy(live->block + offsetof(struct block, condition), &addr, sizeof(addr));
		if (!on || is_watched(live))
			return;
		write_program(live);
	}
	if (!live->program_bytes)
		return;
	addr = program_addr(live);
	memcpy(live->block + offsetof(struct block, condition), &addr, sizeof(addr));
}

void live_condition_forget(struct live *live, unsigned int index)
{
	if (!live->conditions[index].bytes)
		return;
	live->conditions[index].bytes = 0;
	live->conditions_changed = true;
}

void live_op_condition_set(struct target *target, uint64_t addr, const uint8_t *code, size_t bytes)
{
	struct live *live = live_of(target);
	struct condition *condition;
	unsigned int index;

	if (!live->stub.hypercall_page || bytes > TARGET_CONDITION_BYTES ||
	    live_find_breakpoint(live, addr, &index))
		return;
	condition = &live->conditions[index];
	if (condition->bytes == bytes &&
	    (!bytes || (condition->addr == addr && memcmp(condition->code, code, bytes) == 0)))
		return;
	condition->addr = addr;
	condition->bytes = bytes;
	if (bytes)
		memcpy(condition->code, code, bytes);
	live->conditions_changed = true;
}
