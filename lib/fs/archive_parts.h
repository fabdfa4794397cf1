/* SPDX-License-Identifier: BSD-2-Clause */
/* Between lib/fs/archive.c, which keeps the tree, and the readers of the formats. */
#ifndef LIB_FS_ARCHIVE_PARTS_H
#define LIB_FS_ARCHIVE_PARTS_H

#include "lib/fs/archive.h"

/* File types in the mode field of cpio, as in stat(2). */
#define ARCHIVE_MODE_TYPE      0170000u
#define ARCHIVE_MODE_DIRECTORY 0040000u
#define ARCHIVE_MODE_FILE      0100000u
#define ARCHIVE_MODE_LINK      0120000u
#define ARCHIVE_PERMISSIONS    07777u

/* One member as its header says. */
struct archive_member {
	const char *prefix; /* goes before the name, a slash between them */
	size_t prefix_bytes;
	const char *name;
	size_t name_bytes;
	struct archive_node node; /* all but the name and the place in the tree */
};

/* Puts a member into the tree. 0, -EINVAL with error set, -ENOMEM. */
int archive_add(struct archive *archive, const struct archive_member *member);
/* The node of a path within the archive, ARCHIVE_NONE when there is none. */
uint32_t archive_find(const struct archive *archive, const char *path, size_t path_bytes);
/* Notes why and where; yields -EINVAL. */
int archive_broken(struct archive *archive, size_t at, const char *why);

int archive_read_cpio(struct archive *archive);
int archive_read_tar(struct archive *archive);
bool archive_is_cpio(const void *bytes, size_t bytes_count);
bool archive_is_tar(const void *bytes, size_t bytes_count);

#endif
