/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The toolstack's requests: control/shutdown in xenstore (`xl shutdown`, `xl reboot`, later
 * suspend), acknowledged by writing the node empty; and what we tell it: the program's status in
 * data/stardust/status. Source: Xen docs/misc/xenstore-paths.
 */
#ifndef DRIVERS_CONTROL_H
#define DRIVERS_CONTROL_H

#include <stdint.h>

enum control_request { CONTROL_POWEROFF, CONTROL_REBOOT, CONTROL_HALT, CONTROL_SUSPEND };

/* Event context, after the acknowledgement was committed. The program is told (SIGTERM); when it
 * ends, the domain ends as requested. CONTROL_SUSPEND is not sent yet: a request to suspend
 * is logged and left unacknowledged, so that the toolstack gives up by itself. */
typedef void (*control_handler_t)(enum control_request request, void *arg);

/* Starts watching; does not wait for xenstore. 0 or -errno. */
int control_init(control_handler_t handler, void *arg);

/* Writes status ("exit 3") to data/stardust/status and waits for the reply until deadline_ns
 * (monotonic) at most. 0 or -errno. Thread context. */
int control_report(const char *status, uint64_t deadline_ns);

#endif
