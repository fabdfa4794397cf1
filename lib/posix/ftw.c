/* SPDX-License-Identifier: BSD-2-Clause */
/* Walking file trees. */
#include <ftw.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

struct walk {
	int (*fn)(const char *path, const struct stat *status, int type, struct FTW *at);
	int (*simple_fn)(const char *path, const struct stat *status, int type); /* ftw() */
	int flags;
	char path[PATH_MAX];
};

static int visit(struct walk *walk, const struct stat *status, int type, int base, int level)
{
	struct FTW at = {base, level};

	return walk->fn ? walk->fn(walk->path, status, type, &at)
			: walk->simple_fn(walk->path, status, type);
}

static int type_of(const struct walk *walk, struct stat *status)
{
	int result = walk->flags & FTW_PHYS ? lstat(walk->path, status) : stat(walk->path, status);

	/* A link to nothing is there all the same. */
	if (result && !(walk->flags & FTW_PHYS) && lstat(walk->path, status) == 0)
		return FTW_SLN;
	if (result)
		return FTW_NS;
	if (S_ISDIR(status->st_mode))
		return FTW_D;
	return S_ISLNK(status->st_mode) ? FTW_SL : FTW_F;
}

static int walk_at(struct walk *walk, size_t bytes, int base, int level);

static int walk_entries(struct walk *walk, DIR *directory, size_t bytes, int level)
{
	struct dirent *entry;
	int result = 0;

	while (result == 0 && (entry = readdir(directory)) != NULL) {
		bool slash = bytes > 0 && walk->path[bytes - 1] != '/';
		size_t name_bytes = strlen(entry->d_name);

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (bytes + slash + name_bytes >= sizeof(walk->path)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		if (slash)
			walk->path[bytes] = '/';
		memcpy(walk->path + bytes + slash, entry->d_name, name_bytes + 1);
		result = walk_at(walk, bytes + slash + name_bytes, (int)(bytes + slash), level + 1);
		walk->path[bytes] = '\0';
	}
	return result;
}

/* One descriptor for each level: what the programs' limit asks for is not needed with so many. */
static int walk_at(struct walk *walk, size_t bytes, int base, int level)
{
	struct stat status;
	int type, result = 0;
	DIR *directory;

	memset(&status, 0, sizeof(status));
	type = type_of(walk, &status);
	if (type != FTW_D)
		return visit(walk, &status, type, base, level);
	directory = opendir(walk->path);
	if (!directory)
		return visit(walk, &status, FTW_DNR, base, level);
	if (!(walk->flags & FTW_DEPTH))
		result = visit(walk, &status, FTW_D, base, level);
	if (result == 0)
		result = walk_entries(walk, directory, bytes, level);
	closedir(directory);
	if (result == 0 && (walk->flags & FTW_DEPTH))
		result = visit(walk, &status, FTW_DP, base, level);
	return result;
}

static int start(struct walk *walk, const char *path)
{
	size_t bytes = strlen(path);
	const char *slash = strrchr(path, '/');

	if (bytes >= sizeof(walk->path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(walk->path, path, bytes + 1);
	return walk_at(walk, bytes, slash && slash[1] ? (int)(slash + 1 - path) : 0, 0);
}

int nftw(const char *path, int (*fn)(const char *, const struct stat *, int, struct FTW *),
	 int descriptors_max, int flags)
{
	struct walk walk = {.fn = fn, .flags = flags};

	(void)descriptors_max;
	return start(&walk, path);
}

int ftw(const char *path, int (*fn)(const char *, const struct stat *, int), int descriptors_max)
{
	struct walk walk = {.simple_fn = fn};

	(void)descriptors_max;
	return start(&walk, path);
}
