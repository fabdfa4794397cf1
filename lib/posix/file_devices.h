/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices this room has for /dev (lib/fs/devfs.h): the terminal, under its several names. */
#ifndef LIB_POSIX_FILE_DEVICES_H
#define LIB_POSIX_FILE_DEVICES_H

/* Before devfs is mounted, once. */
void file_devices_add(void);

#endif
