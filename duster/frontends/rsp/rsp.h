/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GDB's remote protocol over TCP: one client at a time, threads are vCPUs. Breakpoint conditions
 * that matter for speed are duster's own: `monitor break PLACE if COND`, then `continue`. Source:
 * GDB manual, appendix E.
 */
#ifndef DUSTER_FRONTENDS_RSP_RSP_H
#define DUSTER_FRONTENDS_RSP_RSP_H

#include "duster/engine/session.h"
#include "duster/util/text.h"

/* Runs one of duster's commands; its output into text. */
typedef void rsp_monitor_fn(void *context, const char *line, struct text *text);

/* Listens on the port (of address, NULL: the loopback one) and serves until a client detaches or
 * ends. */
int rsp_serve(struct session *session, const char *address, unsigned int port,
	      rsp_monitor_fn *monitor, void *context, struct problem *problem);

#endif
