/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LIB_NET_REPORT_H
#define LIB_NET_REPORT_H

/* What `netstat` shows elsewhere, to the console: interfaces and their queues, counters of each
 * protocol, endpoints. Any context. */
void net_report(void);

#endif
