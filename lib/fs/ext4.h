/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2, ext3 and ext4 as types of lib/fs/node.h. Linked with -lext4, which brings this object in.
 *
 * Options: noatime, relatime (the default), strictatime, errors=continue|remount-ro|panic (the
 * superblock's says what is done without it).
 */
#ifndef LIB_FS_EXT4_H
#define LIB_FS_EXT4_H

#include "lib/fs/node.h"

extern const struct fs_type ext4_fs_type;

#endif
