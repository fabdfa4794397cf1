/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks on files: records (fcntl, lockf) of the process and of open files, and whole files (flock).
 *
 * A record lock of the process is in the way of open files' locks only: there is one process, and
 * its own locks replace each other. It goes when the file is closed. Who waits is woken whenever
 * some lock goes.
 *
 * Lock: locks_lock, over nothing else.
 */
#ifndef LIB_POSIX_LOCKS_H
#define LIB_POSIX_LOCKS_H

#include <fcntl.h>

#include "lib/posix/fd.h"

/* fcntl()'s F_GETLK, F_SETLK, F_SETLKW and F_OFD_…. 0, -EAGAIN, -EINTR, -EINVAL, -EBADF, -ENOLCK,
 * -EOVERFLOW. Thread context; signals are not held. */
int locks_control(struct file *file, int command, struct flock *lock);

/* --- absent in programs that lock nothing --- */

/* fd.c: a descriptor of the file is closed, and with it go the process's record locks. */
void locks_drop(struct file *file) __attribute__((weak));
/* file_node.c: the open file goes, and with it its own locks. */
void locks_close(struct file *file) __attribute__((weak));

#endif
