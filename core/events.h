/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts event channels with what core has: the shared page, memory, the clock.
 */
#ifndef CORE_EVENTS_H
#define CORE_EVENTS_H

/* evtchn_init() by the command line: `evtchn=2l` refuses the FIFO ABI. Early boot, after
 * page_init(). 0 or -errno. Events stay masked until events_restore(true). */
int events_init(void);

#endif
