/* SPDX-License-Identifier: BSD-2-Clause */
/* <err.h>. */
#include <err.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/posix/start.h"

static void report(const char *format, va_list arguments, const char *reason)
{
	fprintf(stderr, "%s: ", __program_name);
	if (format)
		vfprintf(stderr, format, arguments);
	fprintf(stderr, "%s%s\n", format && reason ? ": " : "", reason ? reason : "");
}

void vwarn(const char *format, va_list arguments)
{
	report(format, arguments, strerror(errno));
}

void vwarnx(const char *format, va_list arguments)
{
	report(format, arguments, NULL);
}

void verr(int status, const char *format, va_list arguments)
{
	vwarn(format, arguments);
	exit(status);
}

void verrx(int status, const char *format, va_list arguments)
{
	vwarnx(format, arguments);
	exit(status);
}

void warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarn(format, arguments);
	va_end(arguments);
}

void warnx(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarnx(format, arguments);
	va_end(arguments);
}

void err(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarn(format, arguments);
	va_end(arguments);
	exit(status);
}

void errx(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarnx(format, arguments);
	va_end(arguments);
	exit(status);
}
