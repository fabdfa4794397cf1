/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of the web (RFC 3986), as far as a client needs them. No I/O. */
#ifndef EXAMPLES_FETCH_URL_H
#define EXAMPLES_FETCH_URL_H

#include <stdbool.h>

#define URL_HOST_BYTES   256
#define URL_TARGET_BYTES 4096

struct url {
	bool has_tls;
	char host[URL_HOST_BYTES]; /* without the brackets of IPv6 */
	char port[6];
	char target[URL_TARGET_BYTES]; /* path and query */
};

/* http://host[:port][/path] or https://; `base`, or NULL, is what a text without a host goes
 * on from. False: it is none. */
bool url_parse(const char *text, const struct url *base, struct url *url_out);

#endif
