/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console class: a byte stream both ways. A driver embeds struct console and registers it.
 */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wait.h"

struct console;

struct console_ops {
	/* Takes what fits now, 0 to bytes; the queue is woken when there is room again. Any
	 * context. */
	size_t (*write)(struct console *console, const void *bytes, size_t bytes_count);
	/* Hands over what arrived, 0 to bytes_max. Any context. */
	size_t (*read)(struct console *console, void *bytes_out, size_t bytes_max);
	/* True when the other end has taken everything written. */
	bool (*drained)(struct console *console);
};

struct console {
	const struct console_ops *ops;
	struct waitq queue; /* woken on input, on room, on drained */
	/* Called in event context when input has arrived, NULL for none: the line discipline. */
	void (*input)(struct console *console, void *arg);
	void *input_arg;
};

/* One console today; given for good. */
void console_register(struct console *console);
/* NULL before a driver registered. */
struct console *console_get(void);
/* Waits until everything was taken. Returns false when deadline_ns passed first. Thread context. */
bool console_drain(uint64_t deadline_ns);

#endif
