/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One network interface: queues of two rings each. Pages are granted once, when they are first
 * used, and stay so: what is sent is copied into them, what is received is copied out.
 *
 * Locks: tx_lock guards the transmit side, which the stack and the queue's event use. rx_lock, over
 * the stack's, guards the receive side, which the event and who looks instead of sleeping use;
 * setting up and taking away happen before there is a carrier and after it is gone.
 */
#ifndef DRIVERS_NETFRONT_INTERNAL_H
#define DRIVERS_NETFRONT_INTERNAL_H

#include "core/netdev.h"
#include "core/time.h"
#include "drivers/xenbus.h"
#include "xen/spinlock.h"

#define NET_RING_SLOTS   256u /* of one page: the same for both rings */
#define NET_PACKET_SLOTS 20u  /* of one received packet, at most */
#define NET_GROUPS_MAX   32u
#define NET_NO_PAGE      0xffffu

_Static_assert(__CONST_RING_SIZE(netif_tx, 4096) == NET_RING_SLOTS, "Xen: public/io/netif.h");
_Static_assert(__CONST_RING_SIZE(netif_rx, 4096) == NET_RING_SLOTS, "Xen: public/io/netif.h");

struct netpage {
	void *vaddr; /* NULL: none yet */
	grant_ref_t ref;
};

struct netqueue {
	struct netfront *front;
	struct netdev_stats stats;      /* sent_*: tx_lock; the others: rx_lock */
	evtchn_port_t tx_port, rx_port; /* the same when they are not split; 0: none */
	struct xenbus_ring tx_ring, rx_ring;

	/* tx_lock */
	struct spinlock tx_lock;
	netif_tx_sring_t *tx; /* NULL: not connected */
	uint32_t tx_prod, tx_sent, tx_cons;
	uint32_t tx_extras;                         /* slots in flight without a page */
	struct netpage tx_pages[NET_RING_SLOTS];    /* by id */
	bool tx_busy[NET_RING_SLOTS];               /* by id */
	uint16_t tx_free[NET_RING_SLOTS], tx_frees; /* ids: a stack */
	bool tx_blocked;                            /* somebody waits for room */

	/* rx_lock */
	struct spinlock rx_lock;
	netif_rx_sring_t *rx;
	bool rx_quiet;  /* no event is wanted */
	bool rx_looked; /* since the last event something was taken without one */
	uint32_t rx_prod, rx_cons;
	uint32_t rx_pages_count, rx_pages_max; /* as many as there are; as there may be */
	struct netpage rx_pages[NET_RING_SLOTS];
	uint16_t rx_slots[NET_RING_SLOTS];          /* by slot: page in it, NET_NO_PAGE: none */
	uint16_t rx_free[NET_RING_SLOTS], rx_frees; /* pages: a stack */
};

struct netfront {
	struct xenbus_device xen; /* first */
	struct netdev dev;
	bool registered;
	char config[XENBUS_VALUE_MAX];
	unsigned int queues_count;
	bool split, multicast_control;
	struct netqueue *queues; /* queues_count of them while connected */
	struct timer stall;
	uint32_t stall_cons;                              /* of all queues when it was armed */
	uint8_t groups[NET_GROUPS_MAX][NETDEV_MAC_BYTES]; /* net_lock, as all that asks for them */
	unsigned int groups_count;
};

static inline struct netfront *netfront_of(struct netdev *dev)
{
	return container_of(dev, struct netfront, dev);
}

/* netfront_receive.c */
/* Posts pages until as many as there are wait for packets. */
void netqueue_post(struct netqueue *queue);
void netqueue_rx_event(evtchn_port_t port, void *arg);

/* netfront_send.c */
extern const struct netdev_ops netfront_ops;
void netqueue_tx_event(evtchn_port_t port, void *arg);
/* Not split: both. */
void netqueue_event(evtchn_port_t port, void *arg);
/* What handlers do, without telling Xen that they did. True: there was something. */
bool netqueue_receive(struct netqueue *queue);
/* See look in core/netdev.h. */
bool netqueue_look(struct netqueue *queue, bool quiet);
bool netqueue_complete(struct netqueue *queue);
/* All groups joined so far are asked for again. */
void netfront_send_groups(struct netfront *front);
void netfront_stalled(struct timer *timer);

/* netfront_setup.c */
/* A zeroed page that the back end may read, or write as well; disconnecting takes it back. 0,
 * -ENOMEM, -ENOSPC. */
int netqueue_page_open(struct netqueue *queue, struct netpage *page, bool read_only);
/* Makes up to this many more pages for packets, free to be posted. 0: there are these, or
 * rx_pages_max. Errors as of netqueue_page_open. rx_lock, or nobody else knows the queue. */
int netqueue_grow(struct netqueue *queue, unsigned int pages);

/* The back end broke the protocol: the device is closed and connected anew. */
void netfront_broken(struct netfront *front, const char *why);

#endif
