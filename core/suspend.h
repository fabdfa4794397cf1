/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who must act when the domain is suspended (xl save, migrate): whoever holds a machine frame, a
 * grant, a port, a watch or a wall-clock offset. Thread context; events are masked during both
 * steps.
 *
 * The steps that every guest has are in the order of core/suspend.c; drivers register theirs.
 */
#ifndef CORE_SUSPEND_H
#define CORE_SUSPEND_H

#include "lib/base/list.h"

struct suspend_client {
	struct list_node node;
	const char *name;      /* static storage, for the log */
	void (*suspend)(void); /* may be NULL */
	void (*resume)(void);  /* may be NULL */
};

/* client stays for good. */
void suspend_register(struct suspend_client *client);

/* Calls the clients, last registered first, then time and event channels. */
void suspend_prepare(void);
/* The same backwards, when the domain runs again. 0 or -errno of the event channels. */
int suspend_finish(void);

#endif
