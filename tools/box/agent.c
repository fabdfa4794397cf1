/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Process 1 of the box's dom0. Starts one worker per virtio-serial port "box.N" and collects
 * orphans. A worker serves one client at a time; xenbox on the host picks a free port.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "job.h"
#include "port.h"

#define PORTS_MAX 64

struct worker {
	struct port port;
	struct job job;
	int epoll;
	int children; /* signalfd for SIGCHLD */
	bool greeted; /* the answer to a HELLO is not sent yet */
	size_t request_bytes;
	uint8_t request[WIRE_REQUEST_MAX];
};

static struct {
	pid_t pid;
	char device[64];
} ports[PORTS_MAX];

static struct worker worker;

/* A new HELLO: whatever went on is over. */
static void worker_hello(struct worker *w, const uint8_t *payload, size_t bytes)
{
	struct timespec now = {0};
	uint64_t seconds;

	if (bytes != WIRE_NONCE_BYTES + sizeof(seconds))
		return;
	job_end(&w->job);
	w->request_bytes = 0;
	memcpy(&seconds, payload + WIRE_NONCE_BYTES, sizeof(seconds));
	if (seconds) {
		now.tv_sec = (time_t)seconds;
		clock_settime(CLOCK_REALTIME, &now);
	}
	port_send(&w->port, WIRE_HELLO_BACK, payload, WIRE_NONCE_BYTES);
	w->greeted = true;
}

/* The client is gone, or the next one is so new that the kernel has told of its bytes before it
 * told of itself: then its HELLO has been read, and the answer stays. Half a frame that was read is
 * completed by the padding before a HELLO. */
static void worker_gone(struct worker *w)
{
	job_end(&w->job);
	w->request_bytes = 0;
	if (!w->greeted)
		port_drop_unsent(&w->port);
}

static void worker_flush(struct worker *w)
{
	port_flush(&w->port);
	if (w->port.tx_bytes == 0)
		w->greeted = false;
}

static void worker_exit(struct worker *w, uint32_t status)
{
	port_send(&w->port, WIRE_EXIT, &status, sizeof(status));
}

static void worker_start(struct worker *w, uint8_t type)
{
	char text[128];
	int error;

	job_end(&w->job);
	if (type == WIRE_EXEC)
		error = job_exec(&w->job, w->request, w->request_bytes);
	else if (type == WIRE_PUT)
		error = job_put(&w->job, w->request, w->request_bytes);
	else
		error = job_get(&w->job, w->request, w->request_bytes);
	w->request_bytes = 0;
	if (error) {
		snprintf(text, sizeof(text), "dom0 cannot start it: %s\n", strerror(-error));
		port_send(&w->port, WIRE_STDERR, text, strlen(text));
		worker_exit(w, 126);
	}
}

static void worker_frame(struct worker *w, uint8_t type, const uint8_t *payload, size_t bytes)
{
	uint16_t window[2];
	uint32_t number;

	switch (type) {
	case WIRE_HELLO:
		worker_hello(w, payload, bytes);
		break;
	case WIRE_REQUEST:
		if (bytes > sizeof(w->request) - w->request_bytes)
			bytes = 0;
		memcpy(w->request + w->request_bytes, payload, bytes);
		w->request_bytes += bytes;
		break;
	case WIRE_EXEC:
	case WIRE_PUT:
	case WIRE_GET:
		worker_start(w, type);
		break;
	case WIRE_STDIN:
		/* A client beyond its window is broken; its bytes are dropped. */
		job_input(&w->job, payload, bytes);
		break;
	case WIRE_STDIN_END:
		w->job.in_end = true;
		break;
	case WIRE_SIGNAL:
		if (bytes == sizeof(number)) {
			memcpy(&number, payload, sizeof(number));
			job_signal(&w->job, (int)number);
		}
		break;
	case WIRE_WINDOW:
		if (bytes == sizeof(window)) {
			memcpy(window, payload, sizeof(window));
			job_window(&w->job, window[0], window[1]);
		}
		break;
	default:
		break;
	}
}

enum output { OUTPUT_EMPTY, OUTPUT_MORE, OUTPUT_NO_ROOM };

/* Moves output of the job into one frame. */
static enum output worker_output(struct worker *w, int *fd, uint8_t type)
{
	ssize_t n;

	if (*fd < 0)
		return OUTPUT_EMPTY;
	if (!port_has_room(&w->port))
		return OUTPUT_NO_ROOM;
	n = read(*fd, port_payload_space(&w->port), WIRE_PAYLOAD_MAX);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return OUTPUT_EMPTY;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return OUTPUT_EMPTY;
	}
	port_send(&w->port, type, port_payload_space(&w->port), (size_t)n);
	return OUTPUT_MORE;
}

/* Moves all output there is. True when nothing was left behind. */
static bool worker_drain(struct worker *w)
{
	enum output out, err;

	do {
		out = worker_output(w, &w->job.out, WIRE_STDOUT);
		err = worker_output(w, &w->job.err, WIRE_STDERR);
		port_flush(&w->port);
	} while (out == OUTPUT_MORE || err == OUTPUT_MORE ||
		 ((out == OUTPUT_NO_ROOM || err == OUTPUT_NO_ROOM) && port_has_room(&w->port)));
	return out == OUTPUT_EMPTY && err == OUTPUT_EMPTY;
}

/* Collects ended children; notes the end of the job. */
static void worker_reap(struct worker *w)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(w->children, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != w->job.pid)
			continue;
		w->job.exited = true;
		w->job.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

/* One round: everything that can move moves. True: there was no room for all, and now there is. */
static bool worker_move(struct worker *w)
{
	const uint8_t *payload;
	enum port_event event = PORT_FRAME;
	uint32_t taken;
	uint8_t type;
	size_t bytes;
	bool drained;

	/* A frame may be answered, so none is read while there is no room to answer. */
	while (event == PORT_FRAME && port_has_room(&w->port)) {
		event = port_receive(&w->port, &type, &payload, &bytes);
		if (event == PORT_GONE)
			worker_gone(w);
		if (event == PORT_FRAME) {
			worker_frame(w, type, payload, bytes);
			worker_flush(w);
		}
	}
	taken = (uint32_t)job_feed(&w->job);
	if (taken && port_has_room(&w->port))
		port_send(&w->port, WIRE_CREDIT, &taken, sizeof(taken));
	/* The end is told after the last output: the pipes were read until they were empty. */
	drained = worker_drain(w);
	if (drained && w->job.exited && port_has_room(&w->port)) {
		worker_exit(w, (uint32_t)w->job.status);
		job_end(&w->job);
	}
	worker_flush(w);
	return (event == PORT_FRAME || !drained) && port_has_room(&w->port);
}

static void watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	if (fd >= 0)
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* The job's files come and go, and all are read or written until they would block; so they are
 * watched edge-triggered, and adding one that is watched already is refused and harmless. */
static void worker_watch(struct worker *w)
{
	watch(w->epoll, w->job.in, EPOLLOUT | EPOLLET);
	watch(w->epoll, w->job.out, EPOLLIN | EPOLLET);
	watch(w->epoll, w->job.err, EPOLLIN | EPOLLET);
}

static void worker_run(struct worker *w, const char *device)
{
	struct epoll_event events[8];
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	w->children = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->port.fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (w->port.fd < 0 || w->epoll < 0 || w->children < 0)
		return;
	job_init(&w->job);
	/* Edge-triggered because a port without a client reports a hang-up all the time. */
	watch(w->epoll, w->port.fd, EPOLLIN | EPOLLOUT | EPOLLET);
	watch(w->epoll, w->children, EPOLLIN);
	for (;;) {
		/* Edges tell of each thing once: what was left must not wait for the next. */
		do
			worker_reap(w);
		while (worker_move(w));
		worker_watch(w);
		if (epoll_wait(w->epoll, events, 8, -1) < 0 && errno != EINTR)
			return;
	}
}

static pid_t port_spawn(const char *device)
{
	pid_t pid = fork();

	if (pid == 0) {
		worker_run(&worker, device);
		fprintf(stderr, "box: agent: %s: %s\n", device, strerror(errno));
		sleep(1);
		_exit(1);
	}
	return pid;
}

/* Finds the ports named box.N among those of virtio-serial. */
static int ports_find(void)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	char path[320], name[64];
	int count = 0;
	FILE *file;

	while (dir && count < PORTS_MAX && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) && !strncmp(name, "box.", 4))
			snprintf(ports[count++].device, sizeof(ports[0].device), "/dev/%.50s",
				 entry->d_name);
		fclose(file);
	}
	if (dir)
		closedir(dir);
	return count;
}

int main(void)
{
	int count = ports_find(), status;
	pid_t pid;

	if (count == 0)
		fprintf(stderr, "box: agent: no virtio-serial port named box.N\n");
	for (int i = 0; i < count; i++)
		ports[i].pid = port_spawn(ports[i].device);
	for (;;) {
		pid = wait(&status);
		if (pid < 0)
			pause();
		for (int i = 0; i < count; i++) {
			if (ports[i].pid == pid)
				ports[i].pid = port_spawn(ports[i].device);
		}
	}
}
