/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers that are read. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>

#include "core/heap.h"
#include "core/time.h"
#include "lib/posix/clock.h"
#include "lib/posix/posix.h"
#include "lib/posix/waitable.h"
#include "xen/spinlock.h"

struct timer_file {
	struct pollhead head;
	struct spinlock lock;
	struct timer timer; /* its fn takes the lock */
	clockid_t clock;
	uint64_t next_ns;     /* of the clock; 0: disarmed */
	uint64_t interval_ns; /* 0: once */
	uint64_t expirations; /* that nobody has read */
};

static uint64_t now_of(const struct timer_file *timer)
{
	return timer->clock == CLOCK_REALTIME ? time_wall_ns() : time_monotonic_ns();
}

/* lock. */
static void arm(struct timer_file *timer)
{
	if (timer->clock == CLOCK_REALTIME)
		timer_arm_wall(&timer->timer, timer->next_ns);
	else
		timer_arm(&timer->timer, timer->next_ns);
}

static void fired(struct timer *inner)
{
	struct timer_file *timer = container_of(inner, struct timer_file, timer);
	bool enabled = spin_lock_events(&timer->lock);
	uint64_t now_ns = now_of(timer);

	if (timer->next_ns && now_ns >= timer->next_ns) {
		uint64_t times = 1;

		if (timer->interval_ns)
			times += (now_ns - timer->next_ns) / timer->interval_ns;
		timer->expirations += times;
		timer->next_ns =
			timer->interval_ns ? timer->next_ns + times * timer->interval_ns : 0;
	}
	if (timer->next_ns)
		arm(timer);
	spin_unlock_events(&timer->lock, enabled);
	pollhead_wake(&timer->head);
}

static ssize_t try_read(struct file *file, uint64_t *value)
{
	struct timer_file *timer = file->data;
	bool enabled = spin_lock_events(&timer->lock);

	*value = timer->expirations;
	timer->expirations = 0;
	spin_unlock_events(&timer->lock, enabled);
	return *value ? (ssize_t)sizeof(*value) : -EAGAIN;
}

static ssize_t timer_file_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	struct timer_file *timer = file->data;
	uint64_t value;
	ssize_t result;

	(void)offset;
	if (bytes_max < sizeof(value))
		return -EINVAL;
	result = waitable_wait(file, &timer->head, try_read, &value);
	if (result > 0)
		memcpy(bytes_out, &value, sizeof(value));
	return result;
}

static short timer_file_poll(struct file *file)
{
	struct timer_file *timer = file->data;

	return READ_ONCE(timer->expirations) ? POLLIN | POLLRDNORM : 0;
}

static struct pollhead *timer_file_pollhead(struct file *file)
{
	return &((struct timer_file *)file->data)->head;
}

static void timer_file_close(struct file *file)
{
	struct timer_file *timer = file->data;
	bool enabled = spin_lock_events(&timer->lock);

	/* So that fn does not arm it again. */
	timer->next_ns = timer->interval_ns = 0;
	spin_unlock_events(&timer->lock, enabled);
	(void)timer_cancel(&timer->timer);
	pollhead_close(&timer->head);
	heap_free(timer);
}

static const struct file_ops timer_file_ops = {
	.read = timer_file_read,
	.stat = waitable_stat,
	.poll = timer_file_poll,
	.pollhead = timer_file_pollhead,
	.close = timer_file_close,
};

int timerfd_create(clockid_t clock, int flags)
{
	struct timer_file *timer;

	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return (int)posix_result(-EINVAL);
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return (int)posix_result(-EINVAL);
	timer = heap_alloc_zeroed(sizeof(*timer));
	if (!timer)
		return (int)posix_result(-ENOMEM);
	pollhead_init(&timer->head);
	timer_init(&timer->timer, fired);
	timer->clock = clock;
	return (int)posix_result(waitable_install(&timer_file_ops, timer, flags));
}

static int timer_get(int fd, struct file **file_out)
{
	struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	if (file->ops != &timer_file_ops) {
		file_put(file);
		return -EINVAL;
	}
	*file_out = file;
	return 0;
}

/* lock. */
static struct itimerspec setting(const struct timer_file *timer)
{
	uint64_t now_ns = now_of(timer);

	return (struct itimerspec){
		.it_interval = clock_from_ns(timer->interval_ns),
		.it_value = clock_from_ns(timer->next_ns == 0       ? 0
					  : timer->next_ns > now_ns ? timer->next_ns - now_ns
								    : 1),
	};
}

int timerfd_gettime(int fd, struct itimerspec *value_out)
{
	struct file *file;
	int result = timer_get(fd, &file);

	if (result == 0) {
		struct timer_file *timer = file->data;
		bool enabled = spin_lock_events(&timer->lock);

		*value_out = setting(timer);
		spin_unlock_events(&timer->lock, enabled);
		file_put(file);
	}
	return (int)posix_result(result);
}

static void set(struct timer_file *timer, int flags, uint64_t value_ns, uint64_t interval_ns,
		struct itimerspec *old_out)
{
	bool enabled;

	(void)timer_cancel(&timer->timer);
	enabled = spin_lock_events(&timer->lock);
	if (old_out)
		*old_out = setting(timer);
	timer->interval_ns = interval_ns;
	timer->expirations = 0;
	timer->next_ns = value_ns;
	if (value_ns && !(flags & TFD_TIMER_ABSTIME))
		timer->next_ns += now_of(timer);
	if (value_ns)
		arm(timer);
	spin_unlock_events(&timer->lock, enabled);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old_out)
{
	uint64_t value_ns, interval_ns;
	struct file *file;
	int result = timer_get(fd, &file);

	if (result)
		return (int)posix_result(result);
	if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) ||
	    clock_to_ns(&value->it_value, &value_ns) ||
	    clock_to_ns(&value->it_interval, &interval_ns))
		result = -EINVAL;
	else
		set(file->data, flags, value_ns, interval_ns, old_out);
	file_put(file);
	return (int)posix_result(result);
}
