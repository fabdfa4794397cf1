/* SPDX-License-Identifier: BSD-2-Clause */
/* What open() has for the several kinds of nodes, and file_node.c needs of others. */
#ifndef LIB_POSIX_FILE_PARTS_H
#define LIB_POSIX_FILE_PARTS_H

#include "lib/posix/fd.h"

/* dirents.c: file_ops.getdents of directories. */
ssize_t directory_getdents(struct file *file, void *dirents_out, size_t bytes_max, off_t *offset);

/* pipe_fifo.c: waits for the other end as POSIX says of open(). 0, -ENXIO, -EINTR, -ENOMEM. Signals
 * are not held. */
int fifo_open(struct node *node, struct file *file);

#endif
