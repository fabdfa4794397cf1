/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest's program (net.c) and its peer in dom0 (net_peer.c) agree on. */
#ifndef TEST_BENCH_NET_H
#define TEST_BENCH_NET_H

#include <stdint.h>

#define PORT_SINK   7001 /* TCP: reads to the end, then answers with one byte */
#define PORT_SOURCE 7002 /* TCP: reads a uint64_t, sends as many bytes */
#define PORT_ECHO   7003 /* TCP and UDP */
#define PORT_COUNT  7004 /* UDP: counts what comes; see COUNT_* */
#define PORT_BLAST  7005 /* UDP: a uint32_t count; sends as many datagrams back */

#define DATAGRAM_BYTES 64 /* of payload */

/* The first four bytes of a datagram to PORT_COUNT. */
#define COUNT_BEGIN 1u
#define COUNT_DATA  2u
#define COUNT_ASK   3u /* answered with a struct count */

struct count {
	uint64_t packets, ticks; /* between the first and the last of them */
};

/* Platform: gives eth0 its address, where nobody else does; netmask 255.255.255.0. */
void net_bring_up(const char *address);

#endif
