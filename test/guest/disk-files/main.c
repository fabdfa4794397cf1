/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks as files of /dev: anywhere in them, on their sectors alone with O_DIRECT, and mapped. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/guest/check.h"

#define FAILS(call, error) ((call) == -1 && errno == (error))
#define MIB                (1 << 20)

static char out[300000], back[300000];

static void anywhere(void)
{
	int fd = open("/dev/xvda", O_RDWR);
	struct stat status;

	CHECK(fd >= 0 && fstat(fd, &status) == 0 && S_ISBLK(status.st_mode) &&
	      lseek(fd, 0, SEEK_END) == 4 * MIB);
	CHECK(pwrite(fd, "not on any boundary!", 20, 1000003) == 20 && fsync(fd) == 0);
	CHECK(pread(fd, back, 20, 1000003) == 20 && memcmp(back, "not on any boundary!", 20) == 0);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 13 + 5);
	CHECK(pwrite(fd, out, sizeof(out), 2000001) == sizeof(out) &&
	      pread(fd, back, sizeof(back), 2000001) == sizeof(back) &&
	      memcmp(out, back, sizeof(out)) == 0);
	/* The end of a disk is the end of the file. */
	CHECK(pread(fd, back, 100, 4 * MIB - 10) == 10 && pread(fd, back, 100, 4 * MIB) == 0 &&
	      pwrite(fd, out, 100, 4 * MIB - 10) == 10 &&
	      FAILS(pwrite(fd, out, 1, 4 * MIB), ENOSPC));
	CHECK(FAILS(ftruncate(fd, 0), EINVAL) && close(fd) == 0);
}

static void direct(void)
{
	int fd = open("/dev/xvda", O_RDWR | O_DIRECT | O_DSYNC);
	char *aligned = aligned_alloc(4096, 8192);

	memset(aligned, 'd', 8192);
	CHECK(fd >= 0 && pwrite(fd, aligned, 8192, 65536) == 8192 &&
	      pread(fd, aligned, 8192, 65536) == 8192 && aligned[8191] == 'd');
	CHECK(FAILS(pwrite(fd, aligned, 100, 0), EINVAL) &&
	      FAILS(pread(fd, aligned, 512, 7), EINVAL));
	CHECK(close(fd) == 0);
	free(aligned);
}

static void mapped(void)
{
	int fd = open("/dev/xvda", O_RDWR);
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 131072);
	char *same = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 131072);

	CHECK(map != MAP_FAILED && same != MAP_FAILED);
	strcpy(map, "through a mapping");
	CHECK(strcmp(same, "through a mapping") == 0 && pread(fd, back, 20, 131072) == 20 &&
	      back[0] == 0);
	CHECK(msync(map, 8192, MS_SYNC) == 0 && pread(fd, back, 20, 131072) == 20 &&
	      strcmp(back, "through a mapping") == 0);
	strcpy(map + 5000, "late");
	CHECK(munmap(map, 8192) == 0 && pread(fd, back, 5, 131072 + 5000) == 5 &&
	      strcmp(back, "late") == 0);
	CHECK(munmap(same, 4096) == 0 && close(fd) == 0);
}

static void others(void)
{
	struct dirent *entry;
	unsigned int seen = 0;
	DIR *directory = opendir("/dev");
	int fd = open("/dev/xvdb", O_RDONLY);

	CHECK(fd >= 0 && read(fd, back, 1000) == 1000 && close(fd) == 0);
	fd = open("/dev/xvdb", O_RDWR);
	CHECK(FAILS(write(fd, out, 512), EROFS) && close(fd) == 0);
	CHECK(FAILS(open("/dev/xvdz", O_RDONLY), ENOENT));
	while (directory && (entry = readdir(directory)) != NULL)
		seen += entry->d_type == DT_BLK && strncmp(entry->d_name, "xvd", 3) == 0;
	CHECK(seen == 2 && closedir(directory) == 0);
}

int main(void)
{
	anywhere();
	direct();
	mapped();
	others();
	return check_done();
}
