/* SPDX-License-Identifier: BSD-2-Clause */
/* Between mount.c, the table, and mount_default.c, what comes into it by itself. */
#ifndef LIB_POSIX_MOUNT_PARTS_H
#define LIB_POSIX_MOUNT_PARTS_H

/* Mounts what the command line says and what is always there; ends the program when it cannot be. 0
 * or -ENOMEM. */
int mounts_default(void);

#endif
