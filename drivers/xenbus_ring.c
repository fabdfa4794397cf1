/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages shared with a back end. */
#include "arch/x86_64/pv/pt.h"
#include "core/page.h"
#include "drivers/xenbus.h"
#include "lib/base/error.h"

int xenbus_ring_alloc(struct xenbus_device *device, unsigned int order,
		      struct xenbus_ring *ring_out)
{
	unsigned int pages_count = 1u << order;
	char *vaddr;
	int error;

	ring_out->vaddr = NULL;
	if (order > XENBUS_RING_ORDER_MAX)
		return -EINVAL;
	vaddr = page_alloc(order, PAGE_ZERO);
	if (!vaddr)
		return -ENOMEM;
	error = grant_alloc(ring_out->refs, pages_count);
	if (error) {
		page_free(vaddr, order);
		return error;
	}
	for (unsigned int i = 0; i < pages_count; i++)
		grant_set(ring_out->refs[i], device->backend_id,
			  pt_pfn_to_mfn(pt_dmap_pfn(vaddr + i * PAGE_BYTES)), false);
	ring_out->vaddr = vaddr;
	ring_out->order = order;
	return 0;
}

/* The pages were given out as one block and go back as one; only if a back end holds on to some
 * does each go its own way. */
void xenbus_ring_free(struct xenbus_ring *ring)
{
	unsigned int pages_count = 1u << ring->order, ended = 0;
	char *vaddr = ring->vaddr;

	if (!vaddr)
		return;
	ring->vaddr = NULL;
	while (ended < pages_count && !grant_end(ring->refs[ended]))
		ended++;
	if (ended == pages_count) {
		grant_free(ring->refs, pages_count);
		page_free(vaddr, ring->order);
		return;
	}
	page_split(vaddr, ring->order);
	for (unsigned int i = 0; i < pages_count; i++)
		(void)grant_release_page(ring->refs[i], vaddr + i * PAGE_BYTES);
}
