/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting until what was written is safe on its medium. */
#include <errno.h>
#include <unistd.h>

#include "lib/posix/cancel.h"
#include "lib/posix/fd.h"
#include "lib/posix/mount.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"

/* Whoever has nothing mounted has nothing to write. */
#pragma weak mounts_sync

static int sync_fd(int fd, bool data_only)
{
	struct file *file;
	int result = -EBADF;

	cancel_test();
	file = fd_get(fd);
	if (file) {
		sig_hold();
		result = file->ops->sync ? file->ops->sync(file, data_only) : -EINVAL;
		sig_release();
		file_put(file);
	}
	return (int)posix_result(result);
}

int fsync(int fd)
{
	return sync_fd(fd, false);
}

int fdatasync(int fd)
{
	return sync_fd(fd, true);
}

void sync(void)
{
	if (!mounts_sync)
		return;
	sig_hold();
	(void)mounts_sync();
	sig_release();
}

int syncfs(int fd)
{
	struct file *file = fd_get(fd);
	int result = 0;

	if (!file)
		return (int)posix_result(-EBADF);
	sig_hold();
	if (file->node && file->node->fs->ops->sync)
		result = file->node->fs->ops->sync(file->node->fs);
	sig_release();
	file_put(file);
	return (int)posix_result(result);
}
