/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name server: files of zones, and answers. dig asks more of it in test/guest/dns.
 * Links: examples/dns/answer.c examples/dns/zone.c examples/dns/name.c
 */
#include "examples/dns/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/host/check_main.h"

#define TOP "$ORIGIN z.\n$TTL 1h\n@ SOA ns h 1 2 3 4 300\n NS ns\n"

static uint8_t reply[REPLY_BYTES_MAX];
static char message[256];

static int parse(struct zone *zone, const char *text)
{
	/* Without a byte behind it, so that reading too far is seen. */
	char *copy = malloc(strlen(text) ? strlen(text) : 1);
	int result;

	memcpy(copy, text, strlen(text));
	message[0] = '\0';
	result = zone_parse(zone, "f", copy, strlen(text), NULL, message, sizeof(message));
	free(copy);
	return result;
}

START_TEST(test_zone_errors)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "f:1: no SOA record"},
		{"a A 1.2.3.4", "f:1: a is no name, or no $ORIGIN says under which"},
		{TOP "a A 1.2.3\n", "f:5: 1.2.3 is no IPv4 address"},
		{TOP "a A\n", "f:5: the address is missing"},
		{TOP "a AAAA 1.2.3.4\n", "f:5: 1.2.3.4 is no IPv6 address"},
		{TOP "a A 1.2.3.4 5\n", "f:5: 5: more than this record has"},
		{TOP "a HINFO x y\n", "f:5: HINFO is no type known here"},
		{TOP "a MX x mail\n", "f:5: the preference: x is none, or more than 65535"},
		{TOP "a MX 65536 mail\n", "f:5: the preference: 65536 is none, or more than 65535"},
		{TOP "a TXT \"x\n", "f:5: a \" without its end"},
		{TOP "\na TXT (x\n\n", "f:8: a ( without its )"},
		{TOP "a TXT x)\n", "f:5: a ) without its ("},
		{TOP "a. A 1.2.3.4\n", "f:5: a name outside of the zone"},
		{TOP "a CNAME b\na A 1.2.3.4\n", "f:6: a name that has a CNAME has nothing else"},
		{TOP "a CNAME b\nA CNAME c\n", "f:6: a name that has a CNAME has nothing else"},
		{TOP "@ SOA ns h 1 2 3 4 5\n", "f:5: a second SOA"},
		{TOP "a..b A 1.2.3.4\n", "f:5: a..b is no name"},
		{TOP "a\\256 A 1.2.3.4\n", "f:5: a\\256 is no name"},
		{TOP "$INCLUDE x\n", "f:5: $INCLUDE is not known here ($ORIGIN and $TTL are)"},
		{"$ORIGIN z.\n@ SOA ns h (1 2\n3 4 5)\n NS ns\n",
		 "f:4: how long it may be kept is not said: begin with $TTL"},
		{"$ORIGIN z.\n$TTL 1\n NS ns\n", "f:3: the first record has no name"},
		{"$ORIGIN z.\n$TTL 1\n@ NS ns\n", "f:3: the first record must be the SOA"},
		{"$ORIGIN z.\n$TTL 1\n@ SOA ns h 1 2 3 4 5\n",
		 "f:3: the zone has no NS record at its top"},
		{"$ORIGIN z\n", "f:1: $ORIGIN: z is no name with a dot at its end"},
		{"$TTL 1y\n", "f:1: $TTL: 1y is no time"},
	};
	struct zone zone;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(parse(&zone, cases[i].text) == -1, "%s", cases[i].text);
		ck_assert_str_eq(message, cases[i].message);
		zone_free(&zone);
	}
}
END_TEST

START_TEST(test_zone)
{
	struct zone zone;
	size_t count, at;

	ck_assert_int_eq(parse(&zone,
			       TOP "a 5 IN A 1.2.3.4 ; one\n\tIN 1w1d AAAA ::1\n\n  ; nothing\n"
				   "b\\.c TXT \"x;y\" z\\034\\\"\n$ORIGIN d\ne A 1.1.1.1"),
			 0);
	ck_assert_uint_eq(zone.count, 6);
	at = zone_select(&zone, (const uint8_t *)"\1A\1z", TYPE_AAAA, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(zone.records[at].ttl, 8 * 86400);
	at = zone_select(&zone, (const uint8_t *)"\3b.c\1z", TYPE_TXT, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_mem_eq(zone.records[at].data, "\3x;y\3z\"\"", 8);
	zone_select(&zone, (const uint8_t *)"\1e\1d\1z", TYPE_A, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert(zone_has(&zone, (const uint8_t *)"\1d\1z"));
	ck_assert(!zone_has(&zone, (const uint8_t *)"\1f\1z"));
	zone_free(&zone);
}
END_TEST

/* The reply to a question for `name` in wire format. */
static size_t ask(const struct zone *zone, const char *name, size_t bytes, int type, bool is_udp)
{
	uint8_t query[300] = {1, 2, 1, 0, 0, 1};

	memcpy(query + 12, name, bytes);
	query[12 + bytes + 1] = (uint8_t)type;
	query[12 + bytes + 3] = 1;
	return answer(zone, query, 12 + bytes + 4, is_udp, reply);
}

#define ASK(zone, name, type, is_udp) ask(zone, name, sizeof(name), type, is_udp)

static void check_counts(int code, int answers, int authorities, int additionals)
{
	ck_assert_int_eq(reply[3] & 0xf, code);
	ck_assert_int_eq(reply[7], answers);
	ck_assert_int_eq(reply[9], authorities);
	ck_assert_int_eq(reply[11], additionals);
}

START_TEST(test_answers)
{
	struct zone zone;

	ck_assert_int_eq(
		parse(&zone,
		      TOP "ns A 1.2.3.4\na.b A 1.1.1.1\nloop CNAME pool\npool CNAME loop\nout "
			  "CNAME x.y.\n"
			  "*.w A 2.2.2.2\nx.w TXT t\nc NS ns.c\nns.c A 3.3.3.3\nlast CNAME none\n"),
		0);
	ck_assert_uint_gt(ASK(&zone, "\1A\1b\1Z", TYPE_A, true), 0);
	ck_assert_uint_eq(reply[2], 0x85);
	check_counts(0, 1, 0, 0);
	ASK(&zone, "\1b\1z", TYPE_A, true); /* there, since a.b is */
	check_counts(0, 0, 1, 0);
	ASK(&zone, "\1q\1z", TYPE_A, true);
	check_counts(3, 0, 1, 0);
	ASK(&zone, "\1y\1w\1z", TYPE_A, true);
	check_counts(0, 1, 0, 0);
	ASK(&zone, "\1x\1w\1z", TYPE_A, true); /* there, so the * is not for it */
	check_counts(0, 0, 1, 0);
	ASK(&zone, "\1y\1x\1w\1z", TYPE_A, true); /* nor for what would be under it */
	check_counts(3, 0, 1, 0);
	ASK(&zone, "\1h\1c\1z", TYPE_A, true);
	check_counts(0, 0, 1, 1);
	ck_assert_uint_eq(reply[2], 0x81); /* not ours */
	ASK(&zone, "\4loop\1z", TYPE_A, true);
	check_counts(0, 8, 0, 0);
	ASK(&zone, "\3out\1z", TYPE_A, true);
	check_counts(0, 1, 0, 0);
	ASK(&zone, "\4last\1z", TYPE_A, true);
	check_counts(3, 1, 1, 0);
	ASK(&zone, "\1y", TYPE_A, true);
	check_counts(5, 0, 0, 0);
	ASK(&zone, "\1z", TYPE_NS, true);
	check_counts(0, 1, 0, 1);
	zone_free(&zone);
}
END_TEST

/* Each size a text may have: the reply never has more than the asker takes, and is whole or
 * says that it is not. */
START_TEST(test_truncation)
{
	char text[2000], piece[201];
	struct zone zone;

	memset(piece, 'x', 200);
	piece[200] = '\0';
	for (int last = 0; last < 200; last++) {
		size_t bytes, whole;

		snprintf(text, sizeof(text), TOP "t TXT %s %s \"%.*s\"\n", piece, piece, last,
			 piece);
		ck_assert_int_eq(parse(&zone, text), 0);
		whole = ASK(&zone, "\1t\1z", TYPE_TXT, false);
		check_counts(0, 1, 0, 0);
		bytes = ASK(&zone, "\1t\1z", TYPE_TXT, true);
		test_require(bytes <= UDP_BYTES_PLAIN &&
			     (bytes == whole) == (whole <= UDP_BYTES_PLAIN));
		test_require(((reply[2] & 2) != 0) == (whole > UDP_BYTES_PLAIN));
		zone_free(&zone);
	}
}
END_TEST

/* Messages that are none get an error, or nothing; pointers that go round or forwards are no
 * names. */
START_TEST(test_messages)
{
	static const uint8_t round[] = {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1};
	static const uint8_t forwards[] = {0, 1, 0,    0,  0, 1, 0, 0, 0, 0,
					   0, 0, 0xc0, 14, 0, 0, 1, 0, 1};
	static const uint8_t edns[] = {0, 1, 0, 0, 0, 1, 0,  0, 0, 0, 0, 1, 1, 'z', 0,
				       0, 6, 0, 1, 0, 0, 41, 4, 0, 0, 0, 0, 0, 0,   0};
	uint8_t twice[sizeof(edns) + 11], version[sizeof(edns)];
	struct zone zone;

	ck_assert_int_eq(parse(&zone, TOP), 0);
	for (size_t i = 0; i < 12; i++)
		ck_assert_uint_eq(answer(&zone, round, i, true, reply), 0);
	ck_assert_uint_eq(answer(&zone, round, sizeof(round), true, reply), 12);
	ck_assert_uint_eq(reply[3], 1);
	ck_assert_uint_eq(answer(&zone, forwards, sizeof(forwards), true, reply), 12);
	ck_assert_uint_eq(reply[3], 1);
	ck_assert_uint_gt(answer(&zone, edns, sizeof(edns), true, reply), 0);
	check_counts(0, 1, 0, 1);
	for (size_t i = 12; i < sizeof(edns); i++) {
		uint8_t *cut = malloc(i);

		memcpy(cut, edns, i);
		ck_assert_uint_gt(answer(&zone, cut, i, true, reply), 0);
		ck_assert_uint_eq(reply[3], 1);
		free(cut);
	}
	memcpy(twice, edns, sizeof(edns));
	memcpy(twice + sizeof(edns), edns + sizeof(edns) - 11, 11);
	twice[11] = 2;
	ck_assert_uint_gt(answer(&zone, twice, sizeof(twice), true, reply), 0);
	ck_assert_uint_eq(reply[3], 1);
	memcpy(version, edns, sizeof(edns));
	version[25] = 1;
	ck_assert_uint_eq(answer(&zone, version, sizeof(version), true, reply), sizeof(edns));
	ck_assert_uint_eq(reply[24], 1); /* BADVERS is 16: its upper bits are in the OPT record */
	zone_free(&zone);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("dns");
	TCase *tcase = tcase_create("dns");

	tcase_add_test(tcase, test_zone_errors);
	tcase_add_test(tcase, test_zone);
	tcase_add_test(tcase, test_answers);
	tcase_add_test(tcase, test_truncation);
	tcase_add_test(tcase, test_messages);
	suite_add_tcase(suite, tcase);
	return suite;
}
