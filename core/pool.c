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

/* Called with the lock, which it lets go for the page allocator: that may call the heap, which uses
 * pools. */
static bool pool_grow(struct pool *pool)
{
	struct page *page;
	char *memory;

	spin_unlock(&pool->lock);
	memory = page_alloc(0, 0);
	spin_lock(&pool->lock);
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
	bool enabled = spin_lock_events(&pool->lock);
	struct pool_free *object;

	while (!pool->free && pool_grow(pool))
		;
	object = pool->free;
	if (object) {
		object_page(pool, object)->private ++;
		unlink_free(pool, object);
		pool->live++;
	}
	spin_unlock_events(&pool->lock, enabled);
	return object ? memset(object, 0, pool->object_bytes) : NULL;
}

void pool_free(struct pool *pool, void *object)
{
	bool enabled = spin_lock_events(&pool->lock);
	struct page *page = object_page(pool, object);
	char *memory = (char *)((uintptr_t)object & PAGE_MASK);
	bool last;

	assert(page->private > 0);
	push(pool, object);
	pool->live--;
	last = --page->private == 0;
	for (size_t at = 0; last && at < PAGE_BYTES / pool->object_bytes; at++)
		unlink_free(pool, (struct pool_free *)(memory + at * pool->object_bytes));
	spin_unlock_events(&pool->lock, enabled);
	if (last)
		page_free(memory, 0);
}
