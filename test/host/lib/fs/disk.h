/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk in memory behind core/blkdev.h's functions, and what else file systems call, for unit
 * tests without threads. It remembers what was written and flushed, so that a test can ask what a
 * power cut would have left; and it fails the Nth request.
 */
#ifndef TEST_HOST_LIB_FS_DISK_H
#define TEST_HOST_LIB_FS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/blkdev.h"
#include "lib/fs/node.h"

#define DISK_SECTOR 512u

struct disk_write {
	uint64_t sector, sectors;
	uint8_t *bytes;
	bool flush; /* nothing written: all before is on the medium */
};

struct disk {
	struct blkdev dev;
	uint8_t *bytes;
	uint64_t sectors;
	/* What was done since disk_record(). */
	bool recording;
	struct disk_write *writes;
	size_t writes_count, writes_max;
	uint8_t *base; /* the medium then */
	/* Requests until one fails with -EIO; 0: none. failing: all from there on. */
	uint64_t fail_after;
	bool fail_on;
	uint64_t requests, reads, writes_done, flushes;
	void (*on_flush)(void); /* called while one is on its way, once */
	void (*on_write)(void);
};

struct disk *disk_create(uint64_t bytes);
void disk_destroy(struct disk *disk);
/* Loads from and stores to a file of the host. */
void disk_load(struct disk *disk, const char *path);
void disk_store(const struct disk *disk, const char *path);
/* From now on writes are remembered. */
void disk_record(struct disk *disk);
/* disk's medium becomes what a cut before write `at` may leave of from's record: everything before
 * the last flush, and of what follows each write whole, torn between sectors, or not at all, as
 * random says; random NULL: all of it. */
void disk_cut(struct disk *disk, const struct disk *from, size_t at, uint64_t (*random)(void));

/* Runs mke2fs with the options given on a disk of this size, which is full of disk_stale's bytes
 * before. */
extern uint8_t disk_stale;
struct disk *disk_make(uint64_t bytes, const char *options);
/* What `e2fsck -fn` says of it: its exit status. Its output is printed when it is not 0. */
int disk_check(const struct disk *disk);
/* e2fsck with these options, in place: its exit status. */
int disk_fsck(struct disk *disk, const char *options);
/* The output of a command of debugfs, NUL-terminated; to be freed. */
char *disk_debugfs(const struct disk *disk, const char *command);

/* The file system on it: fails the test when it cannot be mounted. */
struct fs *disk_mount(struct disk *disk, bool read_only);
/* -errno, why in *why_out. */
int disk_try_mount(struct disk *disk, const char *options, bool read_only, struct fs **fs_out,
		   const char **why_out);
void disk_unmount(struct fs *fs);

/* Heap blocks and pages that are in use. */
extern size_t disk_blocks_in_use;
/* What libext2fs calls calloc() and posix_memalign() (host.mk). */
void *disk_calloc(size_t count, size_t bytes);
int disk_memalign(void **block_out, size_t align_bytes, size_t bytes);
/* Allocations until one fails; 0: none does. disk_allocations: so far. */
extern uint64_t disk_allocations;
extern uint64_t disk_allocations_left;
/* Called when somebody would have to wait; NULL: the test ends. */
extern void (*disk_on_wait)(void);
/* The wall clock, which ticks with each look. */
extern uint64_t disk_wall_ns;
/* Lines of the log so far, and the last. */
extern unsigned int disk_log_lines;
extern char disk_log_line[256];

#endif
