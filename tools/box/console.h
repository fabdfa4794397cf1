/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A guest's console as xenconsoled offers it in dom0: a terminal to read and write, and a look at
 * the ring behind it, which tells how many bytes the guest has written in all. So the end of the
 * output is known, not guessed.
 */
#ifndef TOOLS_BOX_CONSOLE_H
#define TOOLS_BOX_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct xencons_interface;

struct console {
	int fd;                                        /* -1 until opened; non-blocking */
	uint32_t bytes_read;                           /* modulo 2^32, as the ring counts */
	const volatile struct xencons_interface *ring; /* NULL when it cannot be mapped */
};

void console_init(struct console *console);

/* Opens the terminal at `tty` and maps the ring of domain `domid` at machine frame `mfn`. */
int console_open(struct console *console, const char *tty, uint32_t domid, unsigned long mfn);

/* Like read(2), and counts. */
ssize_t console_read(struct console *console, void *data, size_t bytes);

/* True when all the guest has written so far was read here; `unknown` when that cannot be told. */
enum console_rest { CONSOLE_DRAINED, CONSOLE_PENDING, CONSOLE_UNKNOWN };
enum console_rest console_rest(const struct console *console);

/* Lets go of terminal and ring: a domain whose frames are mapped cannot quite go away. */
void console_close(struct console *console);

#endif
