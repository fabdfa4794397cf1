/* SPDX-License-Identifier: BSD-2-Clause */
/* How big and how full file systems are. The ramdisk is full by nature. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "arch/x86_64/pv/boot.h"
#include "lib/posix/posix.h"
#include "lib/posix/vfs.h"

#define BLOCK_BYTES 512U

static void fill(struct statvfs *out)
{
	memset(out, 0, sizeof(*out));
	out->f_bsize = 4096;
	out->f_frsize = BLOCK_BYTES;
	out->f_blocks = (boot_info.module_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
	out->f_flag = ST_RDONLY;
	out->f_namemax = NAME_MAX;
}

int statvfs(const char *path, struct statvfs *out)
{
	struct vfs_path found;
	int result = vfs_walk(AT_FDCWD, path, 0, &found);

	if (result == 0) {
		vfs_path_put(&found);
		fill(out);
	}
	return (int)posix_result(result);
}

int fstatvfs(int fd, struct statvfs *out)
{
	struct file *file = fd_get(fd);

	if (!file)
		return (int)posix_result(-EBADF);
	file_put(file);
	fill(out);
	return 0;
}

static void convert(const struct statvfs *from, struct statfs *out)
{
	memset(out, 0, sizeof(*out));
	out->f_bsize = (long)from->f_frsize;
	out->f_frsize = (long)from->f_frsize;
	out->f_blocks = from->f_blocks;
	out->f_namelen = (long)from->f_namemax;
	out->f_flags = (long)from->f_flag;
}

int statfs(const char *path, struct statfs *out)
{
	struct statvfs info;
	int result = statvfs(path, &info);

	if (result == 0)
		convert(&info, out);
	return result;
}

int fstatfs(int fd, struct statfs *out)
{
	struct statvfs info;
	int result = fstatvfs(fd, &info);

	if (result == 0)
		convert(&info, out);
	return result;
}
