/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Areas are kept in a treap: a search tree by address that is a heap by random priority, and so
 * balanced by chance (Seidel and Aragon 1996). Its two operations, split and merge, are a few lines
 * each.
 *
 * New areas are placed one behind the other with random gaps; at the end of the window the search
 * starts over at its beginning. So an address is used again late, which makes stale pointers
 * fault, and page tables, which are never freed, stay few. The window doubles when it is full or
 * half of it is in use.
 *
 * The memory of an area is a list of buddy blocks, linked by pfn through the metadata of their
 * first pages. It costs nothing and needs no page-table walk to free.
 *
 * Lock: vm_lock guards the tree and what its nodes say, over random.c's lock and, a chunk at a
 * time, over pt's. Memory is taken, mapped, unmapped and given back without it: the node says
 * meanwhile that it is VM_MAKING or VM_GROWING, and belongs to whoever set that.
 */
#include "core/vm.h"

#include "core/page.h"
#include "core/panic.h"
#include "core/pool.h"
#include "core/random.h"
#include "lib/base/bits.h"
#include "lib/base/error.h"
#include "lib/base/list.h"
#include "xen/spinlock.h"

#define GUARD_BYTES       PAGE_BYTES
#define GAP_PAGES_MAX     8u /* a power of two: random pages between areas, besides the guards */
#define WINDOW_BYTES_MIN  (4ULL << 20)
#define BASE_RANDOM_PAGES (VM_REGION_BYTES / 2 / PAGE_BYTES)
#define PROT_MASK         (PT_PROT_READ | PT_PROT_WRITE | PT_PROT_EXEC)
/* Beside VM_DIRTY and VM_ROOM. */
#define VM_CARVED     0x400u  /* in the direct map, for good */
#define VM_MAKING     0x800u  /* not there yet, or not any more, but for its address space */
#define VM_GROWING    0x1000u /* memory is being added behind it */
#define PROTECT_PAGES 512UL   /* changed at once, locked */
#define BLOCK_NONE    0u
#define DEPTH_MAX     256 /* a treap of 2^32 areas is less deep */

#pragma weak vm_free_later

struct vm_node {
	struct vm_area area;
	struct vm_node *left, *right;
	uint64_t priority;
	uintptr_t span_end;   /* address space kept up to here */
	uint32_t first_block; /* pfn, BLOCK_NONE when the area owns no memory */
	uint32_t last_block;
	unsigned int flags; /* VM_* */
};

static struct spinlock vm_lock;
static struct vm_node *root;
static struct pool vm_pool = POOL_INIT("vm", struct vm_node);
static uintptr_t window_start, window_cursor;
static size_t window_bytes;
static size_t used_bytes; /* spans of all areas */

/* ---- The tree ---- */

/* Cuts tree into the nodes below start and the others. */
static void tree_split(struct vm_node *tree, uintptr_t start, struct vm_node **below,
		       struct vm_node **above)
{
	while (tree) {
		if (tree->area.start < start) {
			*below = tree;
			below = &tree->right;
			tree = *below;
		} else {
			*above = tree;
			above = &tree->left;
			tree = *above;
		}
	}
	*below = *above = NULL;
}

/* Joins two trees, every node of below standing below every node of above. */
static void tree_merge(struct vm_node **link, struct vm_node *below, struct vm_node *above)
{
	while (below && above) {
		if (below->priority > above->priority) {
			*link = below;
			link = &below->right;
			below = *link;
		} else {
			*link = above;
			link = &above->left;
			above = *link;
		}
	}
	*link = below ? below : above;
}

static void tree_insert(struct vm_node *node)
{
	struct vm_node **link = &root;

	while (*link && (*link)->priority >= node->priority)
		link = node->area.start < (*link)->area.start ? &(*link)->left : &(*link)->right;
	tree_split(*link, node->area.start, &node->left, &node->right);
	*link = node;
}

static void tree_remove(struct vm_node *node)
{
	struct vm_node **link = &root;

	while (*link != node)
		link = node->area.start < (*link)->area.start ? &(*link)->left : &(*link)->right;
	tree_merge(link, node->left, node->right);
}

/* The last node with start <= addr. Bounded, so that a panic may look at a tree under change. */
static struct vm_node *tree_floor(uintptr_t addr)
{
	struct vm_node *found = NULL, *at = root;

	for (int depth = 0; at && depth < DEPTH_MAX; depth++) {
		if (at->area.start <= addr) {
			found = at;
			at = at->right;
		} else {
			at = at->left;
		}
	}
	return found;
}

/* The first node with start >= addr. */
static struct vm_node *tree_ceiling(uintptr_t addr)
{
	struct vm_node *found = NULL, *at = root;

	while (at) {
		if (at->area.start >= addr) {
			found = at;
			at = at->left;
		} else {
			at = at->right;
		}
	}
	return found;
}

/* ---- Placement ---- */

static uint64_t random_u64(void)
{
	uint64_t value;

	if (random_get(&value, sizeof(value)))
		panic("vm: random numbers wanted before they are seeded");
	return value;
}

/* The first free run of span_bytes at or after from and up to end; 0 when there is none. Both
 * neighbours keep a guard page of their own. */
static uintptr_t find_run(uintptr_t from, uintptr_t end, size_t span_bytes, size_t align)
{
	struct vm_node *before = tree_floor(from);
	uintptr_t at = align_up(from, align);

	if (before && at < before->span_end + 2 * GUARD_BYTES)
		at = align_up(before->span_end + 2 * GUARD_BYTES, align);
	while (at + span_bytes <= end) {
		struct vm_node *after = tree_ceiling(at);

		if (!after || at + span_bytes + 2 * GUARD_BYTES <= after->area.start)
			return at;
		at = align_up(after->span_end + 2 * GUARD_BYTES, align);
	}
	return 0;
}

static uintptr_t place(size_t span_bytes, size_t align, uint64_t random)
{
	uintptr_t start;

	for (;;) {
		uintptr_t window_end = window_start + window_bytes;
		uintptr_t from = window_cursor + (random % GAP_PAGES_MAX) * PAGE_BYTES;

		start = find_run(from, window_end, span_bytes, align);
		if (start)
			break;
		if (used_bytes + span_bytes <= window_bytes / 2) {
			start = find_run(window_start, window_end, span_bytes, align);
			if (start)
				break;
		}
		if (window_end + window_bytes > VM_REGION_START + VM_REGION_BYTES)
			return 0;
		window_bytes *= 2;
	}
	window_cursor = start + span_bytes + 2 * GUARD_BYTES;
	return start;
}

/* A node in the tree for bytes of address space, VM_MAKING; or NULL. */
static struct vm_node *node_create(size_t bytes, size_t align, unsigned int prot, const char *name)
{
	size_t span_bytes = prot & VM_ROOM ? 2 * bytes : bytes;
	struct vm_node *node;
	uint64_t random;
	bool enabled;

	if (bytes > VM_REGION_BYTES / 8 || align > VM_REGION_BYTES / 8)
		return NULL;
	node = pool_alloc(&vm_pool);
	if (!node)
		return NULL;
	random = random_u64();
	node->area.prot = prot & PROT_MASK;
	node->area.name = name;
	node->flags = (prot & ~PROT_MASK) | VM_MAKING;
	node->priority = random;
	enabled = spin_lock_events(&vm_lock);
	node->area.start = place(span_bytes, align, random);
	if (node->area.start) {
		node->span_end = node->area.start + span_bytes;
		used_bytes += span_bytes;
		tree_insert(node);
	}
	spin_unlock_events(&vm_lock, enabled);
	if (!node->area.start) {
		pool_free(&vm_pool, node);
		return NULL;
	}
	return node;
}

/* It is VM_MAKING. */
static void node_destroy(struct vm_node *node)
{
	bool enabled = spin_lock_events(&vm_lock);

	used_bytes -= node->span_end - node->area.start;
	tree_remove(node);
	spin_unlock_events(&vm_lock, enabled);
	pool_free(&vm_pool, node);
}

/* ---- Memory ---- */

static void blocks_free(uint32_t pfn)
{
	while (pfn != BLOCK_NONE) {
		struct page *page = page_of_pfn(pfn);
		uint32_t next = page->next;

		page_free(pt_dmap_vaddr(pfn), page->order);
		pfn = next;
	}
}

/* The largest block that is at hand of at most pages_count pages; NULL when out of memory. */
static void *block_alloc(size_t pages_count, unsigned int flags)
{
	unsigned int order = ilog2(pages_count);

	if (order > PAGE_ORDER_MAX)
		order = PAGE_ORDER_MAX;
	for (;; order--) {
		void *block = page_alloc(order, flags & VM_DIRTY ? 0 : PAGE_ZERO);

		if (block || order == 0)
			return block;
	}
}

/* Page tables come from memory that is at hand; when there is more, it is tried again. */
static int map_block(uintptr_t at, pfn_t pfn, unsigned int order, unsigned int prot)
{
	int ret;

	do
		ret = pt_map_contiguous(at, pfn, 1ULL << order, prot);
	while (ret == -ENOMEM && page_refill());
	return ret;
}

/* Maps fresh memory behind the area until it is bytes long. On error it is as it was. The node is
 * VM_MAKING or VM_GROWING, and neither any more when that has gone well. */
static int area_extend(struct vm_node *node, size_t bytes)
{
	uint32_t first = BLOCK_NONE, last = BLOCK_NONE;
	uintptr_t old_end = node->area.start + node->area.bytes;
	uintptr_t at = old_end, end = node->area.start + bytes;
	bool enabled;

	while (at < end) {
		void *block = block_alloc((end - at) / PAGE_BYTES, node->flags);
		struct page *page = block ? page_of(block) : NULL;
		pfn_t pfn = block ? pt_dmap_pfn(block) : 0;

		if (!page || map_block(at, pfn, page->order, node->area.prot)) {
			if (page)
				page_free(block, page->order);
			pt_unmap(old_end, (at - old_end) / PAGE_BYTES);
			blocks_free(first);
			return -ENOMEM;
		}
		page->owner = PAGE_OWNER_VM;
		page->next = BLOCK_NONE;
		if (last == BLOCK_NONE)
			first = (uint32_t)pfn;
		else
			page_of_pfn(last)->next = (uint32_t)pfn;
		last = (uint32_t)pfn;
		at += PAGE_BYTES << page->order;
	}
	enabled = spin_lock_events(&vm_lock);
	if (node->last_block == BLOCK_NONE)
		node->first_block = first;
	else
		page_of_pfn(node->last_block)->next = first;
	node->last_block = last;
	node->area.bytes = bytes;
	node->flags &= ~(VM_MAKING | VM_GROWING);
	spin_unlock_events(&vm_lock, enabled);
	return 0;
}

/* ---- The interface ---- */

void vm_init(void)
{
	window_bytes = WINDOW_BYTES_MIN;
	window_start = VM_REGION_START + (random_u64() % BASE_RANDOM_PAGES) * PAGE_BYTES;
	window_cursor = window_start;
}

static bool prot_is_bad(unsigned int prot)
{
	return (prot & PT_PROT_WRITE) && (prot & PT_PROT_EXEC);
}

int vm_alloc(size_t bytes, size_t align_bytes, unsigned int prot, const char *name,
	     void **vaddr_out)
{
	struct vm_node *node;
	void *start;
	int ret;

	if (bytes == 0 || (align_bytes && !is_power_of_two(align_bytes)))
		return -EINVAL;
	if (prot_is_bad(prot))
		return -EACCES;
	if (bytes > VM_REGION_BYTES)
		return -ENOMEM;
	bytes = align_up(bytes, PAGE_BYTES);
	node = node_create(bytes, align_bytes > PAGE_BYTES ? align_bytes : PAGE_BYTES, prot, name);
	if (!node)
		return -ENOMEM;
	start = (void *)node->area.start;
	ret = area_extend(node, bytes);
	if (ret)
		node_destroy(node);
	else
		*vaddr_out = start;
	return ret;
}

int vm_reserve(size_t bytes, const char *name, void **vaddr_out)
{
	struct vm_node *node;
	bool enabled;

	if (bytes == 0)
		return -EINVAL;
	if (bytes > VM_REGION_BYTES)
		return -ENOMEM;
	bytes = align_up(bytes, PAGE_BYTES);
	node = node_create(bytes, PAGE_BYTES, PT_PROT_NONE, name);
	if (!node)
		return -ENOMEM;
	*vaddr_out = (void *)node->area.start;
	enabled = spin_lock_events(&vm_lock);
	node->area.bytes = bytes;
	node->flags = 0;
	spin_unlock_events(&vm_lock, enabled);
	return 0;
}

int vm_carve(unsigned int order, const char *name, void **vaddr_out)
{
	char *block = (1UL << order) > VM_CARVE_GUARD_PAGES ? page_alloc(order, 0) : NULL;
	struct vm_node *node = block ? pool_alloc(&vm_pool) : NULL;
	bool enabled;

	if (!node) {
		if (block)
			page_free(block, order);
		return -ENOMEM;
	}
	node->area.start = (uintptr_t)block + (VM_PAD_PAGES + 2) * PAGE_BYTES;
	node->area.bytes = VM_CARVE_BYTES(order);
	pt_unmap((uintptr_t)block, 1);
	pt_unmap(node->area.start - PAGE_BYTES, 1);
	pt_unmap(node->area.start + node->area.bytes, 1);
	node->area.prot = PT_PROT_READ | PT_PROT_WRITE;
	node->area.name = name;
	node->span_end = node->area.start + node->area.bytes;
	node->priority = random_u64();
	node->flags = VM_CARVED;
	*vaddr_out = (void *)node->area.start;
	enabled = spin_lock_events(&vm_lock);
	tree_insert(node);
	spin_unlock_events(&vm_lock, enabled);
	return 0;
}

/* The area that starts at vaddr and that nobody makes or frees. Locked. */
static struct vm_node *node_at(const void *vaddr)
{
	struct vm_node *node = tree_floor((uintptr_t)vaddr);

	return node && node->area.start == (uintptr_t)vaddr && !(node->flags & VM_MAKING) ? node
											  : NULL;
}

void vm_release(struct vm_area *area)
{
	struct vm_node *node = container_of(area, struct vm_node, area);

	blocks_free(node->first_block);
	node_destroy(node);
}

int vm_free(void *vaddr)
{
	bool enabled = spin_lock_events(&vm_lock);
	struct vm_node *node = node_at(vaddr);

	if (node && node->flags & (VM_CARVED | VM_GROWING))
		node = NULL;
	if (node)
		node->flags |= VM_MAKING;
	spin_unlock_events(&vm_lock, enabled);
	if (!node)
		return -EINVAL;
	/* The order matters to the other vCPUs: no page is used again that one of them still has in
	 * its TLB, no address that is still mapped. */
	if (!vm_free_later || !vm_free_later(&node->area)) {
		pt_unmap(node->area.start, node->area.bytes / PAGE_BYTES);
		vm_release(&node->area);
	}
	return 0;
}

/* At most PROTECT_PAGES from start on, all in one area. The bytes that were changed, or -Exxx. */
static long protect_some(uintptr_t start, size_t bytes, unsigned int prot)
{
	bool enabled = spin_lock_events(&vm_lock);
	struct vm_node *node = tree_floor(start);
	long ret = -EINVAL;

	if (node && !(node->flags & VM_MAKING) &&
	    start + bytes <= node->area.start + node->area.bytes) {
		if (bytes == node->area.bytes)
			node->area.prot = prot;
		if (bytes > PROTECT_PAGES * PAGE_BYTES)
			bytes = PROTECT_PAGES * PAGE_BYTES;
		ret = pt_protect(start, bytes / PAGE_BYTES, prot);
		if (!ret)
			ret = (long)bytes;
	}
	spin_unlock_events(&vm_lock, enabled);
	return ret;
}

int vm_protect(void *vaddr, size_t bytes, unsigned int prot)
{
	uintptr_t start = (uintptr_t)vaddr;

	if (prot_is_bad(prot))
		return -EACCES;
	if (bytes == 0 || !is_aligned(start, PAGE_BYTES) || bytes > VM_REGION_BYTES)
		return -EINVAL;
	bytes = align_up(bytes, PAGE_BYTES);
	while (bytes > 0) {
		long done = protect_some(start, bytes, prot & PROT_MASK);

		if (done < 0)
			return (int)done;
		start += (size_t)done;
		bytes -= (size_t)done;
	}
	return 0;
}

int vm_grow(void *vaddr, size_t bytes)
{
	struct vm_node *node;
	bool enabled;
	int ret = 0;

	if (bytes > VM_REGION_BYTES)
		return -ENOMEM;
	bytes = align_up(bytes, PAGE_BYTES);
	enabled = spin_lock_events(&vm_lock);
	node = node_at(vaddr);
	if (!node || node->flags & VM_GROWING || bytes < node->area.bytes)
		ret = -EINVAL;
	else if (node->area.start + bytes > node->span_end)
		ret = -ENOMEM;
	else
		node->flags |= VM_GROWING;
	spin_unlock_events(&vm_lock, enabled);
	if (ret)
		return ret;
	ret = area_extend(node, bytes);
	if (ret) {
		enabled = spin_lock_events(&vm_lock);
		node->flags &= ~VM_GROWING;
		spin_unlock_events(&vm_lock, enabled);
	}
	return ret;
}

/* The node of vm_find(). */
static struct vm_node *find(uintptr_t addr, bool *is_guard_out)
{
	/* The guard page below an area belongs to the area that starts right behind it. */
	struct vm_node *node = tree_floor(addr + GUARD_BYTES);

	if (!node || addr >= node->area.start + node->area.bytes + GUARD_BYTES)
		return NULL;
	*is_guard_out = addr < node->area.start || addr >= node->area.start + node->area.bytes;
	return node;
}

const struct vm_area *vm_find(uintptr_t addr, bool *is_guard_out)
{
	bool is_guard = false;
	struct vm_node *node = find(addr, &is_guard);

	if (is_guard_out)
		*is_guard_out = is_guard;
	return node ? &node->area : NULL;
}

bool vm_with(uintptr_t addr, bool (*fn)(struct vm_area *area, void *arg), void *arg)
{
	bool enabled = spin_lock_events(&vm_lock), is_guard, result = false;
	struct vm_node *node = find(addr, &is_guard);

	if (node && !is_guard && !(node->flags & VM_MAKING))
		result = fn(&node->area, arg);
	spin_unlock_events(&vm_lock, enabled);
	return result;
}

void vm_for_each(bool (*fn)(const struct vm_area *area, void *arg), void *arg)
{
	bool enabled = spin_lock_events(&vm_lock);
	struct vm_node *node = tree_ceiling(0);

	while (node && (node->flags & VM_MAKING || fn(&node->area, arg)))
		node = tree_ceiling(node->area.start + 1);
	spin_unlock_events(&vm_lock, enabled);
}
