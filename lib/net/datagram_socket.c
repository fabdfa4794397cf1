/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP and raw IP endpoints on lwIP's raw API. What came in waits whole, up to a bound; what does
 * not fit is dropped, as everywhere with datagrams.
 */
#include <lwip/igmp.h>
#include <lwip/mld6.h>
#include <lwip/raw.h>
#include <lwip/udp.h>

#include "core/heap.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "lib/base/list.h"
#include "lib/base/string.h"
#include "lib/net/interface_send.h"
#include "lib/net/socket_parts.h"

#define QUEUE_BYTES_DEFAULT 212992u /* Linux's */
#define QUEUE_BYTES_MIN     2304u
#define QUEUE_BYTES_MAX     (4u << 20)
#define DATAGRAM_BYTES_MAX  65507u
#define DATAGRAM_OVERHEAD   256u
#define ICMP6_PROTOCOL      58
#define DATAGRAM_SHORT      (NETDEV_MTU_MIN - 48u) /* whole in one packet of any interface */

struct datagram {
	struct list_node node;
	struct pbuf *p;
	ip_addr_t from, to;
	uint16_t from_port;
	uint8_t interface, hop_limit, traffic_class;
	uint64_t time_ns;
};

struct datagram_socket {
	struct net_socket base;
	/* net_lock: */
	union {
		struct ip_pcb *ip; /* what both have */
		struct udp_pcb *udp;
		struct raw_pcb *raw;
	} pcb;
	struct list_node queue; /* struct datagram, oldest first */
	size_t queue_bytes, queue_bytes_max;
	uint64_t dropped;
	bool connected;
	struct net_sender sender; /* waits: nothing can be sent now */
};

static struct datagram_socket *of(struct net_socket *socket)
{
	return container_of(socket, struct datagram_socket, base);
}

static bool is_raw(const struct datagram_socket *socket)
{
	return socket->base.type == NET_RAW;
}

/* ---- What lwIP calls, under net_lock ---- */

/* Takes p in any case. */
static void take(struct datagram_socket *socket, struct pbuf *p, const ip_addr_t *from,
		 uint16_t from_port)
{
	size_t cost = p->tot_len + DATAGRAM_OVERHEAD;
	struct datagram *datagram = NULL;

	if (!socket->base.read_shut && socket->queue_bytes + cost <= socket->queue_bytes_max)
		datagram = heap_alloc(sizeof(*datagram));
	if (!datagram) {
		socket->dropped++;
		pbuf_free(p);
		return;
	}
	*datagram = (struct datagram){
		.p = p,
		.from = *from,
		.to = *ip_current_dest_addr(),
		.from_port = from_port,
		.interface = netif_get_index(ip_current_input_netif()),
		.time_ns = time_wall_ns(),
	};
	if (ip_current_is_v6()) {
		datagram->hop_limit = IP6H_HOPLIM(ip6_current_header());
		datagram->traffic_class = (uint8_t)IP6H_TC(ip6_current_header());
	} else {
		datagram->hop_limit = IPH_TTL(ip4_current_header());
		datagram->traffic_class = IPH_TOS(ip4_current_header());
	}
	socket->queue_bytes += cost;
	list_append(&socket->queue, &datagram->node);
	pollhead_wake(&socket->base.head);
}

static void on_udp(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
		   u16_t from_port)
{
	(void)pcb;
	take(arg, p, from, from_port);
}

/* Others want the packet too: a copy. Programs see the header of IPv4, not of IPv6. */
static u8_t on_raw(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
	struct datagram_socket *socket = arg;
	struct pbuf *copy;

	if (socket->connected && !ip_addr_cmp(&pcb->remote_ip, from))
		return 0;
	copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
	if (!copy) {
		socket->dropped++;
		return 0;
	}
	if (ip_current_is_v6())
		pbuf_remove_header(copy, ip_current_header_tot_len());
	take(socket, copy, from, 0);
	return 0;
}

void net_datagram_fail(struct udp_pcb *pcb, int error)
{
	struct datagram_socket *socket = pcb->recv_arg;

	if (pcb->recv != on_udp)
		return;
	socket->base.error = error;
	pollhead_wake(&socket->base.head);
}

static void on_room(struct net_sender *sender)
{
	struct datagram_socket *socket = container_of(sender, struct datagram_socket, sender);

	pollhead_wake(&socket->base.head);
}

/* ---- Life ---- */

int net_datagram_create(unsigned int family, enum net_type type, unsigned int protocol,
			struct net_socket **socket_out)
{
	struct datagram_socket *socket = heap_alloc_zeroed(sizeof(*socket));
	u8_t kind = family == 4       ? IPADDR_TYPE_V4
		    : type == NET_RAW ? IPADDR_TYPE_V6
				      : IPADDR_TYPE_ANY;
	bool enabled;

	if (!socket)
		return -ENOMEM;
	socket->base.ops = &net_datagram_ops;
	pollhead_init(&socket->base.head);
	list_init(&socket->queue);
	socket->queue_bytes_max = QUEUE_BYTES_DEFAULT;
	socket->sender.fn = on_room;
	enabled = net_lock();
	if (type == NET_RAW)
		socket->pcb.raw = raw_new_ip_type(kind, (u8_t)protocol);
	else
		socket->pcb.udp = udp_new_ip_type(kind);
	if (socket->pcb.ip && type == NET_RAW) {
		raw_recv(socket->pcb.raw, on_raw, socket);
		socket->pcb.raw->mcast_ttl = 1;
		if (family == 6 && protocol == ICMP6_PROTOCOL) {
			socket->pcb.raw->chksum_reqd = 1;
			socket->pcb.raw->chksum_offset = 2;
		}
	} else if (socket->pcb.ip) {
		udp_recv(socket->pcb.udp, on_udp, socket);
		udp_set_multicast_ttl(socket->pcb.udp, 1);
		udp_setflags(socket->pcb.udp, UDP_FLAGS_MULTICAST_LOOP);
	}
	net_unlock(enabled);
	if (!socket->pcb.ip) {
		heap_free(socket);
		return -ENOBUFS;
	}
	*socket_out = &socket->base;
	return 0;
}

static void datagram_free(struct datagram *datagram)
{
	pbuf_free(datagram->p);
	heap_free(datagram);
}

static void datagram_close(struct net_socket *base, bool abort)
{
	struct datagram_socket *socket = of(base);
	bool enabled = net_lock();

	(void)abort;
	net_sender_cancel(&socket->sender);
	if (is_raw(socket))
		raw_remove(socket->pcb.raw);
	else
		udp_remove(socket->pcb.udp);
	while (!list_empty(&socket->queue)) {
		struct datagram *datagram = container_of(socket->queue.next, struct datagram, node);

		list_remove(&datagram->node);
		datagram_free(datagram);
	}
	net_unlock(enabled);
	heap_free(socket);
}

/* ---- Names ---- */

static int bind_locked(struct datagram_socket *socket, const ip_addr_t *ip, uint16_t port)
{
	if (is_raw(socket))
		return net_errno(raw_bind(socket->pcb.raw, ip));
	if (port)
		return net_errno(udp_bind(socket->pcb.udp, ip, port));
	for (unsigned int try = 0; try < NET_PORT_TRIES; try++)
		if (udp_bind(socket->pcb.udp, ip, net_port_random()) == ERR_OK)
			return 0;
	return udp_bind(socket->pcb.udp, ip, 0) == ERR_OK ? 0 : -EADDRNOTAVAIL;
}

/* Before the first datagram is sent. */
static int ensure_bound(struct datagram_socket *socket)
{
	if (is_raw(socket) || socket->pcb.udp->local_port)
		return 0;
	return bind_locked(socket, &socket->pcb.ip->local_ip, 0);
}

static int datagram_bind(struct net_socket *base, const struct net_address *address)
{
	struct datagram_socket *socket = of(base);
	ip_addr_t ip;
	bool enabled = net_lock();
	int error = net_address_to_lwip(address, base, &ip);

	if (error == 0 && !is_raw(socket) && socket->pcb.udp->local_port)
		error = -EINVAL;
	else if (error == 0 && !net_is_local(&ip) && !ip_addr_ismulticast(&ip))
		error = -EADDRNOTAVAIL;
	else if (error == 0)
		error = bind_locked(socket, &ip, address->port);
	net_unlock(enabled);
	return error;
}

static int disconnect(struct datagram_socket *socket)
{
	if (is_raw(socket))
		raw_disconnect(socket->pcb.raw);
	else
		udp_disconnect(socket->pcb.udp);
	socket->connected = false;
	return 0;
}

static int connect_locked(struct datagram_socket *socket, const struct net_address *address)
{
	ip_addr_t ip;
	int error;

	if (address->family == 0)
		return disconnect(socket);
	error = net_address_to_lwip(address, &socket->base, &ip);
	if (error == 0)
		error = ensure_bound(socket);
	if (error)
		return error;
	if (ip_addr_isany_val(ip))
		ip_addr_set_loopback(socket->base.family == 6, &ip);
	if (!ip_route(&socket->pcb.ip->local_ip, &ip))
		return -ENETUNREACH;
	if (is_raw(socket))
		error = net_errno(raw_connect(socket->pcb.raw, &ip));
	else
		error = net_errno(udp_connect(socket->pcb.udp, &ip, address->port));
	socket->connected = error == 0;
	return error;
}

static int datagram_connect(struct net_socket *base, const struct net_address *address)
{
	bool enabled = net_lock();
	int error = connect_locked(of(base), address);

	net_unlock(enabled);
	return error;
}

static int datagram_name(struct net_socket *base, bool peer, struct net_address *address_out)
{
	struct datagram_socket *socket = of(base);
	const struct ip_pcb *pcb = socket->pcb.ip;
	bool enabled = net_lock();
	int error = 0;

	if (peer && !socket->connected) {
		error = -ENOTCONN;
	} else if (peer) {
		net_address_from_lwip(&pcb->remote_ip,
				      is_raw(socket) ? 0 : socket->pcb.udp->remote_port,
				      base->family, address_out);
	} else {
		const ip_addr_t *local = &pcb->local_ip;
		struct netif *netif;

		/* Connected, it is what would be sent from. */
		if (socket->connected && ip_addr_isany(local) &&
		    (netif = ip_route(local, &pcb->remote_ip)))
			local = ip_netif_get_local_ip(netif, &pcb->remote_ip);
		net_address_from_lwip(local ? local : &pcb->local_ip,
				      is_raw(socket) ? 0 : socket->pcb.udp->local_port,
				      base->family, address_out);
	}
	net_unlock(enabled);
	return error;
}

/* ---- Sending ---- */

static err_t send_udp(struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *to, uint16_t port)
{
	size_t bytes = p->tot_len;
	err_t error;

	if (bytes > DATAGRAM_SHORT)
		net_interface_sums(bytes, true);
	error = udp_sendto(pcb, p, to, port);
	if (bytes > DATAGRAM_SHORT)
		net_interface_sums(bytes, false);
	return error;
}

/* With another hop limit or interface for this one, if the message says so. */
static int send_pbuf(struct datagram_socket *socket, struct pbuf *p, const ip_addr_t *to,
		     const struct net_message *message)
{
	struct ip_pcb *pcb = socket->pcb.ip;
	u8_t ttl = pcb->ttl, netif_idx = pcb->netif_idx;
	err_t error;

	if (message->hop_limit)
		pcb->ttl = message->hop_limit;
	if (message->interface)
		pcb->netif_idx = (u8_t)message->interface;
	net_interface_refused = false;
	if (is_raw(socket))
		error = to ? raw_sendto(socket->pcb.raw, p, to) : raw_send(socket->pcb.raw, p);
	else
		error = send_udp(socket->pcb.udp, p, to ? to : &pcb->remote_ip,
				 to ? message->address.port : socket->pcb.udp->remote_port);
	pcb->ttl = ttl;
	pcb->netif_idx = netif_idx;
	if (error == ERR_MEM && net_interface_refused) {
		net_sender_wait(&socket->sender);
		return -EAGAIN;
	}
	/* Not allowed to broadcast. */
	return error == ERR_VAL ? -EACCES : net_errno(error);
}

static int send_locked(struct datagram_socket *socket, struct pbuf *p,
		       const struct net_message *message)
{
	ip_addr_t to;
	int error = net_take_error(&socket->base);

	if (error)
		return error;
	if (socket->base.write_shut)
		return -EPIPE;
	if (message->address.family == 0) {
		if (!socket->connected)
			return -EDESTADDRREQ;
		return send_pbuf(socket, p, NULL, message);
	}
	error = net_address_to_lwip(&message->address, &socket->base, &to);
	if (error == 0)
		error = ensure_bound(socket);
	if (error)
		return error;
	if (ip_addr_isany_val(to))
		ip_addr_set_loopback(socket->base.family == 6, &to);
	return send_pbuf(socket, p, &to, message);
}

static int64_t datagram_send(struct net_socket *base, struct net_message *message)
{
	struct pbuf *p;
	bool enabled;
	int error;

	if (message->bytes_total > DATAGRAM_BYTES_MAX)
		return -EMSGSIZE;
	/* lwIP may take from the pool with its lock held by nobody: the counters are atomic. */
	p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)message->bytes_total, PBUF_RAM);
	if (!p)
		return -ENOBUFS;
	net_pieces_read(message, 0, p->payload, message->bytes_total);
	enabled = net_lock();
	error = send_locked(of(base), p, message);
	pbuf_free(p);
	net_unlock(enabled);
	return error ? error : (int64_t)message->bytes_total;
}

/* ---- Receiving ---- */

static void describe(struct net_socket *base, const struct datagram *datagram,
		     struct net_message *message)
{
	net_address_from_lwip(&datagram->from, datagram->from_port, base->family,
			      &message->address);
	net_address_from_lwip(&datagram->to, 0, base->family, &message->local);
	message->interface = datagram->interface;
	message->hop_limit = datagram->hop_limit;
	message->traffic_class = datagram->traffic_class;
	message->time_ns = datagram->time_ns;
	message->datagram_bytes = datagram->p->tot_len;
	message->flags &= ~NET_TRUNCATED;
	if (datagram->p->tot_len > message->bytes_total)
		message->flags |= NET_TRUNCATED;
}

static size_t copy_out(const struct pbuf *p, const struct net_message *message)
{
	size_t done = 0;

	for (; p && done < message->bytes_total; p = p->next) {
		size_t part = p->len;

		if (part > message->bytes_total - done)
			part = message->bytes_total - done;
		net_pieces_write(message, done, p->payload, part);
		done += part;
	}
	return done;
}

static int64_t datagram_receive(struct net_socket *base, struct net_message *message)
{
	struct datagram_socket *socket = of(base);
	struct datagram *datagram = NULL;
	bool enabled = net_lock();
	int64_t result = net_take_error(base);

	if (!result && !list_empty(&socket->queue)) {
		datagram = container_of(socket->queue.next, struct datagram, node);
		describe(base, datagram, message);
		if (message->flags & NET_PEEK) {
			result = (int64_t)copy_out(datagram->p, message);
			datagram = NULL;
		} else {
			list_remove(&datagram->node);
			socket->queue_bytes -= datagram->p->tot_len + DATAGRAM_OVERHEAD;
		}
	} else if (!result && !base->read_shut) {
		result = -EAGAIN;
	}
	net_unlock(enabled);
	if (datagram) {
		result = (int64_t)copy_out(datagram->p, message);
		/* A driver's page may have to go back to it. */
		enabled = net_lock();
		datagram_free(datagram);
		net_unlock(enabled);
	}
	return result;
}

/* ---- State ---- */

static int datagram_shutdown(struct net_socket *base, bool reading, bool writing)
{
	bool enabled = net_lock();
	int error = of(base)->connected ? 0 : -ENOTCONN;

	base->read_shut |= reading;
	base->write_shut |= writing;
	pollhead_wake(&base->head);
	net_unlock(enabled);
	return error;
}

static unsigned int datagram_poll(struct net_socket *base)
{
	struct datagram_socket *socket = of(base);
	bool enabled = net_lock();
	unsigned int bits = socket->sender.waits ? 0 : NET_WRITABLE;

	if (!list_empty(&socket->queue) || base->read_shut || base->error)
		bits |= NET_READABLE;
	if (base->error)
		bits |= NET_ERROR;
	if (base->read_shut)
		bits |= NET_READ_END;
	net_unlock(enabled);
	return bits;
}

static int set_multicast(struct datagram_socket *socket, enum net_option option, int64_t value)
{
	/* The first fields of both are the same. */
	if (value < 0 || value > 255)
		return -EINVAL;
	if (option == NET_OPT_MULTICAST_HOPS && is_raw(socket))
		raw_set_multicast_ttl(socket->pcb.raw, (u8_t)value);
	else if (option == NET_OPT_MULTICAST_HOPS)
		udp_set_multicast_ttl(socket->pcb.udp, (u8_t)value);
	else if (option == NET_OPT_MULTICAST_INTERFACE && is_raw(socket))
		raw_set_multicast_netif_index(socket->pcb.raw, (u8_t)value);
	else if (option == NET_OPT_MULTICAST_INTERFACE)
		udp_set_multicast_netif_index(socket->pcb.udp, (u8_t)value);
	else if (!is_raw(socket) && value)
		udp_set_flags(socket->pcb.udp, UDP_FLAGS_MULTICAST_LOOP);
	else if (!is_raw(socket))
		udp_clear_flags(socket->pcb.udp, UDP_FLAGS_MULTICAST_LOOP);
	return 0;
}

static int set_locked(struct datagram_socket *socket, enum net_option option, int64_t value)
{
	int result = net_pcb_set(socket->pcb.ip, option, value);

	if (result != -ENOPROTOOPT)
		return result;
	switch (option) {
	case NET_OPT_V6_ONLY:
		if (socket->base.family != 6)
			return -EINVAL;
		socket->base.v6_only = value != 0;
		if (!is_raw(socket))
			IP_SET_TYPE_VAL(socket->pcb.ip->local_ip,
					value ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY);
		return 0;
	case NET_OPT_RECEIVE_BYTES:
		/* Doubled, as Linux counts. */
		value *= 2;
		socket->queue_bytes_max = value < QUEUE_BYTES_MIN   ? QUEUE_BYTES_MIN
					  : value > QUEUE_BYTES_MAX ? QUEUE_BYTES_MAX
								    : (size_t)value;
		return 0;
	case NET_OPT_SEND_BYTES:
		return 0;
	case NET_OPT_MULTICAST_HOPS:
	case NET_OPT_MULTICAST_INTERFACE:
	case NET_OPT_MULTICAST_LOOP:
		return set_multicast(socket, option, value);
	default:
		return -ENOPROTOOPT;
	}
}

static int datagram_set(struct net_socket *base, enum net_option option, int64_t value)
{
	bool enabled = net_lock();
	int result = set_locked(of(base), option, value);

	net_unlock(enabled);
	return result;
}

static int get_locked(struct datagram_socket *socket, enum net_option option, int64_t *value_out)
{
	int result = net_pcb_get(socket->pcb.ip, option, value_out);
	const struct datagram *first;

	if (result != -ENOPROTOOPT)
		return result;
	*value_out = 0;
	switch (option) {
	case NET_OPT_V6_ONLY:
		*value_out = socket->base.v6_only;
		return 0;
	case NET_OPT_RECEIVE_BYTES:
		*value_out = (int64_t)socket->queue_bytes_max;
		return 0;
	case NET_OPT_SEND_BYTES:
		*value_out = QUEUE_BYTES_DEFAULT;
		return 0;
	case NET_OPT_READABLE_BYTES:
		if (!list_empty(&socket->queue)) {
			first = container_of(socket->queue.next, struct datagram, node);
			*value_out = first->p->tot_len;
		}
		return 0;
	case NET_OPT_MULTICAST_HOPS:
		*value_out = is_raw(socket) ? raw_get_multicast_ttl(socket->pcb.raw)
					    : udp_get_multicast_ttl(socket->pcb.udp);
		return 0;
	case NET_OPT_MULTICAST_INTERFACE:
		*value_out = is_raw(socket) ? raw_get_multicast_netif_index(socket->pcb.raw)
					    : udp_get_multicast_netif_index(socket->pcb.udp);
		return 0;
	case NET_OPT_MULTICAST_LOOP:
		*value_out = !is_raw(socket) &&
			     udp_is_flag_set(socket->pcb.udp, UDP_FLAGS_MULTICAST_LOOP);
		return 0;
	case NET_OPT_UNSENT_BYTES:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int datagram_get(struct net_socket *base, enum net_option option, int64_t *value_out)
{
	bool enabled = net_lock();
	int result = get_locked(of(base), option, value_out);

	net_unlock(enabled);
	return result;
}

/* ---- Groups ---- */

static err_t change_on(struct netif *netif, const ip_addr_t *group, bool join)
{
	if (IP_IS_V4(group))
		return join ? igmp_joingroup_netif(netif, ip_2_ip4(group))
			    : igmp_leavegroup_netif(netif, ip_2_ip4(group));
	return join ? mld6_joingroup_netif(netif, ip_2_ip6(group))
		    : mld6_leavegroup_netif(netif, ip_2_ip6(group));
}

int net_group_change(struct net_socket *socket, const struct net_address *group, uint32_t interface,
		     bool join)
{
	ip_addr_t ip;
	bool enabled = net_lock();
	int error = net_address_to_lwip(group, socket, &ip);
	struct netif *netif;

	if (error == 0 && !ip_addr_ismulticast(&ip)) {
		error = -EINVAL;
	} else if (error == 0 && interface) {
		netif = interface < 256 ? netif_get_by_index((u8_t)interface) : NULL;
		error = netif ? net_errno(change_on(netif, &ip, join)) : -ENODEV;
	} else if (error == 0) {
		error = -ENODEV;
		NETIF_FOREACH(netif)
		{
			if (change_on(netif, &ip, join) == ERR_OK)
				error = 0;
		}
	}
	net_timers_changed();
	net_unlock(enabled);
	return error;
}

const struct net_socket_ops net_datagram_ops = {
	.bind = datagram_bind,
	.connect = datagram_connect,
	.send = datagram_send,
	.receive = datagram_receive,
	.shutdown = datagram_shutdown,
	.poll = datagram_poll,
	.name = datagram_name,
	.set = datagram_set,
	.get = datagram_get,
	.close = datagram_close,
};
