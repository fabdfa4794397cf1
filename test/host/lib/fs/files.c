/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/host/lib/fs/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test/host/check_main.h"
#include "test/host/lib/fs/disk.h"

#define CHUNK 50000u
#define MUST(x)                                                                                    \
	do {                                                                                       \
		int error_ = (x);                                                                  \
		if (error_)                                                                        \
			ck_abort_msg("%s: %d", #x, error_);                                        \
	} while (0)

static int lookup(struct fs *fs, struct node *directory, const char *name, size_t bytes,
		  struct node **node_out)
{
	int error;

	if (!directory->ops->lookup)
		return -ENOTDIR;
	sleeplock_lock(&fs->names);
	error = directory->ops->lookup(directory, name, bytes, node_out);
	sleeplock_unlock(&fs->names);
	return error;
}

/* The directory the last name is in. */
static int find_parent(struct fs *fs, const char *path, struct node **directory_out,
		       const char **name_out)
{
	struct node *node = fs->root;
	const char *slash;

	node_get(node);
	while ((slash = strchr(path, '/')) != NULL) {
		struct node *next;
		int error = lookup(fs, node, path, (size_t)(slash - path), &next);

		node_put(node);
		if (error)
			return error;
		node = next;
		path = slash + 1;
	}
	*directory_out = node;
	*name_out = path;
	return 0;
}

static int find(struct fs *fs, const char *path, struct node **node_out)
{
	struct node *directory;
	const char *name;
	int error;

	if (!*path) {
		node_get(fs->root);
		*node_out = fs->root;
		return 0;
	}
	error = find_parent(fs, path, &directory, &name);
	if (error)
		return error;
	error = lookup(fs, directory, name, strlen(name), node_out);
	node_put(directory);
	return error;
}

struct node *files_find(struct fs *fs, const char *path)
{
	struct node *node;

	return find(fs, path, &node) ? NULL : node;
}

struct node *files_node(struct fs *fs, const char *path)
{
	struct node *node = NULL;
	int error = find(fs, path, &node);

	if (error)
		ck_abort_msg("%s: %d", path, error);
	return node;
}

bool files_exists(struct fs *fs, const char *path)
{
	struct node *node = files_find(fs, path);

	if (node)
		node_put(node);
	return node != NULL;
}

static int create(struct fs *fs, const char *path, const struct node_new *what,
		  struct node **node_out)
{
	struct node *directory;
	const char *name;
	int error = find_parent(fs, path, &directory, &name);

	if (error)
		return error;
	sleeplock_lock(&fs->names);
	error = directory->ops->create(directory, name, strlen(name), what, node_out);
	sleeplock_unlock(&fs->names);
	node_put(directory);
	return error;
}

int files_try_mkdir(struct fs *fs, const char *path)
{
	struct node_new what = {.mode = NODE_DIRECTORY | 0755};
	struct node *node;
	int error = create(fs, path, &what, &node);

	if (!error)
		node_put(node);
	return error;
}

void files_mkdir(struct fs *fs, const char *path)
{
	MUST(files_try_mkdir(fs, path));
}

static int find_or_create(struct fs *fs, const char *path, struct node **node_out)
{
	struct node_new what = {.mode = NODE_FILE | 0644};
	int error = find(fs, path, node_out);

	return error == -ENOENT ? create(fs, path, &what, node_out) : error;
}

static int write_all(struct node *node, const uint8_t *bytes, size_t count, uint64_t offset)
{
	while (count) {
		uint64_t at = offset;
		int64_t n = node->ops->write(node, bytes, count, &at, 0);

		if (n <= 0)
			return n ? (int)n : -EIO;
		bytes += n;
		count -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int files_try_write(struct fs *fs, const char *path, uint64_t offset, const void *bytes,
		    size_t count)
{
	struct node *node;
	int error = find_or_create(fs, path, &node);

	if (error)
		return error;
	error = write_all(node, bytes, count, offset);
	node_put(node);
	return error;
}

void files_write(struct fs *fs, const char *path, uint64_t offset, const void *bytes, size_t count)
{
	MUST(files_try_write(fs, path, offset, bytes, count));
}

/* The byte at a place of a pattern. */
static uint8_t pattern(uint32_t seed, uint64_t at)
{
	return (uint8_t)((at * 31 + seed * 97 + (at >> 8) * 7) % 251 + 1);
}

int files_try_fill(struct fs *fs, const char *path, uint64_t offset, size_t count, uint32_t seed)
{
	return files_try_fill_from(fs, path, offset, count, seed, offset);
}

int files_try_fill_from(struct fs *fs, const char *path, uint64_t offset, size_t count,
			uint32_t seed, uint64_t start)
{
	uint8_t *bytes = malloc(CHUNK);
	struct node *node;
	int error = find_or_create(fs, path, &node);
	size_t done = 0;

	if (!error) {
		while (done < count && !error) {
			size_t n = count - done < CHUNK ? count - done : CHUNK;

			for (size_t i = 0; i < n; i++)
				bytes[i] = pattern(seed, offset - start + done + i);
			error = write_all(node, bytes, n, offset + done);
			done += n;
		}
		node_put(node);
	}
	free(bytes);
	return error;
}

void files_fill(struct fs *fs, const char *path, uint64_t offset, size_t count, uint32_t seed)
{
	MUST(files_try_fill(fs, path, offset, count, seed));
}

void files_link(struct fs *fs, const char *path, const char *fresh)
{
	struct node *node = files_node(fs, path), *directory;
	const char *name;

	MUST(find_parent(fs, fresh, &directory, &name));
	sleeplock_lock(&fs->names);
	MUST(directory->ops->link(directory, name, strlen(name), node));
	sleeplock_unlock(&fs->names);
	node_put(directory);
	node_put(node);
}

void files_symlink(struct fs *fs, const char *target, const char *path)
{
	struct node_new what = {
		.mode = NODE_LINK | 0777, .target = target, .target_bytes = strlen(target)};
	struct node *node;

	MUST(create(fs, path, &what, &node));
	node_put(node);
}

const char *files_readlink(struct fs *fs, const char *path)
{
	static char target[4096];
	struct node *node = files_node(fs, path);
	int64_t n = node->ops->readlink(node, target, sizeof(target) - 1);

	test_require(n >= 0);
	target[n] = '\0';
	node_put(node);
	return target;
}

int files_try_rename(struct fs *fs, const char *from, const char *to)
{
	struct node *node, *from_directory, *to_directory, *replaced = NULL;
	const char *from_name, *to_name;
	int error = find(fs, from, &node);

	if (error)
		return error;
	error = find_parent(fs, to, &to_directory, &to_name);
	if (error) {
		node_put(node);
		return error;
	}
	MUST(find_parent(fs, from, &from_directory, &from_name));
	error = lookup(fs, to_directory, to_name, strlen(to_name), &replaced);
	if (error == 0 || error == -ENOENT) {
		sleeplock_lock(&fs->names);
		error = node->ops->rename(from_directory, from_name, strlen(from_name),
					  to_directory, to_name, strlen(to_name), node,
					  error ? NULL : replaced);
		sleeplock_unlock(&fs->names);
	}
	if (replaced)
		node_put(replaced);
	node_put(from_directory);
	node_put(to_directory);
	node_put(node);
	return error;
}

void files_rename(struct fs *fs, const char *from, const char *to)
{
	MUST(files_try_rename(fs, from, to));
}

int files_try_unlink(struct fs *fs, const char *path)
{
	struct node *node, *directory;
	const char *name;
	int error = find(fs, path, &node);

	if (error)
		return error;
	error = find_parent(fs, path, &directory, &name);
	if (!error) {
		sleeplock_lock(&fs->names);
		error = directory->ops->unlink(directory, name, strlen(name), node);
		sleeplock_unlock(&fs->names);
		node_put(directory);
	}
	node_put(node);
	return error;
}

void files_unlink(struct fs *fs, const char *path)
{
	MUST(files_try_unlink(fs, path));
}

int files_try_rmdir(struct fs *fs, const char *path)
{
	return files_try_unlink(fs, path);
}

void files_rmdir(struct fs *fs, const char *path)
{
	MUST(files_try_unlink(fs, path));
}

int files_try_resize(struct fs *fs, const char *path, uint64_t bytes)
{
	struct node_change change = {.what = NODE_SET_BYTES, .bytes = bytes};
	struct node *node;
	int error = find(fs, path, &node);

	if (error)
		return error;
	error = node->ops->setattr(node, &change);
	node_put(node);
	return error;
}

void files_resize(struct fs *fs, const char *path, uint64_t bytes)
{
	MUST(files_try_resize(fs, path, bytes));
}

int files_try_sync(struct fs *fs, const char *path)
{
	struct node *node;
	int error = find(fs, path, &node);

	if (error)
		return error;
	error = node->ops->sync(node, false);
	node_put(node);
	return error;
}

uint64_t files_size(struct fs *fs, const char *path)
{
	struct node *node = files_node(fs, path);
	struct node_info info;

	MUST(node->ops->stat(node, &info));
	node_put(node);
	return info.bytes;
}

/* What is expected at a place: a pattern from start on, bytes, or zeros. */
struct expected {
	const uint8_t *bytes;
	bool zeros;
	uint32_t seed;
	uint64_t start;
};

static bool is_expected(struct node *node, uint64_t offset, size_t count,
			const struct expected *expected)
{
	uint8_t *bytes = malloc(CHUNK);
	bool same = true;

	for (size_t done = 0; done < count && same;) {
		size_t want = count - done < CHUNK ? count - done : CHUNK;
		int64_t n = node->ops->read(node, bytes, want, offset + done, 0);

		same = n > 0;
		for (int64_t i = 0; i < n && same; i++) {
			uint64_t at = offset + done + (uint64_t)i;
			uint8_t right = expected->bytes ? expected->bytes[at - offset]
					: expected->zeros
						? 0
						: pattern(expected->seed, at - expected->start);

			same = bytes[i] == right;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	free(bytes);
	return same;
}

static bool path_is_expected(struct fs *fs, const char *path, uint64_t offset, size_t count,
			     const struct expected *expected)
{
	struct node *node = files_find(fs, path);
	bool same;

	if (!node)
		return false;
	same = is_expected(node, offset, count, expected);
	node_put(node);
	return same;
}

bool files_same(struct fs *fs, const char *path, uint64_t offset, const void *bytes, size_t count)
{
	struct expected expected = {.bytes = bytes};

	return path_is_expected(fs, path, offset, count, &expected);
}

bool files_filled_from(struct fs *fs, const char *path, uint64_t offset, size_t count,
		       uint32_t seed, uint64_t start)
{
	struct expected expected = {.seed = seed, .start = start};

	return path_is_expected(fs, path, offset, count, &expected);
}

bool files_filled(struct fs *fs, const char *path, uint64_t offset, size_t count, uint32_t seed)
{
	return files_filled_from(fs, path, offset, count, seed, offset);
}

bool files_node_filled(struct node *node, uint64_t offset, size_t count, uint32_t seed)
{
	struct expected expected = {.seed = seed, .start = offset};

	return is_expected(node, offset, count, &expected);
}

bool files_zeros(struct fs *fs, const char *path, uint64_t offset, size_t count)
{
	struct expected expected = {.zeros = true};

	return path_is_expected(fs, path, offset, count, &expected);
}

/* --- listing --- */

struct listing {
	int room;
	char (*names)[256];
	size_t count, max;
};

static int take_name(void *context, const char *name, size_t name_bytes, uint64_t number,
		     uint32_t mode, uint64_t next)
{
	struct listing *listing = context;

	(void)number;
	(void)mode;
	(void)next;
	if (listing->room == 0)
		return 1;
	listing->room--;
	if (listing->count == listing->max) {
		listing->max = listing->max ? listing->max * 2 : 64;
		listing->names = realloc(listing->names, listing->max * sizeof(*listing->names));
	}
	memcpy(listing->names[listing->count], name, name_bytes);
	listing->names[listing->count++][name_bytes] = '\0';
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list(struct fs *fs, struct node *node, struct listing *listing)
{
	uint64_t cursor = 0, before;
	size_t count;
	int error;

	memset(listing, 0, sizeof(*listing));
	do {
		before = cursor;
		count = listing->count;
		listing->room = 7;
		sleeplock_lock(&fs->names);
		error = node->ops->list(node, &cursor, take_name, listing);
		sleeplock_unlock(&fs->names);
		if (error)
			return error;
		test_require(cursor < 1ULL << 62);
	} while (cursor != before && listing->count != count);
	if (listing->count)
		qsort(listing->names, listing->count, sizeof(*listing->names), compare);
	return 0;
}

int files_count(struct fs *fs, const char *path)
{
	struct node *node = files_node(fs, path);
	struct listing listing;
	int error = list(fs, node, &listing);

	for (size_t i = 1; i < listing.count && !error; i++)
		if (strcmp(listing.names[i], listing.names[i - 1]) == 0)
			ck_abort_msg("%s came twice", listing.names[i]);
	free(listing.names);
	node_put(node);
	return error ? error : (int)listing.count;
}

static bool is_stale(const uint8_t *bytes, size_t count)
{
	size_t run = 0;

	for (size_t i = 0; i < count && disk_stale && run < 32; i++)
		run = bytes[i] == disk_stale ? run + 1 : 0;
	return run == 32;
}

static int walk(struct fs *fs, struct node *node, int depth)
{
	struct listing listing;
	int error;

	if (node_is(node, NODE_FILE)) {
		uint8_t *bytes = malloc(CHUNK);
		int64_t n = 0;

		for (uint64_t at = 0; at < 4 * CHUNK; at += (uint64_t)n) {
			n = node->ops->read(node, bytes, CHUNK, at, 0);
			if (n > 0 && is_stale(bytes, (size_t)n))
				n = -EILSEQ;
			if (n <= 0)
				break;
		}
		free(bytes);
		return n < 0 ? (int)n : 0;
	}
	if (node_is(node, NODE_LINK)) {
		char target[4096];
		int64_t n = node->ops->readlink(node, target, sizeof(target));

		return n < 0 ? (int)n : 0;
	}
	if (!node_is(node, NODE_DIRECTORY) || depth > 8)
		return 0;
	error = list(fs, node, &listing);
	for (size_t i = 0; i < listing.count && i < 1000; i++) {
		struct node *child;
		int result = lookup(fs, node, listing.names[i], strlen(listing.names[i]), &child);

		if (!result) {
			result = walk(fs, child, depth + 1);
			node_put(child);
		}
		error = error ? error : result;
	}
	free(listing.names);
	return error;
}

int files_walk(struct fs *fs)
{
	return walk(fs, fs->root, 0);
}
