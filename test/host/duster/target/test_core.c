/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A dump as `xl dump-core` writes it, made here: opened, read, cut off at each place, and
 * damaged.
 * Links: duster/target/core.c duster/target/core_xen.c duster/target/core_elf.c
 * Links: duster/target/target.c duster/target/walk.c duster/target/xen_regs.c
 * Links: duster/util/map.c duster/util/problem.c
 */
#include <xenctrl.h>
#include <xen/elfnote.h>

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "duster/target/core.h"
#include "test/host/check_main.h"

#define PAGES     8u
#define FIRST_MFN 100u
#define ADDR      0x60000000ULL /* mapped to page 5 */

static const char names[] = "\0.note.Xen\0.xen_prstatus\0.xen_p2m\0.xen_pages\0.shstrtab";

/* In the order of the file: each part begins at a multiple of 8. */
struct dump {
	Elf64_Ehdr header;
	Elf64_Shdr sections[6];
	struct {
		Elf64_Nhdr note;
		char name[4];
		uint64_t magic, more[3];
	} note;
	vcpu_guest_context_any_t contexts[2];
	struct {
		uint64_t pfn, mfn;
	} p2m[PAGES];
	uint8_t pages[PAGES][4096];
	char names[64];
};

static struct dump dump;
static char path[] = "/tmp/test_core.XXXXXX";

static void set_section(unsigned int number, const char *name, const void *data, size_t bytes)
{
	size_t at = 1;

	while (strcmp(names + at, name) != 0)
		at += strlen(names + at) + 1;
	dump.sections[number] =
		(Elf64_Shdr){.sh_name = (Elf64_Word)at,
			     .sh_type = SHT_PROGBITS,
			     .sh_offset = (size_t)((const char *)data - (const char *)&dump),
			     .sh_size = bytes};
}

static void set_table(unsigned int page, unsigned int index, unsigned int to)
{
	uint64_t entry = (uint64_t)(FIRST_MFN + to) << 12 | 7;

	memcpy(&dump.pages[page][index * 8], &entry, 8);
}

static void build(void)
{
	memset(&dump, 0, sizeof(dump));
	memcpy(dump.header.e_ident, ELFMAG, SELFMAG);
	dump.header.e_ident[EI_CLASS] = ELFCLASS64;
	dump.header.e_type = ET_CORE;
	dump.header.e_machine = EM_X86_64;
	dump.header.e_shoff = offsetof(struct dump, sections);
	dump.header.e_shentsize = sizeof(Elf64_Shdr);
	dump.header.e_shnum = 6;
	dump.header.e_shstrndx = 5;
	memcpy(dump.names, names, sizeof(names));
	dump.note.note = (Elf64_Nhdr){4, 32, XEN_ELFNOTE_DUMPCORE_HEADER};
	memcpy(dump.note.name, "Xen", 4);
	dump.note.magic = 0xf00febed;
	set_section(1, ".note.Xen", &dump.note, sizeof(dump.note));
	set_section(2, ".xen_prstatus", dump.contexts, sizeof(dump.contexts));
	set_section(3, ".xen_p2m", dump.p2m, sizeof(dump.p2m));
	set_section(4, ".xen_pages", dump.pages, sizeof(dump.pages));
	set_section(5, ".shstrtab", dump.names, sizeof(dump.names));
	for (unsigned int i = 0; i < PAGES; i++) {
		dump.p2m[i].pfn = i;
		dump.p2m[i].mfn = FIRST_MFN + i;
	}
	set_table(1, 0, 2);
	set_table(2, ADDR >> 30, 3);
	set_table(3, (ADDR >> 21) & 511, 4);
	set_table(4, (ADDR >> 12) & 511, 5);
	memset(dump.pages[5], 0x5a, 4096);
	dump.contexts[0].c.ctrlreg[3] = (FIRST_MFN + 1) << 12;
	dump.contexts[1].c.ctrlreg[3] = (FIRST_MFN + 1) << 12;
	dump.contexts[1].c.user_regs.rip = 0x1234;
	dump.contexts[1].c.user_regs.rsp = 0x5678;
	dump.contexts[1].c.fs_base = 0x9abc;
}

static int open_bytes(const void *data, size_t bytes, struct target **target_out)
{
	struct problem problem = {.column = -1};
	FILE *file = fopen(path, "we");
	int error;

	test_require(file && fwrite(data, 1, bytes, file) == bytes && fclose(file) == 0);
	error = core_open(path, target_out, &problem);
	test_require(!error || problem.text[0]);
	return error;
}

static void setup(void)
{
	int fd = mkstemp(path);

	test_require(fd >= 0);
	close(fd);
	build();
}

static void teardown(void)
{
	unlink(path);
}

START_TEST(a_dump_is_read)
{
	struct target *target;
	struct regs regs;
	struct walk walk;
	uint64_t word, pfn;
	char text[300];
	size_t done;

	ck_assert_int_eq(open_bytes(&dump, sizeof(dump), &target), 0);
	ck_assert_uint_eq(target->vcpus_count, 2);
	ck_assert_int_eq(target_read_u64(target, 0, ADDR + 8, &word), 0);
	ck_assert_uint_eq(word, 0x5a5a5a5a5a5a5a5aULL);
	ck_assert_int_eq(target_read_some(target, 0, ADDR + 4092, &word, 8, &done), -EFAULT);
	ck_assert_uint_eq(done, 4);
	ck_assert_int_eq(target_regs_get(target, 1, &regs), 0);
	ck_assert_uint_eq(regs.value[CPU_RIP], 0x1234);
	ck_assert_uint_eq(regs.value[CPU_RSP], 0x5678);
	ck_assert_uint_eq(regs.value[CPU_FS_BASE], 0x9abc);
	ck_assert_int_eq(target_regs_get(target, 2, &regs), -ENOENT);
	ck_assert_int_eq(target_walk(target, 0, ADDR, &walk), 0);
	ck_assert(walk.present);
	ck_assert_int_eq(target_pfn(target, walk.maddr >> 12, &pfn), 0);
	ck_assert_uint_eq(pfn, 5);
	target_describe(target, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "2 vCPUs"));
	target_close(target);
}
END_TEST

START_TEST(a_dump_does_not_run)
{
	struct problem problem = {.column = -1};
	struct target_event event;
	struct target *target;
	struct regs regs = {0};

	ck_assert_int_eq(open_bytes(&dump, sizeof(dump), &target), 0);
	ck_assert(!target->live);
	ck_assert_int_eq(target_write(target, 0, ADDR, "x", 1), -EOPNOTSUPP);
	ck_assert_int_eq(target_regs_set(target, 0, &regs), -EOPNOTSUPP);
	ck_assert_int_eq(target_resume(target), -EOPNOTSUPP);
	ck_assert_int_eq(target_wait(target, 0, &event), -EOPNOTSUPP);
	ck_assert_int_eq(target_step(target, 0, &event), -EOPNOTSUPP);
	ck_assert_int_eq(target_break_set(target, ADDR, &problem), -EOPNOTSUPP);
	ck_assert_int_eq(target_watch_set(target, 0, WATCH_WRITE, ADDR, 8), -EOPNOTSUPP);
	target_close(target);
}
END_TEST

START_TEST(hvm_guests_are_refused)
{
	struct target *target;

	dump.note.magic = 0xf00febee;
	ck_assert_int_eq(open_bytes(&dump, sizeof(dump), &target), -EINVAL);
}
END_TEST

/* Whatever was opened is used: nothing outside of the file may be touched. */
static void use(struct target *target)
{
	uint8_t bytes[64];
	struct walk walk;
	struct regs regs;
	size_t done;

	for (unsigned int vcpu = 0; vcpu < target->vcpus_count && vcpu < 4; vcpu++) {
		(void)target_regs_get(target, vcpu, &regs);
		(void)target_read_some(target, vcpu, ADDR, bytes, sizeof(bytes), &done);
		(void)target_walk(target, vcpu, ADDR, &walk);
	}
	target_close(target);
}

START_TEST(cut_off_dumps)
{
	struct target *target;

	for (size_t bytes = 0; bytes < sizeof(dump); bytes += bytes < 2000 ? 1 : 61)
		if (open_bytes(&dump, bytes, &target) == 0)
			use(target);
}
END_TEST

START_TEST(damaged_dumps)
{
	struct target *target;
	unsigned int opened = 0;

	for (unsigned int round = 0; round < 3000; round++) {
		size_t interesting = round % 2 ? offsetof(struct dump, contexts) : sizeof(dump);

		build();
		for (unsigned int i = 0; i < 1 + round % 4; i++)
			((uint8_t *)&dump)[test_random() % interesting] = (uint8_t)test_random();
		if (open_bytes(&dump, sizeof(dump), &target) == 0) {
			opened++;
			use(target);
		}
	}
	ck_assert_uint_gt(opened, 100);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("duster/core");
	TCase *tests = tcase_create("core");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_dump_is_read);
	tcase_add_test(tests, a_dump_does_not_run);
	tcase_add_test(tests, hvm_guests_are_refused);
	tcase_add_test(tests, cut_off_dumps);
	tcase_add_test(tests, damaged_dumps);
	suite_add_tcase(suite, tests);
	return suite;
}
