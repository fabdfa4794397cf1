/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names and attributes of files in memory. A directory is a hash table for looking up and a list in
 * the order of making for listing: a name's place in it (its cursor) never changes.
 *
 * References: an inode with links has one, the tree's; the last link to go drops it.
 */
#include "lib/fs/tmpfs.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/string.h"
#include "core/heap.h"
#include "core/page.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"
#include "lib/fs/tmpfs_parts.h"

#define BUCKETS_FIRST 8u
#define LINKS_MAX     UINT32_MAX

static const struct node_ops tmpfs_ops;

struct node_time tmpfs_now(void)
{
	uint64_t now = time_wall_ns();

	return (struct node_time){(int64_t)(now / NS_PER_S), (uint32_t)(now % NS_PER_S)};
}

static uint32_t hash_of(const char *name, size_t name_bytes)
{
	uint32_t hash = 0x811c9dc5u; /* FNV-1a */

	for (size_t i = 0; i < name_bytes; i++)
		hash = (hash ^ (uint8_t)name[i]) * 0x01000193u;
	return hash;
}

/* Where the pointer to the name is or would be, in a directory with a table. */
static struct tmpfs_name **find_name(struct tmpfs_directory *directory, const char *name,
				     size_t name_bytes)
{
	uint32_t hash = hash_of(name, name_bytes);
	struct tmpfs_name **at = &directory->table[hash & (directory->buckets - 1)];

	while (*at && ((*at)->hash != hash || (*at)->bytes != name_bytes ||
		       memcmp((*at)->text, name, name_bytes) != 0))
		at = &(*at)->next;
	return at;
}

static struct tmpfs_name *get_name(struct tmpfs_directory *directory, const char *name,
				   size_t name_bytes)
{
	return directory->table ? *find_name(directory, name, name_bytes) : NULL;
}

/* Twice as many buckets when there is a name for each; it goes without, too, but slower. */
static int make_room(struct tmpfs_directory *directory)
{
	uint32_t buckets = directory->table ? directory->buckets * 2 : BUCKETS_FIRST;
	struct tmpfs_name **table;
	struct list_node *at;

	if (directory->table && directory->count < directory->buckets)
		return 0;
	table = heap_alloc_zeroed(buckets * sizeof(*table));
	if (!table)
		return directory->table ? 0 : -ENOSPC;
	list_for_each (at, &directory->order) {
		struct tmpfs_name *name = container_of(at, struct tmpfs_name, order);
		struct tmpfs_name **bucket = &table[name->hash & (buckets - 1)];

		name->next = *bucket;
		*bucket = name;
	}
	heap_free(directory->table);
	directory->table = table;
	directory->buckets = buckets;
	return 0;
}

static void touch_directory(struct tmpfs_inode *inode)
{
	sleeplock_lock(&inode->lock);
	inode->modified = inode->changed = tmpfs_now();
	sleeplock_unlock(&inode->lock);
}

static void touch_inode(struct tmpfs_inode *inode, int links)
{
	sleeplock_lock(&inode->lock);
	inode->links += (uint32_t)links;
	inode->changed = tmpfs_now();
	sleeplock_unlock(&inode->lock);
}

static void put_name(struct tmpfs_inode *parent, struct tmpfs_name *name)
{
	struct tmpfs_directory *directory = &parent->directory;
	struct tmpfs_name **at = find_name(directory, name->text, name->bytes);

	name->next = *at;
	*at = name;
	name->cursor = ++directory->next_cursor;
	list_append(&directory->order, &name->order);
	directory->count++;
	if (node_is(&name->inode->node, NODE_DIRECTORY))
		touch_inode(parent, 1);
	touch_directory(parent);
}

/* A name that is in no directory yet. */
static struct tmpfs_name *new_name(struct tmpfs_inode *parent, const char *text, size_t bytes,
				   struct tmpfs_inode *inode)
{
	struct tmpfs_name *name;

	if (make_room(&parent->directory))
		return NULL;
	name = heap_alloc(sizeof(*name) + bytes);
	if (!name)
		return NULL;
	name->inode = inode;
	name->hash = hash_of(text, bytes);
	name->bytes = (uint32_t)bytes;
	memcpy(name->text, text, bytes);
	return name;
}

static void take_name(struct tmpfs_inode *parent, const char *text, size_t bytes)
{
	struct tmpfs_directory *directory = &parent->directory;
	struct tmpfs_name **at = find_name(directory, text, bytes), *name = *at;

	*at = name->next;
	if (directory->hint == name)
		directory->hint = NULL;
	list_remove(&name->order);
	directory->count--;
	if (node_is(&name->inode->node, NODE_DIRECTORY))
		touch_inode(parent, -1);
	touch_directory(parent);
	heap_free(name);
}

static void free_inode(struct tmpfs_inode *inode)
{
	if (node_is(&inode->node, NODE_FILE))
		tmpfs_free_pages(inode);
	else if (node_is(&inode->node, NODE_DIRECTORY))
		heap_free(inode->directory.table);
	else if (node_is(&inode->node, NODE_LINK))
		heap_free(inode->target);
	heap_free(inode);
}

static void tmpfs_put_last(struct node *node)
{
	/* Whoever drops the last one sees what the others did. */
	if (__atomic_sub_fetch(&node->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free_inode(tmpfs_inode_of(node));
}

/* One link is gone. */
static void drop_link(struct tmpfs_inode *inode)
{
	bool is_directory = node_is(&inode->node, NODE_DIRECTORY);

	if (is_directory)
		inode->directory.parent = NULL;
	touch_inode(inode, is_directory ? -2 : -1);
	if (inode->links == 0)
		node_put(&inode->node);
}

static struct tmpfs_inode *new_inode(struct tmpfs *tmpfs, const struct node_new *what)
{
	struct tmpfs_inode *inode = heap_alloc_zeroed(sizeof(*inode));

	if (!inode)
		return NULL;
	inode->node.ops = &tmpfs_ops;
	inode->node.fs = &tmpfs->fs;
	inode->node.mode = what->mode;
	inode->node.refs = 1;
	inode->number = __atomic_add_fetch(&tmpfs->next_number, 1, __ATOMIC_RELAXED);
	inode->device = what->device;
	inode->accessed = inode->modified = inode->changed = tmpfs_now();
	if (node_is(&inode->node, NODE_DIRECTORY)) {
		list_init(&inode->directory.order);
	} else if (node_is(&inode->node, NODE_LINK)) {
		inode->target = heap_alloc(what->target_bytes);
		if (!inode->target) {
			heap_free(inode);
			return NULL;
		}
		memcpy(inode->target, what->target, what->target_bytes);
		inode->bytes = what->target_bytes;
	}
	return inode;
}

static int tmpfs_lookup(struct node *node, const char *text, size_t bytes, struct node **node_out)
{
	struct tmpfs_name *name = get_name(&tmpfs_inode_of(node)->directory, text, bytes);

	if (!name)
		return -ENOENT;
	*node_out = &name->inode->node;
	node_get(*node_out);
	return 0;
}

static int tmpfs_parent(struct node *node, struct node **node_out)
{
	struct tmpfs_inode *parent = tmpfs_inode_of(node)->directory.parent;

	if (!parent)
		return -ENOENT;
	*node_out = &parent->node;
	node_get(*node_out);
	return 0;
}

/* The first name with this cursor or a later one, NULL at the end. */
static struct tmpfs_name *name_from(struct tmpfs_directory *directory, uint64_t cursor)
{
	struct list_node *at = directory->order.next;

	if (directory->hint && directory->hint->cursor <= cursor)
		at = &directory->hint->order;
	while (at != &directory->order &&
	       container_of(at, struct tmpfs_name, order)->cursor < cursor)
		at = at->next;
	return at == &directory->order ? NULL : container_of(at, struct tmpfs_name, order);
}

static int tmpfs_list(struct node *node, uint64_t *cursor, node_list_fn *fn, void *context)
{
	struct tmpfs_directory *directory = &tmpfs_inode_of(node)->directory;
	struct tmpfs_name *name;

	while ((name = name_from(directory, *cursor)) != NULL) {
		directory->hint = name;
		if (fn(context, name->text, name->bytes, name->inode->number,
		       name->inode->node.mode, name->cursor + 1))
			break;
		*cursor = name->cursor + 1;
	}
	return 0;
}

static int tmpfs_create(struct node *node, const char *text, size_t bytes,
			const struct node_new *what, struct node **node_out)
{
	struct tmpfs_inode *parent = tmpfs_inode_of(node);
	bool is_directory = (what->mode & NODE_TYPE) == NODE_DIRECTORY;
	struct tmpfs_name *name = NULL;
	struct tmpfs_inode *inode;

	if (parent->links == 0)
		return -ENOENT;
	inode = new_inode(tmpfs_of(parent), what);
	if (!inode)
		return -ENOSPC;
	if (bytes > 0) {
		name = new_name(parent, text, bytes, inode);
		if (!name) {
			free_inode(inode);
			return -ENOSPC;
		}
		if (is_directory)
			inode->directory.parent = parent;
		inode->links = is_directory ? 2 : 1;
		put_name(parent, name);
		node_get(&inode->node);
	}
	*node_out = &inode->node;
	return 0;
}

static int tmpfs_link(struct node *directory, const char *text, size_t bytes, struct node *node)
{
	struct tmpfs_inode *parent = tmpfs_inode_of(directory), *inode = tmpfs_inode_of(node);
	struct tmpfs_name *name;

	if (parent->links == 0)
		return -ENOENT;
	if (inode->links == LINKS_MAX)
		return -EMLINK;
	name = new_name(parent, text, bytes, inode);
	if (!name)
		return -ENOSPC;
	if (inode->links == 0)
		node_get(node);
	touch_inode(inode, 1);
	put_name(parent, name);
	return 0;
}

static int tmpfs_unlink(struct node *directory, const char *text, size_t bytes, struct node *node)
{
	struct tmpfs_inode *inode = tmpfs_inode_of(node);

	if (node_is(node, NODE_DIRECTORY) && inode->directory.count > 0)
		return -ENOTEMPTY;
	take_name(tmpfs_inode_of(directory), text, bytes);
	drop_link(inode);
	return 0;
}

static int tmpfs_rename(struct node *from_directory, const char *from, size_t from_bytes,
			struct node *to_directory, const char *to, size_t to_bytes,
			struct node *node, struct node *replaced)
{
	struct tmpfs_inode *inode = tmpfs_inode_of(node), *target = tmpfs_inode_of(to_directory);
	struct tmpfs_name *name;

	if (target->links == 0)
		return -ENOENT;
	if (replaced && node_is(replaced, NODE_DIRECTORY) &&
	    tmpfs_inode_of(replaced)->directory.count > 0)
		return -ENOTEMPTY;
	name = new_name(target, to, to_bytes, inode);
	if (!name)
		return -ENOSPC;
	/* From here nothing can fail. */
	if (replaced) {
		take_name(target, to, to_bytes);
		drop_link(tmpfs_inode_of(replaced));
	}
	take_name(tmpfs_inode_of(from_directory), from, from_bytes);
	put_name(target, name);
	if (node_is(node, NODE_DIRECTORY))
		inode->directory.parent = target;
	touch_inode(inode, 0);
	return 0;
}

static int64_t tmpfs_readlink(struct node *node, char *target_out, size_t bytes_max)
{
	const struct tmpfs_inode *inode = tmpfs_inode_of(node);
	size_t bytes = inode->bytes < bytes_max ? inode->bytes : bytes_max;

	memcpy(target_out, inode->target, bytes);
	return (int64_t)bytes;
}

static int tmpfs_stat(struct node *node, struct node_info *info_out)
{
	struct tmpfs_inode *inode = tmpfs_inode_of(node);

	sleeplock_lock(&inode->lock);
	*info_out = (struct node_info){
		.number = inode->number,
		.bytes = inode->bytes,
		.sectors = node_is(node, NODE_FILE) ? inode->pages.count * (PAGE_BYTES / 512) : 0,
		.accessed = inode->accessed,
		.modified = inode->modified,
		.changed = inode->changed,
		.mode = node->mode,
		.links = inode->links,
		.owner = inode->owner,
		.group = inode->group,
		.device = inode->device,
		.block_bytes = PAGE_BYTES,
	};
	sleeplock_unlock(&inode->lock);
	return 0;
}

static int tmpfs_setattr(struct node *node, const struct node_change *change)
{
	struct tmpfs_inode *inode = tmpfs_inode_of(node);
	struct node_time now = tmpfs_now();
	int result = 0;

	sleeplock_lock(&inode->lock);
	if (change->what & NODE_SET_BYTES) {
		result = node_is(node, NODE_FILE) ? tmpfs_set_bytes(inode, change->bytes) : -EINVAL;
		if (result == 0)
			inode->modified = now;
	}
	if (result == 0) {
		if (change->what & NODE_SET_MODE)
			WRITE_ONCE(node->mode,
				   (node->mode & NODE_TYPE) | (change->mode & NODE_PERMISSIONS));
		if (change->what & NODE_SET_OWNER)
			inode->owner = change->owner;
		if (change->what & NODE_SET_GROUP)
			inode->group = change->group;
		if (change->what & NODE_SET_ACCESSED)
			inode->accessed = change->accessed;
		if (change->what & NODE_SET_MODIFIED)
			inode->modified = change->modified;
		inode->changed = now;
	}
	sleeplock_unlock(&inode->lock);
	return result;
}

static const struct node_ops tmpfs_ops = {
	.lookup = tmpfs_lookup,
	.parent = tmpfs_parent,
	.list = tmpfs_list,
	.create = tmpfs_create,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rename = tmpfs_rename,
	.readlink = tmpfs_readlink,
	.stat = tmpfs_stat,
	.setattr = tmpfs_setattr,
	.read = tmpfs_read,
	.write = tmpfs_write,
	.allocate = tmpfs_allocate,
	.page = tmpfs_page,
	.put_last = tmpfs_put_last,
};

static int tmpfs_info(struct fs *fs, struct fs_info *info_out)
{
	const struct tmpfs *tmpfs = container_of(fs, struct tmpfs, fs);
	uint64_t used = READ_ONCE(tmpfs->pages_used), left;
	struct page_stats pages;

	page_get_stats(&pages);
	left = tmpfs->pages_max > used ? tmpfs->pages_max - used : 0;
	if (left > pages.free + pages.untouched)
		left = pages.free + pages.untouched;
	*info_out = (struct fs_info){.block_bytes = PAGE_BYTES,
				     .blocks = tmpfs->pages_max,
				     .blocks_free = left,
				     .blocks_usable = left};
	return 0;
}

/* Takes the tree away from its leaves on; what is open lives until it is closed. */
static int tmpfs_unmount(struct fs *fs)
{
	struct tmpfs_inode *root = tmpfs_inode_of(fs->root), *at = root;

	while (at != root || root->directory.count > 0) {
		struct tmpfs_directory *directory = &at->directory;
		struct tmpfs_name *name;

		if (directory->count == 0) {
			at = directory->parent;
			continue;
		}
		name = container_of(directory->order.next, struct tmpfs_name, order);
		if (node_is(&name->inode->node, NODE_DIRECTORY) && name->inode->directory.count > 0)
			at = name->inode;
		else
			(void)tmpfs_unlink(&at->node, name->text, name->bytes, &name->inode->node);
	}
	node_put(&root->node);
	heap_free(container_of(fs, struct tmpfs, fs));
	return 0;
}

static const struct fs_ops tmpfs_fs_ops = {.info = tmpfs_info, .unmount = tmpfs_unmount};

static int parse_options(const char *options, uint64_t *pages_max_out, const char **why_out)
{
	struct page_stats pages;
	uint64_t bytes;

	page_get_stats(&pages);
	*pages_max_out = pages.total / 2;
	if (!*options)
		return 0;
	if (strncmp(options, "size=", 5) != 0 || parse_bytes(options + 5, &bytes)) {
		*why_out = "wanted size=BYTES, e.g. size=64M";
		return -EINVAL;
	}
	*pages_max_out = (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	return 0;
}

static int tmpfs_mount(struct blkdev *device, const char *options, bool read_only,
		       struct fs **fs_out, const char **why_out)
{
	static const struct node_new root = {.mode = NODE_DIRECTORY | 01777};
	struct tmpfs *tmpfs;
	struct tmpfs_inode *inode;
	uint64_t pages_max;
	int result;

	(void)device;
	*why_out = "";
	result = parse_options(options, &pages_max, why_out);
	if (result)
		return result;
	tmpfs = heap_alloc_zeroed(sizeof(*tmpfs));
	if (!tmpfs)
		return -ENOMEM;
	tmpfs->pages_max = pages_max;
	inode = new_inode(tmpfs, &root);
	if (!inode) {
		heap_free(tmpfs);
		return -ENOMEM;
	}
	inode->links = 2;
	inode->directory.parent = inode;
	tmpfs->fs = (struct fs){.ops = &tmpfs_fs_ops,
				.root = &inode->node,
				.read_only = read_only,
				.type = tmpfs_type.name};
	*fs_out = &tmpfs->fs;
	return 0;
}

const struct fs_type tmpfs_type = {.name = "tmpfs", .mount = tmpfs_mount};
FS_TYPE(tmpfs_type);
