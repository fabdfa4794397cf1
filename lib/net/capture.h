/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets as they pass the interfaces, kept in memory in the format of pcap files
 * (draft-ietf-opsawg-pcap: the header with nanoseconds, then records): both directions, before
 * the device cuts what is sent into segments, with the checksums as they are in memory.
 */
#ifndef LIB_NET_CAPTURE_H
#define LIB_NET_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pbuf;

#define NET_CAPTURE_SNAP_MAX 65535u

/* Begins anew: at most snap_bytes of each packet, at most buffer_bytes of all that were not read
 * yet; what does not fit is counted and left out. interface: its name ("eth0"; borrowed for good),
 * NULL: all of them. 0, -ENOMEM, -EINVAL (buffer_bytes holds no packet). Any context. */
int net_capture_start(const char *interface, size_t snap_bytes, size_t buffer_bytes);
/* No more packets; what was captured can still be read. */
void net_capture_stop(void);

/* Whole records, the file's header before the first one, taken out of the buffer: bytes, 0: nothing
 * there. bytes_max at least NET_CAPTURE_RECORD_MAX to be sure of one. Any context. */
#define NET_CAPTURE_RECORD_MAX (NET_CAPTURE_SNAP_MAX + 16u + 24u)
size_t net_capture_read(void *bytes_out, size_t bytes_max);

struct net_capture_counts {
	uint64_t captured, left_out;
};
void net_capture_get_counts(struct net_capture_counts *counts_out);

/* The stack's, for each packet. Under net_lock. */
extern bool net_capturing;
void net_capture_packet(const char *interface, const struct pbuf *p);

/* After each packet that was kept: somebody may want to read. NULL: nobody. Called under
 * net_lock. Before net_capture_start(). */
void net_capture_set_reader(void (*reader)(void));

#endif
