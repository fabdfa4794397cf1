/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/waitable.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/heap.h"
#include "core/time.h"
#include "core/wait.h"

ssize_t waitable_wait(struct file *file, struct pollhead *head,
		      ssize_t (*attempt)(struct file *file, uint64_t *value), uint64_t *value)
{
	ssize_t result;
	int error;

	if (file->flags & O_NONBLOCK)
		return attempt(file, value);
	error = waitq_wait(&head->queue, (result = attempt(file, value)) != -EAGAIN, TIME_NEVER,
			   true);
	return error ? error : result;
}

int waitable_install(const struct file_ops *ops, void *data, int flags)
{
	struct file *file = file_create(ops, O_RDWR | (flags & O_NONBLOCK));
	int fd;

	if (!file) {
		heap_free(data);
		return -ENOMEM;
	}
	file->data = data;
	fd = fd_install(file, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

int waitable_stat(struct file *file, struct stat *stat_out)
{
	(void)file;
	memset(stat_out, 0, sizeof(*stat_out));
	stat_out->st_mode = 0600;
	stat_out->st_nlink = 1;
	stat_out->st_blksize = 4096;
	return 0;
}
