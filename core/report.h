/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines for people, past the program's own output and the log's level: reports somebody asked for.
 */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include <stdbool.h>

/* True: nobody else writes one now, and until report_end(). Any context, events disabled from here
 * to there. */
bool report_begin(void);
void report_end(void);

/* One line, cut to 200 bytes. Waits for the other end of the console, not for long when nobody
 * reads: then false, as for every line after it. Between the two above. */
bool report_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
