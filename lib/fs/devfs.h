/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices as files: type "devfs", mounted at /dev.
 *
 * There are always null, zero, full, random and urandom. lib/posix adds the terminals. Disks that
 * are there (core/blkdev.h, in images that link it) appear under their names and are read and
 * written past any cache.
 *
 * Context and locks: lib/fs/node.h.
 */
#ifndef LIB_FS_DEVFS_H
#define LIB_FS_DEVFS_H

#include "lib/base/list.h"
#include "lib/fs/node.h"

extern const struct fs_type devfs_type;

struct devfs_device {
	const char *name;
	uint32_t device;            /* major << 8 | minor: Linux's */
	uint32_t mode;              /* type and permissions */
	const struct node_ops *ops; /* stat, open and put_last may be NULL */
	/* devfs's */
	struct node node;
	struct list_node in_list;
	uint32_t number;
};

/* device (borrowed for ever) is in /dev from now on. Before devfs is mounted. */
void devfs_add(struct devfs_device *device);

#endif
