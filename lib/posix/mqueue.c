/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and descriptors of message queues, and who is notified. */
#include "lib/posix/mqueue.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

#define MESSAGES_DEFAULT      10
#define MESSAGE_BYTES_DEFAULT 8192
#define SLOT_ALIGN            16UL

static struct spinlock mq_lock; /* taken before a queue's */
static struct list_node names = LIST_INIT(names);
static struct {
	struct mq *queue;
	int flags; /* access mode and O_NONBLOCK */
} descriptors[MQ_OPEN_MAX];

static size_t slot_bytes(size_t message_bytes)
{
	return (sizeof(struct mq_message) + message_bytes + SLOT_ALIGN - 1) & -SLOT_ALIGN;
}

static struct mq *create(const char *name, size_t messages, size_t message_bytes)
{
	size_t bytes, one;
	struct mq *queue;

	if (message_bytes > PTRDIFF_MAX - sizeof(struct mq_message) - SLOT_ALIGN)
		return NULL;
	one = slot_bytes(message_bytes);
	if (__builtin_mul_overflow(messages, one, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(*queue) + SLOT_ALIGN + strlen(name) + 1, &bytes))
		return NULL;
	queue = malloc(bytes);
	if (!queue)
		return NULL;
	memset(queue, 0, sizeof(*queue));
	queue->messages_max = messages;
	queue->message_bytes = message_bytes;
	queue->notify_by = -1;
	list_init(&queue->messages);
	list_init(&queue->free);
	for (size_t i = 0; i < messages; i++) {
		char *slot = queue->slots + i * one;

		slot += -(uintptr_t)queue->slots & (SLOT_ALIGN - 1);
		list_append(&queue->free, &((struct mq_message *)slot)->node);
	}
	queue->name = (char *)queue + bytes - strlen(name) - 1;
	strcpy(queue->name, name);
	return queue;
}

/* mq_lock held. True: the caller frees it. */
static bool put_locked(struct mq *queue)
{
	return --queue->refs == 0 && list_empty(&queue->node);
}

static void destroy(struct mq *queue)
{
	free(mq_forget_notify(queue));
	free(queue);
}

struct mq *mq_get(mqd_t descriptor, int *flags_out)
{
	bool enabled = spin_lock_events(&mq_lock);
	struct mq *queue = NULL;

	if (descriptor >= 0 && descriptor < MQ_OPEN_MAX)
		queue = descriptors[descriptor].queue;
	if (queue) {
		queue->refs++;
		*flags_out = descriptors[descriptor].flags;
	}
	spin_unlock_events(&mq_lock, enabled);
	return queue;
}

void mq_put(struct mq *queue)
{
	bool enabled = spin_lock_events(&mq_lock), last = put_locked(queue);

	spin_unlock_events(&mq_lock, enabled);
	if (last)
		destroy(queue);
}

/* mq_lock held. */
static struct mq *find(const char *name)
{
	struct list_node *node;

	list_for_each (node, &names) {
		struct mq *queue = container_of(node, struct mq, node);

		if (strcmp(queue->name, name) == 0)
			return queue;
	}
	return NULL;
}

static int check_name(const char *name)
{
	if (name[0] != '/')
		return -EINVAL;
	if (strnlen(name, PATH_MAX) > NAME_MAX)
		return -ENAMETOOLONG;
	return name[1] ? 0 : -ENOENT;
}

/* The descriptor, or -E…; *made is NULL when it was used. mq_lock held. */
static int open_locked(const char *name, int flags, struct mq **made)
{
	struct mq *queue = find(name);
	int free_one = 0;

	if (queue && (flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (!queue && !(flags & O_CREAT))
		return -ENOENT;
	while (free_one < MQ_OPEN_MAX && descriptors[free_one].queue)
		free_one++;
	if (free_one == MQ_OPEN_MAX)
		return -EMFILE;
	if (!queue) {
		queue = *made;
		if (!queue)
			return -ENOSPC;
		*made = NULL;
		list_append(&names, &queue->node);
	}
	queue->refs++;
	descriptors[free_one].queue = queue;
	descriptors[free_one].flags = flags & (O_ACCMODE | O_NONBLOCK);
	return free_one;
}

mqd_t mq_open(const char *name, int flags, ...)
{
	struct mq_attr attr = {.mq_maxmsg = MESSAGES_DEFAULT, .mq_msgsize = MESSAGE_BYTES_DEFAULT};
	int result = check_name(name);
	struct mq *made = NULL;
	bool enabled;

	if (result == 0 && (flags & O_ACCMODE) == O_ACCMODE)
		result = -EINVAL;
	if (result == 0 && (flags & O_CREAT)) {
		const struct mq_attr *given;
		va_list arguments;

		va_start(arguments, flags);
		(void)va_arg(arguments, unsigned int); /* mode: there is one user */
		given = va_arg(arguments, const struct mq_attr *);
		va_end(arguments);
		if (given)
			attr = *given;
		if (attr.mq_maxmsg <= 0 || attr.mq_msgsize <= 0)
			result = -EINVAL;
		else
			made = create(name, (size_t)attr.mq_maxmsg, (size_t)attr.mq_msgsize);
	}
	if (result)
		return (mqd_t)posix_result(result);
	enabled = spin_lock_events(&mq_lock);
	result = open_locked(name, flags, &made);
	spin_unlock_events(&mq_lock, enabled);
	free(made);
	return (mqd_t)posix_result(result);
}

struct notify *mq_forget_notify(struct mq *queue)
{
	struct notify *notify = queue->notify;

	queue->notify_by = -1;
	queue->notify = NULL;
	return notify;
}

int mq_close(mqd_t descriptor)
{
	struct notify *notify = NULL;
	int flags;
	struct mq *queue = mq_get(descriptor, &flags);
	bool enabled, last = false;

	if (!queue)
		return (int)posix_result(-EBADF);
	enabled = spin_lock_events(&mq_lock);
	if (descriptors[descriptor].queue == queue) {
		descriptors[descriptor].queue = NULL;
		spin_lock(&queue->lock);
		if (queue->notify_by == descriptor)
			notify = mq_forget_notify(queue);
		spin_unlock(&queue->lock);
		put_locked(queue); /* mq_get() holds it too */
	}
	last = put_locked(queue);
	spin_unlock_events(&mq_lock, enabled);
	free(notify);
	if (last)
		destroy(queue);
	return 0;
}

int mq_unlink(const char *name)
{
	int result = check_name(name);
	struct mq *queue;
	bool enabled, last = false;

	if (result)
		return (int)posix_result(result == -EINVAL ? -ENOENT : result);
	enabled = spin_lock_events(&mq_lock);
	queue = find(name);
	if (queue) {
		list_remove(&queue->node);
		last = queue->refs == 0;
	}
	spin_unlock_events(&mq_lock, enabled);
	if (last)
		destroy(queue);
	return (int)posix_result(queue ? 0 : -ENOENT);
}

static void get_attr(const struct mq *queue, int flags, struct mq_attr *attr_out)
{
	*attr_out = (struct mq_attr){
		.mq_flags = flags & O_NONBLOCK,
		.mq_maxmsg = (long)queue->messages_max,
		.mq_msgsize = (long)queue->message_bytes,
		.mq_curmsgs = (long)READ_ONCE(queue->messages_count),
	};
}

int mq_getattr(mqd_t descriptor, struct mq_attr *attr_out)
{
	return mq_setattr(descriptor, NULL, attr_out);
}

int mq_setattr(mqd_t descriptor, const struct mq_attr *restrict attr,
	       struct mq_attr *restrict old_out)
{
	int flags;
	struct mq *queue = mq_get(descriptor, &flags);
	bool enabled;

	if (!queue)
		return (int)posix_result(-EBADF);
	if (old_out)
		get_attr(queue, flags, old_out);
	enabled = spin_lock_events(&mq_lock);
	if (attr && descriptors[descriptor].queue == queue)
		descriptors[descriptor].flags =
			(flags & O_ACCMODE) | ((int)attr->mq_flags & O_NONBLOCK);
	spin_unlock_events(&mq_lock, enabled);
	mq_put(queue);
	return 0;
}

static void notify_taken(struct notify *notify)
{
	free(notify);
}

/* *notify_out: what SIGEV_THREAD needs. */
static int check_event(const struct sigevent *event, struct notify **notify_out)
{
	int result;

	*notify_out = NULL;
	if (event->sigev_notify == SIGEV_NONE ||
	    (event->sigev_notify == SIGEV_SIGNAL && sig_valid(event->sigev_signo)))
		return 0;
	if (event->sigev_notify != SIGEV_THREAD)
		return -EINVAL;
	*notify_out = malloc(sizeof(**notify_out));
	if (!*notify_out)
		return -ENOMEM;
	result = notify_init(*notify_out, event, notify_taken);
	if (result) {
		free(*notify_out);
		*notify_out = NULL;
	}
	return result;
}

int mq_notify(mqd_t descriptor, const struct sigevent *event)
{
	struct notify *notify = NULL;
	int flags, result = 0;
	struct mq *queue = mq_get(descriptor, &flags);
	bool enabled;

	if (!queue)
		return (int)posix_result(-EBADF);
	if (event)
		result = check_event(event, &notify);
	enabled = spin_lock_events(&queue->lock);
	if (result == 0 && !event) {
		notify = mq_forget_notify(queue);
	} else if (result == 0 && queue->notify_by >= 0) {
		result = -EBUSY;
	} else if (result == 0) {
		queue->notify_by = descriptor;
		queue->event = *event;
		queue->notify = notify;
		notify = NULL;
	}
	spin_unlock_events(&queue->lock, enabled);
	free(notify);
	mq_put(queue);
	return (int)posix_result(result);
}

void mq_wall_set(void)
{
	bool enabled = spin_lock_events(&mq_lock);

	for (int i = 0; i < MQ_OPEN_MAX; i++) {
		if (descriptors[i].queue) {
			waitq_wake_all(&descriptors[i].queue->filled);
			waitq_wake_all(&descriptors[i].queue->emptied);
		}
	}
	spin_unlock_events(&mq_lock, enabled);
}
