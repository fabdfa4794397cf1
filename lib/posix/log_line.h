/* SPDX-License-Identifier: BSD-2-Clause */
/* From syslog's priorities to the kernel's log; apart, because both define LOG_INFO and LOG_DEBUG.
 */
#ifndef LIB_POSIX_LOG_LINE_H
#define LIB_POSIX_LOG_LINE_H

/* priority: 0 (emergency) to 7 (debug). Any context. */
void log_line(int priority, const char *ident, const char *separator, const char *message);

#endif
