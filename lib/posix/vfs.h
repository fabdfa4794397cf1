/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names: how a path becomes a node of some file system (lib/fs/node.h).
 *
 * Paths, symbolic links, `.` and `..`, mounts and the working directory are handled here, once;
 * names in directories are looked up through names.h. Where a file system is, mount.h says.
 *
 * Thread context, signals held (sig_hold) from before the first call until vfs_path_put(). 0 or
 * -Exxx, POSIX's for a path.
 */
#ifndef LIB_POSIX_VFS_H
#define LIB_POSIX_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "lib/fs/node.h"
#include "lib/posix/fd.h"

#define VFS_NOFOLLOW 0x1u /* a symbolic link at the end is the answer */
#define VFS_PARENT   0x2u /* the directory the last name is (or would be) in */
#define VFS_CREATE   0x4u /* the same when the last name is not there: is_missing */
#define VFS_EMPTY    0x8u /* AT_EMPTY_PATH: an empty path means the file at */

/* How the path ended, for VFS_PARENT. */
enum vfs_last { VFS_LAST_NAME, VFS_LAST_DOT, VFS_LAST_DOTDOT, VFS_LAST_ROOT };

struct vfs_path {
	struct node *node; /* with a reference: vfs_path_put() */
	const char *name;  /* VFS_PARENT, is_missing: the last name; until vfs_path_put() */
	size_t name_bytes; /* 0 unless last is VFS_LAST_NAME */
	enum vfs_last last;
	bool is_missing;
	bool has_slash; /* behind the last name: it must be a directory */
	/* Canonical path of node, without links and dots: kept when the caller gives PATH_MAX bytes
	 * for it, else NULL. */
	char *path;
	size_t path_bytes; /* without the NUL */
	char *storage;     /* heap: two of PATH_MAX, once there was a link */
	unsigned int links;
};

/* Walks path from the directory at (a descriptor, or AT_FDCWD). path_out: NULL, or PATH_MAX bytes
 * (VFS_PARENT wants NULL). */
int vfs_walk(int at, const char *path, unsigned int flags, char *path_out,
	     struct vfs_path *found_out);
void vfs_path_put(struct vfs_path *found);

/* The directory a directory is in, across mounts; the root is in itself. A reference. fs->names is
 * not held. */
int vfs_parent(struct node *directory, struct node **node_out);
/* The absolute path of a directory; its bytes with the NUL. -ERANGE, -ENOENT: it was removed. */
ssize_t vfs_path_of(struct node *directory, char *path_out, size_t bytes_max);

/* The working directory, with a reference. */
struct node *vfs_cwd(void);
/* Makes it another one. -ENOTDIR. */
int vfs_set_cwd(struct node *directory);

/* What is not to be created (umask). */
mode_t vfs_umask(void);

int vfs_stat(struct node *node, struct stat *stat_out);
/* A descriptor's node with a reference; NULL with -EBADF, or -EINVAL: it has none. */
int vfs_node_of(int fd, struct node **node_out);

/* Changes attributes: -EROFS, -EPERM … */
int vfs_change(struct node *node, const struct node_change *change);

/* Makes the last name of found (VFS_PARENT or is_missing). node_out: with a reference; NULL: not
 * wanted. -EEXIST, -EROFS … */
int vfs_create(const struct vfs_path *found, const struct node_new *what, struct node **node_out);

/* file_node.c: what file->ops is for a node that is no FIFO, socket or device of lib/posix. */
int vfs_file_open(struct node *node, struct file *file);
extern const struct file_ops file_node_ops;

/* One struct dirent after the other. */
struct dirents {
	char *buffer;
	size_t bytes_max, used;
};
/* -ENOSPC: no room for it. */
int dirents_add(struct dirents *dirents, const char *name, size_t name_bytes, ino_t number,
		mode_t mode, off_t next);

#endif
