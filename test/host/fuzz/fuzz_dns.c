/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name server: any message against a zone, and any text as a zone with a message against it. A
 * reply is no longer than may be, and is itself a message that can be read.
 * Sources: examples/dns/answer.c examples/dns/zone.c examples/dns/name.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "examples/dns/answer.h"

static const char text[] = "$ORIGIN z.\n$TTL 1h\n@ SOA ns h 1 2 3 4 300\n NS ns\n MX 1 a.b\nns A "
			   "1.2.3.4\n AAAA ::1\na.b A 1.1.1.1\n"
			   "l CNAME p\np CNAME l\no CNAME x.y.\n*.w A 2.2.2.2\n MX 1 a.b\nx.w TXT "
			   "t u\nc NS ns.c\nns.c A 3.3.3.3\n"
			   "s SRV 1 2 3 a.b\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count);

static void ask(const struct zone *zone, const uint8_t *query, size_t bytes, bool is_udp)
{
	static uint8_t reply[REPLY_BYTES_MAX], again[REPLY_BYTES_MAX];
	size_t got = answer(zone, query, bytes, is_udp, reply);

	if (!got)
		return;
	if (got < 12 || (is_udp && got > UDP_BYTES_MAX) || !(reply[2] & 0x80) ||
	    reply[0] != query[0])
		abort();
	/* As a question it can be read, unless the question could not. */
	reply[2] &= 0x7f;
	if (reply[5] && !answer(zone, reply, got, false, again))
		abort();
	if (reply[5] && !(reply[2] & 0x78) && (again[3] & 0xf) == 1 && (reply[3] & 0xf) != 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count)
{
	char message[100], *copy;
	struct zone zone;
	size_t split;

	if (bytes_count < 2)
		return 0;
	split = bytes[0] & 1 ? bytes[1] : 0;
	bytes += 2;
	bytes_count -= 2;
	split = split < bytes_count ? split : bytes_count;
	if (split) {
		copy = malloc(bytes_count - split + 1);
		memcpy(copy, bytes + split, bytes_count - split);
		if (zone_parse(&zone, "f", copy, bytes_count - split, "z.", message,
			       sizeof(message)) == 0)
			ask(&zone, bytes, split, true);
		zone_free(&zone);
		free(copy);
		return 0;
	}
	if (zone_parse(&zone, "f", text, sizeof(text) - 1, NULL, message, sizeof(message)))
		abort();
	ask(&zone, bytes, bytes_count, true);
	ask(&zone, bytes, bytes_count, false);
	zone_free(&zone);
	return 0;
}
