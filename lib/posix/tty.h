/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal: a line discipline over a console (POSIX.1-2017, chapter 11).
 *
 * Input is taken from the console in event context as it arrives, so that ^C works while the
 * program computes; it is left there (back-pressure) when complete lines fill the buffer. Echo that
 * finds no room waits in a small buffer and holds back input, never the program.
 *
 * Locks: tty->output first, which sleeps: the output of one call comes out in one piece. tty->lock,
 * of all that is in struct tty, over the console driver's lock, signals' and waiting threads'
 * queues.
 */
#ifndef LIB_POSIX_TTY_H
#define LIB_POSIX_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

#include "core/console.h"
#include "core/sleeplock.h"
#include "xen/spinlock.h"

#define TTY_INPUT_BYTES 4096U /* MAX_CANON, MAX_INPUT; a power of two */
#define TTY_ECHO_BYTES  128U

struct tty {
	struct sleeplock output;
	const struct thread *writer; /* who has output; it alone asks */
	struct spinlock lock;
	struct termios attr;
	struct winsize size;
	struct console *console; /* NULL: output is dropped, input has ended */
	/* Free-running indices into input[]: [tail, ready) may be read, [ready, head) is the line
	 * being edited. A byte whose bit in ends[] is set ends a line. */
	unsigned int tail, ready, head;
	uint8_t input[TTY_INPUT_BYTES];
	uint8_t ends[TTY_INPUT_BYTES / 8];
	uint8_t echo[TTY_ECHO_BYTES];
	unsigned int echo_bytes;
	bool literal;    /* the next byte stands for itself (VLNEXT) */
	bool stopped;    /* output, by VSTOP or tcflow */
	bool line_start; /* nothing on the current output line yet */
};

/* The console's terminal: file descriptors 0 to 2, /dev/console, /dev/tty. */
extern struct tty tty_console;

/* Attaches the registered console, once, at start; takes what has arrived already. */
void tty_init(void);

/* bytes_max > 0. Bytes read, 0 at end of file, -EAGAIN (wait false and nothing there), -EINTR. Of
 * several readers each gets a line of its own. Thread context. */
ssize_t tty_read(struct tty *tty, void *bytes_out, size_t bytes_max, bool wait);
/* Bytes of the caller's taken, -EAGAIN (also while another thread writes), -EINTR. Nothing comes
 * between them but echo and the kernel's log. Thread context, signals held: a handler that writes
 * would wait for its own thread. */
ssize_t tty_write(struct tty *tty, const void *bytes, size_t bytes_count, bool wait);
/* What a read would find now, as far as it can be told without copying. Any context. */
bool tty_readable(struct tty *tty);
size_t tty_readable_bytes(const struct tty *tty);

/* The line discipline, tty->lock held: takes input from the console. */
void tty_pump(struct tty *tty);
/* Forgets input that was not read. tty->lock held. */
void tty_flush_input(struct tty *tty);
/* New attributes; what waits in the buffer is read under them. tty->lock held. */
void tty_set_attr(struct tty *tty, const struct termios *attr);

/* Waits until the other end has taken everything, at most until deadline_ns. 0, -EINTR, -ETIMEDOUT.
 */
int tty_drain(struct tty *tty, uint64_t deadline_ns);

/* From here on nobody writes but the running thread, which is about to end the domain. Waits for
 * who writes now until deadline_ns. Thread context. */
void tty_seize(struct tty *tty, uint64_t deadline_ns);
/* Begins a new line unless nothing stands on this one. Gives up at deadline_ns. Thread context. */
void tty_end_line(struct tty *tty, uint64_t deadline_ns);
/* For the last words of a program: text on a line of its own, whatever the terminal's modes.
 * Gives up at deadline_ns. Thread context. */
void tty_write_line(struct tty *tty, const char *text, uint64_t deadline_ns);

#endif
