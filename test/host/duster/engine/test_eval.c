/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Expressions: the test's own debug information and memory are the program, and the compiler
 * that made it says what each expression must yield.
 * Links: duster/engine/convenience.c duster/engine/eval.c duster/engine/format.c
 * Links: duster/engine/format_type.c duster/engine/lexer.c duster/engine/parse_type.c
 * Links: duster/engine/print.c duster/engine/session.c duster/engine/unwind.c duster/engine/value.c
 * Links: duster/engine/value_ops.c duster/engine/walkers.c duster/symbols/cfi.c
 * Links: duster/engine/trace.c duster/arch/compile.c
 * Links: duster/symbols/image.c duster/symbols/lines.c duster/symbols/location.c
 * Links: duster/symbols/names.c duster/symbols/scope.c duster/symbols/symtab.c
 * Links: duster/symbols/type.c duster/symbols/type_name.c duster/arch/x86_64.c
 * Links: duster/target/mock.c duster/target/target.c duster/util/arena.c duster/util/map.c
 * Links: duster/util/problem.c duster/util/text.c
 */
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "duster/engine/eval.h"
#include "duster/engine/format.h"
#include "duster/engine/print.h"
#include "duster/target/mock.h"
#include "test/host/check_main.h"

enum fruit { APPLE, PEAR = 5, PLUM };

struct item {
	struct item *next;
	int number;
	unsigned int low : 3, high : 7;
	short shorts[4];
	enum fruit fruit;
	union {
		float real;
		unsigned int raw;
	};
};

/* Also when nothing but the evaluator uses them. */
#define KEEP __attribute__((used))

static KEEP struct item third = {NULL, 3, 1, 2, {1, 2, 3, 4}, PLUM, {.real = 1.5f}};
static KEEP struct item second = {&third, 2, 7, 100, {-1, -2, -3, -4}, PEAR, {.raw = 7}};
static KEEP struct item first = {&second, 1, 0, 0, {5, 6, 7, 8}, APPLE, {.raw = 0}};
static KEEP struct item *list = &first;
static KEEP int table[3][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}};
static KEEP int i5 = 5, minus3 = -3, zero;
static KEEP unsigned int u7 = 7, big = 4000000000u;
static KEEP long l9 = -9000000000;
static KEEP unsigned long ul = 18000000000000000000ul;
static KEEP short s300 = -300;
static KEEP unsigned char uc = 200;
static KEEP signed char sc = -100;
static KEEP double d = 2.5;
static KEEP float f = -0.5f;
static KEEP char text[] = "hello";
static KEEP struct item *null;

static struct mock_target mock;
static struct session session;
static struct problem problem;

static int add_segment(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_LOAD)
			mock_target_add(&mock, header->p_vaddr,
					(void *)(info->dlpi_addr + header->p_vaddr),
					header->p_memsz, !(header->p_flags & PF_W));
	}
	return 1; /* the program itself comes first */
}

static uintptr_t bias;

static int find_bias(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	bias = info->dlpi_addr;
	return 1;
}

static void setup(void)
{
	struct image *image;

	problem = (struct problem){.column = -1};
	mock_target_init(&mock, 1);
	dl_iterate_phdr(add_segment, NULL);
	dl_iterate_phdr(find_bias, NULL);
	ck_assert_msg(image_open("/proc/self/exe", NULL, &image, &problem) == 0, "%s",
		      problem.text);
	session_init(&session, &mock.target, image);
	/* Pointers in memory are those of the running program: the list as the image knows it. */
	first.next = (struct item *)((uintptr_t)&second - bias);
	second.next = (struct item *)((uintptr_t)&third - bias);
	list = (struct item *)((uintptr_t)&first - bias);
}

static void teardown(void)
{
	session_close(&session);
}

static struct value *eval(const char *expression)
{
	struct value *value = NULL;
	int error;

	session_begin_command(&session);
	error = eval_expression(&session, expression, &value, &problem);
	ck_assert_msg(!error, "%.40s: %s", expression, problem.text);
	return value;
}

static long long number(const char *expression)
{
	uint64_t result = 0;
	int error = value_number(&session, eval(expression), &result, &problem);

	ck_assert_msg(!error, "%.40s: %s", expression, problem.text);
	return (long long)result;
}

/* The value and the size of its type are what the compiler has. */
#define SAME(expression)                                                                           \
	do {                                                                                       \
		ck_assert_msg(number(#expression) == (long long)(expression),                      \
			      "%s is %lld, not %lld", #expression, (long long)(expression),        \
			      number(#expression));                                                \
		ck_assert_msg(type_bytes(eval(#expression)->type) == sizeof(expression),           \
			      "the size of %s", #expression);                                      \
	} while (0)

#define SAME_REAL(expression)                                                                      \
	do {                                                                                       \
		long double real_;                                                                 \
		ck_assert_int_eq(value_real(&session, eval(#expression), &real_, &problem), 0);    \
		ck_assert_msg(real_ == (long double)(expression), "%s", #expression);              \
	} while (0)

START_TEST(arithmetic_is_c)
{
	SAME(1 + 2 * 3);
	SAME((1 + 2) * 3);
	SAME(i5 / 2);
	SAME(minus3 / 2);
	SAME(minus3 % 2);
	SAME(-7 % 3);
	SAME(u7 - 8);
	SAME(minus3 + u7);
	SAME(minus3 * 1u);
	SAME(big + 1);
	SAME(big * 2);
	SAME(l9 / 7);
	SAME(l9 % 7);
	SAME(ul / 3);
	SAME(ul + 1);
	SAME(l9 + ul);
	SAME(s300 * s300);
	SAME(uc + sc);
	SAME(uc << 2);
	SAME(sc >> 1);
	SAME(minus3 >> 1);
	SAME(big >> 4);
	SAME(1 << 5);
	SAME(1l << 40);
	SAME(~uc);
	SAME(-uc);
	SAME(+sc);
	SAME(!i5);
	SAME(!zero);
	SAME(i5 & 6);
	SAME(i5 | 2);
	SAME(i5 ^ 12);
	SAME(0x7fffffff);
	SAME(0xffffffff);
	SAME(2147483648);
	SAME(4294967296);
	SAME(017 + 0x1f);
	SAME('a' + 1);
	SAME(sizeof(int));
	SAME(sizeof(struct item));
	SAME(sizeof table);
	SAME(sizeof(table[0]));
}
END_TEST

START_TEST(comparisons_are_c)
{
	SAME(minus3 < i5);
	SAME(minus3 < (int)u7);
	SAME(1 == 1.0);
	SAME(d > 2);
	SAME(d >= 2.5);
	SAME(f < 0);
	SAME(i5 == 5 && u7 == 7);
	SAME(i5 == 4 || u7 == 7);
	SAME(i5 == 4 || u7 == 8);
	SAME(l9 < 0 && ul > 0);
	SAME(zero ? i5 : 9);
	SAME(i5 ? u7 : 9u);
	SAME(i5 == 5 ? 1 : 1 / 1);
	SAME(uc == 200);
	SAME(sc == -100);
	ck_assert_int_eq(number("minus3 < u7"), 0); /* as unsigned */
	ck_assert_int_eq(number("zero && 1 / zero"), 0);
	ck_assert_int_eq(number("i5 || null->number == 3"), 1);
	ck_assert_int_eq(number("0 ? null->next->number : 4"), 4);
}
END_TEST

START_TEST(reals_are_c)
{
	SAME_REAL(d * 2);
	SAME_REAL(d / 3);
	SAME_REAL(f + d);
	SAME_REAL(f * 3);
	SAME_REAL(1.0 / 3);
	SAME_REAL(1.0f);
	SAME_REAL(-d);
	SAME_REAL(i5 + d);
	SAME_REAL((double)i5 / 2);
	SAME((int)d);
	SAME((int)-d);
	SAME((long)(d * 4));
}
END_TEST

START_TEST(casts_are_c)
{
	SAME((char)65);
	SAME((unsigned char)300);
	SAME((signed char)200);
	SAME((short)70000);
	SAME((unsigned short)-1);
	SAME((long)-1);
	SAME((unsigned long)-1);
	SAME((unsigned int)l9);
	SAME((int)big);
	SAME((_Bool)i5);
	SAME((enum fruit)5);
	SAME((long)(int)big);
	SAME((unsigned long)(unsigned char)sc);
}
END_TEST

START_TEST(members_and_elements)
{
	ck_assert_int_eq(number("list->number"), 1);
	ck_assert_int_eq(number("list->next->next->number"), 3);
	ck_assert_int_eq(number("(*list).next->low"), 7);
	ck_assert_int_eq(number("list->next->high"), 100);
	ck_assert_int_eq(number("second.shorts[2]"), -3);
	ck_assert_int_eq(number("table[1][2]"), 7);
	ck_assert_int_eq(number("*(*(table + 2) + 1)"), 10);
	ck_assert_int_eq(number("&table[2][1] - &table[0][0]"), 9);
	ck_assert_int_eq(number("second.fruit == PEAR"), 1);
	ck_assert_int_eq(number("third.raw == 0x3fc00000"), 1);
	ck_assert_int_eq(number("((struct item *)&second)->number"), 2);
	ck_assert_int_eq(number("*(int *)&table[1]"), 5);
	ck_assert_int_eq(number("text[1]"), 'e');
	ck_assert_int_eq(number("sizeof(text)"), 6);
	ck_assert_int_eq(number("(long)&first == (long)list"), 1);
	ck_assert_int_eq(number("table[1] == &table[1][0]"), 1);
	ck_assert_int_eq(number("null == 0"), 1);
	ck_assert_int_eq(number("$count(table[0]@3)"), 3);
	ck_assert_int_eq(number("$count($chain(list, next))"), 3);
	ck_assert_int_eq(number("$chain(list, next)[2]->number"), 3);
}
END_TEST

START_TEST(assignment)
{
	ck_assert_int_eq(number("i5 = 6"), 6);
	ck_assert_int_eq(i5, 6);
	ck_assert_int_eq(number("i5 += 4"), 10);
	ck_assert_int_eq(i5, 10);
	ck_assert_int_eq(number("i5 <<= 2"), 40);
	(void)number("second.high = 5");
	ck_assert_int_eq(second.high, 5);
	ck_assert_int_eq(second.low, 7);
	(void)number("uc = 513");
	ck_assert_int_eq(uc, 1);
	(void)number("table[2][3] = minus3");
	ck_assert_int_eq(table[2][3], -3);
	(void)number("second.fruit = PLUM");
	ck_assert_int_eq(second.fruit, PLUM);
	(void)number("d = 7");
	ck_assert(d == 7.0);
	ck_assert_int_eq(number("$x = 12"), 12);
	ck_assert_int_eq(number("$x * 2"), 24);
	ck_assert_int_eq(number("zero && (i5 = 99)"), 0);
	ck_assert_int_eq(i5, 40);
}
END_TEST

static void refused(const char *expression, int error, int column)
{
	struct value *value;
	int got;

	session_begin_command(&session);
	problem = (struct problem){.column = -1};
	got = eval_expression(&session, expression, &value, &problem);
	if (!got)
		got = value_load(&session, value, &problem);
	ck_assert_msg(got == error, "%.40s: %d, %s", expression, got, problem.text);
	ck_assert_msg(problem.text[0] && problem.column == column, "%.40s: column %d: %s",
		      expression, problem.column, problem.text);
}

START_TEST(errors_have_a_place)
{
	refused("nosuch", -ENOENT, 0);
	refused("1 + nosuch", -ENOENT, 4);
	refused("list->nosuch", -ENOENT, 6);
	refused("i5.x", -EINVAL, 3);
	refused("1 / zero", -EDOM, 2);
	refused("1 +", -EINVAL, 3);
	refused("(1 + 2", -EINVAL, 6);
	refused("table[1", -EINVAL, 7);
	refused("1 2", -EINVAL, 2);
	refused("main()", -EPERM, 0);
	refused("*d", -EINVAL, 0);
	refused("&5", -EINVAL, 0);
	refused("&second.low", -EINVAL, 0);
	refused("5 = 6", -EINVAL, 2);
	refused("\"open", -EINVAL, 0);
	refused("i5 # 3", -EINVAL, 3);
	refused("*(int *)0x700000000000", -EFAULT, -1);
	refused("(struct nosuch *)0", -ENOENT, 8);
	refused("i5++", -EINVAL, 2);
	refused("0x", -EINVAL, 0);
	refused("99999999999999999999", -EINVAL, 0);
	refused("", -EINVAL, 0);
	refused("struct item", -EINVAL, 0);
}
END_TEST

START_TEST(deep_and_wide_expressions_end)
{
	static char deep[60000];

	memset(deep, '(', 50000);
	refused(deep, -E2BIG, 100);
	memset(deep, '!', 50000);
	refused(deep, -E2BIG, 199);
	memset(deep, 0, sizeof(deep));
	for (int i = 0; i < 10000; i++)
		strcpy(deep + 2 * i, "1+");
	strcpy(deep + 20000, "1");
	ck_assert_int_eq(number(deep), 10001);
}
END_TEST

START_TEST(nonsense_does_no_harm)
{
	static const char *const words[] = {
		"list",        "->",   "next",    ".",      "number", "table",    "[",      "]",
		"(",           ")",    "*",       "&",      "+",      "-",        "1",      "0",
		"7",           "=",    "==",      "<",      ">>",     "@",        "sizeof", "(int)",
		"struct item", "'a'",  "\"s\"",   "$",      "$1",     "$x",       "::",     ",",
		"?",           ":",    "!",       "~",      "double", "unsigned", "2.5",    "text",
		"second",      "PEAR", "$chain(", "$list(", "$count("};

	for (unsigned int round = 0; round < 60000; round++) {
		char expression[256] = "";
		struct value *value;
		struct text out = {0};

		for (unsigned int i = test_random() % 9 + 1; i; i--)
			strcat(expression,
			       words[test_random() % (sizeof(words) / sizeof(words[0]))]);
		session_begin_command(&session);
		if (eval_expression(&session, expression, &value, &problem) == 0 &&
		    type_bytes(value->type) < 4096) {
			struct format format = format_of(&session, 0);

			format_value(&session, value, &format, &out);
		}
		text_free(&out);
		if (round % 1000 == 0) { /* made-up types gather for the session */
			session.bases = NULL;
			session.convenience = NULL;
			arena_reset(&session.kept);
		}
	}
}
END_TEST

static void shows(const char *expression, char letter, const char *wanted)
{
	struct value *value = eval(expression);
	struct format format = format_of(&session, letter);
	struct text out = {0};

	format_value(&session, value, &format, &out);
	ck_assert_msg(strcmp(text_get(&out), wanted) == 0, "%s: %s, not %s", expression,
		      text_get(&out), wanted);
	text_free(&out);
}

START_TEST(values_are_shown)
{
	shows("second.shorts", 0, "{-1, -2, -3, -4}");
	shows("second.shorts", 'x', "{0xffff, 0xfffe, 0xfffd, 0xfffc}");
	shows("table[0]", 0, "{1, 2, 3, 4}");
	shows("text", 0, "\"hello\"");
	shows("uc", 0, "200 '\\310'");
	shows("'a'", 0, "97 'a'");
	shows("'\\n'", 0, "10 '\\n'");
	shows("PEAR", 0, "PEAR");
	shows("(enum fruit)77", 0, "77");
	shows("d", 0, "2.5");
	shows("(float)1 / 3", 0, "0.333333343");
	/* No whole number: what the processor makes of it. */
	shows("(long)(1e30)", 0, "-9223372036854775808");
	shows("(long)(d / 0.0)", 0, "-9223372036854775808");
	shows("(long)(0.0 / 0.0)", 0, "-9223372036854775808");
	shows("(long)-1e30", 0, "-9223372036854775808");
	shows("(unsigned long)1.5e19", 0, "15000000000000000000");
	shows("(long)-9.5", 0, "-9");
	shows("d / 0.0", 0, "inf");
	shows("10", 't', "1010");
	shows("8", 'o', "010");
	shows("-1", 'x', "0xffffffff");
	shows("third.next", 0, "(struct item *) 0x0");
	shows("(_Bool)1", 0, "true");
	shows("third", 0,
	      "{next = 0x0, number = 3, low = 1, high = 2, shorts = {1, 2, 3, 4}, fruit = PLUM, "
	      "{real = 1.5, raw = 1069547520}}");
}
END_TEST

START_TEST(printf_is_c)
{
	static const struct {
		const char *words, *shown; /* NULL: refused */
	} cases[] = {
		{"\"plain\\n\"", "plain\n"},
		{"\"%d|%5d|%-5d|%05d\", i5, minus3, i5, i5", "5|   -3|5    |00005"},
		{"\"%u %x %#lx %llo\", big, uc, u7, i5", "4000000000 c8 0x7 5"},
		{"\"%u %x\", minus3, sc", "4294967293 9c"},
		{"\"%ld %lu\", l9, ul", "-9000000000 18000000000000000000"},
		{"\"%.1f %6.2f %g\", d, f, i5", "2.5  -0.50 5"},
		{"\"%c%%%c\", 65, 'b'", "A%b"},
		{"\"[%s] [%.2s] [%8s]\", text, text, text + 1", "[hello] [he] [    ello]"},
		{"\"%d %d\", table[1][2], (i5 + (1))", "7 6"},
		{"\"%d, %s\", first.next->number, \"a,b\"", NULL}, /* no string in the guest */
		{"\"%d\"", NULL},
		{"\"%d\", 1, 2", NULL},
		{"\"%n\", i5", NULL},
		{"\"%\", i5", NULL},
		{"\"%*d\", i5, i5", NULL},
		{"\"%00000000000000000000000000000000001d\", i5", NULL},
		{"\"%d\", nothing", NULL},
		{"\"%s\", (char *)0x7ffffffff000", NULL},
		{"\"%d\" i5", NULL},
		{"no format", NULL},
		{"\"no end", NULL},
		{"\"no end\\\"", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text shown = {0};
		int error;

		session_begin_command(&session);
		error = print_formatted(&session, cases[i].words, &shown, &problem);
		if (!cases[i].shown)
			ck_assert_msg(error < 0, "%s", cases[i].words);
		else
			ck_assert_msg(!error && strcmp(text_get(&shown), cases[i].shown) == 0,
				      "%s: %d %s", cases[i].words, error, text_get(&shown));
		text_free(&shown);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("duster/eval");
	TCase *tests = tcase_create("eval");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, arithmetic_is_c);
	tcase_add_test(tests, comparisons_are_c);
	tcase_add_test(tests, reals_are_c);
	tcase_add_test(tests, casts_are_c);
	tcase_add_test(tests, members_and_elements);
	tcase_add_test(tests, assignment);
	tcase_add_test(tests, errors_have_a_place);
	tcase_add_test(tests, deep_and_wide_expressions_end);
	tcase_add_test(tests, nonsense_does_no_harm);
	tcase_add_test(tests, values_are_shown);
	tcase_add_test(tests, printf_is_c);
	suite_add_tcase(suite, tests);
	return suite;
}
