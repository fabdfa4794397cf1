/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message queues: what mqueue.c (names and descriptors) and mq_message.c (messages) share.
 *
 * A queue is made with the memory of all its messages. A message is copied with no lock held: a
 * sender takes a free slot, fills it and puts it among the messages; a receiver takes the first
 * message, copies it and gives the slot back.
 */
#ifndef LIB_POSIX_MQUEUE_H
#define LIB_POSIX_MQUEUE_H

#include <mqueue.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/wait.h"
#include "lib/base/list.h"
#include "lib/posix/notify.h"

struct mq_message {
	struct list_node node;
	size_t bytes;
	unsigned int priority;
	char data[];
};

struct mq {
	/* Constant. */
	size_t messages_max, message_bytes;

	/* Lock: mq_lock. */
	struct list_node node; /* among the names; points to itself when unlinked */
	unsigned int refs;     /* descriptors, and calls in progress */

	struct spinlock lock;
	struct list_node messages; /* by priority, then as they came; lock */
	struct list_node free;     /* slots; lock */
	size_t messages_count;     /* lock */
	unsigned int receiving;    /* threads that wait for a message; lock */
	struct waitq filled, emptied;

	/* Who is told when a message comes to the empty queue; lock. */
	mqd_t notify_by; /* -1: nobody */
	struct sigevent event;
	struct notify *notify; /* SIGEV_THREAD: heap, the service thread's when posted */

	char *name;
	char slots[];
};

/* The queue of a descriptor, held until mq_put(), and its O_* flags; NULL: EBADF. */
struct mq *mq_get(mqd_t descriptor, int *flags_out);
void mq_put(struct mq *queue);
/* Nobody is told any more; queue->lock held. Yields what the caller frees without it. */
struct notify *mq_forget_notify(struct mq *queue);

/* CLOCK_REALTIME was set: deadlines are computed anew. */
void mq_wall_set(void) __attribute__((weak));

#endif
