/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that were looked up, and what they meant: a table in front of the file systems, and the
 * place where mounts hang. It remembers names that are not there as well.
 *
 * A remembered name keeps its directory and its node referenced. What a name means changes only
 * with the file system's names lock held (lib/fs/node.h), and here in the same breath; so what is
 * remembered is always true. The memory it takes is bounded by the guest's; what was not asked for
 * lately goes first.
 *
 * Locks: one for each few buckets, over nothing else.
 */
#ifndef LIB_POSIX_NAMES_H
#define LIB_POSIX_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/fs/node.h"

/* The hash of a name, one character after the other. */
#define NAMES_HASH_SEED 0x811c9dc5u
static inline uint32_t names_hash_step(uint32_t hash, char character)
{
	return (hash ^ (uint8_t)character) * 0x01000193u;
}
uint32_t names_hash(const char *name, size_t name_bytes);

/* The child of a directory, or what is mounted there, with a reference; -ENOENT, -EIO … Thread
 * context, signals held. */
int names_lookup(struct node *directory, const char *name, size_t name_bytes, uint32_t hash,
		 struct node **node_out);
/* The same with directory->fs->names held. */
int names_lookup_locked(struct node *directory, const char *name, size_t name_bytes,
			struct node **node_out);
/* name means node from now on; NULL: nothing, it is forgotten. directory->fs->names held. */
void names_set(struct node *directory, const char *name, size_t name_bytes, struct node *node);
/* A directory is gone: nothing in it is remembered any more. Its fs->names held. */
void names_forget_directory(struct node *directory);
/* Nothing that belongs to fs is remembered any more but what is mounted. */
void names_forget_fs(struct fs *fs);

/* name means root for as long as it is mounted, whatever the file system has there. 0, -ENOMEM,
 * -EBUSY: something is mounted there. directory->fs->names held. */
int names_mount(struct node *directory, const char *name, size_t name_bytes, struct node *root);
void names_unmount(struct node *directory, const char *name, size_t name_bytes);

/* How many are remembered; for tests. */
uint32_t names_count(void);

#endif
