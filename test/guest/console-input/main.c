/* SPDX-License-Identifier: BSD-2-Clause */
/* The terminal in canonical mode: editing characters, end of file; and what its interface says. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "test/guest/check.h"

static void show(const char *bytes, ssize_t count)
{
	putchar('<');
	for (ssize_t i = 0; i < count; i++)
		if (bytes[i] == '\n')
			fputs("\\n", stdout);
		else
			putchar(bytes[i]);
	puts(">");
}

int main(void)
{
	struct pollfd fd = {.fd = 0, .events = POLLIN};
	struct termios attr, raw;
	struct winsize size;
	char line[100];
	ssize_t count;

	CHECK(isatty(0) && isatty(1) && isatty(2) && strcmp(ttyname(0), "/dev/console") == 0);
	CHECK(tcgetattr(0, &attr) == 0 && (attr.c_lflag & ICANON) && (attr.c_lflag & ECHO));
	CHECK(ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col == 80 && size.ws_row == 24);
	CHECK(poll(&fd, 1, -1) == 1 && (fd.revents & POLLIN));
	while ((count = read(0, line, sizeof(line))) > 0)
		show(line, count);
	CHECK(count == 0);
	puts("end of file");
	CHECK(fcntl(0, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
	CHECK(read(0, line, 1) == -1 && errno == EAGAIN);
	CHECK(fcntl(0, F_SETFL, O_RDWR) == 0 && fcntl(0, F_GETFL) == O_RDWR);
	raw = attr;
	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 1;
	CHECK(tcsetattr(0, TCSAFLUSH, &raw) == 0 && read(0, line, 1) == 0);
	CHECK(tcsetattr(0, TCSANOW, &attr) == 0 && tcdrain(1) == 0 && tcflush(0, TCIOFLUSH) == 0);
	CHECK(tcsetattr(0, 7, &attr) == -1 && errno == EINVAL);
	return check_done();
}
