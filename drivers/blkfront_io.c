/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests and responses. core submits from one vCPU at a time; responses are taken by the event's
 * handler and by whoever polls. All of it runs with events disabled, counted in queue->users, so
 * that a queue that is shut down waits only for other vCPUs.
 *
 * What stands in the ring is written once and never read back; a response is copied once, then
 * checked, then used.
 */
#include "arch/x86_64/cpu.h"
#include "drivers/blkfront_internal.h"
#include "lib/base/error.h"
#include "lib/base/string.h"

#define SECTORS_PER_PAGE (PAGE_BYTES / BLKDEV_SECTOR)

_Static_assert(sizeof(union blkif_sring_entry) == 112, "Xen: public/io/blkif.h, x86_64");
_Static_assert(offsetof(struct blkif_sring, ring) == 64, "Xen: public/io/ring.h");
_Static_assert(sizeof(struct blkif_request_segment) == 8, "Xen: public/io/blkif.h");
_Static_assert(BLKFRONT_SEGMENTS_MAX * sizeof(struct blkif_request_segment) <= PAGE_BYTES,
	       "one page describes a request");

/* Pairs with blkqueue_shut(): either it sees us, or we see that it is shut. Events disabled. */
static bool queue_enter(struct blkqueue *queue)
{
	(void)__atomic_add_fetch(&queue->users, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&queue->connected, __ATOMIC_SEQ_CST))
		return true;
	(void)__atomic_sub_fetch(&queue->users, 1, __ATOMIC_RELEASE);
	return false;
}

static void queue_leave(struct blkqueue *queue)
{
	(void)__atomic_sub_fetch(&queue->users, 1, __ATOMIC_RELEASE);
}

void blkqueue_shut(struct blkqueue *queue)
{
	__atomic_store_n(&queue->connected, false, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&queue->users, __ATOMIC_SEQ_CST))
		cpu_relax();
}

/* --- requests --- */

static uint8_t operation_of(const struct blkfront *front, const struct blkreq *req)
{
	switch (req->op) {
	case BLKREQ_READ:
		return BLKIF_OP_READ;
	case BLKREQ_WRITE:
		return req->flags & BLKREQ_BARRIER ? BLKIF_OP_WRITE_BARRIER : BLKIF_OP_WRITE;
	case BLKREQ_FLUSH:
		return front->flush_op ? BLKIF_OP_FLUSH_DISKCACHE : BLKIF_OP_WRITE_BARRIER;
	default:
		return BLKIF_OP_DISCARD;
	}
}

/* Copies what is to be written to the pages of the slice's data, and describes them. */
static void fill_pages(struct blkqueue *queue, struct blkslot *slot,
		       struct blkif_request_segment *segments)
{
	const struct blkslice *slice = &slot->slice;
	bool write = slice->chain->op == BLKREQ_WRITE;
	uint64_t left = slice->sectors;
	struct blkcursor cursor;

	if (write)
		blkcursor_init(&cursor, slice);
	for (uint32_t index = slot->pages; index != BLKFRONT_NO_PAGE;) {
		uint64_t sectors = left < SECTORS_PER_PAGE ? left : SECTORS_PER_PAGE;
		struct blkpage *page = &queue->pages[index];

		if (write)
			blkcursor_copy(&cursor, page->vaddr, sectors * BLKDEV_SECTOR, true);
		blkpages_open(queue, page, write);
		segments->gref = page->ref;
		segments->first_sect = 0;
		segments->last_sect = (uint8_t)(sectors - 1);
		segments++;
		left -= sectors;
		index = page->next;
	}
}

/* The descriptors go into a page of their own. */
static __attribute__((noinline)) void build_indirect(struct blkqueue *queue, struct blkslot *slot,
						     uint32_t id, uint32_t pages_count,
						     union blkif_sring_entry *entry)
{
	struct blkpage *page = &queue->pages[slot->indirect];
	blkif_request_indirect_t request = {
		.operation = BLKIF_OP_INDIRECT,
		.indirect_op = slot->operation,
		.nr_segments = (uint16_t)pages_count,
		.id = id,
		.sector_number = slot->slice.chain->sector + slot->slice.offset_sectors,
		.handle = queue->front->handle,
	};

	fill_pages(queue, slot, page->vaddr);
	blkpages_open(queue, page, true);
	request.indirect_grefs[0] = page->ref;
	memcpy(&entry->req, &request, sizeof(request));
}

static void build_direct(struct blkqueue *queue, struct blkslot *slot, uint32_t id,
			 uint32_t pages_count, union blkif_sring_entry *entry)
{
	blkif_request_t *request = &entry->req;

	request->operation = slot->operation;
	request->nr_segments = (uint8_t)pages_count;
	request->handle = queue->front->handle;
	request->id = id;
	request->sector_number = slot->slice.chain->sector + slot->slice.offset_sectors;
	fill_pages(queue, slot, request->seg);
}

static __attribute__((noinline)) void build_discard(struct blkqueue *queue, struct blkslot *slot,
						    uint32_t id, union blkif_sring_entry *entry)
{
	const struct blkreq *chain = slot->slice.chain;
	blkif_request_discard_t request = {
		.operation = BLKIF_OP_DISCARD,
		.flag = chain->flags & BLKREQ_SECURE ? BLKIF_DISCARD_SECURE : 0,
		.handle = queue->front->handle,
		.id = id,
		.sector_number = chain->sector + slot->slice.offset_sectors,
		.nr_sectors = slot->slice.sectors,
	};

	memcpy(&entry->req, &request, sizeof(request));
}

/* A slot and its pages. There are as many: others only give some back. */
static struct blkslot *take_slot(struct blkqueue *queue, const struct blkslice *slice,
				 uint32_t pages_count, bool indirect)
{
	struct blkslot *slot;

	spin_lock_inline(&queue->lock);
	slot = &queue->slots[queue->free_slot];
	queue->free_slot = slot->next_free;
	slot->pages = pages_count ? blkpages_take(queue, pages_count) : BLKFRONT_NO_PAGE;
	slot->indirect = indirect ? blkpages_take(queue, 1) : BLKFRONT_NO_PAGE;
	spin_unlock_inline(&queue->lock);
	slot->slice = *slice;
	slot->operation = operation_of(queue->front, slice->chain);
	return slot;
}

/* Entered. */
static int queue_submit(struct blkqueue *queue, const struct blkslice *slice)
{
	bool data = slice->chain->op == BLKREQ_READ || slice->chain->op == BLKREQ_WRITE;
	uint32_t pages_count =
		data ? (uint32_t)((slice->sectors + SECTORS_PER_PAGE - 1) / SECTORS_PER_PAGE) : 0;
	bool indirect = pages_count > BLKIF_MAX_SEGMENTS_PER_REQUEST;
	union blkif_sring_entry *entry;
	struct blkslot *slot;
	uint32_t id, at;
	int error;

	if (READ_ONCE(queue->free_slot) == queue->slots_count)
		return -EAGAIN;
	error = blkpages_reserve(queue, pages_count + indirect);
	if (error)
		return error;
	slot = take_slot(queue, slice, pages_count, indirect);
	id = slot->id;
	at = queue->req_prod & (queue->slots_count - 1);
	entry = &queue->shared->ring[at];
	if (slot->operation == BLKIF_OP_DISCARD)
		build_discard(queue, slot, id, entry);
	else if (indirect)
		build_indirect(queue, slot, id, pages_count, entry);
	else
		build_direct(queue, slot, id, pages_count, entry);
	queue->order[at] = id;
	queue->req_prod++;
	return 0;
}

/* The next response makes the back end send an event; or none does. Locked. */
static void queue_arm(struct blkqueue *queue, bool on)
{
	queue->armed = on;
	WRITE_ONCE(queue->shared->rsp_event, queue->rsp_cons + (on ? 1 : 0));
}

/* What is about to be published is under way from now on. True: there may be responses already for
 * which no event was asked. */
static bool mark_pending(struct blkqueue *queue, uint32_t before, uint32_t now)
{
	bool others = queue->outstanding > 0, was_armed = queue->armed, quiet = !others;

	for (uint32_t i = before; i != now; i++) {
		struct blkslot *slot = &queue->slots[queue->order[i & (queue->slots_count - 1)]];

		slot->pending = true;
		quiet &= READ_ONCE(slot->slice.chain->quiet);
	}
	queue->outstanding += now - before;
	queue->req_sent = now;
	if (!others || !was_armed)
		queue_arm(queue, !quiet);
	return others && !was_armed;
}

/* Publishes, and sends an event if the other end asked for one. True: look for responses. */
static __attribute__((noinline)) bool queue_push(struct blkqueue *queue)
{
	uint32_t before = queue->req_sent, now = queue->req_prod;
	bool look;

	if (before == now)
		return false;
	spin_lock_inline(&queue->lock);
	look = mark_pending(queue, before, now);
	spin_unlock_inline(&queue->lock);
	/* Requests (and whether we want events) before the index that covers them, the index before
	 * the look at req_event. */
	smp_wmb();
	WRITE_ONCE(queue->shared->req_prod, now);
	smp_mb();
	if (now - READ_ONCE(queue->shared->req_event) < now - before) {
		queue->front->notifies++;
		(void)evtchn_notify_inline(queue->port);
	}
	return look;
}

/* The first request of a while makes the watchdog run; it stops by itself. */
static void watch(struct blkfront *front)
{
	if (READ_ONCE(front->watching))
		return;
	WRITE_ONCE(front->watching, true);
	timer_arm(&front->watchdog, time_monotonic_ns() + BLKFRONT_WATCHDOG_NS);
}

/* --- responses --- */

static int status_errno(int16_t status)
{
	switch (status) {
	case BLKIF_RSP_OKAY:
		return 0;
	case BLKIF_RSP_EOPNOTSUPP:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

/* How many responses there are; -EPROTO: more than can be. Locked. */
static int responses_count(struct blkqueue *queue, uint32_t *count_out)
{
	uint32_t produced = READ_ONCE(queue->shared->rsp_prod);

	/* Also when it went backwards: then it is nearly 2^32. */
	*count_out = produced - queue->rsp_cons;
	return *count_out > queue->outstanding ? -EPROTO : 0;
}

/* Takes the next response; its slot is the caller's. 1, 0 (there is none), -EPROTO. Locked. */
static inline int take_response(struct blkqueue *queue, struct blkslot **slot_out)
{
	volatile blkif_response_t *shared;
	blkif_response_t response;
	struct blkslot *slot;
	uint32_t count;

	if (responses_count(queue, &count))
		return -EPROTO;
	if (!count)
		return 0;
	/* Pairs with the back end's barrier between responses and rsp_prod. */
	smp_rmb();
	shared = &queue->shared->ring[queue->rsp_cons & (queue->slots_count - 1)].rsp;
	response.id = shared->id;
	response.operation = shared->operation;
	response.status = shared->status;
	if (response.id >= queue->slots_count)
		return -EPROTO;
	slot = &queue->slots[response.id];
	if (!slot->pending || slot->operation != response.operation)
		return -EPROTO;
	slot->pending = false;
	slot->status = response.status;
	queue->rsp_cons++;
	queue->outstanding--;
	queue->ended++;
	*slot_out = slot;
	return 1;
}

/* What was read, to where it belongs. */
static void copy_out(struct blkqueue *queue, const struct blkslot *slot)
{
	uint64_t left = slot->slice.sectors;
	uint32_t index = slot->pages;
	struct blkcursor cursor;

	blkcursor_init(&cursor, &slot->slice);
	while (index != BLKFRONT_NO_PAGE) {
		uint64_t sectors = left < SECTORS_PER_PAGE ? left : SECTORS_PER_PAGE;

		blkcursor_copy(&cursor, queue->pages[index].vaddr, sectors * BLKDEV_SECTOR, false);
		index = queue->pages[index].next;
		left -= sectors;
	}
}

static void end_slot(struct blkqueue *queue, struct blkslot *slot)
{
	struct blkfront *front = queue->front;
	struct blkslice slice = slot->slice;
	int result = status_errno(slot->status), held = 0;

	if (!result && slot->operation == BLKIF_OP_READ)
		copy_out(queue, slot);
	if (!front->persistent) {
		held = blkpages_close(queue, slot->pages);
		held |= blkpages_close(queue, slot->indirect);
	}
	if (held)
		blkfront_break(front, "the back end keeps pages of a request that it ended");
	spin_lock_inline(&queue->lock);
	blkpages_give(queue, slot->pages);
	if (slot->indirect != BLKFRONT_NO_PAGE)
		blkpages_give(queue, slot->indirect);
	slot->next_free = queue->free_slot;
	queue->free_slot = slot->id;
	spin_unlock_inline(&queue->lock);
	blkdev_done(&front->block, &slice, result);
}

/* The same, when there is none asking for the next event before it looks once more. */
static inline int take_or_arm(struct blkqueue *queue, struct blkslot **slot_out)
{
	bool asked = false;
	int taken;

	spin_lock_inline(&queue->lock);
	for (;;) {
		taken = take_response(queue, slot_out);
		if (taken || asked || !queue->armed || !queue->outstanding)
			break;
		queue_arm(queue, true);
		smp_mb();
		asked = true;
	}
	spin_unlock_inline(&queue->lock);
	return taken;
}

/* Entered. */
static __attribute__((noinline)) unsigned int queue_reap(struct blkqueue *queue)
{
	unsigned int ended = 0;
	struct blkslot *slot;
	int taken;

	while (!READ_ONCE(queue->front->broken) && ended < queue->slots_count) {
		taken = take_or_arm(queue, &slot);
		if (taken < 0)
			blkfront_break(queue->front, "the back end's response makes no sense");
		if (taken <= 0)
			break;
		end_slot(queue, slot);
		ended++;
		if (!READ_ONCE(queue->outstanding))
			break;
	}
	/* No event comes for what is there already. */
	if (ended == queue->slots_count)
		timer_arm(&queue->front->rest, time_monotonic_ns());
	return ended;
}

/* With alone the back end is told at once. */
static __attribute__((noinline)) int submit_to(struct blkqueue *queue, const struct blkslice *slice,
					       bool alone)
{
	int error;

	if (!queue_enter(queue))
		return -EAGAIN;
	error = queue_submit(queue, slice);
	if (alone && !error) {
		watch(queue->front);
		if (queue_push(queue))
			(void)queue_reap(queue);
	}
	queue_leave(queue);
	return error;
}

/* The queue of this vCPU first, the others when it is full. */
int blkfront_submit(struct blkdev *dev, const struct blkslice *slice, bool alone)
{
	struct blkfront *front = blkfront_of(dev);
	bool enabled = events_disable();
	uint32_t first = VCPU(id), count = front->queues_count;
	int error = -EAGAIN;

	for (uint32_t i = 0; i < count && error == -EAGAIN; i++)
		error = submit_to(&front->queues[(first + i) % count], slice, alone);
	events_restore(enabled);
	return error;
}

void blkfront_push(struct blkdev *dev)
{
	struct blkfront *front = blkfront_of(dev);
	bool enabled = events_disable();

	for (uint32_t i = 0; i < front->queues_count; i++) {
		struct blkqueue *queue = &front->queues[i];

		if (queue_enter(queue)) {
			if (queue_push(queue))
				(void)queue_reap(queue);
			queue_leave(queue);
		}
	}
	watch(front);
	events_restore(enabled);
}

static unsigned int queue_poll(struct blkqueue *queue, bool interrupts)
{
	unsigned int ended = 0;

	if (!queue_enter(queue))
		return 0;
	if (interrupts) {
		spin_lock_inline(&queue->lock);
		queue->armed = true;
		spin_unlock_inline(&queue->lock);
	}
	ended = queue_reap(queue);
	queue_leave(queue);
	return ended;
}

unsigned int blkfront_poll(struct blkdev *dev, bool interrupts)
{
	struct blkfront *front = blkfront_of(dev);
	bool enabled = events_disable();
	unsigned int ended = 0;

	for (uint32_t i = 0; i < front->queues_count; i++)
		ended += queue_poll(&front->queues[i], interrupts);
	events_restore(enabled);
	return ended;
}

void blkfront_event(evtchn_port_t port, void *arg)
{
	struct blkqueue *queue = arg;
	uint64_t ended = 0;

	if (queue_enter(queue)) {
		queue->front->interrupts++;
		(void)queue_reap(queue);
		/* Somebody who polls may have taken what it came for. */
		ended = READ_ONCE(queue->ended) - queue->ended_event;
		queue->ended_event += ended;
		queue_leave(queue);
	}
	evtchn_eoi(port, !ended);
}
