/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes: a ring of bytes between files that write and files that read. pipe() makes one with an end
 * each; a FIFO has one while it is open (pipe_fifo.c).
 *
 * Locks: pipe->lock for the bytes. What poll() and waiting look at is read without it: they look
 * again when they were woken.
 */
#ifndef LIB_POSIX_PIPE_H
#define LIB_POSIX_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pollhead.h"
#include "lib/posix/fd.h"

struct pipe {
	struct sleeplock lock;
	size_t bytes_max;                   /* of the ring */
	size_t start, used;                 /* lock; used: atomic */
	uint32_t readers;                   /* open files; atomic */
	uint32_t writers;                   /* likewise */
	uint32_t reads_begun, writes_begun; /* how many there ever were; atomic */
	bool two_way;                       /* some file ever did both */
	uint32_t refs;                      /* of a FIFO: files, under fifo_lock */
	uint32_t number;                    /* st_ino */
	struct pollhead readable, writable; /* woken when that, or the other end, has changed */
	char bytes[];
};

/* Empty, nobody has it open; NULL: no memory. Freed by heap_free(). */
struct pipe *pipe_create(void);
/* Another open file reads, writes or does both, as its flags say. */
void pipe_begin(struct pipe *pipe, int flags);
/* The file, whose data is the pipe, no longer does. */
void pipe_end(struct file *file);

/* Operations of a file whose data is the pipe. */
ssize_t pipe_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset);
ssize_t pipe_write(struct file *file, const void *bytes, size_t bytes_count, off_t *offset);
short pipe_poll(struct file *file);
struct pollhead *pipe_pollhead(struct file *file);
int pipe_ioctl(struct file *file, unsigned long request, void *arg);

#endif
