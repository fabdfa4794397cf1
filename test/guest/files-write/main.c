/* SPDX-License-Identifier: BSD-2-Clause */
/* The POSIX file interface where files can be written: tmpfs. Each error is the one POSIX names. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/check.h"

#define FAILS(call, error) ((call) == -1 && errno == (error))

static char big[3 * 4096 + 17];

static int make(const char *path, const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	return fd;
}

static off_t size_of(const char *path)
{
	struct stat status;

	return stat(path, &status) ? -1 : status.st_size;
}

static void opening(void)
{
	int fd = make("/tmp/a", "one");
	char text[16] = "";

	CHECK(pread(fd, text, 16, 0) == 3 && strcmp(text, "one") == 0 && close(fd) == 0);
	CHECK(FAILS(open("/tmp/a", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST));
	fd = open("/tmp/a", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && size_of("/tmp/a") == 3 && close(fd) == 0);
	fd = open("/tmp/a", O_WRONLY | O_TRUNC);
	CHECK(fd >= 0 && size_of("/tmp/a") == 0 && FAILS(read(fd, text, 1), EBADF) &&
	      close(fd) == 0);
	CHECK(FAILS(open("/tmp/none/a", O_RDWR | O_CREAT, 0600), ENOENT));
	CHECK(FAILS(open("/tmp/a/b", O_RDWR | O_CREAT, 0600), ENOTDIR));
	CHECK(FAILS(open("/tmp", O_RDWR), EISDIR));
	CHECK(FAILS(open("/tmp/new/", O_RDWR | O_CREAT, 0600), EISDIR));
	CHECK(FAILS(open("/tmp/a/", O_RDWR), ENOTDIR));
	CHECK(symlink("/tmp/target", "/tmp/dangling") == 0);
	CHECK(FAILS(open("/tmp/dangling", O_RDWR), ENOENT));
	CHECK(FAILS(open("/tmp/dangling", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST));
	CHECK(FAILS(open("/tmp/dangling", O_RDWR | O_NOFOLLOW), ELOOP));
	fd = open("/tmp/dangling", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && close(fd) == 0 && size_of("/tmp/target") == 0);
	fd = open("/tmp", O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0 && FAILS(read(fd, text, 1), EISDIR) && FAILS(write(fd, text, 1), EBADF));
	CHECK(close(fd) == 0 && FAILS(open("/tmp/a", O_RDONLY | O_DIRECTORY), ENOTDIR));
	CHECK(unlink("/tmp/a") == 0 && unlink("/tmp/dangling") == 0 && unlink("/tmp/target") == 0);
}

static void moving_bytes(void)
{
	int fd = make("/tmp/b", ""), again;
	struct iovec parts[2] = {{"abc", 3}, {"defg", 4}};
	char text[64];
	struct stat status;

	CHECK(writev(fd, parts, 2) == 7 && lseek(fd, 0, SEEK_CUR) == 7);
	CHECK(pwrite(fd, "Z", 1, 1) == 1 && lseek(fd, 0, SEEK_CUR) == 7);
	CHECK(pread(fd, text, 64, 0) == 7 && memcmp(text, "aZcdefg", 7) == 0);
	/* A hole reads as zeros and takes no memory. */
	CHECK(lseek(fd, 5000000, SEEK_SET) == 5000000 && write(fd, "end", 3) == 3);
	CHECK(fstat(fd, &status) == 0 && status.st_size == 5000003 && status.st_blocks < 40);
	memset(text, 1, sizeof(text));
	CHECK(pread(fd, text, 64, 2000000) == 64 && text[0] == 0 && text[63] == 0);
	CHECK(FAILS(lseek(fd, -1, SEEK_SET), EINVAL) && FAILS(pwrite(fd, "x", 1, -1), EINVAL));
	/* Each write of an appending descriptor goes to the end, wherever others wrote. */
	CHECK(ftruncate(fd, 4) == 0);
	again = open("/tmp/b", O_WRONLY | O_APPEND);
	CHECK(pwrite(fd, "4567", 4, 4) == 4 && write(again, "89", 2) == 2 &&
	      size_of("/tmp/b") == 10);
	CHECK(lseek(again, 0, SEEK_CUR) == 10 && lseek(again, 0, SEEK_SET) == 0 &&
	      write(again, "ab", 2) == 2 && size_of("/tmp/b") == 12 && close(again) == 0);
	CHECK(pread(fd, text, 64, 0) == 12 && memcmp(text, "aZcd456789ab", 12) == 0);
	/* What was cut off is gone, also when the file grows again. */
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + 1);
	CHECK(pwrite(fd, big, sizeof(big), 100) == sizeof(big) && ftruncate(fd, 5000) == 0 &&
	      ftruncate(fd, 9000) == 0 && pread(fd, text, 64, 4990) == 64);
	CHECK(memcmp(text, big + 4890, 10) == 0 && text[10] == 0 && text[63] == 0);
	CHECK(FAILS(ftruncate(fd, -1), EINVAL) && truncate("/tmp/b", 3) == 0 &&
	      size_of("/tmp/b") == 3 && FAILS(truncate("/tmp", 0), EISDIR));
	CHECK(posix_fallocate(fd, 0, 10000) == 0 && size_of("/tmp/b") == 10000 &&
	      posix_fallocate(fd, 0, 0) == EINVAL && posix_fallocate(-1, 0, 1) == EBADF);
	CHECK(fstat(fd, &status) == 0 && status.st_blocks == 24);
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8192) == 0 &&
	      fstat(fd, &status) == 0 && status.st_blocks == 8 && status.st_size == 10000);
	CHECK(fsync(fd) == 0 && fdatasync(fd) == 0 && syncfs(fd) == 0 && FAILS(fsync(-1), EBADF));
	close(fd);
	fd = open("/tmp/b", O_RDONLY);
	CHECK(FAILS(ftruncate(fd, 0), EINVAL) && FAILS(write(fd, "x", 1), EBADF) && close(fd) == 0);
	CHECK(unlink("/tmp/b") == 0);
}

static void names(void)
{
	struct stat one, two;
	char target[64] = "";
	int fd = make("/tmp/c", "text");

	CHECK(link("/tmp/c", "/tmp/d") == 0 && stat("/tmp/c", &one) == 0 &&
	      stat("/tmp/d", &two) == 0 && one.st_ino == two.st_ino && two.st_nlink == 2);
	CHECK(FAILS(link("/tmp/c", "/tmp/d"), EEXIST) && FAILS(link("/tmp", "/tmp/x"), EPERM));
	CHECK(FAILS(link("/tmp/none", "/tmp/x"), ENOENT) && FAILS(link("/tmp/c", "/dev/x"), EXDEV));
	/* A file that nobody can find any more is there for who has it open. */
	CHECK(unlink("/tmp/c") == 0 && unlink("/tmp/d") == 0 && fstat(fd, &one) == 0 &&
	      one.st_nlink == 0 && pread(fd, target, 4, 0) == 4 && strcmp(target, "text") == 0);
	CHECK(FAILS(unlink("/tmp/c"), ENOENT) && FAILS(unlink("/tmp"), EPERM) && close(fd) == 0);
	CHECK(symlink("some/where", "/tmp/l") == 0 && readlink("/tmp/l", target, 4) == 4 &&
	      readlink("/tmp/l", target, 64) == 10 && memcmp(target, "some/where", 10) == 0);
	CHECK(lstat("/tmp/l", &one) == 0 && S_ISLNK(one.st_mode) && one.st_size == 10 &&
	      FAILS(symlink("x", "/tmp/l"), EEXIST) && FAILS(symlink("", "/tmp/m"), ENOENT));
	CHECK(unlink("/tmp/l") == 0);
	CHECK(mkdir("/tmp/dir", 0777) == 0 && stat("/tmp/dir", &one) == 0 && S_ISDIR(one.st_mode) &&
	      (one.st_mode & 0777) == 0755 && one.st_nlink == 2);
	CHECK(FAILS(mkdir("/tmp/dir", 0777), EEXIST) && FAILS(mkdir("/", 0777), EEXIST) &&
	      FAILS(mkdir("/tmp/no/dir", 0777), ENOENT));
	CHECK(mkdir("/tmp/dir/sub/", 0700) == 0 && stat("/tmp/dir", &one) == 0 &&
	      one.st_nlink == 3);
	CHECK(FAILS(rmdir("/tmp/dir"), ENOTEMPTY) && FAILS(rmdir("/tmp/dir/."), EINVAL) &&
	      FAILS(rmdir("/tmp/dir/sub/.."), ENOTEMPTY) && FAILS(rmdir("/"), EBUSY) &&
	      FAILS(rmdir("/dev"), EBUSY));
	CHECK(rmdir("/tmp/dir/sub/") == 0 && rmdir("/tmp/dir") == 0 &&
	      FAILS(rmdir("/tmp/dir"), ENOENT));
	memset(big, 'n', 256);
	memcpy(big, "/tmp/", 5);
	big[5 + NAME_MAX] = '\0';
	CHECK(mkdir(big, 0700) == 0 && rmdir(big) == 0);
	big[5 + NAME_MAX] = 'n';
	big[6 + NAME_MAX] = '\0';
	CHECK(FAILS(mkdir(big, 0700), ENAMETOOLONG));
}

static void renaming(void)
{
	struct stat one;
	int fd = make("/tmp/from", "1"), other = make("/tmp/to", "22");

	CHECK(rename("/tmp/from", "/tmp/to") == 0 && size_of("/tmp/to") == 1 &&
	      FAILS(stat("/tmp/from", &one), ENOENT));
	CHECK(fstat(other, &one) == 0 && one.st_nlink == 0 && fstat(fd, &one) == 0 &&
	      one.st_nlink == 1 && close(fd) == 0 && close(other) == 0);
	CHECK(link("/tmp/to", "/tmp/same") == 0 && rename("/tmp/to", "/tmp/same") == 0 &&
	      size_of("/tmp/to") == 1 && unlink("/tmp/same") == 0);
	CHECK(mkdir("/tmp/d1", 0700) == 0 && mkdir("/tmp/d1/d2", 0700) == 0 &&
	      mkdir("/tmp/d3", 0700) == 0);
	CHECK(FAILS(rename("/tmp/d1", "/tmp/d1/d2/x"), EINVAL) &&
	      FAILS(rename("/tmp/d1", "/tmp/d1/d2"), EINVAL) &&
	      FAILS(rename("/tmp/d1/d2", "/tmp/d1"), ENOTEMPTY));
	CHECK(FAILS(rename("/tmp/to", "/tmp/d1"), EISDIR) &&
	      FAILS(rename("/tmp/d1", "/tmp/to"), ENOTDIR) &&
	      FAILS(rename("/tmp/to/", "/tmp/x"), ENOTDIR) &&
	      FAILS(rename("/tmp/none", "/tmp/x"), ENOENT) &&
	      FAILS(rename("/tmp/to", "/dev/x"), EXDEV) && FAILS(rename("/dev", "/x"), EBUSY));
	CHECK(rename("/tmp/d1", "/tmp/d3") == 0 && access("/tmp/d3/d2", F_OK) == 0 &&
	      FAILS(access("/tmp/d1", F_OK), ENOENT));
	/* `..` is where a directory is now, not where it was found. */
	CHECK(mkdir("/tmp/d4", 0700) == 0 && chdir("/tmp/d3/d2") == 0 &&
	      rename("/tmp/d3/d2", "/tmp/d4/moved") == 0);
	CHECK(strcmp(getcwd(big, sizeof(big)), "/tmp/d4/moved") == 0 &&
	      mkdir("../new", 0700) == 0 && access("/tmp/d4/new", F_OK) == 0);
	CHECK(rmdir("/tmp/d4/moved") == 0 && getcwd(big, sizeof(big)) == NULL && errno == ENOENT &&
	      FAILS(mkdir("x", 0700), ENOENT) && FAILS(open("x", O_RDWR | O_CREAT, 0600), ENOENT) &&
	      chdir("/tmp") == 0);
	CHECK(rmdir("d4/new") == 0 && rmdir("d4") == 0 && rmdir("d3") == 0 && unlink("to") == 0 &&
	      chdir("/") == 0);
}

static void at_calls(void)
{
	struct stat status;
	int directory, fd;

	CHECK(mkdir("/tmp/at", 0700) == 0);
	directory = open("/tmp/at", O_RDONLY | O_DIRECTORY);
	CHECK(mkdirat(directory, "sub", 0700) == 0 && symlinkat("f", directory, "link") == 0);
	fd = openat(directory, "f", O_RDWR | O_CREAT, 0640);
	CHECK(fd >= 0 && fstatat(directory, "f", &status, 0) == 0 &&
	      (status.st_mode & 0777) == 0640);
	CHECK(fstatat(directory, "link", &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	      S_ISLNK(status.st_mode) && fstatat(directory, "link", &status, 0) == 0 &&
	      S_ISREG(status.st_mode));
	CHECK(linkat(directory, "f", directory, "g", 0) == 0 &&
	      renameat(directory, "g", directory, "sub/h") == 0 &&
	      unlinkat(directory, "sub/h", 0) == 0 && FAILS(unlinkat(directory, "sub", 0), EPERM) &&
	      unlinkat(directory, "sub", AT_REMOVEDIR) == 0);
	CHECK(FAILS(openat(fd, "f", O_RDONLY), ENOTDIR) &&
	      FAILS(openat(99, "f", O_RDONLY), EBADF) && openat(99, "/tmp/none", O_RDONLY) == -1 &&
	      errno == ENOENT);
	CHECK(faccessat(directory, "f", W_OK, 0) == 0 &&
	      FAILS(faccessat(directory, "f", X_OK, AT_EACCESS), EACCES));
	CHECK(fchmodat(directory, "f", 0755, 0) == 0 && access("/tmp/at/f", X_OK) == 0);
	CHECK(close(fd) == 0 && unlinkat(directory, "f", 0) == 0 &&
	      unlinkat(directory, "link", 0) == 0 && close(directory) == 0 &&
	      rmdir("/tmp/at") == 0);
	/* A file that never had a name gets one. */
	fd = open("/tmp", O_RDWR | O_TMPFILE, 0600);
	CHECK(fd >= 0 && write(fd, "tmp", 3) == 3 && fstat(fd, &status) == 0 &&
	      status.st_nlink == 0);
	CHECK(linkat(fd, "", AT_FDCWD, "/tmp/named", AT_EMPTY_PATH) == 0 &&
	      size_of("/tmp/named") == 3 && close(fd) == 0 && unlink("/tmp/named") == 0);
}

static void attributes(void)
{
	struct timespec times[2] = {{1000, 5}, {2000, 6}}, now;
	struct statvfs info;
	struct stat status;
	int fd = make("/tmp/e", "x");

	CHECK(fchmod(fd, 0600) == 0 && chown("/tmp/e", 5, 6) == 0 && fchown(fd, -1, 7) == 0 &&
	      fstat(fd, &status) == 0 && (status.st_mode & 07777) == 0600 && status.st_uid == 5 &&
	      status.st_gid == 7);
	CHECK(utimensat(AT_FDCWD, "/tmp/e", times, 0) == 0 && fstat(fd, &status) == 0 &&
	      status.st_atim.tv_sec == 1000 && status.st_atim.tv_nsec == 5 &&
	      status.st_mtim.tv_sec == 2000 && status.st_mtim.tv_nsec == 6);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = UTIME_NOW;
	CHECK(futimens(fd, times) == 0 && clock_gettime(CLOCK_REALTIME, &now) == 0 &&
	      fstat(fd, &status) == 0 && status.st_atim.tv_sec == 1000 &&
	      now.tv_sec - status.st_mtim.tv_sec <= 2);
	times[1].tv_nsec = 1000000000;
	CHECK(FAILS(futimens(fd, times), EINVAL) && FAILS(chmod("/tmp/none", 0), ENOENT));
	CHECK(umask(077) == 022 && umask(022) == 077);
	CHECK(statvfs("/tmp", &info) == 0 && info.f_blocks > 0 && info.f_bfree <= info.f_blocks &&
	      !(info.f_flag & ST_RDONLY) && fstatvfs(fd, &info) == 0 && info.f_namemax == 255);
	CHECK(close(fd) == 0 && unlink("/tmp/e") == 0);
}

static void listing(void)
{
	char name[300];
	unsigned int seen = 0;
	struct dirent *entry;
	DIR *directory;

	CHECK(mkdir("/tmp/list", 0700) == 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "/tmp/list/%d", i);
		if (close(open(name, O_WRONLY | O_CREAT, 0600)))
			CHECK(!"created");
	}
	/* Who removes what he lists sees each name once. */
	directory = opendir("/tmp/list");
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		seen++;
		snprintf(name, sizeof(name), "/tmp/list/%s", entry->d_name);
		if (unlink(name))
			CHECK(!"removed");
	}
	CHECK(seen == 1000 && closedir(directory) == 0 && rmdir("/tmp/list") == 0);
	directory = opendir("/dev/shm");
	CHECK(directory && (entry = readdir(directory)) != NULL &&
	      strcmp(entry->d_name, ".") == 0 && (entry = readdir(directory)) != NULL &&
	      strcmp(entry->d_name, "..") == 0 && readdir(directory) == NULL &&
	      closedir(directory) == 0);
}

/* More than there is room for; then the room is there again. */
static void full(void)
{
	struct statvfs before, after;
	int fd = make("/tmp/full", "");
	off_t total = 0;
	ssize_t written;

	CHECK(statvfs("/tmp", &before) == 0);
	while ((written = write(fd, big, sizeof(big))) > 0)
		total += written;
	CHECK(written == -1 && errno == ENOSPC && total > 1000000 && size_of("/tmp/full") == total);
	CHECK(ftruncate(fd, 0) == 0 && statvfs("/tmp", &after) == 0 &&
	      after.f_bfree + 2 >= before.f_bfree);
	CHECK(close(fd) == 0 && unlink("/tmp/full") == 0);
}

static void temporary(void)
{
	char path[] = "/tmp/XXXXXX", directory[] = "/tmp/dirXXXXXX", text[8] = "";
	FILE *stream = tmpfile();
	int fd = mkstemp(path);

	CHECK(stream && fputs("hello", stream) >= 0 && fseek(stream, 0, SEEK_SET) == 0 &&
	      fgets(text, 8, stream) && strcmp(text, "hello") == 0 && fclose(stream) == 0);
	CHECK(fd >= 0 && size_of(path) == 0 && close(fd) == 0 && unlink(path) == 0);
	CHECK(mkdtemp(directory) && rmdir(directory) == 0);
	stream = fopen("/tmp/stream", "w+");
	CHECK(stream && fprintf(stream, "%d lines\n", 3) == 8 && fclose(stream) == 0 &&
	      size_of("/tmp/stream") == 8 && remove("/tmp/stream") == 0);
}

int main(void)
{
	opening();
	moving_bytes();
	names();
	renaming();
	at_calls();
	attributes();
	listing();
	full();
	temporary();
	return check_done();
}
