/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tar: blocks of 512 bytes, a header with octal numbers and a checksum before each file. The ustar
 * format and GNU's older one differ in what follows the magic; long names come as members of their
 * own, either GNU's ('L', 'K') or pax's ('x').
 */
#include "lib/base/error.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"
#include "lib/fs/archive_parts.h"

#define BLOCK_BYTES 512u

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
	char type;
	char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155],
		pad[12];
};

_Static_assert(sizeof(struct tar_header) == BLOCK_BYTES, "POSIX.1 pax, ustar interchange format");

/* What members before the one they belong to say about it. */
struct tar_extra {
	const char *name, *link;
	size_t name_bytes, link_bytes;
	bool has_size;
	uint64_t size;
};

bool archive_is_tar(const void *bytes, size_t bytes_count)
{
	const struct tar_header *header = bytes;

	return bytes_count >= BLOCK_BYTES && memcmp(header->magic, "ustar", 5) == 0 &&
	       (header->magic[5] == '\0' || header->magic[5] == ' ');
}

static size_t field_bytes(const char *field, size_t field_max)
{
	size_t bytes = 0;

	while (bytes < field_max && field[bytes])
		bytes++;
	return bytes;
}

/* Octal between blanks, or GNU's big-endian binary with the top bit set. Empty is 0. */
static int read_number(const char *field, size_t bytes, uint64_t *value_out)
{
	if (field[0] & 0x80) {
		*value_out = field[0] & 0x3f;
		for (size_t i = 1; i < bytes; i++) {
			if (*value_out >> 56)
				return -EINVAL;
			*value_out = *value_out << 8 | (uint8_t)field[i];
		}
		return 0;
	}
	while (bytes > 0 && *field == ' ') {
		field++;
		bytes--;
	}
	bytes = field_bytes(field, bytes);
	while (bytes > 0 && field[bytes - 1] == ' ')
		bytes--;
	*value_out = 0;
	return bytes ? parse_u64_bytes(field, bytes, 8, value_out) : 0;
}

static bool checksum_is_right(const struct tar_header *header)
{
	const uint8_t *bytes = (const uint8_t *)header;
	uint64_t sum = 0, wanted;

	/* The field itself counts as blanks. */
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		sum += i - offsetof(struct tar_header, checksum) < sizeof(header->checksum)
			       ? ' '
			       : bytes[i];
	return read_number(header->checksum, sizeof(header->checksum), &wanted) == 0 &&
	       sum == wanted;
}

static bool is_zero(const uint8_t *block)
{
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		if (block[i])
			return false;
	return true;
}

/* pax: records `LENGTH KEY=VALUE\n`, the length being that of the whole record. */
static int read_pax(const char *data, uint64_t bytes, struct tar_extra *extra)
{
	while (bytes > 0) {
		size_t digits = 0, key, key_bytes;
		uint64_t length;

		while (digits < bytes && data[digits] >= '0' && data[digits] <= '9')
			digits++;
		if (digits == bytes || data[digits] != ' ' ||
		    parse_u64_bytes(data, digits, 10, &length) || length < digits + 3 ||
		    length > bytes || data[length - 1] != '\n')
			return -EINVAL;
		key = digits + 1;
		for (key_bytes = 0; key + key_bytes < length && data[key + key_bytes] != '=';)
			key_bytes++;
		if (key + key_bytes == length)
			return -EINVAL;
		if (key_bytes == 4 && memcmp(data + key, "path", 4) == 0) {
			extra->name = data + key + 5;
			extra->name_bytes = length - 1 - (key + 5);
		} else if (key_bytes == 8 && memcmp(data + key, "linkpath", 8) == 0) {
			extra->link = data + key + 9;
			extra->link_bytes = length - 1 - (key + 9);
		} else if (key_bytes == 4 && memcmp(data + key, "size", 4) == 0) {
			if (parse_u64_bytes(data + key + 5, length - 1 - (key + 5), 10,
					    &extra->size))
				return -EINVAL;
			extra->has_size = true;
		}
		data += length;
		bytes -= length;
	}
	return 0;
}

/* A hard link means the file that came before under the other name. */
static int resolve_hard_link(struct archive *archive, size_t at, const char *target,
			     size_t target_bytes, struct archive_node *node)
{
	uint32_t index = archive_find(archive, target, target_bytes);

	if (index == ARCHIVE_NONE || archive->nodes[index].type == ARCHIVE_DIRECTORY)
		return archive_broken(archive, at, "a hard link to nothing");
	node->data = archive->nodes[index].data;
	node->bytes = archive->nodes[index].bytes;
	node->type = archive->nodes[index].type;
	return 0;
}

static int add_member(struct archive *archive, size_t at, const struct tar_header *header,
		      uint64_t size, const struct tar_extra *extra)
{
	const char *link = extra->link ? extra->link : header->link;
	size_t link_bytes =
		extra->link ? extra->link_bytes : field_bytes(header->link, sizeof(header->link));
	struct archive_member member = {
		.node = {.data = header + 1, .bytes = size, .type = ARCHIVE_FILE}};
	uint64_t mode, uid, gid;
	int result = 0;

	if (read_number(header->mode, sizeof(header->mode), &mode) ||
	    read_number(header->uid, sizeof(header->uid), &uid) ||
	    read_number(header->gid, sizeof(header->gid), &gid) ||
	    read_number(header->mtime, sizeof(header->mtime), &member.node.mtime_s))
		return archive_broken(archive, at, "a header field is no number");
	member.node.permissions = mode & ARCHIVE_PERMISSIONS;
	member.node.uid = (uint32_t)uid;
	member.node.gid = (uint32_t)gid;
	switch (header->type) {
	case '0':
	case '\0':
	case '7':
		break;
	case '1':
		result = resolve_hard_link(archive, at, link, link_bytes, &member.node);
		break;
	case '2':
		member.node.type = ARCHIVE_LINK;
		member.node.data = link;
		member.node.bytes = link_bytes;
		break;
	case '5':
		member.node.type = ARCHIVE_DIRECTORY;
		member.node.bytes = 0;
		break;
	default:
		return 0;
	}
	if (result)
		return result;
	member.name = extra->name ? extra->name : header->name;
	member.name_bytes =
		extra->name ? extra->name_bytes : field_bytes(header->name, sizeof(header->name));
	/* GNU's old format uses the prefix field for other things. */
	if (!extra->name && header->magic[5] == '\0') {
		member.prefix = header->prefix;
		member.prefix_bytes = field_bytes(header->prefix, sizeof(header->prefix));
	}
	return archive_add(archive, &member);
}

int archive_read_tar(struct archive *archive)
{
	struct tar_extra extra = {0};
	size_t at = 0;

	while (archive->bytes_count - at >= BLOCK_BYTES) {
		const struct tar_header *header = (const void *)(archive->bytes + at);
		uint64_t size, room = archive->bytes_count - at - BLOCK_BYTES;
		int result = 0;

		if (is_zero((const uint8_t *)header))
			return 0;
		if (!archive_is_tar(header, BLOCK_BYTES) || !checksum_is_right(header))
			return archive_broken(archive, at, "a header with a wrong checksum");
		if (read_number(header->size, sizeof(header->size), &size))
			return archive_broken(archive, at, "a header field is no number");
		if (extra.has_size && header->type != 'L' && header->type != 'K' &&
		    header->type != 'x')
			size = extra.size;
		/* Links and directories have no contents, whatever the field says. */
		if (header->type == '1' || header->type == '2' || header->type == '5')
			size = 0;
		if (size > room)
			return archive_broken(archive, at, "cut off: a file longer than the rest");
		switch (header->type) {
		case 'L':
			extra.name = (const char *)(header + 1);
			extra.name_bytes = field_bytes(extra.name, size);
			break;
		case 'K':
			extra.link = (const char *)(header + 1);
			extra.link_bytes = field_bytes(extra.link, size);
			break;
		case 'x':
			if (read_pax((const char *)(header + 1), size, &extra))
				return archive_broken(archive, at,
						      "a pax header that cannot be read");
			break;
		case 'g':
			break;
		default:
			result = add_member(archive, at, header, size, &extra);
			extra = (struct tar_extra){0};
		}
		if (result)
			return result;
		size = (size + BLOCK_BYTES - 1) & ~(uint64_t)(BLOCK_BYTES - 1);
		at = size > room ? archive->bytes_count : at + BLOCK_BYTES + size;
	}
	/* Some writers leave the closing blocks away. */
	return 0;
}
