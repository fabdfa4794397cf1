/* SPDX-License-Identifier: BSD-2-Clause */
/* ext2, ext3, ext4 for programs that ask for them with stardust-cc … -lext4. */
#ifndef LIB_POSIX_EXT4_H
#define LIB_POSIX_EXT4_H

#include "lib/fs/node.h"

extern const struct fs_type *const posix_ext4;

#endif
