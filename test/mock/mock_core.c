/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log and panic of core, and the signals of lib/posix, for tests of what is built on them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/panic.h"
#include "core/random.h"
#include "core/wait.h"
#include "test/mock/mock_private.h"

void (*mock_on_panic)(const char *text);

static char log_text[65536];

void log_write(enum log_level level, const char *format, ...)
{
	size_t used = strlen(log_text);
	va_list arguments;

	(void)level;
	if (sizeof(log_text) - used < 256)
		return;
	va_start(arguments, format);
	used += (size_t)vsnprintf(log_text + used, 254, format, arguments);
	va_end(arguments);
	log_text[used] = '\n';
}

const char *mock_log(void)
{
	return log_text;
}

void panic(const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (mock_on_panic)
		mock_on_panic(text);
	mock_die("panic: %s", text);
}

void random_resume(void)
{
}
