/* SPDX-License-Identifier: BSD-2-Clause */
/* What -lext4 asks for: it brings the file system, which makes itself known to mounts. */
#include "lib/posix/ext4.h"

#include "lib/fs/ext4.h"

const struct fs_type *const posix_ext4 = &ext4_fs_type;
