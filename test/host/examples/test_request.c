/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of HTTP, ranges of files and addresses of the web.
 * Links: examples/httpd/request.c examples/fetch/url.c
 */
#include "examples/httpd/request.h"

#include <limits.h>
#include <string.h>

#include "examples/fetch/url.h"
#include "test/host/check_main.h"

#define HOST "Host: x\r\n"

START_TEST(test_status)
{
	static const struct {
		const char *text;
		int status;
		const char *path;
		bool keep;
	} cases[] = {
		{"GET / HTTP/1.1\r\n" HOST, 0, "/", true},
		{"GET /a%20b%2Fc?d HTTP/1.1\r\n" HOST, 0, "/a b/c", true},
		{"GET http://x/y HTTP/1.1\r\n" HOST, 0, "/y", true},
		{"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n", 0, "/", false},
		{"GET / HTTP/1.1\r\n" HOST "connection:\tCLOSE\r\n", 0, "/", false},
		{"GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n", 0, "/", true},
		{"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n", 0, "/", false},
		{"GET / HTTP/1.0\r\n", 0, "/", false},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", 0, "/", true},
		{"GET / HTTP/1.1\r\n", 400, NULL, false},
		{"GET /%0 HTTP/1.1\r\n" HOST, 400, NULL, false},
		{"GET /%00 HTTP/1.1\r\n" HOST, 400, NULL, false},
		{"GET /% HTTP/1.1\r\n" HOST, 400, NULL, false},
		{"GET x HTTP/1.1\r\n" HOST, 400, NULL, false},
		{"GET /\r\n", 400, NULL, false},
		{"GET / HTTP/1.10\r\n" HOST, 400, NULL, false},
		{" / HTTP/1.1\r\n" HOST, 400, NULL, false},
		{"GET / HTTP/3.0\r\n" HOST, 505, NULL, false},
		{"GET /.. HTTP/1.1\r\n" HOST, 404, NULL, false},
		{"GET /a/%2e%2E/b HTTP/1.1\r\n" HOST, 404, NULL, false},
		{"GET /a%2f..%2fb HTTP/1.1\r\n" HOST, 404, NULL, false},
		{"GET /..a/b.. HTTP/1.1\r\n" HOST, 0, "/..a/b..", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request request;

		ck_assert_msg(request_parse(cases[i].text, &request) == cases[i].status, "%s",
			      cases[i].text);
		if (cases[i].status)
			continue;
		ck_assert_str_eq(request.path, cases[i].path);
		ck_assert_msg(request.keep == cases[i].keep, "%s", cases[i].text);
		ck_assert_int_eq(request.method, REQUEST_GET);
	}
}
END_TEST

START_TEST(test_long_path)
{
	static char text[8192];
	struct request request;

	for (size_t bytes = REQUEST_PATH_BYTES - 3; bytes < REQUEST_PATH_BYTES + 3; bytes++) {
		memcpy(text, "GET /", 5);
		memset(text + 5, 'a', bytes - 1);
		strcpy(text + 4 + bytes, " HTTP/1.1\r\n" HOST);
		ck_assert_int_eq(request_parse(text, &request),
				 bytes < REQUEST_PATH_BYTES ? 0 : 414);
	}
}
END_TEST

START_TEST(test_range)
{
	static const struct {
		const char *value;
		long long bytes;
		int status;
		long long first, last;
	} cases[] = {
		{NULL, 10, 200, 0, 9},
		{"bytes=0-0\r", 10, 206, 0, 0},
		{"bytes=2-\r", 10, 206, 2, 9},
		{"bytes=2-99\r", 10, 206, 2, 9},
		{"BYTES=-3\r", 10, 206, 7, 9},
		{"bytes=-30\r", 10, 206, 0, 9},
		{"bytes=-9223372036854775808\r", 10, 206, 0, 9},
		{"bytes=-18446744073709551617\r", 10, 206, 0, 9},
		{"bytes=-9223372036854775807\r", LLONG_MAX, 206, 0, LLONG_MAX - 1},
		{"bytes=922337203685477579-9223372036854775807\r", LLONG_MAX, 206,
		 922337203685477579, LLONG_MAX - 1},
		{"bytes=10-\r", 10, 416, 0, 0},
		{"bytes=99999999999999999999-\r", 10, 416, 0, 0},
		{"bytes=-0\r", 10, 416, 0, 0},
		{"bytes=0-\r", 0, 416, 0, 0},
		{"bytes=-1\r", 0, 416, 0, 0},
		{"bytes= -5-\r", 10, 200, 0, 9},
		{"bytes=-5-\r", 10, 200, 0, 9},
		{"bytes=--5\r", 10, 200, 0, 9},
		{"bytes=+1-2\r", 10, 200, 0, 9},
		{"bytes=3-2\r", 10, 200, 0, 9},
		{"bytes=1-2,4-5\r", 10, 200, 0, 9},
		{"bytes=-\r", 10, 200, 0, 9},
		{"bytes=1\r", 10, 200, 0, 9},
		{"bytes=\r", 10, 200, 0, 9},
		{"bits=1-2\r", 10, 200, 0, 9},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		off_t first, last;

		ck_assert_msg(request_range(cases[i].value, cases[i].bytes, &first, &last) ==
				      cases[i].status,
			      "%s", cases[i].value);
		if (cases[i].status != 416) {
			ck_assert_msg(first == cases[i].first && last == cases[i].last,
				      "%s: %lld-%lld", cases[i].value, (long long)first,
				      (long long)last);
		}
	}
}
END_TEST

/* If-Range, and a method that has no parts. */
START_TEST(test_range_wanted)
{
	struct request request;

	ck_assert_int_eq(request_parse("GET / HTTP/1.1\r\n" HOST "Range: bytes=0-1\r\n", &request),
			 0);
	ck_assert(request.range && strncmp(request.range, "bytes=0-1\r", 10) == 0);
	ck_assert_int_eq(request_parse("HEAD / HTTP/1.1\r\n" HOST "Range: bytes=0-1\r\n", &request),
			 0);
	ck_assert_int_eq(request.method, REQUEST_HEAD);
	ck_assert(!request.range);
	ck_assert_int_eq(request_parse("GET / HTTP/1.1\r\n" HOST
				       "Range: bytes=0-1\r\nIf-Range: \"a\"\r\n",
				       &request),
			 0);
	ck_assert(!request.range);
}
END_TEST

START_TEST(test_url)
{
	static const struct {
		const char *text, *host, *port, *target;
		bool has_tls;
	} cases[] = {
		{"https://a", "a", "443", "/", true},
		{"HTTP://a.b:81/c?d#e", "a.b", "81", "/c?d", false},
		{"https://[fe80::1%eth0]:4/x", "fe80::1%eth0", "4", "/x", true},
		{"https://[::1]", "::1", "443", "/", true},
		{"http://a?b", "a", "80", "/?b", false},
		{"ftp://a/", NULL, NULL, NULL, false},
		{"a/b", NULL, NULL, NULL, false},
		{"http://", NULL, NULL, NULL, false},
		{"http://user@a/", NULL, NULL, NULL, false},
		{"http://a:b/", NULL, NULL, NULL, false},
		{"http://a:123456/", NULL, NULL, NULL, false},
		{"http://[::1/", NULL, NULL, NULL, false},
		{"http://[::1]x/", NULL, NULL, NULL, false},
		{"http://a/b c", NULL, NULL, NULL, false},
		{"http://a/b\r\nc", NULL, NULL, NULL, false},
		{"http://a\r\n/", NULL, NULL, NULL, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct url url;

		ck_assert_msg(url_parse(cases[i].text, NULL, &url) == (cases[i].host != NULL), "%s",
			      cases[i].text);
		if (!cases[i].host)
			continue;
		ck_assert_str_eq(url.host, cases[i].host);
		ck_assert_str_eq(url.port, cases[i].port);
		ck_assert_str_eq(url.target, cases[i].target);
		ck_assert(url.has_tls == cases[i].has_tls);
	}
}
END_TEST

START_TEST(test_url_from)
{
	static const struct {
		const char *text, *host, *target;
	} cases[] = {
		{"/x", "a", "/x"},        {"x", "a", "/d/x"},   {"?q", "a", "/d/e?q"},
		{"../x", "a", "/d/../x"}, {"//b/x", "b", "/x"}, {"http://b:1/x", "b", "/x"},
		{"x:y", NULL, NULL},      {"/x y", NULL, NULL}, {"#part", "a", "/d/"},
	};
	struct url base;

	ck_assert(url_parse("https://a:7/d/e?f/g", NULL, &base));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct url url;

		ck_assert_msg(url_parse(cases[i].text, &base, &url) == (cases[i].host != NULL),
			      "%s", cases[i].text);
		if (!cases[i].host)
			continue;
		ck_assert_str_eq(url.host, cases[i].host);
		ck_assert_str_eq(url.target, cases[i].target);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("request");
	TCase *tcase = tcase_create("request");

	tcase_add_test(tcase, test_status);
	tcase_add_test(tcase, test_long_path);
	tcase_add_test(tcase, test_range);
	tcase_add_test(tcase, test_range_wanted);
	tcase_add_test(tcase, test_url);
	tcase_add_test(tcase, test_url_from);
	suite_add_tcase(suite, tcase);
	return suite;
}
