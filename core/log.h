/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's log: a ring in memory (found by duster as log_ring), echoed to the console from
 * the level chosen by `log=` on the command line (error, warn, info, debug; default warn).
 * Any context, any vCPU, under any lock but the console's; never blocks. A line is dropped from the
 * console, never from the ring, when the console has no room. Kernel pointers are not printed in
 * release logs.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Longest line, its NUL not counted; what is longer is cut. */
#define LOG_LINE_MAX 200

/* A bad name leaves the level as it was: -EINVAL. */
int log_level_parse(const char *name, enum log_level *level_out);
void log_set_console_level(enum log_level level);

/* One line, without the newline. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_write_v(enum log_level level, const char *format, va_list arguments);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

/* The ring as it lies in memory: records one after another, each log_record followed by its text,
 * padded to 8 bytes; positions count bytes since boot and are taken modulo LOG_RING_BYTES. */
#define LOG_RING_BYTES 4096u
#define LOG_RING_MAGIC 0x474f4c53u /* "SLOG" */

struct log_record {
	uint64_t tsc;        /* time-stamp counter when it was written */
	uint16_t text_bytes; /* no NUL */
	uint8_t level;
	uint8_t reserved[5];
};

struct log_ring {
	uint32_t magic, bytes; /* LOG_RING_MAGIC, LOG_RING_BYTES; 0 before the first record */
	uint64_t head;         /* position of the oldest record */
	uint64_t tail;         /* position behind the newest */
	uint8_t data[LOG_RING_BYTES];
};

/* Copies the record at or after *position (0: the oldest) to record_out and text, NUL-terminated
 * and cut to text_bytes; moves *position behind it. False when there is no newer one. */
bool log_read(uint64_t *position, struct log_record *record_out, char *text, size_t text_bytes);

#endif
