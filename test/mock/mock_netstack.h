/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network stack on the host, with lwIP: one interface, "eth0", 10.0.0.2/24, whose wire is a
 * function of the test; a clock that only the test moves; memory that can fail.
 */
#ifndef TEST_MOCK_MOCK_NETSTACK_H
#define TEST_MOCK_MOCK_NETSTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETSTACK_ADDRESS 0x0a000002u /* ours; the peer is 10.0.0.1 */
#define NETSTACK_PEER    0x0a000001u

/* What the stack sends, one Ethernet frame after the other. NULL: nobody listens. */
extern void (*netstack_on_frame)(const uint8_t *frame, size_t bytes_count);
/* Allocations until one fails; negative: none does. */
extern long netstack_fail_alloc;
extern bool netstack_blocked; /* the device takes nothing */
extern uint64_t netstack_now_ns;
extern long netstack_blocks; /* of memory in use */

/* Whether the log has a line with these words since the last call: of a warning or worse, or any
 * with netstack_log_info. */
extern bool netstack_log_info;
bool netstack_logged(const char *words);

/* Once for a process. features: NETDEV_*. ip: what `ip=` would say. */
void netstack_start(unsigned int features, const char *ip);
/* The device can do other things from now on. */
void netstack_features(unsigned int features);
/* The carrier goes, and then nothing passes either way, or comes. */
void netstack_carrier(bool carrier);
void netstack_mtu(unsigned int mtu);
/* The device goes for good; comes as a new one, with a carrier. */
void netstack_remove(void);
void netstack_add(void);
/* A frame comes in; checked: somebody else has looked at its sum. */
void netstack_receive(const uint8_t *frame, size_t bytes_count, bool checked);
/* The device has room again. */
void netstack_room(void);
/* How often the back end was told that there are packets. */
extern unsigned int netstack_notifies;
/* Lets time pass, timers fire. */
void netstack_advance(uint64_t ns);

/* The Internet checksum of bytes, added to a sum so far; folded and complemented. */
uint16_t netstack_sum(uint32_t sum, const uint8_t *bytes, size_t bytes_count);
/* Makes IPv4's sum right, and that of TCP, UDP or ICMP after it, if the frame has them. */
void netstack_fix_sums(uint8_t *frame, size_t bytes_count);

#endif
