/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `xl sysrq DOMAIN KEY`: control/sysrq in xenstore, acknowledged by writing the node empty. Source:
 * Xen docs/misc/xenstore-paths.
 */
#ifndef DRIVERS_SYSRQ_H
#define DRIVERS_SYSRQ_H

/* Calls fn for each key from now on, in event context; a second key that comes before the first one
 * was read replaces it. Once. Does not wait for xenstore. 0 or -errno. */
int sysrq_init(void (*fn)(char key));

#endif
