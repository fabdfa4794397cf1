/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void port_drop_unsent(struct port *port)
{
	port->tx_bytes = 0;
	port->tx_done = 0;
}

/* Drops bytes up to the next magic: padding, or the remains of something cut short. */
static void port_skip_padding(struct port *port)
{
	size_t n = 0;

	while (n < port->rx_bytes && port->rx[n] != WIRE_MAGIC)
		n++;
	port->rx_bytes -= n;
	memmove(port->rx, port->rx + n, port->rx_bytes);
}

/* Bytes still missing for the frame at the head of rx; 0 when it is complete. */
static size_t port_missing(const struct port *port)
{
	struct wire_frame frame;

	if (port->rx_bytes < sizeof(frame))
		return sizeof(frame) - port->rx_bytes;
	memcpy(&frame, port->rx, sizeof(frame));
	if (frame.bytes > WIRE_PAYLOAD_MAX)
		return 0;
	return port->rx_bytes >= sizeof(frame) + frame.bytes
		       ? 0
		       : sizeof(frame) + frame.bytes - port->rx_bytes;
}

enum port_event port_receive(struct port *port, uint8_t *type_out, const uint8_t **payload_out,
			     size_t *bytes_out)
{
	struct wire_frame frame;
	size_t missing;
	ssize_t n;

	for (;;) {
		port_skip_padding(port);
		missing = port_missing(port);
		if (missing == 0) {
			memcpy(&frame, port->rx, sizeof(frame));
			if (frame.bytes <= WIRE_PAYLOAD_MAX)
				break;
			port->rx[0] = 0;
			continue;
		}
		n = read(port->fd, port->rx + port->rx_bytes, missing);
		if (n == 0)
			return PORT_GONE;
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? PORT_IDLE : PORT_GONE;
		port->rx_bytes += (size_t)n;
	}
	*type_out = frame.type;
	*payload_out = port->rx + sizeof(frame);
	*bytes_out = frame.bytes;
	port->rx_bytes = 0;
	return PORT_FRAME;
}

bool port_has_room(const struct port *port)
{
	return sizeof(port->tx) - port->tx_bytes >= sizeof(struct wire_frame) + WIRE_PAYLOAD_MAX;
}

uint8_t *port_payload_space(struct port *port)
{
	return port->tx + port->tx_bytes + sizeof(struct wire_frame);
}

void port_send(struct port *port, uint8_t type, const void *payload, size_t bytes)
{
	struct wire_frame frame = {WIRE_MAGIC, type, (uint16_t)bytes};

	memcpy(port->tx + port->tx_bytes, &frame, sizeof(frame));
	if (bytes)
		memmove(port_payload_space(port), payload, bytes);
	port->tx_bytes += sizeof(frame) + bytes;
}

void port_flush(struct port *port)
{
	ssize_t n;

	while (port->tx_done < port->tx_bytes) {
		n = write(port->fd, port->tx + port->tx_done, port->tx_bytes - port->tx_done);
		if (n <= 0)
			break;
		port->tx_done += (size_t)n;
	}
	if (port->tx_done == port->tx_bytes)
		port->tx_done = port->tx_bytes = 0;
}
