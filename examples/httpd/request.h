/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of HTTP/1.0 and 1.1 (RFC 9110, 9112): text in, what is asked for out. No I/O, no
 * memory of its own. */
#ifndef EXAMPLES_HTTPD_REQUEST_H
#define EXAMPLES_HTTPD_REQUEST_H

#include <stdbool.h>
#include <sys/types.h>

#define REQUEST_PATH_BYTES 1024

enum request_method { REQUEST_GET, REQUEST_HEAD, REQUEST_OTHER };

struct request {
	enum request_method method;
	bool keep;                     /* another one may follow on the connection */
	const char *range;             /* the value of Range, which a CR ends; NULL: none */
	char path[REQUEST_PATH_BYTES]; /* decoded, begins with a slash, has no part `..` */
};

/*
 * `text` is a request's lines up to the empty one, each with its CR LF, ended by NUL. 0, or the
 * status that is the answer: 400, 404 (a path that leads out), 414, 505. request_out->method is
 * set in any case.
 */
int request_parse(const char *text, struct request *request_out);

/*
 * The bytes of a file of `bytes` bytes that a Range asks for. 206 and the first and the last of
 * them; 200: all of the file, since the value is none that we know or is wrong; 416: there are no
 * such bytes.
 */
int request_range(const char *value, off_t bytes, off_t *first_out, off_t *last_out);

#endif
