/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 100,000 files in one directory of ext4: made, found, listed, half of them removed, some renamed.
 * `again`: what the next boot finds of them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/guest/check.h"

#define FILES 100000

static char seen[FILES];

static const char *path_of(int number)
{
	static char path[64];

	snprintf(path, sizeof(path), "/many/file-%06d", number);
	return path;
}

static void make(void)
{
	int made = 0;

	CHECK(mkdir("/many", 0755) == 0);
	for (int i = 0; i < FILES; i++) {
		int fd = open(path_of(i), O_WRONLY | O_CREAT | O_EXCL, 0644);

		/* Few have contents: it is names that are many here. */
		if (fd >= 0 && i % 1000 == 0 && write(fd, &i, sizeof(i)) != sizeof(i))
			break;
		if (fd < 0 || close(fd))
			break;
		made++;
	}
	CHECK(made == FILES);
	if (made != FILES)
		printf("%d: %s\n", made, strerror(errno));
}

/* How many names there are; each is there once, and those that should be are. */
static int list(int from, int step)
{
	DIR *directory = opendir("/many");
	struct dirent *entry;
	int count = 0, wrong = 0;

	CHECK(directory != NULL);
	memset(seen, 0, sizeof(seen));
	while (directory && (entry = readdir(directory))) {
		int number = atoi(entry->d_name + 5);

		if (entry->d_name[0] == '.')
			continue;
		if (strncmp(entry->d_name, "file-", 5) == 0)
			wrong += seen[number]++;
		else
			wrong += strncmp(entry->d_name, "name-", 5) != 0;
		count++;
	}
	for (int i = from; i < FILES; i += step)
		wrong += !seen[i];
	CHECK(wrong == 0);
	if (directory)
		closedir(directory);
	return count;
}

static void find(int from, int step)
{
	struct stat status;
	int found = 0, wanted = 0, value;

	for (int i = from; i < FILES; i += step, wanted++)
		found += stat(path_of(i), &status) == 0 &&
			 status.st_size == (i % 1000 ? 0 : (int)sizeof(i));
	CHECK(found == wanted);
	for (int i = from; i < FILES; i += 1000 * step) {
		int fd = open(path_of(i), O_RDONLY);

		CHECK(fd >= 0 && (i % 1000 || (read(fd, &value, sizeof(value)) == sizeof(value) &&
					       value == i)));
		close(fd);
	}
}

static void change(void)
{
	char name[64];
	int removed = 0;

	for (int i = 0; i < FILES; i += 2)
		removed += unlink(path_of(i)) == 0;
	CHECK(removed == FILES / 2);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "/many/name-%d", i);
		CHECK(rename(path_of(2 * i + 1), name) == 0);
	}
	CHECK(access(path_of(2), F_OK) == -1 && errno == ENOENT);
	CHECK(rmdir("/many") == -1 && errno == ENOTEMPTY);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "again") == 0) {
		CHECK(list(201, 2) == FILES / 2);
		find(201, 2);
		return check_done();
	}
	make();
	CHECK(list(0, 1) == FILES);
	find(0, 7);
	change();
	CHECK(list(201, 2) == FILES / 2);
	return check_done();
}
