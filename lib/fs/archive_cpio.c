/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpio, the "new ASCII" format: a header of 110 characters, the name with its NUL, the contents;
 * header with name, and contents, each padded to four bytes. All numbers are eight hexadecimal
 * digits. Several archives may stand one behind the other, zeros between them, as Linux takes its
 * initramfs.
 */
#include "lib/base/error.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"
#include "lib/fs/archive_parts.h"

#define MAGIC_BYTES    6u
#define FIELD_BYTES    8u
#define HEADER_BYTES   110u
#define ALIGN          4u
#define NAME_BYTES_MAX 4096u
#define TRAILER        "TRAILER!!!"

enum field {
	FIELD_INO,
	FIELD_MODE,
	FIELD_UID,
	FIELD_GID,
	FIELD_NLINK,
	FIELD_MTIME,
	FIELD_FILESIZE,
	FIELD_DEVMAJOR,
	FIELD_DEVMINOR,
	FIELD_RDEVMAJOR,
	FIELD_RDEVMINOR,
	FIELD_NAMESIZE,
	FIELD_CHECK,
	FIELD_COUNT,
};

bool archive_is_cpio(const void *bytes, size_t bytes_count)
{
	return bytes_count >= HEADER_BYTES && (memcmp(bytes, "070701", MAGIC_BYTES) == 0 ||
					       memcmp(bytes, "070702", MAGIC_BYTES) == 0);
}

static int read_header(const uint8_t *header, uint64_t fields[FIELD_COUNT])
{
	for (unsigned int i = 0; i < FIELD_COUNT; i++) {
		const char *digits = (const char *)header + MAGIC_BYTES + i * FIELD_BYTES;

		if (parse_u64_bytes(digits, FIELD_BYTES, 16, &fields[i]))
			return -EINVAL;
	}
	return 0;
}

static size_t padded(size_t bytes)
{
	return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* The first of several links to a file may come without contents: the last has them. */
static void share_links(struct archive *archive)
{
	for (uint32_t i = 1; i < archive->nodes_count; i++) {
		struct archive_node *node = &archive->nodes[i];

		if (node->type != ARCHIVE_FILE || !node->identity || node->bytes)
			continue;
		for (uint32_t j = 1; j < archive->nodes_count; j++) {
			const struct archive_node *other = &archive->nodes[j];

			if (other->identity == node->identity && other->bytes) {
				node->data = other->data;
				node->bytes = other->bytes;
				break;
			}
		}
	}
}

/* One member at *at, which moves behind it. 1 for the trailer, 0, or an error. */
static int read_member(struct archive *archive, size_t *at)
{
	size_t start = *at, left = archive->bytes_count - start, data_at;
	uint64_t fields[FIELD_COUNT];
	struct archive_member member = {0};
	unsigned int type;

	if (left < HEADER_BYTES || !archive_is_cpio(archive->bytes + start, left))
		return archive_broken(archive, start, "cut off: no header where one must be");
	if (read_header(archive->bytes + start, fields))
		return archive_broken(archive, start, "a header field is no number");
	if (fields[FIELD_NAMESIZE] < 1 || fields[FIELD_NAMESIZE] > NAME_BYTES_MAX ||
	    HEADER_BYTES + fields[FIELD_NAMESIZE] > left)
		return archive_broken(archive, start, "a name too long");
	member.name = (const char *)archive->bytes + start + HEADER_BYTES;
	member.name_bytes = fields[FIELD_NAMESIZE] - 1;
	if (member.name[member.name_bytes] != '\0' || strlen(member.name) != member.name_bytes)
		return archive_broken(archive, start, "a name without its end");
	data_at = start + padded(HEADER_BYTES + fields[FIELD_NAMESIZE]);
	if (data_at > archive->bytes_count ||
	    fields[FIELD_FILESIZE] > archive->bytes_count - data_at)
		return archive_broken(archive, start, "cut off: a file longer than the rest");
	*at = data_at + padded(fields[FIELD_FILESIZE]);
	if (member.name_bytes == sizeof(TRAILER) - 1 &&
	    memcmp(member.name, TRAILER, sizeof(TRAILER) - 1) == 0)
		return 1;
	type = fields[FIELD_MODE] & ARCHIVE_MODE_TYPE;
	member.node = (struct archive_node){
		.data = archive->bytes + data_at,
		.bytes = fields[FIELD_FILESIZE],
		.mtime_s = fields[FIELD_MTIME],
		.permissions = fields[FIELD_MODE] & ARCHIVE_PERMISSIONS,
		.uid = (uint32_t)fields[FIELD_UID],
		.gid = (uint32_t)fields[FIELD_GID],
		.type = type == ARCHIVE_MODE_DIRECTORY ? ARCHIVE_DIRECTORY
			: type == ARCHIVE_MODE_LINK    ? ARCHIVE_LINK
						       : ARCHIVE_FILE,
	};
	if (type != ARCHIVE_MODE_DIRECTORY && type != ARCHIVE_MODE_FILE &&
	    type != ARCHIVE_MODE_LINK)
		return 0;
	if (type == ARCHIVE_MODE_DIRECTORY)
		member.node.bytes = 0;
	if (fields[FIELD_NLINK] > 1 && type == ARCHIVE_MODE_FILE)
		member.node.identity = (fields[FIELD_DEVMAJOR] << 48 ^
					fields[FIELD_DEVMINOR] << 32 ^ fields[FIELD_INO]) |
				       1ULL << 63;
	return archive_add(archive, &member);
}

int archive_read_cpio(struct archive *archive)
{
	size_t at = 0;
	int result;

	while (at < archive->bytes_count) {
		result = read_member(archive, &at);
		if (result < 0)
			return result;
		if (result == 0)
			continue;
		/* Behind the trailer: nothing, padding, or the next archive. */
		while (at < archive->bytes_count && archive->bytes[at] == 0)
			at++;
		if (at >= archive->bytes_count ||
		    !archive_is_cpio(archive->bytes + at, archive->bytes_count - at)) {
			share_links(archive);
			return 0;
		}
	}
	return archive_broken(archive, archive->bytes_count, "cut off: no trailer");
}
