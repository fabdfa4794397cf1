/* SPDX-License-Identifier: BSD-2-Clause */
/* Names to addresses by DNS, with random ids and ports. */
#ifndef LIB_NET_RESOLVE_H
#define LIB_NET_RESOLVE_H

#include <stdbool.h>

#include "lib/net/socket.h"

/* One address of this family (4 or 6). Waits for the servers' answer, at most until lwIP gives up.
 * 0, -ENOENT (no such name, or nobody answers), -EINVAL (no name), -ENOMEM, -EINTR, -ENETUNREACH
 * (no server is known). Thread context. */
int net_resolve(const char *name, unsigned int family, struct net_address *address_out);

/* The server that was configured as number index (command line, DHCP, router). False: none. */
bool net_resolve_server(unsigned int index, struct net_address *address_out);

#endif
