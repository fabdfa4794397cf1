/* SPDX-License-Identifier: BSD-2-Clause */
/* Terminals by POSIX names; each is an ioctl on the file. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "lib/posix/cancel.h"
#include "lib/posix/posix.h"

#define TTY_NAME "/dev/console"

int tcgetattr(int fd, struct termios *attr_out)
{
	return ioctl(fd, TIOCGETA, attr_out);
}

int tcsetattr(int fd, int when, const struct termios *attr)
{
	static const unsigned long requests[] = {
		[TCSANOW] = TIOCSETA, [TCSADRAIN] = TIOCSETAW, [TCSAFLUSH] = TIOCSETAF};

	when &= ~TCSASOFT;
	if (when < TCSANOW || when > TCSAFLUSH)
		return (int)posix_result(-EINVAL);
	return ioctl(fd, requests[when], attr);
}

int tcdrain(int fd)
{
	cancel_test();
	return ioctl(fd, TIOCDRAIN, NULL);
}

int tcflush(int fd, int which)
{
	if (which < TCIFLUSH || which > TCIOFLUSH)
		return (int)posix_result(-EINVAL);
	return ioctl(fd, TIOCFLUSH, &which);
}

int tcflow(int fd, int action)
{
	switch (action) {
	case TCOOFF:
		return ioctl(fd, TIOCSTOP, NULL);
	case TCOON:
		return ioctl(fd, TIOCSTART, NULL);
	case TCIOFF:
	case TCION:
		return isatty(fd) ? 0 : -1;
	default:
		return (int)posix_result(-EINVAL);
	}
}

int tcsendbreak(int fd, int duration)
{
	(void)duration;
	return isatty(fd) ? 0 : -1;
}

pid_t tcgetsid(int fd)
{
	return isatty(fd) ? 1 : -1;
}

pid_t tcgetpgrp(int fd)
{
	return isatty(fd) ? 1 : -1;
}

int tcsetpgrp(int fd, pid_t group)
{
	if (!isatty(fd))
		return -1;
	return (int)posix_result(group == 1 ? 0 : -EPERM);
}

int ttyname_r(int fd, char *name, size_t name_bytes)
{
	if (!isatty(fd))
		return errno;
	if (name_bytes < sizeof(TTY_NAME))
		return ERANGE;
	memcpy(name, TTY_NAME, sizeof(TTY_NAME));
	return 0;
}

char *ttyname(int fd)
{
	static char name[] = TTY_NAME;

	return isatty(fd) ? name : NULL;
}

speed_t cfgetispeed(const struct termios *attr)
{
	return attr->c_ispeed;
}

speed_t cfgetospeed(const struct termios *attr)
{
	return attr->c_ospeed;
}

int cfsetispeed(struct termios *attr, speed_t speed)
{
	attr->c_ispeed = speed;
	return 0;
}

int cfsetospeed(struct termios *attr, speed_t speed)
{
	attr->c_ospeed = speed;
	return 0;
}

int cfsetspeed(struct termios *attr, speed_t speed)
{
	attr->c_ispeed = attr->c_ospeed = speed;
	return 0;
}

void cfmakeraw(struct termios *attr)
{
	attr->c_iflag &=
		~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	attr->c_oflag &= ~(tcflag_t)OPOST;
	attr->c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	attr->c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
	attr->c_cflag |= CS8;
	attr->c_cc[VMIN] = 1;
	attr->c_cc[VTIME] = 0;
}
