/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two halves of tmpfs share: tmpfs.c (names and attributes), tmpfs_data.c (contents).
 *
 * Locks: fs.names for all that concerns names. inode->lock for contents, size and times; it is
 * taken with fs.names held or without, never two of them.
 */
#ifndef LIB_FS_TMPFS_PARTS_H
#define LIB_FS_TMPFS_PARTS_H

#include "lib/base/list.h"
#include "lib/fs/node.h"

/* One name in a directory. */
struct tmpfs_name {
	struct list_node order; /* in the order of cursors */
	struct tmpfs_name *next;
	struct tmpfs_inode *inode;
	uint64_t cursor;
	uint32_t hash;
	uint32_t bytes;
	char text[];
};

/* Pages by their number: a tree of tables of 512, as high as the last page wants it. */
struct tmpfs_pages {
	void *root; /* height 0: the page 0 */
	unsigned int height;
	uint64_t count;
	bool is_mapped; /* pages were given out: those cut off are kept until the node goes */
	void *kept;     /* linked by struct page object */
};

struct tmpfs_directory {
	struct tmpfs_inode *parent; /* NULL: removed */
	struct tmpfs_name **table;  /* buckets, a power of two; NULL: none yet */
	uint32_t buckets, count;
	struct list_node order;
	uint64_t next_cursor;
	struct tmpfs_name *hint; /* where the last listing stopped, or NULL */
};

struct tmpfs_inode {
	struct node node;
	struct sleeplock lock;
	uint64_t number, bytes;
	struct node_time accessed, modified, changed;
	uint32_t links, owner, group, device;
	union {
		struct tmpfs_pages pages;
		struct tmpfs_directory directory;
		char *target;
	};
};

struct tmpfs {
	struct fs fs;
	uint64_t next_number;           /* atomic */
	uint64_t pages_used, pages_max; /* used: atomic */
};

static inline struct tmpfs_inode *tmpfs_inode_of(struct node *node)
{
	return container_of(node, struct tmpfs_inode, node);
}

static inline struct tmpfs *tmpfs_of(const struct tmpfs_inode *inode)
{
	return container_of(inode->node.fs, struct tmpfs, fs);
}

/* The time of now. */
struct node_time tmpfs_now(void);

/* As node_ops has them. */
int64_t tmpfs_read(struct node *node, void *bytes_out, size_t bytes_max, uint64_t offset,
		   unsigned int flags);
int64_t tmpfs_write(struct node *node, const void *bytes, size_t bytes_count, uint64_t *offset,
		    unsigned int flags);
int tmpfs_allocate(struct node *node, uint64_t offset, uint64_t bytes, unsigned int flags);
int tmpfs_page(struct node *node, uint64_t page_index, void **page_out);

/* Cuts or grows the file. inode->lock held. */
int tmpfs_set_bytes(struct tmpfs_inode *inode, uint64_t bytes);
/* Gives all pages back, kept ones too. Nobody else has the inode. */
void tmpfs_free_pages(struct tmpfs_inode *inode);

#endif
