/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A web server for static files (RFC 9110, 9112): httpd [PORT [DIRECTORY]], default 80 and /.
 * GET and HEAD, keep-alive, pipelining, one range, index.html or a list of the directory. One
 * thread, epoll. With tls.c (the example https) also [TLS-PORT CERTIFICATE KEY].
 *
 * A client is given IDLE_SECONDS to finish a request or to take some of its answer. When there are
 * too many, or memory or descriptors end, the one that has done nothing for longest has to go.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include <time.h>
#include <unistd.h>

#include "request.h"
#include "text.h"
#include "tls.h"

#pragma weak tls_start
#pragma weak tls_open
#pragma weak tls_receive
#pragma weak tls_send
#pragma weak tls_end
#pragma weak tls_close

#define CLIENTS_MAX       4000
#define IDLE_SECONDS      60
#define REQUEST_BYTES     1024 /* to begin with */
#define REQUEST_BYTES_MAX 8192
#define HEAD_BYTES        1024  /* of a reply, with the text of an error */
#define FILE_BYTES        16384 /* read at once */
#define LIST_BYTES_MAX    (1u << 20)
#define TURN_BYTES        (256u << 10) /* for one client, then it is another's turn */
#define TURN_REQUESTS     32
#define DRAIN_BYTES_MAX   (1u << 20) /* of what comes after the last answer */

struct client {
	struct client *before, *after; /* by when they last got on; the first has waited longest */
	struct client *next_ready;
	time_t since;
	int fd;
	struct tls *tls;
	char *request;
	size_t request_bytes, request_room;
	char *out; /* from out_first to out_last is to be sent; NULL: nothing */
	size_t out_first, out_last, out_room;
	int file; /* what follows, -1: nothing */
	off_t file_left;
	size_t drained;
	int keep;    /* more requests after this one */
	int closing; /* all is said; the rest of what comes is not read by anyone */
	int ready;   /* in the queue */
};

enum outcome { WAIT, AGAIN, GONE };

static const char *root;
static char real_root[PATH_MAX];
static size_t real_root_bytes; /* 0: all there is */
static struct client *oldest, *newest, *ready_first, **ready_end = &ready_first;
static int clients_count, ready_count, poller;
static struct listener {
	int fd, has_tls;
} listeners[2];

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

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void unlist(struct client *client)
{
	*(client->before ? &client->before->after : &oldest) = client->after;
	*(client->after ? &client->after->before : &newest) = client->before;
}

static void enlist(struct client *client)
{
	client->since = now();
	client->before = newest;
	client->after = NULL;
	*(newest ? &newest->after : &oldest) = client;
	newest = client;
}

/* It got on. */
static void touch(struct client *client)
{
	unlist(client);
	enlist(client);
}

static void make_ready(struct client *client)
{
	if (client->ready)
		return;
	client->ready = 1;
	client->next_ready = NULL;
	*ready_end = client;
	ready_end = &client->next_ready;
	ready_count++;
}

/* No more in the queue. */
static void unready(struct client *client)
{
	struct client **at = &ready_first;

	while (*at != client)
		at = &(*at)->next_ready;
	*at = client->next_ready;
	if (ready_end == &client->next_ready)
		ready_end = at;
	client->ready = 0;
	ready_count--;
}

static void drop(struct client *client)
{
	if (client->ready)
		unready(client);
	unlist(client);
	clients_count--;
	if (client->file >= 0)
		close(client->file);
	if (client->tls)
		tls_close(client->tls);
	close(client->fd);
	free(client->request);
	free(client->out);
	free(client);
}

/* Room for as many bytes more to be sent; 0: there is no memory. */
static int reserve(struct client *client, size_t bytes)
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

/* A head; `extra` is lines of it, at most 300 bytes. The caller has reserved HEAD_BYTES. */
static void reply(struct client *client, const char *status, const char *type, const char *extra,
		  long long bytes)
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

	client->out_last += text_join(client->out + client->out_last, HEAD_BYTES, texts);
}

static void reply_text(struct client *client, const char *status, const char *extra, int is_head)
{
	char text[128];
	int bytes = snprintf(text, sizeof(text), "<h1>%s</h1>\n", status);

	reply(client, status, "text/html", extra, bytes);
	if (is_head)
		return;
	memcpy(client->out + client->out_last, text, (size_t)bytes);
	client->out_last += (size_t)bytes;
}

static void reply_error(struct client *client, int status, const char *extra, int is_head)
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

	if (!text || !reserve(client, HEAD_BYTES + bytes)) {
		reply_error(client, text ? 500 : 404, "", is_head);
	} else {
		reply(client, "200 OK", "text/html; charset=utf-8", "", (long long)bytes);
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
	reply(client, status == 206 ? "206 Partial Content" : "200 OK", type_of(path), extra,
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
	if (!file || fclose(file) || !reserve(client, HEAD_BYTES + bytes))
		reply_error(client, 500, "", is_head);
	else if (bytes > HEAD_BYTES / 2)
		reply_error(client, 404, "", is_head);
	else
		reply_text(client, "301 Moved Permanently", line, is_head);
	free(line);
}

/* One request, ended by an empty line, which is replaced by NUL. */
static void answer(struct client *client, const char *text)
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

/* Some of the file behind what is to be sent; 0: it ends too soon, or there is no memory. */
static int read_file(struct client *client)
{
	size_t want = client->file_left < FILE_BYTES ? (size_t)client->file_left : FILE_BYTES;
	ssize_t got;

	if (!reserve(client, want))
		return 0;
	got = read(client->file, client->out + client->out_last, want);
	if (got <= 0)
		return 0;
	client->out_last += (size_t)got;
	client->file_left -= got;
	if (client->file_left == 0) {
		close(client->file);
		client->file = -1;
	}
	return 1;
}

/* 1: all is sent; 0: there is no room; -1: the client is gone; 2: enough for one turn. */
static int flush(struct client *client, size_t *budget)
{
	for (;;) {
		ssize_t sent;

		if (client->out_first == client->out_last) {
			client->out_first = client->out_last = 0;
			if (client->file < 0)
				break;
		}
		/* Head and first bytes leave together. */
		if (client->file >= 0 && client->out_first == 0 && client->out_last < HEAD_BYTES &&
		    !read_file(client))
			return -1;
		if (*budget == 0)
			return 2;
		sent = client->tls ? tls_send(client->tls, client->out + client->out_first,
					      client->out_last - client->out_first)
				   : send(client->fd, client->out + client->out_first,
					  client->out_last - client->out_first, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN ? 0 : -1;
		touch(client);
		client->out_first += (size_t)sent;
		*budget -= (size_t)sent < *budget ? (size_t)sent : *budget;
	}
	/* Who waits for the next request holds no memory for answers. */
	free(client->out);
	client->out = NULL;
	client->out_room = 0;
	return 1;
}

/* After the last answer: closed at once with bytes unread, TCP would take the answer back. */
static enum outcome drain(struct client *client)
{
	static char waste[4096];
	ssize_t got;

	if (!client->closing) {
		client->closing = 1;
		if (client->tls)
			tls_end(client->tls);
		shutdown(client->fd, SHUT_WR);
	}
	while ((got = recv(client->fd, waste, sizeof(waste), 0)) > 0) {
		client->drained += (size_t)got;
		if (client->drained > DRAIN_BYTES_MAX)
			return GONE;
	}
	return got < 0 && errno == EAGAIN ? WAIT : GONE;
}

/* Answers the first request of what has come, if it is whole; 0: it is not. */
static int next_request(struct client *client)
{
	size_t bytes;
	char *end;

	/* Empty lines in front of a request are to be ignored. */
	for (bytes = 0;
	     client->request_bytes - bytes >= 2 && memcmp(client->request + bytes, "\r\n", 2) == 0;)
		bytes += 2;
	if (bytes) {
		client->request_bytes -= bytes;
		memmove(client->request, client->request + bytes, client->request_bytes);
	}
	end = memmem(client->request, client->request_bytes, "\r\n\r\n", 4);
	if (!end && client->request_bytes < REQUEST_BYTES_MAX)
		return 0;
	if (!reserve(client, HEAD_BYTES)) {
		client->keep = 0;
		return 1;
	}
	touch(client);
	if (!end) {
		client->keep = 0;
		reply_error(client, 431, "", 0);
		return 1;
	}
	bytes = (size_t)(end - client->request) + 4;
	if (memchr(client->request, '\0', bytes)) {
		client->keep = 0;
		reply_error(client, 400, "", 0);
		return 1;
	}
	/* The last line's CR LF stays: each field ends with one. */
	end[2] = '\0';
	answer(client, client->request);
	client->request_bytes -= bytes;
	memmove(client->request, client->request + bytes, client->request_bytes);
	return 1;
}

/* As much of requests as has come: 1; WAIT and GONE are 0 and -1. */
static int receive(struct client *client)
{
	ssize_t got;

	if (client->request_bytes == client->request_room) {
		size_t room = client->request_room ? REQUEST_BYTES_MAX : REQUEST_BYTES;
		char *request = realloc(client->request, room);

		if (!request)
			return -1;
		client->request = request;
		client->request_room = room;
	}
	got = client->tls ? tls_receive(client->tls, client->request + client->request_bytes,
					client->request_room - client->request_bytes)
			  : recv(client->fd, client->request + client->request_bytes,
				 client->request_room - client->request_bytes, 0);
	if (got <= 0)
		return got < 0 && errno == EAGAIN ? 0 : -1;
	client->request_bytes += (size_t)got;
	return 1;
}

static enum outcome serve(struct client *client)
{
	size_t budget = TURN_BYTES;

	for (int requests = 0; requests < TURN_REQUESTS;) {
		int flushed, received;

		if (client->closing)
			return drain(client);
		flushed = flush(client, &budget);
		if (flushed != 1)
			return flushed == 0 ? WAIT : flushed < 0 ? GONE : AGAIN;
		if (!client->keep)
			return drain(client);
		if (client->request_bytes && next_request(client)) {
			requests++;
			continue;
		}
		received = receive(client);
		if (received <= 0)
			return received == 0 ? WAIT : GONE;
	}
	return AGAIN;
}

/* One turn for each that is ready now; who is not done then stands at the end again. */
static void serve_ready(void)
{
	for (int turns = ready_count; turns > 0; turns--) {
		struct client *client = ready_first;
		enum outcome outcome;

		unready(client);
		outcome = serve(client);
		if (outcome == GONE)
			drop(client);
		else if (outcome == AGAIN)
			make_ready(client);
	}
}

/* 0: there is no memory for one more. */
static int add_client(int fd, int has_tls)
{
	struct client *client = calloc(1, sizeof(*client));
	struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = client}};
	int one = 1;

	if (!client)
		return 0;
	client->fd = fd;
	client->file = -1;
	client->keep = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if ((has_tls && !(client->tls = tls_open(fd))) ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) {
		if (client->tls)
			tls_close(client->tls);
		free(client);
		return 0;
	}
	clients_count++;
	enlist(client);
	return 1;
}

static void greet(const struct listener *listener)
{
	int fd;

	for (;;) {
		/* Whoever waits longest makes room. */
		if (clients_count == CLIENTS_MAX)
			drop(oldest);
		fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 &&
		    (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) &&
		    oldest) {
			drop(oldest);
			continue;
		}
		if (fd < 0)
			return;
		while (!add_client(fd, listener->has_tls)) {
			if (!oldest) {
				close(fd);
				break;
			}
			drop(oldest);
		}
	}
}

static void stop(int signal)
{
	(void)signal;
	_exit(0);
}

static int usage(void)
{
	fprintf(stderr, "usage: httpd [PORT [DIRECTORY%s]]\n",
		tls_start ? " [TLS-PORT CERTIFICATE KEY]" : "");
	return 2;
}

static void fail(const char *what)
{
	fprintf(stderr, "httpd: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* -1: not the number of a port. */
static int port_of(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return *text && !*end && port > 0 && port <= 65535 ? (int)port : -1;
}

static void listen_at(int number, int port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port)};
	struct listener *listener = &listeners[number];
	struct epoll_event event = {EPOLLIN, {.ptr = listener}};
	char what[32];
	int one = 1;

	snprintf(what, sizeof(what), "port %d", port);
	listener->has_tls = number;
	listener->fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		fail("socket");
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener->fd, (struct sockaddr *)&any, sizeof(any)) ||
	    listen(listener->fd, SOMAXCONN) ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, listener->fd, &event))
		fail(what);
}

static void start(int argc, char **argv)
{
	int port = argc > 1 ? port_of(argv[1]) : 80, tls_port = 0;

	if (tls_start)
		tls_port = argc > 3 ? port_of(argv[3]) : 443;
	if (port < 0 || tls_port < 0 || (argc > 3 && !(tls_start && argc == 6)))
		exit(usage());
	root = argc > 2 ? argv[2] : tls_start ? "/www" : "/";
	if (!realpath(root, real_root))
		fail(root);
	real_root_bytes = strcmp(real_root, "/") == 0 ? 0 : strlen(real_root);
	if (!real_root_bytes)
		root = "";
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0)
		fail("epoll");
	listen_at(0, port);
	if (tls_port) {
		if (tls_start(argc > 4 ? argv[4] : "/tls/cert.pem",
			      argc > 5 ? argv[5] : "/tls/key.pem"))
			exit(1);
		listen_at(1, tls_port);
		printf("httpd: port %d with TLS\n", tls_port);
	}
	printf("httpd: port %d, files of %s\n", port, real_root);
	fflush(stdout);
}

static int is_listener(const void *source)
{
	return source == &listeners[0] || source == &listeners[1];
}

/* Until something is to be done that no event tells of. */
static int timeout_ms(void)
{
	time_t left;

	if (ready_first)
		return 0;
	if (!oldest)
		return -1;
	left = oldest->since + IDLE_SECONDS - now();
	return left > 0 ? (int)left * 1000 : 0;
}

int main(int argc, char **argv)
{
	struct epoll_event events[64];

	signal(SIGTERM, stop);
	start(argc, argv);
	for (;;) {
		int count = epoll_wait(poller, events, 64, timeout_ms());

		/* New ones last: they may cost others their place, of whom no event may be
		 * left then. */
		for (int i = 0; i < count; i++)
			if (!is_listener(events[i].data.ptr))
				make_ready(events[i].data.ptr);
		serve_ready();
		while (oldest && now() - oldest->since >= IDLE_SECONDS)
			drop(oldest);
		for (int i = 0; i < count; i++)
			if (is_listener(events[i].data.ptr))
				greet(events[i].data.ptr);
	}
}
