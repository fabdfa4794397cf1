/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Archives as file trees: what the machine's own cpio and tar write, and what nobody should.
 *
 * Links: lib/fs/archive.c lib/fs/archive_cpio.c lib/fs/archive_tar.c lib/base/parse.c
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/heap.h"
#include "lib/fs/archive.h"
#include "test/host/check_main.h"

#define ARCHIVE_BYTES_MAX (1u << 20)

/* The kernel's heap by the machine's, and one that ends. */
static int allocations_left = -1;

void *heap_alloc(size_t bytes)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left -= allocations_left > 0;
	return malloc(bytes);
}

void *heap_realloc(void *block, size_t bytes)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left -= allocations_left > 0;
	return realloc(block, bytes);
}

void heap_free(void *block)
{
	free(block);
}

/* A tree with what is hard: links of both kinds, an empty file, deep and long names. */
static const char make_tree[] =
	"set -e; cd %s; mkdir -p d/e/f empty; printf hello >d/e/f/deep; : >none; ln -s d/e link; "
	"printf shared >one; ln one two; "
	"l=$(printf 'x%%.0s' $(seq 120)); mkdir -p $l/$l; printf long >$l/$l/$l; ";

static uint8_t *bytes;
static size_t bytes_count;

/* Packs the tree with command, run in its directory, into bytes (exactly as long as it is, for
 * ASan). */
static void pack(const char *command)
{
	char directory[] = "/tmp/test_archiveXXXXXX", line[1024];
	FILE *output;
	uint8_t *room = malloc(ARCHIVE_BYTES_MAX);

	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(line, sizeof(line), make_tree, directory);
	strncat(line, command, sizeof(line) - strlen(line) - 1);
	output = popen(line, "r");
	bytes_count = fread(room, 1, ARCHIVE_BYTES_MAX, output);
	ck_assert_int_eq(pclose(output), 0);
	bytes = malloc(bytes_count);
	memcpy(bytes, room, bytes_count);
	free(room);
	snprintf(line, sizeof(line), "rm -rf %s", directory);
	ck_assert_int_eq(system(line), 0);
}

static uint32_t find(const struct archive *archive, const char *path)
{
	uint32_t index = ARCHIVE_ROOT;

	while (*path && index != ARCHIVE_NONE) {
		size_t length = strcspn(path, "/");

		index = archive_lookup(archive, index, path, length);
		path += length + (path[length] == '/');
	}
	return index;
}

static void is_file(const struct archive *archive, const char *path, const char *contents)
{
	uint32_t index = find(archive, path);

	ck_assert_msg(index != ARCHIVE_NONE, "%s is not there", path);
	ck_assert_int_eq(archive->nodes[index].type, ARCHIVE_FILE);
	ck_assert_uint_eq(archive->nodes[index].bytes, strlen(contents));
	ck_assert(memcmp(archive->nodes[index].data, contents, strlen(contents)) == 0);
}

static void check_tree(void)
{
	struct archive archive;
	const struct archive_node *link;
	unsigned int children = 0;
	char name[121], path[400];

	ck_assert_int_eq(archive_open(&archive, bytes, bytes_count), 0);
	is_file(&archive, "d/e/f/deep", "hello");
	is_file(&archive, "none", "");
	is_file(&archive, "one", "shared");
	is_file(&archive, "two", "shared");
	ck_assert_int_eq(archive.nodes[find(&archive, "empty")].type, ARCHIVE_DIRECTORY);
	link = &archive.nodes[find(&archive, "link")];
	ck_assert_int_eq(link->type, ARCHIVE_LINK);
	ck_assert(link->bytes == 3 && memcmp(link->data, "d/e", 3) == 0);
	memset(name, 'x', 120);
	name[120] = '\0';
	snprintf(path, sizeof(path), "%s/%s/%s", name, name, name);
	is_file(&archive, path, "long");
	ck_assert_uint_eq(find(&archive, "d/none"), ARCHIVE_NONE);
	for (uint32_t i = archive.nodes[ARCHIVE_ROOT].first_child; i != ARCHIVE_NONE;
	     i = archive.nodes[i].next_sibling)
		children++;
	ck_assert_uint_eq(children, 7);
	archive_close(&archive);
	free(bytes);
}

START_TEST(cpio_newc)
{
	pack("find . | cpio -o --quiet -H newc");
	check_tree();
}
END_TEST

START_TEST(cpio_with_checksums)
{
	pack("find . -depth | cpio -o --quiet -H crc");
	check_tree();
}
END_TEST

START_TEST(cpio_two_in_a_row)
{
	pack("(find d none link | cpio -o --quiet -H newc; printf '\\0\\0\\0\\0'; "
	     "find empty one two xx* | cpio -o --quiet -H newc)");
	check_tree();
}
END_TEST

START_TEST(tar_ustar)
{
	/* 120 + 1 + 120 + 1 + 120 characters are too many for ustar: those by pax. */
	pack("tar -c --format=pax .");
	check_tree();
}
END_TEST

START_TEST(tar_gnu)
{
	pack("tar -c --format=gnu *");
	check_tree();
}
END_TEST

START_TEST(tar_prefix)
{
	struct archive archive;

	pack("p=$(printf 'p%.0s' $(seq 90)); mkdir -p $p/q; printf prefixed >$p/q/$p; "
	     "tar -c --format=ustar p*");
	ck_assert_int_eq(archive_open(&archive, bytes, bytes_count), 0);
	ck_assert_uint_eq(archive.nodes_count, 4);
	archive_close(&archive);
	free(bytes);
}
END_TEST

START_TEST(no_archive)
{
	static const uint8_t zeros[2048];
	struct archive archive;

	ck_assert_int_eq(archive_open(&archive, zeros, sizeof(zeros)), -ENOEXEC);
	ck_assert_int_eq(archive_open(&archive, "070701", 6), -ENOEXEC);
	ck_assert_int_eq(archive_open(&archive, "", 0), -ENOEXEC);
	ck_assert_str_eq(archive.error, "neither cpio (newc) nor tar (ustar)");
}
END_TEST

/* Opens, looks at everything the tree refers to, and closes. */
static int open_and_touch(const uint8_t *at, size_t count)
{
	struct archive archive;
	unsigned int sum = 0;
	int result = archive_open(&archive, at, count);

	if (result) {
		ck_assert_ptr_nonnull(archive.error);
		return result;
	}
	for (uint32_t i = 0; i < archive.nodes_count; i++) {
		const struct archive_node *node = &archive.nodes[i];

		for (uint64_t j = 0; j < node->bytes; j++)
			sum += ((const uint8_t *)node->data)[j];
		for (uint32_t j = 0; j < node->name_bytes; j++)
			sum += (uint8_t)node->name[j];
		ck_assert_uint_lt(node->parent, archive.nodes_count);
		if (i)
			ck_assert_uint_eq(archive_lookup(&archive, node->parent, node->name,
							 node->name_bytes),
					  i);
	}
	archive_close(&archive);
	return sum == 0xdeadbeef;
}

static const char *const packers[] = {"find . | cpio -o --quiet -H newc", "tar -c --format=pax .",
				      "tar -c --format=gnu ."};

START_TEST(cut_off)
{
	pack(packers[_i]);
	for (size_t count = 0; count < bytes_count; count += 1 + test_random() % 64) {
		uint8_t *part = malloc(count ? count : 1);

		memcpy(part, bytes, count);
		open_and_touch(part, count);
		free(part);
	}
	free(bytes);
}
END_TEST

START_TEST(damaged)
{
	pack(packers[_i]);
	for (int round = 0; round < 3000; round++) {
		uint8_t *copy = malloc(bytes_count);

		memcpy(copy, bytes, bytes_count);
		for (unsigned int i = 0; i <= test_random() % 4; i++)
			copy[test_random() % bytes_count] = (uint8_t)test_random();
		open_and_touch(copy, bytes_count);
		free(copy);
	}
	free(bytes);
}
END_TEST

START_TEST(escape)
{
	struct archive archive;

	pack("cd d; echo ../none | cpio -o --quiet -H newc");
	ck_assert_int_eq(archive_open(&archive, bytes, bytes_count), -EINVAL);
	ck_assert_str_eq(archive.error, "a name with ..");
	free(bytes);
}
END_TEST

START_TEST(last_entry_counts)
{
	struct archive archive;

	pack("(echo one | cpio -o --quiet -H newc; printf changed >one; echo one | cpio -o --quiet "
	     "-H newc)");
	ck_assert_int_eq(archive_open(&archive, bytes, bytes_count), 0);
	ck_assert_uint_eq(archive.nodes_count, 2);
	is_file(&archive, "one", "changed");
	archive_close(&archive);
	free(bytes);
}
END_TEST

START_TEST(out_of_memory)
{
	struct archive archive;

	pack(packers[0]);
	for (int left = 0; left < 2; left++) {
		allocations_left = left;
		ck_assert_int_eq(archive_open(&archive, bytes, bytes_count), -ENOMEM);
		ck_assert_str_eq(archive.error, "out of memory");
	}
	allocations_left = -1;
	free(bytes);
}
END_TEST

START_TEST(many_files)
{
	struct archive archive;

	pack("mkdir many; cd many; for i in $(seq 3000); do : >$i; done; cd ..; find many | cpio "
	     "-o --quiet -H newc");
	ck_assert_int_eq(archive_open(&archive, bytes, bytes_count), 0);
	for (int i = 1; i <= 3000; i++) {
		char path[20];

		snprintf(path, sizeof(path), "many/%d", i);
		is_file(&archive, path, "");
	}
	archive_close(&archive);
	free(bytes);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("archive");
	TCase *tree = tcase_create("tree"), *broken = tcase_create("broken");

	tcase_set_timeout(tree, 60);
	tcase_set_timeout(broken, 120);
	tcase_add_test(tree, cpio_newc);
	tcase_add_test(tree, cpio_with_checksums);
	tcase_add_test(tree, cpio_two_in_a_row);
	tcase_add_test(tree, tar_ustar);
	tcase_add_test(tree, tar_gnu);
	tcase_add_test(tree, tar_prefix);
	tcase_add_test(tree, last_entry_counts);
	tcase_add_test(tree, many_files);
	tcase_add_test(broken, no_archive);
	tcase_add_loop_test(broken, cut_off, 0, 3);
	tcase_add_loop_test(broken, damaged, 0, 3);
	tcase_add_test(broken, escape);
	tcase_add_test(broken, out_of_memory);
	suite_add_tcase(suite, tree);
	suite_add_tcase(suite, broken);
	return suite;
}
