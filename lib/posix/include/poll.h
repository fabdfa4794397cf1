/* SPDX-License-Identifier: BSD-2-Clause */
/* <poll.h>: POSIX.1-2008; values as on Linux. */
#ifndef _POLL_H
#define _POLL_H

#include <sys/cdefs.h>
#include <sys/_timespec.h>
#include <sys/_sigset.h>

__BEGIN_DECLS

#ifndef _SIGSET_T_DECLARED
#define _SIGSET_T_DECLARED
typedef __sigset_t sigset_t;
#endif

#define POLLIN     0x0001
#define POLLPRI    0x0002
#define POLLOUT    0x0004
#define POLLERR    0x0008 /* reported only */
#define POLLHUP    0x0010 /* reported only */
#define POLLNVAL   0x0020 /* reported only: no such descriptor */
#define POLLRDNORM 0x0040
#define POLLRDBAND 0x0080
#define POLLWRNORM 0x0100
#define POLLWRBAND 0x0200
#define POLLRDHUP  0x2000

typedef unsigned int nfds_t;

struct pollfd {
	int fd; /* negative: skipped */
	short events;
	short revents;
};

/* timeout_ms: -1 waits for ever. */
int poll(struct pollfd *, nfds_t, int timeout_ms);
#if __GNU_VISIBLE || __POSIX_VISIBLE >= 202405
int ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
#endif

__END_DECLS

#endif
