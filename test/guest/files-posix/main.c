/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The corners of the file interface, as Linux has them: DIRECTORY is where it works, KIND the type
 * of its file system (ext: all there is; tmpfs). Nothing here is Stardust's own: compiled for Linux
 * it says the same.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/guest/check.h"
#include "test/guest/files-posix/parts.h"

const char *work_in, *work_kind;

void put(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(close(fd) == 0);
}

int holds(const char *name, const char *text)
{
	char back[256];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, back, sizeof(back));

	close(fd);
	return n == (ssize_t)strlen(text) && memcmp(back, text, (size_t)n) == 0;
}

static ino_t number_of(const char *name)
{
	struct stat info;

	return stat(name, &info) == 0 ? info.st_ino : 0;
}

static nlink_t links_of(const char *name)
{
	struct stat info;

	return lstat(name, &info) == 0 ? info.st_nlink : 0;
}

static void renaming(void)
{
	ino_t number;

	put("a", "A");
	put("b", "B");
	number = number_of("a");
	CHECK(rename("a", "a") == 0 && number_of("a") == number);
	CHECK(rename("a", "b") == 0 && holds("b", "A") && number_of("b") == number);
	CHECK(access("a", F_OK) == -1 && errno == ENOENT);
	/* Two names of one file: nothing happens. */
	CHECK(link("b", "c") == 0 && rename("b", "c") == 0);
	CHECK(number_of("b") == number && number_of("c") == number && links_of("b") == 2);
	CHECK(unlink("c") == 0 && links_of("b") == 1);
	FAILS(rename("nothing", "c"), ENOENT);
	FAILS(rename("", "c"), ENOENT);
	FAILS(rename("b", ""), ENOENT);
	CHECK(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0 && mkdir("f", 0755) == 0);
	FAILS(rename("b", "d"), EISDIR);
	FAILS(rename("d", "b"), ENOTDIR);
	FAILS(rename("f", "d"), ENOTEMPTY);
	FAILS(rename("d", "d/e/g"), EINVAL);
	FAILS(rename("d", "d/e"), EINVAL);
	FAILS(rename("d/e", "d"), ENOTEMPTY);
	FAILS_EITHER(rename("d/.", "g"), EINVAL, EBUSY);
	FAILS_EITHER(rename("d/..", "g"), EINVAL, EBUSY);
	FAILS_EITHER(rename("b", "d/."), EINVAL, EBUSY);
	FAILS(rename("b", "g/"), ENOTDIR);
	FAILS(rename("b/", "g"), ENOTDIR);
	FAILS(rename("b/x", "g"), ENOTDIR);
	CHECK(rename("d/", "g/") == 0 && rename("g", "d") == 0);
	/* A directory over an empty one, and its links. */
	CHECK(links_of("d") == 3 && links_of("f") == 2);
	CHECK(rename("d/e", "f") == 0 && links_of("d") == 2 && links_of("f") == 2);
	CHECK(rename("f", "d/h") == 0 && links_of("d") == 3);
	CHECK(symlink("b", "to") == 0 && rename("to", "to2") == 0 && holds("to2", "A"));
	put("c", "C");
	CHECK(rename("c", "to2") == 0 && holds("to2", "C") && holds("b", "A"));
	CHECK(rmdir("d/h") == 0 && rmdir("d") == 0 && unlink("b") == 0 && unlink("to2") == 0);
}

static void removing(void)
{
	char byte;
	struct stat info;
	int fd;

	put("open", "still there");
	fd = open("open", O_RDWR);
	CHECK(unlink("open") == 0 && fstat(fd, &info) == 0 && info.st_nlink == 0);
	CHECK(info.st_size == 11 && pread(fd, &byte, 1, 6) == 1 && byte == 't');
	CHECK(pwrite(fd, "more", 4, 11) == 4 && fstat(fd, &info) == 0 && info.st_size == 15);
	put("open", "another");
	CHECK(pread(fd, &byte, 1, 0) == 1 && byte == 's' && holds("open", "another"));
	CHECK(close(fd) == 0 && unlink("open") == 0);
	CHECK(mkdir("dir", 0755) == 0);
	FAILS_EITHER(unlink("dir"), EPERM, EISDIR);
	put("dir/file", "x");
	FAILS(rmdir("dir"), ENOTEMPTY);
	FAILS(rmdir("dir/file"), ENOTDIR);
	FAILS(rmdir("dir/."), EINVAL);
	FAILS(rmdir("dir/.."), ENOTEMPTY);
	FAILS(unlink("dir/file/"), ENOTDIR);
	FAILS(rmdir("/"), EBUSY);
	CHECK(symlink("dir", "link") == 0);
	FAILS(rmdir("link"), ENOTDIR);
	FAILS(rmdir("link/"), ENOTDIR);
	CHECK(unlink("link") == 0 && unlink("dir/file") == 0);
	/* A directory that goes while it is open, and while it is where we are. */
	fd = open("dir", O_RDONLY | O_DIRECTORY);
	CHECK(chdir("dir") == 0 && rmdir("../dir") == 0);
	FAILS(open("new", O_CREAT | O_WRONLY, 0644), ENOENT);
	FAILS(mkdir("new", 0755), ENOENT);
	FAILS(openat(fd, "new", O_CREAT | O_WRONLY, 0644), ENOENT);
	CHECK(getcwd((char[64]){0}, 64) == NULL && errno == ENOENT);
	CHECK(fstat(fd, &info) == 0 && info.st_nlink == 0 && close(fd) == 0);
	CHECK(chdir(work_in) == 0);
	CHECK(remove("nothing") == -1 && errno == ENOENT && mkdir("r", 0700) == 0 &&
	      remove("r") == 0);
}

static void linking(void)
{
	char back[16], name[300], path[PATH_MAX + 8];

	put("one", "1");
	CHECK(link("one", "two") == 0 && links_of("two") == 2);
	FAILS(link("one", "two"), EEXIST);
	FAILS(link("nothing", "three"), ENOENT);
	FAILS(link(".", "three"), EPERM);
	CHECK(symlink("loop2", "loop1") == 0 && symlink("loop1", "loop2") == 0);
	FAILS(open("loop1", O_RDONLY), ELOOP);
	FAILS(stat("loop1", &(struct stat){0}), ELOOP);
	FAILS(open("loop1/x", O_CREAT | O_WRONLY, 0644), ELOOP);
	FAILS(symlink("x", "loop1"), EEXIST);
	FAILS(symlink("", "empty"), ENOENT);
	CHECK(symlink("one", "to") == 0 && readlink("to", back, sizeof(back)) == 3);
	CHECK(readlink("to", back, 2) == 2 && back[1] == 'n');
	FAILS(readlink("one", back, sizeof(back)), EINVAL);
	FAILS(open("to", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS(open("to", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST);
	/* A link that leads nowhere is where a file is made. */
	CHECK(symlink("made", "dangling") == 0);
	put("dangling", "through");
	CHECK(holds("made", "through") && links_of("made") == 1);
	FAILS(mkdir("dangling", 0755), EEXIST);
	/* A hard link of a symbolic link. */
	CHECK(link("to", "to3") == 0 && readlink("to3", back, sizeof(back)) == 3);
	CHECK(linkat(AT_FDCWD, "to", AT_FDCWD, "to4", AT_SYMLINK_FOLLOW) == 0);
	FAILS(readlink("to4", back, sizeof(back)), EINVAL);
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	FAILS(open(name, O_CREAT | O_WRONLY, 0644), ENAMETOOLONG);
	FAILS(mkdir(name, 0755), ENAMETOOLONG);
	FAILS(rename("one", name), ENAMETOOLONG);
	name[255] = '\0';
	put(name, "long");
	CHECK(holds(name, "long") && unlink(name) == 0);
	memset(path, '/', sizeof(path));
	memcpy(path + PATH_MAX - 1, "a", 2);
	FAILS(open(path, O_RDONLY), ENAMETOOLONG);
	for (const char **left = (const char *[]){"one", "two", "loop1", "loop2", "to", "made",
						  "dangling", "to3", "to4", NULL};
	     *left; left++)
		CHECK(unlink(*left) == 0);
}

static void opening(void)
{
	struct stat info;
	char byte;
	int fd;

	FAILS(open("", O_RDONLY), ENOENT);
	FAILS(open("nothing", O_RDONLY), ENOENT);
	FAILS(open("nothing/", O_CREAT | O_WRONLY, 0644), EISDIR);
	FAILS(open(".", O_WRONLY), EISDIR);
	FAILS(open(".", O_RDWR | O_CREAT, 0644), EISDIR);
	put("file", "contents");
	FAILS(open("file/", O_RDONLY), ENOTDIR);
	FAILS(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(open("file", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
	FAILS(mkdir("file/x", 0755), ENOTDIR);
	fd = open("file", O_RDONLY);
	FAILS(write(fd, "x", 1), EBADF);
	FAILS(ftruncate(fd, 0), EINVAL);
	CHECK(lseek(fd, 0, SEEK_END) == 8 && lseek(fd, 100, SEEK_CUR) == 108 &&
	      read(fd, &byte, 1) == 0);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(pread(fd, &byte, 1, -1), EINVAL);
	CHECK(close(fd) == 0);
	FAILS(close(fd), EBADF);
	fd = open("file", O_WRONLY | O_TRUNC);
	FAILS(read(fd, &byte, 1), EBADF);
	CHECK(fstat(fd, &info) == 0 && info.st_size == 0 && close(fd) == 0);
	fd = open(".", O_RDONLY);
	FAILS(read(fd, &byte, 1), EISDIR);
	CHECK(fsync(fd) == 0 && close(fd) == 0);
	umask(027);
	fd = open("masked", O_CREAT | O_WRONLY, 0666);
	CHECK(fstat(fd, &info) == 0 && (info.st_mode & 07777) == 0640 && close(fd) == 0);
	CHECK(mkdir("masked-dir", 0777) == 0 && stat("masked-dir", &info) == 0);
	CHECK((info.st_mode & 07777) == 0750 && umask(022) == 027);
	CHECK(chmod("masked", 06751) == 0 && stat("masked", &info) == 0);
	CHECK((info.st_mode & 07777) == 06751);
	CHECK(unlink("file") == 0 && unlink("masked") == 0 && rmdir("masked-dir") == 0);
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	CHECK(fd >= 0 && write(fd, "hidden", 6) == 6 && fstat(fd, &info) == 0 &&
	      info.st_nlink == 0);
	CHECK(close(fd) == 0);
}

static void descriptors_of_directories(void)
{
	int dir, fd;
	struct stat info;

	CHECK(mkdir("at", 0755) == 0);
	dir = open("at", O_RDONLY | O_DIRECTORY);
	fd = openat(dir, "file", O_CREAT | O_EXCL | O_RDWR, 0644);
	CHECK(fd >= 0 && write(fd, "12345", 5) == 5 && close(fd) == 0);
	CHECK(fstatat(dir, "file", &info, 0) == 0 && info.st_size == 5);
	CHECK(fstatat(dir, "", &info, AT_EMPTY_PATH) == 0 && S_ISDIR(info.st_mode));
	FAILS(fstatat(dir, "", &info, 0), ENOENT);
	FAILS(openat(-1, "file", O_RDONLY), EBADF);
	CHECK(mkdirat(dir, "sub", 0755) == 0 && symlinkat("file", dir, "link") == 0);
	CHECK(renameat(dir, "file", dir, "sub/moved") == 0 &&
	      linkat(dir, "sub/moved", dir, "file", 0) == 0);
	CHECK(faccessat(dir, "link", R_OK, 0) == 0 && fchmodat(dir, "link", 0600, 0) == 0);
	CHECK(fstatat(dir, "file", &info, 0) == 0 && (info.st_mode & 0777) == 0600 &&
	      info.st_nlink == 2);
	CHECK(fstatat(dir, "link", &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode));
	FAILS_EITHER(unlinkat(dir, "sub", 0), EPERM, EISDIR);
	FAILS(unlinkat(dir, "sub", AT_REMOVEDIR), ENOTEMPTY);
	FAILS(unlinkat(dir, "file", AT_REMOVEDIR), ENOTDIR);
	/* The directory moves, its descriptor with it. */
	CHECK(rename("at", "moved") == 0 && fchdir(dir) == 0 && access("file", F_OK) == 0);
	CHECK(unlinkat(dir, "sub/moved", 0) == 0 && unlinkat(dir, "sub", AT_REMOVEDIR) == 0);
	CHECK(unlink("file") == 0 && unlink("link") == 0 && chdir(work_in) == 0);
	fd = openat(dir, "..", O_RDONLY);
	CHECK(fd >= 0 && close(fd) == 0 && close(dir) == 0 && rmdir("moved") == 0);
	fd = open("plain", O_CREAT | O_RDWR, 0644);
	FAILS(openat(fd, "x", O_RDONLY), ENOTDIR);
	FAILS(fchdir(fd), ENOTDIR);
	CHECK(close(fd) == 0 && unlink("plain") == 0);
}

/* Removing what one finds, while one looks. */
static void directories(void)
{
	int seen = 0, count = 0;
	char name[32], kept[32] = "";
	struct dirent *entry, **list;
	long place = -1;
	DIR *dir;

	CHECK(mkdir("many", 0755) == 0 && chdir("many") == 0);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		put(name, "");
	}
	dir = opendir(".");
	while ((entry = readdir(dir))) {
		count++;
		CHECK(strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		      entry->d_type == DT_REG);
		if (count == 200) {
			place = telldir(dir);
			entry = readdir(dir);
			strcpy(kept, entry->d_name);
			count++;
		}
	}
	CHECK(count == 502 && place >= 0);
	seekdir(dir, place);
	entry = readdir(dir);
	CHECK(entry && strcmp(entry->d_name, kept) == 0);
	rewinddir(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && unlink(entry->d_name) == 0)
			seen++;
	CHECK(seen == 500 && closedir(dir) == 0);
	put("2", "");
	put("10", "");
	put(".hidden", "");
	CHECK(scandir(".", &list, NULL, alphasort) == 5);
	CHECK(strcmp(list[0]->d_name, ".") == 0 && strcmp(list[2]->d_name, ".hidden") == 0 &&
	      strcmp(list[3]->d_name, "10") == 0 && strcmp(list[4]->d_name, "2") == 0);
	for (int i = 0; i < 5; i++)
		free(list[i]);
	free(list);
	CHECK(opendir("2") == NULL && errno == ENOTDIR);
	CHECK(opendir("nothing") == NULL && errno == ENOENT);
	CHECK(unlink("2") == 0 && unlink("10") == 0 && unlink(".hidden") == 0);
	CHECK(chdir("..") == 0 && rmdir("many") == 0);
}

static int walked, walked_directories;

static int walk(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info;
	walked++;
	walked_directories += type == FTW_DP;
	CHECK(where->level == (strcmp(path, "tree") == 0 ? 0 : strchr(path + 5, '/') ? 2 : 1));
	return remove(path);
}

static void looking(void)
{
	char *path, cwd[PATH_MAX], expected[PATH_MAX + 16];
	glob_t found;

	CHECK(mkdir("tree", 0755) == 0 && mkdir("tree/a", 0755) == 0 && mkdir("tree/b", 0755) == 0);
	put("tree/a/1.c", "");
	put("tree/a/2.c", "");
	put("tree/b/3.h", "");
	CHECK(symlink("../b/3.h", "tree/a/link") == 0);
	CHECK(glob("tree/*/*.c", 0, NULL, &found) == 0 && found.gl_pathc == 2);
	CHECK(strcmp(found.gl_pathv[0], "tree/a/1.c") == 0 &&
	      strcmp(found.gl_pathv[1], "tree/a/2.c") == 0);
	globfree(&found);
	CHECK(glob("tree/*.x", 0, NULL, &found) == GLOB_NOMATCH);
	CHECK(glob("tree/?/[0-9].h", GLOB_MARK, NULL, &found) == 0 && found.gl_pathc == 1);
	globfree(&found);
	CHECK(getcwd(cwd, sizeof(cwd)) == cwd);
	path = realpath("tree//a/../a/./link", NULL);
	snprintf(expected, sizeof(expected), "%s/tree/b/3.h", strcmp(cwd, "/") == 0 ? "" : cwd);
	CHECK(path && strcmp(path, expected) == 0);
	free(path);
	CHECK(realpath("tree/nothing", NULL) == NULL && errno == ENOENT);
	CHECK(realpath("tree/a/1.c/x", NULL) == NULL && errno == ENOTDIR);
	CHECK(getcwd(cwd, 1) == NULL && errno == ERANGE);
	CHECK(nftw("tree", walk, 4, FTW_DEPTH | FTW_PHYS) == 0);
	CHECK(walked == 7 && walked_directories == 3 && access("tree", F_OK) == -1);
}

static void temporary(void)
{
	char name[] = "tmp-XXXXXX", dir[] = "dir-XXXXXX", text[8] = "";
	int fd = mkstemp(name);
	struct stat info;
	struct statvfs fs;
	FILE *file;

	CHECK(fd >= 0 && strcmp(name, "tmp-XXXXXX") != 0 && fstat(fd, &info) == 0);
	CHECK((info.st_mode & 0777) == 0600 && close(fd) == 0 && unlink(name) == 0);
	CHECK(mkdtemp(dir) == dir && stat(dir, &info) == 0 && (info.st_mode & 0777) == 0700);
	CHECK(rmdir(dir) == 0);
	FAILS(mkstemp((char[]){"no-x"}), EINVAL);
	file = tmpfile();
	CHECK(file && fputs("text", file) >= 0 && fflush(file) == 0);
	rewind(file);
	CHECK(fgets(text, sizeof(text), file) && strcmp(text, "text") == 0 && fclose(file) == 0);
	CHECK(statvfs(".", &fs) == 0 && fs.f_namemax == 255 && fs.f_bsize >= 512);
	CHECK(fs.f_bfree <= fs.f_blocks && fs.f_bavail <= fs.f_bfree && fs.f_bfree > 0);
	CHECK(pathconf(".", _PC_NAME_MAX) == 255);
}

void main_checks(int done, int failed)
{
	checks_done += done;
	checks_failed += failed;
}

int main(int argc, char **argv)
{
	CHECK(argc == 3);
	work_in = argv[1];
	work_kind = argv[2];
	CHECK(chdir(work_in) == 0);
	umask(022);
	renaming();
	removing();
	linking();
	opening();
	descriptors_of_directories();
	directories();
	looking();
	temporary();
	contents();
	return check_done();
}
