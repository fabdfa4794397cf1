/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS of the server, linked into the example https alone: httpd.c asks whether these are there.
 * Results of receiving and sending are those of recv() and send() on a non-blocking socket.
 */
#ifndef EXAMPLES_HTTPD_TLS_H
#define EXAMPLES_HTTPD_TLS_H

#include <sys/types.h>

struct tls; /* one connection */

/* Before anything else. 0; -1 after it has said what is wrong. Files in PEM. */
int tls_start(const char *certificate_path, const char *key_path);
/* A connection over `fd`, which stays the caller's. NULL: no memory. The first call below
 * greets the peer. */
struct tls *tls_open(int fd);
ssize_t tls_receive(struct tls *tls, void *bytes, size_t count);
/* When it could not send all, or EAGAIN: what is given next begins with the bytes that were
 * left. */
ssize_t tls_send(struct tls *tls, const void *bytes, size_t count);
/* Tells the peer that nothing follows, if there is room for that. */
void tls_end(struct tls *tls);
void tls_close(struct tls *tls);

#endif
