/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GDB's remote protocol over TCP: one client. Its threads are the vCPUs, and the guest's threads
 * that wait. Conditions come along with breakpoints and are evaluated here. Source: Debugging with
 * GDB, appendix E.
 */
#ifndef DUSTER_FRONTENDS_RSP_RSP_H
#define DUSTER_FRONTENDS_RSP_RSP_H

#include "duster/engine/session.h"
#include "duster/util/text.h"

/* Runs one of duster's commands; its output into text. */
typedef void rsp_monitor_fn(void *context, const char *line, struct text *text);
/* Somebody may connect from now on. */
typedef void rsp_ready_fn(void *context, const char *address, unsigned int port);

/* Listens on the port (of address, NULL: the loopback one) and serves until a client detaches or
 * ends. */
int rsp_serve(struct session *session, const char *address, unsigned int port,
	      rsp_monitor_fn *monitor, rsp_ready_fn *ready, void *context, struct problem *problem);

#endif
