/* SPDX-License-Identifier: BSD-2-Clause */
#include "url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What stands between two places; false: it is longer than there is room, or has what no line
 * may have. */
static bool copy(char *out, size_t room, const char *from, size_t bytes)
{
	if (bytes >= room)
		return false;
	for (size_t i = 0; i < bytes; i++)
		if ((unsigned char)from[i] <= ' ' || from[i] == 0x7f)
			return false;
	memcpy(out, from, bytes);
	out[bytes] = '\0';
	return true;
}

/* host[:port], [IPv6][:port]; what stands before an @ is refused, since it is used to deceive. */
static bool parse_authority(const char *text, size_t bytes, struct url *url)
{
	const char *end = text + bytes, *host = text, *host_end, *port;

	if (memchr(text, '@', bytes))
		return false;
	if (bytes && *text == '[') {
		host++;
		host_end = memchr(text, ']', bytes);
		if (!host_end)
			return false;
		port = host_end + 1;
	} else {
		host_end = memchr(text, ':', bytes);
		host_end = host_end ? host_end : end;
		port = host_end;
	}
	if (host == host_end ||
	    !copy(url->host, sizeof(url->host), host, (size_t)(host_end - host)))
		return false;
	if (port == end || (*port == ':' && port + 1 == end)) {
		strcpy(url->port, url->has_tls ? "443" : "80");
		return true;
	}
	if (*port++ != ':' || strspn(port, "0123456789") < (size_t)(end - port))
		return false;
	return copy(url->port, sizeof(url->port), port, (size_t)(end - port));
}

bool url_parse(const char *text, const struct url *base, struct url *url_out)
{
	size_t bytes = strcspn(text, "#"), authority;
	const char *slash;

	*url_out = (struct url){0};
	if (strncasecmp(text, "https://", 8) == 0 || strncasecmp(text, "http://", 7) == 0) {
		url_out->has_tls = (text[4] | 0x20) == 's';
		text += url_out->has_tls ? 8 : 7;
		bytes -= url_out->has_tls ? 8 : 7;
	} else if (base && strncmp(text, "//", 2) == 0) {
		url_out->has_tls = base->has_tls;
		text += 2;
		bytes -= 2;
	} else {
		char joined[URL_TARGET_BYTES];
		int used;

		if (!base || (strchr(text, ':') && strcspn(text, ":") < strcspn(text, "/?#")))
			return false;
		*url_out = *base;
		if (*text == '/')
			return copy(url_out->target, sizeof(url_out->target), text, bytes);
		/* Beside what the base names. */
		slash = base->target + strcspn(base->target, "?");
		while (*text != '?' && slash > base->target && slash[-1] != '/')
			slash--;
		used = snprintf(joined, sizeof(joined), "%.*s%.*s", (int)(slash - base->target),
				base->target, (int)bytes, text);
		return used > 0 && (size_t)used < sizeof(joined) &&
		       copy(url_out->target, sizeof(url_out->target), joined, (size_t)used);
	}
	authority = strcspn(text, "/?#");
	if (!parse_authority(text, authority, url_out))
		return false;
	url_out->target[0] = '/';
	slash = text + authority;
	bytes -= authority;
	if (bytes && *slash == '/')
		slash++, bytes--;
	return copy(url_out->target + 1, sizeof(url_out->target) - 1, slash, bytes);
}
