/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A web server for static files (RFC 9110, 9112): httpd [PORT [DIRECTORY]], default 80 and /.
 * GET and HEAD, keep-alive, pipelining, one range, index.html or a list of the directory. One
 * thread, epoll.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX 8192
#define REPLY_BYTES_MAX   16384 /* a head, with a directory's list after it */
#define FILE_BYTES        16384 /* read at once */

struct client {
	int fd;
	size_t request_bytes;
	char request[REQUEST_BYTES_MAX + 1];
	char out[REPLY_BYTES_MAX + FILE_BYTES]; /* from out_first to out_last is to be sent */
	size_t out_first, out_last;
	int file; /* what follows, -1: nothing */
	off_t file_left;
	int keep; /* more requests after this one */
};

static const char *root = "/";

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

static void reply(struct client *client, const char *status, const char *type, const char *extra,
		  long long bytes)
{
	client->out_last +=
		(size_t)snprintf(client->out + client->out_last, REPLY_BYTES_MAX - client->out_last,
				 "HTTP/1.1 %s\r\nServer: stardust\r\nContent-Type: %s\r\n"
				 "Content-Length: %lld\r\n%sConnection: %s\r\n\r\n",
				 status, type, bytes, extra, client->keep ? "keep-alive" : "close");
}

static void reply_error(struct client *client, const char *status, int is_head)
{
	char text[128];
	int bytes = snprintf(text, sizeof(text), "<h1>%s</h1>\n", status);

	reply(client, status, "text/html", "", bytes);
	if (is_head)
		return;
	memcpy(client->out + client->out_last, text, (size_t)bytes);
	client->out_last += (size_t)bytes;
}

static int hex(int c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* The path of a target under root; 0 when it is none, or leaves it. */
static int path_of(const char *target, char *path_out, size_t path_bytes)
{
	size_t used = strlen(root);

	if (target[0] != '/' || used + strlen(target) + sizeof("index.html") > path_bytes)
		return 0;
	memcpy(path_out, root, used);
	while (used > 0 && path_out[used - 1] == '/')
		used--;
	for (; *target && *target != '?' && *target != '#'; target++) {
		int c = *target;

		if (c == '%') {
			int high = hex(target[1]), low = high < 0 ? -1 : hex(target[2]);

			if (low < 0 || (high | low) == 0)
				return 0;
			c = high * 16 + low;
			target += 2;
		}
		path_out[used++] = (char)c;
	}
	path_out[used] = '\0';
	return !strstr(path_out, "/../") && !(used >= 3 && strcmp(path_out + used - 3, "/..") == 0);
}

static void list_directory(struct client *client, const char *path, int is_head)
{
	static char text[REPLY_BYTES_MAX - 1024];
	size_t used = (size_t)snprintf(text, sizeof(text), "<!DOCTYPE html><ul>\n");
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)) && used < sizeof(text) - 700)
		if (entry->d_name[0] != '.' && !strpbrk(entry->d_name, "<>&\""))
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "<li><a href=\"%s\">%s</a>\n", entry->d_name,
						 entry->d_name);
	if (directory)
		closedir(directory);
	used += (size_t)snprintf(text + used, sizeof(text) - used, "</ul>\n");
	reply(client, "200 OK", "text/html", "", (long long)used);
	if (is_head)
		return;
	memcpy(client->out + client->out_last, text, used);
	client->out_last += used;
}

/* The value of a header field, NULL: not there. Ended by CR. */
static const char *field(const char *request, const char *name)
{
	size_t bytes = strlen(name);

	for (const char *line = strstr(request, "\r\n"); line; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, bytes) == 0 && line[2 + bytes] == ':')
			return line + 2 + bytes + 1 + strspn(line + 2 + bytes + 1, " \t");
	return NULL;
}

/* One range of bytes: 1, 0 when all is meant, -1 when it lies outside. */
static int range_of(const char *request, off_t bytes, off_t *first_out, off_t *last_out)
{
	const char *value = field(request, "Range");
	long long first, last = bytes - 1;
	char *end;

	if (!value || strncasecmp(value, "bytes=", 6) != 0)
		return 0;
	value += 6;
	if (*value == '-') {
		first = bytes - strtoll(value + 1, &end, 10);
		if (first < 0)
			first = 0;
	} else {
		first = strtoll(value, &end, 10);
		if (end == value || *end != '-')
			return 0;
		if (end[1] >= '0' && end[1] <= '9')
			last = strtoll(end + 1, &end, 10);
		else
			end++;
	}
	if (*end != '\r')
		return 0;
	if (last > bytes - 1)
		last = bytes - 1;
	*first_out = first;
	*last_out = last;
	return first > last ? -1 : 1;
}

static void serve_file(struct client *client, const char *path, const char *request, int is_head)
{
	char extra[160] = "Accept-Ranges: bytes\r\n";
	off_t first = 0, last;
	struct stat stat;
	int fd = open(path, O_RDONLY), range;

	if (fd < 0 || fstat(fd, &stat) || !S_ISREG(stat.st_mode)) {
		if (fd >= 0)
			close(fd);
		reply_error(client, "404 Not Found", is_head);
		return;
	}
	last = stat.st_size - 1;
	range = range_of(request, stat.st_size, &first, &last);
	if (range < 0) {
		close(fd);
		reply_error(client, "416 Range Not Satisfiable", is_head);
		return;
	}
	if (range > 0)
		snprintf(extra, sizeof(extra), "Content-Range: bytes %lld-%lld/%lld\r\n",
			 (long long)first, (long long)last, (long long)stat.st_size);
	reply(client, range > 0 ? "206 Partial Content" : "200 OK", type_of(path), extra,
	      (long long)(last - first + 1));
	if (is_head || last < first) {
		close(fd);
		return;
	}
	lseek(fd, first, SEEK_SET);
	client->file = fd;
	client->file_left = last - first + 1;
}

/* One request, ended by an empty line, which is replaced by NUL. */
static void answer(struct client *client, const char *request)
{
	char method[8], target[1024], path[1200];
	int minor, is_head;
	const char *connection = field(request, "Connection");
	struct stat stat;

	client->keep = 0;
	if (sscanf(request, "%7s %1023s HTTP/1.%d", method, target, &minor) != 3) {
		reply_error(client, "400 Bad Request", 0);
		return;
	}
	client->keep = minor >= 1 ? !(connection && strncasecmp(connection, "close", 5) == 0)
				  : connection && strncasecmp(connection, "keep-alive", 10) == 0;
	is_head = strcmp(method, "HEAD") == 0;
	if (field(request, "Content-Length") || field(request, "Transfer-Encoding"))
		client->keep = 0;
	if (!is_head && strcmp(method, "GET") != 0) {
		reply_error(client, "405 Method Not Allowed", 0);
	} else if (!path_of(target, path, sizeof(path)) || lstat(path[0] ? path : "/", &stat)) {
		reply_error(client, "404 Not Found", is_head);
	} else if (S_ISDIR(stat.st_mode)) {
		size_t bytes = strlen(path);

		snprintf(path + bytes, sizeof(path) - bytes, "%sindex.html",
			 bytes && path[bytes - 1] == '/' ? "" : "/");
		if (access(path, R_OK) == 0) {
			serve_file(client, path, request, is_head);
		} else {
			path[bytes] = '\0';
			list_directory(client, path[0] ? path : "/", is_head);
		}
	} else {
		serve_file(client, path, request, is_head);
	}
}

/* 1: all is sent; 0: there is no room; -1: the client is gone. */
static int flush(struct client *client)
{
	for (;;) {
		ssize_t sent;

		if (client->out_first == client->out_last) {
			ssize_t got;

			client->out_first = client->out_last = 0;
			if (client->file < 0)
				return 1;
			got = read(client->file, client->out,
				   client->file_left < FILE_BYTES ? (size_t)client->file_left
								  : FILE_BYTES);
			if (got <= 0)
				return -1;
			client->out_last = (size_t)got;
			client->file_left -= got;
		} else if (client->file >= 0 && client->file_left > 0 &&
			   client->out_last < REPLY_BYTES_MAX && client->out_first == 0) {
			/* Head and first bytes leave together. */
			size_t want = sizeof(client->out) - client->out_last;
			ssize_t got;

			if (want > FILE_BYTES)
				want = FILE_BYTES;
			if ((off_t)want > client->file_left)
				want = (size_t)client->file_left;
			got = read(client->file, client->out + client->out_last, want);
			if (got <= 0)
				return -1;
			client->out_last += (size_t)got;
			client->file_left -= got;
		}
		if (client->file >= 0 && client->file_left == 0) {
			close(client->file);
			client->file = -1;
		}
		sent = send(client->fd, client->out + client->out_first,
			    client->out_last - client->out_first, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN ? 0 : -1;
		client->out_first += (size_t)sent;
	}
}

/* 0: it is over. */
static int serve(struct client *client)
{
	for (;;) {
		int flushed = flush(client);
		char *end;
		ssize_t got;

		if (flushed <= 0)
			return flushed == 0;
		if (!client->keep)
			return 0;
		client->request[client->request_bytes] = '\0';
		end = strstr(client->request, "\r\n\r\n");
		if (end) {
			size_t bytes = (size_t)(end - client->request) + 4;

			/* The last line's CR LF stays: each field ends with one. */
			end[2] = '\0';
			answer(client, client->request);
			client->request_bytes -= bytes;
			memmove(client->request, client->request + bytes, client->request_bytes);
			continue;
		}
		if (client->request_bytes == REQUEST_BYTES_MAX) {
			client->keep = 0;
			reply_error(client, "431 Request Header Fields Too Large", 0);
			continue;
		}
		got = recv(client->fd, client->request + client->request_bytes,
			   REQUEST_BYTES_MAX - client->request_bytes, 0);
		if (got <= 0)
			return got < 0 && errno == EAGAIN;
		client->request_bytes += (size_t)got;
	}
}

static void greet(int epoll, int listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct client *client = malloc(sizeof(*client));
		struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = client}};

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (!client || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
			free(client);
			close(fd);
			continue;
		}
		client->fd = fd;
		client->request_bytes = client->out_first = client->out_last = 0;
		client->file = -1;
		client->keep = 1;
	}
}

static void stop(int signal)
{
	(void)signal;
	_exit(0);
}

int main(int argc, char **argv)
{
	int port = argc > 1 ? atoi(argv[1]) : 80, one = 1;
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port)};
	int listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
	struct epoll_event events[64] = {{EPOLLIN, {.ptr = NULL}}};

	if (argc > 2)
		root = argv[2];
	signal(SIGTERM, stop);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (listener < 0 || epoll < 0 || bind(listener, (struct sockaddr *)&any, sizeof(any)) ||
	    listen(listener, 255) || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, events)) {
		perror("httpd");
		return 1;
	}
	printf("httpd: port %d, files of %s\n", port, root);
	fflush(stdout);
	for (;;) {
		int count = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < count; i++) {
			struct client *client = events[i].data.ptr;

			if (!client) {
				greet(epoll, listener);
			} else if (!serve(client)) {
				if (client->file >= 0)
					close(client->file);
				close(client->fd);
				free(client);
			}
		}
	}
}
