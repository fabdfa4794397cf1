/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DHCPv6's messages as bytes: what a client says, and what it understands of what a server says,
 * who may be anybody. Source: RFC 8415.
 */
#ifndef LIB_NET_DHCP6_MESSAGE_H
#define LIB_NET_DHCP6_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dhcp6_kind {
	DHCP6_SOLICIT = 1,
	DHCP6_ADVERTISE = 2,
	DHCP6_REQUEST = 3,
	DHCP6_CONFIRM = 4,
	DHCP6_RENEW = 5,
	DHCP6_REBIND = 6,
	DHCP6_REPLY = 7,
	DHCP6_DECLINE = 9,
	DHCP6_INFORM = 11, /* Information-request */
};

enum dhcp6_status {
	DHCP6_SUCCESS = 0,
	DHCP6_NO_ADDRESSES = 2,
	DHCP6_NO_BINDING = 3,
	DHCP6_NOT_ON_LINK = 4,
};

#define DHCP6_MAC_BYTES   6u
#define DHCP6_SERVER_MAX  130u /* of a server's DUID */
#define DHCP6_WRITE_BYTES 256u /* of anything we say */
#define DHCP6_DNS_MAX     2u
#define DHCP6_FOREVER     UINT32_MAX /* a time in seconds */

/* What we say. The client is known by its MAC address, and so is its one association (IAID). */
struct dhcp6_say {
	enum dhcp6_kind kind;
	uint32_t transaction;  /* 24 bits */
	uint16_t elapsed_cs;   /* since the first message of the exchange, in hundredths */
	const uint8_t *mac;    /* DHCP6_MAC_BYTES */
	const uint8_t *server; /* to this one alone; NULL: to all */
	size_t server_bytes;
	const uint8_t *address; /* 16: it is about this one; NULL: about none, or any */
};

/* The bytes it takes; bytes_out has DHCP6_WRITE_BYTES. */
size_t dhcp6_message_write(const struct dhcp6_say *say, uint8_t *bytes_out);

/* What a server says, as far as it is of use. */
struct dhcp6_heard {
	enum dhcp6_kind kind; /* ADVERTISE or REPLY */
	uint32_t transaction;
	const uint8_t *server; /* into the message; at most DHCP6_SERVER_MAX bytes */
	size_t server_bytes;
	bool committed;       /* the short way: an answer to SOLICIT that is final */
	uint8_t preference;   /* of servers: the highest is to be asked */
	uint16_t status;      /* of the message; one that is not ours is not 0 */
	bool has_association; /* ours; what follows counts only then */
	uint16_t address_status;
	bool has_address;
	uint8_t address[16];
	uint32_t renew_s, rebind_s, preferred_s, valid_s; /* renew_s, rebind_s: 0: as we like */
	unsigned int dns_count;
	uint8_t dns[DHCP6_DNS_MAX][16];
	uint32_t refresh_s; /* what is no address may be asked for again after; 0: not said */
};

/* 0, -EINVAL: it is no such message, not for this MAC address, or makes no sense. */
int dhcp6_message_read(const uint8_t *bytes, size_t bytes_count, const uint8_t *mac,
		       struct dhcp6_heard *heard_out);

#endif
