/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program does with files on ext4, one mode a run: `write` leaves files that the host looks
 * at, `full` fills the disk and frees it, `load` writes and syncs until it is destroyed, telling
 * what is safe, `verify N` finds the N files that were.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "test/guest/check.h"

#define FILE_BYTES 10000

static char bytes[FILE_BYTES], back[FILE_BYTES];

static void fill(int seed)
{
	for (int i = 0; i < FILE_BYTES; i++)
		bytes[i] = (char)('a' + (i * 7 + seed * 13 + i / 256) % 26);
}

/* Writes the file with its seed's contents, and makes it safe. */
static void put(const char *name, int seed)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	fill(seed);
	CHECK(fd >= 0);
	CHECK(write(fd, bytes, FILE_BYTES) == FILE_BYTES);
	CHECK(fsync(fd) == 0);
	CHECK(close(fd) == 0);
}

static int holds(const char *name, int seed)
{
	int fd = open(name, O_RDONLY);
	ssize_t n;

	fill(seed);
	if (fd < 0)
		return 0;
	n = read(fd, back, FILE_BYTES);
	close(fd);
	return n == FILE_BYTES && memcmp(bytes, back, FILE_BYTES) == 0;
}

static void do_write(void)
{
	struct stat info;
	char name[64];
	int fd;

	CHECK(mkdir("/dir", 0755) == 0);
	CHECK(mkdir("/dir/sub", 0700) == 0);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "/dir/file-number-%d", i);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
		CHECK(fd >= 0 && write(fd, name, strlen(name)) == (ssize_t)strlen(name));
		CHECK(close(fd) == 0);
	}
	put("/dir/synced", 1);
	CHECK(rename("/dir/synced", "/dir/sub/moved") == 0);
	CHECK(link("/dir/sub/moved", "/linked") == 0);
	CHECK(symlink("dir/sub/moved", "/symlink") == 0);
	CHECK(holds("/symlink", 1));
	fd = open("/sparse", O_CREAT | O_RDWR, 0644);
	CHECK(pwrite(fd, "end", 3, 0xfffffff0LL) == 3);
	CHECK(fstat(fd, &info) == 0 && info.st_size == 0xfffffff3LL && info.st_blocks < 64);
	CHECK(pread(fd, back, 4096, 1LL << 31) == 4096 && back[0] == 0 && back[4095] == 0);
	CHECK(close(fd) == 0);
	fd = open("/unlinked", O_CREAT | O_RDWR, 0644);
	CHECK(write(fd, bytes, FILE_BYTES) == FILE_BYTES && unlink("/unlinked") == 0);
	CHECK(pread(fd, back, FILE_BYTES, 0) == FILE_BYTES && memcmp(bytes, back, FILE_BYTES) == 0);
	fd = open("/host-file", O_RDONLY);
	CHECK(fd >= 0 && read(fd, back, 100) == 5 && memcmp(back, "host\n", 5) == 0);
}

static void do_full(void)
{
	struct statvfs before, full, after;
	static char block[65536];
	int fd;

	CHECK(statvfs("/", &before) == 0);
	for (int round = 0; round < 2; round++) {
		ssize_t n;

		fd = open("/big", O_CREAT | O_WRONLY, 0644);
		while ((n = write(fd, block, sizeof(block))) > 0)
			;
		CHECK(n == -1 && errno == ENOSPC);
		CHECK(close(fd) == 0);
		CHECK(statvfs("/", &full) == 0 && full.f_bfree < 8);
		CHECK(unlink("/big") == 0);
		CHECK(statvfs("/", &after) == 0 && after.f_bfree == before.f_bfree);
	}
}

static void do_load(void)
{
	char name[64];

	for (int i = 0;; i++) {
		snprintf(name, sizeof(name), "/load-%d", i);
		put(name, i);
		printf("safe %d\n", i + 1);
		fflush(stdout);
		if (i % 3 == 2) {
			/* Something to be in the middle of. */
			put("/changing", i);
			rename("/changing", "/changed");
		}
	}
}

static void do_verify(int count)
{
	char name[64];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "/load-%d", i);
		CHECK(holds(name, i));
		CHECK(unlink(name) == 0);
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "write";

	if (strcmp(mode, "write") == 0)
		do_write();
	else if (strcmp(mode, "full") == 0)
		do_full();
	else if (strcmp(mode, "load") == 0)
		do_load();
	else
		do_verify(atoi(argv[2]));
	return check_done();
}
