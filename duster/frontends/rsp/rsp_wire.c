/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/frontends/rsp/rsp_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INTERRUPT 0x03

static int next_byte(struct rsp_wire *wire)
{
	if (wire->at == wire->used) {
		ssize_t count;

		do {
			count = read(wire->fd, wire->buffer, sizeof(wire->buffer));
		} while (count < 0 && errno == EINTR);
		if (count <= 0)
			return -1;
		wire->used = (size_t)count;
		wire->at = 0;
	}
	return wire->buffer[wire->at++];
}

static int digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int send_all(struct rsp_wire *wire, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t count = send(wire->fd, data, bytes, MSG_NOSIGNAL);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return -ECONNRESET;
		data += count;
		bytes -= (size_t)count;
	}
	return 0;
}

/* What lies between $ and #. 1: the checksum is wrong. */
static int receive_body(struct rsp_wire *wire, char *packet_out, size_t packet_bytes)
{
	unsigned int sum = 0;
	size_t used = 0;
	int c, high, low;

	while ((c = next_byte(wire)) != '#') {
		if (c < 0)
			return -ECONNRESET;
		if (used + 1 >= packet_bytes)
			return -EMSGSIZE;
		packet_out[used++] = (char)c;
		sum += (unsigned int)c;
	}
	packet_out[used] = '\0';
	high = digit(next_byte(wire));
	low = digit(next_byte(wire));
	return wire->no_ack || (high >= 0 && low >= 0 &&
				(unsigned int)(high << 4 | low) == (sum & 0xff))
		       ? 0
		       : 1;
}

int rsp_wire_receive(struct rsp_wire *wire, char *packet_out, size_t packet_bytes)
{
	for (;;) {
		int c = next_byte(wire), error;

		if (c < 0)
			return -ECONNRESET;
		if (c == INTERRUPT)
			wire->interrupted = true;
		if (c != '$')
			continue;
		error = receive_body(wire, packet_out, packet_bytes);
		if (error < 0)
			return error;
		if (!wire->no_ack && send_all(wire, error ? "-" : "+", 1))
			return -ECONNRESET;
		if (!error)
			return 0;
	}
}

int rsp_wire_send(struct rsp_wire *wire, const char *data)
{
	struct text packet = {0};
	unsigned int sum = 0;
	int error;

	text_add(&packet, "$");
	for (const char *at = data; *at; at++) {
		/* Bytes with a meaning of their own are escaped; our texts hold them in XML alone.
		 */
		bool special = *at == '$' || *at == '#' || *at == '}' || *at == '*';
		char plain[2] = {special ? '}' : *at, (char)(*at ^ 0x20)};

		text_add_bytes(&packet, plain, special ? 2 : 1);
		sum += (unsigned char)plain[0] + (special ? (unsigned char)plain[1] : 0u);
	}
	text_add(&packet, "#%02x", sum & 0xff);
	error = send_all(wire, text_get(&packet), packet.bytes);
	text_free(&packet);
	/* The acknowledgement is taken with the next packet: TCP loses nothing. */
	return error;
}

bool rsp_wire_interrupted(struct rsp_wire *wire)
{
	struct pollfd fd = {.fd = wire->fd, .events = POLLIN};
	bool interrupted;

	while (!wire->interrupted && (wire->at < wire->used || poll(&fd, 1, 0) > 0)) {
		int c = next_byte(wire);

		if (c < 0 || c == INTERRUPT)
			wire->interrupted = true;
		else if (c != '+' && c != '-') {
			wire->at--; /* a packet: the client does not wait for the stop */
			break;
		}
	}
	interrupted = wire->interrupted;
	wire->interrupted = false;
	return interrupted;
}

void rsp_add_hex(struct text *text, const void *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text_add(text, "%02x", ((const uint8_t *)bytes)[i]);
}

bool rsp_take_hex(const char **hex, void *bytes_out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int high = digit((*hex)[0]), low = high < 0 ? -1 : digit((*hex)[1]);

		if (low < 0)
			return false;
		((uint8_t *)bytes_out)[i] = (uint8_t)(high << 4 | low);
		*hex += 2;
	}
	return true;
}
