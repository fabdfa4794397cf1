/* SPDX-License-Identifier: BSD-2-Clause */
/* Workers: each a thread, the first one the program's own, that waits for its clients' events and
 * serves them in turn. */
#ifndef EXAMPLES_HTTPD_WORKER_H
#define EXAMPLES_HTTPD_WORKER_H

#define WORKERS_MAX   64
#define WORKERS_PORTS 2

/* So many, none of which runs yet. 0 or -1 with errno. */
int workers_create(unsigned int count);

/* Listens at a port of TCP, of IPv4 and IPv6; number: which of WORKERS_PORTS. 0 or -1 with
 * errno. */
int workers_listen(unsigned int number, int port, int has_tls);

/* Serves. Returns only if a thread cannot be made: its error. */
int workers_run(void);

#endif
