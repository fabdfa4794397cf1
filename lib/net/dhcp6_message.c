/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/net/dhcp6_message.h"

#include "lib/base/error.h"
#include "lib/base/string.h"

#define HEAD_BYTES   4u  /* kind, transaction */
#define OPTION_BYTES 4u  /* before what is in it */
#define IA_BYTES     12u /* before the options in it */
#define IAADDR_BYTES 24u
#define DUID_BYTES   (4u + DHCP6_MAC_BYTES)

enum option {
	OPTION_CLIENT = 1,
	OPTION_SERVER = 2,
	OPTION_IA = 3,
	OPTION_IAADDR = 5,
	OPTION_WANTED = 6,
	OPTION_PREFERENCE = 7,
	OPTION_ELAPSED = 8,
	OPTION_STATUS = 13,
	OPTION_COMMIT = 14,
	OPTION_DNS = 23,
	OPTION_REFRESH = 32,
};

/* ---- What we say ---- */

static uint8_t *put16(uint8_t *at, uint32_t value)
{
	*at++ = (uint8_t)(value >> 8);
	*at++ = (uint8_t)value;
	return at;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value);
}

static uint8_t *put_bytes(uint8_t *at, const uint8_t *bytes, size_t bytes_count)
{
	memcpy(at, bytes, bytes_count);
	return at + bytes_count;
}

static uint8_t *put_option(uint8_t *at, enum option option, size_t bytes_count)
{
	return put16(put16(at, option), (uint32_t)bytes_count);
}

/* DUID-LL of Ethernet. */
static uint8_t *put_duid(uint8_t *at, const uint8_t *mac)
{
	return put_bytes(put16(put16(at, 3), 1), mac, DHCP6_MAC_BYTES);
}

static uint32_t association_of(const uint8_t *mac)
{
	return (uint32_t)mac[2] << 24 | (uint32_t)mac[3] << 16 | (uint32_t)mac[4] << 8 | mac[5];
}

static uint8_t *put_association(uint8_t *at, const struct dhcp6_say *say)
{
	at = put_option(at, OPTION_IA, IA_BYTES + (say->address ? OPTION_BYTES + IAADDR_BYTES : 0));
	at = put32(at, association_of(say->mac));
	at = put32(put32(at, 0), 0);
	if (say->address) {
		at = put_option(at, OPTION_IAADDR, IAADDR_BYTES);
		at = put_bytes(at, say->address, 16);
		at = put32(put32(at, 0), 0);
	}
	return at;
}

size_t dhcp6_message_write(const struct dhcp6_say *say, uint8_t *bytes_out)
{
	uint8_t *at = put32(bytes_out, (uint32_t)say->kind << 24 | (say->transaction & 0xffffff));

	at = put_duid(put_option(at, OPTION_CLIENT, DUID_BYTES), say->mac);
	if (say->server) {
		at = put_option(at, OPTION_SERVER, say->server_bytes);
		at = put_bytes(at, say->server, say->server_bytes);
	}
	at = put16(put_option(at, OPTION_ELAPSED, 2), say->elapsed_cs);
	if (say->kind != DHCP6_INFORM)
		at = put_association(at, say);
	if (say->kind == DHCP6_SOLICIT)
		at = put_option(at, OPTION_COMMIT, 0);
	if (say->kind != DHCP6_DECLINE && say->kind != DHCP6_CONFIRM) {
		at = put_option(at, OPTION_WANTED, say->kind == DHCP6_INFORM ? 4 : 2);
		at = put16(at, OPTION_DNS);
		if (say->kind == DHCP6_INFORM)
			at = put16(at, OPTION_REFRESH);
	}
	return (size_t)(at - bytes_out);
}

/* ---- What servers say ---- */

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

/* Options one after the other. */
struct cursor {
	const uint8_t *at, *end;
	uint32_t option;
	size_t bytes_count; /* of the option at `at` */
};

/* False: there is none any more; cursor->at is cursor->end unless what is left is none. */
static bool next_option(struct cursor *cursor)
{
	size_t left;

	cursor->at += cursor->bytes_count;
	cursor->bytes_count = 0;
	left = (size_t)(cursor->end - cursor->at);
	if (left < OPTION_BYTES || get16(cursor->at + 2) > left - OPTION_BYTES)
		return false;
	cursor->option = get16(cursor->at);
	cursor->bytes_count = get16(cursor->at + 2);
	cursor->at += OPTION_BYTES;
	return true;
}

/* The options within one, behind its own bytes. 0, -EINVAL: it is too short. */
static int open_option(const struct cursor *outer, size_t own_bytes, struct cursor *inner_out)
{
	if (outer->bytes_count < own_bytes)
		return -EINVAL;
	*inner_out =
		(struct cursor){.at = outer->at + own_bytes, .end = outer->at + outer->bytes_count};
	return 0;
}

static int read_status(const struct cursor *cursor, uint16_t *status_out)
{
	if (cursor->bytes_count < 2)
		return -EINVAL;
	*status_out = (uint16_t)get16(cursor->at);
	return 0;
}

/* One address, if there is none yet and it is a host's. */
static int read_address(const struct cursor *outer, struct dhcp6_heard *heard)
{
	uint16_t status = DHCP6_SUCCESS;
	uint32_t preferred_s, valid_s;
	struct cursor cursor;

	if (open_option(outer, IAADDR_BYTES, &cursor))
		return -EINVAL;
	while (next_option(&cursor))
		if (cursor.option == OPTION_STATUS && read_status(&cursor, &status))
			return -EINVAL;
	preferred_s = get32(outer->at + 16);
	valid_s = get32(outer->at + 20);
	if (cursor.at != cursor.end || preferred_s > valid_s)
		return -EINVAL;
	if (status != DHCP6_SUCCESS) {
		heard->address_status = status;
		return 0;
	}
	if (heard->has_address)
		return 0;
	/* Neither nobody's or the loopback's, nor a group's, nor of the link alone. */
	if (get16(outer->at) == 0 || outer->at[0] == 0xff || (get16(outer->at) & 0xffc0) == 0xfe80)
		return -EINVAL;
	heard->has_address = true;
	memcpy(heard->address, outer->at, sizeof(heard->address));
	heard->preferred_s = preferred_s;
	heard->valid_s = valid_s;
	return 0;
}

static int read_association(const struct cursor *outer, const uint8_t *mac,
			    struct dhcp6_heard *heard)
{
	struct cursor cursor;
	int error = 0;

	if (open_option(outer, IA_BYTES, &cursor))
		return -EINVAL;
	if (get32(outer->at) != association_of(mac) || heard->has_association)
		return 0;
	heard->has_association = true;
	heard->renew_s = get32(outer->at + 4);
	heard->rebind_s = get32(outer->at + 8);
	while (!error && next_option(&cursor)) {
		if (cursor.option == OPTION_IAADDR)
			error = read_address(&cursor, heard);
		else if (cursor.option == OPTION_STATUS)
			error = read_status(&cursor, &heard->address_status);
	}
	if (!error &&
	    (cursor.at != cursor.end || (heard->rebind_s != 0 && heard->renew_s > heard->rebind_s)))
		error = -EINVAL;
	return error;
}

static void read_dns(const struct cursor *cursor, struct dhcp6_heard *heard)
{
	for (size_t at = 0; at + 16 <= cursor->bytes_count && heard->dns_count < DHCP6_DNS_MAX;
	     at += 16)
		memcpy(heard->dns[heard->dns_count++], cursor->at + at, 16);
}

static int read_option(const struct cursor *cursor, const uint8_t *mac, struct dhcp6_heard *heard,
		       bool *ours)
{
	uint8_t duid[DUID_BYTES];

	switch (cursor->option) {
	case OPTION_CLIENT:
		put_duid(duid, mac);
		*ours = cursor->bytes_count == sizeof(duid) &&
			memcmp(cursor->at, duid, sizeof(duid)) == 0;
		return 0;
	case OPTION_SERVER:
		heard->server = cursor->at;
		heard->server_bytes = cursor->bytes_count;
		return cursor->bytes_count == 0 || cursor->bytes_count > DHCP6_SERVER_MAX ? -EINVAL
											  : 0;
	case OPTION_IA:
		return read_association(cursor, mac, heard);
	case OPTION_PREFERENCE:
		if (cursor->bytes_count != 1)
			return -EINVAL;
		heard->preference = cursor->at[0];
		return 0;
	case OPTION_STATUS:
		return read_status(cursor, &heard->status);
	case OPTION_COMMIT:
		heard->committed = true;
		return 0;
	case OPTION_DNS:
		read_dns(cursor, heard);
		return 0;
	case OPTION_REFRESH:
		if (cursor->bytes_count != 4)
			return -EINVAL;
		heard->refresh_s = get32(cursor->at);
		return 0;
	default:
		return 0;
	}
}

int dhcp6_message_read(const uint8_t *bytes, size_t bytes_count, const uint8_t *mac,
		       struct dhcp6_heard *heard_out)
{
	struct cursor cursor = {.at = bytes + HEAD_BYTES, .end = bytes + bytes_count};
	bool ours = false;
	int error = 0;

	if (bytes_count < HEAD_BYTES || (bytes[0] != DHCP6_ADVERTISE && bytes[0] != DHCP6_REPLY))
		return -EINVAL;
	memset(heard_out, 0, sizeof(*heard_out));
	heard_out->kind = bytes[0];
	heard_out->transaction = get32(bytes) & 0xffffff;
	while (!error && next_option(&cursor))
		error = read_option(&cursor, mac, heard_out, &ours);
	if (error || cursor.at != cursor.end || !ours || !heard_out->server)
		return -EINVAL;
	return 0;
}
