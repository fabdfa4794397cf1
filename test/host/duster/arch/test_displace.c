/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions made to run elsewhere, run there: a function of each kind is executed with one of
 * its instructions displaced at a time, and must still yield what it did.
 * Links: duster/arch/displace.c duster/arch/disassemble.c duster/arch/x86_64.c
 * Links: duster/util/text.c
 */
/*
 * Instructions made to run elsewhere, run there: a function of each kind is executed with one of
 * its instructions displaced at a time, and must still yield what it did. Links:
 * duster/arch/displace.c duster/arch/disassemble.c duster/arch/x86_64.c duster/util/text.c
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "duster/arch/x86_64.h"
#include "test/host/check_main.h"

#define CODE_BYTES 4096u

/* Position-dependent in every way: data, constants, branches, calls, indirect jumps. */
__asm__(".pushsection .text\n"
	".globl displace_subject\n"
	"displace_subject:\n"
	"	pushq %rbx\n"
	"	movq %rdi, %rbx\n"
	"	leaq 9f(%rip), %rax\n"
	"	movq (%rax), %rdx\n"
	"	addq 9f(%rip), %rbx\n"
	"	cmpl $7, 8f(%rip)\n"
	"	jne 7f\n"
	"	call 5f\n"
	"	addq %rax, %rbx\n"
	"	movsd 9f(%rip), %xmm0\n"
	"	testb $1, %dil\n"
	"	jz 1f\n"
	"	addq $1000, %rbx\n"
	"	jmp 2f\n"
	"1:	subq $3, %rbx\n"
	"2:	xorl %ecx, %ecx\n"
	"3:	incl %ecx\n"
	"	addq %rcx, %rbx\n"
	"	cmpl $5, %ecx\n"
	"	jb 3b\n"
	"	movq %rbx, %rax\n"
	"	popq %rbx\n"
	"	ret\n"
	"5:	movl $11, %eax\n"
	"	imull $3, %eax, %eax\n"
	"	.byte 0xc4, 0xe2, 0xf3, 0xf7, 0x05\n" /* shlx %rcx, disp32(%rip), %rax has a VEX
							 prefix: */
	"	.long 9f - . - 4\n"
	"	movl $33, %eax\n"
	"	ret\n"
	"7:	ud2\n"
	"	.balign 8\n"
	"8:	.quad 7\n"
	"9:	.quad 0x123456789\n"
	".globl displace_subject_end\n"
	"displace_subject_end:\n"
	".popsection\n");

uint64_t displace_subject(uint64_t number);
void displace_subject_end(void);

static uint8_t
	*code; /* a copy of the subject below 2 GiB, and room for the copies of instructions */
static size_t code_bytes;

static int read_code(void *context, uint64_t addr, void *to, size_t bytes)
{
	(void)context;
	memcpy(to, (const void *)(uintptr_t)addr, bytes);
	return 0;
}

static void setup(void)
{
	code = mmap(NULL, 4 * CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ck_assert_ptr_ne(code, MAP_FAILED);
	code_bytes = (size_t)((const char *)displace_subject_end - (const char *)displace_subject);
	memcpy(code, (const void *)displace_subject, code_bytes);
}

static uint64_t call(uint64_t number)
{
	uint64_t (*subject)(uint64_t);
	uintptr_t at = (uintptr_t)code;

	memcpy(&subject, &at, sizeof(subject));
	return subject(number);
}

START_TEST(each_instruction_runs_elsewhere)
{
	struct arch_reader reader = {NULL, read_code, NULL, false};
	uint64_t even, odd;
	unsigned int displaced_count = 0;
	bool has_bmi2 = __builtin_cpu_supports("bmi2");

	if (!has_bmi2) /* the VEX instruction is not there: something as long that does nothing */
		for (size_t i = 0; i + 9 < code_bytes; i++)
			if (memcmp(code + i, "\xc4\xe2\xf3\xf7\x05", 5) == 0)
				memset(code + i, 0x90, 9);
	even = call(20);
	odd = call(21);
	ck_assert_uint_eq(odd - even, 1 + 1003);
	for (size_t at = 0; at < code_bytes - 24;) {
		uint8_t kept[16], *copy = code + 2 * CODE_BYTES + displaced_count * 64;
		struct arch_displaced displaced;
		struct text text = {0};
		unsigned int bytes;
		int32_t distance;

		ck_assert_int_eq(arch_disassemble(&reader, (uintptr_t)code + at, &text, &bytes), 0);
		memcpy(kept, code + at, sizeof(kept));
		ck_assert_msg(arch_displace(code + at, (uintptr_t)code + at, (uintptr_t)copy,
					    &displaced) == 0,
			      "%s", text_get(&text));
		memcpy(copy, displaced.code, sizeof(displaced.code));
		/* Instructions of five bytes and more have room for a jump to the copy; the others
		 * are looked at with a breakpoint by the guest tests. */
		if (bytes >= 5 && strcmp(text_get(&text), "ud2") != 0) {
			code[at] = 0xe9;
			distance = (int32_t)(copy - (code + at + 5));
			memcpy(code + at + 1, &distance, 4);
			ck_assert_msg(call(20) == even && call(21) == odd, "%s", text_get(&text));
			memcpy(code + at, kept, sizeof(kept));
			displaced_count++;
		}
		text_free(&text);
		at += bytes;
	}
	ck_assert_uint_ge(displaced_count, 8);
}
END_TEST

static int32_t word_at(const uint8_t *bytes)
{
	int32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

START_TEST(short_branches_become_long_ones)
{
	/* je +0x10; jmp -2; call +0; ret */
	static const uint8_t je[16] = {0x74, 0x10}, jmp[16] = {0xeb, 0xfe},
			     call_next[16] = {0xe8, 0, 0, 0, 0}, ret[16] = {0xc3};
	struct arch_displaced out;

	ck_assert_int_eq(arch_displace(je, 0x1000, 0x2000, &out), 0);
	ck_assert_uint_eq(out.code[0], 0x0f);
	ck_assert_uint_eq(out.code[1], 0x84);
	ck_assert_int_eq(word_at(out.code + 2), 0x1012 - 0x2006);
	ck_assert_uint_eq(out.done, 6);
	ck_assert_uint_eq(out.next, 0x1002);
	ck_assert_uint_eq(out.code[6], 0xe9);
	ck_assert_int_eq(arch_displace(jmp, 0x1000, 0x2000, &out), 0);
	ck_assert_uint_eq(out.code[0], 0xe9);
	ck_assert_int_eq(word_at(out.code + 1), 0x1000 - 0x2005);
	ck_assert_int_eq(arch_displace(call_next, 0x1000, 0x2000, &out), 0);
	ck_assert_uint_eq(out.code[0], 0x68);
	ck_assert_int_eq(word_at(out.code + 1), 0x1005);
	ck_assert_uint_ge(out.done, 32);
	ck_assert_int_eq(arch_displace(ret, 0x1000, 0x2000, &out), 0);
	ck_assert_uint_eq(out.code[0], 0xc3);
}
END_TEST

START_TEST(what_cannot_be_displaced)
{
	static const uint8_t loop[16] = {0xe2, 0xfe}, indirect[16] = {0xff, 0xd0},
			     int3[16] = {0xcc}, bad[16] = {0x06},
			     lea[16] = {0x48, 0x8d, 0x05, 0, 0, 0, 0};
	struct arch_displaced out;

	ck_assert_int_eq(arch_displace(loop, 0x1000, 0x2000, &out), -EOPNOTSUPP);
	ck_assert_int_eq(arch_displace(indirect, 0x1000, 0x2000, &out), -EOPNOTSUPP);
	ck_assert_int_eq(arch_displace(int3, 0x1000, 0x2000, &out), -EOPNOTSUPP);
	ck_assert_int_eq(arch_displace(bad, 0x1000, 0x2000, &out), -EOPNOTSUPP);
	/* Further than 2 GiB. */
	ck_assert_int_eq(arch_displace(lea, 0x1000, 0x200000000, &out), -EOPNOTSUPP);
	ck_assert_int_eq(arch_displace(lea, 0x1000, 0x2000, &out), 0);
}
END_TEST

START_TEST(any_bytes)
{
	for (unsigned int round = 0; round < 20000; round++) {
		uint8_t bytes[16];
		struct arch_displaced out;

		for (unsigned int i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)test_random();
		(void)arch_displace(bytes, 0x60100000, 0x60114700, &out);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("duster/displace");
	TCase *tests = tcase_create("displace");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, each_instruction_runs_elsewhere);
	tcase_add_test(tests, short_branches_become_long_ones);
	tcase_add_test(tests, what_cannot_be_displaced);
	tcase_add_test(tests, any_bytes);
	suite_add_tcase(suite, tests);
	return suite;
}
