/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network front end: interfaces of the domain ("vif") as devices of core/netdev.h, against any
 * netback that copies (feature-rx-copy). Nothing it shares is trusted: HARDENING of rings.
 * Source: Xen public/io/netif.h.
 */
#ifndef DRIVERS_NETFRONT_H
#define DRIVERS_NETFRONT_H

#include <stdint.h>

/* Registers the driver; interfaces come soon. After netdev_set_client(); thread context. 0 or
 * -errno of xenbus. */
int netfront_init(void);
/* Waits until the interfaces there are now are connected, or cannot be. 0, -ETIMEDOUT, -ENODEV.
 * Thread context. */
int netfront_wait(uint64_t deadline_ns);

#endif
