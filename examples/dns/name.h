/* SPDX-License-Identifier: BSD-2-Clause */
/* Names as DNS writes them (RFC 1035 3.1): labels, each with its length before it, the last
 * one empty. */
#ifndef EXAMPLES_DNS_NAME_H
#define EXAMPLES_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_BYTES_MAX  255
#define LABEL_BYTES_MAX 63

/* Bytes of a name that is known to be one. */
size_t name_bytes(const uint8_t *name);
/* The same name, whatever the case of its letters (RFC 4343). */
bool name_equal(const uint8_t *a, const uint8_t *b);
/* `name` is `above`, or lies under it. */
bool name_is_under(const uint8_t *name, const uint8_t *above);
/* Canonical order (RFC 4034 6.1): names under another one follow it. <0, 0, >0. */
int name_compare(const uint8_t *a, const uint8_t *b);
/* The name above; the root has none: not to be asked. */
static inline const uint8_t *name_parent(const uint8_t *name)
{
	return name + 1 + name[0];
}

/*
 * A name as master files write it, with \. and \DDD; `@` and what has no dot at its end are under
 * `origin`, which may be NULL: then they are none. The bytes of the name, 0: it is none.
 */
size_t name_from_text(const char *text, const uint8_t *origin, uint8_t name_out[NAME_BYTES_MAX]);
/* A character of a master file, `\` taken with what it quotes; moves on. -1: a wrong \DDD. */
int name_unescape(const char **at);

#endif
