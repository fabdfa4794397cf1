/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files in memory: type "tmpfs". Sparse files, all kinds of names, gone with the guest.
 *
 * Option size=BYTES (64M, 1G, …) bounds the pages its files take; a half of the guest's memory when
 * not given. Whatever is beyond, and what the allocators cannot give, is -ENOSPC.
 *
 * Context and locks: lib/fs/node.h.
 */
#ifndef LIB_FS_TMPFS_H
#define LIB_FS_TMPFS_H

#include "lib/fs/node.h"

extern const struct fs_type tmpfs_type;

#endif
