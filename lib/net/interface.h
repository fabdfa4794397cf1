/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces: network devices (core/netdev.h) as lwIP's, and what others ask about them. Numbers
 * are lwIP's, from 1 (the loopback interface, "lo").
 */
#ifndef LIB_NET_INTERFACE_H
#define LIB_NET_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/netdev.h"
#include "lib/net/socket.h"

#define NET_INTERFACE_ADDRESSES_MAX 5

struct net_interface_info {
	uint32_t index;
	char name[16];
	uint8_t mac[NETDEV_MAC_BYTES];
	unsigned int mtu;
	bool up, running, loopback;
	unsigned int addresses_count;
	struct {
		struct net_address address;
		uint8_t prefix_bits;
	} addresses[NET_INTERFACE_ADDRESSES_MAX];
	struct netdev_stats stats; /* of all its queues, and what was dropped before them */
};

/* Becomes the class's client. After net_init(); thread context. */
void net_interfaces_init(void);

/* The one with the lowest number that is at least index; false: none. */
bool net_interface_get(uint32_t index, struct net_interface_info *info_out);
/* Counters of one of its device's queues. False: there is no such queue. */
bool net_interface_queue(uint32_t index, unsigned int queue, struct netdev_stats *stats_out);
/* Its number, 0: none. */
uint32_t net_interface_find(const char *name);
/* The one with this IPv4 address (network order), 0: none. */
uint32_t net_interface_with_v4(uint32_t address);

#endif
