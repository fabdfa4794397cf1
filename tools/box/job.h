/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A program running in dom0 for a client: its process group, its pipes or its terminal.
 */
#ifndef TOOLS_BOX_JOB_H
#define TOOLS_BOX_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire.h"

struct job {
	pid_t pid; /* 0: none; leader of its own session and process group */
	int in;    /* -1: closed. Of a terminal, in and out are the same file */
	int out;
	int err;
	bool tty;
	bool in_end; /* the client has no more input; close `in` when the rest is written */
	bool exited;
	int status;
	size_t in_bytes;
	uint8_t input[WIRE_STDIN_WINDOW + WIRE_PAYLOAD_MAX];
};

void job_init(struct job *job);

/* Start what the request asks for. 0, or -Exxx with nothing started. */
int job_exec(struct job *job, const uint8_t *request, size_t bytes);
int job_put(struct job *job, const uint8_t *request, size_t bytes);
int job_get(struct job *job, const uint8_t *request, size_t bytes);

/* Input from the client. -ENOBUFS when the client overran its window. */
int job_input(struct job *job, const void *data, size_t bytes);

/* Hands buffered input to the job as far as it takes it; returns the bytes taken. */
size_t job_feed(struct job *job);

void job_signal(struct job *job, int signal_number);
void job_window(struct job *job, uint16_t rows, uint16_t columns);

/* Closes everything; a job still running is asked to end, and killed if it does not. */
void job_end(struct job *job);

#endif
