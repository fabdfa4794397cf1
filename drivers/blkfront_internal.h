/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the block front end share: drivers/blkfront.c (devices, xenbus),
 * drivers/blkfront_setup.c (making and taking away queues), drivers/blkfront_io.c (requests and
 * responses), drivers/blkfront_pages.c (granted pages).
 */
#ifndef DRIVERS_BLKFRONT_INTERNAL_H
#define DRIVERS_BLKFRONT_INTERNAL_H

#include "core/blkdev.h"
#include "core/time.h"
#include "drivers/blkfront.h"
#include "drivers/xenbus.h"

#define BLKFRONT_QUEUES_MAX   4u
#define BLKFRONT_SEGMENTS_MAX 256u
#define BLKFRONT_PAGES_MAX    1056u /* what blkback keeps mapped for a queue by default */
#define BLKFRONT_NO_PAGE      UINT32_MAX
/* No response in two looks in a row: the back end stalls. Hosts may be slow. */
#define BLKFRONT_WATCHDOG_NS (15 * NS_PER_S)

/* A page of ours that the back end may see, and holds nothing else. */
struct blkpage {
	void *vaddr;
	uint64_t mfn;
	grant_ref_t ref;
	bool open;
	uint32_t next; /* in a list: free, or a request's */
};

/* What is known of a request in the ring, where the back end cannot write. */
struct blkslot {
	struct blkslice slice;
	bool pending;
	uint8_t operation; /* that the response has to name */
	int16_t status;    /* what the response said */
	uint32_t pages;    /* list of the pages of its data, in order */
	uint32_t indirect; /* page of its descriptors */
	uint32_t next_free;
	uint32_t id; /* its place in the table */
};

struct blkqueue {
	struct blkfront *front;
	struct spinlock lock; /* of slots, pages' free list, indices; over nothing */
	struct xenbus_ring ring;
	blkif_sring_t *shared;
	evtchn_port_t port;
	uint32_t slots_count; /* a power of two */
	struct blkslot *slots;
	uint32_t *order;    /* ids of the slots, as they stand in the ring */
	uint32_t free_slot; /* slots_count: none */
	uint32_t req_prod;  /* written into the ring */
	uint32_t req_sent;  /* published */
	uint32_t rsp_cons;
	uint32_t outstanding;
	struct blkpage *pages;
	uint32_t pages_max, pages_count, pages_free, free_page;
	bool armed;                 /* the back end is to send an event for a response */
	bool connected;             /* may be used; users have to be counted */
	uint32_t users;             /* inside submit, push or reap, all with events disabled */
	uint64_t ended, ended_seen; /* responses; and when the watchdog last looked */
	uint64_t ended_event;       /* when the last event came */
	bool stall_seen;
};

struct blkfront {
	struct xenbus_device xen; /* first */
	struct blkdev block;
	struct list_node node; /* of all, for statistics */
	uint16_t handle;       /* virtual-device */
	bool registered, removed, broken;
	bool persistent, persistent_wanted, flush_op, barrier_op;
	uint32_t segments;
	uint32_t queues_count;
	struct blkqueue queues[BLKFRONT_QUEUES_MAX];
	struct timer watchdog;
	struct timer rest; /* responses beyond what one event may take */
	bool watching;
	unsigned int stalls;      /* in a row */
	uint64_t disconnected_ns; /* since when; 0: connected */
	uint32_t connections, requeued, violations;
	uint64_t notifies, interrupts;
};

static inline struct blkfront *blkfront_of(struct blkdev *dev)
{
	return container_of(dev, struct blkfront, block);
}

/* The back end broke the protocol: nothing it says counts any more. why: static storage. Any
 * context. */
void blkfront_break(struct blkfront *front, const char *why);

/* --- drivers/blkfront_setup.c: hooks of xenbus --- */
int blkfront_connect(struct xenbus_device *device);
void blkfront_disconnect(struct xenbus_device *device);
/* Allows use of the queues. */
void blkfront_start(struct blkfront *front);

/* --- drivers/blkfront_io.c --- */
int blkfront_submit(struct blkdev *dev, const struct blkslice *slice, bool alone);
void blkfront_push(struct blkdev *dev);
unsigned int blkfront_poll(struct blkdev *dev, bool interrupts);
void blkfront_event(evtchn_port_t port, void *arg);
/* Nobody uses the queue when it returns, and nobody will until it is connected. */
void blkqueue_shut(struct blkqueue *queue);

/* --- drivers/blkfront_pages.c --- */
/* More pages, until pages_count are free: 0, -EAGAIN (when some come back), -ENOMEM. */
int blkpages_grow(struct blkqueue *queue, uint32_t pages_count);
/* The same, when there are not as many. By who submits: others only give pages back, so what is
 * free stays free. */
static inline int blkpages_reserve(struct blkqueue *queue, uint32_t pages_count)
{
	return READ_ONCE(queue->pages_free) < pages_count ? blkpages_grow(queue, pages_count) : 0;
}
/* Takes a list of free pages, at least one; there are as many. Locked. */
uint32_t blkpages_take(struct blkqueue *queue, uint32_t pages_count);
/* Takes back the access to a list's pages; what the back end holds on to goes into quarantine:
 * -EBUSY. */
int blkpages_close(struct blkqueue *queue, uint32_t first);
/* Gives a list's pages back, but for those in quarantine. Locked. */
void blkpages_give(struct blkqueue *queue, uint32_t first);
void blkpages_grant(struct blkqueue *queue, struct blkpage *page, bool read_only);
/* Lets the back end read, or read and write it, unless it may already. */
static inline void blkpages_open(struct blkqueue *queue, struct blkpage *page, bool read_only)
{
	if (!page->open)
		blkpages_grant(queue, page, read_only);
}
void blkpages_destroy(struct blkqueue *queue);

#endif
