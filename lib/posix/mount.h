/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which file systems are where. The command line says it:
 *
 *	root=SOURCE		what is at /: a disk (/dev/xvda), tmpfs, or ramdisk
 *	fstype=TYPE		its type; for a disk the one file system for disks that is linked
 *	rootflags=OPTION,…	its options; ro: read-only
 *	mount=SOURCE:DIRECTORY:TYPE[:OPTION,…]
 *				more of them, in this order; SOURCE is a disk, or anything
 *
 * With none of these / is the archive given as ramdisk=, read-only, or a tmpfs when there is no
 * archive. Always: /dev is a devfs, /dev/shm a tmpfs, and /tmp a tmpfs unless the root can be
 * written and has one. A directory that is mounted on need not be there.
 *
 * What the command line wants is mounted before main(), and ends the program there when it cannot
 * be; the default when a path is first looked up.
 */
#ifndef LIB_POSIX_MOUNT_H
#define LIB_POSIX_MOUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/fs/node.h"

#define MOUNTS_MAX 16
/* What the command line says is mounted by a constructor of this priority; what finds disks has a
 * lower number. */
#define MOUNTS_PRIORITY 110

/* /, borrowed for ever; mounts what is not mounted yet. NULL with *result_out. Thread context,
 * signals held. */
struct node *mounts_root_slow(int *result_out);
/* The same once all is mounted, NULL before. */
extern struct node *mounts_root_ready;

static inline struct node *mounts_root(int *result_out)
{
	struct node *root = __atomic_load_n(&mounts_root_ready, __ATOMIC_ACQUIRE);

	return __builtin_expect(root != NULL, 1) ? root : mounts_root_slow(result_out);
}

/* The directory in which root is mounted (a reference), NULL when it is no mounted root or /. */
struct node *mounts_parent(const struct node *root);
/* The i-th name mounted in directory, and what; NULL when there are no more. */
const char *mounts_name(const struct node *directory, size_t index, struct node **root_out);
/* The name under which root is mounted, NULL: it is not. */
const char *mounts_name_of(const struct node *root);
/* The i-th file system mounted, NULL when there are no more. */
struct fs *mounts_fs(size_t index);

/* Mounts a file system. why_out: static text, or "". Thread context, signals held. */
int mounts_add(const char *source, const char *directory, const char *type, const char *options,
	       const char **why_out);

/* All file systems are safe on their media: the first error. */
int mounts_sync(void);

/* --- weak in programs that open no file --- */

/* 1: the word of the command line is one of ours, and kept (borrowed for ever). */
int mounts_take_option(const char *word) __attribute__((weak));
/* The program is over: everything is written and let go. */
void mounts_end(void) __attribute__((weak));

#endif
