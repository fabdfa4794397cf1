/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making queues as the back end offers them, and taking them away: hooks of xenbus, one at a time.
 */
#include "arch/x86_64/pv/boot.h"
#include "core/heap.h"
#include "core/log.h"
#include "drivers/blkfront_internal.h"
#include "lib/base/bits.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/string.h"
#include "xen/hypercall.h"

#define PAGES_SHARE 32 /* of memory for one disk's pages, at most */
#define PAGES_MIN   16
#define RING_SHARE  2048 /* of memory for one ring */

/* `blkfront=plain`: as a back end of long ago. */
static bool is_plain(void)
{
	static const char word[] = "blkfront=plain";
	const char *at = boot_info.cmdline;

	while (*at) {
		if (strncmp(at, word, sizeof(word) - 1) == 0 &&
		    (at[sizeof(word) - 1] == ' ' || !at[sizeof(word) - 1]))
			return true;
		while (*at && *at != ' ')
			at++;
		while (*at == ' ')
			at++;
	}
	return false;
}

static unsigned int vcpus_of_domain(void)
{
	unsigned int count = 1;

	while (count < BLKFRONT_QUEUES_MAX && hypercall_vcpu_op(VCPUOP_is_up, count, NULL) >= 0)
		count++;
	return count;
}

static int queue_create(struct blkfront *front, struct blkqueue *queue, unsigned int order)
{
	uint64_t pages_max = boot_info.pages_count / PAGES_SHARE / front->queues_count;
	uint32_t slots_count = (uint32_t)((PAGE_BYTES << order) - offsetof(blkif_sring_t, ring)) /
			       sizeof(union blkif_sring_entry);
	int error;

	queue->front = front;
	queue->port = 0;
	queue->slots_count = 1u << ilog2(slots_count);
	queue->pages_max = pages_max < PAGES_MIN            ? PAGES_MIN
			   : pages_max > BLKFRONT_PAGES_MAX ? BLKFRONT_PAGES_MAX
							    : (uint32_t)pages_max;
	queue->req_prod = queue->req_sent = queue->rsp_cons = queue->outstanding = 0;
	queue->pages_count = queue->pages_free = 0;
	queue->free_page = BLKFRONT_NO_PAGE;
	queue->stall_seen = false;
	queue->armed = true;
	queue->slots = heap_alloc_zeroed(queue->slots_count * sizeof(*queue->slots));
	queue->order = heap_alloc_zeroed(queue->slots_count * sizeof(*queue->order));
	queue->pages = heap_alloc_zeroed(queue->pages_max * sizeof(*queue->pages));
	if (!queue->slots || !queue->order || !queue->pages)
		return -ENOMEM;
	for (uint32_t i = 0; i < queue->slots_count; i++)
		queue->slots[i] = (struct blkslot){.id = i, .next_free = i + 1};
	queue->free_slot = 0;
	error = xenbus_ring_alloc(&front->xen, order, &queue->ring);
	if (error)
		return error;
	queue->shared = queue->ring.vaddr;
	queue->shared->req_event = queue->shared->rsp_event = 1;
	return evtchn_alloc_unbound(front->xen.backend_id, blkfront_event, queue, EVTCHN_LATE_EOI,
				    &queue->port);
}

/* What is in the ring goes back to core, to be sent again or to fail. */
static void queue_return(struct blkqueue *queue, int error)
{
	struct blkfront *front = queue->front;

	/* What is not published yet. */
	for (uint32_t i = queue->req_sent; i != queue->req_prod; i++)
		queue->slots[queue->order[i & (queue->slots_count - 1)]].pending = true;
	for (uint32_t id = 0; id < queue->slots_count; id++) {
		struct blkslot *slot = &queue->slots[id];

		if (!slot->pending)
			continue;
		slot->pending = false;
		front->requeued++;
		if (error)
			blkdev_done(&front->block, &slot->slice, error);
		else
			blkdev_requeue(&front->block, &slot->slice);
	}
}

/* Of one that may have been made in part only. */
static void queue_destroy(struct blkqueue *queue, int error)
{
	blkqueue_shut(queue);
	if (queue->port)
		evtchn_unbind(queue->port);
	queue->port = 0;
	if (queue->order && queue->slots)
		queue_return(queue, error);
	if (queue->pages)
		blkpages_destroy(queue);
	xenbus_ring_free(&queue->ring);
	heap_free(queue->pages);
	heap_free(queue->order);
	heap_free(queue->slots);
	queue->pages = NULL;
	queue->order = NULL;
	queue->slots = NULL;
	queue->shared = NULL;
}

static void publish_queue(struct blkfront *front, const struct blkqueue *queue, bool several)
{
	struct xenbus_device *xen = &front->xen;
	char prefix[16] = "", key[48];
	unsigned int pages_count = 1u << queue->ring.order;

	if (several)
		(void)format_text(prefix, sizeof(prefix), "queue-%u/",
				  (unsigned int)(queue - front->queues));
	for (unsigned int i = 0; i < pages_count; i++) {
		if (pages_count == 1)
			(void)format_text(key, sizeof(key), "%sring-ref", prefix);
		else
			(void)format_text(key, sizeof(key), "%sring-ref%u", prefix, i);
		xenbus_publish(xen, key, "%u", queue->ring.refs[i]);
	}
	(void)format_text(key, sizeof(key), "%sevent-channel", prefix);
	xenbus_publish(xen, key, "%u", queue->port);
}

/* Reads what the back end can do, and settles what we use. */
static int negotiate(struct blkfront *front, unsigned int *order_out)
{
	struct xenbus_device *xen = &front->xen;
	uint64_t queues, order, segments, most;
	int error = xenbus_back_u64(xen, "multi-queue-max-queues", 1, UINT32_MAX, 1, &queues);

	if (!error)
		error = xenbus_back_u64(xen, "max-ring-page-order", 0, UINT32_MAX, 0, &order);
	if (!error)
		error = xenbus_back_u64(xen, "feature-max-indirect-segments", 0, UINT32_MAX, 0,
					&segments);
	if (error)
		return error;
	front->persistent_wanted = !is_plain();
	if (is_plain()) {
		queues = 1;
		order = segments = 0;
	}
	most = vcpus_of_domain();
	front->queues_count = (uint32_t)(queues < most ? queues : most);
	most = boot_info.pages_count / RING_SHARE;
	most = most ? ilog2(most) : 0;
	if (order > most)
		order = most;
	if (order > XENBUS_RING_ORDER_MAX)
		order = XENBUS_RING_ORDER_MAX;
	if (segments > BLKFRONT_SEGMENTS_MAX)
		segments = BLKFRONT_SEGMENTS_MAX;
	front->segments = segments > BLKIF_MAX_SEGMENTS_PER_REQUEST
				  ? (uint32_t)segments
				  : BLKIF_MAX_SEGMENTS_PER_REQUEST;
	*order_out = (unsigned int)order;
	return 0;
}

int blkfront_connect(struct xenbus_device *device)
{
	struct blkfront *front = (struct blkfront *)device;
	unsigned int order = 0;
	int error = negotiate(front, &order);

	front->broken = false;
	for (uint32_t i = 0; !error && i < front->queues_count; i++)
		error = queue_create(front, &front->queues[i], order);
	if (error)
		return error;
	if (front->queues_count > 1)
		xenbus_publish(device, "multi-queue-num-queues", "%u", front->queues_count);
	if (order)
		xenbus_publish(device, "ring-page-order", "%u", order);
	for (uint32_t i = 0; i < front->queues_count; i++)
		publish_queue(front, &front->queues[i], front->queues_count > 1);
	xenbus_publish(device, "protocol", "%s", XEN_IO_PROTO_ABI_X86_64);
	xenbus_publish(device, "feature-persistent", "%u", front->persistent_wanted ? 1u : 0u);
	return 0;
}

void blkfront_start(struct blkfront *front)
{
	/* A request needs its data's pages and one for their descriptors. */
	uint64_t pages = front->queues[0].pages_max - 1;
	struct blkdev_info *info = &front->block.info;

	if (pages > front->segments)
		pages = front->segments;
	if (!front->registered || pages * (PAGE_BYTES / BLKDEV_SECTOR) < info->slice_sectors_max)
		info->slice_sectors_max = pages * (PAGE_BYTES / BLKDEV_SECTOR);
	for (uint32_t i = 0; i < front->queues_count; i++)
		__atomic_store_n(&front->queues[i].connected, true, __ATOMIC_SEQ_CST);
	WRITE_ONCE(front->disconnected_ns, 0);
	front->connections++;
}

void blkfront_disconnect(struct xenbus_device *device)
{
	struct blkfront *front = (struct blkfront *)device;
	int error = front->stalls >= 3 ? -ETIMEDOUT : 0;

	if (front->registered)
		blkdev_stop(&front->block, true);
	WRITE_ONCE(front->disconnected_ns, time_monotonic_ns());
	for (uint32_t i = 0; i < BLKFRONT_QUEUES_MAX; i++)
		queue_destroy(&front->queues[i], error);
	front->queues_count = 0;
}
