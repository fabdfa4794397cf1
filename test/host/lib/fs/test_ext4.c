/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ext2/3/4 file system against the machine's own mke2fs, e2fsck and debugfs.
 * What it is linked with: test/host/host.mk.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/host/check_main.h"
#include "test/host/lib/fs/disk.h"
#include "test/host/lib/fs/files.h"

#define MIB (1u << 20)

static const char *const formats[] = {
	" -t ext4 -b 4096",
	" -t ext4 -b 1024",
	" -t ext4 -b 2048 -O ^metadata_csum",
	" -t ext4 -b 4096 -O ^64bit,^metadata_csum,^flex_bg -I 128",
	" -t ext4 -b 1024 -O ^has_journal",
	" -t ext3 -b 1024",
	" -t ext3 -b 4096",
	" -t ext2 -b 1024",
	" -t ext2 -b 4096 -O ^dir_index",
	" -t ext4 -b 1024 -O meta_bg,^resize_inode",
	" -t ext4 -b 4096 -O metadata_csum_seed,^dir_index",
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/* Something of everything, written, checked, partly removed. */
START_TEST(test_everything)
{
	struct disk *disk = disk_make(24 * MIB, formats[_i]);
	struct fs *fs = disk_mount(disk, false);

	files_mkdir(fs, "dir");
	files_mkdir(fs, "dir/sub");
	files_write(fs, "dir/small", 0, "hello", 5);
	files_fill(fs, "dir/large", 0, 3 * MIB, 1);
	files_fill(fs, "dir/sparse", 100 * MIB, 5000, 2);
	files_link(fs, "dir/small", "dir/sub/linked");
	files_symlink(fs, "short target", "dir/fast");
	files_symlink(fs,
		      "a target that does not fit into the sixty bytes an inode has for it, so it "
		      "takes a block",
		      "dir/slow");
	files_rename(fs, "dir/large", "dir/sub/moved");
	files_mkdir(fs, "parent");
	files_mkdir(fs, "dir/child");
	files_rename(fs, "dir/child", "parent/child");
	files_write(fs, "gone", 0, "x", 1);
	files_unlink(fs, "gone");
	files_resize(fs, "dir/sub/moved", MIB + 17);
	files_resize(fs, "dir/sub/moved", 2 * MIB);
	disk_unmount(fs);
	ck_assert_int_eq(disk_check(disk), 0);

	fs = disk_mount(disk, false);
	ck_assert(files_same(fs, "dir/small", 0, "hello", 5));
	ck_assert(files_same(fs, "dir/sub/linked", 0, "hello", 5));
	ck_assert(files_filled(fs, "dir/sub/moved", 0, MIB + 17, 1));
	ck_assert(files_zeros(fs, "dir/sub/moved", MIB + 17, MIB - 17));
	ck_assert(files_zeros(fs, "dir/sparse", 50 * MIB, MIB));
	ck_assert(files_filled(fs, "dir/sparse", 100 * MIB, 5000, 2));
	ck_assert_str_eq(files_readlink(fs, "dir/fast"), "short target");
	ck_assert_int_eq(strlen(files_readlink(fs, "dir/slow")), 88);
	ck_assert_int_eq(files_try_rmdir(fs, "dir"), -ENOTEMPTY);
	files_unlink(fs, "dir/sub/linked");
	files_unlink(fs, "dir/sub/moved");
	files_rmdir(fs, "dir/sub");
	files_unlink(fs, "dir/sparse");
	disk_unmount(fs);
	ck_assert_int_eq(disk_check(disk), 0);
	ck_assert_uint_eq(disk_blocks_in_use, 0);
	disk_destroy(disk);
}
END_TEST

/* A directory that grows from one block to an index of two levels, and shrinks again. */
START_TEST(test_large_directory)
{
	struct disk *disk = disk_make(48 * MIB, " -t ext4 -b 1024 -N 20000");
	struct fs *fs = disk_mount(disk, false);
	char name[64];

	files_mkdir(fs, "d");
	for (int i = 0; i < 12000; i++) {
		snprintf(name, sizeof(name), "d/a-name-of-some-length-%d", i);
		files_write(fs, name, 0, "", 0);
	}
	ck_assert_int_eq(files_count(fs, "d"), 12000);
	disk_unmount(fs);
	ck_assert_int_eq(disk_check(disk), 0);
	fs = disk_mount(disk, false);
	ck_assert_int_eq(files_count(fs, "d"), 12000);
	for (int i = 0; i < 12000; i += 1 + i % 3) {
		snprintf(name, sizeof(name), "d/a-name-of-some-length-%d", i);
		if (files_exists(fs, name))
			files_unlink(fs, name);
		ck_assert(!files_exists(fs, name));
	}
	disk_unmount(fs);
	ck_assert_int_eq(disk_check(disk), 0);
	disk_destroy(disk);
}
END_TEST

START_TEST(test_full)
{
	struct disk *disk = disk_make(8 * MIB, formats[_i]);
	struct fs *fs = disk_mount(disk, false);
	struct fs_info before, after;

	fs->ops->info(fs, &before);
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(files_try_fill(fs, "big", 0, 16 * MIB, 3), -ENOSPC);
		fs->ops->info(fs, &after);
		ck_assert_uint_lt(after.blocks_free, 3);
		ck_assert_int_eq(files_try_write(fs, "more", 0, "more", 4), -ENOSPC);
		if (files_exists(fs, "more"))
			files_unlink(fs, "more");
		files_unlink(fs, "big");
		fs->ops->info(fs, &after);
		ck_assert_uint_eq(after.blocks_free, before.blocks_free);
	}
	disk_unmount(fs);
	ck_assert_int_eq(disk_check(disk), 0);
	disk_destroy(disk);
}
END_TEST

/* What debugfs sees is what was written, and the other way round. */
START_TEST(test_debugfs)
{
	struct disk *disk = disk_make(8 * MIB, " -t ext4");
	struct fs *fs = disk_mount(disk, false);
	char *output;

	files_write(fs, "file", 0, "what debugfs sees\n", 18);
	disk_unmount(fs);
	output = disk_debugfs(disk, "cat /file");
	ck_assert_ptr_nonnull(strstr(output, "what debugfs sees\n"));
	free(output);
	output = disk_debugfs(disk, "stat /file");
	ck_assert_ptr_nonnull(strstr(output, "Type: regular"));
	ck_assert_ptr_nonnull(strstr(output, "Size: 18"));
	ck_assert_ptr_nonnull(strstr(output, "EXTENTS:"));
	free(output);
	disk_destroy(disk);
}
END_TEST

/* Files in use without a name: gone at unmount, gone after a power cut. */
START_TEST(test_orphans)
{
	struct disk *disk = disk_make(8 * MIB, formats[_i]), *cut = disk_create(8 * MIB);
	struct fs *fs = disk_mount(disk, false);
	struct fs_info before, after;
	struct node *nodes[5];

	fs->ops->info(fs, &before);
	disk_record(disk);
	for (int i = 0; i < 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		files_fill(fs, name, 0, 50000, 4);
		nodes[i] = files_node(fs, name);
		files_unlink(fs, name);
	}
	ck_assert(files_node_filled(nodes[2], 0, 50000, 4));
	ck_assert_int_eq(fs->ops->sync(fs), 0);
	disk_cut(cut, disk, disk->writes_count, NULL);
	node_put(nodes[3]);
	node_put(nodes[0]);
	node_put(nodes[4]);
	node_put(nodes[1]);
	node_put(nodes[2]);
	fs->ops->info(fs, &after);
	ck_assert_uint_eq(after.blocks_free, before.blocks_free);
	ck_assert_uint_eq(after.nodes_free, before.nodes_free);
	disk_unmount(fs);
	ck_assert_int_eq(disk_check(disk), 0);
	fs = disk_mount(cut, false);
	fs->ops->info(fs, &after);
	ck_assert_uint_eq(after.blocks_free, before.blocks_free);
	ck_assert_uint_eq(after.nodes_free, before.nodes_free);
	disk_unmount(fs);
	ck_assert_int_eq(disk_check(cut), 0);
	disk_destroy(disk);
	disk_destroy(cut);
}
END_TEST

START_TEST(test_allocate)
{
	struct disk *disk = disk_make(16 * MIB, " -t ext4 -b 1024");
	struct fs *fs = disk_mount(disk, false);
	struct node *node;

	files_write(fs, "f", 0, "", 0);
	node = files_node(fs, "f");
	ck_assert_int_eq(node->ops->allocate(node, 0, 3 * MIB, 0), 0);
	ck_assert(files_zeros(fs, "f", 0, 3 * MIB));
	files_fill(fs, "f", 777777, 100000, 5);
	ck_assert(files_zeros(fs, "f", 0, 777777));
	ck_assert(files_filled(fs, "f", 777777, 100000, 5));
	ck_assert(files_zeros(fs, "f", 877777, 100000));
	ck_assert_int_eq(node->ops->allocate(node, 800000, 50000, NODE_PUNCH_HOLE | NODE_KEEP_SIZE),
			 0);
	ck_assert(files_filled(fs, "f", 777777, 800000 - 777777, 5));
	ck_assert(files_zeros(fs, "f", 800000, 50000));
	ck_assert(files_filled_from(fs, "f", 850000, 27777, 5, 777777));
	ck_assert_int_eq(node->ops->allocate(node, 4 * MIB, MIB, NODE_KEEP_SIZE), 0);
	node_put(node);
	disk_unmount(fs);
	ck_assert_int_eq(disk_check(disk), 0);
	disk_destroy(disk);
}
END_TEST

static bool is_on(const struct disk *disk, const char *text)
{
	return memmem(disk->bytes, disk->sectors * DISK_SECTOR, text, strlen(text));
}

static uint64_t nothing_arrives(void)
{
	return 0;
}

/* A sync writes what is its file's, and a commit of others what new blocks hold; all the rest stays
 * in memory. */
START_TEST(test_sync_one)
{
	struct disk *disk = disk_make(16 * MIB, formats[_i]), *cut = disk_create(16 * MIB);
	struct fs *fs = disk_mount(disk, false);
	struct node *node;

	files_fill(fs, "a", 0, 9000, 1);
	files_fill(fs, "b", 0, 9000, 2);
	ck_assert_int_eq(fs->ops->sync(fs), 0);
	files_write(fs, "a", 4000, "contents-of-a", 13);
	files_write(fs, "b", 4000, "contents-of-b", 13);
	files_write(fs, "c", 0, "contents-of-c", 13);
	ck_assert_int_eq(files_try_sync(fs, "a"), 0);
	ck_assert(is_on(disk, "contents-of-a"));
	ck_assert(!is_on(disk, "contents-of-b"));
	ck_assert(is_on(disk, "contents-of-c"));
	ck_assert_int_eq(files_try_sync(fs, "b"), 0);
	ck_assert(is_on(disk, "contents-of-b"));
	/* A sync with nothing to write but its data flushes, too. */
	disk_record(disk);
	files_write(fs, "b", 4000, "contents-of-d", 13);
	ck_assert_int_eq(files_try_sync(fs, "b"), 0);
	ck_assert_uint_gt(disk->writes_count, 0);
	ck_assert(disk->writes[disk->writes_count - 1].flush);
	disk_cut(cut, disk, disk->writes_count, NULL);
	ck_assert(is_on(cut, "contents-of-d"));
	/* So does one of the data alone, which needs no commit. */
	node = files_node(fs, "b");
	files_write(fs, "b", 4000, "contents-of-f", 13);
	ck_assert_int_eq(node->ops->sync(node, true), 0);
	node_put(node);
	ck_assert(disk->writes[disk->writes_count - 1].flush);
	disk_cut(cut, disk, disk->writes_count, nothing_arrives);
	ck_assert(is_on(cut, "contents-of-f"));
	/* At the end everything is written. */
	files_write(fs, "a", 4000, "contents-of-e", 13);
	disk_unmount(fs);
	ck_assert(is_on(disk, "contents-of-e"));
	disk_destroy(disk);
	disk_destroy(cut);
}
END_TEST

/* A sync of the directory, also of its data alone, makes all names safe that it has lost or got. */
START_TEST(test_sync_names)
{
	for (int what = 0; what < 6; what++) {
		struct disk *disk = disk_make(16 * MIB, formats[_i]), *cut = disk_create(16 * MIB);
		struct fs *fs = disk_mount(disk, false);

		files_mkdir(fs, "empty");
		files_fill(fs, "old", 0, 100, 1);
		files_fill(fs, "other", 0, 100, 2);
		ck_assert_int_eq(fs->ops->sync(fs), 0);
		disk_record(disk);
		if (what == 0)
			files_unlink(fs, "old");
		else if (what == 1)
			files_rename(fs, "old", "other");
		else if (what == 2)
			files_link(fs, "old", "new");
		else if (what == 3)
			files_symlink(fs, "old", "new");
		else if (what == 4)
			files_mkdir(fs, "new");
		else
			files_rmdir(fs, "empty");
		ck_assert_int_eq(fs->root->ops->sync(fs->root, what % 2 == 0), 0);
		disk_cut(cut, disk, disk->writes_count, nothing_arrives);
		disk_unmount(fs);
		fs = disk_mount(cut, false);
		ck_assert_int_eq(files_exists(fs, "old"), what > 1);
		ck_assert_int_eq(files_exists(fs, "new"), what > 1 && what < 5);
		ck_assert_int_eq(files_exists(fs, "empty"), what != 5);
		ck_assert(files_filled(fs, "other", 0, 100, what == 1 ? 1 : 2));
		disk_unmount(fs);
		ck_assert_int_eq(disk_check(cut), 0);
		disk_destroy(disk);
		disk_destroy(cut);
	}
}
END_TEST

/* A file that was cut and grows again: the commit of its size, whoever asked for it, comes when
 * what lies between is zeros on the disk. So does that of a new end within a block. */
START_TEST(test_grown_again)
{
	struct disk *disk = disk_make(16 * MIB, formats[_i]), *cut = disk_create(16 * MIB);
	struct fs *fs = disk_mount(disk, false);

	files_fill(fs, "f", 0, 1000, 1);
	files_fill(fs, "g", 0, 1000, 2);
	files_write(fs, "other", 0, "x", 1);
	files_resize(fs, "f", 300);
	files_resize(fs, "g", 300);
	ck_assert_int_eq(fs->ops->sync(fs), 0);
	files_resize(fs, "f", 900);
	files_write(fs, "g", 300, "0123456789", 10);
	disk_record(disk);
	files_write(fs, "other", 5000, "x", 1);
	ck_assert_int_eq(files_try_sync(fs, "other"), 0);
	disk_cut(cut, disk, disk->writes_count, NULL);
	disk_unmount(fs);
	fs = disk_mount(cut, false);
	ck_assert_uint_eq(files_size(fs, "f"), 900);
	ck_assert(files_filled(fs, "f", 0, 300, 1));
	ck_assert(files_zeros(fs, "f", 300, 600));
	ck_assert_uint_eq(files_size(fs, "g"), 310);
	ck_assert(files_same(fs, "g", 300, "0123456789", 10));
	disk_unmount(fs);
	disk_destroy(disk);
	disk_destroy(cut);
}
END_TEST

/* A new block shows zeros where nothing was written to it. */
START_TEST(test_new_block)
{
	struct disk *disk = disk_make(16 * MIB, formats[_i]);
	struct fs *fs = disk_mount(disk, false);

	files_fill(fs, "before", 0, 60000, 1);
	ck_assert_int_eq(fs->ops->sync(fs), 0);
	files_unlink(fs, "before");
	ck_assert_int_eq(fs->ops->sync(fs), 0);
	files_write(fs, "f", 700, "x", 1);
	files_write(fs, "f", 50000, "y", 1);
	files_resize(fs, "f", 51000);
	ck_assert(files_zeros(fs, "f", 0, 700));
	ck_assert(files_same(fs, "f", 700, "x", 1));
	ck_assert(files_zeros(fs, "f", 701, 49299));
	ck_assert(files_zeros(fs, "f", 50001, 999));
	disk_unmount(fs);
	disk_destroy(disk);
}
END_TEST

/* Files are cut one after the other, until a commit comes between a file's new end and the loss of
 * its blocks: the next mount goes on with it. */
START_TEST(test_cut_short)
{
	struct disk *disk = disk_make(16 * MIB, " -t ext4 -b 1024 -N 4096 -J size=1");
	struct disk *cut = disk_create(16 * MIB);
	struct fs *fs = disk_mount(disk, false);
	unsigned int looked = 0;
	char name[16];

	for (int i = 0; i < 1200; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		files_fill(fs, name, 0, 3000, 1);
	}
	ck_assert_int_eq(fs->ops->sync(fs), 0);
	disk_record(disk);
	for (int i = 0; i < 1200; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		files_resize(fs, name, 100);
	}
	disk_unmount(fs);
	for (size_t i = 1; i < disk->writes_count; i++) {
		if (!disk->writes[i].flush)
			continue;
		disk_cut(cut, disk, i + 1, NULL);
		disk_unmount(disk_mount(cut, false));
		ck_assert_int_eq(disk_check(cut), 0);
		looked++;
	}
	ck_assert_uint_gt(looked, 3);
	disk_destroy(disk);
	disk_destroy(cut);
}
END_TEST

/* A file whose block map is damaged cannot be deleted: an orphan until e2fsck mends it, while
 * others come and go. */
START_TEST(test_not_deleted)
{
	struct disk *disk = disk_make(8 * MIB, " -t ext4 -b 1024 -O ^metadata_csum");
	struct fs *fs = disk_mount(disk, false);
	const char *why = "";

	for (uint64_t i = 0; i < 40; i++)
		files_write(fs, "damaged", i * 3000, "x", 1);
	files_write(fs, "other", 0, "x", 1);
	disk_unmount(fs);
	for (size_t at = 2048; at < 8 * MIB; at += 1024)
		if (disk->bytes[at] == 0x0a && disk->bytes[at + 1] == 0xf3)
			memset(disk->bytes + at, 0, 1024);
	ck_assert_int_eq(disk_try_mount(disk, "errors=continue", false, &fs, &why), 0);
	(void)files_try_unlink(fs, "damaged");
	ck_assert_int_eq(fs->ops->sync(fs), 0);
	ck_assert(!files_exists(fs, "damaged"));
	files_unlink(fs, "other");
	files_write(fs, "third", 0, "x", 1);
	ck_assert_int_eq(fs->ops->sync(fs), 0);
	files_unlink(fs, "third");
	(void)fs->ops->unmount(fs);
	ck_assert_uint_eq(disk_blocks_in_use, 0);
	ck_assert_int_le(disk_fsck(disk, "-fy"), 1);
	ck_assert_int_eq(disk_check(disk), 0);
	disk_destroy(disk);
}
END_TEST

static struct fs *meanwhile_fs;

static void write_new(void)
{
	files_fill(meanwhile_fs, "new", 0, 50000, 2);
}

/* While a commit that frees blocks is on its way, nobody else gets them. */
START_TEST(test_freed_wait)
{
	struct disk *disk = disk_make(16 * MIB, formats[_i]);
	struct fs *fs = disk_mount(disk, false);
	char *old, *fresh;

	files_fill(fs, "old", 0, 50000, 1);
	disk_unmount(fs);
	old = disk_debugfs(disk, "blocks old");
	ck_assert_ptr_nonnull(strchr(old, ' '));
	meanwhile_fs = fs = disk_mount(disk, false);
	files_unlink(fs, "old");
	disk->on_flush = write_new;
	ck_assert_int_eq(fs->ops->sync(fs), 0);
	ck_assert(files_filled(fs, "new", 0, 50000, 2));
	disk_unmount(fs);
	fresh = disk_debugfs(disk, "blocks new");
	/* Their second lines have the numbers. */
	for (const char *at = strchr(fresh, '\n'); at[2]; at = strchr(at + 1, ' '))
		for (const char *other = strchr(old, '\n'); other[2];
		     other = strchr(other + 1, ' '))
			ck_assert_uint_ne(strtoul(at, NULL, 10), strtoul(other, NULL, 10));
	free(old);
	free(fresh);
	disk_destroy(disk);
}
END_TEST

/* Whatever fails, the rest goes on. */
static void do_things(struct fs *fs)
{
	(void)files_try_mkdir(fs, "dir");
	(void)files_try_fill(fs, "dir/a", 0, 40000, 1);
	(void)files_try_sync(fs, "dir/a");
	(void)files_try_fill(fs, "b", 0, 100000, 2);
	(void)files_try_rename(fs, "b", "dir/c");
	(void)files_try_resize(fs, "dir/c", 1000);
	(void)fs->ops->sync(fs);
	(void)files_try_unlink(fs, "dir/a");
	(void)files_try_unlink(fs, "dir/c");
}

/* The Nth request of the disk fails: errors to the caller, and nothing worse on the disk than what
 * the next mount mends. */
START_TEST(test_io_errors)
{
	struct disk *good = disk_make(16 * MIB, formats[_i]), *disk = disk_create(16 * MIB);
	uint64_t n = 0;
	bool failed = true;

	while (failed) {
		const char *why = "";
		struct fs *fs = NULL;

		n++;
		memcpy(disk->bytes, good->bytes, 16 * MIB);
		disk->requests = 0;
		disk->fail_after = n;
		disk->fail_on = n % 2;
		if (disk_try_mount(disk, "errors=continue", false, &fs, &why) == 0) {
			do_things(fs);
			(void)fs->ops->unmount(fs);
		}
		failed = disk->requests >= n;
		disk->fail_after = 0;
		ck_assert_uint_eq(disk_blocks_in_use, 0);
		fs = disk_mount(disk, false);
		if (files_walk(fs) != 0)
			ck_abort_msg("request %llu failed: %s", (unsigned long long)n,
				     disk_log_line);
		disk_unmount(fs);
		if (n % 8 == 0)
			ck_assert_int_eq(disk_check(disk), 0);
	}
	printf("format %d: %llu failed requests\n", _i, (unsigned long long)n - 1);
	ck_assert_uint_gt(n, 20);
	disk_destroy(good);
	disk_destroy(disk);
}
END_TEST

/* The Nth allocation fails, libext2fs's included: errors to the caller, nothing leaks, and nothing
 * worse on the disk than what the next mount mends. */
START_TEST(test_no_memory)
{
	struct disk *good = disk_make(16 * MIB, formats[_i]), *disk = disk_create(16 * MIB);
	uint64_t n = 0, step = 1;
	bool failed = true;

	while (failed) {
		const char *why = "";
		struct fs *fs = NULL;

		n += step;
		memcpy(disk->bytes, good->bytes, 16 * MIB);
		disk_allocations = 0;
		disk_allocations_left = n;
		if (disk_try_mount(disk, "errors=continue", false, &fs, &why) == 0) {
			do_things(fs);
			(void)fs->ops->unmount(fs);
		}
		failed = disk_allocations >= n;
		disk_allocations_left = 0;
		ck_assert_uint_eq(disk_blocks_in_use, 0);
		fs = disk_mount(disk, false);
		if (files_walk(fs) != 0)
			ck_abort_msg("allocation %llu failed: %s", (unsigned long long)n,
				     disk_log_line);
		disk_unmount(fs);
		if (n % 64 == 0)
			ck_assert_int_eq(disk_check(disk), 0);
	}
	printf("format %d: %llu failed allocations\n", _i, (unsigned long long)(n - 1));
	ck_assert_uint_gt(n, 20);
	disk_destroy(good);
	disk_destroy(disk);
}
END_TEST

/* The superblock's second sector, with the sum, never changes: half of its write is none at all. */
START_TEST(test_super_halves)
{
	struct disk *disk = disk_make(16 * MIB, formats[_i]);
	const size_t second = 3 * DISK_SECTOR;
	unsigned int seen = 0;
	struct fs *fs;

	disk_record(disk);
	fs = disk_mount(disk, false);
	do_things(fs);
	disk_unmount(fs);
	for (size_t i = 0; i < disk->writes_count; i++) {
		const struct disk_write *write = &disk->writes[i];

		if (write->flush || write->sector > 3 || write->sector + write->sectors <= 3)
			continue;
		ck_assert_mem_eq(write->bytes + (3 - write->sector) * DISK_SECTOR,
				 disk->base + second, DISK_SECTOR);
		seen++;
	}
	ck_assert_uint_gt(seen, 2);
	ck_assert_int_eq(disk_check(disk), 0);
	disk_destroy(disk);
}
END_TEST

/* What is not the file system named, or has features not known: an error, a reason, nothing
 * written. */
START_TEST(test_refused)
{
	static const char *const refused[] = {
		" -t ext4 -O inline_data", " -t ext4 -O bigalloc", " -t ext4 -O mmp",
		" -t ext4 -O quota",       " -t ext4 -O casefold", " -t ext4 -O encrypt",
	};
	struct fs *fs;
	const char *why;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct disk *disk = disk_make(8 * MIB, refused[i]);

		why = "";
		ck_assert_int_eq(disk_try_mount(disk, "", false, &fs, &why), -EOPNOTSUPP);
		ck_assert_ptr_nonnull(strstr(why, strrchr(refused[i], ' ') + 1));
		ck_assert_uint_eq(disk->writes_done, 0);
		disk_destroy(disk);
	}
	for (int i = 0; i < 2; i++) {
		struct disk *disk = disk_make(8 * MIB, formats[0]);

		memset(disk->bytes + 1024, i ? 0x5a : 0, i ? 100 : 1024);
		why = "";
		ck_assert_int_eq(disk_try_mount(disk, "", false, &fs, &why), -EINVAL);
		ck_assert_str_ne(why, "");
		ck_assert_uint_eq(disk->writes_done, 0);
		disk_destroy(disk);
	}
}
END_TEST

/* Its root is a file: refused, and nothing of it stays in memory. */
START_TEST(test_root_no_directory)
{
	struct disk *disk = disk_make(8 * MIB, " -t ext2 -b 1024");
	const uint16_t is = NODE_DIRECTORY | 0755, becomes = NODE_FILE | 0755;
	const char *why = "";
	struct fs *fs;
	size_t at = 2048;

	while (at < 8 * MIB && memcmp(disk->bytes + at, &is, sizeof(is)) != 0)
		at += 128;
	ck_assert_uint_lt(at, 8 * MIB);
	memcpy(disk->bytes + at, &becomes, sizeof(becomes));
	ck_assert_int_eq(disk_try_mount(disk, "", true, &fs, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "root"));
	ck_assert_uint_eq(disk_blocks_in_use, 0);
	ck_assert_uint_eq(disk->writes_done, 0);
	disk_destroy(disk);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("ext4");
	TCase *tests = tcase_create("ext4");

	tcase_set_timeout(tests, 300);
	tcase_add_loop_test(tests, test_everything, 0, (int)FORMATS);
	tcase_add_test(tests, test_large_directory);
	tcase_add_loop_test(tests, test_full, 0, (int)FORMATS);
	tcase_add_test(tests, test_debugfs);
	tcase_add_loop_test(tests, test_orphans, 0, 4);
	tcase_add_test(tests, test_allocate);
	tcase_add_loop_test(tests, test_sync_one, 0, 4);
	tcase_add_loop_test(tests, test_sync_names, 0, (int)FORMATS);
	tcase_add_loop_test(tests, test_grown_again, 0, 4);
	tcase_add_loop_test(tests, test_io_errors, 0, 4); /* those with a journal */
	tcase_add_loop_test(tests, test_no_memory, 0, 4); /* those with a journal */
	tcase_add_loop_test(tests, test_new_block, 0, (int)FORMATS);
	tcase_add_test(tests, test_cut_short);
	tcase_add_test(tests, test_not_deleted);
	tcase_add_loop_test(tests, test_freed_wait, 0, 4);
	tcase_add_loop_test(tests, test_super_halves, 0, 2); /* those with sums */
	tcase_add_test(tests, test_refused);
	tcase_add_test(tests, test_root_no_directory);
	suite_add_tcase(suite, tests);
	return suite;
}
