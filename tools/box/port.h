/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One virtio-serial port: frames in, frames out, never blocking.
 */
#ifndef TOOLS_BOX_PORT_H
#define TOOLS_BOX_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct port {
	int fd;
	size_t rx_bytes;
	size_t tx_bytes;
	size_t tx_done;
	uint8_t rx[sizeof(struct wire_frame) + WIRE_PAYLOAD_MAX];
	uint8_t tx[8 * (sizeof(struct wire_frame) + WIRE_PAYLOAD_MAX)];
};

enum port_event { PORT_IDLE, PORT_FRAME, PORT_GONE };

/* Forgets unsent frames. */
void port_drop_unsent(struct port *port);

/* Reads on. PORT_FRAME: one frame in *type_out and *payload_out, borrowed until the next call.
 * PORT_IDLE: nothing more for now. PORT_GONE: no client is connected. */
enum port_event port_receive(struct port *port, uint8_t *type_out, const uint8_t **payload_out,
			     size_t *bytes_out);

/* True when a frame of full size fits. */
bool port_has_room(const struct port *port);

/* Queues one frame; the caller has checked port_has_room(). */
void port_send(struct port *port, uint8_t type, const void *payload, size_t bytes);

/* Where the payload of the next STDOUT or STDERR frame may be read to directly. */
uint8_t *port_payload_space(struct port *port);

/* Writes what is queued, as far as the port takes it. */
void port_flush(struct port *port);

#endif
