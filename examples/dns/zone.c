/* SPDX-License-Identifier: BSD-2-Clause */
#include "zone.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TOKEN_BYTES    1024
#define DATA_BYTES_MAX 4096 /* of a record */
#define TTL_MAX        0x7fffffff

/* What is being read. */
struct reader {
	const char *file, *at, *end;
	int line;  /* that messages name */
	int lines; /* begun so far */
	int depth; /* of parentheses */
	bool bad;
	char token[TOKEN_BYTES];
	bool quoted;
	uint8_t origin[NAME_BYTES_MAX], owner[NAME_BYTES_MAX];
	bool has_origin, has_owner, has_ttl;
	uint32_t ttl;
	char *message;
	size_t message_bytes;
	uint8_t data[DATA_BYTES_MAX];
	size_t data_bytes;
};

static __attribute__((format(printf, 2, 3))) bool wrong(struct reader *reader, const char *format,
							...)
{
	va_list list;
	int used;

	if (reader->bad)
		return false;
	reader->bad = true;
	used = snprintf(reader->message, reader->message_bytes, "%s:%d: ", reader->file,
			reader->line);
	va_start(list, format);
	if (used >= 0 && (size_t)used < reader->message_bytes)
		vsnprintf(reader->message + used, reader->message_bytes - (size_t)used, format,
			  list);
	va_end(list);
	return false;
}

/* Blanks, comments and, between parentheses, ends of lines. */
static void skip(struct reader *reader)
{
	for (; reader->at < reader->end; reader->at++) {
		char c = *reader->at;

		if (c == ';')
			while (reader->at + 1 < reader->end && reader->at[1] != '\n')
				reader->at++;
		else if (c == '(')
			reader->depth++;
		else if (c == ')' && reader->depth-- == 0) {
			reader->depth = 0;
			wrong(reader, "a ) without its (");
		} else if (c == '\n' && reader->depth)
			reader->line = ++reader->lines;
		else if (!strchr(" \t\r()", c))
			return;
	}
	if (reader->depth)
		wrong(reader, "a ( without its )");
}

/* The next word of the line; false: the line ends, or something is wrong. */
static bool next(struct reader *reader)
{
	size_t used = 0;

	reader->line = reader->lines;
	skip(reader);
	if (reader->bad || reader->at == reader->end || *reader->at == '\n')
		return false;
	reader->quoted = *reader->at == '"';
	reader->at += reader->quoted;
	while (reader->at < reader->end && *reader->at != '\n' &&
	       (reader->quoted ? *reader->at != '"' : !strchr(" \t\r;()\"", *reader->at))) {
		int count =
			*reader->at == '\\' && reader->at + 1 < reader->end && reader->at[1] != '\n'
				? 2
				: 1;

		if (*reader->at == '\0')
			return wrong(reader, "a NUL in the text");
		for (int i = 0; i < count; i++) {
			if (used == TOKEN_BYTES - 1)
				return wrong(reader, "a word of more than %d bytes",
					     TOKEN_BYTES - 1);
			reader->token[used++] = *reader->at++;
		}
	}
	reader->token[used] = '\0';
	if (reader->quoted) {
		if (reader->at == reader->end || *reader->at != '"')
			return wrong(reader, "a \" without its end");
		reader->at++;
	}
	return true;
}

static bool want(struct reader *reader, const char *what)
{
	return next(reader) || wrong(reader, "%s is missing", what);
}

static bool put(struct reader *reader, const void *bytes, size_t count)
{
	if (count > DATA_BYTES_MAX - reader->data_bytes)
		return wrong(reader, "a record of more than %d bytes", DATA_BYTES_MAX);
	memcpy(reader->data + reader->data_bytes, bytes, count);
	reader->data_bytes += count;
	return true;
}

/* A number, with s m h d w after it where that is a time. */
static bool number_of(const char *text, uint32_t max, bool is_time, uint32_t *value_out)
{
	uint64_t sum = 0;

	if (!*text)
		return false;
	while (*text) {
		static const char units[] = "smhdw";
		static const uint32_t seconds[] = {1, 60, 3600, 86400, 604800};
		const char *unit;
		uint64_t value = 0;

		if (*text < '0' || *text > '9')
			return false;
		for (; *text >= '0' && *text <= '9'; text++)
			if ((value = value * 10 + (uint64_t)(*text - '0')) > UINT32_MAX)
				return false;
		if (*text) {
			unit = is_time ? strchr(units, *text | 0x20) : NULL;
			if (!unit)
				return false;
			value *= seconds[unit - units];
			text++;
		}
		sum += value;
		if (sum > max)
			return false;
	}
	*value_out = (uint32_t)sum;
	return true;
}

static bool put_number(struct reader *reader, const char *what, uint32_t max, size_t bytes,
		       bool is_time)
{
	uint32_t value;
	uint8_t wire[4];

	if (!want(reader, what))
		return false;
	if (!number_of(reader->token, max, is_time, &value))
		return wrong(reader, "%s: %s is none, or more than %u", what, reader->token, max);
	for (size_t i = 0; i < bytes; i++)
		wire[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
	return put(reader, wire, bytes);
}

static bool put_name(struct reader *reader, const char *what)
{
	uint8_t name[NAME_BYTES_MAX];
	size_t bytes;

	if (!want(reader, what))
		return false;
	bytes = name_from_text(reader->token, reader->has_origin ? reader->origin : NULL, name);
	if (!bytes)
		return wrong(reader, "%s: %s is no name", what, reader->token);
	return put(reader, name, bytes);
}

static bool put_address(struct reader *reader, int family, size_t bytes)
{
	uint8_t address[16];

	if (!want(reader, "the address"))
		return false;
	if (inet_pton(family, reader->token, address) != 1)
		return wrong(reader, "%s is no IPv%d address", reader->token,
			     family == AF_INET ? 4 : 6);
	return put(reader, address, bytes);
}

static bool put_texts(struct reader *reader)
{
	int count = 0;

	for (; next(reader); count++) {
		const char *at = reader->token;
		uint8_t text[256];
		size_t used = 0;

		while (*at) {
			int c = name_unescape(&at);

			if (c < 0)
				return wrong(reader, "a \\ with a number that is no byte");
			if (used == 255)
				return wrong(reader,
					     "a text of more than 255 bytes: write it as several");
			text[1 + used++] = (uint8_t)c;
		}
		text[0] = (uint8_t)used;
		if (!put(reader, text, 1 + used))
			return false;
	}
	return !reader->bad && (count || wrong(reader, "the text is missing"));
}

static bool put_soa(struct reader *reader)
{
	return put_name(reader, "the primary server") && put_name(reader, "the mail address") &&
	       put_number(reader, "the serial number", UINT32_MAX, 4, false) &&
	       put_number(reader, "refresh", TTL_MAX, 4, true) &&
	       put_number(reader, "retry", TTL_MAX, 4, true) &&
	       put_number(reader, "expire", TTL_MAX, 4, true) &&
	       put_number(reader, "minimum", TTL_MAX, 4, true);
}

static const struct {
	const char *name;
	uint16_t type;
} types[] = {
	{"A", TYPE_A},     {"NS", TYPE_NS},     {"CNAME", TYPE_CNAME},
	{"SOA", TYPE_SOA}, {"PTR", TYPE_PTR},   {"MX", TYPE_MX},
	{"TXT", TYPE_TXT}, {"AAAA", TYPE_AAAA}, {"SRV", TYPE_SRV},
};

static int type_of(const char *text)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(text, types[i].name) == 0)
			return types[i].type;
	return 0;
}

static bool put_data(struct reader *reader, int type)
{
	switch (type) {
	case TYPE_A:
		return put_address(reader, AF_INET, 4);
	case TYPE_AAAA:
		return put_address(reader, AF_INET6, 16);
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR:
		return put_name(reader, "the name");
	case TYPE_MX:
		return put_number(reader, "the preference", UINT16_MAX, 2, false) &&
		       put_name(reader, "the mail server");
	case TYPE_SRV:
		return put_number(reader, "the priority", UINT16_MAX, 2, false) &&
		       put_number(reader, "the weight", UINT16_MAX, 2, false) &&
		       put_number(reader, "the port", UINT16_MAX, 2, false) &&
		       put_name(reader, "the host");
	case TYPE_SOA:
		return put_soa(reader);
	default:
		return put_texts(reader);
	}
}

static bool add_record(struct reader *reader, struct zone *zone, int type, uint32_t ttl)
{
	size_t name = name_bytes(reader->owner);
	struct record *record;
	uint8_t *copy;

	if (zone->count == zone->room) {
		size_t room = zone->room ? 2 * zone->room : 64;
		struct record *records = realloc(zone->records, room * sizeof(*records));

		if (!records)
			return wrong(reader, "no memory for more records");
		zone->records = records;
		zone->room = room;
	}
	copy = malloc(name + reader->data_bytes);
	if (!copy)
		return wrong(reader, "no memory for more records");
	memcpy(copy, reader->owner, name);
	memcpy(copy + name, reader->data, reader->data_bytes);
	record = &zone->records[zone->count++];
	*record = (struct record){.name = copy,
				  .data = copy + name,
				  .data_bytes = (uint16_t)reader->data_bytes,
				  .type = (uint16_t)type,
				  .ttl = ttl,
				  .line = reader->line};
	return true;
}

/* $ORIGIN and $TTL. */
static bool read_directive(struct reader *reader)
{
	uint8_t name[NAME_BYTES_MAX];
	size_t bytes;

	if (strcasecmp(reader->token, "$TTL") == 0) {
		if (!want(reader, "the time"))
			return false;
		reader->has_ttl = true;
		return number_of(reader->token, TTL_MAX, true, &reader->ttl) ||
		       wrong(reader, "$TTL: %s is no time", reader->token);
	}
	if (strcasecmp(reader->token, "$ORIGIN") != 0)
		return wrong(reader, "%s is not known here ($ORIGIN and $TTL are)", reader->token);
	if (!want(reader, "the name"))
		return false;
	bytes = name_from_text(reader->token, reader->has_origin ? reader->origin : NULL, name);
	if (!bytes)
		return wrong(reader, "$ORIGIN: %s is no name with a dot at its end", reader->token);
	memcpy(reader->origin, name, bytes);
	reader->has_origin = true;
	return true;
}

/* [TTL] [class] type, in either order of the first two. */
static int read_type(struct reader *reader, uint32_t *ttl_out, bool *has_ttl_out)
{
	while (want(reader, "the type")) {
		int type = type_of(reader->token);

		if (type)
			return type;
		if (strcasecmp(reader->token, "IN") == 0)
			continue;
		if (reader->token[0] >= '0' && reader->token[0] <= '9' &&
		    number_of(reader->token, TTL_MAX, true, ttl_out)) {
			*has_ttl_out = true;
			continue;
		}
		wrong(reader, "%s is no type known here", reader->token);
		return 0;
	}
	return 0;
}

/* The last number of an SOA: how long answers that say no are kept. */
static uint32_t minimum_of(const struct reader *reader)
{
	uint32_t wire;

	memcpy(&wire, reader->data + reader->data_bytes - sizeof(wire), sizeof(wire));
	return ntohl(wire);
}

static bool read_record(struct reader *reader, struct zone *zone, bool has_owner)
{
	uint32_t ttl = reader->ttl;
	bool has_ttl = reader->has_ttl;
	int type, line = reader->line;

	if (has_owner) {
		if (!name_from_text(reader->token, reader->has_origin ? reader->origin : NULL,
				    reader->owner))
			return wrong(reader, "%s is no name%s", reader->token,
				     reader->has_origin ? "" : ", or no $ORIGIN says under which");
		reader->has_owner = true;
	} else if (!reader->has_owner) {
		return wrong(reader, "the first record has no name");
	}
	type = read_type(reader, &ttl, &has_ttl);
	reader->data_bytes = 0;
	if (!type || !put_data(reader, type))
		return false;
	if (next(reader))
		return wrong(reader, "%s: more than this record has", reader->token);
	if (reader->bad)
		return false;
	reader->line = line;
	if (!has_ttl && type == TYPE_SOA)
		ttl = minimum_of(reader);
	else if (!has_ttl)
		return wrong(reader, "how long it may be kept is not said: begin with $TTL");
	if ((type == TYPE_SOA) != (zone->count == 0))
		return wrong(reader, type == TYPE_SOA ? "a second SOA"
						      : "the first record must be the SOA");
	if (type == TYPE_SOA)
		memcpy(zone->origin, reader->owner, name_bytes(reader->owner));
	if (!name_is_under(reader->owner, zone->origin))
		return wrong(reader, "a name outside of the zone");
	return add_record(reader, zone, type, ttl);
}

static int compare(const void *a, const void *b)
{
	const struct record *left = a, *right = b;
	int names = name_compare(left->name, right->name);

	return names                       ? names
	       : left->type != right->type ? (int)left->type - (int)right->type
					   : left->line - right->line;
}

/* What holds for the zone as a whole. */
static bool check(struct reader *reader, struct zone *zone)
{
	size_t servers;

	if (!zone->count)
		return wrong(reader, "no SOA record");
	qsort(zone->records, zone->count, sizeof(*zone->records), compare);
	zone_select(zone, zone->origin, TYPE_NS, &servers);
	for (size_t i = 0; i < zone->count; i++) {
		const struct record *record = &zone->records[i];

		if (record->type == TYPE_SOA)
			zone->soa = record;
		if (i == 0 || !name_equal(record->name, record[-1].name) ||
		    (record->type != TYPE_CNAME && record[-1].type != TYPE_CNAME))
			continue;
		reader->line = record->line > record[-1].line ? record->line : record[-1].line;
		return wrong(reader, "a name that has a CNAME has nothing else");
	}
	return servers || wrong(reader, "the zone has no NS record at its top");
}

int zone_parse(struct zone *zone_out, const char *file, const char *text, size_t bytes,
	       const char *origin, char *message_out, size_t message_bytes)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int result;

	*zone_out = (struct zone){0};
	if (!reader) {
		snprintf(message_out, message_bytes, "%s: no memory", file);
		return -1;
	}
	reader->file = file;
	reader->line = 1;
	reader->at = text;
	reader->end = text + bytes;
	reader->message = message_out;
	reader->message_bytes = message_bytes;
	if (origin && !(reader->has_origin =
				name_from_text(origin, (const uint8_t *)"", reader->origin) != 0))
		wrong(reader, "%s is no name", origin);
	for (reader->lines = 1; !reader->bad && reader->at < reader->end; reader->lines++) {
		bool blank = strchr(" \t", *reader->at) != NULL;

		if (next(reader)) {
			if (!blank && reader->token[0] == '$') {
				if (read_directive(reader) && next(reader))
					wrong(reader, "%s: more than the directive has",
					      reader->token);
			} else {
				if (blank) /* The word read is not the owner: once more. */
					reader->at -=
						strlen(reader->token) + (reader->quoted ? 2 : 0);
				read_record(reader, zone_out, !blank);
			}
		}
		if (!reader->bad && reader->at < reader->end)
			reader->at++;
	}
	if (!reader->bad)
		check(reader, zone_out);
	result = reader->bad ? -1 : 0;
	free(reader);
	return result;
}

void zone_free(struct zone *zone)
{
	for (size_t i = 0; i < zone->count; i++)
		free((void *)(uintptr_t)zone->records[i].name);
	free(zone->records);
	*zone = (struct zone){0};
}

size_t zone_find(const struct zone *zone, const uint8_t *name)
{
	size_t low = 0, high = zone->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (name_compare(zone->records[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool zone_has(const struct zone *zone, const uint8_t *name)
{
	size_t at = zone_find(zone, name);

	return at < zone->count && name_is_under(zone->records[at].name, name);
}

size_t zone_select(const struct zone *zone, const uint8_t *name, uint16_t type, size_t *count_out)
{
	size_t first = zone_find(zone, name), count = 0;

	while (first < zone->count && type != TYPE_ANY && zone->records[first].type != type &&
	       name_equal(zone->records[first].name, name))
		first++;
	while (first + count < zone->count &&
	       (type == TYPE_ANY || zone->records[first + count].type == type) &&
	       name_equal(zone->records[first + count].name, name))
		count++;
	*count_out = count;
	return first;
}
