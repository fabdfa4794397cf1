/* SPDX-License-Identifier: BSD-2-Clause
 *
 * guestrun [options] -- NAME CFG-TEXT: runs one guest in this dom0 with the stock `xl create`, from
 * its first byte of output to its status.
 *
 *	-t S	kill the guest after S seconds (status 124)
 *	-k	keep the domain when it has ended (the whole dom0 is about to go)
 *	-r DIR	remove DIR once the guest has been built
 *	-i	standard input is a person's terminal: its end is not passed on as ^D
 *
 * Standard output is the guest's console and nothing else. Standard input goes to it. Standard
 * error carries lines for xenbox: `xl TEXT` (what xl said), `domid N`, `ended REASON` and
 * `status TEXT`. The exit status is the guest's: from the node data/stardust/status it left in
 * xenstore (`exit N`, `signal N`), or from the way the domain ended. 125: there was no guest.
 *
 * SIGTERM, SIGINT and SIGHUP destroy the guest and end this program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "console.h"
#include "xs.h"

#define STATUS_TIMEOUT 124
#define STATUS_BOX     125
#define STATUS_CRASH   (128 + SIGSEGV)
#define STATUS_GONE    (128 + SIGKILL)

/* Output the reader of our standard output is behind; beyond it the guest's terminal fills up. */
#define BACKLOG_MAX (64 << 20)

/* After the guest's end: how long output may take to come through while none arrives. */
#define DRAIN_QUIET_MS   2000
#define DRAIN_UNKNOWN_MS 300

/* Source: Xen public/sched.h, SHUTDOWN_*; DESTROYED is ours. */
enum reason { POWEROFF, REBOOT, SUSPEND, CRASH, WATCHDOG, SOFT_RESET, DESTROYED = 100, NONE = -1 };

struct run {
	const char *name;
	const char *remove;
	bool keep;
	bool person;
	pid_t xl;
	int xl_out;
	size_t xl_bytes;
	char xl_line[1024];
	int signals, timer;
	struct xs xs;
	struct console console;
	bool console_lost; /* the domain was destroyed under us */
	long domid;
	enum reason reason;
	int killed_by; /* signal that told us to end, or 0 */
	bool timed_out;
	bool out_closed; /* nobody reads our output any more */
	char *backlog;
	size_t backlog_bytes, backlog_room, backlog_done;
	bool in_end;
	bool in_line; /* input so far ends in the middle of a line */
	size_t in_bytes;
	char input[4096];
	size_t tail_bytes; /* the last output, for the status when xenstore has none */
	char tail[128];
};

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
	char line[1200];
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(line, sizeof(line) - 1, format, list);
	va_end(list);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(2, line, (size_t)n) < 0)
		return;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- xl ------------------------------------------------------------------------------------- */

static pid_t spawn(const char *const argv[], int out)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;
	int null;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(out >= 0 ? out : null, 1);
	dup2(out >= 0 ? out : null, 2);
	execvp(argv[0], (char *const *)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Writes the configuration where xl can read it; the caller unlinks it. */
static int write_cfg(const char *text, char *path)
{
	int fd = mkostemp(path, O_CLOEXEC);
	size_t bytes = strlen(text);

	if (fd < 0)
		return -errno;
	if (write(fd, text, bytes) != (ssize_t)bytes) {
		close(fd);
		unlink(path);
		return -EIO;
	}
	close(fd);
	return 0;
}

/* `xl create -F` stays in the foreground and reports what becomes of the domain. */
static int xl_start(struct run *run, const char *path)
{
	const char *argv[] = {"xl", "create", "-F", path, NULL};
	int out[2];

	if (pipe2(out, O_CLOEXEC))
		return -errno;
	run->xl = spawn(argv, out[1]);
	close(out[1]);
	run->xl_out = out[0];
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	return run->xl < 0 ? -EAGAIN : 0;
}

static void remove_dir(const char *dir)
{
	const char *argv[] = {"rm", "-rf", dir, NULL};
	pid_t pid = spawn(argv, -1);

	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void guest_started(struct run *run, long domid)
{
	char path[80];

	if (run->domid >= 0)
		return;
	run->domid = domid;
	tell("domid %ld", domid);
	if (run->remove)
		remove_dir(run->remove);
	run->remove = NULL;
	snprintf(path, sizeof(path), "/local/domain/%ld/console/tty", domid);
	xs_watch(&run->xs, path);
}

static void xl_said(struct run *run, const char *line)
{
	const char *at;
	long domid;
	int reason;

	tell("xl %s", line);
	at = strstr(line, "(domid ");
	if (at && strstr(line, "Waiting for domain") && sscanf(at, "(domid %ld)", &domid) == 1)
		guest_started(run, domid);
	at = strstr(line, "reason code ");
	if (at && sscanf(at, "reason code %d", &reason) == 1)
		run->reason = (enum reason)reason;
	else if (strstr(line, "has been destroyed") && run->reason == NONE)
		run->reason = DESTROYED;
}

/* Takes in what xl has said. False when it has ended. */
static bool xl_listen(struct run *run)
{
	char *newline;
	ssize_t n;

	for (;;) {
		n = read(run->xl_out, run->xl_line + run->xl_bytes,
			 sizeof(run->xl_line) - 1 - run->xl_bytes);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		run->xl_bytes += (size_t)n;
		run->xl_line[run->xl_bytes] = 0;
		while ((newline = strchr(run->xl_line, '\n'))) {
			*newline = 0;
			xl_said(run, run->xl_line);
			run->xl_bytes -= (size_t)(newline + 1 - run->xl_line);
			memmove(run->xl_line, newline + 1, run->xl_bytes + 1);
		}
		if (run->xl_bytes == sizeof(run->xl_line) - 1)
			run->xl_bytes = 0;
	}
}

static void xl_destroy(struct run *run)
{
	char domid[24];
	const char *argv[] = {"xl", "destroy", run->name, NULL};
	pid_t pid;

	if (run->domid >= 0) {
		snprintf(domid, sizeof(domid), "%ld", run->domid);
		argv[2] = domid;
	}
	pid = spawn(argv, -1);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* --- console ---------------------------------------------------------------------------------- */

static void console_try_open(struct run *run)
{
	char path[80], tty[64], mfn[32];

	if (run->domid < 0 || run->console.fd >= 0 || run->console_lost)
		return;
	snprintf(path, sizeof(path), "/local/domain/%ld/console/tty", run->domid);
	if (xs_read(&run->xs, path, tty, sizeof(tty)) || !*tty)
		return;
	snprintf(path, sizeof(path), "/local/domain/%ld/console/ring-ref", run->domid);
	if (xs_read(&run->xs, path, mfn, sizeof(mfn)))
		*mfn = 0;
	if (console_open(&run->console, tty, (uint32_t)run->domid, strtoul(mfn, NULL, 10)))
		tell("xl cannot open the console at %s: %s", tty, strerror(errno));
}

/* Opens the console once xenconsoled has made its terminal. A change may be reported while the last
 * one is looked into, and is not reported twice: so until there is none. */
static void console_update(struct run *run)
{
	while (run->xs.changed) {
		run->xs.changed = false;
		console_try_open(run);
	}
}

static void backlog_write(struct run *run)
{
	ssize_t n;

	while (!run->out_closed && run->backlog_done < run->backlog_bytes) {
		n = write(1, run->backlog + run->backlog_done,
			  run->backlog_bytes - run->backlog_done);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			run->out_closed = true;
		else
			run->backlog_done += (size_t)n;
	}
	run->backlog_done = run->backlog_bytes = 0;
}

/* Room for one more piece of output. False when dom0 has no memory left. */
static bool backlog_grow(struct run *run)
{
	size_t room = 2 * run->backlog_room + 131072;
	char *bigger;

	if (run->backlog_room - run->backlog_bytes >= 65536)
		return true;
	bigger = realloc(run->backlog, room);
	if (!bigger)
		return false;
	run->backlog = bigger;
	run->backlog_room = room;
	return true;
}

static void tail_keep(struct run *run, const char *data, size_t bytes)
{
	size_t keep = sizeof(run->tail) - 1, old;

	if (bytes > keep) {
		data += bytes - keep;
		bytes = keep;
	}
	old = run->tail_bytes + bytes > keep ? keep - bytes : run->tail_bytes;
	memmove(run->tail, run->tail + run->tail_bytes - old, old);
	memcpy(run->tail + old, data, bytes);
	run->tail_bytes = old + bytes;
	run->tail[run->tail_bytes] = 0;
}

/* Takes what the guest has written, as fast as it comes: xenconsoled throws away what stays.
 * Returns true when there was something. */
static bool console_take(struct run *run)
{
	bool any = false;
	ssize_t n;

	while (run->console.fd >= 0 && run->backlog_bytes < BACKLOG_MAX) {
		if (!backlog_grow(run))
			break;
		n = console_read(&run->console, run->backlog + run->backlog_bytes, 65536);
		if (n <= 0)
			break;
		tail_keep(run, run->backlog + run->backlog_bytes, (size_t)n);
		run->backlog_bytes += (size_t)n;
		any = true;
	}
	backlog_write(run);
	return any;
}

/* Standard input to the guest. Its end is ^D; after an unfinished line it takes two. */
static void input_take(struct run *run)
{
	ssize_t n;

	if (run->in_end || run->in_bytes > sizeof(run->input) - 16)
		return;
	n = read(0, run->input + run->in_bytes, sizeof(run->input) - 16 - run->in_bytes);
	if (n > 0) {
		run->in_bytes += (size_t)n;
		run->in_line = run->input[run->in_bytes - 1] != '\n';
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		run->in_end = true;
		if (run->person)
			return;
		if (run->in_line)
			run->input[run->in_bytes++] = 4;
		run->input[run->in_bytes++] = 4;
	}
}

static void input_give(struct run *run)
{
	ssize_t n;

	if (run->console.fd < 0 || run->in_bytes == 0)
		return;
	n = write(run->console.fd, run->input, run->in_bytes);
	if (n <= 0)
		return;
	run->in_bytes -= (size_t)n;
	memmove(run->input, run->input + n, run->in_bytes);
}

/* A guest may be over before xenconsoled has made its terminal. */
static void console_await(struct run *run)
{
	struct pollfd ready = {.fd = run->xs.fd, .events = POLLIN};
	long begun = now_ms();

	if (run->reason == DESTROYED || run->reason == NONE)
		return;
	run->xs.changed = true;
	console_update(run);
	while (run->console.fd < 0 && now_ms() - begun < DRAIN_QUIET_MS) {
		if (poll(&ready, 1, DRAIN_QUIET_MS) > 0 && xs_pump(&run->xs))
			return;
		console_update(run);
	}
}

/* After the end of the guest: the rest of its output. */
static void console_drain(struct run *run)
{
	long last = now_ms();
	enum console_rest rest;
	struct pollfd ready[2];

	console_await(run);
	while (run->console.fd >= 0) {
		if (console_take(run))
			last = now_ms();
		rest = console_rest(&run->console);
		if (rest == CONSOLE_DRAINED ||
		    now_ms() - last > (rest == CONSOLE_UNKNOWN ? DRAIN_UNKNOWN_MS : DRAIN_QUIET_MS))
			break;
		ready[0] = (struct pollfd){.fd = run->console.fd, .events = POLLIN};
		ready[1] = (struct pollfd){.fd = run->backlog_bytes ? 1 : -1, .events = POLLOUT};
		if (poll(ready, 2, DRAIN_UNKNOWN_MS) > 0 && ready[0].revents & (POLLHUP | POLLERR))
			break;
	}
	fcntl(1, F_SETFL, 0);
	backlog_write(run);
}

/* --- the whole ------------------------------------------------------------------------------- */

/* -1 when the text is neither `exit N` nor `signal N`. */
static int status_parse(const char *text)
{
	int n;

	if (sscanf(text, "exit %d", &n) == 1)
		return n & 255;
	if (sscanf(text, "signal %d", &n) == 1 && n > 0 && n < 128)
		return 128 + n;
	return -1;
}

/* From xenstore, or else from the guest's last line. -1 when it left neither. */
static int status_from_guest(struct run *run)
{
	static const char mark[] = "stardust: ", killed[] = "killed by ";
	char path[80], text[64] = "", *at, *next;

	snprintf(path, sizeof(path), "/local/domain/%ld/data/stardust/status", run->domid);
	if (xs_read(&run->xs, path, text, sizeof(text)) == 0) {
		tell("status %s", text);
		return status_parse(text);
	}
	at = strstr(run->tail, mark);
	while (at && (next = strstr(at + 1, mark)))
		at = next;
	if (!at || (at != run->tail && at[-1] != '\n' && at[-1] != '\r'))
		return -1;
	at += sizeof(mark) - 1;
	if (strncmp(at, killed, sizeof(killed) - 1) == 0)
		at += sizeof(killed) - 1;
	if (status_parse(at) >= 0)
		tell("status %.40s", at);
	return status_parse(at);
}

static int status_of(struct run *run)
{
	int status;

	if (run->timed_out)
		return STATUS_TIMEOUT;
	if (run->killed_by)
		return 128 + run->killed_by;
	if (run->domid < 0)
		return STATUS_BOX;
	status = status_from_guest(run);
	/* A crash after `exit` was announced is still a crash. */
	if (run->reason == CRASH || run->reason == WATCHDOG)
		return status > 128 ? status : STATUS_CRASH;
	if (status >= 0)
		return status;
	return run->reason == DESTROYED || run->reason == NONE ? STATUS_GONE : 0;
}

static void take_signal(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			run->killed_by = (int)info.ssi_signo;
	}
}

/* One wait, and what came of it. False when the guest has ended or xl has. */
static bool step(struct run *run)
{
	bool can_take = run->console.fd >= 0 && run->backlog_bytes < BACKLOG_MAX;
	struct pollfd ready[] = {
		{.fd = run->xl_out, .events = POLLIN},
		{.fd = run->signals, .events = POLLIN},
		{.fd = run->timer, .events = POLLIN},
		{.fd = run->xs.fd, .events = POLLIN},
		{.fd = run->console.fd,
		 .events = (short)((can_take ? POLLIN : 0) | (run->in_bytes ? POLLOUT : 0))},
		{.fd = run->backlog_bytes ? 1 : -1, .events = POLLOUT},
		{.fd = run->in_end || run->in_bytes ? -1 : 0, .events = POLLIN},
	};

	poll(ready, sizeof(ready) / sizeof(ready[0]), -1);
	if (ready[1].revents)
		take_signal(run);
	if (ready[2].revents)
		run->timed_out = true;
	if (run->killed_by || run->timed_out)
		return false;
	if (ready[6].revents)
		input_take(run);
	input_give(run);
	console_take(run);
	if (ready[4].revents & (POLLHUP | POLLERR)) {
		console_close(&run->console);
		run->console_lost = true;
	}
	if (!xl_listen(run))
		return false;
	if (ready[3].revents && xs_pump(&run->xs)) {
		tell("xl xenstore is gone");
		return false;
	}
	console_update(run);
	return run->reason == NONE;
}

static void prepare(struct run *run, double seconds)
{
	struct itimerspec when = {0};
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	run->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	run->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	when.it_value.tv_sec = (time_t)seconds;
	when.it_value.tv_nsec = (long)((seconds - (double)when.it_value.tv_sec) * 1e9);
	timerfd_settime(run->timer, 0, &when, NULL);
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	fcntl(1, F_SETFL, fcntl(1, F_GETFL) | O_NONBLOCK);
}

static int guest_run(struct run *run, const char *cfg)
{
	char path[] = "/tmp/guest-XXXXXX";
	int error = xs_open(&run->xs);

	if (error) {
		tell("xl no xenstore in this dom0: %s", strerror(-error));
		return STATUS_BOX;
	}
	error = write_cfg(cfg, path);
	if (error) {
		tell("xl cannot write %s: %s", path, strerror(-error));
		return STATUS_BOX;
	}
	error = xl_start(run, path);
	while (!error && step(run))
		;
	if (!run->killed_by)
		console_drain(run);
	error = status_of(run);
	tell("ended %d", (int)run->reason);
	console_close(&run->console);
	unlink(path);
	if (run->remove)
		remove_dir(run->remove);
	if (run->xl > 0)
		kill(-run->xl, SIGKILL);
	if (!run->keep && !(run->domid < 0 && !run->killed_by && !run->timed_out))
		xl_destroy(run);
	return error;
}

int main(int argc, char **argv)
{
	static struct run run = {.domid = -1, .reason = NONE};
	double seconds = 0;
	int option;

	while ((option = getopt(argc, argv, "t:kr:i")) != -1) {
		if (option == 't')
			seconds = strtod(optarg, NULL);
		else if (option == 'k')
			run.keep = true;
		else if (option == 'r')
			run.remove = optarg;
		else if (option == 'i')
			run.person = true;
		else
			return STATUS_BOX;
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: guestrun [-t S] [-k] [-i] [-r DIR] -- NAME CFG-TEXT\n");
		return STATUS_BOX;
	}
	run.name = argv[optind];
	console_init(&run.console);
	prepare(&run, seconds);
	return guest_run(&run, argv[optind + 1]);
}
