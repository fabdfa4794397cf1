/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The xenstore wire format, pure: no ring, no state. Everything decoded is hostile.
 * Source: Xen public/io/xs_wire.h, docs/misc/xenstore.txt.
 */
#ifndef XEN_XSWIRE_H
#define XEN_XSWIRE_H

#include <stddef.h>
#include <stdint.h>

#include "xen/abi.h"

/* 0, or -EPROTO for a payload longer than XENSTORE_PAYLOAD_MAX or a type nobody sends. */
int xswire_check_header(const struct xsd_sockmsg *header);

/* The -Exxx an XS_ERROR payload names; -EIO for one we do not know. */
int xswire_errno(const char *payload, size_t payload_bytes);

/* The other way: what an XS_ERROR payload calls an -Exxx; EIO when it has no name. */
const char *xswire_error_name(int error);

/* A watch event: two strings, both NUL-terminated inside the payload. Results point into it.
 * 0 or -EPROTO. */
int xswire_parse_watch(const char *payload, size_t payload_bytes, const char **path_out,
		       const char **token_out);

/* Names of an XS_DIRECTORY reply: each ends with NUL. Their count, or -EPROTO. */
int xswire_count_names(const char *payload, size_t payload_bytes);

/* 0 if the path can be sent: not empty, shorter than path_bytes_max; else -EINVAL. */
int xswire_check_path(const char *path, size_t path_bytes_max);

#endif
