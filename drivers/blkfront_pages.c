/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pages of a queue. Each has a reference of its own. With persistent grants it stays open from
 * its first use to the end of the connection, so that the back end maps it once; without, it is
 * opened for each request and closed before what it holds is believed.
 */
#include "arch/x86_64/pv/pt.h"
#include "core/page.h"
#include "drivers/blkfront_internal.h"
#include "lib/base/error.h"

/* With the queue's lock. */
static void put_free(struct blkqueue *queue, uint32_t index)
{
	queue->pages[index].next = queue->free_page;
	queue->free_page = index;
	queue->pages_free++;
}

/* One page more. Only who submits adds any. */
static int grow(struct blkqueue *queue)
{
	struct blkpage page = {.vaddr = page_alloc(0, PAGE_ZERO)};
	bool enabled;

	if (!page.vaddr)
		return -ENOMEM;
	if (grant_alloc(&page.ref, 1)) {
		page_free(page.vaddr, 0);
		return -ENOMEM;
	}
	page.mfn = pt_pfn_to_mfn(pt_dmap_pfn(page.vaddr));
	enabled = spin_lock_events(&queue->lock);
	queue->pages[queue->pages_count] = page;
	put_free(queue, queue->pages_count++);
	spin_unlock_events(&queue->lock, enabled);
	return 0;
}

int blkpages_grow(struct blkqueue *queue, uint32_t pages_count)
{
	int error = 0;

	while (!error && READ_ONCE(queue->pages_free) < pages_count)
		error = queue->pages_count < queue->pages_max ? grow(queue) : -EAGAIN;
	if (error == -ENOMEM && READ_ONCE(queue->outstanding))
		error = -EAGAIN;
	return error;
}

uint32_t blkpages_take(struct blkqueue *queue, uint32_t pages_count)
{
	uint32_t first = queue->free_page, last = first;

	for (uint32_t i = 1; i < pages_count; i++)
		last = queue->pages[last].next;
	queue->free_page = queue->pages[last].next;
	queue->pages[last].next = BLKFRONT_NO_PAGE;
	queue->pages_free -= pages_count;
	return first;
}

void blkpages_grant(struct blkqueue *queue, struct blkpage *page, bool read_only)
{
	grant_set(page->ref, queue->front->xen.backend_id, page->mfn,
		  read_only && !queue->front->persistent);
	page->open = true;
}

/* A page that is lost leaves a hole in the table until the connection ends. */
static int close_page(struct blkpage *page)
{
	int error = page->open ? grant_end(page->ref) : 0;

	if (error) {
		grant_quarantine(page->ref, page->vaddr);
		page->ref = GRANT_NONE;
		page->vaddr = NULL;
	}
	page->open = false;
	return error;
}

int blkpages_close(struct blkqueue *queue, uint32_t first)
{
	int result = 0;

	for (uint32_t index = first; index != BLKFRONT_NO_PAGE; index = queue->pages[index].next)
		result |= close_page(&queue->pages[index]);
	return result ? -EBUSY : 0;
}

void blkpages_give(struct blkqueue *queue, uint32_t first)
{
	for (uint32_t index = first; index != BLKFRONT_NO_PAGE;) {
		uint32_t next = queue->pages[index].next;

		if (queue->pages[index].vaddr)
			put_free(queue, index);
		index = next;
	}
}

void blkpages_destroy(struct blkqueue *queue)
{
	for (uint32_t i = 0; i < queue->pages_count; i++)
		if (queue->pages[i].vaddr)
			(void)grant_release_page(queue->pages[i].ref, queue->pages[i].vaddr);
	queue->pages_count = queue->pages_free = 0;
	queue->free_page = BLKFRONT_NO_PAGE;
}
