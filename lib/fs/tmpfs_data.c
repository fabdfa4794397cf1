/* SPDX-License-Identifier: BSD-2-Clause */
/* Contents of files in memory. Locks: lib/fs/tmpfs_parts.h. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/string.h"
#include "core/page.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "lib/fs/tmpfs_parts.h"

#define TABLE_SHIFT 9
#define TABLE_SLOTS (1U << TABLE_SHIFT)
#define BYTES_MAX   ((uint64_t)INT64_MAX)

static void *take_page(struct tmpfs *tmpfs, unsigned int flags)
{
	void *page = NULL;

	if (__atomic_add_fetch(&tmpfs->pages_used, 1, __ATOMIC_RELAXED) <= tmpfs->pages_max)
		page = page_alloc(0, flags);
	if (!page)
		__atomic_sub_fetch(&tmpfs->pages_used, 1, __ATOMIC_RELAXED);
	return page;
}

static void give_page(struct tmpfs *tmpfs, void *page)
{
	page_free(page, 0);
	__atomic_sub_fetch(&tmpfs->pages_used, 1, __ATOMIC_RELAXED);
}

/* How many pages a tree of this height has room for. */
static uint64_t reach(unsigned int height)
{
	return height * TABLE_SHIFT >= 64 ? UINT64_MAX : 1ULL << (height * TABLE_SHIFT);
}

/* The page of this number, NULL: a hole. */
static void *find_page(const struct tmpfs_pages *pages, uint64_t index)
{
	void *at = pages->root;

	if (index >= reach(pages->height))
		return NULL;
	for (unsigned int height = pages->height; height > 0 && at; height--)
		at = ((void **)at)[index >> ((height - 1) * TABLE_SHIFT) & (TABLE_SLOTS - 1)];
	return at;
}

/* Where the page of this number is or would be; NULL: no memory. */
static void **find_slot(struct tmpfs *tmpfs, struct tmpfs_pages *pages, uint64_t index)
{
	void **slot = &pages->root, **table;

	while (index >= reach(pages->height)) {
		if (pages->root) {
			table = take_page(tmpfs, PAGE_ZERO);
			if (!table)
				return NULL;
			table[0] = pages->root;
			pages->root = table;
		}
		pages->height++;
	}
	for (unsigned int height = pages->height; height > 0; height--) {
		if (!*slot)
			*slot = take_page(tmpfs, PAGE_ZERO);
		if (!*slot)
			return NULL;
		slot = (void **)*slot + (index >> ((height - 1) * TABLE_SHIFT) & (TABLE_SLOTS - 1));
	}
	return slot;
}

/* The page of this number, made when it is a hole: its contents are zeros, or undefined when it is
 * to be written whole. NULL: no memory. */
static void *make_page(struct tmpfs_inode *inode, uint64_t index, bool is_whole)
{
	void **slot = find_slot(tmpfs_of(inode), &inode->pages, index);

	if (slot && !*slot) {
		*slot = take_page(tmpfs_of(inode), is_whole ? 0 : PAGE_ZERO);
		inode->pages.count += *slot != NULL;
	}
	return slot ? *slot : NULL;
}

static void drop_page(struct tmpfs_inode *inode, void *page)
{
	inode->pages.count--;
	if (!inode->pages.is_mapped) {
		give_page(tmpfs_of(inode), page);
		return;
	}
	page_of(page)->object = inode->pages.kept;
	inode->pages.kept = page;
}

/* Drops the pages [first, end) of the subtree at *slot, whose first page has number base; tables
 * that lie wholly within, too. */
static void drop_range(struct tmpfs_inode *inode, void **slot, unsigned int height, uint64_t base,
		       uint64_t first, uint64_t end)
{
	uint64_t step;

	if (!*slot)
		return;
	if (height == 0) {
		drop_page(inode, *slot);
		*slot = NULL;
		return;
	}
	step = reach(height - 1);
	for (unsigned int i = 0; i < TABLE_SLOTS; i++) {
		uint64_t from = base + i * step;

		if (from < end && from + step > first)
			drop_range(inode, (void **)*slot + i, height - 1, from, first, end);
	}
	if (base >= first && base + step * TABLE_SLOTS - 1 < end) {
		give_page(tmpfs_of(inode), *slot);
		*slot = NULL;
	}
}

static void clear_part(struct tmpfs_inode *inode, uint64_t offset, size_t bytes)
{
	char *page = find_page(&inode->pages, offset / PAGE_BYTES);

	if (page)
		memset(page + offset % PAGE_BYTES, 0, bytes);
}

/* Makes [offset, end) a hole. */
static void punch(struct tmpfs_inode *inode, uint64_t offset, uint64_t end)
{
	uint64_t first = (offset + PAGE_BYTES - 1) / PAGE_BYTES, last = end / PAGE_BYTES;

	if (offset / PAGE_BYTES == last && offset % PAGE_BYTES) {
		clear_part(inode, offset, end - offset);
		return;
	}
	if (offset % PAGE_BYTES)
		clear_part(inode, offset, PAGE_BYTES - offset % PAGE_BYTES);
	if (end % PAGE_BYTES)
		clear_part(inode, end - end % PAGE_BYTES, end % PAGE_BYTES);
	if (first < last && first < reach(inode->pages.height))
		drop_range(inode, &inode->pages.root, inode->pages.height, 0, first, last);
}

int tmpfs_set_bytes(struct tmpfs_inode *inode, uint64_t bytes)
{
	if (bytes > BYTES_MAX)
		return -EFBIG;
	/* To the end of its page: a file that grows again has zeros there. */
	if (bytes < inode->bytes)
		punch(inode, bytes, (inode->bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1));
	inode->bytes = bytes;
	return 0;
}

void tmpfs_free_pages(struct tmpfs_inode *inode)
{
	struct tmpfs_pages *pages = &inode->pages;

	pages->is_mapped = false;
	drop_range(inode, &pages->root, pages->height, 0, 0, UINT64_MAX);
	while (pages->kept) {
		void *page = pages->kept;

		pages->kept = page_of(page)->object;
		give_page(tmpfs_of(inode), page);
	}
}

/* Once after each write is enough: more often nobody can tell. */
static void note_access(struct tmpfs_inode *inode)
{
	const struct node_time *accessed = &inode->accessed, *modified = &inode->modified;

	if (accessed->s < modified->s ||
	    (accessed->s == modified->s && accessed->ns <= modified->ns))
		inode->accessed = tmpfs_now();
}

int64_t tmpfs_read(struct node *node, void *bytes_out, size_t bytes_max, uint64_t offset,
		   unsigned int flags)
{
	struct tmpfs_inode *inode = tmpfs_inode_of(node);
	char *to = bytes_out;
	size_t left;

	sleeplock_lock(&inode->lock);
	left = offset < inode->bytes ? inode->bytes - offset : 0;
	if (left > bytes_max)
		left = bytes_max;
	if (bytes_max > 0 && !(flags & NODE_NOATIME))
		note_access(inode);
	while (left > 0) {
		size_t at = offset % PAGE_BYTES, bytes = PAGE_BYTES - at;
		const char *page = find_page(&inode->pages, offset / PAGE_BYTES);

		if (bytes > left)
			bytes = left;
		if (page)
			memcpy(to, page + at, bytes);
		else
			memset(to, 0, bytes);
		to += bytes;
		offset += bytes;
		left -= bytes;
	}
	sleeplock_unlock(&inode->lock);
	return to - (char *)bytes_out;
}

int64_t tmpfs_write(struct node *node, const void *bytes, size_t bytes_count, uint64_t *offset,
		    unsigned int flags)
{
	struct tmpfs_inode *inode = tmpfs_inode_of(node);
	const char *from = bytes;
	uint64_t to;

	sleeplock_lock(&inode->lock);
	if (flags & NODE_APPEND)
		*offset = inode->bytes;
	to = *offset;
	if (to >= BYTES_MAX && bytes_count > 0) {
		sleeplock_unlock(&inode->lock);
		return -EFBIG;
	}
	if (bytes_count > BYTES_MAX - to)
		bytes_count = BYTES_MAX - to;
	while (bytes_count > 0) {
		size_t at = to % PAGE_BYTES, part = PAGE_BYTES - at;
		char *page;

		if (part > bytes_count)
			part = bytes_count;
		page = make_page(inode, to / PAGE_BYTES, part == PAGE_BYTES);
		if (!page)
			break;
		memcpy(page + at, from, part);
		from += part;
		to += part;
		bytes_count -= part;
	}
	if (from != bytes) {
		inode->modified = inode->changed = tmpfs_now();
		if (to > inode->bytes)
			inode->bytes = to;
	}
	sleeplock_unlock(&inode->lock);
	return from == bytes && bytes_count > 0 ? -ENOSPC : from - (const char *)bytes;
}

int tmpfs_allocate(struct node *node, uint64_t offset, uint64_t bytes, unsigned int flags)
{
	struct tmpfs_inode *inode = tmpfs_inode_of(node);
	uint64_t end = offset + bytes;
	int result = 0;

	if (flags & ~(NODE_KEEP_SIZE | NODE_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (offset > BYTES_MAX || bytes > BYTES_MAX - offset)
		return -EFBIG;
	sleeplock_lock(&inode->lock);
	if (flags & NODE_PUNCH_HOLE) {
		punch(inode, offset, end);
	} else {
		for (uint64_t i = offset / PAGE_BYTES; i * PAGE_BYTES < end && result == 0; i++)
			if (!make_page(inode, i, false))
				result = -ENOSPC;
		if (result == 0 && end > inode->bytes && !(flags & NODE_KEEP_SIZE))
			inode->bytes = end;
	}
	inode->modified = inode->changed = tmpfs_now();
	sleeplock_unlock(&inode->lock);
	return result;
}

int tmpfs_page(struct node *node, uint64_t page_index, void **page_out)
{
	struct tmpfs_inode *inode = tmpfs_inode_of(node);
	int result = 0;

	sleeplock_lock(&inode->lock);
	if (page_index >= (inode->bytes + PAGE_BYTES - 1) / PAGE_BYTES) {
		result = -ENXIO;
	} else {
		inode->pages.is_mapped = true;
		inode->accessed = tmpfs_now();
		*page_out = make_page(inode, page_index, false);
		result = *page_out ? 0 : -ENOMEM;
	}
	sleeplock_unlock(&inode->lock);
	return result;
}
