/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP endpoints on lwIP's raw API. What came in waits as the pbufs it came in; readers take them
 * off under the lock and copy without it, one reader at a time (rx_lock).
 */
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#include "core/heap.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "lib/net/interface_send.h"
#include "lib/net/tcp_socket.h"

#define WRITE_BYTES_MAX   0x8000u /* tcp_write() counts in 16 bits */
#define CALL_BYTES_MAX    65536u  /* copied with the lock held */
#define BACKLOG_MAX       4096u   /* Linux's */
#define TIGHT_BYTES       16384u  /* each way, while memory is tight */
#define ORPHAN_POLL_TICKS 20      /* of TCP_SLOW_INTERVAL: two seconds */
#define ORPHAN_POLLS_MAX  30u     /* a minute without progress */

/* ---- What lwIP calls, under net_lock ---- */

/* Nobody reads, and others need the memory; or SO_RCVBUF says so. */
static bool receives_too_much(const struct tcp_socket *tcp)
{
	return tcp->rx_bytes > tcp->receive_bytes_max ||
	       (tcp->rx_bytes > TIGHT_BYTES && net_memory_is_tight());
}

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	struct tcp_socket *tcp = arg;

	(void)error;
	if (!p) {
		tcp->rx_end = true;
	} else if (tcp->base.read_shut) {
		tcp_recved(pcb, p->tot_len);
		pbuf_free(p);
		return ERR_OK;
	} else if (receives_too_much(tcp)) {
		/* lwIP keeps this one, takes nothing further, and asks again in a while. */
		return ERR_MEM;
	} else {
		tcp->rx_bytes += p->tot_len;
		if (tcp->rx_last)
			tcp->rx_last->next = p;
		else
			tcp->rx_first = p;
		while (p->next)
			p = p->next;
		tcp->rx_last = p;
	}
	pollhead_wake(&tcp->base.head);
	return ERR_OK;
}

/* Bytes there is room for now: what waits to be acknowledged is bounded. */
static size_t send_room(const struct tcp_socket *tcp)
{
	size_t waits = (u32_t)(tcp->pcb->snd_lbb - tcp->pcb->lastack), max = tcp->send_bytes_max;

	if (max > TIGHT_BYTES && net_memory_is_tight())
		max = TIGHT_BYTES;
	if (waits >= max)
		return 0;
	return max - waits < tcp_sndbuf(tcp->pcb) ? max - waits : tcp_sndbuf(tcp->pcb);
}

/* Enough room that filling it is worth the while. */
static bool is_writable(const struct tcp_socket *tcp)
{
	size_t low = tcp->send_bytes_max / 4;

	if (low > TCP_SNDLOWAT)
		low = TCP_SNDLOWAT;
	if (low > TIGHT_BYTES / 4 && net_memory_is_tight())
		low = TIGHT_BYTES / 4;
	return send_room(tcp) >= low &&
	       tcp_sndqueuelen(tcp->pcb) < TCP_SND_QUEUELEN - TCP_SNDQUEUELOWAT;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t bytes)
{
	struct tcp_socket *tcp = arg;

	(void)bytes;
	if (is_writable(tcp) || pcb->snd_queuelen == 0)
		pollhead_wake(&tcp->base.head);
	return ERR_OK;
}

/* The control block is gone, or about to go. */
static void broke(struct tcp_socket *tcp, int error)
{
	tcp->pcb = NULL;
	tcp->rx_end = true;
	if (error)
		tcp->base.error = error;
	tcp->connecting = tcp->connected = false;
	pollhead_wake(&tcp->base.head);
}

static void on_error(void *arg, err_t error)
{
	struct tcp_socket *tcp = arg;

	if (tcp->connecting)
		broke(tcp, error == ERR_RST ? -ECONNREFUSED : -ETIMEDOUT);
	else if (error == ERR_ABRT)
		broke(tcp, -ETIMEDOUT);
	else
		broke(tcp, error == ERR_CLSD ? 0 : net_errno(error));
}

void net_tcp_fail(struct tcp_pcb *pcb, int error)
{
	struct tcp_socket *tcp = pcb->callback_arg;

	if (pcb->errf != on_error)
		return;
	tcp_err(pcb, NULL);
	broke(tcp, error);
	tcp_abandon(pcb, 0);
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
	struct tcp_socket *tcp = arg;

	(void)error;
	pcb->segments_max = (u8_t)net_interface_segments(pcb);
	tcp->connecting = false;
	tcp->connected = true;
	pollhead_wake(&tcp->base.head);
	return ERR_OK;
}

static void attach(struct tcp_socket *tcp, struct tcp_pcb *pcb)
{
	tcp->pcb = pcb;
	tcp_arg(pcb, tcp);
	tcp_recv(pcb, on_receive);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_error);
}

static struct tcp_socket *create(void)
{
	struct tcp_socket *tcp = heap_alloc_zeroed(sizeof(*tcp));

	if (tcp) {
		tcp->base.ops = &net_tcp_ops;
		tcp->send_bytes_max = TCP_SND_BUF;
		tcp->receive_bytes_max = TCP_WND;
		pollhead_init(&tcp->base.head);
		list_init(&tcp->waiting);
		list_init(&tcp->node);
	}
	return tcp;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t error)
{
	struct tcp_socket *tcp = arg, *child;

	if (!pcb || error != ERR_OK)
		return ERR_VAL;
	child = create();
	if (!child)
		return ERR_MEM;
	child->base.family = tcp->base.family;
	child->base.type = NET_STREAM;
	child->base.protocol = tcp->base.protocol;
	child->connected = true;
	child->send_bytes_max = tcp->send_bytes_max;
	child->receive_bytes_max = tcp->receive_bytes_max;
	attach(child, pcb);
	pcb->segments_max = (u8_t)net_interface_segments(pcb);
	/* It counts against the backlog until the program takes it. */
	tcp_backlog_delayed(pcb);
	list_append(&tcp->waiting, &child->node);
	pollhead_wake(&tcp->base.head);
	return ERR_OK;
}

/* ---- Life ---- */

static int pcb_create(struct tcp_socket *tcp, unsigned int family, bool v6_only)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(family == 4 ? IPADDR_TYPE_V4
					      : v6_only   ? IPADDR_TYPE_V6
							  : IPADDR_TYPE_ANY);

	if (!pcb)
		return -ENOBUFS;
	attach(tcp, pcb);
	return 0;
}

int net_tcp_create(unsigned int family, struct net_socket **socket_out)
{
	struct tcp_socket *tcp = create();
	bool enabled;
	int error;

	if (!tcp)
		return -ENOMEM;
	enabled = net_lock();
	error = pcb_create(tcp, family, false);
	net_unlock(enabled);
	if (error) {
		heap_free(tcp);
		return error;
	}
	*socket_out = &tcp->base;
	return 0;
}

/* A connection without a program: it ends when all is sent, or nothing moves for a minute. What it
 * has counted so far is its argument. */
static err_t on_orphan_poll(void *arg, struct tcp_pcb *pcb)
{
	uintptr_t polls = (uintptr_t)arg + 1;

	tcp_arg(pcb, (void *)polls);
	if (pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT) {
		/* There was no memory for the FIN. */
		if (tcp_close(pcb) == ERR_OK)
			return ERR_OK;
	}
	if (polls < ORPHAN_POLLS_MAX)
		return ERR_OK;
	tcp_abort(pcb);
	return ERR_ABRT;
}

static err_t on_orphan_sent(void *arg, struct tcp_pcb *pcb, u16_t bytes)
{
	(void)arg;
	(void)bytes;
	tcp_arg(pcb, NULL);
	return ERR_OK;
}

static void pcb_close(struct tcp_pcb *pcb, bool abort)
{
	bool listens = pcb->state == LISTEN;

	tcp_arg(pcb, NULL);
	if (!listens) {
		tcp_recv(pcb, NULL);
		tcp_err(pcb, NULL);
		tcp_sent(pcb, on_orphan_sent);
		tcp_poll(pcb, on_orphan_poll, ORPHAN_POLL_TICKS);
		if (abort) {
			tcp_abort(pcb);
			return;
		}
	}
	(void)tcp_close(pcb);
}

static struct pbuf *take_received(struct tcp_socket *tcp)
{
	struct pbuf *first = tcp->rx_first;

	tcp->rx_first = tcp->rx_last = NULL;
	tcp->rx_bytes = tcp->rx_offset = 0;
	return first;
}

/* pbufs in a row, whose tot_len say nothing. */
static void free_row(struct pbuf *p)
{
	while (p) {
		struct pbuf *next = p->next;

		p->next = NULL;
		p->tot_len = p->len;
		pbuf_free(p);
		p = next;
	}
}

static void tcp_socket_close(struct net_socket *socket, bool abort)
{
	struct tcp_socket *tcp = net_tcp_of(socket);
	bool enabled = net_lock();

	while (!list_empty(&tcp->waiting)) {
		struct tcp_socket *child = container_of(tcp->waiting.next, struct tcp_socket, node);

		list_remove(&child->node);
		if (child->pcb)
			pcb_close(child->pcb, true);
		free_row(take_received(child));
		heap_free(child);
	}
	if (tcp->pcb)
		pcb_close(tcp->pcb, abort || tcp->rx_bytes > 0);
	free_row(take_received(tcp));
	net_unlock(enabled);
	heap_free(tcp);
}

/* ---- Names ---- */

static int bind_random(struct tcp_pcb *pcb, const ip_addr_t *ip)
{
	for (unsigned int try = 0; try < NET_PORT_TRIES; try++)
		if (tcp_bind(pcb, ip, net_port_random()) == ERR_OK)
			return 0;
	return tcp_bind(pcb, ip, 0) == ERR_OK ? 0 : -EADDRNOTAVAIL;
}

static int tcp_socket_bind(struct net_socket *socket, const struct net_address *address)
{
	struct tcp_socket *tcp = net_tcp_of(socket);
	ip_addr_t ip;
	bool enabled = net_lock();
	int error = net_address_to_lwip(address, socket, &ip);

	if (error == 0 && (!tcp->pcb || tcp->pcb->state != CLOSED || tcp->pcb->local_port))
		error = -EINVAL;
	else if (error == 0 && !net_is_local(&ip))
		error = -EADDRNOTAVAIL;
	else if (error == 0 && address->port)
		error = net_errno(tcp_bind(tcp->pcb, &ip, address->port));
	else if (error == 0)
		error = bind_random(tcp->pcb, &ip);
	net_unlock(enabled);
	return error;
}

static int connect_locked(struct tcp_socket *tcp, const struct net_address *address)
{
	ip_addr_t ip;
	int error = net_address_to_lwip(address, &tcp->base, &ip);

	if (error)
		return error;
	if (tcp->connected)
		return -EISCONN;
	if (tcp->listening)
		return -EOPNOTSUPP;
	if (tcp->connecting)
		return -EALREADY;
	/* After an attempt that failed: another one. */
	if (!tcp->pcb) {
		error = pcb_create(tcp, tcp->base.family, tcp->base.v6_only);
		tcp->rx_end = false;
		tcp->base.error = 0;
	}
	if (!error && tcp->pcb->local_port == 0)
		error = bind_random(tcp->pcb,
				    IP_IS_V4_VAL(tcp->pcb->local_ip) ? IP4_ADDR_ANY : IP_ANY_TYPE);
	if (error)
		return error;
	/* The wildcard means ourselves. */
	if (ip_addr_isany_val(ip)) {
		if (tcp->base.family == 4)
			ip_addr_set_loopback(0, &ip);
		else
			ip_addr_set_loopback(1, &ip);
	}
	if (!ip_route(&tcp->pcb->local_ip, &ip))
		return -ENETUNREACH;
	error = net_errno(tcp_connect(tcp->pcb, &ip, address->port, on_connected));
	tcp->connecting = error == 0;
	return error ? error : -EINPROGRESS;
}

static int tcp_socket_connect(struct net_socket *socket, const struct net_address *address)
{
	bool enabled = net_lock();
	int error = connect_locked(net_tcp_of(socket), address);

	net_unlock(enabled);
	return error;
}

static int tcp_socket_name(struct net_socket *socket, bool peer, struct net_address *address_out)
{
	struct tcp_socket *tcp = net_tcp_of(socket);
	bool enabled = net_lock();
	int error = 0;

	if (peer && (!tcp->pcb || !tcp->connected))
		error = -ENOTCONN;
	else if (!tcp->pcb)
		*address_out = (struct net_address){.family = socket->family};
	else if (peer)
		net_address_from_lwip(&tcp->pcb->remote_ip, tcp->pcb->remote_port, socket->family,
				      address_out);
	else
		net_address_from_lwip(&tcp->pcb->local_ip, tcp->pcb->local_port, socket->family,
				      address_out);
	net_unlock(enabled);
	return error;
}

/* ---- Listening ---- */

static int listen_locked(struct tcp_socket *tcp, unsigned int backlog)
{
	struct tcp_pcb *listener;
	err_t error = ERR_OK;

	if (tcp->listening) {
		((struct tcp_pcb_listen *)(void *)tcp->pcb)->backlog = (u16_t)backlog;
		return 0;
	}
	if (!tcp->pcb || tcp->pcb->state != CLOSED)
		return -EINVAL;
	if (tcp->pcb->local_port == 0) {
		int result = bind_random(tcp->pcb, &tcp->pcb->local_ip);

		if (result)
			return result;
	}
	listener = tcp_listen_with_backlog_and_err(tcp->pcb, 1, &error);
	if (!listener)
		return net_errno(error);
	((struct tcp_pcb_listen *)(void *)listener)->backlog = (u16_t)backlog;
	tcp->pcb = listener;
	tcp->listening = true;
	tcp_arg(listener, tcp);
	tcp_accept(listener, on_accept);
	return 0;
}

int net_tcp_listen(struct net_socket *socket, unsigned int backlog)
{
	bool enabled;
	int error;

	if (socket->ops != &net_tcp_ops)
		return -EOPNOTSUPP;
	if (backlog > BACKLOG_MAX)
		backlog = BACKLOG_MAX;
	enabled = net_lock();
	error = listen_locked(net_tcp_of(socket), backlog ? backlog : 1);
	net_unlock(enabled);
	return error;
}

int net_tcp_accept(struct net_socket *socket, struct net_socket **socket_out)
{
	struct tcp_socket *tcp = net_tcp_of(socket), *child;
	bool enabled;
	int error = -EAGAIN;

	if (socket->ops != &net_tcp_ops)
		return -EOPNOTSUPP;
	enabled = net_lock();
	if (!tcp->listening) {
		error = -EINVAL;
	} else if (!list_empty(&tcp->waiting)) {
		child = container_of(tcp->waiting.next, struct tcp_socket, node);
		list_remove(&child->node);
		if (child->pcb)
			tcp_backlog_accepted(child->pcb);
		*socket_out = &child->base;
		error = 0;
	}
	net_unlock(enabled);
	return error;
}

bool net_tcp_listens(struct net_socket *socket)
{
	return socket->ops == &net_tcp_ops && net_tcp_of(socket)->listening;
}

/* ---- Sending ---- */

/* What sending says when there is no connection to send on. */
static int64_t not_connected(struct tcp_socket *tcp)
{
	int error = net_take_error(&tcp->base);

	if (error)
		return error;
	if (tcp->connecting)
		return -EAGAIN;
	return tcp->rx_end || tcp->base.write_shut ? -EPIPE : -ENOTCONN;
}

/* As much of one piece as there is room for. */
static size_t write_some(struct tcp_socket *tcp, const char *bytes, size_t bytes_count, bool more)
{
	struct tcp_pcb *pcb = tcp->pcb;
	size_t done = 0, room;

	while (done < bytes_count && (room = send_room(tcp)) > 0) {
		size_t part = bytes_count - done;

		if (part > room)
			part = room;
		if (part > WRITE_BYTES_MAX)
			part = WRITE_BYTES_MAX;
		if (tcp_write(pcb, bytes + done, (u16_t)part,
			      (u8_t)(TCP_WRITE_FLAG_COPY |
				     (more || done + part < bytes_count ? TCP_WRITE_FLAG_MORE
									: 0))) != ERR_OK)
			break;
		done += part;
	}
	return done;
}

static int64_t send_locked(struct tcp_socket *tcp, const struct net_message *message)
{
	size_t done = 0;

	if (!tcp->pcb || !tcp->connected || tcp->base.write_shut)
		return not_connected(tcp);
	for (size_t i = 0; i < message->pieces_count && done < CALL_BYTES_MAX; i++) {
		const struct net_piece *piece = &message->pieces[i];
		size_t want = piece->bytes_count, part;

		if (want > CALL_BYTES_MAX - done)
			want = CALL_BYTES_MAX - done;
		part = write_some(tcp, piece->bytes, want,
				  (message->flags & NET_MORE) || i + 1 < message->pieces_count);
		done += part;
		if (part < piece->bytes_count)
			break;
	}
	if (done == 0 && message->bytes_total > 0) {
		/* What is queued is on its way, or needs a push. */
		tcp_output(tcp->pcb);
		return -EAGAIN;
	}
	if (!(message->flags & NET_MORE))
		tcp_output(tcp->pcb);
	return (int64_t)done;
}

static int64_t tcp_socket_send(struct net_socket *socket, struct net_message *message)
{
	bool enabled = net_lock();
	int64_t result = send_locked(net_tcp_of(socket), message);

	net_unlock(enabled);
	return result;
}

/* ---- Receiving ---- */

/* Says what receiving yields without data: end, error, nothing yet. */
static int64_t receive_nothing(struct tcp_socket *tcp)
{
	int error;

	if (tcp->listening)
		return -ENOTCONN;
	error = net_take_error(&tcp->base);
	if (error)
		return error;
	if (tcp->rx_end || tcp->base.read_shut)
		return 0;
	return tcp->connected || tcp->connecting ? -EAGAIN : -ENOTCONN;
}

static size_t copy_out(const struct pbuf *p, size_t offset, const struct net_message *message,
		       size_t bytes_max)
{
	size_t done = 0;

	for (; p && done < bytes_max; p = p->next) {
		size_t part = p->len - offset;

		if (part > bytes_max - done)
			part = bytes_max - done;
		if (!(message->flags & NET_DISCARD))
			net_pieces_write(message, done, (const char *)p->payload + offset, part);
		done += part;
		offset = 0;
	}
	return done;
}

/* The window opens again. */
static void acknowledge(struct tcp_socket *tcp, size_t bytes)
{
	while (tcp->pcb && bytes > 0) {
		size_t part = bytes > WRITE_BYTES_MAX ? WRITE_BYTES_MAX : bytes;

		tcp_recved(tcp->pcb, (u16_t)part);
		bytes -= part;
	}
	/* What was too much may come now. */
	if (tcp->pcb && !tcp->listening && tcp->pcb->refused_data)
		(void)tcp_process_refused_data(tcp->pcb);
}

/* Puts what was not read back in front. */
static void put_back(struct tcp_socket *tcp, struct pbuf *row, struct pbuf *row_last, size_t offset,
		     size_t bytes)
{
	row_last->next = tcp->rx_first;
	if (!tcp->rx_last)
		tcp->rx_last = row_last;
	tcp->rx_first = row;
	tcp->rx_offset = offset;
	tcp->rx_bytes += bytes;
}

static int64_t receive_rx_locked(struct tcp_socket *tcp, struct net_message *message)
{
	bool enabled = net_lock();
	size_t have = tcp->rx_bytes, offset = tcp->rx_offset, done, left;
	struct pbuf *row, *last = tcp->rx_last, *rest;

	if (have == 0) {
		int64_t result = receive_nothing(tcp);

		net_unlock(enabled);
		return result;
	}
	if (message->flags & NET_PEEK) {
		done = copy_out(tcp->rx_first, offset, message,
				have < message->bytes_total ? have : message->bytes_total);
		net_unlock(enabled);
		return (int64_t)done;
	}
	row = take_received(tcp);
	net_unlock(enabled);

	done = copy_out(row, offset, message,
			have < message->bytes_total ? have : message->bytes_total);
	for (rest = row, left = done + offset; rest && left >= rest->len; rest = rest->next)
		left -= rest->len;

	enabled = net_lock();
	if (rest)
		put_back(tcp, rest, last, left, have - done);
	acknowledge(tcp, done);
	while (row && row != rest) {
		struct pbuf *next = row->next;

		row->next = NULL;
		free_row(row);
		row = next;
	}
	net_unlock(enabled);
	return (int64_t)done;
}

static int64_t tcp_socket_receive(struct net_socket *socket, struct net_message *message)
{
	struct tcp_socket *tcp = net_tcp_of(socket);
	int64_t result;

	sleeplock_lock(&tcp->rx_lock);
	result = receive_rx_locked(tcp, message);
	sleeplock_unlock(&tcp->rx_lock);
	return result;
}

/* ---- State ---- */

static int shutdown_locked(struct tcp_socket *tcp, bool reading, bool writing)
{
	err_t error = ERR_OK;

	if (tcp->listening && reading) {
		/* As Linux: it stops listening. */
		pollhead_wake(&tcp->base.head);
		return 0;
	}
	if (!tcp->connected || !tcp->pcb)
		return -ENOTCONN;
	if (reading) {
		tcp->base.read_shut = true;
		acknowledge(tcp, tcp->rx_bytes);
		free_row(take_received(tcp));
	}
	if (writing && !tcp->base.write_shut) {
		tcp->base.write_shut = true;
		/* lwIP sends a FIN and goes on receiving. */
		error = tcp_shutdown(tcp->pcb, 0, 1);
	}
	pollhead_wake(&tcp->base.head);
	return net_errno(error);
}

static int tcp_socket_shutdown(struct net_socket *socket, bool reading, bool writing)
{
	bool enabled = net_lock();
	int error = shutdown_locked(net_tcp_of(socket), reading, writing);

	net_unlock(enabled);
	return error;
}

static unsigned int tcp_socket_poll(struct net_socket *socket)
{
	struct tcp_socket *tcp = net_tcp_of(socket);
	bool enabled = net_lock();
	bool end = tcp->rx_end || socket->read_shut;
	unsigned int bits = 0;

	if (tcp->listening) {
		bits = list_empty(&tcp->waiting) ? 0 : NET_READABLE;
	} else {
		if (tcp->rx_bytes > 0 || end || socket->error)
			bits |= NET_READABLE;
		if (end)
			bits |= NET_READ_END;
		if (tcp->connected && tcp->pcb && !socket->write_shut ? is_writable(tcp)
								      : !tcp->connecting)
			bits |= NET_WRITABLE;
		if (socket->error)
			bits |= NET_ERROR;
		if ((end && socket->write_shut) || (!tcp->connected && !tcp->connecting))
			bits |= NET_HUNG_UP;
	}
	net_unlock(enabled);
	return bits;
}

const struct net_socket_ops net_tcp_ops = {
	.bind = tcp_socket_bind,
	.connect = tcp_socket_connect,
	.send = tcp_socket_send,
	.receive = tcp_socket_receive,
	.shutdown = tcp_socket_shutdown,
	.poll = tcp_socket_poll,
	.name = tcp_socket_name,
	.set = net_tcp_set,
	.get = net_tcp_get,
	.close = tcp_socket_close,
};
