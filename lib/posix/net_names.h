/* SPDX-License-Identifier: BSD-2-Clause */
/* What getaddrinfo() and gethostbyname() share. */
#ifndef LIB_POSIX_NET_NAMES_H
#define LIB_POSIX_NET_NAMES_H

#include "lib/net/socket.h"

/* Up to 8 addresses of a name, AF_UNSPEC: of both families. flags: AI_NUMERICHOST. 0 or EAI_*.
 * Thread context; may wait. */
int net_names_find(const char *name, int family, int flags, struct net_address *addresses_out,
		   unsigned int *count_out);

#endif
