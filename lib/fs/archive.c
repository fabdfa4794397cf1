/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree: nodes in one growing array, children in a list in archive order, and found by a hash
 * of parent and name. */
#include "lib/fs/archive.h"

#include "core/heap.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "lib/fs/archive_parts.h"

#define NAME_BYTES_MAX 255u
#define NODES_FIRST    64u
#define NODES_MAX      (1u << 28)
/* FNV-1a */
#define HASH_START 0xcbf29ce484222325ULL
#define HASH_PRIME 0x100000001b3ULL

int archive_broken(struct archive *archive, size_t at, const char *why)
{
	archive->error = why;
	archive->error_at = at;
	return -EINVAL;
}

static uint32_t hash(const struct archive *archive, uint32_t parent, const char *name,
		     size_t name_bytes)
{
	uint64_t value = (HASH_START ^ parent) * HASH_PRIME;

	for (size_t i = 0; i < name_bytes; i++)
		value = (value ^ (uint8_t)name[i]) * HASH_PRIME;
	return (uint32_t)(value >> 32) & (archive->table_size - 1);
}

uint32_t archive_lookup(const struct archive *archive, uint32_t directory, const char *name,
			size_t name_bytes)
{
	uint32_t at = hash(archive, directory, name, name_bytes);

	for (; archive->table[at] != ARCHIVE_NONE; at = (at + 1) & (archive->table_size - 1)) {
		const struct archive_node *node = &archive->nodes[archive->table[at]];

		if (node->parent == directory && node->name_bytes == name_bytes &&
		    memcmp(node->name, name, name_bytes) == 0)
			return archive->table[at];
	}
	return ARCHIVE_NONE;
}

static void table_insert(struct archive *archive, uint32_t index)
{
	const struct archive_node *node = &archive->nodes[index];
	uint32_t at = hash(archive, node->parent, node->name, node->name_bytes);

	while (archive->table[at] != ARCHIVE_NONE)
		at = (at + 1) & (archive->table_size - 1);
	archive->table[at] = index;
}

/* Twice the nodes, and a table that stays half empty. */
static int grow(struct archive *archive)
{
	uint32_t nodes_max = archive->nodes_max ? 2 * archive->nodes_max : NODES_FIRST;
	struct archive_node *nodes;
	uint32_t *table;

	if (nodes_max > NODES_MAX)
		return -ENOMEM;
	nodes = heap_realloc(archive->nodes, nodes_max * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	archive->nodes = nodes;
	table = heap_alloc(2ULL * nodes_max * sizeof(*table));
	if (!table)
		return -ENOMEM;
	heap_free(archive->table);
	archive->table = table;
	archive->table_size = 2 * nodes_max;
	archive->nodes_max = nodes_max;
	memset(table, 0xff, archive->table_size * sizeof(*table));
	for (uint32_t i = 1; i < archive->nodes_count; i++)
		table_insert(archive, i);
	return 0;
}

static int add_child(struct archive *archive, uint32_t parent, const char *name, size_t name_bytes,
		     uint32_t *index_out)
{
	uint32_t index = archive->nodes_count;
	struct archive_node *node;
	int result = index == archive->nodes_max ? grow(archive) : 0;

	if (result)
		return result;
	node = &archive->nodes[index];
	memset(node, 0, sizeof(*node));
	node->name = name;
	node->name_bytes = (uint32_t)name_bytes;
	node->permissions = 0755;
	node->type = ARCHIVE_DIRECTORY;
	node->first_child = node->last_child = node->next_sibling = ARCHIVE_NONE;
	node->parent = parent;
	archive->nodes_count++;
	*index_out = index;
	if (index == ARCHIVE_ROOT)
		return 0;
	table_insert(archive, index);
	if (archive->nodes[parent].last_child == ARCHIVE_NONE)
		archive->nodes[parent].first_child = index;
	else
		archive->nodes[archive->nodes[parent].last_child].next_sibling = index;
	archive->nodes[parent].last_child = index;
	return 0;
}

/* The next component of a path: its length, 0 at the end. Slashes and `.` are passed over. */
static size_t component(const char **at, const char *end)
{
	const char *start = *at;
	size_t bytes;

	for (;;) {
		while (start < end && *start == '/')
			start++;
		for (bytes = 0; start + bytes < end && start[bytes] != '/';)
			bytes++;
		*at = start;
		if (bytes != 1 || *start != '.')
			return bytes;
		start++;
	}
}

static bool is_dot_dot(const char *name, size_t bytes)
{
	return bytes == 2 && name[0] == '.' && name[1] == '.';
}

uint32_t archive_find(const struct archive *archive, const char *path, size_t path_bytes)
{
	const char *end = path + path_bytes;
	uint32_t index = ARCHIVE_ROOT;
	size_t bytes;

	while (index != ARCHIVE_NONE && (bytes = component(&path, end)) > 0) {
		index = archive_lookup(archive, index, path, bytes);
		path += bytes;
	}
	return index;
}

/* Goes down the path from *index, making directories where there are none. */
static int descend(struct archive *archive, const char *at, size_t path_bytes, uint32_t *index)
{
	const char *end = at + path_bytes;
	size_t bytes;

	while ((bytes = component(&at, end)) > 0) {
		size_t offset = (size_t)((const uint8_t *)at - archive->bytes);
		uint32_t child;
		int result = 0;

		if (bytes > NAME_BYTES_MAX)
			return archive_broken(archive, offset, "a name too long");
		if (is_dot_dot(at, bytes))
			return archive_broken(archive, offset, "a name with ..");
		if (archive->nodes[*index].type != ARCHIVE_DIRECTORY)
			return archive_broken(archive, offset, "a name below a file");
		child = archive_lookup(archive, *index, at, bytes);
		if (child == ARCHIVE_NONE)
			result = add_child(archive, *index, at, bytes, &child);
		if (result)
			return result;
		*index = child;
		at += bytes;
	}
	return 0;
}

int archive_add(struct archive *archive, const struct archive_member *member)
{
	uint32_t index = ARCHIVE_ROOT;
	struct archive_node *node;
	int result = 0;

	if (member->prefix)
		result = descend(archive, member->prefix, member->prefix_bytes, &index);

	if (result == 0)
		result = descend(archive, member->name, member->name_bytes, &index);
	if (result)
		return result;
	node = &archive->nodes[index];
	if (member->node.type != ARCHIVE_DIRECTORY &&
	    (index == ARCHIVE_ROOT || node->first_child != ARCHIVE_NONE))
		return archive_broken(archive,
				      (size_t)((const uint8_t *)member->name - archive->bytes),
				      "a file where a directory is");
	node->data = member->node.data;
	node->bytes = member->node.bytes;
	node->mtime_s = member->node.mtime_s;
	node->permissions = member->node.permissions;
	node->uid = member->node.uid;
	node->gid = member->node.gid;
	node->identity = member->node.identity;
	node->type = member->node.type;
	return 0;
}

bool archive_recognise(const void *bytes, size_t bytes_count)
{
	return archive_is_cpio(bytes, bytes_count) || archive_is_tar(bytes, bytes_count);
}

int archive_open(struct archive *archive, const void *bytes, size_t bytes_count)
{
	uint32_t root;
	int result;

	memset(archive, 0, sizeof(*archive));
	archive->bytes = bytes;
	archive->bytes_count = bytes_count;
	if (!archive_recognise(bytes, bytes_count)) {
		archive_broken(archive, 0, "neither cpio (newc) nor tar (ustar)");
		return -ENOEXEC;
	}
	result = add_child(archive, ARCHIVE_ROOT, "", 0, &root);
	if (result == 0)
		result = archive_is_cpio(bytes, bytes_count) ? archive_read_cpio(archive)
							     : archive_read_tar(archive);
	if (result) {
		if (!archive->error)
			archive->error = "out of memory";
		heap_free(archive->nodes);
		heap_free(archive->table);
		archive->nodes = NULL;
		archive->table = NULL;
		archive->nodes_count = archive->nodes_max = archive->table_size = 0;
	}
	return result;
}

void archive_close(struct archive *archive)
{
	heap_free(archive->nodes);
	heap_free(archive->table);
	memset(archive, 0, sizeof(*archive));
}
