/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of TCP endpoints. */
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#include "lib/base/error.h"
#include "lib/net/tcp_socket.h"

#define BUFFER_BYTES_MIN 4608 /* Linux's */

static size_t buffer_bytes(int64_t value, size_t max)
{
	if (value < BUFFER_BYTES_MIN / 2)
		return BUFFER_BYTES_MIN;
	return (uint64_t)value > max / 2 ? max : (size_t)value * 2;
}

static int set_locked(struct tcp_socket *tcp, enum net_option option, int64_t value)
{
	struct tcp_pcb *pcb = tcp->pcb;
	int result;

	if (option == NET_OPT_V6_ONLY) {
		if (tcp->base.family != 6 || !pcb || pcb->local_port)
			return -EINVAL;
		tcp->base.v6_only = value != 0;
		IP_SET_TYPE_VAL(pcb->local_ip, value ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY);
		IP_SET_TYPE_VAL(pcb->remote_ip, value ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY);
		return 0;
	}
	/* Doubled, as Linux counts. */
	if (option == NET_OPT_SEND_BYTES) {
		tcp->send_bytes_max = buffer_bytes(value, TCP_SND_BUF);
		return 0;
	}
	if (option == NET_OPT_RECEIVE_BYTES) {
		tcp->receive_bytes_max = buffer_bytes(value, TCP_WND);
		return 0;
	}
	if (!pcb)
		return 0; /* over: nothing can come of it */
	result = net_pcb_set((struct ip_pcb *)(void *)pcb, option, value);
	if (result != -ENOPROTOOPT)
		return result;
	if (tcp->listening)
		return option == NET_OPT_NODELAY ? 0 : -ENOPROTOOPT;
	if (option == NET_OPT_NODELAY && value)
		tcp_nagle_disable(pcb);
	else if (option == NET_OPT_NODELAY)
		tcp_nagle_enable(pcb);
	else if (option == NET_OPT_KEEPALIVE_IDLE && value > 0 && value <= 32767)
		pcb->keep_idle = (u32_t)value * 1000;
	else if (option == NET_OPT_KEEPALIVE_INTERVAL && value > 0 && value <= 32767)
		pcb->keep_intvl = (u32_t)value * 1000;
	else if (option == NET_OPT_KEEPALIVE_COUNT && value > 0 && value <= 127)
		pcb->keep_cnt = (u32_t)value;
	else if (option == NET_OPT_MSS && value >= 88 && value <= TCP_MSS)
		pcb->mss = (u16_t)value;
	else
		return option == NET_OPT_KEEPALIVE_IDLE || option == NET_OPT_KEEPALIVE_INTERVAL ||
				       option == NET_OPT_KEEPALIVE_COUNT || option == NET_OPT_MSS
			       ? -EINVAL
			       : -ENOPROTOOPT;
	if (option == NET_OPT_NODELAY && value && pcb->state == ESTABLISHED)
		tcp_output(pcb);
	return 0;
}

int net_tcp_set(struct net_socket *socket, enum net_option option, int64_t value)
{
	bool enabled = net_lock();
	int result = set_locked(net_tcp_of(socket), option, value);

	net_unlock(enabled);
	return result;
}

/* Linux's numbers, of lwIP's states in their order. */
static const uint8_t states[] = {
	[CLOSED] = 7,      [LISTEN] = 10,    [SYN_SENT] = 2,   [SYN_RCVD] = 3,
	[ESTABLISHED] = 1, [FIN_WAIT_1] = 4, [FIN_WAIT_2] = 5, [CLOSE_WAIT] = 8,
	[CLOSING] = 11,    [LAST_ACK] = 9,   [TIME_WAIT] = 6};

static int get_locked(struct tcp_socket *tcp, enum net_option option, int64_t *value_out)
{
	struct tcp_pcb *pcb = tcp->pcb;
	bool full = pcb && !tcp->listening;
	int result;

	*value_out = 0;
	if (pcb) {
		result = net_pcb_get((const struct ip_pcb *)(const void *)pcb, option, value_out);
		if (result != -ENOPROTOOPT)
			return result;
	}
	switch (option) {
	case NET_OPT_V6_ONLY:
		*value_out = tcp->base.v6_only;
		return 0;
	case NET_OPT_NODELAY:
		*value_out = full && tcp_nagle_disabled(pcb);
		return 0;
	case NET_OPT_KEEPALIVE_IDLE:
		*value_out = full ? pcb->keep_idle / 1000 : 0;
		return 0;
	case NET_OPT_KEEPALIVE_INTERVAL:
		*value_out = full ? pcb->keep_intvl / 1000 : 0;
		return 0;
	case NET_OPT_KEEPALIVE_COUNT:
		*value_out = full ? pcb->keep_cnt : 0;
		return 0;
	case NET_OPT_MSS:
		*value_out = full ? tcp_mss(pcb) : TCP_MSS;
		return 0;
	case NET_OPT_SEND_BYTES:
		*value_out = (int64_t)tcp->send_bytes_max;
		return 0;
	case NET_OPT_RECEIVE_BYTES:
		*value_out = (int64_t)tcp->receive_bytes_max;
		return 0;
	case NET_OPT_UNSENT_BYTES:
		*value_out = full ? TCP_SND_BUF - tcp_sndbuf(pcb) : 0;
		return 0;
	case NET_OPT_READABLE_BYTES:
		*value_out = (int64_t)tcp->rx_bytes;
		return 0;
	case NET_OPT_STATE:
		*value_out = states[pcb ? pcb->state : CLOSED];
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int net_tcp_get(struct net_socket *socket, enum net_option option, int64_t *value_out)
{
	bool enabled = net_lock();
	int result = get_locked(net_tcp_of(socket), option, value_out);

	net_unlock(enabled);
	return result;
}
