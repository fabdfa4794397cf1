/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The archive given as ramdisk= (lib/fs/archive.h says which formats; compressed by gzip, too) as a
 * read-only file system, type "ramdisk". It is mapped and read when it is mounted, once; contents
 * are used where they lie.
 *
 * Context and locks: lib/fs/node.h.
 */
#ifndef LIB_FS_RAMDISK_H
#define LIB_FS_RAMDISK_H

#include "lib/fs/node.h"

extern const struct fs_type ramdisk_type;

#endif
