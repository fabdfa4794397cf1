/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/mman_shared.h"

#include <errno.h>
#include <string.h>

#include "arch/x86_64/cpu.h"
#include "core/heap.h"
#include "core/page.h"
#include "core/sleeplock.h"
#include "core/time.h"
#include "lib/base/list.h"

/* A page of a file whose file system has none: what was in it when it last agreed with the file, as
 * two sums that a change of it changes. */
struct shared_page {
	void *page; /* NULL: not mapped yet */
	uint64_t sums[2];
};

/* The pages of one file that are mapped somewhere. */
struct object {
	struct list_node in_list;
	struct node *node; /* with a reference */
	unsigned int mappings;
	size_t pages_count;
	struct shared_page *pages;
};

struct mapping {
	struct list_node in_list;
	struct node *node;     /* with a reference */
	struct object *object; /* NULL: the pages are the file system's */
	uintptr_t start;
	uint64_t first_page;
	size_t pages_count;
	bool may_write;
};

static struct sleeplock lock;
static struct list_node objects = LIST_INIT(objects), mappings = LIST_INIT(mappings);

static void sum(const void *page, uint64_t *sums_out)
{
	const uint64_t *words = page;
	uint64_t a = 0x9e3779b97f4a7c15u, b = 0xc2b2ae3d27d4eb4fu;

	/* Each step can be undone, so that one changed word alone always shows. */
	for (size_t i = 0; i < PAGE_BYTES / sizeof(*words); i++) {
		a = (a ^ words[i]) * 0x9fb21c651e98df25u;
		a ^= a >> 29;
		b = (b + words[i]) * 0xff51afd7ed558ccdu;
		b = b << 31 | b >> 33;
	}
	sums_out[0] = a;
	sums_out[1] = b;
}

static struct object *find_object(const struct node *node)
{
	struct list_node *at;

	list_for_each (at, &objects) {
		struct object *object = container_of(at, struct object, in_list);

		if (object->node == node)
			return object;
	}
	return NULL;
}

static struct object *get_object(struct node *node, size_t pages_count)
{
	struct object *object = find_object(node);
	struct shared_page *pages;

	if (!object) {
		object = heap_alloc_zeroed(sizeof(*object));
		if (!object)
			return NULL;
		object->node = node;
		node_get(node);
		list_append(&objects, &object->in_list);
	}
	object->mappings++;
	if (pages_count <= object->pages_count)
		return object;
	pages = heap_realloc(object->pages, pages_count * sizeof(*pages));
	if (!pages)
		return object;
	memset(pages + object->pages_count, 0,
	       (pages_count - object->pages_count) * sizeof(*pages));
	object->pages = pages;
	object->pages_count = pages_count;
	return object;
}

static void put_object(struct object *object)
{
	if (--object->mappings > 0)
		return;
	list_remove(&object->in_list);
	for (size_t i = 0; i < object->pages_count; i++)
		if (object->pages[i].page)
			page_free(object->pages[i].page, 0);
	heap_free(object->pages);
	node_put(object->node);
	heap_free(object);
}

/* The object's page, read when it is new. */
static int object_page(struct object *object, uint64_t index, void **page_out)
{
	struct shared_page *shared;
	int64_t got;
	void *page;

	if (index >= object->pages_count)
		return -ENOMEM;
	shared = &object->pages[index];
	if (!shared->page) {
		page = page_alloc(0, PAGE_ZERO);
		if (!page)
			return -ENOMEM;
		got = object->node->ops->read(object->node, page, PAGE_BYTES, index * PAGE_BYTES,
					      0);
		if (got < 0) {
			page_free(page, 0);
			return (int)got;
		}
		sum(page, shared->sums);
		shared->page = page;
	}
	*page_out = shared->page;
	return 0;
}

static int get_page(struct mapping *mapping, uint64_t index, void **page_out)
{
	if (mapping->object)
		return object_page(mapping->object, index, page_out);
	return mapping->node->ops->page(mapping->node, index, page_out);
}

static int64_t node_bytes(struct node *node)
{
	struct node_info info;
	int result = node->ops->stat(node, &info);

	return result ? result : (int64_t)info.bytes;
}

/* Maps the pages that are there, one after the other. */
static int map_pages(struct mapping *mapping, unsigned int prot)
{
	int64_t bytes = node_bytes(mapping->node);
	uint64_t end = bytes < 0 ? 0 : ((uint64_t)bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	int result = bytes < 0 ? (int)bytes : 0;

	for (size_t i = 0; i < mapping->pages_count && result == 0; i++) {
		void *page;

		if (mapping->first_page + i >= end)
			break;
		result = get_page(mapping, mapping->first_page + i, &page);
		/* Cut off just now. */
		if (result == -ENXIO)
			return 0;
		if (result == 0)
			result = pt_map_contiguous(mapping->start + i * PAGE_BYTES,
						   pt_dmap_pfn(page), 1, prot);
	}
	return result;
}

static bool set_owner(struct vm_area *area, void *mapping)
{
	area->private[0] = (uintptr_t)mapping;
	area->private[1] = (uintptr_t)&mappings;
	return true;
}

static bool copy_owner(struct vm_area *area, void *mapping_out)
{
	*(struct mapping **)mapping_out =
		shared_is(area) ? (struct mapping *)area->private[0] : NULL;
	return true;
}

static struct mapping *mapping_at(uintptr_t start)
{
	struct mapping *mapping = NULL;

	(void)vm_with(start, copy_owner, &mapping);
	return mapping;
}

bool shared_is(const struct vm_area *area)
{
	return area->private[1] == (uintptr_t)&mappings;
}

bool shared_may_write(const struct vm_area *area)
{
	return ((const struct mapping *)area->private[0])->may_write;
}

/* The pages go before what they are of: nobody can write to them any more when they are used
 * again. */
static void destroy(struct mapping *mapping)
{
	pt_unmap(mapping->start, mapping->pages_count);
	(void)vm_free((void *)mapping->start);
	if (mapping->object)
		put_object(mapping->object);
	list_remove(&mapping->in_list);
	node_put(mapping->node);
	heap_free(mapping);
}

static int create(struct node *node, uint64_t offset, size_t bytes, bool may_write,
		  struct mapping **mapping_out)
{
	struct mapping *mapping = heap_alloc_zeroed(sizeof(*mapping));
	void *area;
	int result;

	if (!mapping)
		return -ENOMEM;
	result = vm_reserve(bytes, "mmap", &area);
	if (result) {
		heap_free(mapping);
		return result;
	}
	mapping->node = node;
	mapping->start = (uintptr_t)area;
	mapping->first_page = offset / PAGE_BYTES;
	mapping->pages_count = (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	mapping->may_write = may_write;
	if (!node->ops->page) {
		mapping->object = get_object(node, mapping->first_page + mapping->pages_count);
		if (!mapping->object) {
			(void)vm_free(area);
			heap_free(mapping);
			return -ENOMEM;
		}
	}
	node_get(node);
	list_append(&mappings, &mapping->in_list);
	(void)vm_with(mapping->start, set_owner, mapping);
	*mapping_out = mapping;
	return 0;
}

int shared_map(struct node *node, uint64_t offset, size_t bytes, unsigned int prot, bool may_write,
	       void **area_out)
{
	struct mapping *mapping;
	int result;

	sleeplock_lock(&lock);
	result = create(node, offset, bytes, may_write, &mapping);
	if (result == 0) {
		result = map_pages(mapping, prot ? prot : PT_PROT_READ);
		if (result == 0)
			result = vm_protect((void *)mapping->start,
					    mapping->pages_count * PAGE_BYTES, prot);
		*area_out = (void *)mapping->start;
		if (result)
			destroy(mapping);
	}
	sleeplock_unlock(&lock);
	return result;
}

static int write_page(struct mapping *mapping, struct shared_page *shared, uint64_t index,
		      uint64_t node_end)
{
	uint64_t offset = index * PAGE_BYTES, sums[2], bytes = PAGE_BYTES;
	int64_t written;

	if (offset >= node_end)
		return 0;
	if (bytes > node_end - offset)
		bytes = node_end - offset;
	/* First what it is now: what is changed while it is written is changed the next time. */
	sum(shared->page, sums);
	if (sums[0] == shared->sums[0] && sums[1] == shared->sums[1])
		return 0;
	written = mapping->node->ops->write(mapping->node, shared->page, bytes, &offset, 0);
	if (written < 0)
		return (int)written;
	if ((uint64_t)written < bytes)
		return -ENOSPC;
	memcpy(shared->sums, sums, sizeof(sums));
	return 0;
}

static int write_back(struct mapping *mapping, bool sync)
{
	struct object *object = mapping->object;
	uint64_t now = time_wall_ns();
	struct node_change modified = {
		.what = NODE_SET_MODIFIED,
		.modified = {(int64_t)(now / NS_PER_S), (uint32_t)(now % NS_PER_S)}};
	int64_t bytes = node_bytes(mapping->node);
	int result = bytes < 0 ? (int)bytes : 0;

	for (size_t i = 0; object && mapping->may_write && i < mapping->pages_count && result == 0;
	     i++) {
		uint64_t index = mapping->first_page + i;

		if (index < object->pages_count && object->pages[index].page)
			result = write_page(mapping, &object->pages[index], index, (uint64_t)bytes);
	}
	/* Who wrote to pages of the file system's own has told nobody. */
	if (result == 0 && !object && mapping->may_write && mapping->node->ops->setattr)
		result = mapping->node->ops->setattr(mapping->node, &modified);
	if (result == 0 && sync && mapping->node->ops->sync)
		result = mapping->node->ops->sync(mapping->node, true);
	return result;
}

int shared_unmap(uintptr_t start)
{
	struct mapping *mapping;
	int result = -EINVAL;

	sleeplock_lock(&lock);
	mapping = mapping_at(start);
	if (mapping) {
		/* munmap() cannot say that writing failed; fsync() will. */
		result = 0;
		(void)write_back(mapping, false);
		destroy(mapping);
	}
	sleeplock_unlock(&lock);
	return result;
}

int shared_write_back(uintptr_t start, bool sync)
{
	struct mapping *mapping;
	int result = 0;

	sleeplock_lock(&lock);
	mapping = mapping_at(start);
	if (mapping)
		result = write_back(mapping, sync);
	sleeplock_unlock(&lock);
	return result;
}

static bool is_ours(struct vm_area *area, void *addr)
{
	return shared_is(area) && *(uintptr_t *)addr - area->start < area->bytes;
}

bool shared_fault(uintptr_t addr)
{
	struct pt_walk walk;

	if (!vm_with(addr, is_ours, &addr))
		return false;
	/* What mprotect() has forbidden is there nevertheless. */
	pt_walk(addr, &walk);
	return walk.mfn == 0;
}

void shared_end(void)
{
	struct list_node *at;

	sleeplock_lock(&lock);
	list_for_each (at, &mappings)
		(void)write_back(container_of(at, struct mapping, in_list), false);
	sleeplock_unlock(&lock);
}
