/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power cuts: a program of writes, renames, cuts and syncs is run once; then, for each write to the
 * disk, what a cut there could have left is mounted, and checked: every byte that was synced is
 * there, and e2fsck -fn has nothing to say. What the flushes did not confirm arrives whole, torn
 * between sectors, or not at all. Recovery itself is cut too; and some of the disks are recovered
 * by e2fsck instead of us.
 *
 * CUT_STATES: how many states to look at, about (default: one program's); with more each program is
 * another. `make test-cuts` takes a million. What it is linked with: test/host/host.mk.
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
#define FSCK_EACH      12u
#define FSCK_EACH_LONG 60u
/* What the disk held before: no file may show it. */
#define STALE 0xee

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
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

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

/* New contents in place of the old ones, in the same blocks. */
static void step_overwrite(struct disk *disk, struct fs *fs, struct state *state, unsigned int i)
{
	char name[32];

	name_of(i, name);
	if (!state->there[i] || !state->bytes[i])
		return;
	touch(disk, name);
	state->seeds[i] = (uint32_t)test_random() % 1000;
	files_fill(fs, name, 0, state->bytes[i], state->seeds[i]);
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
		switch (test_random() % 9) {
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
			step_overwrite(disk, fs, &state, i);
			break;
		case 7:
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
	int error;

	check_facts(fs, at);
	error = files_walk(fs);
	if (error)
		ck_abort_msg("cut %zu: reading everything: %d", at, error);
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
static void check_recovery(struct disk *cut, size_t at, bool fsck)
{
	struct disk *again = disk_create(DISK_BYTES);

	disk_record(cut);
	disk_unmount(disk_mount(cut, false));
	disk_cut(again, cut, (size_t)(test_random() % (cut->writes_count + 1)), test_random);
	check_ours(again, at, fsck);
	disk_destroy(again);
}

struct counts {
	unsigned long states, looked, recovered, theirs, facts, writes, programs;
};

/* Every cut of one program. */
static void cut_program(struct disk *disk, struct disk *cut, unsigned int fsck_each,
			struct counts *counts)
{
	struct fs *fs = disk_mount(disk, false);
	size_t writes;

	disk_record(disk);
	facts_count = 0;
	run_program(disk, fs, 400);
	writes = disk->writes_count;
	disk->recording = false;
	for (size_t at = 0; at <= writes; at++) {
		unsigned long kind = counts->states % (fsck_each * 3);
		bool fsck = counts->states % fsck_each == 0;

		disk_cut(cut, disk, at, at % 4 == 3 ? NULL : test_random);
		if (kind == 1) {
			check_theirs(cut, at);
			counts->theirs++;
		} else if (kind % 6 == 2) {
			check_recovery(cut, at, kind == 2);
			counts->recovered++;
			counts->states++;
		} else {
			check_ours(cut, at, fsck);
		}
		counts->looked += fsck || kind == 2 || kind == 1;
		counts->states++;
	}
	counts->facts += facts_count;
	counts->writes += writes;
	counts->programs++;
	disk_unmount(fs);
	test_require(disk_check(disk) == 0);
}

START_TEST(test_cuts)
{
	unsigned long wanted = getenv("CUT_STATES") ? strtoul(getenv("CUT_STATES"), NULL, 0) : 0;
	struct disk *good, *disk, *cut;
	struct counts counts = {0};

	disk_stale = STALE;
	good = disk_make(DISK_BYTES, formats[_i]);
	disk = disk_create(DISK_BYTES);
	cut = disk_create(DISK_BYTES);
	do {
		memcpy(disk->bytes, good->bytes, DISK_BYTES);
		cut_program(disk, cut, wanted ? FSCK_EACH_LONG : FSCK_EACH, &counts);
	} while (counts.states < wanted / FORMATS);
	printf("format %d: %lu programs of %lu writes, %lu states after a power cut (%lu of them "
	       "of a "
	       "recovery that was cut), %lu of them seen by e2fsck (%lu replayed by it), %lu "
	       "facts\n",
	       _i, counts.programs, counts.writes, counts.states, counts.recovered, counts.looked,
	       counts.theirs, counts.facts);
	disk_destroy(good);
	disk_destroy(disk);
	disk_destroy(cut);
}
END_TEST

/* --- a database's journal --- */

#define DB_BYTES    30000u
#define DB_VERSIONS 60u

/* As SQLite does it: what is to be overwritten is saved in a journal and synced, then the file is
 * written and synced, and with the journal's name gone, which a sync of the directory makes
 * safe, the change is made. committed_out: from
 * which write on the version is there. */
static void run_database(struct disk *disk, struct fs *fs, size_t *committed_out)
{
	files_fill(fs, "db", 0, DB_BYTES, 0);
	test_require(fs->ops->sync(fs) == 0);
	disk_record(disk);
	committed_out[0] = 0;
	for (uint32_t version = 1; version < DB_VERSIONS; version++) {
		size_t part = (size_t)(test_random() % DB_BYTES);

		files_fill(fs, "journal", 0, part, version - 1);
		test_require(files_try_sync(fs, "journal") == 0);
		test_require(files_try_fill_from(fs, "journal", part, DB_BYTES - part, version - 1,
						 0) == 0);
		test_require(files_try_sync(fs, "journal") == 0);
		files_fill(fs, "db", 0, part, version);
		if (test_random() % 2)
			test_require(files_try_sync(fs, "db") == 0);
		files_fill(fs, "db", 0, DB_BYTES, version);
		test_require(files_try_sync(fs, "db") == 0);
		files_unlink(fs, "journal");
		test_require(fs->root->ops->sync(fs->root, true) == 0);
		committed_out[version] = disk->writes_count;
	}
	disk->recording = false;
}

/* The version a file holds whole; DB_VERSIONS: none. */
static uint32_t version_of(struct fs *fs, const char *name)
{
	uint32_t version = 0;

	if (!files_exists(fs, name) || files_size(fs, name) != DB_BYTES)
		return DB_VERSIONS;
	while (version < DB_VERSIONS && !files_filled(fs, name, 0, DB_BYTES, version))
		version++;
	return version;
}

static void check_database(struct disk *cut, size_t at, const size_t *committed)
{
	struct fs *fs = disk_mount(cut, false);
	uint32_t version = version_of(fs, "journal"), safe = 0;

	if (version == DB_VERSIONS)
		version = version_of(fs, "db");
	if (version == DB_VERSIONS)
		ck_abort_msg("cut %zu: neither the journal nor the file is whole", at);
	while (safe + 1 < DB_VERSIONS && committed[safe + 1] < at)
		safe++;
	if (version < safe)
		ck_abort_msg("cut %zu: version %u, but %u was committed", at, version, safe);
	disk_unmount(fs);
}

START_TEST(test_database)
{
	struct disk *disk, *cut = disk_create(DISK_BYTES);
	size_t committed[DB_VERSIONS];
	struct fs *fs;
	size_t at;

	disk_stale = STALE;
	disk = disk_make(DISK_BYTES, formats[_i]);
	fs = disk_mount(disk, false);
	run_database(disk, fs, committed);
	for (at = 0; at <= disk->writes_count; at++) {
		disk_cut(cut, disk, at, at % 4 == 3 ? NULL : test_random);
		check_database(cut, at, committed);
	}
	printf("format %d: %zu states of a database\n", _i, at);
	disk_unmount(fs);
	disk_destroy(disk);
	disk_destroy(cut);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("ext4_cut");
	TCase *tests = tcase_create("ext4_cut");

	tcase_set_timeout(tests, getenv("CUT_STATES") ? 0 : 600);
	tcase_add_loop_test(tests, test_cuts, 0, (int)FORMATS);
	tcase_add_loop_test(tests, test_database, 0, (int)FORMATS);
	suite_add_tcase(suite, tests);
	return suite;
}
