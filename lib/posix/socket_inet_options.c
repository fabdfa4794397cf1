/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of Internet sockets, from POSIX's and Linux's names to lib/net's. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "lib/net/interface.h"
#include "lib/posix/socket_inet.h"

/* Options whose value is one int. */
static const struct mapping {
	uint16_t level, option;
	uint8_t net_option; /* enum net_option */
} mappings[] = {
	{SOL_SOCKET, SO_REUSEADDR, NET_OPT_REUSE_ADDRESS},
	{SOL_SOCKET, SO_REUSEPORT, NET_OPT_REUSE_ADDRESS},
	{SOL_SOCKET, SO_BROADCAST, NET_OPT_BROADCAST},
	{SOL_SOCKET, SO_KEEPALIVE, NET_OPT_KEEPALIVE},
	{SOL_SOCKET, SO_SNDBUF, NET_OPT_SEND_BYTES},
	{SOL_SOCKET, SO_RCVBUF, NET_OPT_RECEIVE_BYTES},
	{IPPROTO_TCP, TCP_NODELAY, NET_OPT_NODELAY},
	{IPPROTO_TCP, TCP_MAXSEG, NET_OPT_MSS},
	{IPPROTO_TCP, TCP_KEEPIDLE, NET_OPT_KEEPALIVE_IDLE},
	{IPPROTO_TCP, TCP_KEEPINTVL, NET_OPT_KEEPALIVE_INTERVAL},
	{IPPROTO_TCP, TCP_KEEPCNT, NET_OPT_KEEPALIVE_COUNT},
	{IPPROTO_IP, IP_TTL, NET_OPT_HOP_LIMIT},
	{IPPROTO_IP, IP_TOS, NET_OPT_TRAFFIC_CLASS},
	{IPPROTO_IP, IP_MULTICAST_TTL, NET_OPT_MULTICAST_HOPS},
	{IPPROTO_IP, IP_MULTICAST_LOOP, NET_OPT_MULTICAST_LOOP},
	{IPPROTO_IPV6, IPV6_V6ONLY, NET_OPT_V6_ONLY},
	{IPPROTO_IPV6, IPV6_UNICAST_HOPS, NET_OPT_HOP_LIMIT},
	{IPPROTO_IPV6, IPV6_TCLASS, NET_OPT_TRAFFIC_CLASS},
	{IPPROTO_IPV6, IPV6_MULTICAST_HOPS, NET_OPT_MULTICAST_HOPS},
	{IPPROTO_IPV6, IPV6_MULTICAST_LOOP, NET_OPT_MULTICAST_LOOP},
	{IPPROTO_IPV6, IPV6_MULTICAST_IF, NET_OPT_MULTICAST_INTERFACE},
};

static const struct {
	uint8_t level, option, want;
} wants[] = {
	{IPPROTO_IP, IP_PKTINFO, INET_WANT_PKTINFO},
	{IPPROTO_IP, IP_RECVTTL, INET_WANT_HOP_LIMIT},
	{IPPROTO_IP, IP_RECVTOS, INET_WANT_TRAFFIC},
	{IPPROTO_IPV6, IPV6_RECVPKTINFO, INET_WANT_PKTINFO6},
	{IPPROTO_IPV6, IPV6_RECVHOPLIMIT, INET_WANT_HOPS6},
	{IPPROTO_IPV6, IPV6_RECVTCLASS, INET_WANT_TRAFFIC6},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct mapping *find(int level, int option)
{
	for (size_t i = 0; i < COUNT(mappings); i++)
		if (mappings[i].level == level && mappings[i].option == option)
			return &mappings[i];
	return NULL;
}

/* Values of one byte are accepted where BSD has them so. */
static int int_value(const void *value, socklen_t bytes, int *value_out)
{
	if (bytes >= sizeof(int))
		memcpy(value_out, value, sizeof(int));
	else if (bytes >= 1)
		*value_out = *(const unsigned char *)value;
	else
		return -EINVAL;
	return 0;
}

static int change_group4(struct net_socket *net, const void *value, socklen_t bytes, bool join)
{
	struct net_address group = {.family = 4};
	struct ip_mreqn request = {.imr_ifindex = 0};
	uint32_t interface;

	if (bytes < sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(&request, value, bytes < sizeof(request) ? bytes : sizeof(request));
	interface = (uint32_t)request.imr_ifindex;
	if (interface == 0 && request.imr_address.s_addr)
		interface = net_interface_with_v4(request.imr_address.s_addr);
	memcpy(group.bytes, &request.imr_multiaddr, 4);
	return net_group_change(net, &group, interface, join);
}

static int change_group6(struct net_socket *net, const void *value, socklen_t bytes, bool join)
{
	struct net_address group = {.family = 6};
	struct ipv6_mreq request;

	if (bytes < sizeof(request))
		return -EINVAL;
	memcpy(&request, value, sizeof(request));
	memcpy(group.bytes, &request.ipv6mr_multiaddr, 16);
	return net_group_change(net, &group, request.ipv6mr_interface, join);
}

static int bind_to_device(struct net_socket *net, const void *value, socklen_t bytes)
{
	char name[IF_NAMESIZE] = "";
	uint32_t index = 0;

	memcpy(name, value, bytes < sizeof(name) - 1 ? bytes : sizeof(name) - 1);
	if (name[0]) {
		index = net_interface_find(name);
		if (index == 0)
			return -ENODEV;
	}
	return net->ops->set(net, NET_OPT_INTERFACE, index);
}

static int set_special(struct inet_socket *inet, int level, int option, const void *value,
		       socklen_t bytes)
{
	struct net_socket *net = inet->net;
	int number = 0;

	if (level == IPPROTO_IP && (option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP))
		return change_group4(net, value, bytes, option == IP_ADD_MEMBERSHIP);
	if (level == IPPROTO_IPV6 && (option == IPV6_JOIN_GROUP || option == IPV6_LEAVE_GROUP))
		return change_group6(net, value, bytes, option == IPV6_JOIN_GROUP);
	if (level == SOL_SOCKET && option == SO_BINDTODEVICE)
		return bind_to_device(net, value, bytes);
	if (level == IPPROTO_IP && option == IP_MULTICAST_IF) {
		struct ip_mreqn request = {.imr_ifindex = 0};

		if (bytes == sizeof(struct in_addr))
			memcpy(&request.imr_address, value, bytes);
		else
			memcpy(&request, value, bytes < sizeof(request) ? bytes : sizeof(request));
		if (request.imr_ifindex == 0 && request.imr_address.s_addr)
			request.imr_ifindex =
				(int)net_interface_with_v4(request.imr_address.s_addr);
		return net->ops->set(net, NET_OPT_MULTICAST_INTERFACE, request.imr_ifindex);
	}
	if (level == IPPROTO_TCP && option == TCP_CORK && inet->base.type == SOCK_STREAM) {
		if (int_value(value, bytes, &number))
			return -EINVAL;
		inet->cork = number != 0;
		/* Uncorking pushes what is queued. */
		if (!number) {
			struct net_message nothing = {.pieces = NULL};

			net->ops->send(net, &nothing);
		}
		return 0;
	}
	/* What a program may ask for without harm. */
	if (level == IPPROTO_TCP && inet->base.type == SOCK_STREAM &&
	    (option == TCP_QUICKACK || option == TCP_DEFER_ACCEPT || option == TCP_USER_TIMEOUT))
		return 0;
	return -ENOPROTOOPT;
}

int inet_set(struct socket *socket, int level, int option, const void *value, socklen_t bytes)
{
	struct inet_socket *inet = (struct inet_socket *)socket;
	const struct mapping *mapping = find(level, option);
	int number;

	for (size_t i = 0; i < COUNT(wants); i++) {
		if (wants[i].level != level || wants[i].option != option)
			continue;
		if (int_value(value, bytes, &number))
			return -EINVAL;
		inet->wants = number ? inet->wants | wants[i].want : inet->wants & ~wants[i].want;
		return 0;
	}
	if (!mapping)
		return set_special(inet, level, option, value, bytes);
	if (int_value(value, bytes, &number))
		return -EINVAL;
	return inet->net->ops->set(inet->net, (enum net_option)mapping->net_option, number);
}

int inet_get(struct socket *socket, int level, int option, void *value, socklen_t *bytes)
{
	struct inet_socket *inet = (struct inet_socket *)socket;
	const struct mapping *mapping = find(level, option);
	int64_t number = 0;
	int result = 0, out;

	if (level == IPPROTO_TCP && option == TCP_CORK && socket->type == SOCK_STREAM)
		number = inet->cork;
	else if (level == IPPROTO_TCP && option == TCP_INFO && socket->type == SOCK_STREAM) {
		/* Its first byte: the state. */
		result = inet->net->ops->get(inet->net, NET_OPT_STATE, &number);
		if (result == 0 && *bytes > 0) {
			memset(value, 0, *bytes);
			*(unsigned char *)value = (unsigned char)number;
		}
		return result;
	} else if (mapping) {
		result = inet->net->ops->get(inet->net, (enum net_option)mapping->net_option,
					     &number);
	} else {
		result = -ENOPROTOOPT;
		for (size_t i = 0; i < COUNT(wants); i++) {
			if (wants[i].level == level && wants[i].option == option) {
				number = !!(inet->wants & wants[i].want);
				result = 0;
			}
		}
	}
	if (result)
		return result;
	out = (int)number;
	if (*bytes > sizeof(out))
		*bytes = sizeof(out);
	memcpy(value, &out, *bytes);
	return 0;
}
