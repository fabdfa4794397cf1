/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends of the program's own making: abort(), assert(), and what the compiler's and newlib's checks
 * call. */
#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/format.h"
#include "lib/posix/exit.h"
#include "lib/posix/sig.h"

void abort(void)
{
	/* The handler may leave by longjmp; when it returns, or blocks or ignores SIGABRT, the end
	 * comes all the same (POSIX abort()). */
	sig_set_blocked(sig_blocked() & ~SIG_BIT(SIGABRT));
	raise(SIGABRT);
	exit_by_signal(SIGABRT, NULL);
}

void __assert_func(const char *file, int line, const char *function, const char *condition)
{
	char text[256];
	int length = format_text(text, sizeof(text), "%s:%d: %s%sassertion failed: %s\n", file,
				 line, function ? function : "", function ? ": " : "", condition);

	if (length >= (int)sizeof(text))
		length = sizeof(text) - 1;
	(void)!write(STDERR_FILENO, text, (size_t)length);
	abort();
}
