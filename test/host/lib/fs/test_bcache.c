/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block cache over a disk in memory: what is written when, what a flush says, what goes when
 * memory is short, and errors.
 *
 * Links: lib/fs/bcache.c lib/fs/bcache_io.c test/host/lib/fs/disk.c test/host/lib/fs/files.c
 */
#include <errno.h>
#include <string.h>
#include <ucontext.h>

#include "lib/fs/bcache.h"
#include "test/host/check_main.h"
#include "test/host/lib/fs/disk.h"

#define BLOCK  1024u
#define BLOCKS 4096u
#define MEMORY (128u * BLOCK)

static struct disk *disk;
static struct bcache *cache;

static void set_up(void)
{
	disk = disk_create(BLOCKS * BLOCK);
	for (uint32_t i = 0; i < BLOCKS; i++)
		memset(disk->bytes + i * BLOCK, (int)(i & 0x7f), BLOCK);
	ck_assert_int_eq(bcache_create(&disk->dev, BLOCK, MEMORY, &cache), 0);
}

static void tear_down(void)
{
	bcache_destroy(cache);
	disk_destroy(disk);
	ck_assert_uint_eq(disk_blocks_in_use, 0);
}

static void change(uint64_t number, uint8_t value, enum bcache_class class_, uint64_t file)
{
	struct bblock *block;

	ck_assert_int_eq(bcache_get(cache, number, &block), 0);
	memset(block->bytes, value, BLOCK);
	bcache_dirty_file(cache, block, class_, file);
	bcache_put(cache, block);
}

static uint8_t on_disk(uint64_t number)
{
	return disk->bytes[number * BLOCK + BLOCK - 1];
}

START_TEST(test_contents)
{
	struct bblock *block, *again;

	ck_assert_int_eq(bcache_get(cache, 5, &block), 0);
	ck_assert_uint_eq(block->bytes[0], 5);
	ck_assert_int_eq(bcache_get(cache, 5, &again), 0);
	ck_assert_ptr_eq(block, again);
	ck_assert_uint_eq(disk->reads, 1);
	bcache_put(cache, again);
	bcache_put(cache, block);
	ck_assert_int_eq(bcache_get(cache, BLOCKS, &block), -EINVAL);
	ck_assert_int_eq(bcache_get_new(cache, 6, &block), 0);
	ck_assert_uint_eq(block->bytes[0], 0);
	ck_assert_uint_eq(disk->reads, 1);
	bcache_put(cache, block);
	ck_assert_ptr_null(bcache_find(cache, 7));
}
END_TEST

/* Each class goes alone, and a file's blocks without those of others. */
START_TEST(test_classes)
{
	change(10, 0xd0, BCACHE_DATA, 1);
	change(11, 0xd1, BCACHE_DATA, 2);
	change(12, 0xd2, BCACHE_ORDERED, 1);
	change(13, 0xd3, BCACHE_META, 0);
	/* Changed once more, as data; what must be at home first must so still. */
	change(12, 0xd4, BCACHE_DATA, 1);
	ck_assert_int_eq(bcache_write_file(cache, BCACHE_DATA, 1), 0);
	ck_assert_uint_eq(on_disk(10), 0xd0);
	ck_assert_uint_eq(on_disk(11), 11);
	ck_assert_uint_eq(on_disk(12), 12);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_ORDERED), 0);
	ck_assert_uint_eq(on_disk(12), 0xd4);
	ck_assert_uint_eq(on_disk(11), 11);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_DATA), 0);
	ck_assert_uint_eq(on_disk(11), 0xd1);
	ck_assert_uint_eq(on_disk(13), 13);
	/* Data become ordered by being written so. */
	change(14, 0xd5, BCACHE_DATA, 3);
	change(14, 0xd6, BCACHE_ORDERED, 3);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_ORDERED), 0);
	ck_assert_uint_eq(on_disk(14), 0xd6);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_META), 0);
	ck_assert_uint_eq(on_disk(13), 0xd3);
	ck_assert_uint_eq(disk->writes_done, 5);
}
END_TEST

START_TEST(test_neighbours)
{
	for (uint64_t i = 0; i < 40; i++)
		change(100 + (i * 7) % 40, (uint8_t)(0x80 + i), BCACHE_DATA, 1);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_DATA), 0);
	ck_assert_uint_eq(disk->writes_done, 1);
	for (uint64_t i = 0; i < 40; i++)
		ck_assert_uint_eq(on_disk(100 + (i * 7) % 40), 0x80 + i);
	for (uint64_t i = 200; i < 204; i++)
		change(i, 0xee, BCACHE_DATA, 1);
	ck_assert_int_eq(bcache_write_range(cache, 201, 2), 0);
	ck_assert_uint_eq(on_disk(200), 200 & 0x7f);
	ck_assert_uint_eq(on_disk(201), 0xee);
	ck_assert_uint_eq(on_disk(202), 0xee);
	ck_assert_uint_eq(on_disk(203), 203 & 0x7f);
}
END_TEST

/* Held blocks stay off the disk, whatever writes and whatever is short. */
START_TEST(test_held)
{
	struct bblock *block;

	ck_assert_int_eq(bcache_get(cache, 20, &block), 0);
	bcache_dirty(cache, block, BCACHE_META);
	ck_assert(bcache_hold(cache, block));
	ck_assert(!bcache_hold(cache, block));
	memset(block->bytes, 0xaa, BLOCK);
	bcache_dirty(cache, block, BCACHE_META);
	bcache_put(cache, block);
	for (uint64_t i = 0; i < 1000; i++)
		change(1000 + i, 0xbb, BCACHE_DATA, 1);
	for (int i = 0; i < BCACHE_CLASSES; i++)
		ck_assert_int_eq(bcache_write_dirty(cache, (enum bcache_class)i), 0);
	ck_assert_uint_eq(on_disk(20), 20);
	ck_assert_uint_le(cache->blocks_count, 128);
	bcache_release(cache, block, BCACHE_META);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_META), 0);
	ck_assert_uint_eq(on_disk(20), 0xaa);
}
END_TEST

START_TEST(test_bounded)
{
	for (uint64_t i = 0; i < BLOCKS; i++) {
		change(i, 0xcc, i % 2 ? BCACHE_DATA : BCACHE_ORDERED, 1);
		ck_assert_uint_le(cache->blocks_count, 128);
	}
	for (int i = 0; i < BCACHE_CLASSES; i++)
		ck_assert_int_eq(bcache_write_dirty(cache, (enum bcache_class)i), 0);
	for (uint64_t i = 0; i < BLOCKS; i++)
		ck_assert_uint_eq(on_disk(i), 0xcc);
}
END_TEST

START_TEST(test_forget)
{
	change(30, 0x99, BCACHE_DATA, 1);
	bcache_forget(cache, 30);
	bcache_forget(cache, 31);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_DATA), 0);
	ck_assert_uint_eq(on_disk(30), 30);
	ck_assert_uint_eq(disk->writes_done, 0);
}
END_TEST

/* --- flushes --- */

START_TEST(test_flush)
{
	static const uint8_t bytes[BLOCK];

	ck_assert_int_eq(bcache_flush(cache), 0);
	ck_assert_uint_eq(disk->flushes, 0);
	change(40, 1, BCACHE_DATA, 1);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_DATA), 0);
	ck_assert_int_eq(bcache_flush(cache), 0);
	ck_assert_int_eq(bcache_flush(cache), 0);
	ck_assert_uint_eq(disk->flushes, 1);
	ck_assert_int_eq(bcache_write_direct(cache, 41, 1, bytes, false), 0);
	ck_assert_int_eq(bcache_flush(cache), 0);
	ck_assert_uint_eq(disk->flushes, 2);
	ck_assert_int_eq(bcache_write_direct(cache, 41, 1, bytes, true), 0);
	ck_assert_uint_eq(disk->flushes, 4);
	ck_assert_int_eq(bcache_flush(cache), 0);
	ck_assert_uint_eq(disk->flushes, 4);
	/* One that failed confirmed nothing. */
	ck_assert_int_eq(bcache_write_direct(cache, 41, 1, bytes, false), 0);
	disk->fail_after = disk->requests + 1;
	ck_assert_int_eq(bcache_flush(cache), -EIO);
	ck_assert_int_eq(bcache_flush(cache), 0);
	ck_assert_uint_eq(disk->flushes, 5);
}
END_TEST

static void write_more(void)
{
	change(61, 0x61, BCACHE_DATA, 1);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_DATA), 0);
}

/* What is written while a flush is on its way wants another. */
START_TEST(test_written_meanwhile)
{
	static const uint8_t bytes[BLOCK];

	for (int i = 0; i < 2; i++) {
		uint64_t flushes;

		change(60, (uint8_t)i, BCACHE_DATA, 1);
		ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_DATA), 0);
		disk->on_flush = write_more;
		ck_assert_int_eq(i ? bcache_flush(cache)
				   : bcache_write_direct(cache, 62, 1, bytes, true),
				 0);
		flushes = disk->flushes;
		ck_assert_int_eq(bcache_flush(cache), 0);
		ck_assert_uint_eq(disk->flushes, flushes + 1);
	}
}
END_TEST

/* --- errors --- */

/* Another thread, which goes on when we say so. */
static ucontext_t main_context, other_context;
static char other_stack[262144];
static bool other_over;

static void other_waits(void)
{
	ck_assert_int_eq(swapcontext(&other_context, &main_context), 0);
}

static void other_goes_on(void)
{
	disk_on_wait = other_waits;
	ck_assert_int_eq(swapcontext(&main_context, &other_context), 0);
	disk_on_wait = NULL;
}

static int other_kind;

static void other_syncs(void)
{
	change(10, 0xe2, BCACHE_DATA, 1);
	ck_assert_int_eq(other_kind == 0   ? bcache_write_dirty(cache, BCACHE_DATA)
			 : other_kind == 1 ? bcache_write_file(cache, BCACHE_DATA, 1)
					   : bcache_write_range(cache, 5, 10),
			 0);
	/* What we changed is on the disk, though its older contents were on their way. */
	ck_assert_uint_eq(on_disk(10), 0xe2);
	other_over = true;
}

static void let_other_sync(void)
{
	ck_assert_int_eq(getcontext(&other_context), 0);
	other_context.uc_stack.ss_sp = other_stack;
	other_context.uc_stack.ss_size = sizeof(other_stack);
	other_context.uc_link = &main_context;
	makecontext(&other_context, other_syncs, 0);
	other_goes_on();
	/* It waits for us. */
	ck_assert(!other_over);
}

/* A block changes again while its older contents are being written: who syncs then waits, and
 * writes it. */
START_TEST(test_changed_while_written)
{
	other_kind = _i;
	change(10, 0xe1, BCACHE_DATA, 1);
	disk->on_write = let_other_sync;
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_DATA), 0);
	ck_assert_uint_eq(on_disk(10), 0xe1);
	while (!other_over)
		other_goes_on();
	ck_assert_uint_eq(disk->writes_done, 2);
}
END_TEST

static void read_old(void)
{
	struct bblock *block;

	ck_assert_int_eq(bcache_get(cache, 10, &block), 0);
	ck_assert_uint_eq(block->bytes[0], 10);
	bcache_put(cache, block);
	bcache_read_ahead(cache, 11, 2);
}

/* Others read what is about to be written past the cache. */
START_TEST(test_read_while_direct)
{
	uint8_t bytes[4 * BLOCK];
	struct bblock *block;

	memset(bytes, 0xf1, sizeof(bytes));
	disk->on_write = read_old;
	ck_assert_int_eq(bcache_write_direct(cache, 10, 4, bytes, _i), 0);
	for (uint64_t i = 10; i < 14; i++) {
		ck_assert_int_eq(bcache_get(cache, i, &block), 0);
		ck_assert_uint_eq(block->bytes[0], 0xf1);
		bcache_put(cache, block);
	}
}
END_TEST

START_TEST(test_errors)
{
	struct bblock *block;

	disk->fail_after = disk->requests + 1;
	ck_assert_int_eq(bcache_get(cache, 70, &block), -EIO);
	ck_assert_int_eq(bcache_get(cache, 70, &block), 0);
	ck_assert_uint_eq(block->bytes[0], 70);
	bcache_put(cache, block);
	/* What could not be written is dirty still. */
	change(71, 0x77, BCACHE_DATA, 1);
	disk->fail_after = disk->requests + 1;
	ck_assert_int_eq(bcache_write_file(cache, BCACHE_DATA, 1), -EIO);
	ck_assert_uint_eq(on_disk(71), 71);
	ck_assert_int_eq(bcache_write_file(cache, BCACHE_DATA, 1), 0);
	ck_assert_uint_eq(on_disk(71), 0x77);
	/* One of writing for want of room is told to who writes next, once. */
	for (uint64_t i = 0; i < 128; i++)
		change(200 + i, 1, BCACHE_DATA, 1);
	disk->fail_after = disk->requests + 1;
	ck_assert_int_eq(bcache_get_new(cache, 400, &block), 0);
	bcache_put(cache, block);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_DATA), -EIO);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_DATA), 0);
}
END_TEST

START_TEST(test_no_memory)
{
	struct bcache *other = NULL;
	struct bblock *block;

	for (uint64_t n = 1; n <= 2; n++) {
		disk_allocations_left = n;
		ck_assert_int_eq(bcache_create(&disk->dev, BLOCK, MEMORY, &other), -ENOMEM);
	}
	for (uint64_t n = 1; n <= 2; n++) {
		disk_allocations_left = n;
		ck_assert_int_eq(bcache_get(cache, 80, &block), -ENOMEM);
	}
	disk_allocations_left = 0;
	ck_assert_int_eq(bcache_get(cache, 80, &block), 0);
	bcache_put(cache, block);
	ck_assert_int_eq(bcache_create(&disk->dev, 100, MEMORY, &other), -EINVAL);
}
END_TEST

START_TEST(test_read_ahead)
{
	struct bblock *block;

	change(92, 0x92, BCACHE_DATA, 1);
	bcache_read_ahead(cache, 88, 16);
	ck_assert_uint_eq(disk->reads, 2);
	for (uint64_t i = 88; i < 92; i++) {
		block = bcache_find(cache, i);
		ck_assert_ptr_nonnull(block);
		ck_assert_uint_eq(block->bytes[5], i);
		bcache_put(cache, block);
	}
	bcache_read_ahead(cache, BLOCKS - 2, 16);
	ck_assert_uint_eq(disk->reads, 3);
	/* It did not take what was changed for what is on the disk. */
	ck_assert_int_eq(bcache_get(cache, 92, &block), 0);
	ck_assert_uint_eq(block->bytes[0], 0x92);
	bcache_put(cache, block);
	/* An error is that of who reads in earnest. */
	disk->fail_after = disk->requests + 1;
	bcache_read_ahead(cache, 120, 1);
	ck_assert_ptr_null(bcache_find(cache, 120));
	ck_assert_int_eq(bcache_get(cache, 120, &block), 0);
	bcache_put(cache, block);
}
END_TEST

START_TEST(test_direct)
{
	uint8_t bytes[2 * BLOCK];

	change(130, 0x44, BCACHE_DATA, 1);
	ck_assert_int_eq(bcache_read_direct(cache, 130, 2, bytes), 0);
	ck_assert_uint_eq(bytes[0], 0x44);
	ck_assert_uint_eq(bytes[BLOCK], 131 & 0x7f);
	memset(bytes, 0x55, sizeof(bytes));
	change(131, 0x45, BCACHE_DATA, 1);
	ck_assert_int_eq(bcache_write_direct(cache, 130, 2, bytes, false), 0);
	ck_assert_int_eq(bcache_write_dirty(cache, BCACHE_DATA), 0);
	ck_assert_uint_eq(on_disk(130), 0x55);
	ck_assert_uint_eq(on_disk(131), 0x55);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("bcache");
	TCase *tests = tcase_create("bcache");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, test_contents);
	tcase_add_test(tests, test_classes);
	tcase_add_test(tests, test_neighbours);
	tcase_add_test(tests, test_held);
	tcase_add_test(tests, test_bounded);
	tcase_add_test(tests, test_forget);
	tcase_add_test(tests, test_flush);
	tcase_add_test(tests, test_written_meanwhile);
	tcase_add_loop_test(tests, test_changed_while_written, 0, 3);
	tcase_add_loop_test(tests, test_read_while_direct, 0, 2);
	tcase_add_test(tests, test_errors);
	tcase_add_test(tests, test_no_memory);
	tcase_add_test(tests, test_read_ahead);
	tcase_add_test(tests, test_direct);
	suite_add_tcase(suite, tests);
	return suite;
}
