/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending and receiving messages. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/time.h"
#include "lib/posix/cancel.h"
#include "lib/posix/clock.h"
#include "lib/posix/mqueue.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

#define THIS_PROCESS 1

SIG_WANT_QUEUE();

static struct mq_message *first_of(struct list_node *list)
{
	struct mq_message *message = NULL;

	if (!list_empty(list)) {
		message = container_of(list->next, struct mq_message, node);
		list_remove(&message->node);
	}
	return message;
}

static struct mq_message *take_free(struct mq *queue)
{
	bool enabled = spin_lock_events(&queue->lock);
	struct mq_message *message = first_of(&queue->free);

	spin_unlock_events(&queue->lock, enabled);
	return message;
}

static struct mq_message *take_first(struct mq *queue)
{
	bool enabled = spin_lock_events(&queue->lock);
	struct mq_message *message = first_of(&queue->messages);

	if (message)
		queue->messages_count--;
	spin_unlock_events(&queue->lock, enabled);
	return message;
}

/* One way of the traffic. */
struct direction {
	struct mq_message *(*take)(struct mq *queue);
	struct waitq *queue;
	bool receives;
};

static void count_receiving(struct mq *queue, const struct direction *way, unsigned int change)
{
	bool enabled = spin_lock_events(&queue->lock);

	if (way->receives)
		queue->receiving += change;
	spin_unlock_events(&queue->lock, enabled);
}

/* When to give up; -EINVAL for a bad time. NULL: never. */
static int deadline_of(const struct timespec *time, uint64_t *deadline_out)
{
	uint64_t wall_ns, now_ns = time_wall_ns();

	*deadline_out = TIME_NEVER;
	if (!time)
		return 0;
	if (time->tv_nsec < 0 || time->tv_nsec >= (long)NS_PER_S)
		return -EINVAL;
	*deadline_out = 0;
	if (clock_to_ns(time, &wall_ns) == 0 && wall_ns > now_ns)
		*deadline_out = time_monotonic_ns() + (wall_ns - now_ns);
	return 0;
}

/* Waits for a slot or a message. Each wake-up looks at the deadline again: the clock may have been
 * set. 0, -EINVAL, -ETIMEDOUT, -EINTR. Events disabled. */
static int wait_locked(struct mq *queue, const struct direction *way, const struct timespec *time,
		       struct mq_message **message_out)
{
	for (;;) {
		uint32_t wakes = waitq_wakes(way->queue);
		uint64_t deadline_ns;
		int result;

		*message_out = way->take(queue);
		if (*message_out)
			return 0;
		result = deadline_of(time, &deadline_ns);
		if (result == 0)
			result = waitq_sleep(way->queue, wakes, deadline_ns, true);
		if (result == 0)
			continue;
		*message_out = way->take(queue);
		return *message_out ? 0 : result;
	}
}

static int wait_for(struct mq *queue, const struct direction *way, const struct timespec *time,
		    struct mq_message **message_out)
{
	int result;

	count_receiving(queue, way, 1);
	do {
		bool enabled = events_disable();

		result = wait_locked(queue, way, time, message_out);
		events_restore(enabled);
	} while (result == -EINTR && sig_deliver() != SIG_EINTR && !cancel_due());
	count_receiving(queue, way, -1U);
	return result;
}

/* Finds the queue and a slot or message. On 0 the caller ends with mq_put(). */
static int begin(mqd_t descriptor, const struct timespec *time, size_t bytes, bool receives,
		 struct mq **queue_out, struct mq_message **message_out)
{
	int flags, result = 0;
	struct mq *queue = mq_get(descriptor, &flags);
	struct direction way;

	if (!queue)
		return -EBADF;
	way = (struct direction){receives ? take_first : take_free,
				 receives ? &queue->filled : &queue->emptied, receives};
	if ((flags & O_ACCMODE) == (receives ? O_WRONLY : O_RDONLY))
		result = -EBADF;
	else if (receives ? bytes < queue->message_bytes : bytes > queue->message_bytes)
		result = -EMSGSIZE;
	else
		*message_out = way.take(queue);
	if (result == 0 && !*message_out)
		result = flags & O_NONBLOCK ? -EAGAIN : wait_for(queue, &way, time, message_out);
	*queue_out = queue;
	if (result)
		mq_put(queue);
	return result;
}

static void tell(const struct sigevent *event, struct notify *notify)
{
	siginfo_t info = {
		.si_signo = event->sigev_signo,
		.si_code = SI_MESGQ,
		.si_pid = THIS_PROCESS,
		.si_value = event->sigev_value,
	};

	if (event->sigev_notify == SIGEV_THREAD)
		notify_post(notify);
	else if (event->sigev_notify == SIGEV_SIGNAL && sig_queue_info(NULL, &info))
		sig_send(event->sigev_signo, SI_USER);
}

/* Behind those of its priority. Tells whoever asked when the queue was empty and nobody waits
 * (POSIX mq_notify()). */
static void put_message(struct mq *queue, struct mq_message *message)
{
	bool enabled = spin_lock_events(&queue->lock), tells;
	struct list_node *at = queue->messages.prev;
	struct sigevent event;
	struct notify *notify = NULL;

	while (at != &queue->messages &&
	       container_of(at, struct mq_message, node)->priority < message->priority)
		at = at->prev;
	list_insert_before(at->next, &message->node);
	tells = queue->messages_count++ == 0 && !queue->receiving && queue->notify_by >= 0;
	if (tells) {
		event = queue->event;
		notify = mq_forget_notify(queue);
	}
	spin_unlock_events(&queue->lock, enabled);
	waitq_wake_one(&queue->filled);
	if (tells) {
		tell(&event, notify);
		sig_deliver();
	}
}

int mq_timedsend(mqd_t descriptor, const char *bytes, size_t bytes_count, unsigned int priority,
		 const struct timespec *time)
{
	struct mq_message *message = NULL;
	struct mq *queue;
	int result;

	cancel_test();
	if (priority >= MQ_PRIO_MAX)
		return (int)posix_result(-EINVAL);
	result = begin(descriptor, time, bytes_count, false, &queue, &message);
	if (result == 0) {
		memcpy(message->data, bytes, bytes_count);
		message->bytes = bytes_count;
		message->priority = priority;
		put_message(queue, message);
		mq_put(queue);
	} else if (result == -EINTR) {
		cancel_test();
	}
	return (int)posix_result(result);
}

int mq_send(mqd_t descriptor, const char *bytes, size_t bytes_count, unsigned int priority)
{
	return mq_timedsend(descriptor, bytes, bytes_count, priority, NULL);
}

ssize_t mq_timedreceive(mqd_t descriptor, char *restrict bytes_out, size_t bytes_max,
			unsigned int *restrict priority_out, const struct timespec *restrict time)
{
	struct mq_message *message = NULL;
	struct mq *queue;
	ssize_t result;
	bool enabled;

	cancel_test();
	result = begin(descriptor, time, bytes_max, true, &queue, &message);
	if (result == -EINTR)
		cancel_test();
	if (result)
		return posix_result(result);
	result = (ssize_t)message->bytes;
	memcpy(bytes_out, message->data, message->bytes);
	if (priority_out)
		*priority_out = message->priority;
	enabled = spin_lock_events(&queue->lock);
	list_append(&queue->free, &message->node);
	spin_unlock_events(&queue->lock, enabled);
	waitq_wake_one(&queue->emptied);
	mq_put(queue);
	return result;
}

ssize_t mq_receive(mqd_t descriptor, char *bytes_out, size_t bytes_max, unsigned int *priority_out)
{
	return mq_timedreceive(descriptor, bytes_out, bytes_max, priority_out, NULL);
}
