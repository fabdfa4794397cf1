/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The toolstack's requests: control/shutdown in xenstore (`xl shutdown`, `xl reboot`, later
 * suspend), acknowledged by writing the node empty. Source: Xen docs/misc/xenstore-paths.
 */
#ifndef DRIVERS_CONTROL_H
#define DRIVERS_CONTROL_H

enum control_request { CONTROL_POWEROFF, CONTROL_REBOOT, CONTROL_HALT, CONTROL_SUSPEND };

/* Event context. The program is told (SIGTERM); when it ends, the domain ends as requested. */
typedef void (*control_handler_t)(enum control_request request, void *arg);

/* Starts watching; does not wait for xenstore. 0 or -errno. */
int control_init(control_handler_t handler, void *arg);

#endif
