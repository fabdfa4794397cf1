/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices this room has for /dev (lib/fs/devfs.h): the terminal, under its several names, and
 * xenstore. */
#ifndef LIB_POSIX_FILE_DEVICES_H
#define LIB_POSIX_FILE_DEVICES_H

struct file;
struct node;

/* file_xenstore.c: an operation of nodes. -ENXIO: there is no xenstore. -ENOMEM. */
int file_xenstore_open(struct node *node, struct file *file);

/* Before devfs is mounted, once. */
void file_devices_add(void);

#endif
