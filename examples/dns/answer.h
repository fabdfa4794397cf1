/* SPDX-License-Identifier: BSD-2-Clause */
/* What an authoritative server answers (RFC 1034 4.3.2, 2308, 4592, 6891): a message in, a
 * message out. */
#ifndef EXAMPLES_DNS_ANSWER_H
#define EXAMPLES_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone.h"

#define UDP_BYTES_PLAIN 512  /* to who does not say more */
#define UDP_BYTES_MAX   1232 /* fits every path of IPv6 without fragments */
#define REPLY_BYTES_MAX 65535

/*
 * Answers a message of `bytes` bytes, which may be anything, into reply_out of REPLY_BYTES_MAX
 * bytes. Over UDP what does not fit the asker's limit is cut, with TC. The bytes of the reply; 0:
 * none is due.
 */
size_t answer(const struct zone *zone, const uint8_t *query, size_t bytes, bool is_udp,
	      uint8_t *reply_out);

#endif
