/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of HTTP and HTTPS: fetch [-o FILE] [-c CERTIFICATES] URL. Follows redirects, never from
 * https to http. What it ends with says what went wrong: enum status in connection.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "connection.h"

#define REDIRECTS_MAX 10
#define HEAD_BYTES    16384
#define BODY_BYTES    16384

struct answer {
	struct connection *connection;
	int status;
	char head[HEAD_BYTES + 1];
	char body[BODY_BYTES]; /* from first to last is not used yet */
	size_t first, last;
};

/* The value of a header field, up to the CR; NULL: not there. */
static const char *field(const char *head, const char *name)
{
	size_t bytes = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, bytes) == 0 && line[2 + bytes] == ':')
			return line + 3 + bytes + strspn(line + 3 + bytes, " \t");
	return NULL;
}

/* The head of an answer; what came behind it is left in body. */
static bool read_head(struct answer *answer)
{
	size_t used = 0, rest;
	char *end = NULL;
	int minor;

	while (!end) {
		ssize_t got = connection_receive(answer->connection, answer->head + used,
						 HEAD_BYTES - used);

		if (got <= 0)
			return false;
		used += (size_t)got;
		answer->head[used] = '\0';
		end = memmem(answer->head, used, "\r\n\r\n", 4);
		if (!end && used == HEAD_BYTES)
			return false;
	}
	rest = used - (size_t)(end + 4 - answer->head);
	end[2] = '\0';
	if (rest > BODY_BYTES ||
	    sscanf(answer->head, "HTTP/1.%d %3d", &minor, &answer->status) != 2)
		return false;
	memcpy(answer->body, end + 4, rest);
	answer->first = 0;
	answer->last = rest;
	return true;
}

/* At most `count` bytes of the body as they came: how many, where in *bytes_out; 0: the end;
 * -1: broken. */
static ssize_t take(struct answer *answer, unsigned long long count, const char **bytes_out)
{
	size_t part;

	if (answer->first == answer->last) {
		ssize_t got = connection_receive(answer->connection, answer->body, BODY_BYTES);

		if (got <= 0)
			return got;
		answer->first = 0;
		answer->last = (size_t)got;
	}
	part = answer->last - answer->first;
	part = part < count ? part : (size_t)count;
	*bytes_out = answer->body + answer->first;
	answer->first += part;
	return (ssize_t)part;
}

/* `count` bytes into the file; STATUS_ANSWER when they do not come. */
static enum status save(struct answer *answer, unsigned long long count, FILE *file)
{
	while (count) {
		const char *bytes;
		ssize_t got = take(answer, count, &bytes);

		if (got <= 0)
			return STATUS_ANSWER;
		if (fwrite(bytes, 1, (size_t)got, file) != (size_t)got)
			return STATUS_WRITE;
		count -= (unsigned long long)got;
	}
	return STATUS_OK;
}

static enum status save_rest(struct answer *answer, FILE *file)
{
	const char *bytes;
	ssize_t got;

	while ((got = take(answer, BODY_BYTES, &bytes)) > 0)
		if (fwrite(bytes, 1, (size_t)got, file) != (size_t)got)
			return STATUS_WRITE;
	return got < 0 ? STATUS_ANSWER : STATUS_OK;
}

/* A line of the body without its CR LF; false: it is too long, or does not come. */
static bool take_line(struct answer *answer, char *line_out, size_t room)
{
	const char *byte;
	size_t used = 0;

	while (used < room && take(answer, 1, &byte) == 1) {
		if (*byte == '\n') {
			line_out[used - (used && line_out[used - 1] == '\r')] = '\0';
			return true;
		}
		line_out[used++] = *byte;
	}
	return false;
}

/* A body in pieces, each with its length before it (RFC 9112 7.1). */
static enum status save_chunks(struct answer *answer, FILE *file)
{
	char line[256], *end;

	for (;;) {
		unsigned long long count;
		enum status status;

		if (!take_line(answer, line, sizeof(line)))
			return STATUS_ANSWER;
		count = strtoull(line, &end, 16);
		if (end == line || strchr("-+ ", line[0]) || (*end && *end != ';' && *end != ' '))
			return STATUS_ANSWER;
		if (!count)
			break;
		status = save(answer, count, file);
		if (status)
			return status;
		if (!take_line(answer, line, sizeof(line)) || line[0])
			return STATUS_ANSWER;
	}
	/* Trailers, up to an empty line. */
	do
		if (!take_line(answer, line, sizeof(line)))
			return STATUS_ANSWER;
	while (line[0]);
	return STATUS_OK;
}

static enum status save_body(struct answer *answer, const char *path)
{
	const char *length = field(answer->head, "Content-Length"),
		   *coding = field(answer->head, "Transfer-Encoding");
	FILE *file = path ? fopen(path, "wb") : stdout;
	enum status status = STATUS_ANSWER;
	char *end;
	int failed;

	if (!file) {
		fprintf(stderr, "fetch: %s: %s\n", path, strerror(errno));
		return STATUS_WRITE;
	}
	if (coding) {
		if (strncasecmp(coding, "chunked\r", 8) == 0)
			status = save_chunks(answer, file);
	} else if (length) {
		unsigned long long count = strtoull(length, &end, 10);

		if (*length >= '0' && *length <= '9' && *end == '\r')
			status = save(answer, count, file);
	} else {
		status = save_rest(answer, file);
	}
	failed = path ? fclose(file) : fflush(stdout);
	if (failed && !status)
		status = STATUS_WRITE;
	if (status == STATUS_WRITE)
		fprintf(stderr, "fetch: %s: %s\n", path ? path : "standard output",
			strerror(errno));
	else if (status)
		fprintf(stderr, "fetch: the answer ends too soon, or is no HTTP\n");
	return status;
}

/* One request; *next_out is set when the answer leads elsewhere. */
static enum status get(const struct url *url, const char *path, const char *certs,
		       struct answer *answer, struct url *next_out, bool *elsewhere_out)
{
	enum status status = connection_open(url, certs, &answer->connection);
	bool is_v6 = strchr(url->host, ':') != NULL;
	const char *location;
	char *request;
	int bytes;

	*elsewhere_out = false;
	if (status)
		return status;
	bytes = asprintf(&request,
			 "GET %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUser-Agent: "
			 "stardust-fetch\r\nAccept: */*\r\n"
			 "Connection: close\r\n\r\n",
			 url->target, is_v6 ? "[" : "", url->host, is_v6 ? "]" : "", url->port);
	if (bytes < 0 || !connection_send(answer->connection, request, (size_t)bytes) ||
	    !read_head(answer)) {
		fprintf(stderr, "fetch: %s: no answer of HTTP\n", url->host);
		status = STATUS_ANSWER;
	}
	if (bytes >= 0)
		free(request);
	location = status ? NULL : field(answer->head, "Location");
	if (location && answer->status >= 300 && answer->status < 400) {
		char text[URL_TARGET_BYTES];

		snprintf(text, sizeof(text), "%.*s", (int)strcspn(location, "\r"), location);
		*elsewhere_out = url_parse(text, url, next_out);
		if (!*elsewhere_out || (url->has_tls && !next_out->has_tls)) {
			fprintf(stderr, "fetch: sent on to %s, where this program does not go\n",
				text);
			status = STATUS_ANSWER;
		}
	} else if (!status && (answer->status < 200 || answer->status >= 300)) {
		fprintf(stderr, "fetch: %s: %.*s\n", url->host, (int)strcspn(answer->head, "\r"),
			answer->head);
		status = STATUS_HTTP;
	} else if (!status) {
		status = save_body(answer, path);
	}
	connection_close(answer->connection);
	return status;
}

static enum status usage(void)
{
	fprintf(stderr, "usage: fetch [-o FILE] [-c CERTIFICATES] URL\n");
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	static struct answer answer;
	const char *path = NULL, *certs = NULL;
	struct url url, next;
	bool elsewhere = true;
	enum status status = STATUS_OK;
	int option;

	while ((option = getopt(argc, argv, "o:c:")) != -1) {
		if (option == 'o')
			path = optarg;
		else if (option == 'c')
			certs = optarg;
		else
			return usage();
	}
	if (optind != argc - 1)
		return usage();
	if (!url_parse(argv[optind], NULL, &url)) {
		fprintf(stderr, "fetch: %s: write it as https://host[:port]/path\n", argv[optind]);
		return STATUS_USAGE;
	}
	for (int redirects = 0; elsewhere; redirects++, url = next) {
		if (redirects > REDIRECTS_MAX) {
			fprintf(stderr, "fetch: sent on more than %d times\n", REDIRECTS_MAX);
			return STATUS_ANSWER;
		}
		status = get(&url, path, certs, &answer, &next, &elsewhere);
		if (status)
			break;
	}
	return (int)status;
}
