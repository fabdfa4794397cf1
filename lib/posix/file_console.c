/* SPDX-License-Identifier: BSD-2-Clause */
/* The console as a file: a terminal. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "core/time.h"
#include "lib/posix/fd.h"
#include "lib/posix/sig.h"
#include "lib/posix/tty.h"
#include "xen/evtchn.h"

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

static short console_poll(struct file *file, struct waitq **queue_out)
{
	(void)file;
	*queue_out = tty_console.console ? &tty_console.console->queue : NULL;
	return (short)(POLLOUT | POLLWRNORM |
		       (tty_readable(&tty_console) ? POLLIN | POLLRDNORM : 0));
}

static int set_attr(const struct termios *attr, bool drain, bool flush)
{
	int result = drain ? tty_drain(&tty_console, TIME_NEVER) : 0;
	bool enabled;

	if (result)
		return result;
	enabled = events_disable();
	if (flush)
		tty_flush_input(&tty_console);
	tty_set_attr(&tty_console, attr);
	events_restore(enabled);
	return 0;
}

static int set_size(const struct winsize *size)
{
	if (memcmp(size, &tty_console.size, sizeof(*size)) == 0)
		return 0;
	tty_console.size = *size;
	sig_send(SIGWINCH, SI_KERNEL);
	return 0;
}

static int flush(int which)
{
	bool enabled = events_disable();

	/* Output is in the other end's hands already. */
	if (which & _FREAD) {
		tty_pump(&tty_console);
		tty_flush_input(&tty_console);
	}
	events_restore(enabled);
	return 0;
}

static int console_ioctl(struct file *file, unsigned long request, void *arg)
{
	(void)file;
	switch (request) {
	case TIOCGETA:
		*(struct termios *)arg = tty_console.attr;
		return 0;
	case TIOCSETA:
	case TIOCSETAW:
	case TIOCSETAF:
		return set_attr(arg, request != TIOCSETA, request == TIOCSETAF);
	case TIOCGWINSZ:
		*(struct winsize *)arg = tty_console.size;
		return 0;
	case TIOCSWINSZ:
		return set_size(arg);
	case TIOCDRAIN:
		return tty_drain(&tty_console, TIME_NEVER);
	case TIOCFLUSH:
		return flush(*(int *)arg ? *(int *)arg : _FREAD | _FWRITE);
	case TIOCSTOP:
	case TIOCSTART:
		tty_console.stopped = request == TIOCSTOP;
		if (tty_console.console)
			waitq_wake_all(&tty_console.console->queue);
		return 0;
	case FIONREAD:
		*(int *)arg =
			tty_readable(&tty_console) ? (int)tty_readable_bytes(&tty_console) : 0;
		return 0;
	case TIOCGPGRP:
	case TIOCGSID:
		*(int *)arg = 1;
		return 0;
	case TIOCOUTQ:
		*(int *)arg = 0;
		return 0;
	case TIOCSPGRP:
	case TIOCSCTTY:
		return 0;
	default:
		return -ENOTTY;
	}
}

const struct file_ops file_console_ops = {
	.read = console_read,
	.write = console_write,
	.stat = console_stat,
	.poll = console_poll,
	.ioctl = console_ioctl,
};

struct file file_console = {
	.ops = &file_console_ops,
	.flags = O_RDWR,
	.refs = 3,
	.is_static = true,
};
