/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/log.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "core/console.h"
#include "lib/base/bits.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/string.h"
#include "xen/spinlock.h"

#define RECORD_ALIGN 8
static const char *const level_names[] = {"error", "warn", "info", "debug"};

_Static_assert(sizeof(struct log_record) == 16, "duster reads log_record");
_Static_assert((LOG_RING_BYTES & (LOG_RING_BYTES - 1)) == 0, "positions wrap by masking");

/* Of the ring; over nothing else: a line goes to the console without it. */
static struct spinlock log_lock;
/* Not static, so that duster finds it by name. */
struct log_ring log_ring; /* no initialiser: it would take room in the image */
static enum log_level log_console_level = LOG_WARN;

int log_level_parse(const char *name, enum log_level *level_out)
{
	for (unsigned int i = 0; i <= LOG_DEBUG; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*level_out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_set_console_level(enum log_level level)
{
	log_console_level = level;
}

static void ring_copy_in(uint64_t position, const void *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		log_ring.data[(position + i) % LOG_RING_BYTES] = ((const uint8_t *)from)[i];
}

static void ring_copy_out(uint64_t position, void *to, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)to)[i] = log_ring.data[(position + i) % LOG_RING_BYTES];
}

static size_t record_bytes(const struct log_record *record)
{
	return sizeof(*record) + align_up(record->text_bytes, RECORD_ALIGN);
}

static void ring_append(enum log_level level, const char *text, size_t text_bytes)
{
	struct log_record record = {
		.tsc = cpu_rdtsc(), .text_bytes = (uint16_t)text_bytes, .level = (uint8_t)level};
	size_t bytes = record_bytes(&record);

	log_ring.magic = LOG_RING_MAGIC;
	log_ring.bytes = LOG_RING_BYTES;
	while (log_ring.tail + bytes - log_ring.head > LOG_RING_BYTES) {
		struct log_record oldest;

		ring_copy_out(log_ring.head, &oldest, sizeof(oldest));
		log_ring.head += record_bytes(&oldest);
	}
	ring_copy_in(log_ring.tail, &record, sizeof(record));
	ring_copy_in(log_ring.tail + sizeof(record), text, text_bytes);
	log_ring.tail += bytes;
}

/* A console with too little room takes a part of the line; the rest is in the ring. */
static void echo(enum log_level level, const char *text, size_t text_bytes)
{
	struct console *console = console_get();
	char line[LOG_LINE_MAX + 32];
	int bytes = format_text(line, sizeof(line), "stardust: %s: %.*s\r\n", level_names[level],
				(int)text_bytes, text);

	if (console)
		console->ops->write(console, line, (size_t)bytes);
	else
		boot_emergency_write(line, (size_t)bytes);
}

void log_write_v(enum log_level level, const char *format, va_list arguments)
{
	char text[LOG_LINE_MAX + 1];
	bool enabled;
	size_t bytes;
	int length;

	length = format_text_v(text, sizeof(text), format, arguments);
	bytes = length > LOG_LINE_MAX ? LOG_LINE_MAX : (size_t)length;
	enabled = spin_lock_events(&log_lock);
	ring_append(level, text, bytes);
	spin_unlock_events(&log_lock, enabled);
	if (level <= log_console_level)
		echo(level, text, bytes);
}

void log_write(enum log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_write_v(level, format, arguments);
	va_end(arguments);
}

bool log_read(uint64_t *position, struct log_record *record_out, char *text, size_t text_bytes)
{
	bool enabled = spin_lock_events(&log_lock);
	bool found;

	if (*position < log_ring.head)
		*position = log_ring.head;
	found = *position < log_ring.tail;
	if (found) {
		size_t bytes;

		ring_copy_out(*position, record_out, sizeof(*record_out));
		bytes = record_out->text_bytes;
		if (text_bytes && bytes > text_bytes - 1)
			bytes = text_bytes - 1;
		if (text_bytes) {
			ring_copy_out(*position + sizeof(*record_out), text, bytes);
			text[bytes] = '\0';
		}
		*position += record_bytes(record_out);
	}
	spin_unlock_events(&log_lock, enabled);
	return found;
}
