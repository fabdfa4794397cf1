/* SPDX-License-Identifier: BSD-2-Clause */
/* What programs can ask the network that POSIX has no words for. */
#ifndef STARDUST_NET_H
#define STARDUST_NET_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Interfaces, counters of queues and protocols, endpoints, to the console: `xl sysrq DOMAIN n`. */
void stardust_net_report(void);

/* Packets into memory from now on: at most snap_bytes of each (0: all), at most buffer_bytes (0:
 * 1 MiB) that were not saved yet. interface: "eth0", NULL: all. 0, or -1 and errno. */
int stardust_capture_start(const char *interface, size_t snap_bytes, size_t buffer_bytes);
void stardust_capture_stop(void);
/* What was captured, moved into a new pcap file; more is captured. 0, or -1 and errno. */
int stardust_capture_save(const char *path);

#ifdef __cplusplus
}
#endif

#endif
