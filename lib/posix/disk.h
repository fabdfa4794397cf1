/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks: linked with programs that ask for them (stardust-cc … -lblk, -lext4), declared weak by
 * everybody else.
 */
#ifndef LIB_POSIX_DISK_H
#define LIB_POSIX_DISK_H

/* Begins to look for disks, before main; who needs them earlier (mounts) calls it. Idempotent.
 * Thread context. */
void posix_blk_start(void);

#endif
