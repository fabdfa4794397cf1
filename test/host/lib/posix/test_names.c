/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Remembered names over a file system that counts how often it is asked, and whose nodes end the
 * test when they are used after their last reference.
 *
 * Links: core/sleeplock.c test/host/fake_core.c test/host/fake_spinlock.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/posix/names.c"
#include "lib/posix/names_path.c"
#include "test/host/check_main.h"

#define FILES 2000

static unsigned int lookups, nodes_live;
static bool missing;
static struct fs fs;
static struct node root;
static struct node *files[FILES]; /* while referenced */

static long blocks, allocations_left = -1;

void *heap_alloc(size_t bytes)
{
	if (allocations_left == 0)
		return NULL;
	blocks++;
	return malloc(bytes);
}

void heap_free(void *block)
{
	blocks -= block != NULL;
	free(block);
}

static void put_last(struct node *node)
{
	if (--node->refs > 0)
		return;
	files[(uintptr_t)node->data] = NULL;
	nodes_live--;
	free(node);
}

static int lookup(struct node *directory, const char *name, size_t name_bytes,
		  struct node **node_out)
{
	static const struct node_ops file_ops = {.put_last = put_last};
	char text[16] = "";
	unsigned long index;

	lookups++;
	ck_assert_ptr_eq(directory, &root);
	memcpy(text, name, name_bytes);
	index = strtoul(text, NULL, 10);
	if (missing || index >= FILES)
		return -ENOENT;
	if (files[index]) {
		node_get(files[index]);
	} else {
		files[index] = calloc(1, sizeof(struct node));
		*files[index] = (struct node){
			.ops = &file_ops, .fs = &fs, .data = (void *)index, .refs = 1};
		nodes_live++;
	}
	*node_out = files[index];
	return 0;
}

static void setup(void)
{
	static const struct node_ops root_ops = {.lookup = lookup};

	root = (struct node){.ops = &root_ops, .fs = &fs, .mode = NODE_DIRECTORY, .refs = 1};
	fs.root = &root;
	boot_info.pages_count = 1024;
}

static int find_name(const char *name)
{
	struct node *node;
	int result = names_lookup(&root, name, strlen(name), names_hash(name, strlen(name)), &node);

	if (result == 0)
		node_put(node);
	return result;
}

START_TEST(test_asked_once)
{
	setup();
	ck_assert_int_eq(find_name("7"), 0);
	ck_assert_int_eq(find_name("7"), 0);
	ck_assert_uint_eq(lookups, 1);
	ck_assert_uint_eq(nodes_live, 1);
	/* What is not there is remembered as well, until it is. */
	ck_assert_int_eq(find_name("5000"), -ENOENT);
	ck_assert_int_eq(find_name("5000"), -ENOENT);
	ck_assert_uint_eq(lookups, 2);
	names_set(&root, "5000", 4, files[7]);
	ck_assert_int_eq(find_name("5000"), 0);
	ck_assert_uint_eq(lookups, 2);
	/* Forgotten: its file goes with the last name. */
	names_set(&root, "7", 1, NULL);
	ck_assert_uint_eq(nodes_live, 1);
	names_set(&root, "5000", 4, NULL);
	ck_assert_uint_eq(nodes_live, 0);
	missing = true;
	ck_assert_int_eq(find_name("7"), -ENOENT);
	names_forget_directory(&root);
	ck_assert_uint_eq(names_count(), 0);
	ck_assert_uint_eq(root.refs, 1);
	ck_assert_uint_eq(root.flags, 0);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

START_TEST(test_bounded)
{
	char name[16];

	setup();
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(find_name(name), 0);
		ck_assert_int_eq(find_name("0"), 0);
	}
	/* A quarter of 1024 pages; what is asked for again and again was never forgotten. */
	ck_assert_uint_le(names_count(), 256);
	ck_assert_uint_eq(nodes_live, names_count());
	ck_assert_uint_eq(lookups, FILES);
	names_forget_fs(&fs);
	ck_assert_uint_eq(names_count(), 0);
	ck_assert_uint_eq(nodes_live, 0);
	ck_assert_uint_eq(root.refs, 1);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

START_TEST(test_mounts)
{
	static const struct node_ops mounted_ops;
	struct node mounted = {.ops = &mounted_ops, .fs = &fs, .refs = 1};
	struct node *node;

	setup();
	ck_assert_int_eq(find_name("3"), 0);
	ck_assert_int_eq(names_mount(&root, "3", 1, &mounted), 0);
	ck_assert_int_eq(names_mount(&root, "3", 1, &mounted), -EBUSY);
	ck_assert_int_eq(names_lookup_locked(&root, "3", 1, &node), 0);
	ck_assert_ptr_eq(node, &mounted);
	node_put(node);
	/* Nothing moves it. */
	names_set(&root, "3", 1, NULL);
	names_forget_fs(&fs);
	ck_assert_int_eq(names_lookup_locked(&root, "3", 1, &node), 0);
	ck_assert_ptr_eq(node, &mounted);
	node_put(node);
	names_unmount(&root, "3", 1);
	ck_assert_uint_eq(mounted.refs, 1);
	ck_assert_int_eq(find_name("3"), 0);
	names_forget_fs(&fs);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

/* Live names are asked for each time; without memory nothing false is remembered. */
START_TEST(test_not_remembered)
{
	setup();
	fs.is_live = true;
	ck_assert_int_eq(find_name("1"), 0);
	ck_assert_int_eq(find_name("1"), 0);
	ck_assert_uint_eq(lookups, 2);
	fs.is_live = false;
	ck_assert_int_eq(find_name("6000"), -ENOENT);
	allocations_left = 0;
	ck_assert_int_eq(find_name("1"), 0);
	ck_assert_uint_eq(nodes_live, 0);
	ck_assert_int_eq(names_lookup_locked(&root, "6000", 4, &(struct node *){NULL}), -ENOENT);
	names_set(&root, "6000", 4, &root); /* made just now */
	lookups = 0;
	(void)find_name("6000");
	ck_assert_uint_eq(lookups, 1);
	allocations_left = -1;
	names_forget_fs(&fs);
	ck_assert_int_eq(blocks, 0);
}
END_TEST

/* Whole paths hold as long as all names on their way. */
START_TEST(test_paths)
{
	char longest[64] = "/34567890123456789012345678901234567890123456789", page[8192];
	struct node *node;
	uint32_t before;

	setup();
	ck_assert_int_eq(find_name("9"), 0);
	before = names_path_generation();
	names_path_remember("/9", files[9], before);
	names_path_remember("//9", files[9], before);
	node = names_path_recall("/9");
	ck_assert_ptr_eq(node, files[9]);
	node_put(node);
	ck_assert_ptr_null(names_path_recall("/"));
	ck_assert_ptr_null(names_path_recall("/9/"));
	ck_assert_ptr_null(names_path_recall("/8"));
	/* Another name goes: all paths are walked again. */
	ck_assert_int_eq(find_name("8"), 0);
	names_set(&root, "8", 1, NULL);
	ck_assert_ptr_null(names_path_recall("/9"));
	/* A walk that began before does not count. */
	names_path_remember("/9", files[9], before);
	ck_assert_ptr_null(names_path_recall("/9"));
	before = names_path_generation();
	/* 47 characters fit, wherever they lie. */
	ck_assert_uint_eq(strlen(longest), 48);
	names_path_remember(longest, files[9], before);
	ck_assert_ptr_null(names_path_recall(longest));
	longest[47] = '\0';
	names_path_remember(longest, files[9], before);
	for (int i = 0; i < 64; i++) {
		char *at = (char *)(((uintptr_t)page + 4096) & ~4095ULL) - i;

		memset(page, '/', sizeof(page));
		strcpy(at, longest);
		node = names_path_recall(at);
		ck_assert_ptr_eq(node, files[9]);
		node_put(node);
	}
	names_forget_fs(&fs);
	ck_assert_ptr_null(names_path_recall(longest));
	ck_assert_uint_eq(nodes_live, 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("names");
	TCase *tests = tcase_create("names");

	tcase_add_test(tests, test_asked_once);
	tcase_add_test(tests, test_bounded);
	tcase_add_test(tests, test_mounts);
	tcase_add_test(tests, test_not_remembered);
	tcase_add_test(tests, test_paths);
	suite_add_tcase(suite, tests);
	return suite;
}
