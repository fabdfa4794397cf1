/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte order, and the two wildcards of IPv6. */
#include <arpa/inet.h>

#undef htonl
#undef htons
#undef ntohl
#undef ntohs

const struct in6_addr in6addr_any = IN6ADDR_ANY_INIT;
const struct in6_addr in6addr_loopback = IN6ADDR_LOOPBACK_INIT;

uint32_t htonl(uint32_t word)
{
	return __builtin_bswap32(word);
}

uint16_t htons(uint16_t word)
{
	return __builtin_bswap16(word);
}

uint32_t ntohl(uint32_t word)
{
	return __builtin_bswap32(word);
}

uint16_t ntohs(uint16_t word)
{
	return __builtin_bswap16(word);
}
