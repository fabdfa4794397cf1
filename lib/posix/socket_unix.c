/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_UNIX: streams, sequences of packets and datagrams within the program. Names are kept here and
 * in no file system.
 *
 * Lock: unix_lock, over pollheads and the heap.
 */
#include "lib/posix/socket_unix.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "core/heap.h"
#include "lib/posix/net_start.h"
#include "xen/spinlock.h"

static struct spinlock unix_lock;
static struct list_node names = LIST_INIT(names);

static struct unix_socket *of(struct socket *socket)
{
	return (struct unix_socket *)socket;
}

/* ---- Life ---- */

static const struct socket_ops unix_ops;

static struct unix_socket *create(int type)
{
	struct unix_socket *unix_socket = heap_alloc_zeroed(sizeof(*unix_socket));

	if (!unix_socket)
		return NULL;
	pollhead_init(&unix_socket->head);
	unix_socket->base.ops = &unix_ops;
	unix_socket->base.head = &unix_socket->head;
	unix_socket->base.domain = AF_UNIX;
	unix_socket->base.type = type;
	unix_socket->refs = 1;
	list_init(&unix_socket->queue);
	list_init(&unix_socket->waiting);
	list_init(&unix_socket->node);
	list_init(&unix_socket->name_node);
	return unix_socket;
}

static void put(struct unix_socket *unix_socket)
{
	if (unix_socket && __atomic_sub_fetch(&unix_socket->refs, 1, __ATOMIC_ACQ_REL) == 0)
		heap_free(unix_socket);
}

static struct unix_socket *get(struct unix_socket *unix_socket)
{
	__atomic_fetch_add(&unix_socket->refs, 1, __ATOMIC_RELAXED);
	return unix_socket;
}

int socket_unix_create(int type, struct socket **socket_out)
{
	struct unix_socket *unix_socket;

	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -EPROTONOSUPPORT;
	unix_socket = create(type);
	if (!unix_socket)
		return -ENOMEM;
	*socket_out = &unix_socket->base;
	return 0;
}

/* unix_lock. Both refer to each other. */
static void join(struct unix_socket *a, struct unix_socket *b)
{
	a->peer = get(b);
	b->peer = get(a);
	a->was_connected = b->was_connected = true;
}

int socket_unix_pair(int type, struct socket *sockets_out[2])
{
	struct unix_socket *pair[2] = {NULL, NULL};
	bool enabled;

	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -EPROTONOSUPPORT;
	pair[0] = create(type);
	pair[1] = pair[0] ? create(type) : NULL;
	if (!pair[1]) {
		put(pair[0]);
		return -ENOMEM;
	}
	enabled = spin_lock_events(&unix_lock);
	join(pair[0], pair[1]);
	spin_unlock_events(&unix_lock, enabled);
	sockets_out[0] = &pair[0]->base;
	sockets_out[1] = &pair[1]->base;
	return 0;
}

/* Throws away what waits to be read: moves it to a list of the caller's. unix_lock. */
static void take_queue(struct unix_socket *unix_socket, struct list_node *taken)
{
	while (!list_empty(&unix_socket->queue)) {
		struct list_node *node = unix_socket->queue.next;

		list_remove(node);
		list_append(taken, node);
	}
	unix_socket->queue_bytes = 0;
}

static void free_packets(struct list_node *taken)
{
	while (!list_empty(taken)) {
		struct unix_packet *packet = container_of(taken->next, struct unix_packet, node);

		list_remove(&packet->node);
		unix_packet_free(packet);
	}
}

static void unix_close(struct socket *socket)
{
	struct unix_socket *closing = of(socket), *peer;
	struct list_node taken = LIST_INIT(taken);
	bool enabled = spin_lock_events(&unix_lock);

	closing->closed = true;
	list_remove(&closing->name_node);
	peer = closing->peer;
	closing->peer = NULL;
	take_queue(closing, &taken);
	spin_unlock_events(&unix_lock, enabled);
	/* Whoever asked to be accepted and never was. */
	for (;;) {
		struct unix_socket *child = NULL;

		enabled = spin_lock_events(&unix_lock);
		if (!list_empty(&closing->waiting)) {
			child = container_of(closing->waiting.next, struct unix_socket, node);
			list_remove(&child->node);
		}
		spin_unlock_events(&unix_lock, enabled);
		if (!child)
			break;
		unix_close(&child->base);
	}
	if (peer)
		pollhead_wake(&peer->head);
	put(peer);
	free_packets(&taken);
	put(closing);
}

/* ---- Names ---- */

/* unix_lock. */
static struct unix_socket *find(const struct sockaddr_un *name, socklen_t bytes)
{
	struct list_node *node;

	list_for_each (node, &names) {
		struct unix_socket *other = container_of(node, struct unix_socket, name_node);

		if (other->name_bytes == bytes && memcmp(&other->name, name, bytes) == 0)
			return other;
	}
	return NULL;
}

/* A name as it is compared: a path ends with its NUL, an abstract name where it ends. */
static int normalise(const struct sockaddr *address, socklen_t bytes, struct sockaddr_un *name_out,
		     socklen_t *bytes_out)
{
	const socklen_t head = offsetof(struct sockaddr_un, sun_path);

	if (address->sa_family != AF_UNIX)
		return -EINVAL;
	if (bytes <= head || bytes > sizeof(*name_out))
		return -EINVAL;
	memset(name_out, 0, sizeof(*name_out));
	memcpy(name_out, address, bytes);
	*bytes_out = bytes;
	if (name_out->sun_path[0])
		*bytes_out = head + (socklen_t)strnlen(name_out->sun_path, bytes - head) + 1;
	return *bytes_out > sizeof(*name_out) ? -EINVAL : 0;
}

static int unix_bind(struct socket *socket, const struct sockaddr *address, socklen_t bytes)
{
	struct sockaddr_un name;
	socklen_t name_bytes;
	int error = normalise(address, bytes, &name, &name_bytes);
	bool enabled;

	if (error)
		return error;
	enabled = spin_lock_events(&unix_lock);
	if (of(socket)->bound) {
		error = -EINVAL;
	} else if (find(&name, name_bytes)) {
		error = -EADDRINUSE;
	} else {
		of(socket)->bound = true;
		of(socket)->name = name;
		of(socket)->name_bytes = name_bytes;
		list_append(&names, &of(socket)->name_node);
	}
	spin_unlock_events(&unix_lock, enabled);
	return error;
}

static int unix_name(struct socket *socket, bool is_peer, struct sockaddr *address,
		     socklen_t *bytes)
{
	static const struct sockaddr_un none = {.sun_family = AF_UNIX};
	bool enabled = spin_lock_events(&unix_lock);
	const struct unix_socket *named = is_peer ? of(socket)->peer : of(socket);
	struct sockaddr_un name = none;
	socklen_t name_bytes = sizeof(sa_family_t);

	if (named && named->name_bytes) {
		name = named->name;
		name_bytes = named->name_bytes;
	}
	spin_unlock_events(&unix_lock, enabled);
	if (!named)
		return -ENOTCONN;
	socket_copy_name(&name, name_bytes, address, bytes);
	return 0;
}

/* ---- Connecting ---- */

static int unix_listen(struct socket *socket, int backlog)
{
	bool enabled;

	if (socket->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!of(socket)->bound || of(socket)->was_connected)
		return -EINVAL;
	enabled = spin_lock_events(&unix_lock);
	socket->listens = true;
	of(socket)->backlog = backlog < 1           ? 1
			      : backlog > SOMAXCONN ? SOMAXCONN
						    : (unsigned int)backlog;
	spin_unlock_events(&unix_lock, enabled);
	return 0;
}

/* unix_lock. child: the other end of a connection to come; NULL afterwards when it was used. */
static int connect_to(struct unix_socket *from, struct unix_socket *to, struct unix_socket **child)
{
	if (!to)
		return -ECONNREFUSED;
	if (to->base.type != from->base.type)
		return -EPROTOTYPE;
	if (from->base.type == SOCK_DGRAM) {
		put(from->peer);
		from->peer = get(to);
		from->was_connected = true;
		return 0;
	}
	if (from->was_connected)
		return -EISCONN;
	if (!to->base.listens)
		return -ECONNREFUSED;
	if (to->waiting_count >= to->backlog)
		return -EAGAIN;
	join(from, *child);
	(*child)->name = to->name;
	(*child)->name_bytes = to->name_bytes;
	list_append(&to->waiting, &(*child)->node);
	to->waiting_count++;
	*child = NULL;
	return 0;
}

static int unix_connect(struct socket *socket, const struct sockaddr *address, socklen_t bytes)
{
	struct unix_socket *child, *to;
	struct sockaddr_un name;
	socklen_t name_bytes;
	int error = normalise(address, bytes, &name, &name_bytes);
	bool enabled;

	if (error)
		return error;
	child = create(socket->type);
	if (!child)
		return -ENOMEM;
	enabled = spin_lock_events(&unix_lock);
	to = find(&name, name_bytes);
	error = connect_to(of(socket), to, &child);
	if (to)
		get(to);
	spin_unlock_events(&unix_lock, enabled);
	if (to && error == 0)
		pollhead_wake(&to->head);
	put(to);
	put(child);
	return error;
}

static int unix_accept(struct socket *socket, struct socket **socket_out)
{
	struct unix_socket *listener = of(socket), *child = NULL;
	bool enabled = spin_lock_events(&unix_lock);

	if (!list_empty(&listener->waiting)) {
		child = container_of(listener->waiting.next, struct unix_socket, node);
		list_remove(&child->node);
		listener->waiting_count--;
	}
	spin_unlock_events(&unix_lock, enabled);
	if (!socket->listens)
		return -EINVAL;
	if (!child)
		return -EAGAIN;
	*socket_out = &child->base;
	return 0;
}

/* ---- Sending ---- */

/* Where a message goes. unix_lock. A reference, or an error. */
static int target_of(struct unix_socket *from, const struct msghdr *header,
		     struct unix_socket **target_out)
{
	struct sockaddr_un name;
	socklen_t name_bytes;
	struct unix_socket *target = from->peer;
	int error;

	if (from->write_shut)
		return -EPIPE;
	if (header->msg_name && header->msg_namelen > 0) {
		if (from->base.type != SOCK_DGRAM)
			return from->was_connected ? -EISCONN : -EOPNOTSUPP;
		error = normalise(header->msg_name, header->msg_namelen, &name, &name_bytes);
		if (error)
			return error;
		target = find(&name, name_bytes);
		if (!target)
			return -ECONNREFUSED;
		if (target->base.type != SOCK_DGRAM)
			return -EPROTOTYPE;
	} else if (!target) {
		return from->was_connected ? -EPIPE : -ENOTCONN;
	}
	if (target->closed || target->read_shut)
		return from->base.type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
	*target_out = get(target);
	return 0;
}

/* As much as there is room for of a stream, else all or nothing. unix_lock. */
static ssize_t enqueue(struct unix_socket *target, struct unix_packet *packet, bool is_stream)
{
	size_t room =
		UNIX_BYTES_MAX > target->queue_bytes ? UNIX_BYTES_MAX - target->queue_bytes : 0;

	if (is_stream && packet->bytes_count > room)
		packet->bytes_count = room;
	if (packet->bytes_count > room || (room == 0 && packet->bytes_count == 0))
		return -EAGAIN;
	if (is_stream && packet->bytes_count == 0)
		return -EAGAIN;
	target->queue_bytes += packet->bytes_count;
	list_append(&target->queue, &packet->node);
	return (ssize_t)packet->bytes_count;
}

static struct unix_packet *packet_of(const struct socket_message *message, size_t bytes_max)
{
	size_t bytes = message->bytes_total < bytes_max ? message->bytes_total : bytes_max, at = 0;
	struct unix_packet *packet = heap_alloc(sizeof(*packet) + bytes);

	if (!packet)
		return NULL;
	memset(packet, 0, sizeof(*packet));
	list_init(&packet->node);
	packet->bytes_count = bytes;
	for (size_t i = 0; i < message->header->msg_iovlen && at < bytes; i++) {
		const struct iovec *part = &message->header->msg_iov[i];
		size_t count = part->iov_len < bytes - at ? part->iov_len : bytes - at;

		memcpy(packet->bytes + at, part->iov_base, count);
		at += count;
	}
	return packet;
}

static ssize_t unix_send(struct socket *socket, struct socket_message *message)
{
	struct unix_socket *from = of(socket), *target = NULL;
	bool is_stream = socket->type == SOCK_STREAM, enabled;
	struct unix_packet *packet;
	ssize_t result;

	if (!is_stream && message->bytes_total > UNIX_BYTES_MAX)
		return -EMSGSIZE;
	/* Of a stream no more is copied than may fit. */
	packet = packet_of(message, is_stream ? UNIX_BYTES_MAX / 4 : UNIX_BYTES_MAX);
	if (!packet)
		return -ENOBUFS;
	result = unix_take_files(message->header, packet);
	if (result == 0) {
		enabled = spin_lock_events(&unix_lock);
		packet->from = from->name;
		packet->from_bytes = from->name_bytes;
		result = target_of(from, message->header, &target);
		if (result == 0)
			result = is_stream && message->bytes_total == 0
					 ? 0
					 : enqueue(target, packet, is_stream);
		if (!list_empty(&packet->node))
			packet = NULL;
		spin_unlock_events(&unix_lock, enabled);
	}
	if (packet)
		unix_packet_free(packet);
	else
		pollhead_wake(&target->head);
	put(target);
	return result;
}

/* ---- Receiving ---- */

static ssize_t receive_nothing(const struct unix_socket *unix_socket)
{
	if (unix_socket->read_shut)
		return 0;
	if (unix_socket->base.type == SOCK_DGRAM)
		return -EAGAIN;
	if (!unix_socket->was_connected)
		return unix_socket->base.listens ? -EINVAL : -ENOTCONN;
	if (!unix_socket->peer || unix_socket->peer->closed || unix_socket->peer->write_shut)
		return 0;
	return -EAGAIN;
}

static size_t copy_out(const struct unix_packet *packet, struct socket_message *message,
		       size_t done)
{
	size_t skip = done, at = packet->read;

	for (size_t i = 0; i < message->header->msg_iovlen && at < packet->bytes_count; i++) {
		const struct iovec *part = &message->header->msg_iov[i];
		size_t count = packet->bytes_count - at;

		if (skip >= part->iov_len) {
			skip -= part->iov_len;
			continue;
		}
		if (count > part->iov_len - skip)
			count = part->iov_len - skip;
		memcpy((char *)part->iov_base + skip, packet->bytes + at, count);
		at += count;
		skip = 0;
	}
	return at - packet->read;
}

/* Takes from the queue what fits: of a stream until it is full, or control data comes. unix_lock.
 * Packets that are done go to taken. */
static size_t take(struct unix_socket *unix_socket, struct socket_message *message,
		   struct list_node *taken)
{
	bool is_stream = unix_socket->base.type == SOCK_STREAM;
	size_t done = 0;

	while (!list_empty(&unix_socket->queue)) {
		struct unix_packet *packet =
			container_of(unix_socket->queue.next, struct unix_packet, node);
		size_t count;

		if (done > 0 && packet->files_count > 0)
			break;
		count = copy_out(packet, message, done);
		done += count;
		if (message->flags & MSG_PEEK)
			break;
		packet->read += count;
		unix_socket->queue_bytes -= is_stream ? count : packet->bytes_count;
		if (is_stream && packet->read < packet->bytes_count)
			break;
		list_remove(&packet->node);
		list_append(taken, &packet->node);
		if (!is_stream || packet->files_count > 0 || done == message->bytes_total)
			break;
	}
	return done;
}

/* Where it came from, and what came with it. */
static void describe(struct socket *socket, struct socket_message *message,
		     struct unix_packet *packet, size_t room)
{
	struct msghdr *header = message->header;

	if (socket->type == SOCK_DGRAM && header->msg_name) {
		socklen_t bytes = header->msg_namelen;

		socket_copy_name(&packet->from, packet->from_bytes, header->msg_name, &bytes);
		header->msg_namelen = bytes;
	} else {
		header->msg_namelen = 0;
	}
	if (packet->files_count > 0)
		unix_give_files(message, room, packet);
}

static ssize_t unix_receive(struct socket *socket, struct socket_message *message)
{
	struct unix_socket *unix_socket = of(socket), *peer = NULL;
	struct list_node taken = LIST_INIT(taken);
	size_t room = message->header->msg_controllen;
	bool enabled = spin_lock_events(&unix_lock);
	ssize_t result;

	if (list_empty(&unix_socket->queue)) {
		result = receive_nothing(unix_socket);
	} else {
		result = (ssize_t)take(unix_socket, message, &taken);
		peer = unix_socket->peer ? get(unix_socket->peer) : NULL;
	}
	spin_unlock_events(&unix_lock, enabled);
	message->header->msg_controllen = 0;
	if (!list_empty(&taken)) {
		struct unix_packet *packet = container_of(taken.next, struct unix_packet, node);

		describe(socket, message, packet, room);
		if (socket->type != SOCK_STREAM && packet->bytes_count > (size_t)result) {
			message->header->msg_flags |= MSG_TRUNC;
			if (message->flags & MSG_TRUNC)
				result = (ssize_t)packet->bytes_count;
		}
	} else if (result <= 0) {
		message->header->msg_namelen = 0;
	}
	free_packets(&taken);
	if (peer)
		pollhead_wake(&peer->head);
	put(peer);
	return result;
}

/* ---- State ---- */

static int unix_shutdown(struct socket *socket, bool reading, bool writing)
{
	struct unix_socket *unix_socket = of(socket), *peer;
	bool enabled = spin_lock_events(&unix_lock);

	peer = unix_socket->peer ? get(unix_socket->peer) : NULL;
	if (peer) {
		unix_socket->read_shut |= reading;
		unix_socket->write_shut |= writing;
	}
	spin_unlock_events(&unix_lock, enabled);
	if (!peer)
		return -ENOTCONN;
	pollhead_wake(&unix_socket->head);
	pollhead_wake(&peer->head);
	put(peer);
	return 0;
}

static short unix_poll(struct socket *socket)
{
	struct unix_socket *unix_socket = of(socket);
	bool enabled = spin_lock_events(&unix_lock);
	const struct unix_socket *peer = unix_socket->peer;
	bool datagrams = socket->type == SOCK_DGRAM;
	bool end = !datagrams && unix_socket->was_connected && (!peer || peer->closed);
	short bits = 0;

	if (!list_empty(&unix_socket->queue) || !list_empty(&unix_socket->waiting) || end ||
	    unix_socket->read_shut || (!datagrams && peer && peer->write_shut))
		bits |= POLLIN | POLLRDNORM;
	if (end || (!datagrams && !socket->listens && !unix_socket->was_connected))
		bits |= POLLHUP;
	if (end || unix_socket->read_shut || (!datagrams && peer && peer->write_shut))
		bits |= POLLRDHUP;
	if (!socket->listens && (!peer || peer->closed || peer->queue_bytes < UNIX_BYTES_MAX / 2))
		bits |= POLLOUT | POLLWRNORM;
	spin_unlock_events(&unix_lock, enabled);
	return bits;
}

static int unix_get(struct socket *socket, int level, int option, void *value, socklen_t *bytes)
{
	struct ucred self = {1, 0, 0};
	int size = (int)UNIX_BYTES_MAX;

	(void)socket;
	if (level != SOL_SOCKET)
		return -ENOPROTOOPT;
	if (option == SO_PEERCRED) {
		if (*bytes > sizeof(self))
			*bytes = sizeof(self);
		memcpy(value, &self, *bytes);
		return 0;
	}
	if (option != SO_SNDBUF && option != SO_RCVBUF)
		return -ENOPROTOOPT;
	if (*bytes > sizeof(size))
		*bytes = sizeof(size);
	memcpy(value, &size, *bytes);
	return 0;
}

static int unix_set(struct socket *socket, int level, int option, const void *value,
		    socklen_t bytes)
{
	(void)socket;
	(void)value;
	(void)bytes;
	/* Wishes. */
	return level == SOL_SOCKET && (option == SO_SNDBUF || option == SO_RCVBUF ||
				       option == SO_REUSEADDR)
		       ? 0
		       : -ENOPROTOOPT;
}

static int unix_take_error(struct socket *socket)
{
	(void)socket;
	return 0;
}

static int unix_readable_bytes(struct socket *socket)
{
	struct unix_socket *unix_socket = of(socket);
	bool enabled = spin_lock_events(&unix_lock);
	size_t bytes = unix_socket->queue_bytes;

	if (socket->type != SOCK_STREAM && !list_empty(&unix_socket->queue))
		bytes = container_of(unix_socket->queue.next, struct unix_packet, node)
				->bytes_count;
	spin_unlock_events(&unix_lock, enabled);
	return (int)bytes;
}

static const struct socket_ops unix_ops = {
	.bind = unix_bind,
	.connect = unix_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.send = unix_send,
	.receive = unix_receive,
	.shutdown = unix_shutdown,
	.poll = unix_poll,
	.name = unix_name,
	.set = unix_set,
	.get = unix_get,
	.take_error = unix_take_error,
	.readable_bytes = unix_readable_bytes,
	.close = unix_close,
};
