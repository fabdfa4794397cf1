/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files by their paths over lib/fs/node.h, as tests want them: what must succeed fails the test
 * when it does not. Contents of fill are a pattern of their seed and place.
 */
#ifndef TEST_HOST_LIB_FS_FILES_H
#define TEST_HOST_LIB_FS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/fs/node.h"

/* With a reference; NULL: there is none. */
struct node *files_find(struct fs *fs, const char *path);
struct node *files_node(struct fs *fs, const char *path);
bool files_exists(struct fs *fs, const char *path);
void files_mkdir(struct fs *fs, const char *path);
int files_try_mkdir(struct fs *fs, const char *path);
/* Made when it is not there. */
void files_write(struct fs *fs, const char *path, uint64_t offset, const void *bytes, size_t count);
int files_try_write(struct fs *fs, const char *path, uint64_t offset, const void *bytes,
		    size_t count);
void files_fill(struct fs *fs, const char *path, uint64_t offset, size_t count, uint32_t seed);
int files_try_fill(struct fs *fs, const char *path, uint64_t offset, size_t count, uint32_t seed);
/* As if filled from `start` on: the part from offset on. */
int files_try_fill_from(struct fs *fs, const char *path, uint64_t offset, size_t count,
			uint32_t seed, uint64_t start);
void files_link(struct fs *fs, const char *path, const char *fresh);
void files_symlink(struct fs *fs, const char *target, const char *path);
const char *files_readlink(struct fs *fs, const char *path);
void files_rename(struct fs *fs, const char *from, const char *to);
int files_try_rename(struct fs *fs, const char *from, const char *to);
void files_unlink(struct fs *fs, const char *path);
int files_try_unlink(struct fs *fs, const char *path);
void files_rmdir(struct fs *fs, const char *path);
int files_try_rmdir(struct fs *fs, const char *path);
void files_resize(struct fs *fs, const char *path, uint64_t bytes);
int files_try_resize(struct fs *fs, const char *path, uint64_t bytes);
int files_try_sync(struct fs *fs, const char *path);
uint64_t files_size(struct fs *fs, const char *path);
bool files_same(struct fs *fs, const char *path, uint64_t offset, const void *bytes, size_t count);
bool files_filled(struct fs *fs, const char *path, uint64_t offset, size_t count, uint32_t seed);
/* Filled at `start` with the seed: the part from offset on. */
bool files_filled_from(struct fs *fs, const char *path, uint64_t offset, size_t count,
		       uint32_t seed, uint64_t start);
bool files_node_filled(struct node *node, uint64_t offset, size_t count, uint32_t seed);
bool files_zeros(struct fs *fs, const char *path, uint64_t offset, size_t count);
/* Names in a directory, read in small pieces; each must come once. -errno. */
int files_count(struct fs *fs, const char *path);
/* Every file and directory below the root is read; -errno of the first that cannot be. -EILSEQ: a
 * file shows what blocks held before they were its own (disk_stale, unless that is 0). */
int files_walk(struct fs *fs);

#endif
