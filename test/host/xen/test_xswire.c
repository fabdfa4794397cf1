/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The xenstore wire format; everything decoded is hostile.
 * Links: xen/xswire.c
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "xen/xswire.h"

START_TEST(headers)
{
	struct xsd_sockmsg header = {.type = XS_READ};

	ck_assert_int_eq(xswire_check_header(&header), 0);
	header.len = XENSTORE_PAYLOAD_MAX;
	ck_assert_int_eq(xswire_check_header(&header), 0);
	header.len++;
	ck_assert_int_eq(xswire_check_header(&header), -EPROTO);
	header.len = UINT32_MAX;
	ck_assert_int_eq(xswire_check_header(&header), -EPROTO);
	header.len = 0;
	header.type = XS_TYPE_COUNT;
	ck_assert_int_eq(xswire_check_header(&header), -EPROTO);
	header.type = XS_INVALID;
	ck_assert_int_eq(xswire_check_header(&header), -EPROTO);
}
END_TEST

START_TEST(errors)
{
	ck_assert_int_eq(xswire_errno("ENOENT", 7), -ENOENT);
	ck_assert_int_eq(xswire_errno("ENOENT", 6), -ENOENT);
	ck_assert_int_eq(xswire_errno("EAGAIN\0\0", 8), -EAGAIN);
	ck_assert_int_eq(xswire_errno("EIO", 4), -EIO);
	ck_assert_int_eq(xswire_errno("EACCES", 7), -EACCES);
	ck_assert_int_eq(xswire_errno("ENOEN", 6), -EIO);
	ck_assert_int_eq(xswire_errno("ENOENTX", 8), -EIO);
	ck_assert_int_eq(xswire_errno("", 0), -EIO);
	ck_assert_int_eq(xswire_errno("\0\0\0", 3), -EIO);
	ck_assert_str_eq(xswire_error_name(-ENOENT), "ENOENT");
	ck_assert_str_eq(xswire_error_name(-EPERM), "EPERM");
	ck_assert_str_eq(xswire_error_name(-ETIMEDOUT), "EIO");
}
END_TEST

static int parse(const char *bytes, size_t bytes_count, const char **path, const char **token)
{
	/* exactly as large as it says, so that ASan sees a step too far */
	static char *copy;

	free(copy);
	copy = malloc(bytes_count ? bytes_count : 1);
	memcpy(copy, bytes, bytes_count);
	return xswire_parse_watch(copy, bytes_count, path, token);
}

START_TEST(watch_events)
{
	const char *path, *token;

	ck_assert_int_eq(parse("a/b\0tok", 8, &path, &token), 0);
	ck_assert_str_eq(path, "a/b");
	ck_assert_str_eq(token, "tok");
	ck_assert_int_eq(parse("a\0", 3, &path, &token), 0);
	ck_assert_str_eq(token, "");
	ck_assert_int_eq(parse("a\0t\0more", 9, &path, &token), 0);
	ck_assert_str_eq(token, "t");
	ck_assert_int_eq(parse("", 0, &path, &token), -EPROTO);
	ck_assert_int_eq(parse("a", 1, &path, &token), -EPROTO);
	ck_assert_int_eq(parse("a", 2, &path, &token), -EPROTO);
	ck_assert_int_eq(parse("a\0t", 3, &path, &token), -EPROTO);
	ck_assert_int_eq(parse("\0t", 3, &path, &token), -EPROTO);
	ck_assert_int_eq(parse("abcdefgh", 8, &path, &token), -EPROTO);
}
END_TEST

START_TEST(names)
{
	ck_assert_int_eq(xswire_count_names("", 0), 0);
	ck_assert_int_eq(xswire_count_names("a", 2), 1);
	ck_assert_int_eq(xswire_count_names("a\0bc\0d", 7), 3);
	ck_assert_int_eq(xswire_count_names("a\0bc\0d", 6), -EPROTO);
	ck_assert_int_eq(xswire_count_names("a\0\0b", 5), -EPROTO);
	ck_assert_int_eq(xswire_count_names("", 1), -EPROTO);
	ck_assert_int_eq(xswire_count_names("a", XENSTORE_PAYLOAD_MAX + 1), -EPROTO);
}
END_TEST

START_TEST(paths)
{
	ck_assert_int_eq(xswire_check_path("a", 8), 0);
	ck_assert_int_eq(xswire_check_path("abcdefg", 8), 0);
	ck_assert_int_eq(xswire_check_path("abcdefgh", 8), -EINVAL);
	ck_assert_int_eq(xswire_check_path("", 8), -EINVAL);
}
END_TEST

START_TEST(random_payloads)
{
	for (unsigned int i = 0; i < 100000; i++) {
		char bytes[32];
		size_t bytes_count = test_random() % sizeof(bytes);
		const char *path, *token;

		for (size_t j = 0; j < bytes_count; j++)
			bytes[j] = test_random() % 3 ? (char)test_random() : '\0';
		if (parse(bytes, bytes_count, &path, &token) == 0 &&
		    strlen(path) + strlen(token) + 2 > bytes_count)
			ck_abort();
		if (xswire_count_names(bytes, bytes_count) > (int)bytes_count / 2)
			ck_abort();
		if (xswire_errno(bytes, bytes_count) >= 0)
			ck_abort();
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("xswire");
	TCase *all = tcase_create("all");

	tcase_add_test(all, headers);
	tcase_add_test(all, errors);
	tcase_add_test(all, watch_events);
	tcase_add_test(all, names);
	tcase_add_test(all, paths);
	tcase_add_test(all, random_payloads);
	suite_add_tcase(suite, all);
	return suite;
}
