/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet checksum (RFC 1071), eight bytes at a time; lwIP's LWIP_CHKSUM. */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/string.h"
#include "lib/net/checksum.h"

/* The sum of the 16-bit words as they lie in memory, not complemented. An odd last byte counts as
 * the first of its word. */
uint16_t net_checksum(const void *bytes, int bytes_count)
{
	const char *at = bytes;
	uint64_t sum = 0, word;

	for (; bytes_count >= 8; bytes_count -= 8, at += 8) {
		memcpy(&word, at, 8);
		/* The carry goes round. */
		sum += word;
		sum += sum < word;
	}
	word = 0;
	if (bytes_count > 0) {
		memcpy(&word, at, (size_t)bytes_count);
		sum += word;
		sum += sum < word;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}
