/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP's "destination unreachable": which of our sockets sent what it quotes, and what that socket
 * says of it. As Linux: a connection that is being made ends with any of them, connected datagrams
 * know only what is final (nobody at that port), everything else may pass.
 */
#include <lwip/inet_chksum.h>
#include <lwip/pbuf.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/prot/icmp.h>
#include <lwip/prot/icmp6.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/udp.h>

#include "lib/base/error.h"
#include "lib/base/string.h"
#include "lib/net/lwip/hooks.h"
#include "lib/net/socket_parts.h"

#define ICMP_BYTES 8u /* before what is quoted */
#define L4_BYTES   8u /* that much of the header above IP is quoted at least */
#define QUOTE_MAX  (60u + L4_BYTES)

#define ICMP6_NO_ROUTE   0
#define ICMP6_PROHIBITED 1
#define ICMP6_PORT       4

/* What we sent. */
struct quote {
	ip_addr_t from, to;
	uint16_t from_port, to_port;
	uint32_t sequence; /* of TCP */
	uint8_t protocol;
};

static int error_of(int v6, uint8_t code, bool *final_out)
{
	*final_out = v6 ? code == ICMP6_PORT || code == ICMP6_PROHIBITED
			: code == ICMP_DUR_PORT || code == ICMP_DUR_PROTO;
	if (v6)
		return code == ICMP6_PORT         ? -ECONNREFUSED
		       : code == ICMP6_PROHIBITED ? -EACCES
		       : code == ICMP6_NO_ROUTE   ? -ENETUNREACH
						  : -EHOSTUNREACH;
	return code == ICMP_DUR_PORT    ? -ECONNREFUSED
	       : code == ICMP_DUR_PROTO ? -ENOPROTOOPT
	       : code == ICMP_DUR_NET   ? -ENETUNREACH
					: -EHOSTUNREACH;
}

/* False: not all of it is there, or it is neither TCP's nor UDP's first fragment. */
static bool read_quote(int v6, const struct pbuf *p, struct quote *quote_out)
{
	uint8_t bytes[QUOTE_MAX];
	size_t count = pbuf_copy_partial(p, bytes, sizeof(bytes), ICMP_BYTES), head;
	const struct ip6_hdr *ip6 = (const void *)bytes;
	const struct ip_hdr *ip = (const void *)bytes;
	uint16_t port;

	memset(quote_out, 0, sizeof(*quote_out));
	if (count < (v6 ? IP6_HLEN : IP_HLEN))
		return false;
	if (v6) {
		head = IP6_HLEN;
		quote_out->protocol = IP6H_NEXTH(ip6);
		ip_addr_copy_from_ip6_packed(quote_out->from, ip6->src);
		ip_addr_copy_from_ip6_packed(quote_out->to, ip6->dest);
	} else {
		head = IPH_HL_BYTES(ip);
		if (head < IP_HLEN || (IPH_OFFSET(ip) & PP_HTONS(IP_OFFMASK)))
			return false;
		quote_out->protocol = IPH_PROTO(ip);
		ip_addr_copy_from_ip4(quote_out->from, ip->src);
		ip_addr_copy_from_ip4(quote_out->to, ip->dest);
	}
	if (count < head + L4_BYTES)
		return false;
	memcpy(&port, bytes + head, sizeof(port));
	quote_out->from_port = lwip_ntohs(port);
	memcpy(&port, bytes + head + 2, sizeof(port));
	quote_out->to_port = lwip_ntohs(port);
	memcpy(&quote_out->sequence, bytes + head + 4, sizeof(quote_out->sequence));
	quote_out->sequence = lwip_ntohl(quote_out->sequence);
	return quote_out->protocol == IP_PROTO_TCP || quote_out->protocol == IP_PROTO_UDP;
}

/* Only who connected knows that it is meant: anybody may send us such messages. */
static void tell_datagrams(const struct quote *quote, int error)
{
	struct udp_pcb *pcb;

	for (pcb = udp_pcbs; pcb; pcb = pcb->next) {
		if ((pcb->flags & UDP_FLAGS_CONNECTED) && pcb->local_port == quote->from_port &&
		    pcb->remote_port == quote->to_port &&
		    ip_addr_cmp_zoneless(&pcb->remote_ip, &quote->to) &&
		    (ip_addr_isany(&pcb->local_ip) ||
		     ip_addr_cmp_zoneless(&pcb->local_ip, &quote->from)))
			net_datagram_fail(pcb, error);
	}
}

static void tell_connections(const struct quote *quote, int error)
{
	struct tcp_pcb *pcb;

	for (pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
		if (pcb->state == SYN_SENT && pcb->local_port == quote->from_port &&
		    pcb->remote_port == quote->to_port &&
		    ip_addr_cmp_zoneless(&pcb->remote_ip, &quote->to) &&
		    ip_addr_cmp_zoneless(&pcb->local_ip, &quote->from) &&
		    pcb->lastack == quote->sequence) {
			net_tcp_fail(pcb, error);
			return;
		}
	}
}

void net_unreachable(int v6, const struct pbuf *p)
{
	struct quote quote;
	bool final;
	int error;

	if (p->len < ICMP_BYTES || (!v6 && inet_chksum_pbuf((struct pbuf *)p) != 0))
		return;
	error = error_of(v6, ((const uint8_t *)p->payload)[1], &final);
	if (!read_quote(v6, p, &quote))
		return;
	if (quote.protocol == IP_PROTO_TCP)
		tell_connections(&quote, error);
	else if (final)
		tell_datagrams(&quote, error);
}
