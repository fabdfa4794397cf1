/* SPDX-License-Identifier: BSD-2-Clause */
/* What xenbus's hooks are made of. */
#ifndef DRIVERS_NETFRONT_SETUP_H
#define DRIVERS_NETFRONT_SETUP_H

#include "drivers/netfront_internal.h"

/* Makes queues, pages and ports and publishes them; on an error what was made is taken away by the
 * next. 0, -EOPNOTSUPP, -ENOMEM, -ENOSPC. */
int netfront_create_queues(struct netfront *front);
/* Also of one that was made in part, or never. */
void netfront_destroy_queues(struct netfront *front);
/* What the back end can, and the MTU. */
void netfront_read_features(struct netfront *front);
/* Whether the back end says that its side of the wire is there. Linux's never says anything. */
bool netfront_has_link(struct netfront *front);

#endif
