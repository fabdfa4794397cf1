/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Damaged file systems: a small image with bytes changed where the input says, mounted, walked,
 * written to and unmounted. The input is pairs of a place (three bytes) and what is written there
 * (one byte, then how many times). Whatever comes of it is an error to the caller.
 *
 * Sources: test/host/lib/fs/disk.c test/host/lib/fs/files.c lib/fs/bcache.c lib/fs/bcache_io.c
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/host/check_main.h"
#include "test/host/lib/fs/disk.h"
#include "test/host/lib/fs/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static struct disk *good, *disk;

/* Of check_main.c, which has a main(). */
uint64_t test_seed;

uint64_t test_random(void)
{
	return 4;
}

/* An image with something of everything in it. */
static void prepare(void)
{
	struct fs *fs;
	char name[32];

	good = disk_make(1 << 20, " -t ext4 -b 1024 -O ^metadata_csum,^has_journal -N 64");
	disk = disk_create(1 << 20);
	fs = disk_mount(good, false);
	files_mkdir(fs, "d");
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "d/a-longer-name-%d", i);
		files_write(fs, name, (uint64_t)i * 3000, "x", 1);
	}
	files_fill(fs, "large", 0, 100000, 1);
	files_symlink(fs, "to", "link");
	disk_unmount(fs);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	const char *why = "";
	struct fs *fs = NULL;

	if (!good)
		prepare();
	memcpy(disk->bytes, good->bytes, 1 << 20);
	for (; count >= 5; bytes += 5, count -= 5) {
		uint32_t at = (bytes[0] | bytes[1] << 8 | bytes[2] << 16) & ((1 << 20) - 1);

		if (bytes[4] & 0x80) /* where the metadata are */
			at &= 0xffff;
		for (uint32_t i = 0; i < bytes[4] % 16u + 1 && at + i < 1 << 20; i++)
			disk->bytes[at + i] = bytes[3];
	}
	if (disk_try_mount(disk, "errors=continue", false, &fs, &why))
		return 0;
	(void)files_walk(fs);
	(void)files_try_write(fs, "d/new", 0, "new", 3);
	(void)files_try_write(fs, "large", 200000, "new", 3);
	(void)files_try_unlink(fs, "d/a-longer-name-3");
	(void)files_try_resize(fs, "large", 1000);
	(void)files_try_rename(fs, "d/a-longer-name-4", "renamed");
	(void)fs->ops->sync(fs);
	(void)fs->ops->unmount(fs);
	return 0;
}
