/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols of small programs compiled here, and of the same programs damaged: what a hostile image
 * may cost is an error, never more.
 * Links: duster/symbols/cfi.c duster/symbols/image.c duster/symbols/lines.c
 * Links: duster/symbols/location.c duster/symbols/names.c duster/symbols/scope.c
 * Links: duster/symbols/symtab.c duster/symbols/type.c duster/symbols/type_name.c
 * Links: duster/util/arena.c duster/util/map.c duster/util/problem.c duster/util/text.c
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "duster/symbols/cfi.h"
#include "duster/symbols/lines.h"
#include "duster/symbols/location.h"
#include "duster/symbols/names.h"
#include "duster/symbols/scope.h"
#include "test/host/check_main.h"

static const char program[] =
	"struct node { struct node *next; int a : 3, b : 5; union { int i; float f; }; char t[]; "
	"};\n"
	"enum e { X, Y = 4 }; typedef int (*fn)(struct node *, enum e);\n"
	"static int hidden = 3;\n"
	"static inline __attribute__((always_inline)) int twice(int n) { return 2 * n + hidden; }\n"
	"__attribute__((noinline)) int add(struct node *n, enum e e)\n"
	"{\n"
	"	int sum = 0;\n"
	"	for (; n; n = n->next)\n"
	"		sum += twice(n->i) + e;\n"
	"	return sum;\n"
	"}\n"
	"fn table[2] = {add};\n"
	"int main(int argc, char **argv) { char v[argc + 1]; v[0] = argv[0][0];\n"
	"	return add(0, X) + v[0] + hidden++; }\n";

static char folder[] = "/tmp/test_symbols.XXXXXX";
static char path[64], debug_path[64], damaged_path[64];

static void run(const char *command)
{
	ck_assert_msg(system(command) == 0, "%s", command);
}

static void compile(const char *flags)
{
	char command[512];
	FILE *file;

	ck_assert_ptr_nonnull(mkdtemp(strcpy(folder, "/tmp/test_symbols.XXXXXX")));
	snprintf(path, sizeof(path), "%s/prog", folder);
	snprintf(debug_path, sizeof(debug_path), "%s/prog.debug", folder);
	snprintf(damaged_path, sizeof(damaged_path), "%s/damaged", folder);
	snprintf(command, sizeof(command), "%s.c", path);
	file = fopen(command, "we");
	ck_assert(file && fputs(program, file) >= 0 && fclose(file) == 0);
	snprintf(command, sizeof(command), "cd %s && gcc -g -no-pie %s -o prog prog.c", folder,
		 flags);
	run(command);
}

static void clean(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	run(command);
}

static struct image *open_image(const char *which)
{
	struct problem problem = {.column = -1};
	struct image *image;

	ck_assert_msg(image_open(which, NULL, &image, &problem) == 0, "%s", problem.text);
	return image;
}

static void check_types(struct image *image)
{
	struct type *node = names_find_tag(image, TYPE_STRUCT, "node");
	struct type *fn = names_find_type(image, "fn");
	const struct member *member;
	uint64_t offset;
	struct arena arena;

	arena_init(&arena, 1 << 20);
	ck_assert_ptr_nonnull(node);
	ck_assert_uint_eq(type_bytes(node), 16);
	member = type_find_member(node, "b", &offset);
	ck_assert_ptr_nonnull(member);
	ck_assert_uint_eq(member->bit_size, 5);
	ck_assert_uint_eq(offset * 8 + member->bit_offset, 67);
	member = type_find_member(node, "f", &offset);
	ck_assert_ptr_nonnull(member);
	ck_assert_uint_eq(offset, 12);
	ck_assert_int_eq(type_strip(member->type)->kind, TYPE_FLOAT);
	ck_assert_ptr_null(type_find_member(node, "nosuch", &offset));
	member = type_find_member(node, "next", &offset);
	ck_assert_ptr_eq(type_strip(type_target(type_strip(member->type))), node);
	ck_assert_str_eq(type_name(&arena, type_target(fn), "f"),
			 "int (*f)(struct node *, enum e)");
	arena_reset(&arena);
}

static void check_lines(struct image *image)
{
	const struct symbol *add = image_symbol_named(image, "add", NULL);
	struct function function;
	uint64_t addrs[8], body;
	unsigned int number = 0;
	struct line line;

	ck_assert_ptr_nonnull(add);
	ck_assert(scope_function_at(image, add->addr, &function));
	ck_assert_str_eq(function.name, "add");
	ck_assert_uint_eq(function.low, add->addr);
	ck_assert(line_at(image, add->addr, &line));
	ck_assert(line_file_matches(line.file, "prog.c"));
	ck_assert(!line_file_matches(line.file, "og.c"));
	/* Optimised, the first instruction may belong to the body too. */
	ck_assert(line.number >= 6 && line.number <= 8);
	body = line_behind_prologue(image, function.low, function.high);
	ck_assert_uint_ge(body, function.low);
	ck_assert_uint_lt(body, function.high);
	ck_assert_uint_ge(line_find(image, "prog.c", 9, addrs, 8, &number), 1);
	ck_assert_uint_eq(number, 9);
	/* A line without code: the next one that has some. */
	ck_assert_uint_ge(line_find(image, "prog.c", 11, addrs, 8, &number), 1);
	ck_assert_uint_ge(number, 11);
	ck_assert_uint_eq(line_find(image, "prog.c", 1000, addrs, 8, &number), 0);
	ck_assert(!line_at(image, 0x10, &line));
}

static void check_symbols(struct image *image)
{
	const struct symbol *add = image_symbol_named(image, "add", NULL), *found;

	found = image_symbol_at(image, add->addr + 3);
	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found->name, "add");
	ck_assert_ptr_null(image_symbol_named(image, "nosuch", NULL));
	ck_assert_ptr_null(image_symbol_at(image, 0x10));
	ck_assert_uint_eq(symbol_name_bytes("panic.k"), 5);
	ck_assert_uint_eq(symbol_name_bytes("panic"), 5);
}

static const char *const levels[] = {"-O0",
				     "-O1",
				     "-O2",
				     "-Os",
				     "-O2 -gdwarf-4",
				     "-O0 -gdwarf-4",
				     "-O2 -gdwarf-3 -gstrict-dwarf"};
#define LEVELS (sizeof(levels) / sizeof(levels[0]))

START_TEST(programs_of_each_level)
{
	struct image *image;

	compile(levels[_i]);
	image = open_image(path);
	ck_assert_ptr_nonnull(image->dwarf);
	check_types(image);
	check_lines(image);
	check_symbols(image);
	image_close(image);
	clean();
}
END_TEST

START_TEST(separate_debug_files)
{
	static const char *const ways[] = {
		"cp prog prog.debug && strip prog",
		"objcopy --only-keep-debug prog prog.debug && strip prog",
		("objcopy --only-keep-debug prog other && strip prog && "
		 "objcopy --add-gnu-debuglink=other prog && mkdir .debug && mv other .debug")};
	struct problem problem = {.column = -1};
	struct image *image;
	char command[512];

	compile(_i == 2 ? "-O2" : "-O2 -Wl,--build-id");
	snprintf(command, sizeof(command), "cd %s && %s", folder, ways[_i]);
	run(command);
	image = open_image(path);
	ck_assert_ptr_nonnull(image->dwarf);
	ck_assert_ptr_nonnull(image->debug_path);
	check_types(image);
	check_lines(image);
	image_close(image);
	if (_i == 0) {
		/* That of another build is not taken, and refused when it is named. */
		snprintf(command, sizeof(command),
			 "cd %s && sed -i s/hidden++/hidden--/ prog.c && gcc -g -O2 -no-pie -o "
			 "prog.debug prog.c",
			 folder);
		run(command);
		image = open_image(path);
		ck_assert_ptr_null(image->dwarf);
		ck_assert_ptr_null(image_symbol_named(image, "add", NULL));
		image_close(image);
		ck_assert_int_eq(image_open(path, debug_path, &image, &problem), -EINVAL);
		ck_assert_ptr_nonnull(strstr(problem.text, "not the debug information"));
	}
	clean();
}
END_TEST

START_TEST(files_that_are_no_programs)
{
	struct problem problem = {.column = -1};
	struct image *image;

	ck_assert_int_eq(image_open("/nonexistent", NULL, &image, &problem), -ENOENT);
	ck_assert_int_eq(image_open("/dev/null", NULL, &image, &problem), -EINVAL);
	ck_assert_int_eq(image_open("/etc/passwd", NULL, &image, &problem), -EINVAL);
}
END_TEST

/* ---- Damage ---- */

static int no_memory(void *context, uint64_t addr, void *to, size_t bytes)
{
	(void)context;
	(void)addr;
	memset(to, 0, bytes);
	return 0;
}

static int any_reg(void *context, unsigned int number, uint64_t *value_out)
{
	(void)context;
	*value_out = 0x400000 + number;
	return 0;
}

static bool look_at_variable(void *context, const struct variable *variable)
{
	struct image *image = context;
	struct location_machine machine = {.reg = any_reg, .read = no_memory};
	Dwarf_Die die = variable->die;
	struct location location;

	(void)type_bytes(type_attribute(image, &die));
	(void)location_of(&die, 0x401000, &machine, &image->arena, &location);
	return true;
}

/* Everything a debugger asks of an image. */
static void use(struct image *image)
{
	const struct name_entry *names;
	struct regs regs = {0}, caller;
	size_t count;
	bool signal;
	uint64_t cfa;

	regs_set(&regs, CPU_RSP, 0x7ff0000);
	regs_set(&regs, CPU_RBP, 0x7ff0100);
	names = names_all(image, &count);
	for (size_t i = 0; i < count && i < 500; i++) {
		Dwarf_Die die = names[i].die;
		struct type *type = type_of_die(image, &die);
		size_t members;

		(void)type_bytes(type);
		(void)type_members(type_strip(type), &members);
		(void)type_name(&image->arena, type, "x");
		scope_variables(&die, look_at_variable, image);
	}
	for (uint64_t addr = 0x401000; addr < 0x401400; addr += 5) {
		struct scope_chain chain;
		struct function function;
		struct line line;

		scope_chain_at(image, addr, &chain);
		for (unsigned int i = 0; i < chain.count; i++) {
			(void)scope_function(&chain, i, &function);
			scope_variables(&chain.dies[i], look_at_variable, image);
		}
		(void)line_at(image, addr, &line);
		(void)image_symbol_at(image, addr);
		(void)cfi_unwind(image, addr, &regs, no_memory, NULL, &caller, &cfa, &signal);
	}
}

/* The offset and size of the part of the file that holds ELF headers and debug sections. */
static void damage(uint8_t *bytes, size_t count)
{
	unsigned int changes = 1 + (unsigned int)(test_random() % 8);

	while (changes--) {
		/* Half of them where the debug information is: the last part of the file. */
		size_t at = test_random() % 2 ? count / 2 + test_random() % (count - count / 2)
					      : test_random() % count;

		bytes[at] = test_random() % 4 ? (uint8_t)test_random() : 0xff;
	}
}

START_TEST(damaged_programs)
{
	static uint8_t whole[1 << 20], copy[1 << 20];
	FILE *file;
	size_t count;
	unsigned int killed = 0, opened = 0;

	compile("-O2 -nostdlib -static -e main -Wl,--build-id");
	file = fopen(path, "re");
	count = file ? fread(whole, 1, sizeof(whole), file) : 0;
	ck_assert_uint_gt(count, 4096);
	fclose(file);
	for (unsigned int round = 0; round < 400; round++) {
		int status;
		pid_t child;

		memcpy(copy, whole, count);
		damage(copy, count);
		file = fopen(damaged_path, "we");
		ck_assert(file && fwrite(copy, 1, count, file) == count && fclose(file) == 0);
		child = fork();
		if (child == 0) {
			struct image *image;

			alarm(20);
			if (image_open(damaged_path, NULL, &image, NULL))
				_exit(3);
			use(image);
			image_close(image);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		opened += WIFEXITED(status) && WEXITSTATUS(status) == 0;
		if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 3))
			killed++;
	}
	ck_assert_uint_gt(opened, 50);
	ck_assert_msg(killed == 0, "%u of 400 damaged programs ended the debugger", killed);
	clean();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("duster/symbols");
	TCase *tests = tcase_create("symbols");

	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, programs_of_each_level, 0, (int)LEVELS);
	tcase_add_loop_test(tests, separate_debug_files, 0, 3);
	tcase_add_test(tests, files_that_are_no_programs);
	tcase_add_test(tests, damaged_programs);
	suite_add_tcase(suite, tests);
	return suite;
}
