/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network back end for tests of drivers/netfront*.c: xenbus, grants, event channels and pages as
 * the driver sees them, and the other side of its rings, which does what a test says: also what no
 * back end may.
 */
#ifndef TEST_MOCK_MOCK_NETBACK_H
#define TEST_MOCK_MOCK_NETBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/netdev.h"
#include "drivers/netfront_internal.h"

/* Starts the driver and gives it a device whose back end has these keys ("feature-sg=1", …),
 * ended by NULL; up to connected(). The device. */
struct netfront *netback_start(const char *const *keys);
/* Closes it as xenbus would after xenbus_reset(), and connects it again. */
void netback_disconnect(struct netfront *front);
int netback_connect(struct netfront *front);
void netback_remove(struct netfront *front);

/* What the driver published, NULL: nothing. */
const char *netback_published(const char *key);
/* Why it wanted to be closed, NULL: it does not. Cleared by netback_disconnect(). */
extern const char *netback_reset_reason;

/* --- receiving: packets for the guest --- */
/* Writes one response into the next slot, answering the request there unless it is overwritten;
 * netback_rx_publish() shows it. */
netif_rx_response_t *netback_rx_response(struct netqueue *queue, const void *bytes, size_t count,
					 uint16_t flags);
/* An extra slot. */
struct netif_extra_info *netback_rx_extra(struct netqueue *queue, uint8_t type, uint8_t flags);
/* Shows what was written, and sends the event. */
void netback_rx_publish(struct netqueue *queue);
/* The same, but sends the event only if one is wanted. True: it was. */
bool netback_rx_offer(struct netqueue *queue);
/* Called when the guest offers its processor (SCHEDOP_yield), NULL: nothing happens. */
extern void (*netback_on_yield)(void);
/* What time_monotonic_ns() says; each time that much later. */
extern uint64_t netback_now_ns, netback_step_ns;

/* --- sending: packets from the guest --- */
struct netback_packet {
	size_t bytes_total;
	unsigned int slots; /* with a page */
	uint16_t flags;     /* of the first */
	uint16_t segment_bytes;
	uint8_t segment_type;
	uint8_t bytes[NETDEV_PACKET_BYTES];
};
/* Takes the next packet from the ring and checks that a back end could. False: none. */
bool netback_tx_take(struct netqueue *queue, struct netback_packet *packet_out);
/* Answers what was taken so far, and sends the event if one is wanted. */
void netback_tx_answer(struct netqueue *queue, int16_t status);
/* The next response as it is; netback_tx_publish() shows it. */
void netback_tx_response(struct netqueue *queue, uint16_t id, int16_t status);
void netback_tx_publish(struct netqueue *queue);

/* --- what the driver did --- */
/* Where events of a port come to. */
uint32_t netback_vcpu_of(evtchn_port_t port);
struct netback_counts {
	unsigned int notifies, grants_open, grants_used, pages, quarantined, rooms, delivered;
	unsigned int spurious; /* events that found nothing */
};
extern struct netback_counts netback_counts;
/* grant_end() of this many references says that the back end holds on. */
extern unsigned int netback_hold_grants;
/* The packets the stack got: the last one. */
extern struct netdev_packet netback_last;
extern uint8_t netback_last_bytes[NETDEV_PACKET_BYTES];
/* The nth page_alloc() or heap_alloc() from now fails; 0: the next, -1: none. */
extern int netback_fail_alloc;
/* No packet is to be taken. */
extern bool netback_refuse;

#endif
