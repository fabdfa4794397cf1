/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of the ramdisk through the POSIX interface: reading works, changing is EROFS. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "test/guest/check.h"

#define FAILS(call, error) ((call) == -1 && errno == (error))

static void reading(void)
{
	char text[100] = "";
	struct stat status;
	int fd = open("/text", O_RDONLY), copy;
	FILE *stream;

	CHECK(fd > 2 && read(fd, text, sizeof(text)) == 23 &&
	      memcmp(text, "first line\nsecond line\n", 23) == 0);
	CHECK(read(fd, text, 1) == 0 && lseek(fd, 6, SEEK_SET) == 6 && read(fd, text, 4) == 4);
	CHECK(memcmp(text, "line", 4) == 0 && lseek(fd, 0, SEEK_CUR) == 10 &&
	      lseek(fd, -5, SEEK_END) == 18);
	CHECK(pread(fd, text, 5, 0) == 5 && memcmp(text, "first", 5) == 0 &&
	      lseek(fd, 0, SEEK_CUR) == 18);
	CHECK(FAILS(lseek(fd, -1, SEEK_SET), EINVAL) && FAILS(write(fd, "x", 1), EBADF));
	CHECK(fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 23);
	copy = dup(fd);
	CHECK(copy > fd && lseek(copy, 0, SEEK_SET) == 0 && lseek(fd, 0, SEEK_CUR) == 0);
	CHECK(close(fd) == 0 && FAILS(close(fd), EBADF) && read(copy, text, 5) == 5 &&
	      close(copy) == 0);
	stream = fopen("/text", "r");
	CHECK(stream && fgets(text, sizeof(text), stream) && strcmp(text, "first line\n") == 0);
	CHECK(fseek(stream, 7, SEEK_SET) == 0 && fgetc(stream) == 'i' && ftell(stream) == 8 &&
	      fclose(stream) == 0);
}

static void names(void)
{
	struct stat status;
	char target[PATH_MAX];

	CHECK(stat("/", &status) == 0 && S_ISDIR(status.st_mode));
	CHECK(stat("/directory/below/deep", &status) == 0 && status.st_size == 5);
	CHECK(stat("//directory/.././directory//below/deep", &status) == 0);
	CHECK(stat("/link/deep", &status) == 0 && stat("/directory/absolute", &status) == 0 &&
	      status.st_size == 23);
	CHECK(lstat("/link", &status) == 0 && S_ISLNK(status.st_mode));
	CHECK(readlink("/link", target, sizeof(target)) == 15 &&
	      memcmp(target, "directory/below", 15) == 0);
	CHECK(FAILS(readlink("/text", target, sizeof(target)), EINVAL));
	CHECK(FAILS(open("/missing", O_RDONLY), ENOENT) && FAILS(open("", O_RDONLY), ENOENT));
	CHECK(FAILS(open("/text/below", O_RDONLY), ENOTDIR) &&
	      FAILS(open("/text/", O_RDONLY), ENOTDIR));
	CHECK(FAILS(open("/loop1", O_RDONLY), ELOOP) &&
	      FAILS(open("/link", O_RDONLY | O_NOFOLLOW), ELOOP));
	memset(target, 'x', 300);
	target[0] = '/';
	target[300] = '\0';
	CHECK(FAILS(open(target, O_RDONLY), ENAMETOOLONG));
	CHECK(realpath("/link/../below/./deep", target) &&
	      strcmp(target, "/directory/below/deep") == 0);
	CHECK(access("/text", R_OK) == 0 && FAILS(access("/text", W_OK), EROFS) &&
	      FAILS(access("/none", F_OK), ENOENT));
}

static void working_directory(void)
{
	char path[PATH_MAX];
	int fd;

	CHECK(getcwd(path, sizeof(path)) && strcmp(path, "/") == 0);
	CHECK(chdir("/directory/below") == 0 && getcwd(path, sizeof(path)) &&
	      strcmp(path, "/directory/below") == 0);
	CHECK(access("deep", R_OK) == 0 && access("../../text", R_OK) == 0 &&
	      access("../../../../text", R_OK) == 0);
	CHECK(chdir("../..") == 0 && FAILS(chdir("text"), ENOTDIR));
	errno = 0;
	CHECK(getcwd(path, 1) == NULL && errno == ERANGE);
	fd = open("directory", O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0 && openat(fd, "below/deep", O_RDONLY) > fd &&
	      faccessat(fd, "below", F_OK, 0) == 0);
	CHECK(fchdir(fd) == 0 && getcwd(path, sizeof(path)) && strcmp(path, "/directory") == 0 &&
	      chdir("/") == 0);
	CHECK(FAILS(open("text", O_RDONLY | O_DIRECTORY), ENOTDIR));
}

static void listing(void)
{
	const char *wanted[] = {"directory", "empty", "link", "text",
				"loop1",     "loop2", "dev",  "tmp"};
	DIR *directory = opendir("/");
	struct dirent *entry;
	unsigned int seen = 0, others = 0;
	struct dirent **list;
	glob_t found;

	CHECK(directory != NULL);
	while ((entry = readdir(directory)) != NULL) {
		unsigned int i;

		for (i = 0; i < 8 && strcmp(entry->d_name, wanted[i]) != 0; i++)
			;
		if (i < 8)
			seen |= 1U << i;
		else
			others += entry->d_name[0] != '.';
		if (i == 0)
			CHECK(entry->d_type == DT_DIR);
		if (i == 3)
			CHECK(entry->d_type == DT_REG);
	}
	CHECK(seen == 0xff && others == 0);
	rewinddir(directory);
	CHECK(readdir(directory) != NULL && closedir(directory) == 0);
	CHECK(opendir("/text") == NULL && errno == ENOTDIR);
	CHECK(scandir("/directory", &list, NULL, alphasort) == 4 &&
	      strcmp(list[3]->d_name, "below") == 0);
	CHECK(glob("/*ext", 0, NULL, &found) == 0 && found.gl_pathc == 1 &&
	      strcmp(found.gl_pathv[0], "/text") == 0);
}

static int visits[8];

static int on_visit(const char *path, const struct stat *status, int type, struct FTW *at)
{
	visits[type]++;
	CHECK(strcmp(path + at->base, "deep") != 0 || (status->st_size == 5 && at->level == 2));
	return 0;
}

static void walking(void)
{
	CHECK(nftw("/directory", on_visit, 10, FTW_PHYS) == 0);
	CHECK(visits[FTW_D] == 2 && visits[FTW_F] == 1 && visits[FTW_SL] == 1);
	CHECK(nftw("/none", on_visit, 10, 0) == 0 && visits[FTW_NS] == 1);
}

static void read_only(void)
{
	struct statvfs info;

	CHECK(FAILS(open("/text", O_RDWR), EROFS) &&
	      FAILS(open("/text", O_WRONLY | O_TRUNC), EROFS));
	CHECK(FAILS(open("/new", O_WRONLY | O_CREAT, 0644), EROFS));
	CHECK(FAILS(open("/text", O_RDONLY | O_CREAT | O_EXCL, 0644), EEXIST));
	CHECK(FAILS(open("/", O_RDWR), EISDIR) && FAILS(unlink("/text"), EROFS) &&
	      FAILS(unlink("/none"), ENOENT));
	CHECK(FAILS(mkdir("/new", 0755), EROFS) && FAILS(mkdir("/directory", 0755), EEXIST));
	CHECK(FAILS(rmdir("/directory"), EROFS) && FAILS(rmdir("/text"), ENOTDIR));
	CHECK(FAILS(rename("/text", "/other"), EROFS) && FAILS(chmod("/text", 0600), EROFS));
	CHECK(FAILS(symlink("a", "/b"), EROFS) && FAILS(link("/text", "/b"), EROFS) &&
	      FAILS(truncate("/text", 0), EROFS));
	CHECK(statvfs("/", &info) == 0 && (info.f_flag & ST_RDONLY));
	CHECK(fopen("/new", "w") == NULL && errno == EROFS);
}

static void mapping(void)
{
	int fd = open("/text", O_RDONLY);
	char *map = mmap(NULL, 23, PROT_READ, MAP_PRIVATE, fd, 0);

	CHECK(map != MAP_FAILED && memcmp(map, "first line", 10) == 0 && map[23] == 0 &&
	      map[4095] == 0);
	CHECK(munmap(map, 23) == 0);
	CHECK(mmap(NULL, 23, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
	      errno == EACCES);
	CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL);
	close(fd);
}

static void devices(void)
{
	char bytes[16] = "xxxxxxxxxxxxxxx";
	int fd = open("/dev/null", O_RDWR);

	CHECK(fd >= 0 && write(fd, bytes, 16) == 16 && read(fd, bytes, 16) == 0 && close(fd) == 0);
	fd = open("/dev/zero", O_RDONLY);
	CHECK(fd >= 0 && read(fd, bytes, 16) == 16 && bytes[0] == 0 && bytes[15] == 0 &&
	      close(fd) == 0);
	fd = open("/dev/full", O_WRONLY);
	CHECK(fd >= 0 && FAILS(write(fd, bytes, 1), ENOSPC) && close(fd) == 0);
	fd = open("/dev/tty", O_RDWR);
	CHECK(fd >= 0 && isatty(fd) && close(fd) == 0);
	CHECK(FAILS(open("/dev/none", O_RDONLY), ENOENT));
}

static void many(void)
{
	int fd = 0, last = 0;

	for (int i = 0; i < 1100 && fd >= 0; i++) {
		fd = open("/text", O_RDONLY);
		if (fd >= 0)
			last = fd;
	}
	CHECK(last >= 1023);
	for (; last > 2; last--)
		close(last);
	CHECK(dup2(1, 500) == 500 && isatty(500) && close(500) == 0 && FAILS(dup2(77, 5), EBADF));
}

int main(void)
{
	reading();
	names();
	working_directory();
	listing();
	walking();
	read_only();
	mapping();
	devices();
	many();
	return check_done();
}
