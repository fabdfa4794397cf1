/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-watch NAME SECONDS: in dom0, starts the paused domain NAME and notes when its
 * console speaks.
 *
 * Prints, when the domain is gone, the time-stamp counter
 *	unpause BEFORE AFTER	around the hypercall with which `xl unpause` starts a domain
 *	byte TICKS		when the first byte of its console could be read
 *	line TICKS		when the first newline could be read
 *	end TICKS		when the domain was gone
 *	cpu TICKS NS		the processor time it had had when a line with CPU_MARK was read
 * and after a line `console` all that its console said. The console is read from the terminal that
 * xenconsoled offers, as `xl console` does. Nothing runs between two events: dom0 and the guest
 * share one processor, and a look at the ring in a loop would take the guest's time.
 *
 * Status 0; 1 when something failed; 4 when the domain was still there after SECONDS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenstore.h>

#define TEXT_BYTES_MAX (1 << 20)
#define CPU_MARK       "bench-cpu "
#define CPU_LOOKS_MAX  8

struct watch {
	struct xs_handle *xs;
	xc_interface *xc;
	uint32_t domid;
	int tty; /* -1: closed */
	uint64_t before, after, byte, line, end;
	unsigned int cpu_looks;
	struct {
		uint64_t ticks, ns;
	} cpu[CPU_LOOKS_MAX];
	size_t text_bytes;
	char text[TEXT_BYTES_MAX];
};

static struct watch watch;

static uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
	return ((uint64_t)high << 32) | low;
}

static int now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

/* For poll(), to which a negative number means for ever. */
static int left_ms(int deadline_ms)
{
	int left = deadline_ms - now_ms();

	return left > 0 ? left : 0;
}

static int fail(const char *what)
{
	fprintf(stderr, "bench-watch: %s: %s\n", what, strerror(errno));
	return 1;
}

/* xenstore's text at /local/domain/DOMID/LEAF in a buffer of its own, NULL when there is none. */
static char *read_leaf(struct watch *w, const char *domid, const char *leaf)
{
	char path[96];
	unsigned int bytes;

	snprintf(path, sizeof(path), "/local/domain/%s/%s", domid, leaf);
	return xs_read(w->xs, XBT_NULL, path, &bytes);
}

static bool find_domain(struct watch *w, const char *name)
{
	unsigned int count = 0;
	char **ids = xs_directory(w->xs, XBT_NULL, "/local/domain", &count);
	bool found = false;

	for (unsigned int i = 0; i < count && !found; i++) {
		char *its_name = read_leaf(w, ids[i], "name");

		found = its_name && !strcmp(its_name, name);
		if (found)
			w->domid = (uint32_t)strtoul(ids[i], NULL, 10);
		free(its_name);
	}
	free(ids);
	errno = found ? 0 : ENOENT;
	return found;
}

static void take_watch_event(struct watch *w)
{
	unsigned int count;

	free(xs_read_watch(w->xs, &count));
}

/* xenconsoled names the terminal some time after the domain was built. */
static bool open_console(struct watch *w, int deadline_ms)
{
	struct pollfd fd = {.fd = xs_fileno(w->xs), .events = POLLIN};
	struct termios raw;
	char path[64], domid[16], *tty;

	snprintf(domid, sizeof(domid), "%u", w->domid);
	snprintf(path, sizeof(path), "/local/domain/%u/console/tty", w->domid);
	if (!xs_watch(w->xs, path, "tty"))
		return false;
	while (!(tty = read_leaf(w, domid, "console/tty")) || !*tty) {
		free(tty);
		if (poll(&fd, 1, left_ms(deadline_ms)) <= 0) {
			errno = ETIMEDOUT;
			return false;
		}
		take_watch_event(w);
	}
	w->tty = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	free(tty);
	if (w->tty < 0 || tcgetattr(w->tty, &raw))
		return false;
	cfmakeraw(&raw);
	return tcsetattr(w->tty, TCSANOW, &raw) == 0;
}

static void look_at_cpu(struct watch *w, uint64_t when)
{
	xc_dominfo_t info;

	if (w->cpu_looks == CPU_LOOKS_MAX || xc_domain_getinfo(w->xc, w->domid, 1, &info) != 1 ||
	    info.domid != w->domid)
		return;
	w->cpu[w->cpu_looks].ticks = when;
	w->cpu[w->cpu_looks++].ns = info.cpu_time;
}

static void read_console(struct watch *w)
{
	uint64_t when = ticks();
	ssize_t n = read(w->tty, w->text + w->text_bytes, TEXT_BYTES_MAX - w->text_bytes);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(w->tty);
		w->tty = -1;
		return;
	}
	if (!w->byte)
		w->byte = when;
	if (!w->line && memchr(w->text + w->text_bytes, '\n', (size_t)n))
		w->line = when;
	if (memmem(w->text + w->text_bytes, (size_t)n, CPU_MARK, strlen(CPU_MARK)))
		look_at_cpu(w, when);
	w->text_bytes += (size_t)n;
}

enum life { LIFE_ON, LIFE_DYING, LIFE_GONE };

static enum life domain_life(struct watch *w)
{
	xc_dominfo_t info;

	if (xc_domain_getinfo(w->xc, w->domid, 1, &info) != 1 || info.domid != w->domid)
		return LIFE_GONE;
	return info.dying ? LIFE_DYING : LIFE_ON;
}

/* xenstore tells when a domain begins to die; its last page is released some time later. */
static bool await_release(struct watch *w, int deadline_ms)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

	while (domain_life(w) != LIFE_GONE) {
		if (left_ms(deadline_ms) == 0)
			return false;
		nanosleep(&pause, NULL);
	}
	w->end = ticks();
	return true;
}

/* True when the domain is gone, false when the time is over. */
static bool follow(struct watch *w, int deadline_ms)
{
	struct pollfd fds[2];

	for (;;) {
		fds[0] = (struct pollfd){.fd = w->tty, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = xs_fileno(w->xs), .events = POLLIN};
		if (poll(fds, 2, left_ms(deadline_ms)) <= 0)
			return false;
		if (fds[0].revents)
			read_console(w);
		if (!fds[1].revents)
			continue;
		take_watch_event(w);
		if (domain_life(w) != LIFE_ON)
			break;
	}
	if (w->tty >= 0)
		read_console(w);
	return await_release(w, deadline_ms);
}

static void print(const struct watch *w)
{
	printf("unpause %" PRIu64 " %" PRIu64 "\n", w->before, w->after);
	printf("byte %" PRIu64 "\nline %" PRIu64 "\nend %" PRIu64 "\n", w->byte, w->line, w->end);
	for (unsigned int i = 0; i < w->cpu_looks; i++)
		printf("cpu %" PRIu64 " %" PRIu64 "\n", w->cpu[i].ticks, w->cpu[i].ns);
	printf("console\n");
	fwrite(w->text, 1, w->text_bytes, stdout);
}

int main(int argc, char **argv)
{
	struct watch *w = &watch;
	int deadline_ms;
	bool gone;

	if (argc != 3 || atoi(argv[2]) <= 0) {
		fprintf(stderr, "usage: bench-watch NAME SECONDS\n");
		return 1;
	}
	deadline_ms = now_ms() + atoi(argv[2]) * 1000;
	w->tty = -1;
	w->xs = xs_open(0);
	w->xc = xc_interface_open(NULL, NULL, 0);
	if (!w->xs || !w->xc)
		return fail("no connection to Xen");
	if (!find_domain(w, argv[1]))
		return fail(argv[1]);
	if (!xs_watch(w->xs, "@releaseDomain", "release") || !open_console(w, deadline_ms))
		return fail("its console");
	domain_life(w); /* libxenctrl's first call allocates; the next one is the measured one */
	w->before = ticks();
	if (xc_domain_unpause(w->xc, w->domid))
		return fail("unpause");
	w->after = ticks();
	gone = follow(w, deadline_ms);
	print(w);
	return gone ? 0 : 4;
}
