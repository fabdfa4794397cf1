/* SPDX-License-Identifier: BSD-2-Clause */
/* pipe() and pipe2(). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/heap.h"
#include "core/time.h"
#include "lib/posix/pipe.h"
#include "lib/posix/posix.h"

static int pipe_stat(struct file *file, struct stat *stat_out)
{
	const struct pipe *pipe = file->data;

	memset(stat_out, 0, sizeof(*stat_out));
	stat_out->st_mode = S_IFIFO | S_IRUSR | S_IWUSR;
	stat_out->st_nlink = 1;
	stat_out->st_ino = pipe->number;
	stat_out->st_blksize = 4096;
	stat_out->st_atime = stat_out->st_mtime = stat_out->st_ctime =
		(time_t)(time_wall_ns() / NS_PER_S);
	return 0;
}

/* The pipe goes with its second end. */
static void pipe_close(struct file *file)
{
	struct pipe *pipe = file->data;

	pipe_end(file);
	if (__atomic_sub_fetch(&pipe->refs, 1, __ATOMIC_ACQ_REL) == 0)
		heap_free(pipe);
}

static const struct file_ops pipe_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.stat = pipe_stat,
	.poll = pipe_poll,
	.pollhead = pipe_pollhead,
	.ioctl = pipe_ioctl,
	.close = pipe_close,
};

/* Both ends, with a reference each for the caller. */
static int create(int flags, struct file **reader_out, struct file **writer_out)
{
	struct pipe *pipe = pipe_create();

	if (!pipe)
		return -ENOMEM;
	*reader_out = file_create(&pipe_ops, O_RDONLY | flags);
	*writer_out = *reader_out ? file_create(&pipe_ops, O_WRONLY | flags) : NULL;
	if (!*writer_out) {
		heap_free(*reader_out);
		heap_free(pipe);
		return -ENOMEM;
	}
	pipe->refs = 2;
	(*reader_out)->data = (*writer_out)->data = pipe;
	pipe_begin(pipe, O_RDONLY);
	pipe_begin(pipe, O_WRONLY);
	return 0;
}

static int open_pipe(int fds_out[2], int flags)
{
	struct file *reader, *writer;
	bool on_exec = flags & O_CLOEXEC;
	int fds[2], result;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	result = create(flags & O_NONBLOCK, &reader, &writer);
	if (result)
		return result;
	fds[0] = fd_install(reader, 0, on_exec);
	if (fds[0] < 0) {
		file_put(reader);
		file_put(writer);
		return fds[0];
	}
	fds[1] = fd_install(writer, 0, on_exec);
	if (fds[1] < 0) {
		fd_remove(fds[0]);
		file_put(writer);
		return fds[1];
	}
	fds_out[0] = fds[0];
	fds_out[1] = fds[1];
	return 0;
}

int pipe(int fds_out[2])
{
	return (int)posix_result(open_pipe(fds_out, 0));
}

int pipe2(int fds_out[2], int flags)
{
	return (int)posix_result(open_pipe(fds_out, flags));
}
