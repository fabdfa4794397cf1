/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client is given IDLE_SECONDS to finish a request or to take some of its answer. When there are
 * too many, or memory or descriptors end, the one that has done nothing for longest has to go.
 *
 * With several workers each port is listened at by one of them at a time: who has taken a
 * connection hands the listener on. So all get as many, and one that has no memory for more drops
 * clients of its own or lets the next one try.
 */
#define _GNU_SOURCE
#include "worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "reply.h"
#include "client.h"
#include "tls.h"

#pragma weak tls_open
#pragma weak tls_receive
#pragma weak tls_send
#pragma weak tls_end
#pragma weak tls_close

#define CLIENTS_MAX       4000 /* of all workers */
#define IDLE_SECONDS      60
#define REQUEST_BYTES     1024 /* to begin with */
#define REQUEST_BYTES_MAX 8192
#define FILE_BYTES        16384        /* read at once */
#define TURN_BYTES        (256u << 10) /* for one client, then it is another's turn */
#define TURN_REQUESTS     32
#define DRAIN_BYTES_MAX   (1u << 20) /* of what comes after the last answer */
#define WASTE_BYTES       4096

struct worker {
	unsigned int number;
	int poller;
	struct client *oldest, *newest, *ready_first, **ready_end;
	unsigned int clients_count, ready_count;
	char *spare; /* the next client's to send from; NULL: none */
	size_t spare_bytes;
	char waste[WASTE_BYTES];
};

enum outcome { WAIT, AGAIN, GONE };

/* Not changed once the second one runs. */
static struct worker *workers;
static unsigned int workers_count;
static struct listener {
	int fd, has_tls;
} listeners[WORKERS_PORTS];

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void unlist(struct client *client)
{
	struct worker *worker = client->worker;

	*(client->before ? &client->before->after : &worker->oldest) = client->after;
	*(client->after ? &client->after->before : &worker->newest) = client->before;
}

static void enlist(struct client *client)
{
	struct worker *worker = client->worker;

	client->since = now();
	client->before = worker->newest;
	client->after = NULL;
	*(worker->newest ? &worker->newest->after : &worker->oldest) = client;
	worker->newest = client;
}

/* It got on. */
static void touch(struct client *client)
{
	unlist(client);
	enlist(client);
}

static void make_ready(struct client *client)
{
	struct worker *worker = client->worker;

	if (client->ready)
		return;
	client->ready = 1;
	client->next_ready = NULL;
	*worker->ready_end = client;
	worker->ready_end = &client->next_ready;
	worker->ready_count++;
}

/* No more in the queue. */
static void unready(struct client *client)
{
	struct worker *worker = client->worker;
	struct client **at = &worker->ready_first;

	while (*at != client)
		at = &(*at)->next_ready;
	*at = client->next_ready;
	if (worker->ready_end == &client->next_ready)
		worker->ready_end = at;
	client->ready = 0;
	worker->ready_count--;
}

static void drop(struct client *client)
{
	if (client->ready)
		unready(client);
	unlist(client);
	client->worker->clients_count--;
	if (client->file >= 0)
		close(client->file);
	if (client->tls)
		tls_close(client->tls);
	close(client->fd);
	free(client->request);
	free(client->out);
	free(client);
}

/* Some of the file behind what is to be sent; 0: it ends too soon, or there is no memory. */
static int read_file(struct client *client)
{
	size_t want = client->file_left < FILE_BYTES ? (size_t)client->file_left : FILE_BYTES;
	ssize_t got;

	if (!reply_reserve(client, want))
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

/* Who waits for the next request holds no memory for answers. One piece is kept for the next one
 * who answers. */
static void give_room(struct client *client)
{
	struct worker *worker = client->worker;

	if (!worker->spare && client->out_room <= REPLY_HEAD_BYTES + FILE_BYTES) {
		worker->spare = client->out;
		worker->spare_bytes = client->out_room;
	} else {
		free(client->out);
	}
	client->out = NULL;
	client->out_room = 0;
}

static void take_room(struct client *client)
{
	struct worker *worker = client->worker;

	if (client->out)
		return;
	client->out = worker->spare;
	client->out_room = worker->spare ? worker->spare_bytes : 0;
	worker->spare = NULL;
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
		if (client->file >= 0 && client->out_first == 0 &&
		    client->out_last < REPLY_HEAD_BYTES && !read_file(client))
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
	give_room(client);
	return 1;
}

/* After the last answer: closed at once with bytes unread, TCP would take the answer back. */
static enum outcome drain(struct client *client)
{
	char *waste = client->worker->waste;
	ssize_t got;

	if (!client->closing) {
		client->closing = 1;
		if (client->tls)
			tls_end(client->tls);
		shutdown(client->fd, SHUT_WR);
	}
	while ((got = recv(client->fd, waste, WASTE_BYTES, 0)) > 0) {
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
	take_room(client);
	if (!reply_reserve(client, REPLY_HEAD_BYTES)) {
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
	reply_to(client, client->request);
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
static void serve_ready(struct worker *worker)
{
	for (unsigned int turns = worker->ready_count; turns > 0; turns--) {
		struct client *client = worker->ready_first;
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
static int add_client(struct worker *worker, int fd, int has_tls)
{
	struct client *client = calloc(1, sizeof(*client));
	struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = client}};
	int one = 1;

	if (!client)
		return 0;
	client->worker = worker;
	client->fd = fd;
	client->file = -1;
	client->keep = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if ((has_tls && !(client->tls = tls_open(fd))) ||
	    epoll_ctl(worker->poller, EPOLL_CTL_ADD, fd, &event)) {
		if (client->tls)
			tls_close(client->tls);
		free(client);
		return 0;
	}
	worker->clients_count++;
	enlist(client);
	return 1;
}

/* New connections: all that are there, or one when there are several workers. */
static void greet(struct worker *worker, const struct listener *listener)
{
	int fd;

	do {
		/* Whoever waits longest makes room. */
		if (worker->clients_count >= CLIENTS_MAX / workers_count)
			drop(worker->oldest);
		fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 &&
		    (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) &&
		    worker->oldest) {
			drop(worker->oldest);
			continue;
		}
		if (fd < 0)
			return;
		while (!add_client(worker, fd, listener->has_tls)) {
			if (!worker->oldest) {
				close(fd);
				break;
			}
			drop(worker->oldest);
		}
	} while (fd < 0 || workers_count == 1);
}

/* Each worker's poller knows each listener, and one of them looks for it. 0 or -1. */
static int look_for(struct worker *worker, struct listener *listener, int operation, int looks)
{
	struct epoll_event event = {looks ? EPOLLIN : 0, {.ptr = listener}};

	if (workers_count > 1)
		event.events |= EPOLLONESHOT;
	return epoll_ctl(worker->poller, operation, listener->fd, &event);
}

static int is_listener(const void *source)
{
	return source >= (void *)listeners && source < (void *)(listeners + WORKERS_PORTS);
}

/* Until something is to be done that no event tells of. */
static int timeout_ms(const struct worker *worker)
{
	time_t left;

	if (worker->ready_first)
		return 0;
	if (!worker->oldest)
		return -1;
	left = worker->oldest->since + IDLE_SECONDS - now();
	return left > 0 ? (int)left * 1000 : 0;
}

static void *work(void *arg)
{
	struct worker *worker = arg, *next = &workers[(worker->number + 1) % workers_count];
	struct epoll_event events[64];

	for (;;) {
		int count = epoll_wait(worker->poller, events, 64, timeout_ms(worker));

		/* New ones last: they may cost others their place, of whom no event may be
		 * left then. */
		for (int i = 0; i < count; i++)
			if (!is_listener(events[i].data.ptr))
				make_ready(events[i].data.ptr);
		serve_ready(worker);
		while (worker->oldest && now() - worker->oldest->since >= IDLE_SECONDS)
			drop(worker->oldest);
		for (int i = 0; i < count; i++) {
			if (!is_listener(events[i].data.ptr))
				continue;
			greet(worker, events[i].data.ptr);
			if (next != worker)
				look_for(next, events[i].data.ptr, EPOLL_CTL_MOD, 1);
		}
	}
	return NULL;
}

int workers_create(unsigned int count)
{
	workers = calloc(count, sizeof(workers[0]));
	if (!workers)
		return -1;
	workers_count = count;
	for (unsigned int i = 0; i < count; i++) {
		workers[i].number = i;
		workers[i].ready_end = &workers[i].ready_first;
		workers[i].poller = epoll_create1(EPOLL_CLOEXEC);
		if (workers[i].poller < 0)
			return -1;
	}
	return 0;
}

int workers_listen(unsigned int number, int port, int has_tls)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port)};
	struct listener *listener = &listeners[number];
	int one = 1;

	listener->has_tls = has_tls;
	listener->fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return -1;
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener->fd, (struct sockaddr *)&any, sizeof(any)) ||
	    listen(listener->fd, SOMAXCONN))
		return -1;
	for (unsigned int i = 0; i < workers_count; i++)
		if (look_for(&workers[i], listener, EPOLL_CTL_ADD, i == 0))
			return -1;
	return 0;
}

int workers_run(void)
{
	for (unsigned int i = 1; i < workers_count; i++) {
		pthread_t thread;
		int error = pthread_create(&thread, NULL, work, &workers[i]);

		if (error)
			return error;
	}
	work(&workers[0]);
	return 0;
}
