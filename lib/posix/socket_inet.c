/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets of AF_INET and AF_INET6 over lib/net. */
#include "lib/posix/socket_inet.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "core/heap.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/posix/clock.h"
#include "lib/posix/net_start.h"

/* ---- Addresses ---- */

int inet_address_in(const struct sockaddr *address, socklen_t bytes,
		    struct net_address *address_out)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	memset(address_out, 0, sizeof(*address_out));
	switch (address->sa_family) {
	case AF_INET:
		if (bytes < sizeof(*v4))
			return -EINVAL;
		address_out->family = 4;
		address_out->port = ntohs(v4->sin_port);
		memcpy(address_out->bytes, &v4->sin_addr, 4);
		return 0;
	case AF_INET6:
		if (bytes < offsetof(struct sockaddr_in6, sin6_scope_id))
			return -EINVAL;
		address_out->family = 6;
		address_out->port = ntohs(v6->sin6_port);
		if (bytes >= sizeof(*v6))
			address_out->scope = v6->sin6_scope_id;
		memcpy(address_out->bytes, &v6->sin6_addr, 16);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

socklen_t inet_address_out(const struct net_address *address, struct sockaddr_storage *storage_out)
{
	struct sockaddr_in *v4 = (void *)storage_out;
	struct sockaddr_in6 *v6 = (void *)storage_out;

	memset(storage_out, 0, sizeof(*storage_out));
	if (address->family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(address->port);
		memcpy(&v4->sin_addr, address->bytes, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(address->port);
	v6->sin6_scope_id = address->scope;
	memcpy(&v6->sin6_addr, address->bytes, 16);
	return sizeof(*v6);
}

/* ---- Operations ---- */

static struct net_socket *net_of(struct socket *socket)
{
	return ((struct inet_socket *)socket)->net;
}

static int inet_bind(struct socket *socket, const struct sockaddr *address, socklen_t bytes)
{
	struct net_address net_address;
	int error = inet_address_in(address, bytes, &net_address);

	if (error)
		return error;
	if ((net_address.family == 6) != (socket->domain == AF_INET6))
		return -EAFNOSUPPORT;
	error = net_of(socket)->ops->bind(net_of(socket), &net_address);
	if (error == -EADDRNOTAVAIL && net_start_wait())
		error = net_of(socket)->ops->bind(net_of(socket), &net_address);
	return error;
}

static int inet_connect(struct socket *socket, const struct sockaddr *address, socklen_t bytes)
{
	struct net_address net_address = {.family = 0};
	int error = 0;

	if (address->sa_family != AF_UNSPEC || socket->type == SOCK_STREAM)
		error = inet_address_in(address, bytes, &net_address);
	if (error)
		return error;
	error = net_of(socket)->ops->connect(net_of(socket), &net_address);
	/* The interfaces may not have their addresses yet. */
	if (error == -ENETUNREACH && net_start_wait())
		error = net_of(socket)->ops->connect(net_of(socket), &net_address);
	return error;
}

static int inet_listen(struct socket *socket, int backlog)
{
	return net_tcp_listen(net_of(socket), backlog < 0 ? 0 : (unsigned int)backlog);
}

static struct inet_socket *wrap(struct net_socket *net, int domain, int type);

static int inet_accept(struct socket *socket, struct socket **socket_out)
{
	struct net_socket *net;
	struct inet_socket *inet;
	int error = net_tcp_accept(net_of(socket), &net);

	if (error)
		return error;
	inet = wrap(net, socket->domain, socket->type);
	if (!inet)
		return -ENOMEM;
	inet->base.linger = socket->linger;
	inet->base.receive_timeout_ns = socket->receive_timeout_ns;
	inet->base.send_timeout_ns = socket->send_timeout_ns;
	*socket_out = &inet->base;
	return 0;
}

/* Control data of a datagram to send. 0 or -EINVAL. */
static int read_control(const struct msghdr *header, struct net_message *message)
{
	struct cmsghdr *cmsg;

	for (cmsg = header->msg_control ? CMSG_FIRSTHDR(header) : NULL; cmsg;
	     cmsg = CMSG_NXTHDR(header, cmsg)) {
		const void *data = CMSG_DATA(cmsg);
		size_t bytes = cmsg->cmsg_len - CMSG_LEN(0);

		if (cmsg->cmsg_len < CMSG_LEN(0))
			return -EINVAL;
		if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO &&
		    bytes >= sizeof(struct in_pktinfo))
			message->interface =
				(uint32_t)((const struct in_pktinfo *)data)->ipi_ifindex;
		else if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO &&
			 bytes >= sizeof(struct in6_pktinfo))
			message->interface = ((const struct in6_pktinfo *)data)->ipi6_ifindex;
		else if (((cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_TTL) ||
			  (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_HOPLIMIT)) &&
			 bytes >= sizeof(int))
			message->hop_limit = (uint8_t) * (const int *)data;
	}
	return 0;
}

static void to_net(const struct socket_message *message, struct net_message *net_out)
{
	/* They look the same. */
	_Static_assert(sizeof(struct iovec) == sizeof(struct net_piece) &&
			       offsetof(struct iovec, iov_len) ==
				       offsetof(struct net_piece, bytes_count),
		       "struct net_piece is struct iovec");
	memset(net_out, 0, sizeof(*net_out));
	net_out->pieces = (struct net_piece *)(void *)message->header->msg_iov;
	net_out->pieces_count = message->header->msg_iovlen;
	net_out->bytes_total = message->bytes_total;
}

static ssize_t inet_send(struct socket *socket, struct socket_message *message)
{
	const struct msghdr *header = message->header;
	struct net_message net_message;
	ssize_t result;

	to_net(message, &net_message);
	if ((message->flags & MSG_MORE) || ((struct inet_socket *)socket)->cork)
		net_message.flags |= NET_MORE;
	if (socket->type != SOCK_STREAM) {
		if (header->msg_name && header->msg_namelen > 0) {
			result = inet_address_in(header->msg_name, header->msg_namelen,
						 &net_message.address);
			if (result)
				return result;
		}
		result = read_control(header, &net_message);
		if (result)
			return result;
	}
	result = net_of(socket)->ops->send(net_of(socket), &net_message);
	if (result == -ENETUNREACH && net_start_wait())
		result = net_of(socket)->ops->send(net_of(socket), &net_message);
	return result;
}

static void put_pktinfo(struct socket_message *message, size_t room,
			const struct net_message *net_message, unsigned int wants)
{
	const struct net_address *local = &net_message->local;
	struct in6_pktinfo v6 = {.ipi6_ifindex = net_message->interface};
	struct in_pktinfo v4 = {.ipi_ifindex = (int)net_message->interface};

	if ((wants & INET_WANT_PKTINFO) && local->family == 4) {
		memcpy(&v4.ipi_addr, local->bytes, 4);
		v4.ipi_spec_dst = v4.ipi_addr;
		socket_put_control(message, room, IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4));
	}
	if ((wants & INET_WANT_PKTINFO6) && local->family == 6) {
		memcpy(&v6.ipi6_addr, local->bytes, 16);
		socket_put_control(message, room, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
	}
}

static void put_controls(struct socket *socket, struct socket_message *message,
			 const struct net_message *net_message)
{
	unsigned int wants = ((struct inet_socket *)socket)->wants;
	size_t room = message->header->msg_controllen;
	int hops = net_message->hop_limit, traffic = net_message->traffic_class;

	message->header->msg_controllen = 0;
	if (socket->timestamps) {
		struct timeval time = clock_timeval_from_ns(net_message->time_ns);

		socket_put_control(message, room, SOL_SOCKET, SCM_TIMESTAMP, &time, sizeof(time));
	}
	put_pktinfo(message, room, net_message, wants);
	if (wants & INET_WANT_HOP_LIMIT)
		socket_put_control(message, room, IPPROTO_IP, IP_TTL, &hops, sizeof(hops));
	if (wants & INET_WANT_TRAFFIC)
		socket_put_control(message, room, IPPROTO_IP, IP_TOS, &traffic, 1);
	if (wants & INET_WANT_HOPS6)
		socket_put_control(message, room, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof(hops));
	if (wants & INET_WANT_TRAFFIC6)
		socket_put_control(message, room, IPPROTO_IPV6, IPV6_TCLASS, &traffic,
				   sizeof(traffic));
}

static ssize_t inet_receive(struct socket *socket, struct socket_message *message)
{
	struct msghdr *header = message->header;
	struct net_message net_message;
	struct sockaddr_storage storage;
	socklen_t room = header->msg_namelen;
	ssize_t result;

	to_net(message, &net_message);
	if (message->flags & MSG_PEEK)
		net_message.flags |= NET_PEEK;
	if ((message->flags & MSG_TRUNC) && socket->type == SOCK_STREAM)
		net_message.flags |= NET_DISCARD;
	if (socket->type == SOCK_STREAM && message->bytes_total == 0)
		return 0;
	result = net_of(socket)->ops->receive(net_of(socket), &net_message);
	if (result < 0)
		return result;
	header->msg_namelen = 0;
	if (socket->type == SOCK_STREAM) {
		header->msg_controllen = 0;
		return result;
	}
	if (header->msg_name && net_message.address.family) {
		socklen_t bytes = inet_address_out(&net_message.address, &storage);

		memcpy(header->msg_name, &storage, room < bytes ? room : bytes);
		header->msg_namelen = bytes;
	}
	put_controls(socket, message, &net_message);
	if (net_message.flags & NET_TRUNCATED) {
		header->msg_flags |= MSG_TRUNC;
		if (message->flags & MSG_TRUNC)
			return (ssize_t)net_message.datagram_bytes;
	}
	return result;
}

static int inet_shutdown(struct socket *socket, bool reading, bool writing)
{
	return net_of(socket)->ops->shutdown(net_of(socket), reading, writing);
}

static short inet_poll(struct socket *socket)
{
	unsigned int bits = net_of(socket)->ops->poll(net_of(socket));

	return (short)((bits & NET_READABLE ? POLLIN | POLLRDNORM : 0) |
		       (bits & NET_WRITABLE ? POLLOUT | POLLWRNORM : 0) |
		       (bits & NET_ERROR ? POLLERR : 0) | (bits & NET_HUNG_UP ? POLLHUP : 0) |
		       (bits & NET_READ_END ? POLLRDHUP : 0));
}

static int inet_name(struct socket *socket, bool peer, struct sockaddr *address, socklen_t *bytes)
{
	struct net_address net_address;
	struct sockaddr_storage storage;
	int error = net_of(socket)->ops->name(net_of(socket), peer, &net_address);

	if (error == 0)
		socket_copy_name(&storage, inet_address_out(&net_address, &storage), address,
				 bytes);
	return error;
}

static int inet_take_error(struct socket *socket)
{
	return net_socket_take_error(net_of(socket));
}

static int inet_readable_bytes(struct socket *socket)
{
	int64_t bytes = 0;

	net_of(socket)->ops->get(net_of(socket), NET_OPT_READABLE_BYTES, &bytes);
	return (int)bytes;
}

/* SO_LINGER: until all is sent and acknowledged, or the time is over. */
static void linger(struct socket *socket)
{
	uint64_t deadline_ns = time_monotonic_ns() + (uint64_t)socket->linger.l_linger * NS_PER_S;
	int64_t unsent = 0;

	net_of(socket)->ops->shutdown(net_of(socket), false, true);
	waitq_wait(&socket->head->queue,
		   net_of(socket)->ops->get(net_of(socket), NET_OPT_UNSENT_BYTES, &unsent) ||
			   unsent == 0,
		   deadline_ns, true);
}

static void inet_close(struct socket *socket)
{
	bool abort = socket->linger.l_onoff && socket->linger.l_linger == 0;

	if (socket->linger.l_onoff && !abort && socket->type == SOCK_STREAM && !socket->listens)
		linger(socket);
	net_of(socket)->ops->close(net_of(socket), abort);
	heap_free(socket);
}

static const struct socket_ops inet_ops = {
	.bind = inet_bind,
	.connect = inet_connect,
	.send = inet_send,
	.receive = inet_receive,
	.shutdown = inet_shutdown,
	.poll = inet_poll,
	.name = inet_name,
	.set = inet_set,
	.get = inet_get,
	.take_error = inet_take_error,
	.readable_bytes = inet_readable_bytes,
	.close = inet_close,
};

static const struct socket_ops inet_stream_ops = {
	.bind = inet_bind,
	.connect = inet_connect,
	.listen = inet_listen,
	.accept = inet_accept,
	.send = inet_send,
	.receive = inet_receive,
	.shutdown = inet_shutdown,
	.poll = inet_poll,
	.name = inet_name,
	.set = inet_set,
	.get = inet_get,
	.take_error = inet_take_error,
	.readable_bytes = inet_readable_bytes,
	.close = inet_close,
};

/* Takes net in any case. */
static struct inet_socket *wrap(struct net_socket *net, int domain, int type)
{
	struct inet_socket *inet = heap_alloc_zeroed(sizeof(*inet));

	if (!inet) {
		net->ops->close(net, true);
		return NULL;
	}
	inet->net = net;
	inet->base.ops = type == SOCK_STREAM ? &inet_stream_ops : &inet_ops;
	inet->base.head = &net->head;
	inet->base.domain = domain;
	inet->base.type = type;
	inet->base.protocol = net->protocol;
	return inet;
}

int socket_inet_create(int domain, int type, int protocol, struct socket **socket_out)
{
	enum net_type net_type;
	struct net_socket *net;
	struct inet_socket *inet;
	int error;

	if (type == SOCK_STREAM)
		net_type = NET_STREAM;
	else if (type == SOCK_DGRAM)
		net_type = NET_DATAGRAM;
	else if (type == SOCK_RAW)
		net_type = NET_RAW;
	else
		return -EPROTONOSUPPORT;
	if (protocol < 0 || protocol >= IPPROTO_MAX)
		return -EINVAL;
	net_start();
	error = net_socket_create(domain == AF_INET ? 4 : 6, net_type, (unsigned int)protocol,
				  &net);
	if (error)
		return error;
	inet = wrap(net, domain, type);
	if (!inet)
		return -ENOMEM;
	*socket_out = &inet->base;
	return 0;
}
