/* SPDX-License-Identifier: BSD-2-Clause */
/* Source files as lines. */
#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "duster/engine/inspect.h"

#define FILE_BYTES_MAX (64 << 20)
#define NO_SOURCE      "%s: No such file or directory."

struct source_entry {
	struct source_entry *next;
	const char *file;
	bool is_missing; /* looking for it everywhere takes long, and each stop asks */
	struct source source;
};

struct sources {
	struct source_entry *entries;
	struct directory {
		struct directory *next;
		const char *path;
	} * directories;
};

static struct sources *sources_of(struct session *session)
{
	if (!session->sources)
		session->sources = arena_alloc(&session->kept, sizeof(*session->sources));
	return session->sources;
}

void inspect_add_directory(struct session *session, const char *path)
{
	struct sources *sources = sources_of(session);
	struct directory *directory = arena_alloc(&session->kept, sizeof(*directory));

	directory->path = arena_text(&session->kept, path);
	directory->next = sources->directories;
	sources->directories = directory;
	sources->entries = NULL;
}

/* Relative to where one of the units was compiled. */
static FILE *open_below_units(struct session *session, const char *file, const char **path_out)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	uint8_t type;
	const char *last = NULL;
	FILE *stream = NULL;

	while (!stream && session->image && session->image->dwarf && *file != '/' &&
	       dwarf_get_units(session->image->dwarf, unit, &unit, NULL, &type, &die, NULL) == 0) {
		Dwarf_Attribute attr;
		const char *directory =
			dwarf_attr(&die, DW_AT_comp_dir, &attr) ? dwarf_formstring(&attr) : NULL;

		if (!directory || (last && strcmp(last, directory) == 0))
			continue;
		last = directory;
		*path_out = arena_format(&session->kept, "%s/%s", directory, file);
		stream = fopen(*path_out, "re");
	}
	return stream;
}

/* The file itself, or its last parts below one of the directories; NULL: nowhere. */
static FILE *open_source(struct session *session, const char *file, const char **path_out)
{
	struct directory *directory = sources_of(session)->directories;
	FILE *stream = fopen(file, "re");

	*path_out = file;
	for (; !stream && directory; directory = directory->next)
		for (const char *part = file; !stream && part; part = strchr(part, '/')) {
			part += *part == '/';
			*path_out = arena_format(&session->kept, "%s/%s", directory->path, part);
			stream = fopen(*path_out, "re");
		}
	if (!stream)
		stream = open_below_units(session, file, path_out);
	/* Built elsewhere: perhaps we stand in a copy of the tree. */
	for (const char *part = file; !stream && part; part = strchr(part, '/')) {
		part += *part == '/';
		*path_out = part;
		stream = fopen(part, "re");
	}
	return stream;
}

static int read_lines(struct session *session, FILE *stream, struct source *source)
{
	struct stat status;
	char *data, *at;
	size_t bytes;
	unsigned int count = 1;

	if (fstat(fileno(stream), &status) || !S_ISREG(status.st_mode) ||
	    status.st_size > FILE_BYTES_MAX)
		return -EINVAL;
	data = arena_alloc(&session->kept, (size_t)status.st_size + 1);
	bytes = fread(data, 1, (size_t)status.st_size, stream);
	data[bytes] = '\0';
	for (size_t i = 0; i < bytes; i++)
		count += data[i] == '\n';
	source->lines = arena_array(&session->kept, count, sizeof(*source->lines));
	for (at = data; at < data + bytes;) {
		char *end = memchr(at, '\n', (size_t)(data + bytes - at));

		source->lines[source->lines_count++] = at;
		if (!end)
			break;
		*end = '\0';
		at = end + 1;
	}
	return 0;
}

int inspect_source(struct session *session, const char *file, const struct source **source_out,
		   struct problem *problem)
{
	struct sources *sources = sources_of(session);
	struct source_entry *entry;
	FILE *stream;
	int error;

	for (entry = sources->entries; entry; entry = entry->next)
		if (strcmp(entry->file, file) == 0) {
			*source_out = &entry->source;
			return entry->is_missing ? problem_set(problem, -ENOENT, NO_SOURCE, file)
						 : 0;
		}
	entry = arena_alloc(&session->kept, sizeof(*entry));
	entry->file = arena_text(&session->kept, file);
	stream = open_source(session, entry->file, &entry->source.path);
	entry->is_missing = !stream;
	error = stream ? read_lines(session, stream, &entry->source) : -ENOENT;
	if (stream)
		fclose(stream);
	if (stream && error)
		return problem_set(problem, error, "%s: not a source file", file);
	entry->next = sources->entries;
	sources->entries = entry;
	*source_out = &entry->source;
	return error ? problem_set(problem, error, NO_SOURCE, file) : 0;
}
