/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What xenbox on the host and the agent in dom0 say to each other over one virtio-serial port.
 *
 * A stream of frames in both directions: magic, type, payload length (16 bits, little endian),
 * payload. Zero bytes between frames mean nothing. One conversation is one job: HELLO, REQUEST…,
 * then EXEC, PUT or GET, then data, then EXIT. A client that goes away ends the job; a new HELLO
 * ends whatever was going on. A client first sends WIRE_RESYNC_BYTES zeros, which complete a frame
 * that its predecessor may have left unfinished.
 */
#ifndef TOOLS_BOX_WIRE_H
#define TOOLS_BOX_WIRE_H

#include <stdint.h>

#define WIRE_MAGIC        0xb5
#define WIRE_PAYLOAD_MAX  16384
#define WIRE_RESYNC_BYTES (WIRE_PAYLOAD_MAX + 4)
#define WIRE_NONCE_BYTES  16
#define WIRE_REQUEST_MAX  (1 << 20)

/* The client may have this many bytes of standard input under way without a CREDIT. */
#define WIRE_STDIN_WINDOW (256 << 10)

enum wire_type {
	/* host to dom0 */
	WIRE_HELLO = 'H',   /* nonce, u64 seconds since 1970 to set the clock to (0: leave it) */
	WIRE_REQUEST = 'A', /* a piece of the request that the next frame carries out */
	WIRE_EXEC =
		'X', /* request: u16 flags, rows, columns, argc, envc; cwd, argv, env as strings */
	WIRE_PUT = 'P', /* request: u32 mode; path. Data follows as STDIN */
	WIRE_GET = 'G', /* request: u32 ignored; path. Data comes as STDOUT, mode as MODE */
	WIRE_STDIN = 'I',
	WIRE_STDIN_END = 'E',
	WIRE_SIGNAL = 'S', /* u32 signal number, to the job's process group */
	WIRE_WINDOW = 'W', /* u16 rows, columns */
	/* dom0 to host */
	WIRE_HELLO_BACK = 'h', /* nonce */
	WIRE_STDOUT = 'O',
	WIRE_STDERR = 'R',
	WIRE_CREDIT = 'C', /* u32 bytes of standard input the job has taken */
	WIRE_EXIT = 'Q',   /* u32 exit status, 128 + signal for a killed job */
};

#define WIRE_EXEC_TTY 1

struct wire_frame {
	uint8_t magic;
	uint8_t type;
	uint16_t bytes;
};

#endif
