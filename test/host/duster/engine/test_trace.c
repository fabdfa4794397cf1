/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditions as machine code: what the processor makes of them is what the evaluator says, also
 * with other registers and other memory than those they were compiled with.
 * Links: duster/engine/convenience.c duster/engine/eval.c duster/engine/format.c
 * Links: duster/engine/format_type.c duster/engine/lexer.c duster/engine/parse_type.c
 * Links: duster/engine/print.c duster/engine/session.c duster/engine/unwind.c duster/engine/value.c
 * Links: duster/engine/value_ops.c duster/engine/walkers.c duster/engine/trace.c
 * Links: duster/symbols/cfi.c duster/arch/compile.c
 * Links: duster/symbols/image.c duster/symbols/lines.c duster/symbols/location.c
 * Links: duster/symbols/names.c duster/symbols/scope.c duster/symbols/symtab.c
 * Links: duster/symbols/type.c duster/symbols/type_name.c duster/arch/x86_64.c
 * Links: duster/target/mock.c duster/target/target.c duster/util/arena.c duster/util/map.c
 * Links: duster/util/problem.c duster/util/text.c
 */
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "duster/arch/compile.h"
#include "duster/engine/eval.h"
#include "duster/engine/trace.h"
#include "duster/target/mock.h"
#include "test/host/check_main.h"

#define KEEP       __attribute__((used))
#define CODE_BYTES 512u

/* As the guest's, by its debug information. */
struct trap_frame {
	uint64_t vector, cr2;
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t error_code, rip, cs, rflags, rsp, ss;
};

enum fruit { APPLE, PEAR = 5, PLUM = -3 };

struct item {
	struct item *next;
	int number;
	unsigned int low : 3, high : 7;
	int minus : 5;
	short shorts[4];
	unsigned char byte;
	signed char sbyte;
	_Bool yes;
	enum fruit fruit;
	unsigned short halves[2];
	unsigned int word;
	long l;
	unsigned long ul;
	double real;
};

static KEEP struct item items[3] = {
	{&items[1],
	 -7,
	 5,
	 100,
	 -3,
	 {1, -2, 300, -400},
	 200,
	 -100,
	 1,
	 PLUM,
	 {65535, 7},
	 4000000000u,
	 -9000000000,
	 18000000000000000000ul,
	 1.5},
	{NULL, 40, 2, 3, 7, {5, 6, 7, 8}, 3, 4, 0, PEAR, {1, 2}, 3, 5, 6, 0},
};

static KEEP struct item *null_item;
static KEEP struct trap_frame *a_frame; /* so that the information has the type */

static struct mock_target mock;
static struct session session;
static struct problem problem;
static uintptr_t bias;
static uint8_t *code;
static uint8_t *stack;

static int add_segment(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	bias = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_LOAD)
			mock_target_add(&mock, header->p_vaddr, (void *)(bias + header->p_vaddr),
					header->p_memsz, !(header->p_flags & PF_W));
	}
	return 1; /* the program itself comes first */
}

static void setup(void)
{
	struct image *image;

	problem = (struct problem){.column = -1};
	mock_target_init(&mock, 1);
	dl_iterate_phdr(add_segment, NULL);
	/* Pointers in registers are those of the running program. */
	mock_target_add(&mock, (uintptr_t)items, items, sizeof(items), false);
	ck_assert_msg(image_open("/proc/self/exe", NULL, &image, &problem) == 0, "%s",
		      problem.text);
	session_init(&session, &mock.target, image);
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	stack = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(code != MAP_FAILED && stack != MAP_FAILED);
}

static void teardown(void)
{
	munmap(code, 4096);
	munmap(stack, 8192);
	session_close(&session);
}

static void frame_of(const struct regs *regs, struct trap_frame *frame)
{
	const uint64_t *value = regs->value;

	*frame = (struct trap_frame){.r15 = value[CPU_R15],
				     .r14 = value[CPU_R14],
				     .r13 = value[CPU_R13],
				     .r12 = value[CPU_R12],
				     .rbp = value[CPU_RBP],
				     .rbx = value[CPU_RBX],
				     .r11 = value[CPU_R11],
				     .r10 = value[CPU_R10],
				     .r9 = value[CPU_R9],
				     .r8 = value[CPU_R8],
				     .rax = value[CPU_RAX],
				     .rcx = value[CPU_RCX],
				     .rdx = value[CPU_RDX],
				     .rsi = value[CPU_RSI],
				     .rdi = value[CPU_RDI],
				     .rip = value[CPU_RIP],
				     .rsp = value[CPU_RSP]};
}

/* As debug.S calls it. */
static uint64_t run(const struct regs *regs, size_t bytes)
{
	struct trap_frame *frame = (struct trap_frame *)(stack + 4096);
	uint64_t result;

	frame_of(regs, frame);
	code[bytes] = 0xc3;
	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "leaq -8(%%rdi), %%rsp\n\t"
			 "call *%[code]\n\t"
			 "movq %%rbx, %%rsp"
			 : "=a"(result), "+D"(frame)
			 : [code] "r"(code)
			 : "rbx", "rcx", "rdx", "memory", "cc");
	ck_assert_ptr_eq(frame, stack + 4096);
	return result;
}

static uint64_t evaluate(const char *expression, const struct regs *regs, bool compile,
			 size_t *bytes_out)
{
	struct value *value = NULL;
	uint64_t number = 0;
	int error;

	session_begin_command(&session);
	session_select_regs(&session, regs);
	session.tracing = compile;
	error = eval_expression(&session, expression, &value, &problem);
	ck_assert_msg(!error, "%s: %s", expression, problem.text);
	error = value_number(&session, value, &number, &problem);
	ck_assert_msg(!error, "%s: %s", expression, problem.text);
	if (compile) {
		error = trace_compile(&session, value, code, CODE_BYTES, bytes_out);
		ck_assert_msg(!error, "%s is not compiled: %d", expression, error);
	}
	session.tracing = false;
	return number;
}

static void set_regs(struct regs *regs, unsigned int item)
{
	*regs = (struct regs){0};
	for (unsigned int i = 0; i <= CPU_RFLAGS; i++)
		regs_set(regs, i, 0x1111 * (i + 1) + 77 * item);
	regs_set(regs, CPU_RIP, (uintptr_t)run - bias);
	regs_set(regs, CPU_RDI, (uintptr_t)&items[item]);
	regs_set(regs, CPU_RSI, item ? 3 : (uint64_t)-5);
	regs_set(regs, CPU_RAX, item ? 0x8000000012345678 : 0x12345678fffffff0);
	regs_set(regs, CPU_RCX, item);
}

/* Compiled with one set of registers, run with both. */
static void same(const char *expression)
{
	struct regs regs[2];
	size_t bytes;

	for (unsigned int made = 0; made < 2; made++) {
		set_regs(&regs[0], 0);
		set_regs(&regs[1], 1);
		(void)evaluate(expression, &regs[made], true, &bytes);
		for (unsigned int i = 0; i < 2; i++) {
			uint64_t wanted = evaluate(expression, &regs[i], false, NULL);
			uint64_t got = run(&regs[i], bytes);

			ck_assert_msg(got == wanted,
				      "%s is 0x%llx, not 0x%llx (made with %u, run with %u)",
				      expression, (unsigned long long)got,
				      (unsigned long long)wanted, made, i);
		}
	}
}

#define ITEM "((struct item *)$rdi)"

START_TEST(members)
{
	static const char *const names[] = {"number",    "low",     "high",  "minus", "shorts[1]",
					    "shorts[3]", "byte",    "sbyte", "yes",   "fruit",
					    "halves[0]", "word",    "l",     "ul",    "next",
					    "shorts",    "&%s.word"};
	char expression[80];

	for (unsigned int i = 0; i + 1 < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(expression, sizeof(expression), ITEM "->%s", names[i]);
		same(expression);
		snprintf(expression, sizeof(expression), "!" ITEM "->%s", names[i]);
		same(expression);
		snprintf(expression, sizeof(expression), ITEM "->%s == 200", names[i]);
		same(expression);
	}
	same("&" ITEM "->word");
	same("*(int *)&" ITEM "->word");
	same("*" ITEM "->shorts");
	same("(*" ITEM ").l");
	same(ITEM "[0].l");
	same(ITEM "->shorts[$rcx + 1]");
	same(ITEM "->shorts[$rcx] * 3");
	same("(" ITEM " + 1)->number - ((struct item *)($rdi + sizeof(struct item)))->number");
	same("(" ITEM " - 1) < " ITEM);
	same(ITEM " != 0");
}
END_TEST

START_TEST(operators_are_c)
{
	static const char *const operators[] = {"+", "-",  "*", "&",  "|",  "^",  "==", "!=",
						"<", "<=", ">", ">=", "&&", "||", "/",  "%"};
	static const char *const operands[] = {"(int)$rsi",
					       "(unsigned int)$rsi",
					       "(long)$rsi",
					       "(unsigned long)$rsi",
					       "(short)$rax",
					       "(unsigned char)$rax",
					       "$eax",
					       "$rax",
					       "7",
					       "-3",
					       "4000000000",
					       "0x123456789abcdef",
					       ITEM "->word",
					       ITEM "->ul",
					       "'a'",
					       "PLUM",
					       "sizeof(struct item)"};
	char expression[160];

	for (unsigned int op = 0; op < sizeof(operators) / sizeof(operators[0]); op++)
		for (unsigned int i = 0; i < sizeof(operands) / sizeof(operands[0]); i++)
			for (unsigned int j = 0; j < sizeof(operands) / sizeof(operands[0]); j++) {
				snprintf(expression, sizeof(expression), "%s %s %s", operands[i],
					 operators[op], operands[j]);
				same(expression);
			}
	same("$rax << 3");
	same("(int)$rax << 31");
	same("(unsigned int)$rax >> 4");
	same("(int)$rax >> 4");
	same("-(int)$rsi");
	same("~$rsi");
	same("-" ITEM "->byte");
	same("+(short)$rax");
	same("!(int)$rcx");
	same("(_Bool)$rax");
	same("(signed char)$rax");
}
END_TEST

START_TEST(logic_looks_only_where_it_may)
{
	same("$rcx && " ITEM "->number == 40");
	same("!$rcx || ((struct item *)($rdi * $rcx))->number == 40");
	same("$rcx && ((struct item *)($rdi * $rcx))->number == 40");
	same("($rcx == 1 && $rsi == 3) || (" ITEM "->next && " ITEM "->next->number > 39)");
	same("1 + (2 * (3 + ($rsi - (4 * (5 + ($rcx + " ITEM "->number))))))");
}
END_TEST

/* As if it were true: it is looked at from outside. */
START_TEST(division_by_nothing_gives_up)
{
	struct regs regs[2];
	size_t bytes;

	set_regs(&regs[0], 0);
	set_regs(&regs[1], 1);
	(void)evaluate("1 + (2 + 100 / $rcx == 7)", &regs[1], true, &bytes);
	ck_assert_uint_eq(run(&regs[0], bytes), 1);
	ck_assert_uint_eq(run(&regs[1], bytes), 1);
	regs[1].value[CPU_RCX] = 20;
	ck_assert_uint_eq(run(&regs[1], bytes), 2);
	regs[1].value[CPU_RCX] = (uint64_t)-1;
	ck_assert_uint_eq(run(&regs[1], bytes), 1);
}
END_TEST

static void check_variables(const ucontext_t *context)
{
	static const char *const expressions[] = {
		"on_stack", "on_stack == 4711", "local.number * on_stack", "local.minus",
		"&local",   "local.l >> 38",    "pointer == &local",       "pointer->l == 5"};
	static const unsigned int greg[] = {
		[CPU_RBX] = REG_RBX, [CPU_RBP] = REG_RBP, [CPU_RSP] = REG_RSP, [CPU_R12] = REG_R12,
		[CPU_R13] = REG_R13, [CPU_R14] = REG_R14, [CPU_R15] = REG_R15, [CPU_RIP] = REG_RIP};
	struct regs regs = {0};
	size_t bytes;

	for (unsigned int i = 0; i < sizeof(greg) / sizeof(greg[0]); i++)
		if (greg[i])
			regs_set(&regs, i, (uint64_t)context->uc_mcontext.gregs[greg[i]]);
	mock_target_add(&mock, regs.value[CPU_RSP], (void *)(uintptr_t)regs.value[CPU_RSP], 2048,
			false);
	regs.value[CPU_RIP] -= bias;
	for (unsigned int i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		uint64_t wanted = evaluate(expressions[i], &regs, true, &bytes);

		ck_assert_msg(run(&regs, bytes) == wanted, "%s", expressions[i]);
	}
	ck_assert_uint_eq(evaluate("on_stack == 4711", &regs, false, NULL), 1);
}

/* The sanitizer takes the variables of the functions it looks after somewhere else. */
__attribute__((noinline, no_sanitize("address", "undefined"))) static int have_variables(void)
{
	volatile int on_stack = 4711;
	volatile struct item local = {.number = 12, .minus = -4, .l = 1L << 40};
	volatile struct item *volatile pointer = &local;
	ucontext_t context;

	getcontext(&context);
	check_variables(&context);
	return on_stack + local.number + pointer->number;
}

/* Of a real frame, wherever this compiler has put them. */
START_TEST(variables)
{
	ck_assert_int_eq(have_variables(), 4711 + 12 + 12);
}
END_TEST

/* What would have to be asked again each time, or changes something. */
START_TEST(not_everything_is_compiled)
{
	static const char *const expressions[] = {
		"$x == 1",      ITEM "->real > 1", "(double)$rsi",  "$rcx ? 1 : 2",
		"$rax << $rcx", "$rip == 5",       "$fs_base",      "$_streq(\"a\", \"b\")",
		"\"ab\"[1]",    "$xmm0",           ITEM " - " ITEM, "(int)$rsi << 40"};
	struct regs regs;
	size_t bytes;

	set_regs(&regs, 1);
	for (unsigned int i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		struct value *value = NULL;

		session_begin_command(&session);
		session_select_regs(&session, &regs);
		session.tracing = true;
		if (eval_expression(&session, expressions[i], &value, &problem) == 0)
			ck_assert_msg(trace_compile(&session, value, code, CODE_BYTES, &bytes) != 0,
				      "%s is compiled", expressions[i]);
		session.tracing = false;
	}
	/* An assignment is told, so that nobody takes its value for all there is to it. */
	session_begin_command(&session);
	session_select_regs(&session, &regs);
	session.changed = false;
	ck_assert_int_eq(eval_expression(&session, "$x = 5", &(struct value *){NULL}, &problem), 0);
	ck_assert(session.changed);
	session_begin_command(&session);
	session.tracing = true;
	(void)evaluate("$rcx + 1", &regs, true, &bytes);
}
END_TEST

/* What does not fit is an error, never half of it. */
START_TEST(room_is_kept)
{
	static const char expression[] =
		"(" ITEM "->number + 1) * (" ITEM "->word / ($rcx + 3)) == 5 && " ITEM "->l";
	struct value *value = NULL;
	struct regs regs;
	size_t bytes, whole;

	set_regs(&regs, 0);
	(void)evaluate(expression, &regs, true, &whole);
	for (size_t room = 0; room < whole; room++) {
		session_begin_command(&session);
		session_select_regs(&session, &regs);
		session.tracing = true;
		ck_assert_int_eq(eval_expression(&session, expression, &value, &problem), 0);
		memset(code, 0x5a, CODE_BYTES);
		ck_assert_int_eq(trace_compile(&session, value, code, room, &bytes), -E2BIG);
		ck_assert_uint_eq(code[room], 0x5a);
	}
}
END_TEST

/* What would grow without end is not made, and a far address is no near one. */
START_TEST(limits)
{
	struct node nodes[80] = {{.kind = NODE_REG, .number = 8}};
	struct node one = {.kind = NODE_REG, .number = 16}, far = {.kind = NODE_CONST}, load;
	uint8_t room[4096];
	size_t bytes;

	for (unsigned int i = 1; i < 80; i++)
		nodes[i] = (struct node){.kind = NODE_IS_TRUE, .left = &nodes[i - 1]};
	ck_assert_int_eq(arch_compile(&nodes[63], room, sizeof(room), &bytes), 0);
	ck_assert_int_eq(arch_compile(&nodes[64], room, sizeof(room), &bytes), -E2BIG);
	for (unsigned int i = 1; i < 80; i++)
		nodes[i] = (struct node){.kind = NODE_ADD, .left = &one, .right = &nodes[i - 1]};
	ck_assert_int_eq(arch_compile(&nodes[8], room, sizeof(room), &bytes), 0);
	ck_assert_int_eq(arch_compile(&nodes[9], room, sizeof(room), &bytes), -E2BIG);
	/* What faults. */
	load = (struct node){.kind = NODE_DIVIDE, .is_signed = true, .left = &one, .right = &far};
	ck_assert_int_eq(arch_compile(&load, room, sizeof(room), &bytes), -EOPNOTSUPP);
	far.number = UINT64_MAX;
	ck_assert_int_eq(arch_compile(&load, room, sizeof(room), &bytes), -EOPNOTSUPP);
	far.number = 2;
	ck_assert_int_eq(arch_compile(&load, room, sizeof(room), &bytes), 0);
	far.number = 0x123456789a;
	load = (struct node){.kind = NODE_LOAD, .size = 8, .left = &far};
	ck_assert_int_eq(arch_compile(&load, room, sizeof(room), &bytes), 0);
	ck_assert_int_eq(memcmp(room + 2, &far.number, 8), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("duster/engine/trace");
	TCase *tests = tcase_create("trace");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, members);
	tcase_add_test(tests, limits);
	tcase_add_test(tests, operators_are_c);
	tcase_add_test(tests, logic_looks_only_where_it_may);
	tcase_add_test(tests, division_by_nothing_gives_up);
	tcase_add_test(tests, variables);
	tcase_add_test(tests, not_everything_is_compiled);
	tcase_add_test(tests, room_is_kept);
	suite_add_tcase(suite, tests);
	return suite;
}
