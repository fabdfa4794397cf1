/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Logs that are not as they were written: a transaction whose commit block is damaged never
 * happened, one that was committed and cannot be read is not half replayed. What it is linked with:
 * test/host/host.mk.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fs/ext4_log.h"
#include "test/host/check_main.h"
#include "test/host/lib/fs/disk.h"
#include "test/host/lib/fs/files.h"

#define MIB   (1u << 20)
#define BLOCK 1024u
#define FOUND 64u

static const char *const formats[] = {
	" -t ext4 -b 1024 -J size=1",
	" -t ext4 -b 1024 -J size=1 -O ^metadata_csum,^64bit",
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static struct disk *disk;
/* Where descriptors and commit blocks of the log are on the disk, in its order. */
static size_t descriptors[FOUND], commits[FOUND], descriptors_count, commits_count;

/* What a cut left after three transactions, each with a file of its own. */
static void set_up(const char *format)
{
	struct disk *before = disk_make(8 * MIB, format);
	struct fs *fs = disk_mount(before, false);

	disk = disk_create(8 * MIB);
	disk_record(before);
	for (const char *const *name = (const char *const[]){"a", "b", "c", NULL}; *name; name++) {
		files_fill(fs, *name, 0, 3000, 1);
		ck_assert_int_eq(fs->ops->sync(fs), 0);
	}
	disk_cut(disk, before, before->writes_count, NULL);
	disk_unmount(fs);
	disk_destroy(before);
	descriptors_count = commits_count = 0;
	for (size_t at = 0; at < 8 * MIB; at += BLOCK) {
		const struct log_header *header = (const struct log_header *)(disk->bytes + at);

		if (log_32(header->magic) != LOG_MAGIC || log_32(header->type) > LOG_COMMIT)
			continue;
		if (log_32(header->type) == LOG_COMMIT)
			commits[commits_count++] = at;
		else
			descriptors[descriptors_count++] = at;
		ck_assert_uint_lt(commits_count + descriptors_count, FOUND);
	}
	ck_assert_uint_ge(commits_count, 3);
	ck_assert_uint_eq(descriptors_count, commits_count);
}

static void expect(const char *names)
{
	struct fs *fs = disk_mount(disk, false);

	for (char name[2] = "a"; name[0] <= 'c'; name[0]++) {
		bool there = strchr(names, name[0]) != NULL;

		ck_assert_int_eq(files_exists(fs, name), there);
		ck_assert(!there || files_filled(fs, name, 0, 3000, 1));
	}
	disk_unmount(fs);
	ck_assert_int_eq(disk_check(disk), 0);
	disk_destroy(disk);
}

START_TEST(test_whole)
{
	set_up(formats[_i]);
	expect("abc");
}
END_TEST

START_TEST(test_commit_damaged)
{
	set_up(formats[_i]);
	/* Any of its bytes where they are summed up, else what says that it is one. */
	disk->bytes[commits[commits_count - 1] + (_i ? 2 : 500)] ^= 0x40;
	expect("ab");
}
END_TEST

/* The blocks of the last one are there, but for its commit. */
START_TEST(test_commit_missing)
{
	set_up(formats[_i]);
	memset(disk->bytes + commits[commits_count - 1], 0, BLOCK);
	expect("ab");
}
END_TEST

/* A commit block that was one of a former round of the log. */
START_TEST(test_commit_old)
{
	struct log_header *header;

	set_up(formats[_i]);
	header = (struct log_header *)(disk->bytes + commits[commits_count - 2]);
	header->sequence = log_32(log_32(header->sequence) - 100);
	expect("a");
}
END_TEST

/* A block of a transaction that was committed: nothing of it is written, nor of what follows. */
START_TEST(test_copy_damaged)
{
	const char *why = "";
	struct fs *fs;

	set_up(formats[0]);
	disk->bytes[descriptors[descriptors_count - 2] + BLOCK + 77] ^= 1;
	ck_assert_int_eq(disk_try_mount(disk, "", false, &fs, &why), -EIO);
	ck_assert_str_ne(why, "");
	ck_assert_uint_eq(disk->writes_done, 0);
	ck_assert_uint_eq(disk_blocks_in_use, 0);
	disk_destroy(disk);
}
END_TEST

START_TEST(test_descriptor_damaged)
{
	const char *why = "";
	struct fs *fs;

	set_up(formats[0]);
	disk->bytes[descriptors[descriptors_count - 2] + 14] ^= 1;
	ck_assert_int_eq(disk_try_mount(disk, "", false, &fs, &why), -EIO);
	ck_assert_uint_eq(disk->writes_done, 0);
	disk_destroy(disk);
}
END_TEST

/* A descriptor without a checksum that names a block beyond the end: no transaction is there. */
START_TEST(test_tag_beyond)
{
	set_up(formats[1]);
	disk->bytes[descriptors[descriptors_count - 1] + sizeof(struct log_header)] = 0x7f;
	expect("ab");
}
END_TEST

/* The same, of its last block: the others are not written either. */
START_TEST(test_tag_beyond_last)
{
	struct log_tag tag;
	size_t at;

	set_up(formats[1]);
	at = descriptors[descriptors_count - 1] + sizeof(struct log_header);
	for (;; at += 8 + (log_16(tag.flags) & LOG_TAG_SAME_UUID ? 0 : LOG_UUID_BYTES)) {
		memcpy(&tag, disk->bytes + at, 8);
		if (log_16(tag.flags) & LOG_TAG_LAST)
			break;
	}
	disk->bytes[at] = 0x7f;
	expect("ab");
}
END_TEST

/* What is left of transactions behind one that does not count is not taken for the continuation of
 * what is written next, however long that is. */
START_TEST(test_leftovers)
{
	for (unsigned int more = 0; more < 40; more++) {
		struct disk *again = disk_create(8 * MIB);
		struct fs *fs;

		set_up(formats[_i]);
		memset(disk->bytes + commits[0], 0, BLOCK);
		fs = disk_mount(disk, false);
		disk_record(disk);
		for (unsigned int i = 0; i < more; i++) {
			char name[8];

			snprintf(name, sizeof(name), "m%u", i);
			files_mkdir(fs, name);
		}
		files_fill(fs, "a", 0, 3000, 1);
		ck_assert_int_eq(fs->ops->sync(fs), 0);
		disk_cut(again, disk, disk->writes_count, NULL);
		disk_unmount(fs);
		disk_destroy(disk);
		disk = again;
		expect("a");
	}
}
END_TEST

/* The place of the log's last block on the disk. */
static size_t last_of_log(void)
{
	char *list = disk_debugfs(disk, "blocks <8>"), *at = strchr(list, '\n');
	size_t last = 0;

	for (; at[2]; at = strchr(at + 1, ' '))
		last = strtoul(at, NULL, 10);
	free(list);
	ck_assert_uint_gt(last, MIB / BLOCK);
	return last * BLOCK;
}

/* As after a cut now. */
static void look_at_copy(struct disk *cut, const char *name, bool there)
{
	struct fs *fs;

	memcpy(cut->bytes, disk->bytes, 8 * MIB);
	fs = disk_mount(cut, false);
	ck_assert_int_eq(files_exists(fs, name), there);
	disk_unmount(fs);
	ck_assert_int_eq(disk_check(cut), 0);
}

/* Transactions until the log has come around some times, and commit blocks were its last one. */
START_TEST(test_wrap)
{
	unsigned int wraps = 0, ends = 0;
	uint8_t before[BLOCK], *last;
	struct disk *cut = disk_create(8 * MIB);
	struct fs *fs;

	disk = disk_make(8 * MIB, formats[_i]);
	last = disk->bytes + last_of_log();
	fs = disk_mount(disk, false);
	while (wraps < 40 || ends < 3) {
		const struct log_header *header = (const struct log_header *)last;
		char name[8];

		memcpy(before, last, BLOCK);
		for (uint64_t i = test_random() % 3 + 1; i; i--) {
			snprintf(name, sizeof(name), "d%u", (unsigned int)test_random() % 400);
			if (files_exists(fs, name))
				files_rmdir(fs, name);
			else
				files_mkdir(fs, name);
		}
		ck_assert_int_eq(fs->ops->sync(fs), 0);
		if (memcmp(last, before, BLOCK) == 0)
			continue;
		wraps++;
		ends += log_32(header->magic) == LOG_MAGIC && log_32(header->type) == LOG_COMMIT;
		look_at_copy(cut, name, files_exists(fs, name));
		if (wraps % 2)
			files_mkdir(fs, "after");
		else
			files_rmdir(fs, "after");
		ck_assert_int_eq(fs->ops->sync(fs), 0);
		look_at_copy(cut, "after", wraps % 2);
	}
	disk_unmount(fs);
	disk_destroy(disk);
	disk_destroy(cut);
}
END_TEST

/* The Nth request of a mount that replays fails, alone or with all that follow: the next one has
 * everything. */
START_TEST(test_io_errors)
{
	uint64_t n = 0;
	bool failed = true;
	uint8_t *before;

	set_up(formats[_i]);
	before = malloc(8 * MIB);
	memcpy(before, disk->bytes, 8 * MIB);
	while (failed) {
		const char *why = "";
		struct fs *fs;
		int error;

		n++;
		memcpy(disk->bytes, before, 8 * MIB);
		disk->requests = 0;
		disk->fail_after = n / 2 + 1;
		disk->fail_on = n % 2;
		error = disk_try_mount(disk, "", false, &fs, &why);
		failed = disk->requests >= disk->fail_after;
		ck_assert_int_eq(error != 0, failed);
		disk->fail_after = 0;
		if (error) {
			ck_assert_int_eq(error, -EIO);
			ck_assert_uint_eq(disk_blocks_in_use, 0);
			fs = disk_mount(disk, false);
		}
		for (char name[2] = "a"; name[0] <= 'c'; name[0]++)
			ck_assert(files_filled(fs, name, 0, 3000, 1));
		disk_unmount(fs);
		ck_assert_int_eq(disk_check(disk), 0);
	}
	printf("format %d: %llu failed requests of a replay\n", _i, (unsigned long long)n - 1);
	ck_assert_uint_gt(n, 20);
	free(before);
	disk_destroy(disk);
}
END_TEST

/* To be read only: the disk stays as it is, and shows all. */
START_TEST(test_read_only)
{
	struct fs *fs;

	set_up(formats[_i]);
	fs = disk_mount(disk, true);
	ck_assert(files_filled(fs, "a", 0, 3000, 1));
	ck_assert(files_filled(fs, "c", 0, 3000, 1));
	disk_unmount(fs);
	ck_assert_uint_eq(disk->writes_done, 0);
	expect("abc");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("ext4_replay");
	TCase *tests = tcase_create("ext4_replay");

	tcase_set_timeout(tests, 300);
	tcase_add_loop_test(tests, test_whole, 0, (int)FORMATS);
	tcase_add_loop_test(tests, test_commit_damaged, 0, (int)FORMATS);
	tcase_add_loop_test(tests, test_commit_missing, 0, (int)FORMATS);
	tcase_add_loop_test(tests, test_commit_old, 0, (int)FORMATS);
	tcase_add_test(tests, test_copy_damaged);
	tcase_add_test(tests, test_descriptor_damaged);
	tcase_add_test(tests, test_tag_beyond);
	tcase_add_test(tests, test_tag_beyond_last);
	tcase_add_loop_test(tests, test_leftovers, 0, (int)FORMATS);
	tcase_add_loop_test(tests, test_wrap, 0, (int)FORMATS);
	tcase_add_loop_test(tests, test_io_errors, 0, (int)FORMATS);
	tcase_add_loop_test(tests, test_read_only, 0, (int)FORMATS);
	suite_add_tcase(suite, tests);
	return suite;
}
