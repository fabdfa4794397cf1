/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/net/socket_parts.h"

#include <lwip/netif.h>

#include "lib/base/error.h"
#include "lib/base/string.h"

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

uint16_t net_port_random(void)
{
	return (uint16_t)(NET_PORT_FIRST + LWIP_RAND() % (NET_PORT_LAST - NET_PORT_FIRST + 1));
}

int net_socket_create(unsigned int family, enum net_type type, unsigned int protocol,
		      struct net_socket **socket_out)
{
	struct net_socket *socket;
	int error;

	if (type == NET_STREAM)
		error = protocol && protocol != PROTOCOL_TCP ? -EPROTONOSUPPORT
							     : net_tcp_create(family, &socket);
	else if (type == NET_DATAGRAM)
		error = protocol && protocol != PROTOCOL_UDP
				? -EPROTONOSUPPORT
				: net_datagram_create(family, type, protocol, &socket);
	else
		error = protocol == 0 || protocol > 255
				? -EPROTONOSUPPORT
				: net_datagram_create(family, type, protocol, &socket);
	if (error)
		return error;
	socket->family = (uint8_t)family;
	socket->type = (uint8_t)type;
	socket->protocol = (uint8_t)(type == NET_STREAM     ? PROTOCOL_TCP
				     : type == NET_DATAGRAM ? PROTOCOL_UDP
							    : protocol);
	pollhead_init(&socket->head);
	*socket_out = socket;
	return 0;
}

bool net_is_local(const ip_addr_t *ip)
{
	struct netif *netif;

	if (ip_addr_isany(ip))
		return true;
	NETIF_FOREACH(netif)
	{
		if (IP_IS_V4(ip) && (ip4_addr_cmp(netif_ip4_addr(netif), ip_2_ip4(ip)) ||
				     (netif->name[0] == 'l' && ip4_addr_isloopback(ip_2_ip4(ip)))))
			return true;
		if (IP_IS_V6(ip) && netif_get_ip6_addr_match(netif, ip_2_ip6(ip)) >= 0)
			return true;
	}
	return false;
}

int net_socket_take_error(struct net_socket *socket)
{
	bool enabled = net_lock();
	int error = net_take_error(socket);

	net_unlock(enabled);
	return error;
}

static int set_flag(struct ip_pcb *pcb, u8_t flag, int64_t value)
{
	if (value)
		ip_set_option(pcb, flag);
	else
		ip_reset_option(pcb, flag);
	return 0;
}

int net_pcb_set(struct ip_pcb *pcb, enum net_option option, int64_t value)
{
	switch (option) {
	case NET_OPT_REUSE_ADDRESS:
		return set_flag(pcb, SOF_REUSEADDR, value);
	case NET_OPT_BROADCAST:
		return set_flag(pcb, SOF_BROADCAST, value);
	case NET_OPT_KEEPALIVE:
		return set_flag(pcb, SOF_KEEPALIVE, value);
	case NET_OPT_HOP_LIMIT:
		if (value < 1 || value > 255)
			return -EINVAL;
		pcb->ttl = (u8_t)value;
		return 0;
	case NET_OPT_TRAFFIC_CLASS:
		pcb->tos = (u8_t)value;
		return 0;
	case NET_OPT_INTERFACE:
		if (value < 0 || value > 255)
			return -EINVAL;
		pcb->netif_idx = (u8_t)value;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int net_pcb_get(const struct ip_pcb *pcb, enum net_option option, int64_t *value_out)
{
	switch (option) {
	case NET_OPT_REUSE_ADDRESS:
		*value_out = !!ip_get_option(pcb, SOF_REUSEADDR);
		return 0;
	case NET_OPT_BROADCAST:
		*value_out = !!ip_get_option(pcb, SOF_BROADCAST);
		return 0;
	case NET_OPT_KEEPALIVE:
		*value_out = !!ip_get_option(pcb, SOF_KEEPALIVE);
		return 0;
	case NET_OPT_HOP_LIMIT:
		*value_out = pcb->ttl;
		return 0;
	case NET_OPT_TRAFFIC_CLASS:
		*value_out = pcb->tos;
		return 0;
	case NET_OPT_INTERFACE:
		*value_out = pcb->netif_idx;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* The part of each piece that lies in the range, moved one way. */
static void move(const struct net_message *message, size_t offset, char *bytes, size_t bytes_count,
		 bool to_pieces)
{
	for (size_t i = 0; i < message->pieces_count && bytes_count > 0; i++) {
		const struct net_piece *piece = &message->pieces[i];
		size_t part;

		if (offset >= piece->bytes_count) {
			offset -= piece->bytes_count;
			continue;
		}
		part = piece->bytes_count - offset;
		if (part > bytes_count)
			part = bytes_count;
		if (to_pieces)
			memcpy((char *)piece->bytes + offset, bytes, part);
		else
			memcpy(bytes, (char *)piece->bytes + offset, part);
		bytes += part;
		bytes_count -= part;
		offset = 0;
	}
}

void net_pieces_write(const struct net_message *message, size_t offset, const void *bytes,
		      size_t bytes_count)
{
	move(message, offset, (char *)bytes, bytes_count, true);
}

void net_pieces_read(const struct net_message *message, size_t offset, void *bytes_out,
		     size_t bytes_count)
{
	move(message, offset, bytes_out, bytes_count, false);
}
