/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/host/lib/net/frames.h"

#include <string.h>

#define UDP_HEAD (ETH + 28u) /* Ethernet, IPv4, UDP */

void frame_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void frame_put32(uint8_t *at, uint32_t value)
{
	frame_put16(at, value >> 16);
	frame_put16(at + 2, value);
}

uint32_t frame_get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

uint32_t frame_get32(const uint8_t *at)
{
	return frame_get16(at) << 16 | frame_get16(at + 2);
}

const uint8_t frame_our_mac[6] = {0, 0x16, 0x3e, 0, 0, 2};
const uint8_t frame_peer_mac[6] = {0, 0x16, 0x3e, 0, 0, 1};

void frame_start(uint8_t *frame, uint32_t kind)
{
	memcpy(frame, frame_our_mac, 6);
	memcpy(frame + 6, frame_peer_mac, 6);
	frame_put16(frame + 12, kind);
}

static void send_arp(uint32_t operation, uint32_t address)
{
	uint8_t frame[42] = {0};

	frame_start(frame, KIND_ARP);
	frame_put16(frame + 14, 1);
	frame_put16(frame + 16, KIND_IPV4);
	frame[18] = 6;
	frame[19] = 4;
	frame_put16(frame + 20, operation);
	memcpy(frame + 22, frame_peer_mac, 6);
	frame_put32(frame + 28, address);
	memcpy(frame + 32, frame_our_mac, 6);
	frame_put32(frame + 38, NETSTACK_ADDRESS);
	netstack_receive(frame, sizeof(frame), false);
}

void frame_say_arp(uint32_t address)
{
	send_arp(1, address);
}

void frame_answer_arp(uint32_t address)
{
	send_arp(2, address);
}

void frame_send_udp(const struct frame_udp *udp)
{
	uint8_t frame[FRAME_MAX] = {0}, *ip = frame + ETH, *head = ip + 20;

	frame_start(frame, KIND_IPV4);
	ip[0] = 0x45;
	frame_put16(ip + 2, (uint32_t)(28 + udp->bytes_count));
	ip[8] = 64;
	ip[9] = 17;
	frame_put32(ip + 12, udp->from);
	frame_put32(ip + 16, udp->to);
	frame_put16(head, udp->from_port);
	frame_put16(head + 2, udp->to_port);
	frame_put16(head + 4, (uint32_t)(8 + udp->bytes_count));
	memcpy(frame + UDP_HEAD, udp->bytes, udp->bytes_count);
	netstack_fix_sums(frame, UDP_HEAD + udp->bytes_count);
	netstack_receive(frame, UDP_HEAD + udp->bytes_count, false);
}

bool frame_read_udp(const uint8_t *frame, size_t bytes_count, struct frame_udp *udp_out)
{
	const uint8_t *ip = frame + ETH, *head = ip + 20;

	if (bytes_count < UDP_HEAD || frame_get16(frame + 12) != KIND_IPV4 || ip[0] != 0x45 ||
	    ip[9] != 17)
		return false;
	*udp_out = (struct frame_udp){.from = frame_get32(ip + 12),
				      .to = frame_get32(ip + 16),
				      .from_port = (uint16_t)frame_get16(head),
				      .to_port = (uint16_t)frame_get16(head + 2),
				      .bytes = frame + UDP_HEAD,
				      .bytes_count = frame_get16(head + 4) - 8};
	return UDP_HEAD + udp_out->bytes_count <= bytes_count;
}

size_t frame_tcp(uint8_t *frame, const struct segment *segment)
{
	uint8_t *ip = frame + ETH, *tcp = ip + 20;

	memset(frame, 0, HEAD);
	frame_start(frame, 0x800);
	ip[0] = 0x45;
	frame_put16(ip + 2, (uint32_t)(40 + segment->bytes_count));
	ip[8] = 64;
	ip[9] = 6;
	frame_put32(ip + 12, segment->source);
	frame_put32(ip + 16, NETSTACK_ADDRESS);
	frame_put16(tcp, segment->from);
	frame_put16(tcp + 2, segment->to);
	frame_put32(tcp + 4, segment->seq);
	frame_put32(tcp + 8, segment->ack);
	tcp[12] = 5 << 4;
	tcp[13] = segment->flags;
	frame_put16(tcp + 14, segment->shut ? 0 : segment->window ? segment->window : 60000u);
	if (segment->mss) {
		tcp[12] = 6 << 4;
		frame_put16(ip + 2, 44);
		frame_put16(frame + HEAD, 0x0204);
		frame_put16(frame + HEAD + 2, segment->mss);
		netstack_fix_sums(frame, HEAD + 4);
		return HEAD + 4;
	}
	memcpy(frame + HEAD, segment->bytes ? segment->bytes : tcp, segment->bytes_count);
	netstack_fix_sums(frame, HEAD + segment->bytes_count);
	return HEAD + segment->bytes_count;
}
