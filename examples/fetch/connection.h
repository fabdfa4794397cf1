/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection to a web server, with TLS or without. */
#ifndef EXAMPLES_FETCH_CONNECTION_H
#define EXAMPLES_FETCH_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "url.h"

/* What the program ends with; each one is another thing to mend. */
enum status {
	STATUS_OK,
	STATUS_USAGE = 2,   /* arguments, or an address of the web that is none */
	STATUS_NAME = 3,    /* the host has no address */
	STATUS_CONNECT = 4, /* nobody answers there */
	STATUS_TLS = 5,     /* no TLS comes about */
	STATUS_EXPIRED = 6, /* the certificate's time is over, or has not begun */
	STATUS_HOST = 7,    /* it is another host's */
	STATUS_UNKNOWN = 8, /* nobody we trust has signed it */
	STATUS_ANSWER = 9,  /* what came is no HTTP, or not all of it */
	STATUS_HTTP = 10,   /* the server says no: 4xx, 5xx */
	STATUS_WRITE = 11,  /* the file cannot be written */
	STATUS_STORE = 12,  /* no certificates to trust can be read */
};

struct connection;

/* Connects to the URL's host; `certs_path`, or NULL, is whom to trust. Says itself what is
 * wrong. */
enum status connection_open(const struct url *url, const char *certs_path,
			    struct connection **connection_out);
void connection_close(struct connection *connection);
/* All of it; false: it is broken. */
bool connection_send(struct connection *connection, const char *bytes, size_t count);
/* What has come; 0: the end; -1: it is broken. */
ssize_t connection_receive(struct connection *connection, char *bytes, size_t count);

#endif
