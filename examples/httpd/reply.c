/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "reply.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "request.h"
#include "text.h"

#define LIST_BYTES_MAX (1u << 20)

/* Not changed once it is set. */
static const char *root;
static char real_root[PATH_MAX];
static size_t real_root_bytes; /* 0: all there is */

static const struct {
	const char *suffix, *type;
} types[] = {
	{".html", "text/html; charset=utf-8"},
	{".css", "text/css"},
	{".js", "text/javascript"},
	{".json", "application/json"},
	{".png", "image/png"},
	{".jpg", "image/jpeg"},
	{".svg", "image/svg+xml"},
	{".txt", "text/plain"},
	{".wasm", "application/wasm"},
};

static const char *type_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(dot, types[i].suffix) == 0)
			return types[i].type;
	return "application/octet-stream";
}

const char *reply_root(const char *directory)
{
	if (!realpath(directory, real_root))
		return NULL;
	root = directory;
	real_root_bytes = strcmp(real_root, "/") == 0 ? 0 : strlen(real_root);
	if (!real_root_bytes)
		root = "";
	return real_root;
}

int reply_reserve(struct client *client, size_t bytes)
{
	size_t room = client->out_last + bytes;
	char *out;

	if (room <= client->out_room)
		return 1;
	out = realloc(client->out, room);
	if (!out)
		return 0;
	client->out = out;
	client->out_room = room;
	return 1;
}

/* A head; `extra` is lines of it, at most 300 bytes. The caller has reserved REPLY_HEAD_BYTES. */
static void reply_head(struct client *client, const char *status, const char *type,
		       const char *extra, long long bytes)
{
	char length[TEXT_DECIMAL_BYTES];
	const char *const texts[] = {"HTTP/1.1 ",
				     status,
				     "\r\nServer: stardust\r\nDate: ",
				     text_date(),
				     "\r\nContent-Type: ",
				     type,
				     "\r\nContent-Length: ",
				     text_decimal((unsigned long long)bytes, length),
				     "\r\n",
				     extra,
				     client->keep ? "Connection: keep-alive\r\n\r\n"
						  : "Connection: close\r\n\r\n",
				     NULL};

	client->out_last += text_join(client->out + client->out_last, REPLY_HEAD_BYTES, texts);
}

static void reply_text(struct client *client, const char *status, const char *extra, int is_head)
{
	char text[128];
	int bytes = snprintf(text, sizeof(text), "<h1>%s</h1>\n", status);

	reply_head(client, status, "text/html", extra, bytes);
	if (is_head)
		return;
	memcpy(client->out + client->out_last, text, (size_t)bytes);
	client->out_last += (size_t)bytes;
}

void reply_error(struct client *client, int status, const char *extra, int is_head)
{
	reply_text(client,
		   status == 400   ? "400 Bad Request"
		   : status == 404 ? "404 Not Found"
		   : status == 405 ? "405 Method Not Allowed"
		   : status == 414 ? "414 URI Too Long"
		   : status == 416 ? "416 Range Not Satisfiable"
		   : status == 431 ? "431 Request Header Fields Too Large"
		   : status == 505 ? "505 HTTP Version Not Supported"
				   : "500 Internal Server Error",
		   extra, is_head);
}

/* `text` with what URLs (is_url) or HTML do not take as it is written in their way. */
static void put_escaped(FILE *file, const char *text, int is_url)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (is_url ? strchr("\"#%&<>?:\\ ", c) || c < ' ' || c > '~'
			   : strchr("\"&<>", c) != NULL)
			fprintf(file, is_url ? "%%%02X" : "&#%d;", c);
		else
			fputc(c, file);
	}
}

/* The list of a directory, in memory the caller frees; NULL: no memory, or it cannot be read. */
static char *list_of(const char *path, size_t *bytes_out)
{
	char *text = NULL;
	FILE *file = open_memstream(&text, bytes_out);
	DIR *directory = opendir(path);
	struct dirent *entry;
	int failed = !file || !directory;

	if (!failed)
		fprintf(file, "<!DOCTYPE html><ul>\n");
	while (!failed && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		fprintf(file, "<li><a href=\"");
		put_escaped(file, entry->d_name, 1);
		fprintf(file, "\">");
		put_escaped(file, entry->d_name, 0);
		fprintf(file, "</a>\n");
		if (ftell(file) > (long)LIST_BYTES_MAX) {
			fprintf(file, "<li>and more\n");
			break;
		}
	}
	if (!failed)
		fprintf(file, "</ul>\n");
	if (directory)
		closedir(directory);
	if (file && fclose(file))
		failed = 1;
	if (!failed)
		return text;
	free(text);
	return NULL;
}

static void serve_list(struct client *client, const char *path, int is_head)
{
	size_t bytes;
	char *text = list_of(path, &bytes);

	if (!text || !reply_reserve(client, REPLY_HEAD_BYTES + bytes)) {
		reply_error(client, text ? 500 : 404, "", is_head);
	} else {
		reply_head(client, "200 OK", "text/html; charset=utf-8", "", (long long)bytes);
		if (!is_head) {
			memcpy(client->out + client->out_last, text, bytes);
			client->out_last += bytes;
		}
	}
	free(text);
}

static void serve_file(struct client *client, const char *path, const struct request *request)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC),
	    is_head = request->method == REQUEST_HEAD, status;
	char extra[120] = "Accept-Ranges: bytes\r\n";
	struct stat stat;
	off_t first, last;

	if (fd < 0 || fstat(fd, &stat) || !S_ISREG(stat.st_mode)) {
		if (fd >= 0)
			close(fd);
		reply_error(client, 404, "", is_head);
		return;
	}
	status = request_range(request->range, stat.st_size, &first, &last);
	if (status == 416) {
		close(fd);
		snprintf(extra, sizeof(extra), "Content-Range: bytes */%lld\r\n",
			 (long long)stat.st_size);
		reply_error(client, 416, extra, is_head);
		return;
	}
	if (status == 206)
		snprintf(extra, sizeof(extra), "Content-Range: bytes %lld-%lld/%lld\r\n",
			 (long long)first, (long long)last, (long long)stat.st_size);
	reply_head(client, status == 206 ? "206 Partial Content" : "200 OK", type_of(path), extra,
		   (long long)(last - first + 1));
	if (is_head || last < first) {
		close(fd);
		return;
	}
	if (first)
		lseek(fd, first, SEEK_SET);
	client->file = fd;
	client->file_left = last - first + 1;
}

/* What a path of a request leads to, links followed, which must be under root. */
static int find(const char *path, char *found_out, struct stat *stat_out)
{
	const char *const texts[] = {root, path, NULL};
	char full[PATH_MAX];

	if (!text_join_all(full, sizeof(full), texts) || !realpath(full, found_out))
		return 0;
	if (real_root_bytes && (strncmp(found_out, real_root, real_root_bytes) != 0 ||
				(found_out[real_root_bytes] && found_out[real_root_bytes] != '/')))
		return 0;
	return stat(found_out, stat_out) == 0;
}

/* Sends a browser to the same name with a slash after it: what a list names is relative to that. */
static void redirect(struct client *client, const char *path, int is_head)
{
	char *line = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&line, &bytes);

	if (file) {
		fprintf(file, "Location: ");
		/* Two slashes in front would name a host. */
		put_escaped(file, path + strspn(path, "/") - 1, 1);
		fprintf(file, "/\r\n");
	}
	if (!file || fclose(file) || !reply_reserve(client, REPLY_HEAD_BYTES + bytes))
		reply_error(client, 500, "", is_head);
	else if (bytes > REPLY_HEAD_BYTES / 2)
		reply_error(client, 404, "", is_head);
	else
		reply_text(client, "301 Moved Permanently", line, is_head);
	free(line);
}

void reply_to(struct client *client, const char *text)
{
	struct request request;
	int status = request_parse(text, &request), is_head = request.method == REQUEST_HEAD;
	char found[PATH_MAX];
	struct stat stat;

	client->keep = request.keep;
	if (status) {
		reply_error(client, status, "", is_head);
	} else if (request.method == REQUEST_OTHER) {
		reply_error(client, 405, "Allow: GET, HEAD\r\n", 0);
	} else if (!find(request.path, found, &stat)) {
		reply_error(client, 404, "", is_head);
	} else if (S_ISREG(stat.st_mode)) {
		serve_file(client, found, &request);
	} else if (!S_ISDIR(stat.st_mode)) {
		reply_error(client, 404, "", is_head);
	} else if (request.path[strlen(request.path) - 1] != '/') {
		redirect(client, request.path, is_head);
	} else {
		const char *const texts[] = {request.path, "index.html", NULL};
		char index[PATH_MAX], index_found[PATH_MAX];

		if (text_join_all(index, sizeof(index), texts) && find(index, index_found, &stat))
			serve_file(client, index_found, &request);
		else
			serve_list(client, found, is_head);
	}
}
