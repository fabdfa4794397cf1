/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names: how a path becomes a node of some file system.
 *
 * A file system is an ops table and a root node. It answers for one name in one directory; paths,
 * symbolic links, `.` and `..`, mounts and the working directory are handled here, once. Nodes are
 * counted by get and put (any context) where the file system has them; where it has not they live
 * for ever. A file system locks for itself.
 *
 * Thread context. 0 or -Exxx.
 */
#ifndef LIB_POSIX_VFS_H
#define LIB_POSIX_VFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "lib/posix/fd.h"

struct node;

struct node_ops {
	/* The child called name (name_bytes long, no NUL), with a reference. -ENOENT, -EIO … Only
	 * for directories; never asked for `.` or `..`. */
	int (*lookup)(struct node *directory, const char *name, size_t name_bytes,
		      struct node **node_out);
	/* Bytes of a symbolic link's target put into target_out, no NUL. */
	ssize_t (*readlink)(struct node *node, char *target_out, size_t bytes_max);
	int (*stat)(struct node *node, struct stat *stat_out);
	/* Gives file its ops and whatever they need. file->flags are set. */
	int (*open)(struct node *node, struct file *file);
	/* Writing file systems: the child is made, or taken away. NULL: EROFS. */
	int (*create)(struct node *directory, const char *name, size_t name_bytes, mode_t mode,
		      struct node **node_out);
	int (*remove)(struct node *directory, const char *name, size_t name_bytes,
		      int is_directory);
	void (*get)(struct node *node); /* NULL: not counted */
	void (*put)(struct node *node);
};

struct node {
	const struct node_ops *ops;
	mode_t mode; /* S_IFMT and permissions */
	void *data;  /* of the file system */
};

#define VFS_NOFOLLOW 0x1u /* a symbolic link at the end is the answer */
#define VFS_PARENT   0x2u /* the directory the last name is (or would be) in */

struct vfs_path {
	struct node *node; /* with a reference: vfs_path_put() */
	const char *name;  /* VFS_PARENT: the last name, within storage or the caller's path */
	size_t name_bytes; /* 0 for a path that ends in `.`, `..` or is `/` */
	size_t path_bytes;
	char path[4096]; /* of node: absolute, without links or dots, NUL-terminated */
	char storage[4096];
};

/* Walks path from the directory at (a file with a path, or AT_FDCWD). */
int vfs_walk(int at, const char *path, unsigned int flags, struct vfs_path *found_out);
void vfs_path_put(struct vfs_path *found);

/* The working directory's absolute path, copied when it fits. Its bytes with the NUL. */
size_t vfs_cwd(char *path_out, size_t bytes_max);
/* Makes the directory found the working directory. */
int vfs_set_cwd(const struct vfs_path *found);

static inline void node_get(struct node *node)
{
	if (node->ops->get)
		node->ops->get(node);
}

static inline void node_put(struct node *node)
{
	if (node->ops->put)
		node->ops->put(node);
}

/* root appears as name in the directory parent (borrowed for ever). -ENOMEM: too many. While there
 * is one thread, or from the file system that becomes the root. */
int vfs_mount(struct node *parent, const char *name, struct node *root);
/* The i-th name mounted in directory, NULL when there are no more; for listing. */
const char *vfs_mounted_name(const struct node *directory, size_t index);

/* Provided by the file systems: the root of / and of /dev. */
int ramdisk_root(struct node **node_out);
struct node *devices_root(void);

/* Adds one struct dirent to a buffer. False when it has no room. */
struct dirents {
	char *buffer;
	size_t bytes_max, used;
};
int dirents_add(struct dirents *dirents, const char *name, size_t name_bytes, ino_t number,
		mode_t mode, off_t next);

#endif
