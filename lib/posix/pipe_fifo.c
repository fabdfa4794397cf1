/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FIFOs: a pipe that is found by a path. It hangs at the node from the first open() to the last
 * close(), node->upper.
 *
 * Lock: fifo_lock, for node->upper and pipe->refs; over nothing else.
 */
#include <errno.h>
#include <fcntl.h>

#include "core/heap.h"
#include "core/time.h"
#include "lib/posix/cancel.h"
#include "lib/posix/file_parts.h"
#include "lib/posix/pipe.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"
#include "xen/spinlock.h"

static struct spinlock fifo_lock;

static int fifo_stat(struct file *file, struct stat *stat_out)
{
	return vfs_stat(file->node, stat_out);
}

static void fifo_close(struct file *file)
{
	struct pipe *pipe = file->data;
	bool enabled, is_last;

	/* It could not even be opened. */
	if (!pipe)
		return;
	pipe_end(file);
	enabled = spin_lock_events(&fifo_lock);
	is_last = --pipe->refs == 0;
	if (is_last)
		file->node->upper = NULL;
	spin_unlock_events(&fifo_lock, enabled);
	if (is_last)
		heap_free(pipe);
}

static const struct file_ops fifo_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.stat = fifo_stat,
	.poll = pipe_poll,
	.pollhead = pipe_pollhead,
	.ioctl = pipe_ioctl,
	.close = fifo_close,
};

/* The node's pipe, with one more reference. */
static struct pipe *get_pipe(struct node *node)
{
	struct pipe *fresh = NULL, *pipe;
	bool enabled;

	for (;;) {
		enabled = spin_lock_events(&fifo_lock);
		if (!node->upper)
			node->upper = fresh;
		pipe = node->upper;
		if (pipe)
			pipe->refs++;
		spin_unlock_events(&fifo_lock, enabled);
		if (fresh && pipe != fresh)
			heap_free(fresh);
		if (pipe)
			return pipe;
		fresh = pipe_create();
		if (!fresh)
			return NULL;
	}
}

/* Waits for somebody at the other end, who was there or came since; he may have gone again. */
static int meet(struct file *file, struct pipe *pipe, uint32_t reads_begun, uint32_t writes_begun)
{
	if (file->flags & O_NONBLOCK)
		return 0;
	if ((file->flags & O_ACCMODE) == O_RDONLY)
		return waitq_wait(&pipe->readable.queue,
				  __atomic_load_n(&pipe->writers, __ATOMIC_SEQ_CST) > 0 ||
					  READ_ONCE(pipe->writes_begun) != writes_begun,
				  TIME_NEVER, true);
	return waitq_wait(&pipe->writable.queue,
			  __atomic_load_n(&pipe->readers, __ATOMIC_SEQ_CST) > 0 ||
				  READ_ONCE(pipe->reads_begun) != reads_begun,
			  TIME_NEVER, true);
}

int fifo_open(struct node *node, struct file *file)
{
	struct pipe *pipe = get_pipe(node);
	uint32_t reads_begun, writes_begun, *others;
	bool waits_for_us;
	int result;

	file->ops = &fifo_ops;
	if (!pipe)
		return -ENOMEM;
	file->data = pipe;
	reads_begun = __atomic_load_n(&pipe->reads_begun, __ATOMIC_SEQ_CST);
	writes_begun = __atomic_load_n(&pipe->writes_begun, __ATOMIC_SEQ_CST);
	/* Who began before those were read is seen here: once we have begun, he may come and go
	 * before we look again. Pairs with the order of pipe_begin(): the file, then the count. */
	others = (file->flags & O_ACCMODE) == O_RDONLY ? &pipe->writers : &pipe->readers;
	waits_for_us = __atomic_load_n(others, __ATOMIC_SEQ_CST) > 0;
	pipe_begin(pipe, file->flags);
	if (waits_for_us)
		return 0;
	if ((file->flags & (O_ACCMODE | O_NONBLOCK)) == (O_WRONLY | O_NONBLOCK) &&
	    __atomic_load_n(&pipe->readers, __ATOMIC_SEQ_CST) == 0)
		return -ENXIO;
	do
		result = meet(file, pipe, reads_begun, writes_begun);
	while (result == -EINTR && sig_deliver() != SIG_EINTR && !cancel_due());
	return result;
}
