/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP/IP stack: lwIP's core under one lock (docs/adr/0010).
 *
 * It has no thread. It runs where something happens: in the event of the queue that brought a
 * packet, in the timer's, in the call of the program. Whoever enters takes net_lock(), a spinlock,
 * so lib/net's callbacks from lwIP run with events disabled and never block.
 *
 * Lock: net's, over the drivers' transmit locks, pollheads, heap and below.
 */
#ifndef LIB_NET_STACK_H
#define LIB_NET_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xen/evtchn.h"

/* Brings up lwIP and its loopback interface; the first call only. Thread context. */
void net_init(void);

/* enabled = net_lock(); … net_unlock(enabled); Unlocking delivers what was sent to ourselves, hands
 * the drivers what was queued for them and arms the timer. Any context. */
bool net_lock(void);
void net_unlock(bool enabled);

/* Somebody wants to know when the lock is about to be free: devices with packets to send. Under
 * net_lock, once until it was called. */
struct net_flush {
	struct net_flush *next;
	void (*fn)(struct net_flush *flush);
	bool queued;
};
void net_flush_later(struct net_flush *flush);
void net_flush_cancel(struct net_flush *flush);

/* Tells the other end of an event channel as soon as the lock is free, which may be after the port
 * is somebody else's: that one finds nothing new. Under net_lock. */
void net_notify_later(evtchn_port_t port);

/* An interface came, went or changed: other timers may be needed. Under net_lock. */
void net_timers_changed(void);

/* The memory lwIP may take: a quarter of the guest's. What it has now. */
struct net_memory {
	size_t used_bytes, max_bytes;
	uint64_t refused; /* how often there was none */
};
void net_get_memory(struct net_memory *memory_out);
/* More than half of it is taken: nobody may pile up more than his share, so that others are served
 * while some never read. Any context. */
bool net_memory_is_tight(void);

/* lwIP's err_t as -Exxx. */
int net_errno(int error);

#endif
