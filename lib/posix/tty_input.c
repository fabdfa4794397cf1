/* SPDX-License-Identifier: BSD-2-Clause */
/* The input half of the line discipline: editing, echo, signals. Runs in event context, so it
 * uses nothing of the C library but memory functions, and with tty->lock held. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lib/posix/sig.h"
#include "lib/posix/tty.h"

#define INPUT_MASK    (TTY_INPUT_BYTES - 1)
#define ECHO_PER_BYTE 3U /* "\b \b", "^C" and a newline */
#define PUMP_BYTES    32U

#define DEL 0x7f

static bool is_char(const struct tty *tty, unsigned int which, uint8_t byte)
{
	return byte != _POSIX_VDISABLE && tty->attr.c_cc[which] == byte;
}

static void end_set(struct tty *tty, unsigned int index, bool ends)
{
	uint8_t bit = (uint8_t)(1U << (index & 7));

	index = (index & INPUT_MASK) >> 3;
	tty->ends[index] = ends ? tty->ends[index] | bit : tty->ends[index] & (uint8_t)~bit;
}

static void echo_put(struct tty *tty, uint8_t byte)
{
	if (tty->echo_bytes < TTY_ECHO_BYTES)
		tty->echo[tty->echo_bytes++] = byte;
}

/* Control characters show as ^X (ECHOCTL), newline and tab as themselves. */
static void echo_char(struct tty *tty, uint8_t byte)
{
	if (!(tty->attr.c_lflag & ECHO)) {
		if (byte == '\n' && (tty->attr.c_lflag & ECHONL) && (tty->attr.c_lflag & ICANON))
			echo_put(tty, byte);
		return;
	}
	if ((byte < ' ' || byte == DEL) && byte != '\n' && byte != '\t' &&
	    (tty->attr.c_lflag & ECHOCTL)) {
		echo_put(tty, '^');
		byte ^= 0x40;
	}
	if (byte == '\n' && (tty->attr.c_oflag & OPOST) && (tty->attr.c_oflag & ONLCR))
		echo_put(tty, '\r');
	echo_put(tty, byte);
}

static void echo_flush(struct tty *tty)
{
	size_t taken;

	if (tty->echo_bytes == 0 || tty->stopped)
		return;
	taken = tty->console->ops->write(tty->console, tty->echo, tty->echo_bytes);
	if (taken == 0)
		return;
	tty->line_start = tty->echo[taken - 1] == '\n';
	tty->echo_bytes -= (unsigned int)taken;
	memmove(tty->echo, tty->echo + taken, tty->echo_bytes);
}

/* Takes the last character of the line being edited back, with the columns it takes on screen.
 * False when there is none. */
static bool erase_char(struct tty *tty, bool show)
{
	uint8_t byte;

	if (tty->head == tty->ready)
		return false;
	/* A UTF-8 character is one character: its continuation bytes go first. */
	do
		byte = tty->input[--tty->head & INPUT_MASK];
	while ((byte & 0xc0) == 0x80 && tty->head != tty->ready);
	if (!show || !(tty->attr.c_lflag & ECHO))
		return true;
	if (!(tty->attr.c_lflag & ECHOE)) {
		echo_char(tty, tty->attr.c_cc[VERASE]);
		return true;
	}
	for (int columns = (byte < ' ' || byte == DEL) && byte != '\t' ? 2 : 1; columns > 0;
	     columns--) {
		echo_put(tty, '\b');
		echo_put(tty, ' ');
		echo_put(tty, '\b');
	}
	return true;
}

static bool last_is_blank(const struct tty *tty)
{
	uint8_t byte = tty->input[(tty->head - 1) & INPUT_MASK];

	return byte == ' ' || byte == '\t';
}

static void erase_word(struct tty *tty)
{
	while (tty->head != tty->ready && last_is_blank(tty))
		erase_char(tty, true);
	while (tty->head != tty->ready && !last_is_blank(tty))
		erase_char(tty, true);
}

static void erase_line(struct tty *tty)
{
	/* Erase it on screen when that fits the echo buffer, else show ^U and a new line. */
	bool visual = (tty->attr.c_lflag & ECHOKE) && (tty->head - tty->ready) * 2 * ECHO_PER_BYTE <
							      TTY_ECHO_BYTES - tty->echo_bytes;

	while (erase_char(tty, visual))
		;
	if (!visual) {
		echo_char(tty, tty->attr.c_cc[VKILL]);
		if (tty->attr.c_lflag & ECHOK)
			echo_char(tty, '\n');
	}
}

static void store(struct tty *tty, uint8_t byte, bool ends)
{
	end_set(tty, tty->head, ends);
	tty->input[tty->head++ & INPUT_MASK] = byte;
	if (ends || !(tty->attr.c_lflag & ICANON))
		tty->ready = tty->head;
}

/* True when the byte was a signal character. */
static bool input_signal(struct tty *tty, uint8_t byte)
{
	int signal;

	if (is_char(tty, VINTR, byte))
		signal = SIGINT;
	else if (is_char(tty, VQUIT, byte))
		signal = SIGQUIT;
	else if (is_char(tty, VSUSP, byte))
		signal = SIGTSTP;
	else
		return false;
	if (!(tty->attr.c_lflag & NOFLSH))
		tty_flush_input(tty);
	echo_char(tty, byte);
	sig_send(signal, SI_KERNEL);
	return true;
}

/* True when the byte edited the line and is gone. */
static bool input_edit(struct tty *tty, uint8_t byte)
{
	if (is_char(tty, VERASE, byte) || is_char(tty, VERASE2, byte))
		erase_char(tty, true);
	else if (is_char(tty, VKILL, byte))
		erase_line(tty);
	else if (is_char(tty, VWERASE, byte) && (tty->attr.c_lflag & IEXTEN))
		erase_word(tty);
	else if (is_char(tty, VREPRINT, byte) && (tty->attr.c_lflag & IEXTEN)) {
		echo_char(tty, byte);
		echo_char(tty, '\n');
		for (unsigned int i = tty->ready; i != tty->head; i++)
			echo_char(tty, tty->input[i & INPUT_MASK]);
	} else if (is_char(tty, VLNEXT, byte) && (tty->attr.c_lflag & IEXTEN)) {
		tty->literal = true;
	} else {
		return false;
	}
	return true;
}

/* True when the byte steered output and is gone. */
static bool input_flow(struct tty *tty, uint8_t byte)
{
	if (!(tty->attr.c_iflag & IXON))
		return false;
	if (is_char(tty, VSTOP, byte)) {
		tty->stopped = true;
		return true;
	}
	if (is_char(tty, VSTART, byte) || (tty->stopped && (tty->attr.c_iflag & IXANY))) {
		tty->stopped = false;
		waitq_wake_all(&tty->console->queue);
		return is_char(tty, VSTART, byte);
	}
	return false;
}

static void input_byte(struct tty *tty, uint8_t byte)
{
	bool canonical = tty->attr.c_lflag & ICANON;
	/* The last place of the buffer is kept for what ends the line. */
	bool full = tty->head - tty->tail >= TTY_INPUT_BYTES - 1;

	if (tty->attr.c_iflag & ISTRIP)
		byte &= 0x7f;
	if (!tty->literal) {
		if (input_flow(tty, byte))
			return;
		if (byte == '\r' && (tty->attr.c_iflag & IGNCR))
			return;
		if (byte == '\r' && (tty->attr.c_iflag & ICRNL))
			byte = '\n';
		else if (byte == '\n' && (tty->attr.c_iflag & INLCR))
			byte = '\r';
		if ((tty->attr.c_lflag & ISIG) && input_signal(tty, byte))
			return;
		if (canonical && input_edit(tty, byte))
			return;
		if (canonical && is_char(tty, VEOF, byte)) {
			store(tty, _POSIX_VDISABLE, true);
			return;
		}
		if (canonical &&
		    (byte == '\n' || is_char(tty, VEOL, byte) || is_char(tty, VEOL2, byte))) {
			echo_char(tty, byte);
			store(tty, byte, true);
			return;
		}
	}
	tty->literal = false;
	if (full)
		return;
	echo_char(tty, byte);
	store(tty, byte, false);
}

/* How many bytes may be taken now: all of them must find room, with their echo. */
static unsigned int input_room(const struct tty *tty)
{
	unsigned int used = tty->head - tty->tail;
	unsigned int echo_room = (TTY_ECHO_BYTES - tty->echo_bytes) / (2 * ECHO_PER_BYTE);
	/* The last place is for what ends the line. */
	unsigned int room = used < TTY_INPUT_BYTES - 1 ? TTY_INPUT_BYTES - 1 - used : 0;

	/* One line longer than the buffer: what does not fit is dropped until it ends. */
	if (room == 0 && tty->ready == tty->tail)
		room = 1;
	if (room > echo_room)
		room = echo_room;
	return room < PUMP_BYTES ? room : PUMP_BYTES;
}

void tty_pump(struct tty *tty)
{
	uint8_t bytes[PUMP_BYTES];
	unsigned int ready_before = tty->ready;
	size_t count;

	if (!tty->console)
		return;
	do {
		unsigned int room;

		echo_flush(tty);
		room = input_room(tty);
		count = room ? tty->console->ops->read(tty->console, bytes, room) : 0;
		for (size_t i = 0; i < count; i++)
			input_byte(tty, bytes[i]);
	} while (count > 0);
	if (tty->ready != ready_before)
		waitq_wake_all(&tty->console->queue);
}

void tty_flush_input(struct tty *tty)
{
	tty->tail = tty->ready = tty->head;
	tty->literal = false;
}

void tty_set_attr(struct tty *tty, const struct termios *attr)
{
	bool was_canonical = tty->attr.c_lflag & ICANON;

	tty->attr = *attr;
	/* Half a line becomes readable when lines end to matter. */
	if (was_canonical && !(attr->c_lflag & ICANON))
		tty->ready = tty->head;
	if (!(attr->c_iflag & IXON) && tty->stopped)
		tty->stopped = false;
	if (tty->console)
		waitq_wake_all(&tty->console->queue);
}
