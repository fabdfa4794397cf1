/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Archives as file trees: an index over a cpio (newc, with or without checksums) or tar (ustar,
 * with GNU's and pax's long names) archive that lies in memory. Nothing is copied but names longer
 * than the format's; file contents are used where they are.
 *
 * The archive is the world's: every length is checked against its end, every number strictly
 * parsed; a broken one is refused as a whole, saying where and why. Names are taken relative to the
 * root of the tree; `..` in a name is refused. A name that comes twice means its last entry, as
 * when unpacking. Devices and FIFOs are left out.
 *
 * Thread context. Memory comes from the heap. Sources: cpio(5), tar(5), POSIX.1-2017 pax.
 */
#ifndef LIB_FS_ARCHIVE_H
#define LIB_FS_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_ROOT 0u
#define ARCHIVE_NONE UINT32_MAX

enum archive_type { ARCHIVE_DIRECTORY, ARCHIVE_FILE, ARCHIVE_LINK };

/* A name in the tree, by index. The pointers point into the archive. */
struct archive_node {
	const char *name; /* last component, no NUL */
	const void *data; /* contents, or a symbolic link's target */
	uint64_t bytes;   /* of data; 0 for a directory */
	uint64_t mtime_s; /* since 1970 */
	uint32_t name_bytes;
	uint32_t permissions; /* 07777 */
	uint32_t uid, gid;
	uint32_t parent, first_child, next_sibling; /* ARCHIVE_NONE where there is none */
	uint32_t last_child;
	uint64_t identity; /* cpio: device and inode, for hard links; 0: none */
	enum archive_type type;
};

struct archive {
	const uint8_t *bytes;
	size_t bytes_count;
	struct archive_node *nodes; /* [ARCHIVE_ROOT] is the root directory */
	uint32_t nodes_count, nodes_max;
	uint32_t *table; /* open hash of (parent, name) */
	uint32_t table_size;
	/* Why archive_open() failed, and how far into the archive. */
	const char *error;
	size_t error_at;
};

/* True when the first bytes look like one of the formats. */
bool archive_recognise(const void *bytes, size_t bytes_count);

/* Reads the archive at bytes (borrowed until archive_close) into archive. 0; -ENOEXEC: no archive;
 * -EINVAL: a broken one; -ENOMEM. On error archive holds nothing but error and error_at. */
int archive_open(struct archive *archive, const void *bytes, size_t bytes_count);
void archive_close(struct archive *archive);

/* The child of a directory, ARCHIVE_NONE when there is none. */
uint32_t archive_lookup(const struct archive *archive, uint32_t directory, const char *name,
			size_t name_bytes);

#endif
