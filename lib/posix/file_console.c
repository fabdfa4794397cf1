/* SPDX-License-Identifier: BSD-2-Clause */
/* The console as a file: a terminal. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/posix/fd.h"
#include "lib/posix/tty.h"

#define CONSOLE_DEV 0x0501 /* Linux's number of /dev/console */

static ssize_t console_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	(void)offset;
	return bytes_max ? tty_read(&tty_console, bytes_out, bytes_max, !(file->flags & O_NONBLOCK))
			 : 0;
}

static ssize_t console_write(struct file *file, const void *bytes, size_t bytes_count,
			     off_t *offset)
{
	(void)offset;
	return tty_write(&tty_console, bytes, bytes_count, !(file->flags & O_NONBLOCK));
}

static int console_stat(struct file *file, struct stat *stat_out)
{
	(void)file;
	memset(stat_out, 0, sizeof(*stat_out));
	stat_out->st_mode = S_IFCHR | S_IRUSR | S_IWUSR;
	stat_out->st_nlink = 1;
	stat_out->st_ino = 1;
	stat_out->st_rdev = CONSOLE_DEV;
	stat_out->st_blksize = 1024;
	return 0;
}

static short console_poll(struct file *file)
{
	(void)file;
	return (short)(POLLOUT | POLLWRNORM |
		       (tty_readable(&tty_console) ? POLLIN | POLLRDNORM : 0));
}

#pragma weak file_console_ioctl

const struct file_ops file_console_ops = {
	.read = console_read,
	.write = console_write,
	.stat = console_stat,
	.poll = console_poll,
	.ioctl = file_console_ioctl,
	.is_terminal = true,
};

struct file file_console = {
	.ops = &file_console_ops,
	.flags = O_RDWR,
	.refs = 4, /* one more than there are descriptors: it never goes */
};
