/* SPDX-License-Identifier: BSD-2-Clause */
#include "request.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

/* The value of a header field, NULL: not there. Ended by CR. */
static const char *field(const char *text, const char *name)
{
	size_t bytes = strlen(name);

	/* Not strstr(): looking for one character is quicker, and each request is looked through
	 * seven times. */
	for (const char *line = strchr(text, '\r'); line; line = strchr(line + 1, '\r'))
		if (line[1] == '\n' && strncasecmp(line + 2, name, bytes) == 0 &&
		    line[2 + bytes] == ':')
			return line + 2 + bytes + 1 + strspn(line + 2 + bytes + 1, " \t");
	return NULL;
}

static int hex(int c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* A target of `bytes` bytes becomes a path; 0 or a status. */
static int path_of(const char *target, size_t bytes, char *path_out)
{
	const char *end = target + bytes;
	size_t used = 0;

	/* http://host/path: what follows the host. */
	if (bytes > 7 && strncasecmp(target, "http://", 7) == 0)
		for (target += 7; target < end && *target != '/'; target++)
			;
	if (target == end || *target != '/')
		return 400;
	for (; target < end && *target != '?' && *target != '#'; target++) {
		int c = *target;

		if (c == '%') {
			int high = target + 2 < end ? hex(target[1]) : -1, low = hex(target[2]);

			if (high < 0 || low < 0 || (high | low) == 0)
				return 400;
			c = high * 16 + low;
			target += 2;
		}
		if (used == REQUEST_PATH_BYTES - 1)
			return 414;
		path_out[used++] = (char)c;
	}
	path_out[used] = '\0';
	for (const char *part = path_out; part; part = strchr(part + 1, '/'))
		if (strncmp(part, "/..", 3) == 0 && (part[3] == '/' || part[3] == '\0'))
			return 404;
	return 0;
}

static bool is_word(const char *value, const char *word)
{
	size_t bytes = strlen(word);

	return value && strncasecmp(value, word, bytes) == 0 && strchr(" \t,\r", value[bytes]);
}

int request_parse(const char *text, struct request *request_out)
{
	size_t method_bytes = strcspn(text, " \r\n"), target_bytes;
	const char *target, *version, *connection;

	*request_out = (struct request){.method = REQUEST_OTHER};
	if (method_bytes == 3 && memcmp(text, "GET", 3) == 0)
		request_out->method = REQUEST_GET;
	else if (method_bytes == 4 && memcmp(text, "HEAD", 4) == 0)
		request_out->method = REQUEST_HEAD;
	if (method_bytes == 0 || text[method_bytes] != ' ')
		return 400;
	target = text + method_bytes + 1;
	target_bytes = strcspn(target, " \r\n");
	version = target + target_bytes;
	if (target_bytes == 0 || strncmp(version, " HTTP/", 6) != 0)
		return 400;
	version += 6;
	if (version[0] < '0' || version[0] > '9' || version[1] != '.' || version[2] < '0' ||
	    version[2] > '9' || version[3] != '\r')
		return 400;
	if (version[0] != '1')
		return 505;
	if (version[2] != '0' && !field(text, "Host"))
		return 400;
	connection = field(text, "Connection");
	request_out->keep = version[2] == '0' ? is_word(connection, "keep-alive")
					      : !is_word(connection, "close");
	/* What its body is we do not look at, so nothing can follow it. */
	if (field(text, "Content-Length") || field(text, "Transfer-Encoding"))
		request_out->keep = false;
	/* We give no validators, so none of If-Range can be ours. */
	if (request_out->method == REQUEST_GET && !field(text, "If-Range"))
		request_out->range = field(text, "Range");
	/* `OPTIONS *`: not a path, and not a method of ours. */
	if (request_out->method == REQUEST_OTHER)
		return 0;
	return path_of(target, target_bytes, request_out->path);
}

/* A number of one digit at least: moves on behind it. LLONG_MAX: more than there is. -1: none. */
static long long number(const char **at)
{
	long long value = 0;

	if (**at < '0' || **at > '9')
		return -1;
	for (; **at >= '0' && **at <= '9'; ++*at)
		value = value > (LLONG_MAX - 9) / 10 ? LLONG_MAX : value * 10 + (**at - '0');
	return value;
}

int request_range(const char *value, off_t bytes, off_t *first_out, off_t *last_out)
{
	long long first, last;

	*first_out = 0;
	*last_out = bytes - 1;
	if (!value || strncasecmp(value, "bytes=", 6) != 0)
		return 200;
	value += 6;
	first = number(&value);
	if (*value++ != '-')
		return 200;
	last = number(&value);
	value += strspn(value, " \t");
	if (*value != '\r' || (first < 0 && last < 0) || (first >= 0 && last >= 0 && last < first))
		return 200;
	if (first < 0) {
		/* The last so many. */
		if (last == 0 || bytes == 0)
			return 416;
		*first_out = last < bytes ? bytes - (off_t)last : 0;
		return 206;
	}
	if (first >= bytes)
		return 416;
	*first_out = (off_t)first;
	if (last >= 0 && last < bytes)
		*last_out = (off_t)last;
	return 206;
}
