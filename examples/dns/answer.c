/* SPDX-License-Identifier: BSD-2-Clause */
#include "answer.h"

#include <string.h>

#define HEADER_BYTES 12
#define NAMES_MAX    64 /* written ones, for compression */
#define POINTER_MAX  0x3fff
#define CNAMES_MAX   8
#define EDNS_BYTES   11

#define FLAG_QR     0x80
#define FLAG_AA     0x04
#define FLAG_TC     0x02
#define FLAG_RD     0x01
#define OPCODE_BITS 0x78

enum {
	RCODE_FORMERR = 1,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_BADVERS = 16
};
enum { CLASS_IN = 1, CLASS_ANY = 255 };
enum section { ANSWER = 6, AUTHORITY = 8, ADDITIONAL = 10 }; /* where its count is */

struct query {
	uint8_t name[NAME_BYTES_MAX];
	size_t end; /* of the question */
	uint16_t type, class;
	bool has_edns;
	uint8_t edns_version;
	uint16_t udp_bytes;
};

struct reply {
	const struct zone *zone;
	uint8_t *bytes;
	size_t used, room;
	bool cut;
	uint16_t names[NAMES_MAX]; /* where */
	size_t names_count;
};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void set16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* A name in a message, pointers followed, which must lead back. Where it ends, 0: it is none. */
static size_t read_name(const uint8_t *message, size_t bytes, size_t at,
			uint8_t name_out[NAME_BYTES_MAX])
{
	size_t used = 0, end = 0, limit = at;

	for (;;) {
		uint8_t label;

		if (at >= bytes)
			return 0;
		label = message[at];
		if ((label & 0xc0) == 0xc0) {
			if (at + 1 >= bytes)
				return 0;
			end = end ? end : at + 2;
			at = (size_t)(label & 0x3f) << 8 | message[at + 1];
			/* Each one further back than the one before, so there is an end. */
			if (at >= limit)
				return 0;
			limit = at;
			continue;
		}
		if (label > LABEL_BYTES_MAX || at + 1 + label > bytes ||
		    used + 1 + label > NAME_BYTES_MAX - (label != 0))
			return 0;
		memcpy(name_out + used, message + at, 1u + label);
		used += 1u + label;
		at += 1u + label;
		if (label == 0)
			return end ? end : at;
	}
}

/* 0 or a code of error. */
static int parse(const uint8_t *message, size_t bytes, struct query *query_out)
{
	unsigned records =
		get16(message + ANSWER) + get16(message + AUTHORITY) + get16(message + ADDITIONAL);
	uint8_t name[NAME_BYTES_MAX];
	size_t at;

	query_out->udp_bytes = UDP_BYTES_PLAIN;
	if (get16(message + 4) != 1)
		return RCODE_FORMERR;
	at = read_name(message, bytes, HEADER_BYTES, query_out->name);
	if (!at || at + 4 > bytes)
		return RCODE_FORMERR;
	query_out->type = get16(message + at);
	query_out->class = get16(message + at + 2);
	query_out->end = at + 4;
	at += 4;
	for (unsigned i = 0; i < records; i++) {
		at = read_name(message, bytes, at, name);
		if (!at || at + 10 > bytes || at + 10 + get16(message + at + 8) > bytes)
			return RCODE_FORMERR;
		if (get16(message + at) == TYPE_OPT) {
			if (query_out->has_edns || name[0])
				return RCODE_FORMERR;
			query_out->has_edns = true;
			query_out->edns_version = message[at + 5];
			query_out->udp_bytes = get16(message + at + 2);
		}
		at += 10u + get16(message + at + 8);
	}
	if (query_out->edns_version)
		return RCODE_BADVERS;
	if (query_out->class != CLASS_IN && query_out->class != CLASS_ANY)
		return RCODE_REFUSED;
	return query_out->type == TYPE_AXFR || query_out->type == TYPE_OPT ? RCODE_REFUSED : 0;
}

static bool put(struct reply *reply, const void *bytes, size_t count)
{
	if (count > reply->room - reply->used)
		return false;
	memcpy(reply->bytes + reply->used, bytes, count);
	reply->used += count;
	return true;
}

static bool put16(struct reply *reply, unsigned value)
{
	uint8_t wire[2];

	set16(wire, value);
	return put(reply, wire, sizeof(wire));
}

/* The place of an equal name that is written already, 0: none. */
static unsigned written(const struct reply *reply, const uint8_t *name)
{
	for (size_t i = 0; i < reply->names_count; i++) {
		uint8_t other[NAME_BYTES_MAX];

		if (read_name(reply->bytes, reply->used, reply->names[i], other) &&
		    name_equal(other, name))
			return reply->names[i];
	}
	return 0;
}

/* A name, its end replaced by a pointer where that end was written before. */
static bool put_name(struct reply *reply, const uint8_t *name)
{
	for (; *name; name = name_parent(name)) {
		unsigned at = written(reply, name);

		if (at)
			return put16(reply, 0xc000 | at);
		at = (unsigned)reply->used;
		if (!put(reply, name, 1u + name[0]))
			return false;
		/* What stands here is a name as soon as all of it is written. */
		if (at <= POINTER_MAX && reply->names_count < NAMES_MAX)
			reply->names[reply->names_count++] = (uint16_t)at;
	}
	return put(reply, "", 1);
}

/* The data of a record: names of the types of RFC 1035 are written shorter. */
static bool put_data(struct reply *reply, const struct record *record)
{
	const uint8_t *data = record->data;
	size_t before = record->type == TYPE_MX ? 2 : 0, names;

	switch (record->type) {
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR:
	case TYPE_MX:
		return put(reply, data, before) && put_name(reply, data + before);
	case TYPE_SOA:
		names = name_bytes(data);
		return put_name(reply, data) && put_name(reply, data + names) &&
		       put(reply, data + record->data_bytes - 20, 20);
	default:
		return put(reply, data, record->data_bytes);
	}
}

/* One record under the name `owner`; false: it does not fit, and the reply is as it was. */
static bool put_record(struct reply *reply, enum section section, const uint8_t *owner,
		       const struct record *record, uint32_t ttl)
{
	size_t used = reply->used, names = reply->names_count, length;

	if (put_name(reply, owner) && put16(reply, record->type) && put16(reply, CLASS_IN) &&
	    put16(reply, ttl >> 16) && put16(reply, ttl & 0xffff) && put16(reply, 0)) {
		length = reply->used;
		if (put_data(reply, record)) {
			set16(reply->bytes + length - 2, (unsigned)(reply->used - length));
			set16(reply->bytes + section, get16(reply->bytes + section) + 1u);
			return true;
		}
	}
	reply->used = used;
	reply->names_count = names;
	return false;
}

/* All records of a name and type, or none and the reply is cut. How many. */
static size_t put_set(struct reply *reply, enum section section, const uint8_t *owner,
		      const uint8_t *name, uint16_t type)
{
	size_t count, first = zone_select(reply->zone, name, type, &count);

	for (size_t i = 0; i < count && !reply->cut; i++) {
		const struct record *record = &reply->zone->records[first + i];

		reply->cut = !put_record(reply, section, owner, record, record->ttl);
	}
	return count;
}

/* A no that may be kept for so long (RFC 2308). */
static void put_soa(struct reply *reply)
{
	const struct record *soa = reply->zone->soa;
	const uint8_t *at = soa->data + soa->data_bytes - 4;
	uint32_t minimum = (uint32_t)get16(at) << 16 | get16(at + 2);

	if (!put_record(reply, AUTHORITY, soa->name, soa, minimum < soa->ttl ? minimum : soa->ttl))
		reply->cut = true;
}

/* Addresses of the hosts that records already written name, as far as there is room. */
static void put_addresses(struct reply *reply, const uint8_t *name, uint16_t type)
{
	size_t count, first = zone_select(reply->zone, name, type, &count);

	for (size_t i = 0; i < count; i++) {
		const struct record *record = &reply->zone->records[first + i];
		const uint8_t *host = record->type == TYPE_NS    ? record->data
				      : record->type == TYPE_MX  ? record->data + 2
				      : record->type == TYPE_SRV ? record->data + 6
								 : NULL;

		for (unsigned family = 0; host && family < 2; family++) {
			size_t addresses, at = zone_select(reply->zone, host,
							   family ? TYPE_AAAA : TYPE_A, &addresses);

			for (size_t j = 0; j < addresses; j++)
				if (!put_record(reply, ADDITIONAL, host,
						&reply->zone->records[at + j],
						reply->zone->records[at + j].ttl))
					return;
		}
	}
}

/* The highest name between the zone's top and `name` that other servers answer for; NULL: none. */
static const uint8_t *delegation_of(const struct zone *zone, const uint8_t *name)
{
	const uint8_t *found = NULL;
	size_t count;

	for (; !name_equal(name, zone->origin); name = name_parent(name)) {
		zone_select(zone, name, TYPE_NS, &count);
		if (count)
			found = name;
	}
	return found;
}

/* The records that answer for a name that is not there: those of `*` under what is there of it. */
static bool wildcard_of(const struct zone *zone, const uint8_t *name,
			uint8_t wildcard_out[NAME_BYTES_MAX])
{
	do
		name = name_parent(name);
	while (!zone_has(zone, name));
	if (name_bytes(name) + 2 > NAME_BYTES_MAX)
		return false;
	memcpy(wildcard_out, "\1*", 2);
	memcpy(wildcard_out + 2, name, name_bytes(name));
	return zone_has(zone, wildcard_out);
}

/* The answer to a question, CNAMEs followed while they stay in the zone. A code of error. */
static int resolve(struct reply *reply, const uint8_t *name, uint16_t type)
{
	const struct zone *zone = reply->zone;
	uint8_t wildcard[NAME_BYTES_MAX];

	for (int cnames = 0; cnames < CNAMES_MAX && !reply->cut; cnames++) {
		const uint8_t *cut = delegation_of(zone, name), *at = name;
		size_t count, first;

		if (cut) {
			if (cnames == 0)
				reply->bytes[2] &= (uint8_t)~FLAG_AA;
			put_set(reply, AUTHORITY, cut, cut, TYPE_NS);
			put_addresses(reply, cut, TYPE_NS);
			return 0;
		}
		if (!zone_has(zone, name)) {
			if (!wildcard_of(zone, name, wildcard)) {
				put_soa(reply);
				return RCODE_NXDOMAIN;
			}
			at = wildcard;
		}
		first = zone_select(zone, at, TYPE_CNAME, &count);
		if (!count || type == TYPE_CNAME || type == TYPE_ANY) {
			if (!put_set(reply, ANSWER, name, at, type))
				put_soa(reply);
			else if (!reply->cut)
				put_addresses(reply, at, type);
			return 0;
		}
		put_set(reply, ANSWER, name, at, TYPE_CNAME);
		name = zone->records[first].data;
		if (!name_is_under(name, zone->origin))
			return 0;
	}
	return 0;
}

/* Question and header alone, of which a cut reply consists. */
static void begin(struct reply *reply, const uint8_t *query, size_t question_end)
{
	size_t bytes = question_end ? question_end : HEADER_BYTES;

	memcpy(reply->bytes, query, bytes);
	memset(reply->bytes + ANSWER, 0, 6);
	set16(reply->bytes + 4, question_end != 0);
	reply->bytes[2] = (uint8_t)(FLAG_QR | (query[2] & (OPCODE_BITS | FLAG_RD)));
	reply->bytes[3] = 0;
	reply->used = bytes;
	reply->names_count = 0;
	/* The question's name is whole, since pointers lead back and there is nothing before it. */
	for (size_t at = HEADER_BYTES; question_end && reply->bytes[at];
	     at += 1u + reply->bytes[at])
		if (reply->names_count < NAMES_MAX)
			reply->names[reply->names_count++] = (uint16_t)at;
}

static void put_edns(struct reply *reply, int code)
{
	const uint8_t record[EDNS_BYTES] = {
		0, 0, TYPE_OPT, UDP_BYTES_MAX >> 8, UDP_BYTES_MAX & 0xff, (uint8_t)(code >> 4)};

	reply->room += EDNS_BYTES;
	put(reply, record, sizeof(record));
	set16(reply->bytes + ADDITIONAL, get16(reply->bytes + ADDITIONAL) + 1u);
}

size_t answer(const struct zone *zone, const uint8_t *query, size_t bytes, bool is_udp,
	      uint8_t *reply_out)
{
	struct reply reply = {.zone = zone, .bytes = reply_out, .room = REPLY_BYTES_MAX};
	struct query question = {0};
	int code;

	/* An answer is not answered, or two servers might never end. */
	if (bytes < HEADER_BYTES || (query[2] & FLAG_QR))
		return 0;
	code = query[2] & OPCODE_BITS ? RCODE_NOTIMP : parse(query, bytes, &question);
	begin(&reply, query, question.end);
	if (is_udp)
		reply.room = question.udp_bytes < UDP_BYTES_PLAIN ? UDP_BYTES_PLAIN
			     : question.udp_bytes > UDP_BYTES_MAX ? UDP_BYTES_MAX
								  : question.udp_bytes;
	if (question.has_edns)
		reply.room -= EDNS_BYTES;
	if (!code && !name_is_under(question.name, zone->origin))
		code = RCODE_REFUSED;
	if (!code) {
		reply_out[2] |= FLAG_AA;
		/* All that there is, for who asks with a false address, would be a weapon. */
		if (is_udp && question.type == TYPE_ANY)
			reply.cut = true;
		else
			code = resolve(&reply, question.name, question.type);
		if (reply.cut) {
			uint8_t flags = reply_out[2];

			begin(&reply, query, question.end);
			reply_out[2] = flags | FLAG_TC;
		}
	}
	reply_out[3] = (uint8_t)(code & 0xf);
	if (question.has_edns)
		put_edns(&reply, code);
	return reply.used;
}
