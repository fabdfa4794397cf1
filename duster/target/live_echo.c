/* SPDX-License-Identifier: BSD-2-Clause */
/* What an event costs here: to another process of dom0 that waits for it, and back. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "duster/target/live_parts.h"

#define ROUNDS     200u
#define TIMEOUT_MS 10000
#define SETTLE_MS  50

/* As wait_once() of live_run.c waits. */
static int take(xenevtchn_handle *events, int timeout_ms)
{
	struct pollfd fd = {.fd = xenevtchn_fd(events), .events = POLLIN};
	int port;

	if (poll(&fd, 1, timeout_ms) != 1)
		return -ETIMEDOUT;
	port = xenevtchn_pending(events);
	return port < 0 || xenevtchn_unmask(events, (evtchn_port_t)port) ? -EIO : 0;
}

/* The other process, until it is killed. */
static int echo(int remote_port)
{
	xenevtchn_handle *events = xenevtchn_open(NULL, 0);
	int port = events ? xenevtchn_bind_interdomain(events, 0, (evtchn_port_t)remote_port) : -1;
	int error = port < 0 || xenevtchn_notify(events, (evtchn_port_t)port);

	while (!error)
		error = take(events, TIMEOUT_MS) || xenevtchn_notify(events, (evtchn_port_t)port);
	return error;
}

static int measure(xenevtchn_handle *events, int port, uint64_t *ns_out)
{
	uint64_t start = 0;
	int error = take(events, TIMEOUT_MS);

	/* To be bound may be an event of its own. */
	while (!error && take(events, SETTLE_MS) == 0)
		continue;
	for (unsigned int i = 0; i < ROUNDS + 1 && !error; i++) {
		if (i == 1)
			start = live_clock_ns();
		if (xenevtchn_notify(events, (evtchn_port_t)port))
			error = -EIO;
		else
			error = take(events, TIMEOUT_MS);
	}
	*ns_out = (live_clock_ns() - start) / ROUNDS;
	return error;
}

int live_op_event_ns(struct target *target, uint64_t *ns_out)
{
	xenevtchn_handle *events = xenevtchn_open(NULL, 0);
	int port = events ? xenevtchn_bind_unbound_port(events, 0) : -1, error = -EIO, status;
	pid_t other = port < 0 ? -1 : fork();

	(void)target;
	if (other == 0)
		_exit(echo(port));
	if (other > 0) {
		error = measure(events, port, ns_out);
		(void)kill(other, SIGKILL);
		(void)waitpid(other, &status, 0);
	}
	if (events)
		xenevtchn_close(events);
	return error;
}
