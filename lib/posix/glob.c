/* SPDX-License-Identifier: BSD-2-Clause */
/* glob(): paths that match a pattern (POSIX.1-2017 glob). */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct search {
	glob_t *found;
	int flags;
	int (*error)(const char *path, int number);
	char path[PATH_MAX]; /* what of the pattern has become a path already */
};

static int add(glob_t *found, const char *path, const char *end)
{
	size_t place = found->gl_offs + found->gl_pathc, bytes = strlen(path);
	char *copy = malloc(bytes + strlen(end) + 1);
	char **paths = reallocarray(found->gl_pathv, place + 2, sizeof(*paths));

	if (paths)
		found->gl_pathv = paths;
	if (!copy || !paths) {
		free(copy);
		return GLOB_NOSPACE;
	}
	memcpy(copy, path, bytes);
	strcpy(copy + bytes, end);
	paths[place] = copy;
	paths[place + 1] = NULL;
	found->gl_pathc++;
	return 0;
}

/* Whether a component, up to a slash or the end, has to be compared with names. */
static bool is_pattern(const char *text, int flags)
{
	for (; *text && *text != '/'; text++) {
		if (strchr("*?[", *text))
			return true;
		if (*text == '\\' && !(flags & GLOB_NOESCAPE) && text[1] && text[1] != '/')
			text++;
	}
	return false;
}

/* Puts a component's plain text at path[at], without what quotes it. The new length, or PATH_MAX
 * when it is too long. */
static size_t put_plain(struct search *search, size_t at, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '\\' && !(search->flags & GLOB_NOESCAPE) && i + 1 < bytes)
			i++;
		if (at + 1 >= PATH_MAX)
			return PATH_MAX;
		search->path[at++] = text[i];
	}
	search->path[at] = '\0';
	return at;
}

/* The whole pattern is a path now: is there such a file? */
static int add_if_there(struct search *search)
{
	bool directory;
	struct stat info;

	if (lstat(search->path, &info))
		return 0;
	directory =
		S_ISDIR(info.st_mode) ||
		(S_ISLNK(info.st_mode) && stat(search->path, &info) == 0 && S_ISDIR(info.st_mode));
	if ((search->flags & GLOB_ONLYDIR) && !directory)
		return 0;
	return add(search->found, search->path,
		   (search->flags & GLOB_MARK) && directory ? "/" : "");
}

static int expand(struct search *search, size_t at, const char *pattern);

/* Each name in the directory path[0 … at) that matches the component pattern[0 … bytes). */
static int expand_names(struct search *search, size_t at, const char *pattern, size_t bytes)
{
	int period = search->flags & GLOB_PERIOD ? 0 : FNM_PERIOD;
	int escape = search->flags & GLOB_NOESCAPE ? FNM_NOESCAPE : 0;
	char component[NAME_MAX * 4 + 1];
	struct dirent *entry;
	int result = 0;
	DIR *directory;

	if (bytes >= sizeof(component))
		return 0;
	memcpy(component, pattern, bytes);
	component[bytes] = '\0';
	directory = opendir(at ? search->path : ".");
	if (!directory) {
		if (errno == ENOTDIR || errno == ENOENT)
			return 0;
		return (search->error && search->error(at ? search->path : ".", errno)) ||
				       (search->flags & GLOB_ERR)
			       ? GLOB_ABORTED
			       : 0;
	}
	while (!result && (entry = readdir(directory)) != NULL) {
		size_t name_bytes = strlen(entry->d_name);

		if (fnmatch(component, entry->d_name, period | escape) ||
		    at + name_bytes >= PATH_MAX)
			continue;
		memcpy(search->path + at, entry->d_name, name_bytes + 1);
		result = expand(search, at + name_bytes, pattern + bytes);
	}
	closedir(directory);
	search->path[at] = '\0';
	return result;
}

/* What the rest of the pattern stands for behind path[0 … at). */
static int expand(struct search *search, size_t at, const char *pattern)
{
	size_t bytes;

	for (;;) {
		bytes = strspn(pattern, "/");
		at = put_plain(search, at, pattern, bytes);
		pattern += bytes;
		if (at == PATH_MAX || is_pattern(pattern, search->flags))
			break;
		if (!*pattern)
			return add_if_there(search);
		bytes = strcspn(pattern, "/");
		at = put_plain(search, at, pattern, bytes);
		pattern += bytes;
	}
	return at == PATH_MAX ? 0 : expand_names(search, at, pattern, strcspn(pattern, "/"));
}

/* The end of the alternative at text, of the brace's or of the string: a brace within counts. */
static const char *alternative_end(const char *text, int flags)
{
	int depth = 0;

	for (; *text; text++) {
		if (*text == '\\' && !(flags & GLOB_NOESCAPE) && text[1])
			text++;
		else if (*text == '{')
			depth++;
		else if (depth == 0 && (*text == ',' || *text == '}'))
			break;
		else if (*text == '}')
			depth--;
	}
	return text;
}

/* What ends the brace at text, or the end of the string. */
static const char *brace_end(const char *text, int flags)
{
	do
		text = alternative_end(text + 1, flags);
	while (*text == ',');
	return text;
}

/* The first brace that has an end; NULL for none. {} stands for itself. */
static const char *find_brace(const char *text, int flags)
{
	for (; *text; text++) {
		if (*text == '\\' && !(flags & GLOB_NOESCAPE) && text[1]) {
			text++;
			continue;
		}
		if (*text == '{' && text[1] != '}' && *brace_end(text, flags))
			return text;
	}
	return NULL;
}

static int expand_braces(struct search *search, const char *pattern)
{
	const char *brace = search->flags & GLOB_BRACE ? find_brace(pattern, search->flags) : NULL;
	const char *begin, *end, *rest;
	int result = 0;
	size_t bytes;
	char *text;

	if (!brace) {
		search->path[0] = '\0';
		return expand(search, 0, pattern);
	}
	rest = brace_end(brace, search->flags);
	bytes = (size_t)(brace - pattern);
	text = malloc(strlen(pattern) + 1);
	if (!text)
		return GLOB_NOSPACE;
	memcpy(text, pattern, bytes);
	for (begin = brace + 1; !result && begin <= rest; begin = end + 1) {
		end = alternative_end(begin, search->flags);
		memcpy(text + bytes, begin, (size_t)(end - begin));
		strcpy(text + bytes + (end - begin), rest + 1);
		result = expand_braces(search, text);
	}
	free(text);
	return result;
}

static int compare(const void *a, const void *b)
{
	return strcoll(*(char *const *)a, *(char *const *)b);
}

/* The pattern with $HOME for a tilde; NULL without memory. The caller frees it. */
static char *with_home(const char *pattern, int flags)
{
	const char *home = getenv("HOME");
	char *text;

	if (!(flags & GLOB_TILDE) || !home || *pattern != '~' || (pattern[1] && pattern[1] != '/'))
		return strdup(pattern);
	text = malloc(strlen(home) + strlen(pattern));
	if (text)
		strcat(strcpy(text, home), pattern + 1);
	return text;
}

static int prepare(glob_t *found, int flags)
{
	if (flags & GLOB_APPEND)
		return 0;
	if (!(flags & GLOB_DOOFFS))
		found->gl_offs = 0;
	found->gl_pathc = 0;
	found->gl_pathv = calloc(found->gl_offs + 1, sizeof(*found->gl_pathv));
	return found->gl_pathv ? 0 : GLOB_NOSPACE;
}

int glob(const char *restrict pattern, int flags, int (*error)(const char *, int),
	 glob_t *restrict found)
{
	struct search search = {.found = found, .flags = flags, .error = error};
	int result = prepare(found, flags);
	size_t before = found->gl_pathc;
	char *text = result ? NULL : with_home(pattern, flags);

	if (!text)
		return GLOB_NOSPACE;
	found->gl_flags = flags;
	result = expand_braces(&search, text);
	if (!result && found->gl_pathc == before) {
		if ((flags & GLOB_NOCHECK) || ((flags & GLOB_NOMAGIC) && !strpbrk(pattern, "*?[")))
			result = add(found, pattern, "");
		else
			result = GLOB_NOMATCH;
	} else if (!(flags & GLOB_NOSORT)) {
		qsort(found->gl_pathv + found->gl_offs + before, found->gl_pathc - before,
		      sizeof(*found->gl_pathv), compare);
	}
	free(text);
	return result;
}

void globfree(glob_t *found)
{
	for (size_t i = 0; i < found->gl_pathc; i++)
		free(found->gl_pathv[found->gl_offs + i]);
	free(found->gl_pathv);
	found->gl_pathv = NULL;
	found->gl_pathc = 0;
}
