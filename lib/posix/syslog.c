/* SPDX-License-Identifier: BSD-2-Clause */
/* syslog: the messages of a program go where the kernel's go, to its log (log= on the command line)
 * and, with LOG_PERROR, to standard error. */
#include <syslog.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/posix/log_line.h"

#define MESSAGE_BYTES 512

static const char *ident;
static int options;
static int mask = LOG_UPTO(LOG_DEBUG);

void openlog(const char *new_ident, int new_options, int facility)
{
	(void)facility;
	ident = new_ident;
	options = new_options;
}

void closelog(void)
{
	ident = NULL;
	options = 0;
}

int setlogmask(int new_mask)
{
	int old = mask;

	if (new_mask)
		mask = new_mask;
	return old;
}

/* Replaces %m, which only syslog knows, by the error's text. */
static void expand(const char *format, const char *reason, char *out, size_t out_bytes)
{
	size_t used = 0;

	for (; *format && used + 2 < out_bytes; format++) {
		if (format[0] == '%' && format[1] == 'm') {
			used += strlcpy(out + used, reason, out_bytes - used);
			if (used >= out_bytes)
				used = out_bytes - 1;
			format++;
			continue;
		}
		out[used++] = *format;
		if (format[0] == '%' && format[1])
			out[used++] = *++format;
	}
	out[used] = '\0';
}

void vsyslog(int priority, const char *format, va_list arguments)
{
	char expanded[MESSAGE_BYTES], message[MESSAGE_BYTES];
	const char *separator = ident ? ": " : "";

	if (!(mask & LOG_MASK(LOG_PRI(priority))))
		return;
	expand(format, strerror(errno), expanded, sizeof(expanded));
	vsnprintf(message, sizeof(message), expanded, arguments);
	log_line(LOG_PRI(priority), ident ? ident : "", separator, message);
	if (options & LOG_PERROR)
		fprintf(stderr, "%s%s%s\n", ident ? ident : "", separator, message);
}

void syslog(int priority, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsyslog(priority, format, arguments);
	va_end(arguments);
}
