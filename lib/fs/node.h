/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The class every file system implements: nodes (files, directories, links …), the file system they
 * belong to, and the registry of types that mounts look in. lib/posix is the one that calls it; a
 * file system knows nothing of paths, descriptors, mounts, `.` and `..`.
 *
 * Identity. While a node has references, whoever asks for the same inode gets the same struct node;
 * file systems embed it in their own inode. References are counted in the node. The last one is
 * dropped inside ops->put_last() alone, under whatever lock the file system finds its nodes with:
 * so a lookup may count up what it finds. A node whose file system keeps a reference of its own for
 * ever needs no put_last.
 *
 * Locks. fs->names is held by the caller around lookup, parent, create, link, unlink, rename and
 * list: names change one after the other, and a file system needs no lock of its own for them. All
 * other operations may run at the same time as these and each other; for data and attributes a file
 * system locks for itself, so that a read sees all of a write or
 * nothing of it (POSIX.1-2017 2.9.7).
 * put_last may come with fs->names held or without, and must not take it.
 *
 * Context: thread, signals held back by the caller; may sleep. Memory given for data stays valid
 * and mapped during the call. Results are 0 or -Exxx, or bytes (never more than asked for).
 * An operation that is NULL gives the error its comment says. On a file system that is read_only no
 * changing operation is called. There is one user: nobody checks permissions.
 */
#ifndef LIB_FS_NODE_H
#define LIB_FS_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sleeplock.h"

/* Modes: POSIX's <sys/stat.h> with Linux's numbers, as disks and archives have them. */
#define NODE_TYPE        0170000u
#define NODE_FIFO        0010000u
#define NODE_CHARACTER   0020000u
#define NODE_DIRECTORY   0040000u
#define NODE_BLOCK       0060000u
#define NODE_FILE        0100000u
#define NODE_LINK        0120000u
#define NODE_SOCKET      0140000u
#define NODE_PERMISSIONS 07777u

#define NODE_NAME_BYTES_MAX 255

struct blkdev; /* core/blkdev.h */
struct file;   /* lib/posix/fd.h: of open(), for lib/posix's own nodes */
struct fs;
struct node;

struct node_time {
	int64_t s; /* since 1970 */
	uint32_t ns;
};

struct node_info {
	uint64_t number;  /* the inode's: unique in its file system, never 0 */
	uint64_t bytes;   /* of a link: of its target */
	uint64_t sectors; /* of 512 bytes that it takes on the disk or in memory */
	struct node_time accessed, modified, changed;
	uint32_t mode; /* type and permissions */
	uint32_t links;
	uint32_t owner, group;
	uint32_t device;      /* number of a device: major << 8 | minor */
	uint32_t block_bytes; /* good to move at once */
};

/* What create() makes. */
struct node_new {
	uint32_t mode;      /* type and permissions */
	uint32_t device;    /* NODE_CHARACTER, NODE_BLOCK */
	const char *target; /* NODE_LINK; no NUL */
	size_t target_bytes;
};

/* struct node_change what. `changed` becomes the time of now with any of them. */
#define NODE_SET_MODE     0x01u /* permissions; the type stays */
#define NODE_SET_OWNER    0x02u
#define NODE_SET_GROUP    0x04u
#define NODE_SET_ACCESSED 0x08u
#define NODE_SET_MODIFIED 0x10u
#define NODE_SET_BYTES    0x20u /* cut or grown by a hole; `modified` is now, too */

struct node_change {
	unsigned int what;
	uint32_t mode, owner, group;
	struct node_time accessed, modified;
	uint64_t bytes;
};

/* Flags of read and write. */
#define NODE_APPEND  0x1u  /* write: at the end, found and moved with nobody in between */
#define NODE_DIRECT  0x2u  /* past any cache. -EINVAL when not on the device's sectors */
#define NODE_SYNC    0x4u  /* write: returns when data and all attributes are safe on the medium */
#define NODE_DSYNC   0x8u  /* write: … data and what it takes to read them */
#define NODE_NOATIME 0x10u /* read: leaves `accessed` alone */

/* Flags of allocate. */
#define NODE_KEEP_SIZE  0x1u /* the end of the file stays */
#define NODE_PUNCH_HOLE 0x2u /* gives the range back instead; it reads as zeros */

/* Takes one name of a directory; next is the cursor to go on after it. Non-zero: no room for this
 * one, stop. */
typedef int node_list_fn(void *context, const char *name, size_t name_bytes, uint64_t number,
			 uint32_t mode, uint64_t next);

struct node_ops {
	/* The child called name (name_bytes long, at most NODE_NAME_BYTES_MAX, no NUL at its end),
	 * with a reference for the caller. -ENOENT, -EIO … NULL: no directory. */
	int (*lookup)(struct node *directory, const char *name, size_t name_bytes,
		      struct node **node_out);
	/* The directory a directory is in, with a reference. Not asked of a root. */
	int (*parent)(struct node *directory, struct node **node_out);
	/* Calls fn for each name but `.` and `..` from *cursor on (0: the first), and leaves in
	 * *cursor where to go on. Cursors are below 2^62 and stay good whatever is created and
	 * removed meanwhile: each name that was there all the time comes once. */
	int (*list)(struct node *directory, uint64_t *cursor, node_list_fn *fn, void *context);

	/* The caller knows that name is not there. name_bytes 0: a file without a name (O_TMPFILE),
	 * gone with its last reference unless linked; -EOPNOTSUPP where that cannot be. -ENOENT:
	 * the directory itself was removed. -ENOSPC, -EMLINK, -EIO … NULL: -EROFS. */
	int (*create)(struct node *directory, const char *name, size_t name_bytes,
		      const struct node_new *what, struct node **node_out);
	/* Another name for node, which is no directory and of the same fs. NULL: -EPERM. */
	int (*link)(struct node *directory, const char *name, size_t name_bytes, struct node *node);
	/* Takes name away, which is node's. A directory only when it is empty: -ENOTEMPTY. A file
	 * lives on without a name until its last reference is put; then its space is free, also
	 * when the power was cut meanwhile. NULL: -EROFS. */
	int (*unlink)(struct node *directory, const char *name, size_t name_bytes,
		      struct node *node);
	/* node's name from becomes name to in another or the same directory, in one step: whoever
	 * looks, and whoever finds the disk after a power cut, sees one of the two. replaced has
	 * that name now and loses it (NULL: nobody has); -ENOTEMPTY. The caller has seen to it that
	 * both are directories or none is, that they are not the same node, and that no directory
	 * moves below itself. NULL: -EROFS. */
	int (*rename)(struct node *from_directory, const char *from, size_t from_bytes,
		      struct node *to_directory, const char *to, size_t to_bytes, struct node *node,
		      struct node *replaced);

	/* A link's target, no NUL; bytes put there. */
	int64_t (*readlink)(struct node *node, char *target_out, size_t bytes_max);
	int (*stat)(struct node *node, struct node_info *info_out);
	/* NULL: -EPERM, -EINVAL for NODE_SET_BYTES. -EFBIG, -ENOSPC … */
	int (*setattr)(struct node *node, const struct node_change *change);
	/* Bytes from offset on; 0 at the end. NULL: -EINVAL. */
	int64_t (*read)(struct node *node, void *bytes_out, size_t bytes_max, uint64_t offset,
			unsigned int flags);
	/* *offset: where to write; with NODE_APPEND it is set to where that was. Bytes written are
	 * fewer than asked for only when the medium was full after some of them. -ENOSPC, -EFBIG,
	 * -EIO … NULL: -EINVAL. */
	int64_t (*write)(struct node *node, const void *bytes, size_t bytes_count, uint64_t *offset,
			 unsigned int flags);
	/* Space for the range, which then reads as before or as zeros. flags: NODE_KEEP_SIZE …
	 * -EOPNOTSUPP for a flag not known. NULL: -EOPNOTSUPP. */
	int (*allocate)(struct node *node, uint64_t offset, uint64_t bytes, unsigned int flags);
	/* Returns when what was written is safe on the medium: a flush came back. data_only:
	 * without attributes that are not needed to read it. An error of writing back that nobody
	 * was told of is told here, once. NULL: nothing to do. */
	int (*sync)(struct node *node, bool data_only);
	/* The page of memory that holds the data from page_index * 4096 on, for shared mappings:
	 * whoever reads and writes it reads and writes the file. It stays until node is put.
	 * -ENXIO: beyond the end. NULL: the data are copied to and fro. */
	int (*page)(struct node *node, uint64_t page_index, void **page_out);
	/* lib/posix's own devices: gives file its operations. NULL for all others. */
	int (*open)(struct node *node, struct file *file);
	/* Drops what may be the last reference: __atomic_sub_fetch(&node->refs, 1) under the lock
	 * that nodes are found with, and when that is 0 the node goes. NULL: they stay for ever. */
	void (*put_last)(struct node *node);
};

/* node->flags: the caller's. */
#define NODE_HAS_MOUNTS 0x1u   /* something is mounted in this directory */
#define NODE_NAME_ONE   0x100u /* how many of its names are remembered: in units of this */

struct node {
	const struct node_ops *ops;
	struct fs *fs;
	void *data;     /* of the file system */
	void *upper;    /* of lib/posix: locks, a FIFO's pipe, mappings; NULL in a new node */
	uint32_t mode;  /* as in node_info; the file system keeps it current */
	uint32_t refs;  /* atomic */
	uint32_t flags; /* of lib/posix; 0 in a new node */
};

static inline void node_get(struct node *node)
{
	__atomic_fetch_add(&node->refs, 1, __ATOMIC_RELAXED);
}

static inline void node_put(struct node *node)
{
	uint32_t refs = __atomic_load_n(&node->refs, __ATOMIC_RELAXED);

	while (refs > 1)
		if (__atomic_compare_exchange_n(&node->refs, &refs, refs - 1, true,
						__ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return;
	node->ops->put_last(node);
}

static inline bool node_is(const struct node *node, uint32_t type)
{
	return (node->mode & NODE_TYPE) == type;
}

struct fs_info {
	uint64_t block_bytes;
	uint64_t blocks, blocks_free, blocks_usable; /* usable: free to programs */
	uint64_t nodes, nodes_free;                  /* 0, 0: no limit of its own */
};

struct fs_ops {
	int (*info)(struct fs *fs, struct fs_info *info_out);
	/* All of it is safe on the medium. NULL: nothing to do. */
	int (*sync)(struct fs *fs);
	/* Writes everything and lets go of the device and of fs. No node but the root is
	 * referenced any more; its reference is the caller's and goes here. When the program ends
	 * it is called although files may be open: what is on the disk then is clean. */
	int (*unmount)(struct fs *fs);
};

struct fs {
	const struct fs_ops *ops;
	struct node *root; /* a reference of fs's own */
	struct sleeplock names;
	uint32_t number; /* st_dev; lib/posix gives it */
	bool read_only;
	bool is_live;     /* names come and go by themselves: they are not remembered */
	const char *type; /* its name */
};

struct fs_type {
	const char *name;
	bool on_device; /* wants a device; otherwise device is NULL */
	/* options: `NAME[=VALUE],…` without those the caller knows (ro, rw), "" for none;
	 * read_only: nothing may be written, not even a journal. -EINVAL: a bad option or not this
	 * file system; -EIO, -ENOMEM, -EOPNOTSUPP: features it does not know. On error *why_out
	 * says in a few words what is wrong (static, or "" when errno says it all). Nothing is
	 * logged here: the caller does, one line. */
	int (*mount)(struct blkdev *device, const char *options, bool read_only, struct fs **fs_out,
		     const char **why_out);
};

/* Makes a type known. At file scope; the object must come into the link for another reason (-u). */
#define FS_TYPE(identifier)                                                                        \
	static const struct fs_type *const fs_type_##identifier                                    \
		__attribute__((section("fs_types"), used)) = &identifier

/* All that are linked; by the linker. */
extern const struct fs_type *const __start_fs_types[] __attribute__((weak));
extern const struct fs_type *const __stop_fs_types[] __attribute__((weak));

#endif
