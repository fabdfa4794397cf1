/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections as lwIP keeps them, as far as views look. */
#include "test/host/duster/engine/guest/guest.h"

enum tcp_state { CLOSED, LISTEN, SYN_SENT, SYN_RCVD, ESTABLISHED };

struct ip_address {
	union {
		uint32_t ip6[4];
		struct {
			uint32_t addr;
		} ip4;
	} u_addr;
	uint8_t type;
};

struct udp_pcb {
	struct ip_address local_ip, remote_ip;
	struct udp_pcb *next;
	uint16_t local_port, remote_port;
};

struct tcp_pcb {
	struct ip_address local_ip, remote_ip;
	struct tcp_pcb *next;
	enum tcp_state state;
	uint16_t local_port, remote_port, snd_queuelen;
};

static struct tcp_pcb pcbs[3] = {
	{.local_ip = {.u_addr.ip4.addr = 0}, .state = LISTEN, .local_port = 80},
	{.local_ip = {.u_addr.ip4.addr = 0x0100007f},
	 .remote_ip = {.u_addr.ip4.addr = 0x0201a8c0},
	 .next = &pcbs[2],
	 .state = ESTABLISHED,
	 .local_port = 80,
	 .remote_port = 40000,
	 .snd_queuelen = 3},
	{.local_ip = {.u_addr.ip6 = {0x000080fe, 0, 0, 0x01000000}, .type = 6},
	 .remote_ip = {.u_addr.ip6 = {0x000080fe, 0, 0, 0x02000000}, .type = 6},
	 .state = SYN_SENT,
	 .local_port = 5000,
	 .remote_port = 443},
};
static struct udp_pcb datagrams = {.local_port = 53};

union tcp_listen_pcbs {
	struct tcp_pcb *listen_pcbs;
} tcp_listen_pcbs;
struct tcp_pcb *tcp_bound_pcbs, *tcp_active_pcbs, *tcp_tw_pcbs;
struct udp_pcb *udp_pcbs;

struct tcp_pcb *guest_tcp(unsigned int at)
{
	tcp_listen_pcbs.listen_pcbs = &pcbs[0];
	tcp_active_pcbs = &pcbs[1];
	udp_pcbs = &datagrams;
	return &pcbs[at];
}

void guest_tcp_circle(void)
{
	pcbs[2].next = &pcbs[1];
}
