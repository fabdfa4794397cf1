/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection to the server. It belongs to one worker, whose thread alone looks at it. */
#ifndef EXAMPLES_HTTPD_CLIENT_H
#define EXAMPLES_HTTPD_CLIENT_H

#include <sys/types.h>
#include <time.h>

struct tls;
struct worker;

struct client {
	struct worker *worker;
	struct client *before, *after; /* by when they last got on; the first has waited longest */
	struct client *next_ready;
	time_t since;
	int fd;
	struct tls *tls;
	char *request;
	size_t request_bytes, request_room;
	char *out; /* from out_first to out_last is to be sent; NULL: nothing */
	size_t out_first, out_last, out_room;
	int file; /* what follows, -1: nothing */
	off_t file_left;
	size_t drained;
	int keep;    /* more requests after this one */
	int closing; /* all is said; the rest of what comes is not read by anyone */
	int ready;   /* in the queue */
};

#endif
