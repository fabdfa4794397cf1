/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/heap.h"
#include "lib/posix/posix.h"
#include "lib/posix/waitable.h"
#include "xen/spinlock.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct event {
	struct pollhead head;
	struct spinlock lock;
	uint64_t count;
	bool semaphore;
};

static ssize_t try_read(struct file *file, uint64_t *value)
{
	struct event *event = file->data;
	bool enabled = spin_lock_events(&event->lock);
	ssize_t result = -EAGAIN;

	if (event->count > 0) {
		*value = event->semaphore ? 1 : event->count;
		event->count -= *value;
		result = sizeof(*value);
	}
	spin_unlock_events(&event->lock, enabled);
	return result;
}

static ssize_t try_write(struct file *file, uint64_t *value)
{
	struct event *event = file->data;
	bool enabled = spin_lock_events(&event->lock);
	ssize_t result = -EAGAIN;

	if (*value <= COUNT_MAX - event->count) {
		event->count += *value;
		result = sizeof(*value);
	}
	spin_unlock_events(&event->lock, enabled);
	return result;
}

static ssize_t event_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	struct event *event = file->data;
	uint64_t value;
	ssize_t result;

	(void)offset;
	if (bytes_max < sizeof(value))
		return -EINVAL;
	result = waitable_wait(file, &event->head, try_read, &value);
	if (result > 0) {
		memcpy(bytes_out, &value, sizeof(value));
		pollhead_wake(&event->head);
	}
	return result;
}

static ssize_t event_write(struct file *file, const void *bytes, size_t bytes_count, off_t *offset)
{
	struct event *event = file->data;
	uint64_t value;
	ssize_t result;

	(void)offset;
	if (bytes_count < sizeof(value))
		return -EINVAL;
	memcpy(&value, bytes, sizeof(value));
	if (value > COUNT_MAX)
		return -EINVAL;
	result = waitable_wait(file, &event->head, try_write, &value);
	if (result > 0)
		pollhead_wake(&event->head);
	return result;
}

static short event_poll(struct file *file)
{
	struct event *event = file->data;
	uint64_t count = READ_ONCE(event->count);

	return (short)((count > 0 ? POLLIN | POLLRDNORM : 0) |
		       (count < COUNT_MAX ? POLLOUT | POLLWRNORM : 0));
}

static struct pollhead *event_pollhead(struct file *file)
{
	return &((struct event *)file->data)->head;
}

static void event_close(struct file *file)
{
	struct event *event = file->data;

	pollhead_close(&event->head);
	heap_free(event);
}

static const struct file_ops event_ops = {
	.read = event_read,
	.write = event_write,
	.stat = waitable_stat,
	.poll = event_poll,
	.pollhead = event_pollhead,
	.close = event_close,
};

int eventfd(unsigned int count, int flags)
{
	struct event *event;

	if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return (int)posix_result(-EINVAL);
	event = heap_alloc_zeroed(sizeof(*event));
	if (!event)
		return (int)posix_result(-ENOMEM);
	pollhead_init(&event->head);
	event->count = count;
	event->semaphore = flags & EFD_SEMAPHORE;
	return (int)posix_result(waitable_install(&event_ops, event, flags));
}

int eventfd_read(int fd, eventfd_t *value)
{
	return read(fd, value, sizeof(*value)) == sizeof(*value) ? 0 : -1;
}

int eventfd_write(int fd, eventfd_t value)
{
	return write(fd, &value, sizeof(value)) == sizeof(value) ? 0 : -1;
}
