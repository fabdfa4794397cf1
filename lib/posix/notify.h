/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIGEV_THREAD: functions of the program that run in threads of their own when something happens.
 * One service thread makes those threads, for an event handler cannot.
 */
#ifndef LIB_POSIX_NOTIFY_H
#define LIB_POSIX_NOTIFY_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "lib/base/list.h"

struct notify {
	struct list_node node; /* lock: notify.c's */
	void (*function)(union sigval value);
	union sigval value;
	pthread_attr_t attr;
	bool attr_set;
	/* It waits no longer. Events disabled, its lock held. */
	void (*taken)(struct notify *notify);
};

/* Starts the service thread when this is the first. taken may be NULL. Thread context. 0, -EINVAL
 * (no function), -EAGAIN. */
int notify_init(struct notify *notify, const struct sigevent *event,
		void (*taken)(struct notify *notify));
/* One more thread runs the function, unless one is on its way already. Any context. */
void notify_post(struct notify *notify);
bool notify_waits(const struct notify *notify);
/* Afterwards nothing refers to it. Thread context. */
void notify_cancel(struct notify *notify);

#endif
