/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables made of arrays, walked.
 * Links: duster/target/walk.c duster/util/problem.c
 */
#include <errno.h>
#include <string.h>

#include "duster/target/walk.h"
#include "test/host/check_main.h"

#define FRAMES 64u
#define ROOT   3u

static uint8_t frames[FRAMES][PAGE_BYTES];
static unsigned int frames_shown;
static struct walk_memory memory;

static int show_frame(void *context, uint64_t mfn, const uint8_t **page_out)
{
	(void)context;
	frames_shown++;
	if (mfn >= FRAMES)
		return -EFAULT;
	*page_out = frames[mfn];
	return 0;
}

static void set_entry(unsigned int table, uint64_t addr, unsigned int level, uint64_t entry)
{
	memcpy(&frames[table][(addr >> (39 - 9 * level) & 511) * 8], &entry, 8);
}

/* addr -> mfn in 4 KiB pages through tables ROOT, 10, 11, 12. */
static void map_small(uint64_t addr, uint64_t mfn, uint64_t flags)
{
	set_entry(ROOT, addr, 0, 10 * PAGE_BYTES | 7);
	set_entry(10, addr, 1, 11 * PAGE_BYTES | 7);
	set_entry(11, addr, 2, 12 * PAGE_BYTES | 7);
	set_entry(12, addr, 3, mfn * PAGE_BYTES | flags);
}

static void setup(void)
{
	memset(frames, 0, sizeof(frames));
	frames_shown = 0;
	walk_init(&memory, show_frame, NULL, NULL);
}

START_TEST(small_pages)
{
	struct walk walk;
	uint64_t addr = 0x7f0012345678;

	map_small(addr, 20, 0x8000000000000001ULL);
	ck_assert_int_eq(walk_translate(&memory, ROOT, addr, &walk), 0);
	ck_assert(walk.present);
	ck_assert(!walk.writable);
	ck_assert(!walk.executable);
	ck_assert_uint_eq(walk.maddr, 20 * PAGE_BYTES + 0x678);
	ck_assert_uint_eq(walk.depth, 4);
	ck_assert_uint_eq(walk.page_bytes, PAGE_BYTES);
	map_small(addr, 21, 3);
	ck_assert_int_eq(walk_translate(&memory, ROOT, addr, &walk), 0);
	ck_assert(walk.writable && walk.executable);
}
END_TEST

START_TEST(large_pages)
{
	struct walk walk;
	uint64_t addr = 0x40000000 + 0x212345;

	set_entry(ROOT, addr, 0, 10 * PAGE_BYTES | 7);
	set_entry(10, addr, 1, 11 * PAGE_BYTES | 7);
	set_entry(11, addr, 2, 0x600000 | 0x87);
	ck_assert_int_eq(walk_translate(&memory, ROOT, addr, &walk), 0);
	ck_assert(walk.present);
	ck_assert_uint_eq(walk.maddr, 0x600000 + 0x12345);
	ck_assert_uint_eq(walk.page_bytes, 2 << 20);
	set_entry(10, addr, 1, 0x80000000 | 0x87);
	ck_assert_int_eq(walk_translate(&memory, ROOT, addr, &walk), 0);
	ck_assert_uint_eq(walk.maddr, 0x80000000 + 0x212345);
	ck_assert_uint_eq(walk.page_bytes, 1 << 30);
}
END_TEST

START_TEST(what_is_not_there)
{
	struct walk walk;
	uint64_t addr = 0x1000;

	ck_assert_int_eq(walk_translate(&memory, ROOT, addr, &walk), 0);
	ck_assert(!walk.present);
	ck_assert_uint_eq(walk.depth, 1);
	map_small(addr, 20, 0);
	ck_assert_int_eq(walk_translate(&memory, ROOT, addr, &walk), 0);
	ck_assert(!walk.present);
	ck_assert_uint_eq(walk.depth, 4);
	/* Not canonical: bits 47 to 63 differ. */
	ck_assert_int_eq(walk_translate(&memory, ROOT, 0x800000000000, &walk), 0);
	ck_assert(!walk.present);
	ck_assert_uint_eq(walk.depth, 0);
	/* A table that is not the guest's. */
	set_entry(ROOT, addr, 0, 0xffffff000ULL | 7);
	ck_assert_int_eq(walk_translate(&memory, ROOT, addr, &walk), -EFAULT);
}
END_TEST

START_TEST(reading_crosses_pages_and_stops_where_they_end)
{
	uint8_t bytes[3 * PAGE_BYTES];
	uint64_t addr = 0x10000;
	size_t done;

	map_small(addr, 20, 3);
	map_small(addr + PAGE_BYTES, 25, 3);
	memset(frames[20], 'a', PAGE_BYTES);
	memset(frames[25], 'b', PAGE_BYTES);
	ck_assert_int_eq(walk_read(&memory, ROOT, addr + 4090, bytes, 10, &done), 0);
	ck_assert_uint_eq(done, 10);
	ck_assert_int_eq(memcmp(bytes, "aaaaaabbbb", 10), 0);
	ck_assert_int_eq(walk_read(&memory, ROOT, addr, bytes, sizeof(bytes), &done), -EFAULT);
	ck_assert_uint_eq(done, 2 * PAGE_BYTES);
	ck_assert_int_eq(walk_read(&memory, ROOT, addr + 2 * PAGE_BYTES, bytes, 1, &done), -EFAULT);
	ck_assert_uint_eq(done, 0);
}
END_TEST

START_TEST(translations_are_kept_until_forgotten)
{
	uint64_t addr = 0x10000, word;
	unsigned int shown;
	size_t done;

	map_small(addr, 20, 3);
	ck_assert_int_eq(walk_read(&memory, ROOT, addr, &word, 8, &done), 0);
	shown = frames_shown;
	for (int i = 0; i < 1000; i++)
		test_require(walk_read(&memory, ROOT, addr + 8, &word, 8, &done) == 0);
	ck_assert_uint_eq(frames_shown, shown);
	/* Another address space has other pages at the same address. */
	ck_assert_int_eq(walk_read(&memory, ROOT + 1, addr, &word, 8, &done), -EFAULT);
	map_small(addr, 21, 3);
	frames[21][0] = 7;
	walk_forget(&memory);
	ck_assert_int_eq(walk_read(&memory, ROOT, addr, &word, 8, &done), 0);
	ck_assert_uint_eq(word, 7);
}
END_TEST

static uint64_t announced[WALK_AHEAD];
static unsigned int announced_count, announcements;

static void note_ahead(void *context, const uint64_t *mfns, unsigned int count)
{
	(void)context;
	memcpy(announced, mfns, count * sizeof(*mfns));
	announced_count = count;
	announcements++;
}

START_TEST(many_pages_are_announced_at_once)
{
	static uint8_t bytes[8 * PAGE_BYTES];
	uint64_t addr = 0x10000;
	size_t done;

	walk_init(&memory, show_frame, note_ahead, NULL);
	for (unsigned int i = 0; i < 8; i++)
		map_small(addr + i * PAGE_BYTES, 20 + i, 3);
	/* One page alone is no news; nor is what is there already. */
	ck_assert_int_eq(walk_read(&memory, ROOT, addr + PAGE_BYTES, bytes, 8, &done), 0);
	ck_assert_uint_eq(announcements, 0);
	ck_assert_int_eq(walk_read(&memory, ROOT, addr + 8, bytes, 4 * PAGE_BYTES, &done), 0);
	ck_assert_uint_eq(announcements, 1);
	ck_assert_uint_eq(announced_count, 4);
	ck_assert_uint_eq(announced[0], 20);
	ck_assert_uint_eq(announced[1], 22);
	ck_assert_uint_eq(announced[3], 24);
	ck_assert_int_eq(walk_read(&memory, ROOT, addr, bytes, 5 * PAGE_BYTES, &done), 0);
	ck_assert_uint_eq(announcements, 1);
	/* Behind the last page there is nothing to announce, and what was read stays read. */
	announced_count = 0;
	ck_assert_int_eq(
		walk_read(&memory, ROOT, addr + 5 * PAGE_BYTES, bytes, sizeof(bytes), &done),
		-EFAULT);
	ck_assert_uint_eq(done, 3 * PAGE_BYTES);
	ck_assert_uint_eq(announced_count, 3);
	ck_assert_uint_eq(announced[2], 27);
	/* The end of the address space. */
	ck_assert_int_eq(
		walk_read(&memory, ROOT, UINT64_MAX - 2 * PAGE_BYTES, bytes, 2 * PAGE_BYTES, &done),
		-EFAULT);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("duster/walk");
	TCase *tests = tcase_create("walk");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, small_pages);
	tcase_add_test(tests, large_pages);
	tcase_add_test(tests, what_is_not_there);
	tcase_add_test(tests, reading_crosses_pages_and_stops_where_they_end);
	tcase_add_test(tests, translations_are_kept_until_forgotten);
	tcase_add_test(tests, many_pages_are_announced_at_once);
	suite_add_tcase(suite, tests);
	return suite;
}
