/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network device class: Ethernet packets between drivers and one stack.
 *
 * A driver embeds struct netdev, fills info and ops and registers it; the stack, which said who it
 * is before, is told of each device, and of what becomes of it. Packets belong to their sender:
 * whoever gets one has copied it, or taken what it needs, when the call returns. A received packet
 * lies in memory the back end may still write: it is copied first and looked at then (XSA-155).
 *
 * Locks: ops->transmit and ops->kick are called with the stack's lock held and take the driver's.
 * The client's functions are called with no lock of the driver's held, in event or thread context,
 * events disabled.
 */
#ifndef CORE_NETDEV_H
#define CORE_NETDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/list.h"
#include "xen/evtchn.h"

#define NETDEV_MAC_BYTES    6
#define NETDEV_NAME_BYTES   8
#define NETDEV_MTU_MIN      576u
#define NETDEV_MTU_MAX      65521u
#define NETDEV_QUEUES_MAX   8u
#define NETDEV_PACKET_BYTES 65535u /* the longest with its Ethernet header */

/* What a device does for packets that are sent. */
#define NETDEV_CHECKSUM4 0x01u /* computes TCP's and UDP's checksum */
#define NETDEV_CHECKSUM6 0x02u
#define NETDEV_SEGMENT4  0x04u /* cuts TCP packets into segments (GSO) */
#define NETDEV_SEGMENT6  0x08u
#define NETDEV_GATHER    0x10u /* takes packets of more than one page */

/* With a packet. */
#define NETDEV_PACKET_BLANK                                                                        \
	0x1u /* TCP or UDP: the checksum field has the pseudo-header's sum only */
#define NETDEV_PACKET_CHECKED 0x2u /* received: somebody computed the checksum and it was right */

struct netdev_piece {
	const void *bytes;
	size_t bytes_count;
};

struct netdev_packet {
	const struct netdev_piece *pieces; /* the first has all protocol headers */
	size_t pieces_count;
	size_t bytes_total;
	unsigned int flags;     /* NETDEV_PACKET_* */
	uint16_t segment_bytes; /* TCP payload of each segment it is to be cut into; 0: none */
	bool v6;                /* with segment_bytes */
	uint32_t flow;          /* packets of one flow keep their order */
};

struct netdev;
struct netdev_stats;

struct netdev_ops {
	/* 0: it goes out with the next kick, or is lost like any packet. -EAGAIN: no room;
	 * client->room will be called. -ENETDOWN: not connected; it was dropped. */
	int (*transmit)(struct netdev *dev, const struct netdev_packet *packet);
	/* What was transmitted since the last kick may go. The ports of those to be told of it are
	 * given to notify, at most one for each queue. */
	void (*kick)(struct netdev *dev, void (*notify)(evtchn_port_t port));
	/* What one queue has done so far, the first is 0; what queues did that ended is in the
	 * device's. 0 or -ENOENT: there is no such queue. NULL: there are none. Under the stack's
	 * lock. */
	int (*queue_stats)(struct netdev *dev, unsigned int queue, struct netdev_stats *stats_out);
	/* Wants packets to this group, or no more; all groups when NULL. */
	void (*group)(struct netdev *dev, const uint8_t mac[NETDEV_MAC_BYTES], bool join);
	/* Takes and hands on what came, as the event does. True: there was something. Quiet: if
	 * not, no event is wanted for what comes from now on, until it is looked at again. Events
	 * disabled, while there is a carrier. NULL: only events say that something came. */
	bool (*look)(struct netdev *dev, bool quiet);
	/* Has the events of its queues come to these vCPUs in turn, bit n: vCPU n. Events disabled,
	 * while there is a carrier. NULL: all come to vCPU 0. */
	void (*spread)(struct netdev *dev, uint64_t vcpus);
};

struct netdev_stats {
	uint64_t received_packets, received_bytes, received_errors, received_dropped;
	uint64_t sent_packets, sent_bytes, sent_errors, sent_dropped;
	uint64_t violations; /* of the back end */
};

struct netdev {
	/* The driver's, constant while registered. */
	const struct netdev_ops *ops;
	uint8_t mac[NETDEV_MAC_BYTES];
	unsigned int id; /* Xen's number of the device, from which its name is made: eth0 */
	const char *(*config)(
		struct netdev *dev); /* what xenstore says of addresses; may be NULL */
	/* Changed by the driver, which then calls netdev_changed(). */
	unsigned int features; /* NETDEV_* */
	unsigned int mtu;
	bool carrier; /* connected, and the other side is up */
	struct netdev_stats stats;
	/* The class's. */
	char name[NETDEV_NAME_BYTES];
	void *client; /* the stack's */
	struct list_node node;
};

/* What was received in one event, before the stack sees it. Zeros: nothing. */
struct netdev_batch {
	void *first, *last; /* the stack's */
	unsigned int count;
};

struct netdev_client {
	int (*attach)(struct netdev *dev); /* 0 or -errno: nobody uses it */
	void (*detach)(struct netdev *dev);
	void (*changed)(struct netdev *dev);
	/* Copies one packet, without the stack's lock. False: dropped for want of memory. */
	bool (*receive)(struct netdev *dev, const struct netdev_packet *packet,
			struct netdev_batch *batch);
	/* Hands what was gathered to the stack; batch is empty afterwards. */
	void (*deliver)(struct netdev *dev, struct netdev_batch *batch);
	/* There is room again for packets to send. */
	void (*room)(struct netdev *dev);
};

/* The stack; once, before drivers are started. */
void netdev_set_client(const struct netdev_client *client);

/* 0, -ENODEV: there is no stack, or what it says. Thread or event context. */
int netdev_register(struct netdev *dev);
/* Afterwards nobody calls ops. */
void netdev_unregister(struct netdev *dev);
void netdev_changed(struct netdev *dev);
bool netdev_receive(struct netdev *dev, const struct netdev_packet *packet,
		    struct netdev_batch *batch);
void netdev_deliver(struct netdev *dev, struct netdev_batch *batch);
void netdev_room(struct netdev *dev);

/* Threads now run on these vCPUs. The devices' events come to them from when it returns, and to no
 * other one; what core/smp.c names weakly. One call at a time. Thread context. */
void netdev_vcpus_changed(uint64_t vcpus);

/* Before a vCPU sleeps: while packets come soon one after the other, looks for the next one for up
 * to 100 us (docs/adr/0015). True: something came, and who was about to sleep looks again. Events
 * disabled; what core/wait.c and the scheduler name weakly. */
bool netdev_look(void);

#endif
