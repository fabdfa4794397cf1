/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctl on the console: everything termios.c asks for. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "core/time.h"
#include "lib/posix/fd.h"
#include "lib/posix/sig.h"
#include "lib/posix/tty.h"

static int set_attr(const struct termios *attr, bool drain, bool flush)
{
	int result = drain ? tty_drain(&tty_console, TIME_NEVER) : 0;
	bool enabled;

	if (result)
		return result;
	enabled = spin_lock_events(&tty_console.lock);
	if (flush)
		tty_flush_input(&tty_console);
	tty_set_attr(&tty_console, attr);
	spin_unlock_events(&tty_console.lock, enabled);
	return 0;
}

static int set_size(const struct winsize *size)
{
	bool enabled = spin_lock_events(&tty_console.lock);
	bool changed = memcmp(size, &tty_console.size, sizeof(*size)) != 0;

	tty_console.size = *size;
	spin_unlock_events(&tty_console.lock, enabled);
	if (changed)
		sig_send(SIGWINCH, SI_KERNEL);
	return 0;
}

static int flush(int which)
{
	bool enabled = spin_lock_events(&tty_console.lock);

	/* Output is in the other end's hands already. */
	if (which & _FREAD) {
		tty_pump(&tty_console);
		tty_flush_input(&tty_console);
	}
	spin_unlock_events(&tty_console.lock, enabled);
	return 0;
}

/* Under the lock, so that no half of them is seen. */
static void get(void *out, const void *what, size_t bytes)
{
	bool enabled = spin_lock_events(&tty_console.lock);

	memcpy(out, what, bytes);
	spin_unlock_events(&tty_console.lock, enabled);
}

static void set_stopped(bool stopped)
{
	bool enabled = spin_lock_events(&tty_console.lock);

	tty_console.stopped = stopped;
	spin_unlock_events(&tty_console.lock, enabled);
	if (tty_console.console)
		waitq_wake_all(&tty_console.console->queue);
}

int file_console_ioctl(struct file *file, unsigned long request, void *arg)
{
	(void)file;
	switch (request) {
	case TIOCGETA:
		get(arg, &tty_console.attr, sizeof(tty_console.attr));
		return 0;
	case TIOCSETA:
	case TIOCSETAW:
	case TIOCSETAF:
		return set_attr(arg, request != TIOCSETA, request == TIOCSETAF);
	case TIOCGWINSZ:
		get(arg, &tty_console.size, sizeof(tty_console.size));
		return 0;
	case TIOCSWINSZ:
		return set_size(arg);
	case TIOCDRAIN:
		return tty_drain(&tty_console, TIME_NEVER);
	case TIOCFLUSH:
		return flush(*(int *)arg ? *(int *)arg : _FREAD | _FWRITE);
	case TIOCSTOP:
	case TIOCSTART:
		set_stopped(request == TIOCSTOP);
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
