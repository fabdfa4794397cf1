/* SPDX-License-Identifier: BSD-2-Clause */
/* What is copied under net_lock is printed without it: the console may be slow. */
#include "lib/net/report.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/stats.h>
#include <lwip/udp.h>

#include "core/report.h"
#include "lib/base/format.h"
#include "lib/base/string.h"
#include "lib/net/address.h"
#include "lib/net/capture.h"
#include "lib/net/interface.h"
#include "lib/net/stack.h"
#include "xen/vcpu.h"

#define ENDPOINTS_MAX 64u /* of each kind */

static void report_counts(const char *what, const struct netdev_stats *stats)
{
	report_line("%s: received %llu packets %llu bytes %llu errors %llu dropped, sent %llu "
		    "packets %llu bytes %llu errors %llu dropped",
		    what, (unsigned long long)stats->received_packets,
		    (unsigned long long)stats->received_bytes,
		    (unsigned long long)stats->received_errors,
		    (unsigned long long)stats->received_dropped,
		    (unsigned long long)stats->sent_packets, (unsigned long long)stats->sent_bytes,
		    (unsigned long long)stats->sent_errors,
		    (unsigned long long)stats->sent_dropped);
}

static void report_interface(const struct net_interface_info *info)
{
	char text[NET_ADDRESS_TEXT_BYTES];
	struct netdev_stats stats;

	report_line("%s: %s, link %s, mtu %u, violations %llu", info->name,
		    info->up ? "up" : "down", info->running ? "up" : "down", info->mtu,
		    (unsigned long long)info->stats.violations);
	for (unsigned int i = 0; i < info->addresses_count; i++) {
		const struct net_address *address = &info->addresses[i].address;
		ip_addr_t ip;

		memset(&ip, 0, sizeof(ip));
		if (address->family == 4) {
			IP_SET_TYPE_VAL(ip, IPADDR_TYPE_V4);
			memcpy(ip_2_ip4(&ip), address->bytes, 4);
		} else {
			IP_SET_TYPE_VAL(ip, IPADDR_TYPE_V6);
			memcpy(ip_2_ip6(&ip)->addr, address->bytes, 16);
		}
		report_line("%s: address %s/%u", info->name, net_address_format(&ip, text),
			    info->addresses[i].prefix_bits);
	}
	if (info->loopback)
		return;
	report_counts(info->name, &info->stats);
	for (unsigned int i = 0; net_interface_queue(info->index, i, &stats); i++) {
		char name[32];

		format_text(name, sizeof(name), "%s queue %u", info->name, i);
		report_counts(name, &stats);
	}
}

static void report_protocol(const char *name, const struct stats_proto *stats)
{
	report_line("%-7s received %u sent %u dropped %u bad: checksum %u length %u option %u "
		    "other %u; no memory %u no route %u",
		    name, stats->recv, stats->xmit, stats->drop, stats->chkerr, stats->lenerr,
		    stats->opterr, stats->proterr + stats->err, stats->memerr, stats->rterr);
}

static void report_protocols(void)
{
	struct stats_ stats;
	struct net_memory memory;
	bool enabled = net_lock();

	stats = lwip_stats;
	net_unlock(enabled);
	net_get_memory(&memory);
	report_line("memory  %llu of %llu bytes, %llu times refused",
		    (unsigned long long)memory.used_bytes, (unsigned long long)memory.max_bytes,
		    (unsigned long long)memory.refused);
	report_protocol("arp", &stats.etharp);
	report_protocol("ip", &stats.ip);
	report_protocol("ip frag", &stats.ip_frag);
	report_protocol("icmp", &stats.icmp);
	report_protocol("ip6", &stats.ip6);
	report_protocol("ip6frag", &stats.ip6_frag);
	report_protocol("icmp6", &stats.icmp6);
	report_protocol("nd6", &stats.nd6);
	report_protocol("udp", &stats.udp);
	report_protocol("tcp", &stats.tcp);
}

/* ---- Endpoints ---- */

struct endpoint {
	ip_addr_t local, remote;
	uint16_t local_port, remote_port;
	uint32_t unsent_bytes;
	const char *state;
};

/* TCP's lists one after the other; number counts through all of them. Under net_lock. */
static bool get_tcp(unsigned int number, struct endpoint *endpoint)
{
	struct tcp_pcb *pcb = NULL;

	for (unsigned int i = 0; i < LWIP_ARRAYSIZE(tcp_pcb_lists); i++) {
		for (pcb = *tcp_pcb_lists[i]; pcb && number > 0; pcb = pcb->next)
			number--;
		if (pcb)
			break;
	}
	if (!pcb)
		return false;
	*endpoint = (struct endpoint){.local = pcb->local_ip,
				      .local_port = pcb->local_port,
				      .state = tcp_debug_state_str(pcb->state)};
	if (pcb->state != LISTEN) {
		endpoint->remote = pcb->remote_ip;
		endpoint->remote_port = pcb->remote_port;
		endpoint->unsent_bytes = pcb->snd_lbb - pcb->lastack;
	}
	return true;
}

static bool get_udp(unsigned int number, struct endpoint *endpoint)
{
	const struct udp_pcb *pcb = udp_pcbs;

	while (pcb && number > 0) {
		pcb = pcb->next;
		number--;
	}
	if (!pcb)
		return false;
	*endpoint = (struct endpoint){.local = pcb->local_ip,
				      .local_port = pcb->local_port,
				      .remote = pcb->remote_ip,
				      .remote_port = pcb->remote_port,
				      .state = ""};
	return true;
}

static void report_endpoints(const char *name,
			     bool (*get)(unsigned int number, struct endpoint *endpoint))
{
	char local[NET_ADDRESS_TEXT_BYTES], remote[NET_ADDRESS_TEXT_BYTES];
	struct endpoint endpoint;
	unsigned int number = 0;
	bool more = true;

	while (more) {
		bool enabled = net_lock();

		more = get(number, &endpoint);
		net_unlock(enabled);
		if (more && number++ < ENDPOINTS_MAX)
			report_line("%s %s:%u %s:%u %s %u not acknowledged", name,
				    net_address_format(&endpoint.local, local), endpoint.local_port,
				    net_address_format(&endpoint.remote, remote),
				    endpoint.remote_port, endpoint.state, endpoint.unsent_bytes);
		else if (more && number > ENDPOINTS_MAX * 256)
			break;
	}
	report_line("%s %u endpoints", name, number);
}

void net_report(void)
{
	struct net_capture_counts counts;
	struct net_interface_info info;
	bool enabled = events_disable();

	if (report_begin()) {
		report_line("stardust: network");
		for (uint32_t index = 1; net_interface_get(index, &info); index = info.index + 1)
			report_interface(&info);
		report_protocols();
		report_endpoints("tcp", get_tcp);
		report_endpoints("udp", get_udp);
		net_capture_get_counts(&counts);
		report_line("capture %llu packets, %llu left out",
			    (unsigned long long)counts.captured,
			    (unsigned long long)counts.left_out);
		report_line("stardust: end of network");
		report_end();
	}
	events_restore(enabled);
}
