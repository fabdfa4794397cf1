/* SPDX-License-Identifier: BSD-2-Clause */
/* Between devfs.c and devfs_disk.c. */
#ifndef LIB_FS_DEVFS_PARTS_H
#define LIB_FS_DEVFS_PARTS_H

#include "lib/fs/devfs.h"

/* The node of a disk that is there now, with a reference. -ENOENT. fs->names held. */
int devfs_disk_lookup(struct fs *fs, const char *name, size_t name_bytes, struct node **node_out);
/* Calls fn for disks from *cursor on, which is first or more. */
int devfs_disk_list(uint64_t first, uint64_t *cursor, node_list_fn *fn, void *context);

#endif
