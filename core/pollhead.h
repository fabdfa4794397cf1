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
	const void *owner; /* what is watched: several may share a head */
	/* Something changed; or, gone, there is no head any more, and nothing refers to watch after
	 * that. Events disabled, head->lock held. */
	void (*fn)(struct pollwatch *watch, bool gone);
};

/* Zeros are as good. */
void pollhead_init(struct pollhead *head);
/* Wakes everybody who waits and tells the watchers. */
void pollhead_wake(struct pollhead *head);
void pollhead_watch(struct pollhead *head, struct pollwatch *watch);
/* Before the head goes away: tells the watchers so. */
void pollhead_close(struct pollhead *head);
/* Before one of those who share it goes away: tells its watchers so. */
void pollhead_forget(struct pollhead *head, const void *owner);
/* Afterwards fn is not called any more. The head is there. */
void pollhead_unwatch(struct pollhead *head, struct pollwatch *watch);

#endif
