/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of GDB's remote protocol: $data#checksum, acknowledged by + (GDB manual E.1). */
#ifndef DUSTER_FRONTENDS_RSP_RSP_WIRE_H
#define DUSTER_FRONTENDS_RSP_RSP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "duster/util/text.h"

struct rsp_wire {
	int fd;
	bool no_ack;
	bool interrupted; /* the byte 0x03 came outside of a packet */
	uint8_t buffer[4096];
	size_t used, at;
};

/* The next packet, NUL-terminated. -ECONNRESET: the client is gone, -EMSGSIZE: too long. */
int rsp_wire_receive(struct rsp_wire *wire, char *packet_out, size_t packet_bytes);
int rsp_wire_send(struct rsp_wire *wire, const char *data);
/* Did the client ask to stop, or go away? Does not wait. */
bool rsp_wire_interrupted(struct rsp_wire *wire);

void rsp_add_hex(struct text *text, const void *bytes, size_t count);
/* Takes 2 * count digits; false when they are not there. */
bool rsp_take_hex(const char **hex, void *bytes_out, size_t count);

#endif
