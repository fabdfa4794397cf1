/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking stacks made by hand, sound and broken ones. Functions are 256 bytes long, named f0, f1, …
 *
 * Links: core/backtrace.c lib/base/format.c
 */
#include <string.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/image.h"
#include "arch/x86_64/pv/pt.h"
#include "arch/x86_64/pv/traps.h"
#include "core/backtrace.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/ksyms.h"
#include "test/host/check_main.h"

__asm__(".data\n.balign 4096\n"
	".globl __text_start, __text_end, hypercall_page\n"
	"__text_start: .skip 8192\n__text_end:\n"
	"hypercall_page: .skip 4096\n");

#define FUNCTION_BYTES 256u
#define PUSH_RBP       0x55
#define CALL           0xe8

static uintptr_t stack[512] __attribute__((aligned(4096)));

/* Text, hypercall page and stack are mapped, nothing else is. */
void pt_walk(uintptr_t vaddr, struct pt_walk *walk_out)
{
	walk_out->present =
		(vaddr >= (uintptr_t)__text_start && vaddr < (uintptr_t)__text_start + 12288) ||
		(vaddr >= (uintptr_t)stack && vaddr < (uintptr_t)stack + sizeof(stack));
}

int ksyms_lookup(const void *table, uintptr_t addr, char *name, size_t name_bytes,
		 uintptr_t *start_out)
{
	uintptr_t offset = addr - (uintptr_t)__text_start;

	(void)table;
	if (addr >= (uintptr_t)__text_end)
		return -ENOENT;
	*start_out = addr - offset % FUNCTION_BYTES;
	format_text(name, name_bytes, "f%lu", (unsigned long)(offset / FUNCTION_BYTES));
	return 0;
}

static uintptr_t code(unsigned int function, unsigned int offset)
{
	return (uintptr_t)__text_start + function * FUNCTION_BYTES + offset;
}

/* A return address in the function, behind a call instruction. */
static uintptr_t call_in(unsigned int function)
{
	((unsigned char *)code(function, 0))[0] = PUSH_RBP;
	((unsigned char *)code(function, 0x20))[-5] = CALL;
	return code(function, 0x20);
}

static const char *names(struct backtrace *trace)
{
	static char text[1024];
	size_t used = 0;

	do {
		char symbol[64];

		backtrace_symbol(trace->rip, trace->is_return, symbol, sizeof(symbol));
		used += (size_t)format_text(text + used, sizeof(text) - used, "%s%s%s",
					    used ? " " : "", symbol, trace->is_trap ? "!" : "");
	} while (backtrace_next(trace));
	return text;
}

/* stack[10]: frame of f2, called by f1, called by f0, which ends the chain. */
static void make_chain(void)
{
	stack[10] = (uintptr_t)&stack[20];
	stack[11] = call_in(1);
	stack[20] = (uintptr_t)&stack[30];
	stack[21] = call_in(0);
	stack[30] = 0;
	stack[31] = 0;
}

START_TEST(chain)
{
	struct backtrace trace;

	make_chain();
	backtrace_begin(&trace, call_in(2), (uintptr_t)&stack[10]);
	ck_assert_str_eq(names(&trace), "f2+0x20 f1+0x20 f0+0x20");
}
END_TEST

START_TEST(call_as_last_instruction_belongs_to_its_function)
{
	char symbol[64];

	backtrace_symbol(code(3, 0), true, symbol, sizeof(symbol));
	ck_assert_str_eq(symbol, "f2+0x100");
	backtrace_symbol(code(3, 0), false, symbol, sizeof(symbol));
	ck_assert_str_eq(symbol, "f3+0");
	backtrace_symbol(0x1234, false, symbol, sizeof(symbol));
	ck_assert_str_eq(symbol, "0x1234");
	backtrace_symbol((uintptr_t)hypercall_page + 0x3aa, false, symbol, sizeof(symbol));
	ck_assert_str_eq(symbol, "hypercall_page+0x3aa");
}
END_TEST

/* The trapped function is f5; its caller f2 has the frame at stack[10]. */
static const char *trap_names(uintptr_t rip, unsigned int return_word)
{
	struct trap_frame frame = {
		.rip = rip, .rbp = (uintptr_t)&stack[10], .rsp = (uintptr_t)&stack[4]};
	struct backtrace trace;

	make_chain();
	stack[return_word] = call_in(2);
	backtrace_begin_trap(&trace, &frame);
	return names(&trace);
}

START_TEST(functions_without_a_frame)
{
	*(unsigned char *)code(5, 0) = PUSH_RBP;
	ck_assert_str_eq(trap_names(code(5, 0), 4), "f5+0! f2+0x20 f1+0x20 f0+0x20");
	ck_assert_str_eq(trap_names(code(5, 1), 5), "f5+0x1! f2+0x20 f1+0x20 f0+0x20");
	/* With its frame made, rbp is f5's own. */
	ck_assert_str_eq(trap_names(code(5, 9), 4), "f5+0x9! f1+0x20 f0+0x20");
	/* A leaf never makes one. */
	*(unsigned char *)code(5, 0) = 0x90;
	ck_assert_str_eq(trap_names(code(5, 9), 4), "f5+0x9! f2+0x20 f1+0x20 f0+0x20");
	ck_assert_str_eq(trap_names((uintptr_t)hypercall_page + 0x2a, 6),
			 "hypercall_page+0x2a! f2+0x20 f1+0x20 f0+0x20");
	ck_assert_str_eq(trap_names(0, 4), "0! f2+0x20 f1+0x20 f0+0x20");
}
END_TEST

START_TEST(through_an_interrupted_place)
{
	struct trap_frame *frame = (struct trap_frame *)&stack[100];
	struct backtrace trace;

	make_chain();
	frame->rip = code(7, 0x40);
	*(unsigned char *)code(7, 0) = PUSH_RBP;
	frame->rbp = (uintptr_t)&stack[10];
	frame->rsp = (uintptr_t)&stack[4];
	stack[60] = (uintptr_t)frame + 1;
	stack[61] = call_in(8);
	backtrace_begin(&trace, call_in(9), (uintptr_t)&stack[60]);
	ck_assert_str_eq(names(&trace), "f9+0x20 f8+0x20 f7+0x40! f1+0x20 f0+0x20");
}
END_TEST

START_TEST(broken_stacks_end_it)
{
	struct backtrace trace;

	/* Frame pointers to nowhere, unaligned, at the very end of the stack page. */
	backtrace_begin(&trace, call_in(2), 0xdead000);
	ck_assert_str_eq(names(&trace), "f2+0x20");
	backtrace_begin(&trace, call_in(2), (uintptr_t)&stack[10] + 4);
	ck_assert_str_eq(names(&trace), "f2+0x20");
	stack[511] = (uintptr_t)&stack[10];
	backtrace_begin(&trace, call_in(2), (uintptr_t)&stack[511]);
	ck_assert_str_eq(names(&trace), "f2+0x20");
	backtrace_begin(&trace, call_in(2), UINTPTR_MAX & ~7UL);
	ck_assert_str_eq(names(&trace), "f2+0x20");
	/* A return address that is no code. */
	stack[10] = (uintptr_t)&stack[20];
	stack[11] = 0x1234;
	backtrace_begin(&trace, call_in(2), (uintptr_t)&stack[10]);
	ck_assert_str_eq(names(&trace), "f2+0x20");
	/* A trap frame that is none. */
	backtrace_begin(&trace, call_in(2), 0xdead001);
	ck_assert_str_eq(names(&trace), "f2+0x20");
}
END_TEST

START_TEST(circles_are_bounded)
{
	struct backtrace trace;
	unsigned int frames = 1;

	stack[10] = (uintptr_t)&stack[10];
	stack[11] = call_in(1);
	backtrace_begin(&trace, call_in(1), (uintptr_t)&stack[10]);
	while (backtrace_next(&trace))
		frames++;
	ck_assert_uint_eq(frames, BACKTRACE_FRAMES_MAX);
}
END_TEST

START_TEST(readable)
{
	uintptr_t end = (uintptr_t)stack + sizeof(stack);

	ck_assert(backtrace_readable((uintptr_t)stack, sizeof(stack)));
	ck_assert(!backtrace_readable(end - 8, 9));
	ck_assert(!backtrace_readable(end, 1));
	ck_assert(!backtrace_readable(0, 1));
	ck_assert(!backtrace_readable(UINTPTR_MAX - 3, 8));
	ck_assert(!backtrace_readable((uintptr_t)stack, 0));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("backtrace");
	TCase *tcase = tcase_create("backtrace");

	tcase_add_test(tcase, chain);
	tcase_add_test(tcase, call_as_last_instruction_belongs_to_its_function);
	tcase_add_test(tcase, functions_without_a_frame);
	tcase_add_test(tcase, through_an_interrupted_place);
	tcase_add_test(tcase, broken_stacks_end_it);
	tcase_add_test(tcase, circles_are_bounded);
	tcase_add_test(tcase, readable);
	suite_add_tcase(suite, tcase);
	return suite;
}
