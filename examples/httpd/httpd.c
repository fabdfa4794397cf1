/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A web server for static files (RFC 9110, 9112): httpd [-w WORKERS] [PORT [DIRECTORY]], default 80
 * and /. GET and HEAD, keep-alive, pipelining, one range, index.html or a list of the directory.
 * As many workers as there are processors, with epoll; one is no thread of its own. With tls.c
 * (the example https) also [TLS-PORT CERTIFICATE KEY].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reply.h"
#include "tls.h"
#include "worker.h"

#pragma weak tls_start

#define PORT_MAX 65535

static void stop(int signal)
{
	(void)signal;
	_exit(0);
}

static int usage(void)
{
	fprintf(stderr, "usage: httpd [-w WORKERS] [PORT [DIRECTORY%s]]\n",
		tls_start ? " [TLS-PORT CERTIFICATE KEY]" : "");
	return 2;
}

static void fail(const char *what)
{
	fprintf(stderr, "httpd: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* -1: not a number from 1 to most. */
static int number_of(const char *text, long most)
{
	char *end;
	long number = strtol(text, &end, 10);

	return *text && !*end && number > 0 && number <= most ? (int)number : -1;
}

static void listen_at(unsigned int number, int port)
{
	char what[32];

	snprintf(what, sizeof(what), "port %d", port);
	if (workers_listen(number, port, number == 1))
		fail(what);
}

/* The words after the option. */
static void start(int argc, char **argv, unsigned int workers)
{
	int port = argc > 0 ? number_of(argv[0], PORT_MAX) : 80, tls_port = 0;
	const char *directory = argc > 1 ? argv[1] : tls_start ? "/www" : "/";

	if (tls_start)
		tls_port = argc > 2 ? number_of(argv[2], PORT_MAX) : 443;
	if (port < 0 || tls_port < 0 || (argc > 2 && !(tls_start && argc == 5)))
		exit(usage());
	listen_at(0, port);
	if (tls_port) {
		if (tls_start(argc > 3 ? argv[3] : "/tls/cert.pem",
			      argc > 4 ? argv[4] : "/tls/key.pem"))
			exit(1);
		listen_at(1, tls_port);
		printf("httpd: port %d with TLS\n", tls_port);
	}
	directory = reply_root(directory);
	if (!directory)
		fail(argc > 1 ? argv[1] : tls_start ? "/www" : "/");
	printf("httpd: port %d, files of %s, ", port, directory);
	printf(workers == 1 ? "one worker\n" : "%u workers\n", workers);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	long workers = sysconf(_SC_NPROCESSORS_ONLN);
	int words = 1;

	if (argc > 1 && strcmp(argv[1], "-w") == 0) {
		workers = argc > 2 ? number_of(argv[2], WORKERS_MAX) : -1;
		if (workers < 0)
			return usage();
		words = 3;
	}
	signal(SIGTERM, stop);
	workers = workers < 1 ? 1 : workers > WORKERS_MAX ? WORKERS_MAX : workers;
	if (workers_create((unsigned int)workers))
		fail("workers");
	start(argc - words, argv + words, (unsigned int)workers);
	errno = workers_run();
	fail("threads");
}
