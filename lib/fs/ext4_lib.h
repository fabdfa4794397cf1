/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only door to libext2fs, which is built from Debian's e2fsprogs (tools/e2fsprogs): the
 * format's structures, checksums, extent trees, block maps. Its headers want the C library's.
 */
#ifndef LIB_FS_EXT4_LIB_H
#define LIB_FS_EXT4_LIB_H

#include <string.h>
#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>
#include <ext2fs/ext3_extents.h>

#endif
