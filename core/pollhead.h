/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be polled: a wait queue, and watchers that are told of each change (epoll). Whoever
 * changes the state wakes the head afterwards, as with a wait queue.
 *
 * Lock: head->lock, over what the watchers' functions take and core/wait.c's. Any context.
 */
#ifndef CORE_POLLHEAD_H
#define CORE_POLLHEAD_H

#include "core/wait.h"
#include "lib/base/list.h"

struct pollhead {
	struct waitq queue;
	struct spinlock lock;
	struct list_node watchers; /* struct pollwatch; zeros: none */
};

struct pollwatch {
	struct list_node node;
	/* Something changed, or the head is gone. Events disabled, head->lock held. */
	void (*fn)(struct pollwatch *watch);
};

/* Zeros are as good. */
void pollhead_init(struct pollhead *head);
/* Wakes everybody who waits and tells the watchers. */
void pollhead_wake(struct pollhead *head);
void pollhead_watch(struct pollhead *head, struct pollwatch *watch);
/* Afterwards fn is not called any more. */
void pollhead_unwatch(struct pollhead *head, struct pollwatch *watch);

#endif
