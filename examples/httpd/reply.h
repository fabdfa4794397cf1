/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers to requests: put into what a client is to be sent, with the file that follows. Several
 * threads may make them for several clients at once. */
#ifndef EXAMPLES_HTTPD_REPLY_H
#define EXAMPLES_HTTPD_REPLY_H

#include "client.h"

#define REPLY_HEAD_BYTES 1024 /* of a reply, with the text of an error */

/* Before anything else: the directory whose files are served. Its real name; NULL with errno. */
const char *reply_root(const char *directory);

/* Room for as many bytes more to be sent; 0: there is no memory. */
int reply_reserve(struct client *client, size_t bytes);

/* The answer to one request: its lines up to the empty one, ended by NUL. client->keep says whether
 * more may follow. REPLY_HEAD_BYTES are reserved, here and below. */
void reply_to(struct client *client, const char *text);

/* An answer that says no more than 400, 404, 405, 414, 416, 431, 505 or 500. `extra`: lines of its
 * head. */
void reply_error(struct client *client, int status, const char *extra, int is_head);

#endif
