/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/net/conflict.h"

#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <lwip/netif.h>
#include <lwip/prot/dhcp.h>
#include <lwip/prot/ethernet.h>
#include <lwip/prot/iana.h>
#include <netif/ethernet.h>

#include "core/log.h"
#include "core/time.h"
#include "lib/base/string.h"
#include "lib/net/address.h"
#include "lib/net/interface_send.h"

#define QUIET_NS (60 * NS_PER_S) /* between two lines in the log */

void net_conflict_probe(struct netif *netif)
{
	struct pbuf *p = pbuf_alloc(PBUF_LINK, SIZEOF_ETHARP_HDR, PBUF_RAM);
	struct etharp_hdr *arp;

	if (!p)
		return;
	arp = p->payload;
	memset(arp, 0, SIZEOF_ETHARP_HDR);
	arp->hwtype = PP_HTONS(LWIP_IANA_HWTYPE_ETHERNET);
	arp->proto = PP_HTONS(ETHTYPE_IP);
	arp->hwlen = ETH_HWADDR_LEN;
	arp->protolen = sizeof(ip4_addr_t);
	arp->opcode = PP_HTONS(ARP_REQUEST);
	memcpy(&arp->shwaddr, netif->hwaddr, ETH_HWADDR_LEN);
	memcpy(&arp->dipaddr, netif_ip4_addr(netif), sizeof(arp->dipaddr));
	(void)ethernet_output(netif, p, (const struct eth_addr *)netif->hwaddr, &ethbroadcast,
			      ETHTYPE_ARP);
	pbuf_free(p);
}

static void report(struct netif *netif, const struct etharp_hdr *arp, const char *what)
{
	static uint64_t quiet_until_ns;
	uint64_t now_ns = time_monotonic_ns();
	const uint8_t *mac = arp->shwaddr.addr;
	char text[NET_ADDRESS_TEXT_BYTES];
	ip_addr_t ip = IPADDR4_INIT(0);

	if (now_ns < quiet_until_ns)
		return;
	quiet_until_ns = now_ns + QUIET_NS;
	memcpy(ip_2_ip4(&ip), &arp->sipaddr, sizeof(arp->sipaddr));
	log_error("%s: %s is in use already, by %02x:%02x:%02x:%02x:%02x:%02x%s",
		  net_interface_name(netif), net_address_format(&ip, text), mac[0], mac[1], mac[2],
		  mac[3], mac[4], mac[5], what);
}

void net_conflict_look(struct netif *netif, const struct pbuf *p)
{
	const struct eth_hdr *eth = p->payload;
	const struct etharp_hdr *arp = (const void *)(eth + 1);
	const struct dhcp *dhcp = netif_dhcp_data(netif);
	uint32_t from;

	if (p->len < SIZEOF_ETH_HDR + SIZEOF_ETHARP_HDR || eth->type != PP_HTONS(ETHTYPE_ARP) ||
	    arp->hwtype != PP_HTONS(LWIP_IANA_HWTYPE_ETHERNET) ||
	    arp->proto != PP_HTONS(ETHTYPE_IP) ||
	    memcmp(&arp->shwaddr, netif->hwaddr, ETH_HWADDR_LEN) == 0)
		return;
	memcpy(&from, &arp->sipaddr, sizeof(from));
	if (from == 0)
		return;
	if (from == netif_ip4_addr(netif)->addr)
		report(netif, arp, "");
	else if (dhcp && dhcp->state == DHCP_STATE_CHECKING && from == dhcp->offered_ip_addr.addr)
		report(netif, arp, ": DHCP is asked for another");
}
