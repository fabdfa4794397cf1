/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/io/console.h>
#include <xen/sys/privcmd.h>

#define PAGE_BYTES 4096

void console_init(struct console *console)
{
	memset(console, 0, sizeof(*console));
	console->fd = -1;
}

/* Read-only: a writable mapping would keep a guest from using the frame as a page table. */
static const volatile struct xencons_interface *ring_map(uint32_t domid, unsigned long mfn)
{
	int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC), error = 0;
	privcmd_mmapbatch_v2_t batch = {.num = 1, .dom = (domid_t)domid, .err = &error};
	xen_pfn_t frame = mfn;
	void *page;

	if (fd < 0)
		return NULL;
	page = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED) {
		batch.addr = (uintptr_t)page;
		batch.arr = &frame;
		if (ioctl(fd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) || error) {
			munmap(page, PAGE_BYTES);
			page = MAP_FAILED;
		}
	}
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

int console_open(struct console *console, const char *tty, uint32_t domid, unsigned long mfn)
{
	struct termios mode;

	console->fd = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (console->fd < 0)
		return -errno;
	/* xenconsoled made it raw already; a terminal that is not would change bytes. */
	if (tcgetattr(console->fd, &mode) == 0) {
		cfmakeraw(&mode);
		tcsetattr(console->fd, TCSANOW, &mode);
	}
	console->ring = ring_map(domid, mfn);
	return 0;
}

ssize_t console_read(struct console *console, void *data, size_t bytes)
{
	ssize_t n = read(console->fd, data, bytes);

	if (n > 0)
		console->bytes_read += (uint32_t)n;
	return n;
}

enum console_rest console_rest(const struct console *console)
{
	if (!console->ring)
		return CONSOLE_UNKNOWN;
	return console->ring->out_prod == console->bytes_read ? CONSOLE_DRAINED : CONSOLE_PENDING;
}

void console_close(struct console *console)
{
	if (console->ring)
		munmap((void *)console->ring, PAGE_BYTES);
	if (console->fd >= 0)
		close(console->fd);
	console_init(console);
}
