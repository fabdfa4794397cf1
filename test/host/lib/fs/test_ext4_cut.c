/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power cuts: a program of writes, renames, cuts and syncs is run once; then, for each write to the
 * disk, what a cut there could have left is mounted, and checked: every byte that was synced is
 * there, and e2fsck -fn has nothing to say. What the flushes did not confirm arrives whole, torn
 * between sectors, or not at all. Recovery itself is cut too; and some of the disks are recovered
 * by e2fsck instead of us.
 *
 * CUT_ROUNDS: variants of each cut (default 1). What it is linked with: test/host/host.mk.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/host/check_main.h"
#include "test/host/lib/fs/disk.h"
#include "test/host/lib/fs/files.h"

#define DISK_BYTES (4u << 20)
#define FACTS_MAX  1024u
#define NAMES      12u
/* e2fsck takes long: it looks at every so many. */
#define FSCK_EACH 12u

/* A file's contents that are safe from a place of the record on, until the file is touched again.
 * */
struct fact {
	char name[32];
	bool gone; /* the file does not exist */
	size_t bytes;
	uint32_t seed;
	size_t from, until;
};

static struct fact facts[FACTS_MAX];
static size_t facts_count;

static const char *const formats[] = {
	" -t ext4 -b 1024 -J size=1",
	" -t ext4 -b 1024 -J size=1 -O ^metadata_csum,^64bit",
	" -t ext3 -b 1024 -J size=1",
};

static void touch(const struct disk *disk, const char *name)
{
	for (size_t i = 0; i < facts_count; i++)
		if (strcmp(facts[i].name, name) == 0 && facts[i].until == SIZE_MAX)
			facts[i].until = disk->writes_count;
}

static void note(const struct disk *disk, const char *name, bool gone, size_t bytes, uint32_t seed)
{
	struct fact *fact = &facts[facts_count++];

	test_require(facts_count < FACTS_MAX);
	snprintf(fact->name, sizeof(fact->name), "%s", name);
	fact->gone = gone;
	fact->bytes = bytes;
	fact->seed = seed;
	fact->from = disk->writes_count;
	fact->until = SIZE_MAX;
}

/* One step of the program. State is what was written and not synced. */
struct state {
	bool there[NAMES];
	size_t bytes[NAMES];
	uint32_t seeds[NAMES];
};

static void name_of(unsigned int i, char name[32])
{
	snprintf(name, 32, "d%u/file-%u", i % 3, i);
}

static void step_write(struct disk *disk, struct fs *fs, struct state *state, unsigned int i)
{
	char name[32];

	name_of(i, name);
	touch(disk, name);
	if (state->there[i])
		files_unlink(fs, name);
	state->bytes[i] = (size_t)(test_random() % 30000 + 1);
	state->seeds[i] = (uint32_t)test_random() % 1000;
	files_fill(fs, name, 0, state->bytes[i], state->seeds[i]);
	state->there[i] = true;
}

static void step_sync(struct disk *disk, struct fs *fs, const struct state *state, unsigned int i)
{
	char name[32];

	name_of(i, name);
	if (!state->there[i])
		return;
	test_require(files_try_sync(fs, name) == 0);
	touch(disk, name);
	note(disk, name, false, state->bytes[i], state->seeds[i]);
}

static void step_rename(struct disk *disk, struct fs *fs, struct state *state, unsigned int i,
			unsigned int k)
{
	char from[32], to[32];

	name_of(i, from);
	name_of(k, to);
	if (!state->there[i] || i == k)
		return;
	touch(disk, from);
	touch(disk, to);
	files_rename(fs, from, to);
	state->there[i] = false;
	state->there[k] = true;
	state->bytes[k] = state->bytes[i];
	state->seeds[k] = state->seeds[i];
}

static void run_program(struct disk *disk, struct fs *fs, unsigned int steps)
{
	struct state state = {.there = {false}};
	char name[32];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		files_mkdir(fs, name);
	}
	for (unsigned int n = 0; n < steps; n++) {
		unsigned int i = (unsigned int)(test_random() % NAMES);

		name_of(i, name);
		switch (test_random() % 8) {
		case 0:
		case 1:
		case 2:
			step_write(disk, fs, &state, i);
			break;
		case 3:
		case 4:
			step_sync(disk, fs, &state, i);
			break;
		case 5:
			step_rename(disk, fs, &state, i, (unsigned int)(test_random() % NAMES));
			break;
		case 6:
			if (state.there[i]) {
				touch(disk, name);
				state.bytes[i] /= 2;
				files_resize(fs, name, state.bytes[i]);
			}
			break;
		default:
			if (state.there[i]) {
				touch(disk, name);
				files_unlink(fs, name);
				state.there[i] = false;
				test_require(fs->ops->sync(fs) == 0);
				touch(disk, name);
				note(disk, name, true, 0, 0);
			}
			break;
		}
	}
}

static void check_facts(struct fs *fs, size_t at)
{
	for (size_t i = 0; i < facts_count; i++) {
		const struct fact *fact = &facts[i];

		if (at < fact->from || at > fact->until)
			continue;
		if (fact->gone) {
			if (files_exists(fs, fact->name))
				ck_abort_msg("cut %zu: %s is there again", at, fact->name);
		} else if (!files_filled(fs, fact->name, 0, fact->bytes, fact->seed) ||
			   files_size(fs, fact->name) != fact->bytes) {
			ck_abort_msg("cut %zu: %s lost what was synced", at, fact->name);
		}
	}
}

/* Mounts what the cut left, with our replay, and looks. */
static void check_ours(struct disk *cut, size_t at, bool fsck)
{
	struct fs *fs = disk_mount(cut, false);

	check_facts(fs, at);
	test_require(files_walk(fs) == 0);
	disk_unmount(fs);
	if (fsck && disk_check(cut) != 0)
		ck_abort_msg("cut %zu: e2fsck found something", at);
}

/* The same with e2fsck's replay. */
static void check_theirs(struct disk *cut, size_t at)
{
	struct fs *fs;

	if (disk_fsck(cut, "-fy") > 1 || disk_check(cut) != 0)
		ck_abort_msg("cut %zu: e2fsck could not recover it", at);
	fs = disk_mount(cut, true);
	check_facts(fs, at);
	disk_unmount(fs);
}

/* The cut disk's own recovery is cut, at some write. */
static void check_recovery(struct disk *cut, size_t at)
{
	struct disk *again = disk_create(DISK_BYTES);

	disk_record(cut);
	disk_unmount(disk_mount(cut, false));
	disk_cut(again, cut, (size_t)(test_random() % (cut->writes_count + 1)), test_random);
	check_ours(again, at, true);
	disk_destroy(again);
}

START_TEST(test_cuts)
{
	unsigned int rounds = getenv("CUT_ROUNDS") ? (unsigned int)atoi(getenv("CUT_ROUNDS")) : 1;
	struct disk *disk = disk_make(DISK_BYTES, formats[_i]), *cut = disk_create(DISK_BYTES);
	struct fs *fs = disk_mount(disk, false);
	unsigned int states = 0, looked = 0;
	size_t writes;

	disk_record(disk);
	facts_count = 0;
	run_program(disk, fs, 400);
	writes = disk->writes_count;
	disk->recording = false;
	for (size_t at = 0; at <= writes; at++) {
		for (unsigned int round = 0; round < rounds; round++) {
			bool fsck = states % FSCK_EACH == 0;

			disk_cut(cut, disk, at, round == 0 && at % 2 ? NULL : test_random);
			if (states % (FSCK_EACH * 3) == 1)
				check_theirs(cut, at);
			else if (states % (FSCK_EACH * 3) == 2)
				check_recovery(cut, at);
			else
				check_ours(cut, at, fsck);
			looked += fsck;
			states++;
		}
	}
	printf("format %d: %zu writes, %u states after a power cut, %u of them with e2fsck, %zu "
	       "facts\n",
	       _i, writes, states, looked, facts_count);
	disk_unmount(fs);
	disk_destroy(disk);
	disk_destroy(cut);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("ext4_cut");
	TCase *tests = tcase_create("ext4_cut");

	tcase_set_timeout(tests, 600);
	tcase_add_loop_test(tests, test_cuts, 0, (int)(sizeof(formats) / sizeof(formats[0])));
	suite_add_tcase(suite, tests);
	return suite;
}
