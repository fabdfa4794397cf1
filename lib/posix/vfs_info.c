/* SPDX-License-Identifier: BSD-2-Clause */
/* How big and how full file systems are. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"

static int ask(struct node *node, struct statvfs *out)
{
	struct fs_info info = {0};
	int result = node->fs->ops->info(node->fs, &info);

	if (result)
		return result;
	memset(out, 0, sizeof(*out));
	out->f_bsize = (unsigned long)info.block_bytes;
	out->f_frsize = (unsigned long)info.block_bytes;
	out->f_blocks = (fsblkcnt_t)info.blocks;
	out->f_bfree = (fsblkcnt_t)info.blocks_free;
	out->f_bavail = (fsblkcnt_t)info.blocks_usable;
	out->f_files = (fsfilcnt_t)info.nodes;
	out->f_ffree = out->f_favail = (fsfilcnt_t)info.nodes_free;
	out->f_fsid = node->fs->number;
	out->f_flag = node->fs->read_only ? ST_RDONLY : 0;
	out->f_namemax = NAME_MAX;
	return 0;
}

int statvfs(const char *path, struct statvfs *out)
{
	struct vfs_path found;
	int result;

	sig_hold();
	result = vfs_walk(AT_FDCWD, path, 0, NULL, &found);
	if (result == 0) {
		result = ask(found.node, out);
		vfs_path_put(&found);
	}
	sig_release();
	return (int)posix_result(result);
}

int fstatvfs(int fd, struct statvfs *out)
{
	struct node *node;
	int result;

	sig_hold();
	result = vfs_node_of(fd, &node);
	if (result == 0) {
		result = ask(node, out);
		node_put(node);
	}
	sig_release();
	return (int)posix_result(result == -EINVAL ? -ENOSYS : result);
}

static void convert(const struct statvfs *from, struct statfs *out)
{
	memset(out, 0, sizeof(*out));
	out->f_bsize = (long)from->f_frsize;
	out->f_frsize = (long)from->f_frsize;
	out->f_blocks = from->f_blocks;
	out->f_bfree = from->f_bfree;
	out->f_bavail = from->f_bavail;
	out->f_files = from->f_files;
	out->f_ffree = from->f_ffree;
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
