/* SPDX-License-Identifier: BSD-2-Clause */
/* poll and select over files. */
#include <poll.h>

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>

#include "core/time.h"
#include "core/wait.h"
#include "lib/posix/cancel.h"
#include "lib/posix/clock.h"
#include "lib/posix/fd.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "xen/evtchn.h"

#define NS_PER_MS 1000000U
#define NS_PER_US 1000U

/* How many entries have something to say. Events disabled. */
static int look(struct pollfd *fds, nfds_t count)
{
	int ready = 0;

	for (nfds_t i = 0; i < count; i++) {
		short events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
		struct file *file;

		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		file = fd_get(fds[i].fd);
		if (!file) {
			fds[i].revents = POLLNVAL;
		} else {
			if (file->ops->poll)
				events = file->ops->poll(file);
			fds[i].revents = (short)(events & (fds[i].events | POLLERR | POLLHUP));
			file_put(file);
		}
		ready += fds[i].revents != 0;
	}
	return ready;
}

static int poll_until(struct pollfd *fds, nfds_t count, uint64_t deadline_ns)
{
	int ready = 0, result;

	if (count > FD_COUNT_MAX)
		return -EINVAL;
	/* Whatever has become ready, some queue was woken. */
	result = waitq_wait(&waitq_any, (ready = look(fds, count)) > 0, deadline_ns, true);
	if (result == -EINTR)
		sig_deliver();
	return result == -EINTR ? result : ready;
}

/* How the functions here end, which are cancellation points. */
static int finish(int result)
{
	if (result == -EINTR)
		cancel_test();
	return (int)posix_result(result);
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	uint64_t deadline_ns = TIME_NEVER;

	if (timeout_ms >= 0)
		deadline_ns = time_monotonic_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	cancel_test();
	return finish(poll_until(fds, count, deadline_ns));
}

/* With another signal mask while waiting; what it unblocks is delivered under it. */
static int poll_masked(struct pollfd *fds, nfds_t count, uint64_t deadline_ns, const sigset_t *mask)
{
	sigset_t old = sig_blocked();
	int result;

	if (!mask)
		return poll_until(fds, count, deadline_ns);
	sig_hold();
	sig_set_blocked(*mask);
	result = poll_until(fds, count, deadline_ns);
	sig_release();
	sig_set_blocked(old);
	return result;
}

static int deadline_of(const struct timespec *timeout, uint64_t *deadline_out)
{
	*deadline_out = TIME_NEVER;
	return timeout ? clock_deadline(timeout, deadline_out) : 0;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t deadline_ns;
	int result = deadline_of(timeout, &deadline_ns);

	cancel_test();
	return finish(result ? result : poll_masked(fds, count, deadline_ns, mask));
}

#define READ_EVENTS  (POLLIN | POLLRDNORM | POLLHUP | POLLERR)
#define WRITE_EVENTS (POLLOUT | POLLWRNORM | POLLERR)

/* One pollfd for each descriptor that is in a set. */
static nfds_t collect(int count, const fd_set *reads, const fd_set *writes, const fd_set *excepts,
		      struct pollfd *fds)
{
	nfds_t used = 0;

	for (int fd = 0; fd < count; fd++) {
		short events = 0;

		if (reads && FD_ISSET(fd, reads))
			events |= POLLIN | POLLRDNORM;
		if (writes && FD_ISSET(fd, writes))
			events |= POLLOUT | POLLWRNORM;
		if (excepts && FD_ISSET(fd, excepts))
			events |= POLLPRI;
		if (events)
			fds[used++] = (struct pollfd){.fd = fd, .events = events};
	}
	return used;
}

static int spread(const struct pollfd *fds, nfds_t used, fd_set *reads, fd_set *writes,
		  fd_set *excepts)
{
	int ready = 0;

	for (nfds_t i = 0; i < used; i++) {
		const struct pollfd *fd = &fds[i];

		if ((fd->events & POLLIN) && (fd->revents & READ_EVENTS)) {
			FD_SET(fd->fd, reads);
			ready++;
		}
		if ((fd->events & POLLOUT) && (fd->revents & WRITE_EVENTS)) {
			FD_SET(fd->fd, writes);
			ready++;
		}
		if ((fd->events & POLLPRI) && (fd->revents & POLLPRI)) {
			FD_SET(fd->fd, excepts);
			ready++;
		}
	}
	return ready;
}

static int select_until(int count, fd_set *reads, fd_set *writes, fd_set *excepts,
			uint64_t deadline_ns, const sigset_t *mask)
{
	struct pollfd fds[FD_SETSIZE];
	nfds_t used;
	int result;

	if (count < 0 || count > FD_SETSIZE)
		return -EINVAL;
	used = collect(count, reads, writes, excepts, fds);
	result = poll_masked(fds, used, deadline_ns, mask);
	if (result < 0)
		return result;
	for (nfds_t i = 0; i < used; i++)
		if (fds[i].revents & POLLNVAL)
			return -EBADF;
	if (reads)
		memset(reads, 0, sizeof(*reads));
	if (writes)
		memset(writes, 0, sizeof(*writes));
	if (excepts)
		memset(excepts, 0, sizeof(*excepts));
	return spread(fds, used, reads, writes, excepts);
}

int pselect(int count, fd_set *reads, fd_set *writes, fd_set *excepts,
	    const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t deadline_ns;
	int result = deadline_of(timeout, &deadline_ns);

	cancel_test();
	if (result == 0)
		result = select_until(count, reads, writes, excepts, deadline_ns, mask);
	return finish(result);
}

int select(int count, fd_set *reads, fd_set *writes, fd_set *excepts, struct timeval *timeout)
{
	struct timespec spec;

	if (!timeout)
		return pselect(count, reads, writes, excepts, NULL, NULL);
	spec = (struct timespec){.tv_sec = timeout->tv_sec + timeout->tv_usec / 1000000,
				 .tv_nsec = (long)(timeout->tv_usec % 1000000 * (long)NS_PER_US)};
	return pselect(count, reads, writes, excepts, &spec, NULL);
}
