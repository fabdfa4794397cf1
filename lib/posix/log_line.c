/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/log_line.h"

#include "core/log.h"

/* syslog(3): 0 to 3 are errors, 4 a warning, 5 and 6 information. */
#define PRIORITY_ERROR   3
#define PRIORITY_WARNING 4
#define PRIORITY_INFO    6

void log_line(int priority, const char *ident, const char *separator, const char *message)
{
	enum log_level level = LOG_DEBUG;

	if (priority <= PRIORITY_ERROR)
		level = LOG_ERROR;
	else if (priority == PRIORITY_WARNING)
		level = LOG_WARN;
	else if (priority <= PRIORITY_INFO)
		level = LOG_INFO;
	log_write(level, "%s%s%s", ident, separator, message);
}
