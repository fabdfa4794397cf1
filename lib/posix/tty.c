/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading, writing and waiting on the terminal; editing is tty_input.c. */
#include "lib/posix/tty.h"

#include <errno.h>
#include <string.h>

#define TTYDEFCHARS
#include <sys/ttydefaults.h>

#include "arch/x86_64/cpu.h"
#include "core/time.h"
#include "core/wait.h"

#define INPUT_MASK  (TTY_INPUT_BYTES - 1)
#define CHUNK_BYTES 256U
#define VTIME_NS    (NS_PER_S / 10)

/* In .bss: 4 KiB of zeros have no place in the image. */
struct tty tty_console;

/* No IXON: a stray ^S would hang a console nobody sits at. The job-control character sends SIGTSTP,
 * which does nothing here unless handled. */
static const struct termios attr_at_start = {
	.c_iflag = BRKINT | ICRNL | IMAXBEL,
	.c_oflag = TTYDEF_OFLAG,
	.c_cflag = TTYDEF_CFLAG,
	.c_lflag = TTYDEF_LFLAG,
	.c_cc = {CEOF,    CEOL,     CEOL,  CERASE, CWERASE, CKILL,          CREPRINT,
		 CERASE2, CINTR,    CQUIT, CSUSP,  CDSUSP,  CSTART,         CSTOP,
		 CLNEXT,  CDISCARD, CMIN,  CTIME,  CSTATUS, _POSIX_VDISABLE},
	.c_ispeed = B38400,
	.c_ospeed = B38400,
};

/* Until somebody says otherwise. */
static const struct winsize size_at_start = {.ws_row = 24, .ws_col = 80};

static void on_input(struct console *console, void *arg)
{
	struct tty *tty = arg;
	bool enabled = spin_lock_events(&tty->lock);

	(void)console;
	tty_pump(tty);
	spin_unlock_events(&tty->lock, enabled);
}

void tty_init(void)
{
	struct tty *tty = &tty_console;
	bool enabled = spin_lock_events(&tty->lock);

	tty->attr = attr_at_start;
	tty->size = size_at_start;
	tty->line_start = true;
	tty->console = console_get();
	if (tty->console) {
		tty->console->input_arg = tty;
		tty->console->input = on_input;
		tty_pump(tty);
	}
	spin_unlock_events(&tty->lock, enabled);
}

static bool ends_line(const struct tty *tty, unsigned int index)
{
	index &= INPUT_MASK;
	return tty->ends[index >> 3] & (1U << (index & 7));
}

size_t tty_readable_bytes(const struct tty *tty)
{
	return tty->ready - tty->tail;
}

static bool readable_count(struct tty *tty, size_t count)
{
	bool enabled = spin_lock_events(&tty->lock), readable;

	tty_pump(tty);
	readable = tty_readable_bytes(tty) >= count || !tty->console;
	spin_unlock_events(&tty->lock, enabled);
	return readable;
}

bool tty_readable(struct tty *tty)
{
	unsigned int count = 1;

	if (!(tty->attr.c_lflag & ICANON) && tty->attr.c_cc[VTIME] == 0 && tty->attr.c_cc[VMIN] > 1)
		count = tty->attr.c_cc[VMIN];
	return readable_count(tty, count);
}

/* Copies what is ready, at most one line of it in canonical mode. False when there is nothing, not
 * even an end of file. Locked. */
static bool take(struct tty *tty, uint8_t *bytes, size_t bytes_max, size_t *count_out)
{
	bool canonical = tty->attr.c_lflag & ICANON, any = tty->tail != tty->ready;
	size_t count = 0;

	while (count < bytes_max && tty->tail != tty->ready) {
		uint8_t byte = tty->input[tty->tail & INPUT_MASK];
		bool ends = ends_line(tty, tty->tail);

		tty->tail++;
		if (ends && byte == _POSIX_VDISABLE) {
			/* End of file is no character; outside canonical mode it is the one typed.
			 */
			if (canonical)
				break;
			byte = tty->attr.c_cc[VEOF];
		}
		bytes[count++] = byte;
		if (canonical && ends)
			break;
	}
	/* A line ended by ^D after exactly bytes_max bytes must not read as end of file next. */
	if (canonical && count == bytes_max && tty->tail != tty->ready &&
	    ends_line(tty, tty->tail) && tty->input[tty->tail & INPUT_MASK] == _POSIX_VDISABLE)
		tty->tail++;
	*count_out = count;
	return any;
}

static int wait_readable(struct tty *tty, size_t count, uint64_t deadline_ns)
{
	if (!tty->console)
		return 0;
	return waitq_wait(&tty->console->queue, readable_count(tty, count), deadline_ns, true);
}

/* VMIN and VTIME (POSIX 11.1.7, cases A to D). 0 when there is something to take or the time is
 * over. */
static int wait_raw(struct tty *tty, size_t bytes_max)
{
	size_t least = tty->attr.c_cc[VMIN];
	uint64_t timeout_ns = tty->attr.c_cc[VTIME] * VTIME_NS;
	int result;

	if (least > bytes_max)
		least = bytes_max;
	if (least == 0)
		result = timeout_ns == 0 ? 0
					 : wait_readable(tty, 1, time_monotonic_ns() + timeout_ns);
	else if (timeout_ns == 0)
		result = wait_readable(tty, least, TIME_NEVER);
	else {
		/* The timer runs between bytes, from the first one on. */
		size_t have = 0;

		result = wait_readable(tty, 1, TIME_NEVER);
		while (result == 0 && (have = tty_readable_bytes(tty)) < least)
			result = wait_readable(tty, have + 1, time_monotonic_ns() + timeout_ns);
	}
	return result == -ETIMEDOUT ? 0 : result;
}

/* Whether a call that waited may end with nothing: VMIN 0. */
static bool may_be_empty(const struct tty *tty)
{
	return !(tty->attr.c_lflag & ICANON) && tty->attr.c_cc[VMIN] == 0;
}

ssize_t tty_read(struct tty *tty, void *bytes_out, size_t bytes_max, bool wait)
{
	bool enabled, found;
	size_t count;
	int result;

	do {
		if (!wait)
			result = tty_readable(tty) ? 0 : -EAGAIN;
		else if (tty->attr.c_lflag & ICANON)
			result = wait_readable(tty, 1, TIME_NEVER);
		else
			result = wait_raw(tty, bytes_max);
		if (result < 0)
			return result;
		enabled = spin_lock_events(&tty->lock);
		found = take(tty, bytes_out, bytes_max, &count);
		/* There is room again: fetch what had to stay in the console. */
		tty_pump(tty);
		spin_unlock_events(&tty->lock, enabled);
		/* Another reader was faster: wait for more. */
	} while (!found && tty->console && !may_be_empty(tty));
	return (ssize_t)count;
}

/* Applies the output modes to as much of from as surely fits the chunk. used_out[i] is how much of
 * from the first i + 1 bytes of the chunk stand for. */
static size_t convert(const struct tty *tty, const uint8_t *from, size_t from_bytes,
		      uint8_t chunk[CHUNK_BYTES], uint16_t used_out[CHUNK_BYTES])
{
	bool process = tty->attr.c_oflag & OPOST;
	size_t count = 0;

	for (size_t i = 0; i < from_bytes && count + 2 <= CHUNK_BYTES; i++) {
		uint8_t byte = from[i];

		if (process && byte == '\n' && (tty->attr.c_oflag & ONLCR)) {
			chunk[count] = '\r';
			used_out[count++] = (uint16_t)i;
		} else if (process && byte == '\r' && (tty->attr.c_oflag & OCRNL)) {
			byte = '\n';
		}
		chunk[count] = byte;
		used_out[count++] = (uint16_t)(i + 1);
	}
	return count;
}

/* Puts out what fits, after the echo that came first. Events disabled. */
static size_t put(struct tty *tty, const uint8_t *bytes, size_t bytes_count)
{
	size_t taken = 0;

	spin_lock(&tty->lock);
	if (!tty->stopped) {
		if (tty->echo_bytes > 0)
			tty_pump(tty);
		taken = tty->console->ops->write(tty->console, bytes, bytes_count);
		if (taken > 0)
			tty->line_start = bytes[taken - 1] == '\n';
	}
	spin_unlock(&tty->lock);
	return taken;
}

/* deadline_ns 0: without waiting. 0, -EAGAIN, -ETIMEDOUT, -EINTR; done_out says how much went out.
 */
static int put_all(struct tty *tty, const uint8_t *bytes, size_t bytes_count, uint64_t deadline_ns,
		   bool interruptible, size_t *done_out)
{
	bool enabled = events_disable();
	size_t done = 0;
	int result = 0;

	while (done < bytes_count && result == 0) {
		uint32_t wakes = waitq_wakes(&tty->console->queue);
		size_t taken = put(tty, bytes + done, bytes_count - done);

		done += taken;
		if (taken == 0)
			result = deadline_ns == 0 ? -EAGAIN
						  : waitq_sleep(&tty->console->queue, wakes,
								deadline_ns, interruptible);
	}
	events_restore(enabled);
	*done_out = done;
	return result;
}

ssize_t tty_write(struct tty *tty, const void *bytes, size_t bytes_count, bool wait)
{
	const uint8_t *from = bytes;
	uint8_t chunk[CHUNK_BYTES];
	uint16_t used[CHUNK_BYTES];
	size_t done = 0;
	int result = 0;

	if (!tty->console)
		return (ssize_t)bytes_count;
	if (wait)
		result = sleeplock_lock_until(&tty->output, TIME_NEVER, true, "console");
	else if (!sleeplock_trylock(&tty->output))
		result = -EAGAIN;
	if (result)
		return result;
	tty->writer = thread_self();
	while (done < bytes_count && result == 0) {
		size_t chunk_bytes = convert(tty, from + done, bytes_count - done, chunk, used);
		size_t put_bytes;

		result = put_all(tty, chunk, chunk_bytes, wait ? TIME_NEVER : 0, true, &put_bytes);
		done += put_bytes ? used[put_bytes - 1] : 0;
	}
	tty->writer = NULL;
	sleeplock_unlock(&tty->output);
	return done ? (ssize_t)done : result;
}

void tty_seize(struct tty *tty, uint64_t deadline_ns)
{
	/* A fault in our own writing leads here as well. */
	if (READ_ONCE(tty->writer) != thread_self())
		(void)sleeplock_lock_until(&tty->output, deadline_ns, false, "console");
	tty->writer = thread_self();
}

int tty_drain(struct tty *tty, uint64_t deadline_ns)
{
	if (!tty->console)
		return 0;
	return waitq_wait(&tty->console->queue,
			  READ_ONCE(tty->echo_bytes) == 0 &&
				  tty->console->ops->drained(tty->console),
			  deadline_ns, true);
}

void tty_end_line(struct tty *tty, uint64_t deadline_ns)
{
	static const uint8_t end[] = {'\r', '\n'};
	size_t done;

	if (!tty->console || tty->line_start)
		return;
	tty->stopped = false;
	(void)put_all(tty, end, sizeof(end), deadline_ns, false, &done);
}

void tty_write_line(struct tty *tty, const char *text, uint64_t deadline_ns)
{
	size_t done;

	if (!tty->console)
		return;
	tty_end_line(tty, deadline_ns);
	tty->stopped = false;
	(void)put_all(tty, (const uint8_t *)text, strlen(text), deadline_ns, false, &done);
	tty_end_line(tty, deadline_ns);
}
