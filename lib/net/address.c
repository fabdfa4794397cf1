/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/net/address.h"

#include "lib/base/error.h"
#include "lib/base/string.h"

static bool is_mapped(const uint8_t bytes[16])
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(bytes, prefix, sizeof(prefix)) == 0;
}

static void from_v4(const uint8_t bytes[4], ip_addr_t *ip_out)
{
	memset(ip_out, 0, sizeof(*ip_out));
	IP_SET_TYPE(ip_out, IPADDR_TYPE_V4);
	memcpy(&ip_2_ip4(ip_out)->addr, bytes, 4);
}

int net_address_to_lwip(const struct net_address *address, const struct net_socket *socket,
			ip_addr_t *ip_out)
{
	static const uint8_t any[16];

	if (address->family == 4) {
		if (socket->family != 4)
			return -EAFNOSUPPORT;
		from_v4(address->bytes, ip_out);
		return 0;
	}
	if (address->family != 6 || socket->family != 6)
		return -EAFNOSUPPORT;
	if (is_mapped(address->bytes)) {
		if (socket->v6_only)
			return -ENETUNREACH;
		from_v4(address->bytes + 12, ip_out);
		return 0;
	}
	memset(ip_out, 0, sizeof(*ip_out));
	IP_SET_TYPE(ip_out, IPADDR_TYPE_V6);
	memcpy(ip_2_ip6(ip_out)->addr, address->bytes, 16);
	if (memcmp(address->bytes, any, 16) == 0 && !socket->v6_only)
		IP_SET_TYPE(ip_out, IPADDR_TYPE_ANY);
	else if (ip6_addr_has_scope(ip_2_ip6(ip_out), IP6_UNKNOWN))
		ip6_addr_set_zone(ip_2_ip6(ip_out), (u8_t)address->scope);
	return 0;
}

void net_address_from_lwip(const ip_addr_t *ip, uint16_t port, unsigned int socket_family,
			   struct net_address *address_out)
{
	memset(address_out, 0, sizeof(*address_out));
	address_out->family = (uint8_t)socket_family;
	address_out->port = port;
	if (IP_IS_V4_VAL(*ip)) {
		uint8_t *to = address_out->bytes;

		if (socket_family == 6 && !ip4_addr_isany_val(*ip_2_ip4(ip))) {
			to[10] = to[11] = 0xff;
			to += 12;
		}
		memcpy(to, &ip_2_ip4(ip)->addr, 4);
	} else if (socket_family == 6) {
		memcpy(address_out->bytes, ip_2_ip6(ip)->addr, 16);
		address_out->scope = ip6_addr_zone(ip_2_ip6(ip));
	}
}

int net_address_parse(const char *text, struct net_address *address_out)
{
	ip_addr_t ip;

	if (!ipaddr_aton(text, &ip))
		return -EINVAL;
	net_address_from_lwip(&ip, 0, IP_IS_V6_VAL(ip) ? 6 : 4, address_out);
	return 0;
}

const char *net_address_format(const ip_addr_t *ip, char text_out[NET_ADDRESS_TEXT_BYTES])
{
	return ipaddr_ntoa_r(ip, text_out, NET_ADDRESS_TEXT_BYTES);
}
