/* SPDX-License-Identifier: BSD-2-Clause */
/* Small files one waits for: eventfd, timerfd. */
#ifndef LIB_POSIX_WAITABLE_H
#define LIB_POSIX_WAITABLE_H

#include "core/pollhead.h"
#include "lib/posix/fd.h"

/* Waits until attempt(file, value) yields something else than -EAGAIN, unless the file says that
 * nobody waits (O_NONBLOCK). Signals held by the caller. */
ssize_t waitable_wait(struct file *file, struct pollhead *head,
		      ssize_t (*attempt)(struct file *file, uint64_t *value), uint64_t *value);
/* A descriptor for a new file with this data, which is freed when there is none. */
int waitable_install(const struct file_ops *ops, void *data, int flags);
int waitable_stat(struct file *file, struct stat *stat_out);

#endif
