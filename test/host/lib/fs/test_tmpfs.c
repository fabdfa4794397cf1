/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files in memory, against a model of an array, without memory, and to the last page given back.
 *
 * Links: lib/fs/tmpfs.c lib/fs/tmpfs_data.c lib/base/parse.c core/sleeplock.c
 * Links: core/vm.c core/pool.c core/page.c
 * Links: test/host/fake_memory.c test/host/fake_pt.c test/host/fake_core.c
 * Links: test/host/fake_spinlock.c test/host/fake_random.c
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/heap.h"
#include "core/page.h"
#include "core/time.h"
#include "lib/fs/tmpfs.h"
#include "test/host/check_main.h"
#include "test/host/fake_memory.h"
#include "test/host/fake_pt.h"

#define MODEL_BYTES 300000u

static uint64_t now_ns = 1000;
static long blocks, allocations_left = -1;

uint64_t time_wall_ns(void)
{
	return ++now_ns;
}

static void *give(void *block)
{
	blocks += block != NULL;
	return block;
}

static bool fails(void)
{
	if (allocations_left == 0)
		return true;
	allocations_left -= allocations_left > 0;
	return false;
}

void *heap_alloc(size_t bytes)
{
	return fails() ? NULL : give(malloc(bytes));
}

void *heap_alloc_zeroed(size_t bytes)
{
	return fails() ? NULL : give(calloc(1, bytes));
}

void heap_free(void *block)
{
	blocks -= block != NULL;
	free(block);
}

bool core_page_reclaim(void)
{
	return false;
}

static struct fs *mount_with(const char *options)
{
	const char *why;
	struct fs *fs = NULL;

	ck_assert_int_eq(tmpfs_type.mount(NULL, options, false, &fs, &why), 0);
	return fs;
}

static struct node *create(struct node *directory, const char *name, uint32_t mode)
{
	struct node_new what = {.mode = mode, .target = "target", .target_bytes = 6};
	struct node *node = NULL;

	if (directory->ops->create(directory, name, strlen(name), &what, &node))
		return NULL;
	return node;
}

static int unlink_name(struct node *directory, const char *name)
{
	struct node *node;
	int result = directory->ops->lookup(directory, name, strlen(name), &node);

	if (result)
		return result;
	result = directory->ops->unlink(directory, name, strlen(name), node);
	node_put(node);
	return result;
}

static struct node_info info_of(struct node *node)
{
	struct node_info info;

	ck_assert_int_eq(node->ops->stat(node, &info), 0);
	return info;
}

static int set_bytes(struct node *node, uint64_t bytes)
{
	struct node_change change = {.what = NODE_SET_BYTES, .bytes = bytes};

	return node->ops->setattr(node, &change);
}

static uint8_t model[MODEL_BYTES], buffer[MODEL_BYTES];

static void compare(struct node *file, uint64_t base, size_t bytes)
{
	memset(buffer, 0xee, sizeof(buffer));
	ck_assert_uint_eq(info_of(file).bytes, base + bytes);
	ck_assert_int_eq(file->ops->read(file, buffer, sizeof(buffer), base, 0), (int64_t)bytes);
	ck_assert_int_eq(memcmp(buffer, model, bytes), 0);
}

/* Writes, cuts and holes anywhere, at the beginning of a file and 2^50 bytes into it. */
static void against_model(uint64_t base)
{
	struct fs *fs = mount_with("");
	struct node *file = create(fs->root, "file", NODE_FILE | 0600);
	size_t bytes = 0;

	ck_assert_int_eq(set_bytes(file, base), 0);
	for (int round = 0; round < 3000; round++) {
		size_t at = test_random() % 200000, count = test_random() % 20000 + 1, written;
		uint64_t offset = base + at;

		switch (test_random() % 5) {
		case 0:
			if (bytes > 100000)
				at %= 1000;
			ck_assert_int_eq(set_bytes(file, base + at), 0);
			if (at > bytes)
				memset(model + bytes, 0, at - bytes);
			bytes = at;
			break;
		case 1:
			ck_assert_int_eq(file->ops->allocate(file, offset, count,
							     NODE_KEEP_SIZE | NODE_PUNCH_HOLE),
					 0);
			if (at < bytes)
				memset(model + at, 0, at + count < bytes ? count : bytes - at);
			break;
		default:
			if (round % 7 == 0 && bytes + count < MODEL_BYTES)
				at = bytes;
			for (written = 0; written < count; written++)
				buffer[written] = (uint8_t)test_random();
			/* Who appends need not know where. */
			offset = at == bytes ? test_random() % 1000 : base + at;
			ck_assert_int_eq(file->ops->write(file, buffer, count, &offset,
							  at == bytes ? NODE_APPEND : 0),
					 (int64_t)count);
			ck_assert_uint_eq(offset, base + at);
			if (at > bytes)
				memset(model + bytes, 0, at - bytes);
			memcpy(model + at, buffer, count);
			if (at + count > bytes)
				bytes = at + count;
		}
		if (round % 50 == 0)
			compare(file, base, bytes);
	}
	compare(file, base, bytes);
	node_put(file);
	ck_assert_int_eq(fs->ops->unmount(fs), 0);
}

START_TEST(test_contents)
{
	uint64_t pages;

	fake_memory_setup(64);
	pages = fake_memory_in_use();
	against_model(0);
	against_model((1ULL << 50) - 100000);
	ck_assert_uint_eq(fake_memory_in_use(), pages);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

START_TEST(test_limits)
{
	uint64_t offset = 0;
	struct fs_info info;
	struct node *file;
	const char *why = "";
	struct fs *fs;

	fake_memory_setup(16);
	ck_assert_int_eq(tmpfs_type.mount(NULL, "size=x", false, &fs, &why), -EINVAL);
	ck_assert(*why);
	fs = mount_with("size=64K");
	file = create(fs->root, "f", NODE_FILE | 0600);
	/* One page of the sixteen is for the table of pages. */
	ck_assert_int_eq(file->ops->write(file, model, MODEL_BYTES, &offset, 0), 15 * 4096);
	offset = 15 * 4096;
	ck_assert_int_eq(file->ops->write(file, model, 1, &offset, 0), -ENOSPC);
	ck_assert_int_eq(fs->ops->info(fs, &info), 0);
	ck_assert_uint_eq(info.blocks, 16);
	ck_assert_uint_eq(info.blocks_free, 0);
	ck_assert_int_eq(set_bytes(file, 4096), 0);
	ck_assert_int_eq(fs->ops->info(fs, &info), 0);
	ck_assert_uint_eq(info.blocks_free, 14);
	offset = INT64_MAX;
	ck_assert_int_eq(file->ops->write(file, model, 1, &offset, 0), -EFBIG);
	ck_assert_int_eq(set_bytes(file, 1ULL << 63), -EFBIG);
	ck_assert_int_eq(set_bytes(file, INT64_MAX), 0);
	ck_assert_int_eq(file->ops->read(file, buffer, 10, INT64_MAX - 5, 0), 5);
	node_put(file);
	ck_assert_int_eq(fs->ops->unmount(fs), 0);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

/* Pages that were mapped stay with the node when the file is cut, and go with it. */
START_TEST(test_mapped_pages)
{
	uint64_t offset = 0, pages;
	struct node *file;
	struct fs *fs;
	void *page, *again;

	fake_memory_setup(16);
	pages = fake_memory_in_use();
	fs = mount_with("");
	file = create(fs->root, "f", NODE_FILE | 0600);
	ck_assert_int_eq(file->ops->write(file, "mapped", 6, &offset, 0), 6);
	ck_assert_int_eq(file->ops->page(file, 1, &page), -ENXIO);
	ck_assert_int_eq(file->ops->page(file, 0, &page), 0);
	ck_assert_int_eq(memcmp(page, "mapped", 7), 0);
	memcpy(page, "shared", 6);
	ck_assert_int_eq(file->ops->read(file, buffer, 10, 0, 0), 6);
	ck_assert_int_eq(memcmp(buffer, "shared", 6), 0);
	ck_assert_int_eq(set_bytes(file, 0), 0);
	memset(page, 0xaa, 4096); /* it is nobody else's yet */
	ck_assert_int_eq(set_bytes(file, 4096), 0);
	ck_assert_int_eq(file->ops->page(file, 0, &again), 0);
	ck_assert_ptr_ne(page, again);
	ck_assert_int_eq(*(char *)again, 0);
	ck_assert_int_eq(unlink_name(fs->root, "f"), 0);
	node_put(file);
	ck_assert_int_eq(fs->ops->unmount(fs), 0);
	ck_assert_uint_eq(fake_memory_in_use(), pages);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

static unsigned int seen[3000];
static unsigned int listed, stop_after;

static int on_name(void *context, const char *name, size_t name_bytes, uint64_t number,
		   uint32_t mode, uint64_t next)
{
	char text[16] = "";

	(void)context;
	(void)number;
	(void)mode;
	(void)next;
	if (stop_after == 0)
		return 1;
	stop_after--;
	memcpy(text, name, name_bytes);
	seen[atoi(text)]++;
	listed++;
	return 0;
}

/* Each name that is there all the time comes once, whatever comes and goes meanwhile. */
START_TEST(test_listing)
{
	uint64_t cursor = 0;
	struct fs *fs;
	char name[16];

	fake_memory_setup(16);
	fs = mount_with("");
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		node_put(create(fs->root, name, NODE_FILE | 0600));
	}
	for (int step = 0; step < 500; step++) {
		stop_after = 3;
		ck_assert_int_eq(fs->root->ops->list(fs->root, &cursor, on_name, NULL), 0);
		/* The odd ones go, before or after they were listed. */
		snprintf(name, sizeof(name), "%d", (step * 7 % 500) * 2 + 1);
		ck_assert_int_eq(unlink_name(fs->root, name), 0);
		snprintf(name, sizeof(name), "%d", 1000 + step);
		node_put(create(fs->root, name, NODE_FILE | 0600));
	}
	stop_after = UINT32_MAX;
	ck_assert_int_eq(fs->root->ops->list(fs->root, &cursor, on_name, NULL), 0);
	for (int i = 0; i < 1000; i += 2)
		ck_assert_uint_eq(seen[i], 1);
	for (int i = 0; i < 3000; i++)
		ck_assert_uint_le(seen[i], 1);
	ck_assert_int_eq(fs->ops->unmount(fs), 0);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

START_TEST(test_names)
{
	struct node *a, *b, *file, *found;
	struct fs *fs;

	fake_memory_setup(16);
	fs = mount_with("");
	a = create(fs->root, "a", NODE_DIRECTORY | 0700);
	b = create(a, "b", NODE_DIRECTORY | 0700);
	file = create(b, "f", NODE_FILE | 0600);
	ck_assert_uint_eq(info_of(fs->root).links, 3);
	ck_assert_uint_eq(info_of(a).links, 3);
	ck_assert_int_eq(unlink_name(fs->root, "a"), -ENOTEMPTY);
	ck_assert_int_eq(a->ops->link(a, "g", 1, file), 0);
	ck_assert_uint_eq(info_of(file).links, 2);
	/* A directory moves and takes its parent along. */
	ck_assert_int_eq(a->ops->rename(a, "b", 1, fs->root, "c", 1, b, NULL), 0);
	ck_assert_uint_eq(info_of(a).links, 2);
	ck_assert_uint_eq(info_of(fs->root).links, 4);
	ck_assert_int_eq(b->ops->parent(b, &found), 0);
	ck_assert_ptr_eq(found, fs->root);
	node_put(found);
	/* It replaces an empty one only. */
	ck_assert_int_eq(a->ops->rename(fs->root, "c", 1, fs->root, "a", 1, b, a), -ENOTEMPTY);
	ck_assert_int_eq(unlink_name(a, "g"), 0);
	ck_assert_int_eq(a->ops->rename(fs->root, "c", 1, fs->root, "a", 1, b, a), 0);
	ck_assert_uint_eq(info_of(a).links, 0);
	ck_assert_int_eq(a->ops->parent(a, &found), -ENOENT);
	ck_assert_ptr_null(create(a, "x", NODE_FILE | 0600));
	/* A file without names lives while somebody has it. */
	ck_assert_int_eq(unlink_name(b, "f"), 0);
	ck_assert_uint_eq(info_of(file).links, 0);
	node_put(file);
	node_put(a);
	node_put(b);
	ck_assert_int_eq(fs->ops->unmount(fs), 0);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

/* One walk over everything, with the allocation that fails further back each time. */
static int everything(struct fs *fs)
{
	struct node *directory = create(fs->root, "d", NODE_DIRECTORY | 0700), *file, *link;
	uint64_t offset = 0;
	int done = 0;

	if (!directory)
		return done;
	done++;
	file = create(directory, "f", NODE_FILE | 0600);
	if (file) {
		done++;
		done += file->ops->write(file, "x", 1, &offset, 0) == 1;
		done += fs->root->ops->link(fs->root, "l", 1, file) == 0;
		done += fs->root->ops->rename(directory, "f", 1, fs->root, "r", 1, file, NULL) == 0;
		node_put(file);
	}
	link = create(fs->root, "s", NODE_LINK | 0777);
	if (link) {
		done++;
		node_put(link);
	}
	node_put(directory);
	return done;
}

START_TEST(test_each_allocation_fails)
{
	uint64_t pages;
	int done = 0;

	fake_memory_setup(16);
	pages = fake_memory_in_use();
	for (long n = 0; done < 6; n++) {
		struct fs *fs = mount_with("");

		allocations_left = n;
		done = everything(fs);
		allocations_left = -1;
		ck_assert_int_eq(fs->ops->unmount(fs), 0);
		ck_assert_int_eq(blocks, 0);
		ck_assert_uint_eq(fake_memory_in_use(), pages);
		ck_assert_int_lt((int)n, 100);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("tmpfs");
	TCase *tests = tcase_create("tmpfs");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_contents);
	tcase_add_test(tests, test_limits);
	tcase_add_test(tests, test_mapped_pages);
	tcase_add_test(tests, test_listing);
	tcase_add_test(tests, test_names);
	tcase_add_test(tests, test_each_allocation_fails);
	suite_add_tcase(suite, tests);
	return suite;
}
