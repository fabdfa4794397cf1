/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/net/config.h"

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/autoip.h>
#include <lwip/netif.h>

#include "core/log.h"
#include "core/wait.h"
#include "lib/base/error.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"
#include "lib/net/address.h"
#include "lib/net/conflict.h"
#include "lib/net/dhcp6.h"
#include "lib/net/interface_send.h"
#include "lib/net/lwip/hooks.h"
#include "lib/net/stack.h"

#define TEXT_BYTES_MAX 256

/* What one interface is told. */
struct plan {
	bool stated, dhcp;
	ip4_addr_t address, mask, gateway;
	ip6_addr_t address6, gateway6;
	bool has_address, has_gateway, has_address6, has_gateway6;
	unsigned int dns_count;
	ip_addr_t dns[DNS_MAX_SERVERS];
};

static const char *command_line;
static const char *hostname;
struct waitq net_config_queue;

/* ---- Text ---- */

/* Takes the next part, ended by one of ends, out of *text. */
static bool next_part(const char **text, char end, char *part_out, size_t part_bytes)
{
	const char *stop = strchr(*text, end);
	size_t bytes = stop ? (size_t)(stop - *text) : strlen(*text);

	if (**text == '\0' || bytes >= part_bytes)
		return false;
	memcpy(part_out, *text, bytes);
	part_out[bytes] = '\0';
	*text += bytes + (stop ? 1 : 0);
	return true;
}

static const char *after(const char *text, const char *prefix)
{
	size_t bytes = strlen(prefix);

	return strncmp(text, prefix, bytes) == 0 ? text + bytes : NULL;
}

/* "10.0.0.5/24" */
static int parse_v4(const char *text, ip4_addr_t *address_out, ip4_addr_t *mask_out)
{
	const char *slash = strchr(text, '/');
	char address[20];
	uint64_t bits = 24;
	size_t bytes = slash ? (size_t)(slash - text) : strlen(text);

	if (bytes >= sizeof(address) || (slash && parse_u64(slash + 1, &bits)) || bits > 32)
		return -EINVAL;
	memcpy(address, text, bytes);
	address[bytes] = '\0';
	if (!ip4addr_aton(address, address_out))
		return -EINVAL;
	ip4_addr_set_u32(mask_out, lwip_htonl(bits ? ~0u << (32 - bits) : 0));
	return 0;
}

/* The prefix is always 64 bits long. */
static int parse_v6(const char *text, ip6_addr_t *address_out)
{
	const char *slash = strchr(text, '/');
	char address[48];
	size_t bytes = slash ? (size_t)(slash - text) : strlen(text);

	if (bytes >= sizeof(address) || (slash && strcmp(slash, "/64") != 0))
		return -EINVAL;
	memcpy(address, text, bytes);
	address[bytes] = '\0';
	return ip6addr_aton(address, address_out) ? 0 : -EINVAL;
}

static int parse_word(const char *word, struct plan *plan)
{
	const char *value;

	if (strcmp(word, "dhcp") == 0) {
		plan->dhcp = true;
		return 0;
	}
	if (strcmp(word, "none") == 0)
		return 0;
	if ((value = after(word, "gw="))) {
		plan->has_gateway = true;
		return ip4addr_aton(value, &plan->gateway) ? 0 : -EINVAL;
	}
	if ((value = after(word, "gw6="))) {
		plan->has_gateway6 = true;
		return parse_v6(value, &plan->gateway6);
	}
	if ((value = after(word, "ip6="))) {
		plan->has_address6 = true;
		return parse_v6(value, &plan->address6);
	}
	if ((value = after(word, "dns="))) {
		if (plan->dns_count == DNS_MAX_SERVERS)
			return 0;
		return ipaddr_aton(value, &plan->dns[plan->dns_count++]) ? 0 : -EINVAL;
	}
	plan->has_address = true;
	return parse_v4(word, &plan->address, &plan->mask);
}

/* One interface's part: "eth0:WORD,WORD". *wrong_out: a word that is none. */
static int parse_plan(const char *text, struct plan *plan, char wrong_out[TEXT_BYTES_MAX])
{
	char word[TEXT_BYTES_MAX];

	plan->stated = true;
	while (next_part(&text, ',', word, sizeof(word))) {
		if (parse_word(word, plan)) {
			memcpy(wrong_out, word, sizeof(word));
			return -EINVAL;
		}
	}
	return *text ? -EINVAL : 0;
}

/* The name a part begins with: "eth1:…"; none means eth0. What follows it. */
static const char *skip_name(const char *part, const char **name_out, size_t *name_bytes_out)
{
	const char *colon = strchr(part, ':');

	if (strncmp(part, "eth", 3) == 0 && colon) {
		*name_out = part;
		*name_bytes_out = (size_t)(colon - part);
		return colon + 1;
	}
	*name_out = "eth0";
	*name_bytes_out = 4;
	return part;
}

int net_config_set(const char *text, const char *new_hostname, const char **wrong_out)
{
	static char wrong[TEXT_BYTES_MAX];
	char part[TEXT_BYTES_MAX];
	const char *rest = text, *name;
	size_t name_bytes;

	hostname = new_hostname;
	while (rest && next_part(&rest, ';', part, sizeof(part))) {
		struct plan plan = {.stated = false};

		if (parse_plan(skip_name(part, &name, &name_bytes), &plan, wrong)) {
			*wrong_out = wrong;
			return -EINVAL;
		}
	}
	command_line = text;
	return 0;
}

/* What the command line says of an interface. */
static void plan_from_command_line(const char *name, struct plan *plan)
{
	char part[TEXT_BYTES_MAX], wrong[TEXT_BYTES_MAX];
	const char *rest = command_line, *part_name;
	size_t name_bytes;

	while (rest && next_part(&rest, ';', part, sizeof(part))) {
		const char *words = skip_name(part, &part_name, &name_bytes);

		if (strlen(name) == name_bytes && strncmp(name, part_name, name_bytes) == 0)
			parse_plan(words, plan, wrong);
	}
}

/* The toolstack's: addresses separated by blanks, with or without a prefix length; or `dhcp`. */
static void plan_from_store(const char *name, const char *store, struct plan *plan)
{
	char word[TEXT_BYTES_MAX];

	while (store && next_part(&store, ' ', word, sizeof(word))) {
		ip6_addr_t v6;

		plan->stated = true;
		if (strchr(word, ':') && parse_v6(word, &v6) == 0) {
			plan->address6 = v6;
			plan->has_address6 = true;
		} else if (!plan->has_address && parse_word(word, plan)) {
			plan->has_address = false;
			log_warn("%s: xenstore's ip: \"%.40s\" is no address", name, word);
		}
	}
	if (plan->stated && !plan->has_address && !plan->has_address6)
		plan->stated = false;
}

/* ---- Interfaces ---- */

static bool has_dhcp(const struct netif *netif)
{
	return netif_dhcp_data(netif);
}

static void report(struct netif *netif)
{
	char address[NET_ADDRESS_TEXT_BYTES], gateway[NET_ADDRESS_TEXT_BYTES];

	if (ip4_addr_isany(netif_ip4_addr(netif))) {
		if (has_dhcp(netif))
			log_warn("%s: its address is gone: the lease is over",
				 net_interface_name(netif));
		return;
	}
	net_address_format(netif_ip_addr4(netif), address);
	if (has_dhcp(netif) && ip4_addr_islinklocal(netif_ip4_addr(netif)))
		log_warn("%s: no DHCP server answers: %s until one does", net_interface_name(netif),
			 address);
	net_address_format(netif_ip_gw4(netif), gateway);
	log_info("%s: %s/%d gateway %s mtu %u", net_interface_name(netif), address,
		 __builtin_popcount(netif_ip4_netmask(netif)->addr), gateway, netif->mtu);
}

static void on_change(struct netif *netif, netif_nsc_reason_t reason,
		      const netif_ext_callback_args_t *args)
{
	char address[NET_ADDRESS_TEXT_BYTES];
	s8_t index = -1;

	if (netif->name[0] == 'l')
		return;
	if (reason & LWIP_NSC_IPV4_SETTINGS_CHANGED)
		report(netif);
	if ((reason & (LWIP_NSC_IPV4_SETTINGS_CHANGED | LWIP_NSC_LINK_CHANGED)) &&
	    !has_dhcp(netif) && netif_is_up(netif) && netif_is_link_up(netif) &&
	    !ip4_addr_isany(netif_ip4_addr(netif)))
		net_conflict_probe(netif);
	if (reason & LWIP_NSC_LINK_CHANGED && netif_is_link_up(netif))
		net_dhcp6_link_up(netif);
	if (reason & LWIP_NSC_IPV6_ADDR_STATE_CHANGED) {
		index = args->ipv6_addr_state_changed.addr_index;
		net_dhcp6_address_changed(netif, index);
	}
	if (index >= 0 && ip6_addr_ispreferred(netif_ip6_addr_state(netif, index)))
		log_info("%s: %s/%u", net_interface_name(netif),
			 net_address_format(netif_ip_addr6(netif, index), address),
			 net_dhcp6_is_ours(netif, index) ? 128 : 64);
	waitq_wake_all(&net_config_queue);
}

const ip6_addr_t *net_gateway6(const struct netif *netif)
{
	const struct net_interface *interface = netif->state;

	if (netif->name[0] == 'l' || ip6_addr_isany_val(interface->gateway6))
		return NULL;
	return &interface->gateway6;
}

static void apply_static(struct netif *netif, const struct plan *plan)
{
	struct net_interface *interface = netif->state;
	s8_t index;

	if (plan->has_address)
		netif_set_addr(netif, &plan->address, &plan->mask,
			       plan->has_gateway ? &plan->gateway : IP4_ADDR_ANY4);
	if (plan->has_address6 && netif_add_ip6_address(netif, &plan->address6, &index) == ERR_OK)
		netif_ip6_addr_set_state(netif, index, IP6_ADDR_TENTATIVE);
	if (plan->has_gateway6) {
		interface->gateway6 = plan->gateway6;
		if (ip6_addr_lacks_zone(&interface->gateway6, IP6_UNICAST))
			ip6_addr_assign_zone(&interface->gateway6, IP6_UNICAST, netif);
	}
	for (unsigned int i = 0; i < plan->dns_count; i++)
		dns_setserver((u8_t)i, &plan->dns[i]);
}

void net_config_begin(struct netif *netif, const char *name, const char *store)
{
	static netif_ext_callback_t callback;
	static bool registered;
	struct plan plan = {.stated = false};

	if (!registered) {
		registered = true;
		netif_add_ext_callback(&callback, on_change);
	}
	plan_from_command_line(name, &plan);
	if (!plan.stated)
		plan_from_store(name, store, &plan);
	netif_set_hostname(netif, hostname);
	netif_create_ip6_linklocal_address(netif, 1);
	netif_set_ip6_autoconfig_enabled(netif, 1);
	apply_static(netif, &plan);
	netif_set_up(netif);
	if (!plan.stated || plan.dhcp) {
		if (dhcp_start(netif) != ERR_OK)
			log_warn("%s: no memory for DHCP", name);
	}
}

void net_config_end(struct netif *netif)
{
	dhcp_stop(netif);
	autoip_stop(netif);
	dhcp_cleanup(netif);
	net_dhcp6_end(netif);
	waitq_wake_all(&net_config_queue);
}

void net_config_changed(struct netif *netif)
{
	(void)netif;
	waitq_wake_all(&net_config_queue);
}

bool net_config_pending(void)
{
	bool enabled = net_lock(), pending = false;
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		if (netif->name[0] != 'l' &&
		    ((const struct net_interface *)netif->state)->carrier &&
		    ip4_addr_isany(netif_ip4_addr(netif)) && netif_dhcp_data(netif))
			pending = true;
	}
	net_unlock(enabled);
	return pending;
}
