/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's log: a ring in memory (found by duster as log_ring), echoed to the console from
 * the level chosen by `log=` on the command line (error, warn, info, debug; default warn).
 * Any context; never blocks. A line is dropped from the console, never from the ring, when the
 * console has no room. Kernel pointers are not printed in release logs.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdarg.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_console_level(enum log_level level);
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
