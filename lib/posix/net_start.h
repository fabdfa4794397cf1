/* SPDX-License-Identifier: BSD-2-Clause */
/* The network of programs that call socket functions: they bring it in by calling them. */
#ifndef LIB_POSIX_NET_START_H
#define LIB_POSIX_NET_START_H

#include <stdbool.h>

/* Brings the stack and the interfaces up; the first call only, which is made before main(). Thread
 * context. */
void net_start(void);
/* Waits until the interfaces have addresses, or have waited long enough for them. False: there was
 * nothing to wait for. Thread context. */
bool net_start_wait(void);

#endif
