/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames for tests of the stack, byte by byte. */
#ifndef TEST_HOST_LIB_NET_FRAMES_H
#define TEST_HOST_LIB_NET_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test/mock/mock_netstack.h"

#define ETH       14u
#define HEAD      54u /* Ethernet, IPv4, TCP without options */
#define FRAME_MAX 1600u
#define NS_PER_MS 1000000ULL

#define KIND_IPV4 0x800u
#define KIND_ARP  0x806u

void frame_put16(uint8_t *at, uint32_t value);
void frame_put32(uint8_t *at, uint32_t value);
uint32_t frame_get16(const uint8_t *at);
uint32_t frame_get32(const uint8_t *at);

extern const uint8_t frame_our_mac[6], frame_peer_mac[6];

/* The Ethernet header of a frame from the peer to us. */
void frame_start(uint8_t *frame, uint32_t kind);
/* The peer has this address, and says so: it asks for us by ARP, or answers us. */
void frame_say_arp(uint32_t address);
void frame_answer_arp(uint32_t address);
/* A datagram of the peer's to us; the bytes it takes. to: our address, or everybody's. */
struct frame_udp {
	uint32_t from, to;
	uint16_t from_port, to_port;
	const uint8_t *bytes;
	size_t bytes_count;
};
void frame_send_udp(const struct frame_udp *udp);
/* What is in a frame of the stack's; false: it is none of UDP's. */
bool frame_read_udp(const uint8_t *frame, size_t bytes_count, struct frame_udp *udp_out);

/* TCP over IPv4 to the guest, without options. */
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };
struct segment {
	uint32_t source, seq, ack;
	uint16_t from, to;
	uint8_t flags;
	bool shut;       /* no window */
	uint16_t window; /* 0: a large one */
	uint16_t mss;    /* an option, without bytes; 0: none */
	const uint8_t *bytes;
	size_t bytes_count;
};

/* The frame, sums and all; its bytes. */
size_t frame_tcp(uint8_t *frame, const struct segment *segment);

#endif
