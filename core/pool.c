/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Free objects are linked through their first words. A page counts its live objects in
 * page.private and goes back to the page allocator when the count falls to zero.
 */
#include "core/pool.h"

#include "core/page.h"
#include "core/panic.h"
#include "lib/base/string.h"

struct pool_free {
	struct pool_free *next, *prev;
};

static struct page *object_page(const struct pool *pool, const void *object)
{
	struct page *page = page_of(object);

	if (!page || page->owner != PAGE_OWNER_POOL || page->object != pool)
		panic("pool %s: corrupt link", pool->name);
	return page;
}

static void push(struct pool *pool, struct pool_free *object)
{
	object->prev = NULL;
	object->next = pool->free;
	if (object->next)
		object->next->prev = object;
	pool->free = object;
}

static void unlink_free(struct pool *pool, struct pool_free *object)
{
	if (object->next) {
		object_page(pool, object->next);
		object->next->prev = object->prev;
	}
	if (object->prev) {
		object_page(pool, object->prev);
		object->prev->next = object->next;
	} else {
		pool->free = object->next;
	}
}

static bool pool_grow(struct pool *pool)
{
	char *memory = page_alloc(0, 0);
	struct page *page;

	if (!memory)
		return false;
	page = page_of(memory);
	page->owner = PAGE_OWNER_POOL;
	page->object = pool;
	page->private = 0;
	for (size_t at = PAGE_BYTES / pool->object_bytes; at-- > 0;)
		push(pool, (struct pool_free *)(memory + at * pool->object_bytes));
	return true;
}

void *pool_alloc(struct pool *pool)
{
	struct pool_free *object;

	if (!pool->free && !pool_grow(pool))
		return NULL;
	object = pool->free;
	object_page(pool, object)->private ++;
	unlink_free(pool, object);
	pool->live++;
	return memset(object, 0, pool->object_bytes);
}

void pool_free(struct pool *pool, void *object)
{
	struct page *page = object_page(pool, object);
	char *memory = (char *)((uintptr_t)object & PAGE_MASK);

	assert(page->private > 0);
	push(pool, object);
	pool->live--;
	if (--page->private > 0)
		return;
	for (size_t at = 0; at < PAGE_BYTES / pool->object_bytes; at++)
		unlink_free(pool, (struct pool_free *)(memory + at * pool->object_bytes));
	page_free(memory, 0);
}
