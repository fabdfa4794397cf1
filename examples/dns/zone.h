/* SPDX-License-Identifier: BSD-2-Clause */
/* A zone: the records of a master file (RFC 1035 5), in order. */
#ifndef EXAMPLES_DNS_ZONE_H
#define EXAMPLES_DNS_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_OPT = 41,
	TYPE_AXFR = 252,
	TYPE_ANY = 255
};

struct record {
	const uint8_t *name; /* as it is written; wire format */
	const uint8_t *data; /* wire format, names whole */
	uint16_t data_bytes;
	uint16_t type;
	uint32_t ttl;
	int line;
};

struct zone {
	struct record *records; /* by name_compare(), then by type */
	size_t count, room;
	const struct record *soa;
	uint8_t origin[NAME_BYTES_MAX]; /* of the SOA */
};

/*
 * Reads a zone from `bytes` bytes of text. `origin` as text, or NULL: the file says it by $ORIGIN
 * or absolute names. 0, or -1 after writing `FILE:LINE: what is wrong` into `message_out`;
 * zone_free() in either case.
 */
int zone_parse(struct zone *zone_out, const char *file, const char *text, size_t bytes,
	       const char *origin, char *message_out, size_t message_bytes);
void zone_free(struct zone *zone);

/* The first record not before `name`: an index, count if there is none. */
size_t zone_find(const struct zone *zone, const uint8_t *name);
/* The name has records, or there are names under it. */
bool zone_has(const struct zone *zone, const uint8_t *name);
/* The records of a name and type (TYPE_ANY: of all): the index of the first, and how many. */
size_t zone_select(const struct zone *zone, const uint8_t *name, uint16_t type, size_t *count_out);

#endif
