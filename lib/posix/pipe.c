/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/heap.h"
#include "core/time.h"
#include "lib/posix/sig.h"

/* Linux's; a guest with little memory makes do with what POSIX asks for. */
#define RING_BYTES 65536u

static bool reads(int flags)
{
	return (flags & O_ACCMODE) != O_WRONLY;
}

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

struct pipe *pipe_create(void)
{
	static uint32_t number;
	size_t bytes_max = RING_BYTES;
	struct pipe *pipe = heap_alloc(sizeof(*pipe) + bytes_max);

	if (!pipe) {
		bytes_max = PIPE_BUF;
		pipe = heap_alloc(sizeof(*pipe) + bytes_max);
	}
	if (!pipe)
		return NULL;
	*pipe = (struct pipe){.bytes_max = bytes_max,
			      .number = __atomic_add_fetch(&number, 1, __ATOMIC_RELAXED)};
	return pipe;
}

static void wake(struct pipe *pipe)
{
	pollhead_wake(&pipe->readable);
	pollhead_wake(&pipe->writable);
}

void pipe_begin(struct pipe *pipe, int flags)
{
	if (reads(flags)) {
		__atomic_add_fetch(&pipe->readers, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&pipe->reads_begun, 1, __ATOMIC_SEQ_CST);
	}
	if (reads(flags) && writes(flags))
		WRITE_ONCE(pipe->two_way, true);
	if (writes(flags)) {
		__atomic_add_fetch(&pipe->writers, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&pipe->writes_begun, 1, __ATOMIC_SEQ_CST);
	}
	wake(pipe);
}

void pipe_end(struct file *file)
{
	struct pipe *pipe = file->data;
	int flags = file->flags;

	pollhead_forget(pipe_pollhead(file), file);
	if (reads(flags))
		__atomic_sub_fetch(&pipe->readers, 1, __ATOMIC_SEQ_CST);
	if (writes(flags))
		__atomic_sub_fetch(&pipe->writers, 1, __ATOMIC_SEQ_CST);
	wake(pipe);
}

static size_t used_of(const struct pipe *pipe)
{
	return __atomic_load_n(&pipe->used, __ATOMIC_SEQ_CST);
}

static uint32_t writers_of(const struct pipe *pipe)
{
	return __atomic_load_n(&pipe->writers, __ATOMIC_SEQ_CST);
}

static uint32_t readers_of(const struct pipe *pipe)
{
	return __atomic_load_n(&pipe->readers, __ATOMIC_SEQ_CST);
}

static size_t room_of(const struct pipe *pipe)
{
	return pipe->bytes_max - used_of(pipe);
}

/* Whoever has one FIFO open for both watches one head alone. */
static void wake_writers(struct pipe *pipe)
{
	pollhead_wake(&pipe->writable);
	if (READ_ONCE(pipe->two_way))
		pollhead_wake(&pipe->readable);
}

/* Takes what is there, up to bytes_max. */
static size_t take(struct pipe *pipe, char *bytes_out, size_t bytes_max)
{
	size_t first, room;

	sleeplock_lock(&pipe->lock);
	room = room_of(pipe);
	if (bytes_max > pipe->used)
		bytes_max = pipe->used;
	first = pipe->bytes_max - pipe->start;
	if (first > bytes_max)
		first = bytes_max;
	memcpy(bytes_out, pipe->bytes + pipe->start, first);
	memcpy(bytes_out + first, pipe->bytes, bytes_max - first);
	pipe->start = (pipe->start + bytes_max) % pipe->bytes_max;
	__atomic_sub_fetch(&pipe->used, bytes_max, __ATOMIC_SEQ_CST);
	sleeplock_unlock(&pipe->lock);
	/* With that much room nobody waits for more. */
	if (bytes_max > 0 && room < PIPE_BUF)
		wake_writers(pipe);
	return bytes_max;
}

/* Puts as much as there is room for, but nothing unless it is at least bytes_least. */
static size_t put(struct pipe *pipe, const char *bytes, size_t bytes_count, size_t bytes_least)
{
	size_t end, first, room;
	bool was_empty;

	sleeplock_lock(&pipe->lock);
	room = room_of(pipe);
	was_empty = pipe->used == 0;
	if (room < bytes_least)
		bytes_count = 0;
	if (bytes_count > room)
		bytes_count = room;
	end = (pipe->start + pipe->used) % pipe->bytes_max;
	first = pipe->bytes_max - end;
	if (first > bytes_count)
		first = bytes_count;
	memcpy(pipe->bytes + end, bytes, first);
	memcpy(pipe->bytes, bytes + first, bytes_count - first);
	__atomic_add_fetch(&pipe->used, bytes_count, __ATOMIC_SEQ_CST);
	sleeplock_unlock(&pipe->lock);
	if (bytes_count > 0 && was_empty)
		pollhead_wake(&pipe->readable);
	return bytes_count;
}

ssize_t pipe_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	struct pipe *pipe = file->data;
	size_t taken;
	int result;

	(void)offset;
	if (bytes_max == 0)
		return 0;
	for (;;) {
		/* In this order: what the last writer wrote before it went is not missed. */
		bool is_over = writers_of(pipe) == 0;

		taken = take(pipe, bytes_out, bytes_max);
		if (taken > 0 || is_over)
			return (ssize_t)taken;
		if (READ_ONCE(file->flags) & O_NONBLOCK)
			return -EAGAIN;
		result = waitq_wait(&pipe->readable.queue,
				    used_of(pipe) > 0 || writers_of(pipe) == 0, TIME_NEVER, true);
		if (result)
			return result;
	}
}

static ssize_t broken(void)
{
	sig_send_thread(thread_self(), SIGPIPE, SI_KERNEL);
	return -EPIPE;
}

ssize_t pipe_write(struct file *file, const void *bytes, size_t bytes_count, off_t *offset)
{
	struct pipe *pipe = file->data;
	/* What is no longer than PIPE_BUF is never torn apart. */
	size_t least = bytes_count <= PIPE_BUF ? bytes_count : 1, done = 0;
	int result;

	(void)offset;
	for (;;) {
		if (readers_of(pipe) == 0)
			return done ? (ssize_t)done : broken();
		done += put(pipe, (const char *)bytes + done, bytes_count - done, least);
		if (done == bytes_count)
			return (ssize_t)done;
		if (READ_ONCE(file->flags) & O_NONBLOCK)
			return done ? (ssize_t)done : -EAGAIN;
		result = waitq_wait(&pipe->writable.queue,
				    room_of(pipe) >= least || readers_of(pipe) == 0, TIME_NEVER,
				    true);
		if (result)
			return done ? (ssize_t)done : result;
	}
}

short pipe_poll(struct file *file)
{
	struct pipe *pipe = file->data;
	int flags = READ_ONCE(file->flags);
	short events = 0;

	if (reads(flags)) {
		if (used_of(pipe) > 0)
			events |= POLLIN | POLLRDNORM;
		/* Nobody writes any more; before the first one comes a FIFO is only empty. */
		if (writers_of(pipe) == 0 && READ_ONCE(pipe->writes_begun) > 0)
			events |= POLLHUP;
	}
	if (writes(flags)) {
		if (room_of(pipe) >= PIPE_BUF)
			events |= POLLOUT | POLLWRNORM;
		if (readers_of(pipe) == 0)
			events |= POLLERR;
	}
	return events;
}

/* Whoever reads and writes one FIFO by the same descriptor never waits for itself. */
struct pollhead *pipe_pollhead(struct file *file)
{
	struct pipe *pipe = file->data;

	return reads(file->flags) ? &pipe->readable : &pipe->writable;
}

int pipe_ioctl(struct file *file, unsigned long request, void *arg)
{
	struct pipe *pipe = file->data;

	if (request != FIONREAD)
		return -ENOTTY;
	*(int *)arg = (int)used_of(pipe);
	return 0;
}
