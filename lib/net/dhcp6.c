/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/net/dhcp6.h"

#include <lwip/dhcp6.h>
#include <lwip/dns.h>
#include <lwip/netif.h>
#include <lwip/udp.h>

#include "core/heap.h"
#include "core/log.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "lib/net/address.h"
#include "lib/net/dhcp6_message.h"
#include "lib/net/interface_send.h"
#include "lib/net/stack.h"

#define CLIENT_PORT   546
#define SERVER_PORT   547
#define MESSAGE_MAX   1280u /* of a server's that we read */
#define REFRESH_S     86400u
#define REFRESH_MIN_S 600u
#define MS_PER_S      1000u
#define NS_PER_MS     (NS_PER_S / MS_PER_S)
#define REFUSED_NS    (10 * NS_PER_S)
#define SOON_NS       (2 * NS_PER_S)
#define BEST          255u /* of preferences: nobody else is waited for */

/* What it is doing: each but WAITING and BOUND says something until it is answered. */
enum state {
	WAITING, /* for a router that says we should */
	INFORMED,
	BOUND,
	INFORM,
	SOLICIT,
	REQUEST,
	CONFIRM,
	RENEW,
	REBIND,
	DECLINE,
};

/* RFC 8415, 7.6: the first pause, the longest, how often and for how long in all; 0: no end. */
static const struct patience {
	enum dhcp6_kind kind;
	uint32_t first_ms, most_ms, times, all_ms;
} patience[] = {
	[INFORM] = {DHCP6_INFORM, 1000, 3600 * MS_PER_S, 0, 0},
	[SOLICIT] = {DHCP6_SOLICIT, 1000, 3600 * MS_PER_S, 0, 0},
	[REQUEST] = {DHCP6_REQUEST, 1000, 30000, 10, 0},
	[CONFIRM] = {DHCP6_CONFIRM, 1000, 4000, 0, 10000},
	[RENEW] = {DHCP6_RENEW, 10000, 600 * MS_PER_S, 0, 0},
	[REBIND] = {DHCP6_REBIND, 10000, 600 * MS_PER_S, 0, 0},
	[DECLINE] = {DHCP6_DECLINE, 1000, 0, 4, 0},
};

struct net_dhcp6 {
	struct netif *netif;
	enum state state;
	bool managed;                /* addresses are to be asked for */
	uint32_t transaction, times; /* of the exchange; how often it was said */
	uint64_t began_ns, due_ns;   /* when next, TIME_NEVER: never */
	uint64_t pause_ms;
	uint8_t server[DHCP6_SERVER_MAX];
	size_t server_bytes; /* 0: none chosen */
	unsigned int preference;
	uint8_t address[16];          /* offered, or ours */
	int index;                    /* of ours among the interface's; negative: we have none */
	uint64_t renew_ns;            /* its server is asked to let us have it for longer */
	uint64_t rebind_ns;           /* any server is */
	ip_addr_t dns[DHCP6_DNS_MAX]; /* what we set */
};

static struct udp_pcb *pcb;

static struct net_dhcp6 *of(const struct netif *netif)
{
	return netif->name[0] == 'l' ? NULL : ((const struct net_interface *)netif->state)->dhcp6;
}

static uint64_t after_s(uint32_t seconds)
{
	return seconds == DHCP6_FOREVER ? TIME_NEVER : time_monotonic_ns() + seconds * NS_PER_S;
}

/* A tenth more or less. */
static uint64_t about(uint64_t ms)
{
	return ms - ms / 10 + net_random32() % (ms / 5 + 1);
}

/* ---- Exchanges ---- */

static void begin(struct net_dhcp6 *dhcp6, enum state state)
{
	dhcp6->state = state;
	dhcp6->transaction = net_random32() & 0xffffff;
	dhcp6->times = 0;
	dhcp6->pause_ms = 0;
	dhcp6->began_ns = dhcp6->due_ns = time_monotonic_ns();
	if (state == SOLICIT)
		dhcp6->server_bytes = dhcp6->preference = 0;
	/* Those who heard the same router do not all ask at once. */
	if (state == SOLICIT || state == INFORM)
		dhcp6->due_ns += net_random32() % MS_PER_S * NS_PER_MS;
	net_timers_changed();
}

static void settle(struct net_dhcp6 *dhcp6, enum state state, uint64_t due_ns)
{
	dhcp6->state = state;
	dhcp6->due_ns = due_ns;
}

static void say(struct net_dhcp6 *dhcp6)
{
	uint64_t elapsed_cs = (time_monotonic_ns() - dhcp6->began_ns) / (NS_PER_S / 100);
	bool asks_one = dhcp6->state == REQUEST || dhcp6->state == RENEW || dhcp6->state == DECLINE;
	struct dhcp6_say what = {
		.kind = patience[dhcp6->state].kind,
		.transaction = dhcp6->transaction,
		.elapsed_cs = elapsed_cs > UINT16_MAX ? UINT16_MAX : (uint16_t)elapsed_cs,
		.mac = dhcp6->netif->hwaddr,
		.server = asks_one ? dhcp6->server : NULL,
		.server_bytes = dhcp6->server_bytes,
		.address =
			dhcp6->state == SOLICIT || dhcp6->state == INFORM ? NULL : dhcp6->address,
	};
	struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, DHCP6_WRITE_BYTES, PBUF_RAM);
	ip_addr_t everybody = IPADDR6_INIT_HOST(0xff020000, 0, 0, 0x00010002);

	if (!p)
		return;
	pbuf_realloc(p, (u16_t)dhcp6_message_write(&what, p->payload));
	ip6_addr_assign_zone(ip_2_ip6(&everybody), IP6_MULTICAST, dhcp6->netif);
	(void)udp_sendto_if_src(pcb, p, &everybody, SERVER_PORT, dhcp6->netif,
				netif_ip_addr6(dhcp6->netif, 0));
	pbuf_free(p);
}

/* The address goes, if we have one. */
static void drop_address(struct net_dhcp6 *dhcp6)
{
	int index = dhcp6->index;

	dhcp6->index = -1;
	if (index >= 0 && !ip6_addr_isinvalid(netif_ip6_addr_state(dhcp6->netif, index)))
		netif_ip6_addr_set_state(dhcp6->netif, (s8_t)index, IP6_ADDR_INVALID);
}

/* Nobody answered for so long. */
static void give_up(struct net_dhcp6 *dhcp6)
{
	if (dhcp6->state == CONFIRM) {
		/* RFC 8415, 18.2.3: it goes on with what it has. */
		settle(dhcp6, BOUND, dhcp6->renew_ns);
	} else {
		if (dhcp6->state == DECLINE)
			drop_address(dhcp6);
		begin(dhcp6, SOLICIT);
	}
}

static bool link_is_ready(const struct netif *netif)
{
	return ip6_addr_ispreferred(netif_ip6_addr_state(netif, 0));
}

/* The pause until it is said once more: the longer the more often it was. */
static void wait_longer(struct net_dhcp6 *dhcp6, const struct patience *how)
{
	if (dhcp6->pause_ms != 0)
		dhcp6->pause_ms += about(dhcp6->pause_ms);
	else if (dhcp6->state == SOLICIT)
		/* Never shorter than its least: 18.2.1. */
		dhcp6->pause_ms = how->first_ms + net_random32() % (how->first_ms / 10);
	else
		dhcp6->pause_ms = about(how->first_ms);
	if (how->most_ms != 0 && dhcp6->pause_ms > how->most_ms)
		dhcp6->pause_ms = about(how->most_ms);
	dhcp6->due_ns = time_monotonic_ns() + dhcp6->pause_ms * NS_PER_MS;
	if (dhcp6->state == RENEW && dhcp6->due_ns > dhcp6->rebind_ns)
		dhcp6->due_ns = dhcp6->rebind_ns;
}

/* The time has come to say it, or once more. */
static void exchange(struct net_dhcp6 *dhcp6)
{
	uint64_t now_ns = time_monotonic_ns();
	const struct patience *how;

	if (dhcp6->state == RENEW && now_ns >= dhcp6->rebind_ns)
		begin(dhcp6, REBIND);
	/* Nobody better answered before the first pause was over. */
	if (dhcp6->state == SOLICIT && dhcp6->server_bytes != 0)
		begin(dhcp6, REQUEST);
	how = &patience[dhcp6->state];
	if (dhcp6->times == 0 && !link_is_ready(dhcp6->netif)) {
		dhcp6->due_ns = now_ns + NS_PER_S;
		return;
	}
	if ((how->times != 0 && dhcp6->times == how->times) ||
	    (how->all_ms != 0 && now_ns - dhcp6->began_ns >= how->all_ms * NS_PER_MS)) {
		give_up(dhcp6);
		return;
	}
	if (dhcp6->times++ == 0)
		dhcp6->began_ns = now_ns;
	wait_longer(dhcp6, how);
	say(dhcp6);
}

static void step(struct net_dhcp6 *dhcp6)
{
	if (time_monotonic_ns() < dhcp6->due_ns)
		return;
	if (dhcp6->state == INFORMED)
		begin(dhcp6, INFORM);
	else if (dhcp6->state == BOUND)
		begin(dhcp6, RENEW);
	if (dhcp6->state > BOUND && time_monotonic_ns() >= dhcp6->due_ns)
		exchange(dhcp6);
}

void net_dhcp6_tick(void)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		if (of(netif))
			step(of(netif));
	}
}

bool net_dhcp6_wants_ticks(void)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		/* What is due later is looked at again each second, with lwIP's timers. */
		if (of(netif) && of(netif)->due_ns < time_monotonic_ns() + SOON_NS)
			return true;
	}
	return false;
}

/* ---- What servers say ---- */

/* Those it told us before go; nobody else's do. */
static void set_dns(struct net_dhcp6 *dhcp6, const struct dhcp6_heard *heard)
{
	for (unsigned int i = 0; i < DHCP6_DNS_MAX; i++)
		for (u8_t slot = 0; slot < DNS_MAX_SERVERS; slot++)
			if (!ip_addr_isany_val(dhcp6->dns[i]) &&
			    ip_addr_cmp(dns_getserver(slot), &dhcp6->dns[i]))
				dns_setserver(slot, NULL);
	memset(dhcp6->dns, 0, sizeof(dhcp6->dns));
	for (unsigned int i = 0; i < heard->dns_count; i++) {
		ip_addr_t *dns = &dhcp6->dns[i];
		u8_t slot = 0;

		memcpy(ip_2_ip6(dns)->addr, heard->dns[i], sizeof(heard->dns[i]));
		IP_SET_TYPE_VAL(*dns, IPADDR_TYPE_V6);
		ip6_addr_assign_zone(ip_2_ip6(dns), IP6_UNKNOWN, dhcp6->netif);
		while (slot < DNS_MAX_SERVERS && !ip_addr_isany(dns_getserver(slot)))
			slot++;
		if (slot < DNS_MAX_SERVERS)
			dns_setserver(slot, dns);
	}
}

static void remember_server(struct net_dhcp6 *dhcp6, const struct dhcp6_heard *heard)
{
	memcpy(dhcp6->server, heard->server, heard->server_bytes);
	dhcp6->server_bytes = heard->server_bytes;
}

static void offered(struct net_dhcp6 *dhcp6, const struct dhcp6_heard *heard)
{
	if (!heard->has_address || heard->valid_s == 0 || heard->status != DHCP6_SUCCESS ||
	    (dhcp6->server_bytes != 0 && heard->preference <= dhcp6->preference))
		return;
	remember_server(dhcp6, heard);
	dhcp6->preference = heard->preference;
	memcpy(dhcp6->address, heard->address, sizeof(dhcp6->address));
	/* The best, or the first after a pause in which nobody said anything. */
	if (heard->preference == BEST || dhcp6->times > 1) {
		begin(dhcp6, REQUEST);
		exchange(dhcp6);
	}
}

/* The address among the interface's, with its times. False: there is no room. */
static bool take_address(struct net_dhcp6 *dhcp6, const struct dhcp6_heard *heard)
{
	struct netif *netif = dhcp6->netif;
	ip6_addr_t address;
	s8_t index;

	memset(&address, 0, sizeof(address));
	memcpy(address.addr, heard->address, sizeof(heard->address));
	if (dhcp6->index >= 0 &&
	    !ip6_addr_cmp_zoneless(&address, netif_ip6_addr(netif, dhcp6->index)))
		drop_address(dhcp6);
	if (netif_add_ip6_address(netif, &address, &index) != ERR_OK)
		return false;
	dhcp6->index = index;
	memcpy(dhcp6->address, heard->address, sizeof(dhcp6->address));
	netif_ip6_addr_set_valid_life(netif, index, heard->valid_s);
	netif_ip6_addr_set_pref_life(netif, index, heard->preferred_s);
	if (heard->preferred_s > 0 && netif_ip6_addr_state(netif, index) == IP6_ADDR_DEPRECATED)
		netif_ip6_addr_set_state(netif, index, IP6_ADDR_PREFERRED);
	return true;
}

static void bound(struct net_dhcp6 *dhcp6, const struct dhcp6_heard *heard)
{
	uint32_t lasts_s = heard->preferred_s ? heard->preferred_s : heard->valid_s;
	uint32_t renew_s = heard->renew_s, rebind_s = heard->rebind_s;
	bool forever = lasts_s == DHCP6_FOREVER;

	if (!take_address(dhcp6, heard)) {
		log_warn("%s: no room for an address of DHCPv6", net_interface_name(dhcp6->netif));
		settle(dhcp6, WAITING, TIME_NEVER);
		return;
	}
	remember_server(dhcp6, heard);
	set_dns(dhcp6, heard);
	if (renew_s == 0)
		renew_s = forever ? DHCP6_FOREVER : lasts_s / 2;
	if (rebind_s == 0)
		rebind_s = forever ? DHCP6_FOREVER : lasts_s / 5 * 4;
	if (rebind_s < renew_s)
		rebind_s = renew_s;
	dhcp6->rebind_ns = after_s(rebind_s);
	/* Not more often than once in a second, whatever the server says. */
	dhcp6->renew_ns = after_s(renew_s ? renew_s : 1);
	settle(dhcp6, BOUND, dhcp6->renew_ns);
}

/* An answer to what was asked about addresses. */
static void answered(struct net_dhcp6 *dhcp6, const struct dhcp6_heard *heard)
{
	if (heard->status == DHCP6_NOT_ON_LINK || heard->address_status == DHCP6_NOT_ON_LINK) {
		drop_address(dhcp6);
		begin(dhcp6, SOLICIT);
	} else if (dhcp6->state == CONFIRM) {
		if (heard->status == DHCP6_SUCCESS)
			settle(dhcp6, BOUND, dhcp6->renew_ns);
	} else if (dhcp6->state == DECLINE) {
		drop_address(dhcp6);
		begin(dhcp6, SOLICIT);
	} else if (heard->address_status == DHCP6_NO_BINDING &&
		   (dhcp6->state == RENEW || dhcp6->state == REBIND)) {
		/* It forgot us: 18.2.10.1. */
		remember_server(dhcp6, heard);
		begin(dhcp6, REQUEST);
	} else if (heard->has_address && heard->status == DHCP6_SUCCESS) {
		if (heard->valid_s > 0) {
			bound(dhcp6, heard);
		} else {
			drop_address(dhcp6);
			begin(dhcp6, SOLICIT);
		}
	} else if (dhcp6->state == REQUEST) {
		/* It offers what it does not give: not round and round as fast as we can. */
		begin(dhcp6, SOLICIT);
		dhcp6->due_ns += REFUSED_NS;
	}
	/* Anything else is no answer: it is asked again. */
}

static void informed(struct net_dhcp6 *dhcp6, const struct dhcp6_heard *heard)
{
	uint32_t refresh_s = heard->refresh_s ? heard->refresh_s : REFRESH_S;

	set_dns(dhcp6, heard);
	settle(dhcp6, INFORMED, after_s(refresh_s < REFRESH_MIN_S ? REFRESH_MIN_S : refresh_s));
}

static void hear(struct net_dhcp6 *dhcp6, const struct dhcp6_heard *heard)
{
	bool asked = dhcp6->state > BOUND && dhcp6->times > 0 &&
		     heard->transaction == dhcp6->transaction;

	if (!asked)
		return;
	if (heard->kind == DHCP6_ADVERTISE) {
		if (dhcp6->state == SOLICIT)
			offered(dhcp6, heard);
	} else if (dhcp6->state == INFORM) {
		informed(dhcp6, heard);
	} else if (dhcp6->state != SOLICIT || heard->committed) {
		answered(dhcp6, heard);
	}
	net_timers_changed();
}

static void on_datagram(void *arg, struct udp_pcb *receiver, struct pbuf *p, const ip_addr_t *from,
			u16_t from_port)
{
	static uint8_t bytes[MESSAGE_MAX];
	struct netif *netif = ip_current_input_netif();
	struct dhcp6_heard heard;

	(void)arg;
	(void)receiver;
	(void)from;
	(void)from_port;
	if (of(netif) && p->tot_len <= sizeof(bytes) &&
	    pbuf_copy_partial(p, bytes, p->tot_len, 0) == p->tot_len &&
	    dhcp6_message_read(bytes, p->tot_len, netif->hwaddr, &heard) == 0)
		hear(of(netif), &heard);
	pbuf_free(p);
}

/* ---- When ---- */

static bool open_port(void)
{
	if (pcb)
		return true;
	pcb = udp_new_ip_type(IPADDR_TYPE_V6);
	if (!pcb)
		return false;
	if (udp_bind(pcb, IP6_ADDR_ANY, CLIENT_PORT) != ERR_OK) {
		udp_remove(pcb);
		pcb = NULL;
		return false;
	}
	udp_recv(pcb, on_datagram, NULL);
	return true;
}

static struct net_dhcp6 *create(struct netif *netif)
{
	struct net_interface *interface = netif->state;
	struct net_dhcp6 *dhcp6 = open_port() ? heap_alloc_zeroed(sizeof(*dhcp6)) : NULL;

	if (!dhcp6)
		return NULL;
	dhcp6->netif = netif;
	dhcp6->index = -1;
	dhcp6->due_ns = TIME_NEVER;
	interface->dhcp6 = dhcp6;
	return dhcp6;
}

/* A router announced itself. Called by lwIP's nd6.c. */
void dhcp6_nd6_ra_trigger(struct netif *netif, u8_t managed, u8_t other)
{
	struct net_dhcp6 *dhcp6;

	if (netif->name[0] == 'l' || (!managed && !other))
		return;
	dhcp6 = of(netif);
	if (!dhcp6)
		dhcp6 = create(netif);
	if (!dhcp6)
		return;
	if (managed && !dhcp6->managed) {
		dhcp6->managed = true;
		begin(dhcp6, SOLICIT);
	} else if (!managed && dhcp6->state == WAITING) {
		begin(dhcp6, INFORM);
	}
}

void net_dhcp6_end(struct netif *netif)
{
	struct net_interface *interface = netif->state;
	static const struct dhcp6_heard nothing;

	if (!interface->dhcp6)
		return;
	set_dns(interface->dhcp6, &nothing);
	heap_free(interface->dhcp6);
	interface->dhcp6 = NULL;
}

void net_dhcp6_link_up(struct netif *netif)
{
	struct net_dhcp6 *dhcp6 = of(netif);

	if (!dhcp6)
		return;
	if (dhcp6->index >= 0 && dhcp6->state != DECLINE)
		begin(dhcp6, CONFIRM);
	else if (dhcp6->managed)
		begin(dhcp6, SOLICIT);
	else if (dhcp6->state != WAITING)
		begin(dhcp6, INFORM);
}

void net_dhcp6_address_changed(struct netif *netif, int index)
{
	struct net_dhcp6 *dhcp6 = of(netif);
	char address[NET_ADDRESS_TEXT_BYTES];

	if (!dhcp6 || dhcp6->index != index)
		return;
	if (ip6_addr_isduplicated(netif_ip6_addr_state(netif, index))) {
		log_error("%s: %s is in use already: DHCPv6 is asked for another",
			  net_interface_name(netif),
			  net_address_format(netif_ip_addr6(netif, index), address));
		begin(dhcp6, DECLINE);
	} else if (ip6_addr_isinvalid(netif_ip6_addr_state(netif, index))) {
		log_warn("%s: its address of DHCPv6 is gone: the lease is over",
			 net_interface_name(netif));
		dhcp6->index = -1;
		begin(dhcp6, SOLICIT);
	}
}

bool net_dhcp6_is_ours(const struct netif *netif, int index)
{
	return of(netif) && of(netif)->index == index;
}
